"""The converter of `CalibratedClassifierCV` around estimators of this package.

skl2onnx has one of its own, but that takes probabilities for the decision function of a Pipeline or a search, rounds to
the nearest threshold of isotonic regression, and does not know temperature scaling. It remains in use for other
classifiers.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ._formulas import logistic
from ._graph import Graph, Tensor, concatenate, weighted_sum
from ._inner_estimators import add_classifier, contains_own, request_scores
from ._operators import classes_of, name_labels, output_dtype, probability_dtype, set_type

#: Added to probabilities before their logarithm is scaled, as scikit-learn does.
SMALL_PROBABILITY = 1e-12


def set_calibrated_types(operator: Any) -> None:
    """Set the types of the labels and probabilities."""
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    if not contains_own(operator.raw_operator):
        calculate_linear_classifier_output_shapes(operator)
        return
    classes = classes_of(operator.scope_inst, operator.raw_operator)
    set_type(operator, 0, classes.dtype, None)
    set_type(operator, 1, probability_dtype(operator), len(classes))


def convert_calibrated(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the mean of the calibrated probabilities of several classifiers."""
    from skl2onnx.operator_converters.calibrated_classifier_cv import convert_sklearn_calibrated_classifier_cv

    if not contains_own(operator.raw_operator):
        convert_sklearn_calibrated_classifier_cv(scope, operator, container)
        return
    graph = Graph(scope, container)
    members = operator.raw_operator.calibrated_classifiers_
    results = [calibrated_probabilities(graph, operator, member) for member in members]
    probability = weighted_sum(results, np.full(len(results), 1 / len(results)))
    name_labels(graph, operator, probability.argmax(), is_multilabel=False)
    graph.name_result(probability.astype(probability_dtype(operator)), operator.outputs[1])


def calibrated_probabilities(graph: Graph, operator: Any, member: Any) -> Tensor:
    """Return the probabilities of one classifier with its calibrators."""
    if len(member.estimator.classes_) != len(member.classes):
        raise NotImplementedError(
            f"{type(operator.raw_operator).__name__} has a classifier that was fitted to the classes "
            f"{member.estimator.classes_.tolist()} only, which cannot be converted to ONNX; use a cv whose training "
            "samples have all classes."
        )
    # options belong to an object, and the same one may be elsewhere, where its probabilities are needed
    estimator = deepcopy(member.estimator)
    are_scores = hasattr(estimator, "decision_function")
    if are_scores:
        request_scores(graph.scope, graph.container, estimator)
    scores = add_classifier(graph, estimator, operator.inputs, output_dtype(operator))
    if len(member.classes) == 1:
        return scores.columns(np.array([0])) * 0.0 + 1.0
    if member.method == "temperature":
        logits = scores if are_scores else (scores + SMALL_PROBABILITY).log()
        return (logits * float(member.calibrators[0].beta_)).apply("Softmax", axis=1)
    calibrate = calibrated_by_logistic if member.method == "sigmoid" else calibrated_by_isotonic
    return calibrate(scores, member.calibrators)


def calibrated_by_logistic(scores: Tensor, calibrators: list[Any]) -> Tensor:
    """Return the probabilities that follow from logistic regressions on the scores: one for each class, or for two."""
    slopes, intercepts = (np.array([getattr(each, name) for each in calibrators]) for name in ("a_", "b_"))
    if len(calibrators) > 1:
        return normalized(logistic(-(scores * slopes + intercepts)), len(calibrators))
    z = scores.columns(np.array([1])) * slopes + intercepts
    return logistic(concatenate([z, -z]))


def calibrated_by_isotonic(scores: Tensor, calibrators: list[IsotonicRegression]) -> Tensor:
    """Return the probabilities that follow from isotonic regressions on the scores: one for each class, or for two."""
    if len(calibrators) > 1:
        columns = [interpolated(scores.columns(np.array([k])), each) for k, each in enumerate(calibrators)]
        return normalized(concatenate(columns), len(calibrators))
    probability = interpolated(scores.columns(np.array([1])), calibrators[0])
    return concatenate([-probability + 1.0, probability])


def interpolated(column: Tensor, calibrator: IsotonicRegression) -> Tensor:
    """Return the prediction of an isotonic regression: its increments up to each number, in proportion."""
    x, y = (np.asarray(values, np.float64) for values in (calibrator.X_thresholds_, calibrator.y_thresholds_))
    increments = np.diff(y)
    is_step = increments != 0
    if not is_step.any():
        return column * 0.0 + y[0]
    shares = ((column - x[:-1][is_step]) / np.diff(x)[is_step]).maximum(0.0).minimum(1.0)
    return shares.affine(increments[is_step, np.newaxis], y[:1]).minimum(1.0)


def normalized(numbers: Tensor, n_classes: int) -> Tensor:
    """Return numbers divided by the sum of those of the sample; they are equal where all of them are 0."""
    total = numbers.affine(np.ones((n_classes, n_classes)), np.zeros(n_classes))
    is_empty = -total.is_positive().cast(total.dtype) + 1.0
    return (numbers + is_empty) / (total + is_empty * n_classes)
