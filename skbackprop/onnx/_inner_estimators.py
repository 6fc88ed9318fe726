"""Estimators within others: whether one of this package is among them, and what they compute.

skl2onnx asks a classifier for its decision function with the option `raw_scores`, but Pipelines and searches do not
pass it on to the classifier within them, whose probabilities would then be taken for the decision function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.model_selection._search_successive_halving import HalvingGridSearchCV, HalvingRandomSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from .._estimators.classifier import BackpropClassifier
from .._estimators.regressor import BackpropRegressor
from ..ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from ..inspection import HiddenFeatures
from ._graph import INT64, Graph, Tensor
from ._operators import tensor_type

#: The estimators of this package.
OWN = (
    BackpropRegressor,
    BackpropClassifier,
    BackpropEnsembleRegressor,
    BackpropEnsembleClassifier,
    PiecewiseLinearEncoder,
    HiddenFeatures,
)
#: What passes all options on to the estimator within it.
DELEGATES = (FrozenEstimator, GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV)


def estimators_within(estimator: Any) -> Iterator[Any]:
    """Yield an estimator, and all that are in parameters of it or of one of these."""
    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        return
    yield estimator
    for value in estimator.get_params(deep=False).values():
        for item in _items(value):
            yield from estimators_within(item)


def _items(value: Any) -> Iterator[Any]:
    """Yield what a parameter contains: in steps, lists of estimators, and the grids of searches."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        yield value
        return
    for item in value:
        yield from _items(item)


def contains_own(estimator: Any) -> bool:
    """Return whether an estimator, or a parameter of it, is of this package."""
    return any(isinstance(inner, OWN) for inner in estimators_within(estimator))


def delegate_of(estimator: Any) -> Any:
    """Return the fitted estimator that a search or a `FrozenEstimator` predicts with."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator.best_estimator_


def holders_of_options(estimator: Any) -> Iterator[Any]:
    """Yield an estimator, and those within it that get its options: the last step of a Pipeline, the best of a search.

    skl2onnx tells the options of a Pipeline to some converters of the last step, but not to all.
    """
    yield estimator
    if isinstance(estimator, Pipeline):
        yield from holders_of_options(estimator.steps[-1][1])
    if isinstance(estimator, DELEGATES):
        yield from holders_of_options(delegate_of(estimator))


def add_classifier(graph: Graph, estimator: Any, inputs: list[Any], dtype: np.dtype) -> Tensor:
    """Add the operators of a fitted classifier; return its probabilities, or its scores if these are requested."""
    from skl2onnx import get_model_alias

    operator = graph.scope.declare_local_operator(get_model_alias(type(estimator)), estimator)
    operator.inputs = inputs
    operator.outputs.append(graph.scope.declare_local_variable("label", tensor_type(INT64, [None])))
    scores = graph.scope.declare_local_variable("scores", tensor_type(dtype, [None, None]))
    operator.outputs.append(scores)
    return Tensor(graph, scores.full_name, dtype).cast(dtype)  # of trees, they are float32 in spite of their type


def request_scores(scope: Any, container: Any, estimator: Any) -> None:
    """Set the option `raw_scores` of a classifier, and of those within it that its decision function consists of.

    For two classes, the converters of skl2onnx and of this package then return the decision function and its opposite.

    Raises
    ------
    NotImplementedError
        If the converter of one of them does not have this option.
    """
    passes_all = isinstance(estimator, DELEGATES)
    if not passes_all and not container.has_options(estimator, "raw_scores"):
        raise NotImplementedError(
            f"The decision function of {type(estimator).__name__} cannot be converted to ONNX, and the estimator around"
            " it uses that; fit the one around it to the BackpropClassifier itself."
        )
    options = {"raw_scores": True}
    if passes_all or container.has_options(estimator, "zipmap"):
        options["zipmap"] = False  # a Pipeline passes this on only to steps that have no options yet
    for holder in (scope, container):
        holder.add_options(id(estimator), options)
    for part in _parts_of_decision_function(estimator):
        request_scores(scope, container, part)


def _parts_of_decision_function(estimator: Any) -> list[Any]:
    if isinstance(estimator, DELEGATES):
        return [delegate_of(estimator)]
    if isinstance(estimator, Pipeline):
        return [estimator.steps[-1][1]]
    if isinstance(estimator, StackingClassifier):
        return [estimator.final_estimator_]
    return list(estimator.estimators_) if isinstance(estimator, (BaggingClassifier, OneVsRestClassifier)) else []
