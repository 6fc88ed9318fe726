"""Training and prediction on dask collections: data on several machines, or larger than the memory of one."""

try:
    import dask.array
    import dask.dataframe  # noqa: F401
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError(f'skbackprop.dask needs dask ({error}): pip install "skbackprop[dask]".') from error

from .._public import publish
from ._classifier import DaskBackpropClassifier
from ._regressor import DaskBackpropRegressor

__all__ = ["DaskBackpropClassifier", "DaskBackpropRegressor"]

__dir__ = publish(globals())
