"""What skl2onnx calls for each estimator: one function for the types of the outputs, and one for the operators.

`scope`, `operator` and `container` are those of skl2onnx: names, the estimator with its inputs and outputs, and the
operators of the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from scipy import special
from sklearn.pipeline import Pipeline

from .._estimators.classifier import BackpropClassifier
from .._estimators.fitted_members import FittedMembers, fitted_members
from .._estimators.fitted_model import ClassifierModel, RegressorModel, fitted_model
from .._estimators.regressor import BackpropRegressor
from ..ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from ..ensemble._temperature import MIN_PROBABILITY, LogitPool
from ._formulas import centered, logistic
from ._graph import FLOAT32, FLOAT64, INT64, Graph, Tensor, concatenate
from ._networks import class_scores, decision_function, label_codes, log_probabilities, predictions, probabilities

#: The oldest version of the operators that the graphs use.
MIN_OPSET = 11
#: Logits that an ensemble averages are between these; computed as for predictions, because opposite ones nearly cancel.
MIN_LOGIT, MAX_LOGIT = special.logit([MIN_PROBABILITY, 1 - MIN_PROBABILITY])


class Converter(NamedTuple):
    """How estimators of a class are converted.

    Attributes
    ----------
    estimator_class : type
    set_output_types : callable
        Called with the operator.
    convert : callable
        Called with the scope, the operator and the container.
    options : dict of str to list, or None
        The options that users may set, with their values.
    """

    estimator_class: type
    set_output_types: Callable[[Any], None]
    convert: Callable[[Any, Any, Any], None]
    options: dict[str, list[Any]] | None = None


def dtype_of(variable: Any) -> np.dtype:
    """Return the dtype of an input: float32, float64, or int64 for all integers and booleans."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    known: dict[type, np.dtype] = {DoubleTensorType: FLOAT64, FloatTensorType: FLOAT32}
    return known.get(type(variable.type), INT64)


def output_dtype(operator: Any) -> np.dtype:
    """Return float64 if an input is float64, otherwise float32, as skl2onnx does."""
    return FLOAT64 if any(dtype_of(variable) == FLOAT64 for variable in operator.inputs) else FLOAT32


def probability_dtype(operator: Any) -> np.dtype:
    """Return the dtype of the probabilities: that of the outputs, but the operator `ZipMap` takes float32 only."""
    is_zipped = any(consumer.type == "SklearnZipMap" for consumer in operator.outputs[1].operators_inputs_)
    return FLOAT32 if is_zipped else output_dtype(operator)


def samples(graph: Graph, operator: Any) -> Tensor:
    """Return the inputs of an operator side by side: one matrix, or several columns of a data frame."""
    if graph.container.target_opset < MIN_OPSET:
        raise NotImplementedError(
            f"target_opset={graph.container.target_opset} is too old for {type(operator.raw_operator).__name__}; "
            f"set it to {MIN_OPSET} or later."
        )
    columns = [Tensor(graph, variable.full_name, dtype_of(variable)) for variable in operator.inputs]
    columns = [column if column.dtype.kind == "f" else column.cast(INT64) for column in columns]
    dtypes = {column.dtype for column in columns}
    return concatenate(columns if len(dtypes) == 1 else [column.astype(FLOAT64) for column in columns])


def set_type(operator: Any, position: int, dtype: np.dtype, n_columns: int | None) -> None:
    """Set the type of an output, which is a vector without `n_columns`; the number of samples may vary."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

    types = {FLOAT32: FloatTensorType, FLOAT64: DoubleTensorType, INT64: Int64TensorType}
    shape = [operator.inputs[0].get_first_dimension(), n_columns]
    tensor_type = types.get(dtype, StringTensorType)
    operator.outputs[position].set_type(tensor_type(shape if n_columns is not None else shape[:1]))


def classes_of(scope: Any, estimator: Any) -> np.ndarray:
    """Return the labels that the graph predicts, as integers or strings; their positions with the option `nocl`.

    Raises
    ------
    NotImplementedError
        If they are other objects.
    """
    classes = np.asarray(estimator.classes_)
    if scope.get_options(estimator, {"nocl": False})["nocl"]:
        return np.arange(len(classes))
    if classes.dtype.kind == "U" or all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(str)
    if classes.dtype.kind in "biuf" and np.array_equal(classes, classes.astype(INT64)):
        return classes.astype(INT64)
    raise NotImplementedError(
        f"classes_={classes.tolist()} cannot be labels in ONNX, which has integers and strings; set the option "
        "nocl=True for the positions of the classes, or fit with other labels."
    )


# Networks


def set_regressor_types(operator: Any) -> None:
    """Set the type of the predictions of a network or an ensemble."""
    model = fitted_model(fitted_members(operator.raw_operator).networks[0])
    set_type(operator, 0, output_dtype(operator), model.n_predictions)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a network that predicts numbers."""
    graph = Graph(scope, container)
    model = cast(RegressorModel, fitted_model(operator.raw_operator))
    graph.name_result(predictions(samples(graph, operator), model, output_dtype(operator)), operator.outputs[0])


def set_classifier_types(operator: Any) -> None:
    """Set the types of the labels and probabilities of a network or an ensemble."""
    estimator = operator.raw_operator
    model = cast(ClassifierModel, fitted_model(fitted_members(estimator).networks[0]))
    classes = classes_of(operator.scope_inst, estimator)
    n_classes = len(classes)
    label_dtype = INT64 if model.is_multilabel else classes.dtype
    set_type(operator, 0, label_dtype, n_classes if model.is_multilabel else None)
    set_type(operator, 1, probability_dtype(operator), n_classes)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a network that predicts classes."""
    graph, estimator = Graph(scope, container), operator.raw_operator
    model = cast(ClassifierModel, fitted_model(estimator))
    scores = class_scores(samples(graph, operator), model, output_dtype(operator))
    wants_scores = scope.get_options(estimator, {"raw_scores": False})["raw_scores"]
    result = decision_function(scores, model) if wants_scores else probabilities(scores, model)
    name_labels(graph, operator, label_codes(scores, model.is_multilabel), model.is_multilabel)
    graph.name_result(result.astype(probability_dtype(operator)), operator.outputs[1])


def name_labels(graph: Graph, operator: Any, codes: Tensor, is_multilabel: bool) -> None:
    """Make the labels the first output."""
    classes = classes_of(graph.scope, operator.raw_operator)
    labels = codes if is_multilabel else graph.constant(classes).apply("Gather", codes)
    graph.name_result(labels, operator.outputs[0])


# Ensembles


def convert_ensemble_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the mean prediction of several networks."""
    graph, dtype = Graph(scope, container), output_dtype(operator)
    members = fitted_members(operator.raw_operator)
    pairs = zip(inputs_of_members(graph, operator, members), members.networks, strict=True)
    results = [predictions(X, cast(RegressorModel, fitted_model(network)), dtype) for X, network in pairs]
    graph.name_result(weighted_mean(results, members.weights), operator.outputs[0])


def convert_ensemble_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the probabilities that follow from the mean of the logits of several networks."""
    graph, dtype = Graph(scope, container), output_dtype(operator)
    members = fitted_members(operator.raw_operator)
    pool = cast(LogitPool, members.pool)
    pairs = zip(inputs_of_members(graph, operator, members), members.networks, strict=True)
    results = [member_logits(X, cast(ClassifierModel, fitted_model(network)), dtype) for X, network in pairs]
    logits = weighted_mean(results, members.weights / pool.temperature)
    name_labels(graph, operator, label_codes(logits, pool.is_multilabel), pool.is_multilabel)
    probability = logistic(logits) if pool.is_multilabel else logits.apply("Softmax", axis=1)
    graph.name_result(probability.astype(probability_dtype(operator)), operator.outputs[1])


def inputs_of_members(graph: Graph, operator: Any, members: FittedMembers) -> list[Tensor]:
    """Return the input of the network of each member: the samples, or what the transformers of a pipeline return."""
    X = samples(graph, operator)
    if all(fitted_model(network).theta.dtype == FLOAT32 for network in members.networks) and X.dtype == FLOAT64:
        X = X.astype(FLOAT32)  # as the ensemble does before the samples are transformed
    pairs = zip(members.estimators, members.networks, strict=True)
    return [
        X if member is network or len(member) == 1 else transformed(graph, X, member[:-1]) for member, network in pairs
    ]


def transformed(graph: Graph, X: Tensor, transformers: Pipeline) -> Tensor:
    """Return what the transformers of a member return, which their own converters add to the graph."""
    from skl2onnx import get_model_alias
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType

    types = {FLOAT32: FloatTensorType, FLOAT64: DoubleTensorType, INT64: Int64TensorType}
    source = graph.scope.declare_local_variable("samples", types[X.dtype]([None, transformers.n_features_in_]))
    graph.name_result(X, source)
    dtype = FLOAT64 if X.dtype == FLOAT64 else FLOAT32
    result = graph.scope.declare_local_variable("transformed", types[dtype]())
    operator = graph.scope.declare_local_operator(get_model_alias(Pipeline), transformers)
    operator.inputs.append(source)
    operator.outputs.append(result)
    return Tensor(graph, result.full_name, dtype)


def weighted_mean(tensors: list[Tensor], weights: np.ndarray) -> Tensor:
    """Return the weighted sum of the results of all members."""
    first, *others = [tensor * weight for tensor, weight in zip(tensors, weights, strict=True)]
    return first.apply("Sum", *others)


def member_logits(X: Tensor, model: ClassifierModel, dtype: np.dtype) -> Tensor:
    """Return the logits of a member: of each label, or the logarithms of the probabilities of classes."""
    scores = class_scores(X, model, dtype).astype(dtype)
    if model.is_multilabel:
        return scores.maximum(MIN_LOGIT).minimum(MAX_LOGIT)
    return log_probabilities(scores, model).maximum(np.log(MIN_PROBABILITY))


# The encoder of ensembles


def set_encoder_types(operator: Any) -> None:
    """Set the type of the encoded columns."""
    encoder = operator.raw_operator
    n_bins = sum(max(len(edges) - 1, 0) for edges in encoder.bin_edges_)
    set_type(operator, 0, output_dtype(operator), encoder.n_features_in_ + n_bins)


def convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `PiecewiseLinearEncoder`."""
    graph, dtype = Graph(scope, container), output_dtype(operator)
    edges = operator.raw_operator.bin_edges_
    X = samples(graph, operator)
    features = [X.astype(dtype)]
    column = np.repeat(np.arange(len(edges)), [max(len(of_column) - 1, 0) for of_column in edges])
    if len(column):
        starts = np.concatenate([of_column[:-1] for of_column in edges])
        widths = np.concatenate([np.diff(of_column) for of_column in edges])
        distance = centered(X.columns(column), starts, dtype)
        features.append((distance / widths).maximum(0.0).minimum(1.0))
    graph.name_result(concatenate(features), operator.outputs[0])


NETWORK_OPTIONS: dict[str, list[Any]] = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
    "raw_scores": [True, False],
}
#: Ensembles have no decision function.
ENSEMBLE_OPTIONS = {name: values for name, values in NETWORK_OPTIONS.items() if name != "raw_scores"}

CONVERTERS = [
    Converter(BackpropRegressor, set_regressor_types, convert_regressor),
    Converter(BackpropClassifier, set_classifier_types, convert_classifier, NETWORK_OPTIONS),
    Converter(BackpropEnsembleRegressor, set_regressor_types, convert_ensemble_regressor),
    Converter(BackpropEnsembleClassifier, set_classifier_types, convert_ensemble_classifier, ENSEMBLE_OPTIONS),
    Converter(PiecewiseLinearEncoder, set_encoder_types, convert_encoder),
]
