"""Export to ONNX with skl2onnx (extra ``onnx``).

Importing this module registers converters, so that ``skl2onnx.to_onnx`` converts the estimators of this package, alone
and within those of scikit-learn: pipelines, `ColumnTransformer`, `CalibratedClassifierCV`, `StackingClassifier`,
`VotingClassifier`, `BaggingClassifier` and others. The graph contains the standardization of X and of the target, and
the compression of extreme inputs. `to_onnx` is a short form.

A graph for float32 computes in float32, and so does a network that was trained with X in float32. Otherwise it
computes in float64.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from .._public import publish
from .._typing import MatrixLike
from .._version import __version__

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["register", "to_onnx"]


def register() -> None:
    """Register the converters of this package with skl2onnx.

    Importing `skbackprop.onnx` does this, if skl2onnx is installed. Calling it again changes nothing.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : Convert a fitted estimator.

    Examples
    --------
    >>> from skl2onnx import supported_converters
    >>> from skbackprop.onnx import register
    >>> register()
    >>> [name for name in supported_converters() if "BackpropClassifier" in name]
    ['SkbackpropBackpropClassifier']
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise ImportError('skbackprop.onnx needs skl2onnx: pip install "skbackprop[onnx]".') from error
    from ._converters import CONVERTERS

    for estimator_class, set_output_types, convert, options in CONVERTERS:
        alias = f"Skbackprop{estimator_class.__name__}"
        update_registered_converter(estimator_class, alias, set_output_types, convert, options=options)


def to_onnx(estimator: Any, X: MatrixLike, *, target_opset: int | None = None, **options: Any) -> ModelProto:
    """Convert a fitted estimator to ONNX.

    It is short for ``skl2onnx.to_onnx(estimator, X[:1], options={id(estimator): options})``, but with probabilities as
    an array.

    Parameters
    ----------
    estimator : estimator
        A network or an ensemble of this package, or an estimator of scikit-learn that contains some.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Samples, of which the first one determines the types of the inputs. Outputs are float64 if X is float64,
        otherwise float32. Each column of a data frame is an input, and the names of the inputs are those of the
        columns; the input for an array is "X".
    target_opset : int, default=None
        Version of the ONNX operators, at least 11; None is the latest that skl2onnx has been tested with.
    **options : dict
        Options of the converter. Those of `BackpropClassifier`: ``zipmap=True`` gives the probabilities of each sample
        as a dictionary, and ``zipmap="columns"`` those of each class as an output; ``raw_scores=True`` the decision
        function in place of probabilities; ``nocl=True`` the position of each class in place of its label;
        ``output_class_labels=True`` the labels as a further output. The default is ``zipmap=False`` for classifiers.

    Returns
    -------
    model : onnx.ModelProto
        The first dimension of its inputs and outputs is the number of samples, which may vary. A regressor has one
        output, "variable", of shape (n_samples, n_outputs), a classifier two, "label" and "probabilities".

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    NotImplementedError
        If the network has a custom activation or a custom loss, or the labels are neither integers nor strings.

    See Also
    --------
    register : What importing this module does.

    Notes
    -----
    The only known difference to the predictions of the estimator, except for rounding, is far outside the data: where
    the numbers of a network overflow, which takes inputs near the largest number of the dtype, a `BackpropClassifier`
    computes the samples again on a smaller scale, and the graph does not.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.onnx import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = to_onnx(BackpropClassifier(random_state=0).fit(X, y), X)
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    register()
    import skl2onnx

    if is_classifier(estimator):
        options = {"zipmap": False} | options
    model = skl2onnx.to_onnx(
        estimator, _first_sample(X), target_opset=target_opset, options={id(estimator): options} if options else None
    )
    model.doc_string = f"{type(estimator).__name__}, converted by skbackprop {__version__} and skl2onnx."
    entry = model.metadata_props.add()
    entry.key, entry.value = "skbackprop_version", __version__
    return model


def _first_sample(X: MatrixLike) -> Any:
    """Return the first sample, as a data frame or a dense array of the same dtypes."""
    if sparse.issparse(X):
        return X.tocsr()[[0]].toarray()
    return X.iloc[:1] if hasattr(X, "iloc") else np.asarray(X)[:1]


if find_spec("skl2onnx") is not None:
    register()

__dir__ = publish(globals())
