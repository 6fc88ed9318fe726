"""The converters of scikit-learn's classifiers with a threshold for two classes.

skl2onnx has one for `TunedThresholdClassifierCV`, but that ignores the threshold. It remains in use for classifiers
without estimators of this package.
"""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import TunedThresholdClassifierCV

from ._graph import Graph, Tensor, concatenate
from ._inner_estimators import add_classifier, contains_own, request_scores
from ._operators import classes_of, output_dtype, probability_dtype, set_type


def set_threshold_types(operator: Any) -> None:
    """Set the types of the labels and probabilities."""
    classes = classes_of(operator.scope_inst, operator.raw_operator)
    set_type(operator, 0, classes.dtype, None)
    set_type(operator, 1, probability_dtype(operator), len(classes))


def convert_threshold(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the label on either side of a threshold, and of the probabilities."""
    graph, estimator = Graph(scope, container), operator.raw_operator
    dtype = output_dtype(operator)
    probability = add_classifier(graph, estimator.estimator_, operator.inputs, dtype)
    uses_scores = estimator.response_method == "decision_function"
    scores = decision_function(graph, operator, dtype) if uses_scores else probability
    positive, threshold = positive_class(estimator), threshold_of(estimator)
    distance = scores.columns(np.array([positive])) - threshold
    is_below = concatenate([distance, -distance]).argmax()  # 0 where they are equal, too
    classes = classes_of(scope, estimator)[[positive, 1 - positive]]
    graph.name_result(graph.constant(classes).apply("Gather", is_below), operator.outputs[0])
    graph.name_result(probability.astype(probability_dtype(operator)), operator.outputs[1])


def parse_tuned_threshold(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Return the outputs of a `TunedThresholdClassifierCV`, in skl2onnx without dictionaries of probabilities."""
    from skl2onnx._parse import _parse_sklearn_classifier, _parse_sklearn_simple_model

    parse = _parse_sklearn_classifier if contains_own(model) else _parse_sklearn_simple_model
    return parse(scope, model, inputs, custom_parsers=custom_parsers)


def set_tuned_threshold_types(operator: Any) -> None:
    """Set the types of a `TunedThresholdClassifierCV`."""
    from skl2onnx.shape_calculators.tuned_threshold_classifier import tuned_threshold_classifier_shape_calculator

    has_own = contains_own(operator.raw_operator)
    (set_threshold_types if has_own else tuned_threshold_classifier_shape_calculator)(operator)


def convert_tuned_threshold(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `TunedThresholdClassifierCV`."""
    from skl2onnx.operator_converters.tuned_threshold_classifier import convert_sklearn_tuned_threshold_classifier

    has_own = contains_own(operator.raw_operator)
    (convert_threshold if has_own else convert_sklearn_tuned_threshold_classifier)(scope, operator, container)


def decision_function(graph: Graph, operator: Any, dtype: np.dtype) -> Tensor:
    """Return the decision function of the classifier and its opposite."""
    estimator = deepcopy(operator.raw_operator.estimator_)  # options belong to an object, whose probabilities remain
    request_scores(graph.scope, graph.container, estimator)
    return add_classifier(graph, estimator, operator.inputs, dtype)


def positive_class(estimator: Any) -> int:
    """Return the position of the class whose score is compared to the threshold, or raise ValueError."""
    label = tuned_label(estimator) if isinstance(estimator, TunedThresholdClassifierCV) else estimator.pos_label
    if label is None:
        return 1
    positions = np.flatnonzero(estimator.classes_ == label)
    if not positions.size:
        raise ValueError(
            f"pos_label={label!r} of {type(estimator).__name__} is not among its classes {estimator.classes_.tolist()};"
            " set it to one of them, or to None for the last."
        )
    return int(positions[0])


def tuned_label(estimator: TunedThresholdClassifierCV) -> Any:
    """Return the label that is predicted above any threshold, which depends on a scorer that does not show it."""
    samples = np.zeros((2, 1))
    copied = copy(estimator).set_params(response_method="predict_proba")
    copied.estimator_ = DummyClassifier().fit(samples, estimator.classes_)
    copied.best_threshold_ = -np.inf
    return copied.predict(samples)[0]


def threshold_of(estimator: Any) -> float:
    """Return the number from which on the label is the positive class."""
    if isinstance(estimator, TunedThresholdClassifierCV):
        return estimator.best_threshold_
    if estimator.threshold != "auto":
        return estimator.threshold
    return 0.0 if estimator.response_method == "decision_function" else 0.5
