"""Converters of the ensembles, and of the encoder that their candidates have."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from scipy import special
from sklearn.pipeline import Pipeline

from .._estimators.fitted_members import FittedMembers, fitted_members
from .._estimators.fitted_model import ClassifierModel, RegressorModel, fitted_model
from ..ensemble._temperature import MIN_PROBABILITY, LogitPool
from ._formulas import centered, logistic
from ._graph import FLOAT32, FLOAT64, Graph, Tensor, concatenate, weighted_sum
from ._networks import class_scores, label_codes, log_probabilities, predictions
from ._operators import name_labels, output_dtype, probability_dtype, samples, set_type, tensor_type

#: Logits that are averaged are between these; computed as for predictions, because opposite ones nearly cancel.
MIN_LOGIT, MAX_LOGIT = special.logit([MIN_PROBABILITY, 1 - MIN_PROBABILITY])


def convert_ensemble_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the mean prediction of several networks."""
    graph, dtype = Graph(scope, container), output_dtype(operator)
    members = fitted_members(operator.raw_operator)
    pairs = zip(inputs_of_members(graph, operator, members), members.networks, strict=True)
    results = [predictions(X, cast(RegressorModel, fitted_model(network)), dtype) for X, network in pairs]
    graph.name_result(weighted_sum(results, members.weights), operator.outputs[0])


def convert_ensemble_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the probabilities that follow from the mean of the logits of several networks."""
    graph, dtype = Graph(scope, container), output_dtype(operator)
    members = fitted_members(operator.raw_operator)
    pool = cast(LogitPool, members.pool)
    pairs = zip(inputs_of_members(graph, operator, members), members.networks, strict=True)
    results = [member_logits(X, cast(ClassifierModel, fitted_model(network)), dtype) for X, network in pairs]
    logits = weighted_sum(results, members.weights / pool.temperature)
    name_labels(graph, operator, label_codes(logits, pool.is_multilabel), pool.is_multilabel)
    probability = logistic(logits) if pool.is_multilabel else logits.apply("Softmax", axis=1)
    graph.name_result(probability.astype(probability_dtype(operator)), operator.outputs[1])


def inputs_of_members(graph: Graph, operator: Any, members: FittedMembers) -> list[Tensor]:
    """Return the input of the network of each member: the samples, or what the transformers of a pipeline return."""
    X = samples(graph, operator)
    if X.dtype == FLOAT64 and fitted_model(members.networks[0]).theta.dtype == FLOAT32:
        X = X.astype(FLOAT32)  # as the ensemble does before the samples are transformed
    pairs = zip(members.estimators, members.networks, strict=True)
    return [
        X if member is network or len(member) == 1 else transformed(graph, X, member[:-1]) for member, network in pairs
    ]


def transformed(graph: Graph, X: Tensor, transformers: Pipeline) -> Tensor:
    """Return what the transformers of a member return, which their own converters add to the graph."""
    from skl2onnx import get_model_alias

    dtype = FLOAT64 if X.dtype == FLOAT64 else FLOAT32
    source = graph.scope.declare_local_variable("samples", tensor_type(X.dtype, [None, transformers.n_features_in_]))
    result = graph.scope.declare_local_variable("transformed", tensor_type(dtype, [None, None]))
    graph.name_result(X, source)
    operator = graph.scope.declare_local_operator(get_model_alias(Pipeline), transformers)
    operator.inputs.append(source)
    operator.outputs.append(result)
    return Tensor(graph, result.full_name, dtype)


def member_logits(X: Tensor, model: ClassifierModel, dtype: np.dtype) -> Tensor:
    """Return the logits of a member: of each label, or the logarithms of the probabilities of classes."""
    scores = class_scores(X, model, dtype).astype(dtype)
    if model.is_multilabel:
        return scores.maximum(MIN_LOGIT).minimum(MAX_LOGIT)
    return log_probabilities(scores, model).maximum(np.log(MIN_PROBABILITY))


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
