"""The types of this package that files of its estimators may contain, for loaders that ask which types to trust."""

from __future__ import annotations

from ._estimators.classifier import BackpropClassifier
from ._estimators.regressor import BackpropRegressor
from .activations import Activation
from .callbacks import Callback
from .ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from .initializers import Initializer
from .inspection import HiddenFeatures
from .losses import Loss
from .optimizers import Optimizer
from .schedules import Schedule

ESTIMATORS = (
    BackpropClassifier,
    BackpropRegressor,
    BackpropEnsembleClassifier,
    BackpropEnsembleRegressor,
    PiecewiseLinearEncoder,
    HiddenFeatures,
)
#: Their subclasses in this package are the components of estimators.
COMPONENTS = (Activation, Loss, Optimizer, Schedule, Initializer, Callback)
#: The estimators of a package that needs dask, which reading the list must not import.
DASK_ESTIMATORS = ("skbackprop.dask.DaskBackpropClassifier", "skbackprop.dask.DaskBackpropRegressor")


def trusted_types() -> list[str]:
    """Return the names of all types of this package that a file may contain, in alphabetical order.

    Custom components are not among them: whoever loads a file has to decide about these.
    """
    types = set(ESTIMATORS)
    for component in COMPONENTS:
        types |= _subclasses(component)
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in types if kind.__module__.startswith("skbackprop.")}
    names |= {f"skbackprop.{kind.__qualname__}" for kind in types if kind.__module__ == "skbackprop"}
    return sorted({name for name in names if "._" not in name} | set(DASK_ESTIMATORS))


def _subclasses(kind: type) -> set[type]:
    direct: list[type] = type.__subclasses__(kind)
    found = set(direct)
    for subclass in direct:
        found |= _subclasses(subclass)
    return found
