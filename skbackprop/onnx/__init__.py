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

from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from .._public import publish
from .._typing import MatrixLike
from .._version import __version__
from ._inputs import first_sample, graph_sample

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["register", "to_onnx"]


def register() -> None:
    """Register the converters of this package with skl2onnx.

    Importing `skbackprop.onnx` does this, if skl2onnx is installed. Calling it again changes nothing.

    Some converters of skl2onnx for estimators around those of this package are replaced, such as that of
    `CalibratedClassifierCV`, because they compute something else than scikit-learn. Other estimators are converted as
    before.

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
        from skl2onnx import update_registered_parser
    except ImportError as error:
        raise ImportError('skbackprop.onnx needs skl2onnx: pip install "skbackprop[onnx]".') from error
    from ._converters import CONVERTERS
    from ._delegates import parse_pipeline

    for converter in CONVERTERS:
        converter.register()
    update_registered_parser(Pipeline, parse_pipeline)


def to_onnx(estimator: Any, X: MatrixLike, *, target_opset: int | None = None, **options: Any) -> ModelProto:
    """Convert a fitted estimator to ONNX.

    It is short for ``skl2onnx.to_onnx(estimator, X[:1], options={id(estimator): options})``, but with probabilities as
    an array.

    Parameters
    ----------
    estimator : estimator
        A network or an ensemble of this package, or an estimator of scikit-learn that contains some.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Samples that the estimator can predict, of which the first one determines the inputs of the graph. Each column
        of a pandas data frame is an input of shape (n_samples, 1), whose name is that of the column, with an underscore
        in place of spaces and punctuation: "a b" becomes "a_b", or "a_b1" if another column has that name. A polars
        data frame, an array, a list or a sparse matrix makes one input, "X". The inputs have the dtypes of X: float32,
        float64, bool, int8, int32, int64 or uint8, and strings if a transformer takes them. skl2onnx converts some
        estimators of scikit-learn for floats only. Outputs are float64 if X is float64, otherwise float32.
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
        If the network has a custom activation or a custom loss, if the labels are neither integers nor strings, or if
        an estimator of scikit-learn is used in a way that skl2onnx does not convert; the guide lists what works.
    TypeError
        If X has another dtype, such as a nullable one, float16 or uint16, or the name of a column is not a string; if
        skl2onnx does not convert a part of the estimator for the dtype; if the estimator is for data on a cluster; or
        if it is of a subclass that overrides its predictions.
    ValueError
        If the estimator cannot predict X, because names, order or number of the columns are not those of `fit`; or if
        the name of a column is empty; or if options exclude each other.

    See Also
    --------
    register : What importing this module does.

    Notes
    -----
    The only known difference of a network to its predictions, except for rounding, is far outside the data: where the
    numbers overflow, which takes inputs near the largest number of the dtype, a `BackpropClassifier` computes the
    samples again on a smaller scale, and the graph does not.

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

    from ._errors import check_arguments, check_options, check_outputs, errors_with_remedy
    from ._inner_estimators import holders_of_options
    from ._subclasses import register_subclasses

    check_arguments(estimator, target_opset)
    register_subclasses(estimator)
    if is_classifier(estimator):
        options = {"zipmap": False} | options
    sample = first_sample(X)
    compute = estimator.predict if hasattr(estimator, "predict") else estimator.transform
    outputs = compute(sample)  # which checks names and numbers
    check_options(estimator, options)
    check_outputs(estimator, outputs)
    with errors_with_remedy(estimator, X):
        model = skl2onnx.to_onnx(
            estimator,
            graph_sample(sample),
            target_opset=target_opset,
            options={id(holder): options for holder in holders_of_options(estimator)} if options else None,
        )
    model.doc_string = f"{type(estimator).__name__}, converted by skbackprop {__version__} and skl2onnx."
    entry = model.metadata_props.add()
    entry.key, entry.value = "skbackprop_version", __version__
    return model


if find_spec("skl2onnx") is not None:
    register()

__dir__ = publish(globals())
