"""Converters of skl2onnx that are right under conditions, which are met or checked here.

This concerns estimators that contain one of this package:

- Those for classifiers that may use the decision function of others set the option `raw_scores` of these, which
  Pipelines and searches do not pass on; here it is set for the classifiers within these as well.
- `VotingClassifier` and `StackingClassifier` take the class with the largest probability for the prediction of a
  classifier, which is another if it has a threshold.
"""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from ._graph import INT64, Graph
from ._inner_estimators import add_classifier, contains_own, estimators_within, request_scores
from ._operators import name_labels, output_dtype, tensor_type


def convert_stacking(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `StackingClassifier`.

    Raises
    ------
    NotImplementedError
        If skl2onnx does not convert its `stack_method_` or the threshold of its last estimator.
    """
    from skl2onnx.operator_converters.stacking import convert_sklearn_stacking_classifier

    estimator = operator.raw_operator
    if contains_own(estimator):
        check_stack_methods(estimator)
        check_no_threshold(estimator, [estimator.final_estimator_])
        for inner, method in zip(estimator.estimators_, estimator.stack_method_, strict=True):
            if method == "decision_function":
                request_scores(scope, container, inner)
        pass_on(scope, container, estimator, [estimator.final_estimator_])
    convert_sklearn_stacking_classifier(scope, operator, container)


def check_stack_methods(estimator: Any) -> None:
    """Raise NotImplementedError for what skl2onnx does not convert."""
    methods = set(estimator.stack_method_)
    if "predict" in methods or ("decision_function" in methods and len(estimator.classes_) == 2):
        raise NotImplementedError(
            f"stack_method_={list(estimator.stack_method_)} of StackingClassifier cannot be converted to ONNX for "
            f'{len(estimator.classes_)} classes; fit with stack_method="predict_proba".'
        )


def convert_voting(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `VotingClassifier`.

    Raises
    ------
    NotImplementedError
        If one of those that vote has a threshold.
    """
    from skl2onnx.operator_converters.voting_classifier import convert_voting_classifier

    estimator = operator.raw_operator
    if estimator.voting == "hard" and contains_own(estimator):
        check_no_threshold(estimator, estimator.estimators_)
    convert_voting_classifier(scope, operator, container)


def check_no_threshold(estimator: Any, parts: list[Any]) -> None:
    """Raise NotImplementedError if there is a classifier with a threshold in parts of an estimator."""
    for inner in (inner for part in parts for inner in estimators_within(part)):
        if isinstance(inner, (FixedThresholdClassifier, TunedThresholdClassifierCV)):
            raise NotImplementedError(
                f"The threshold of {type(inner).__name__} within {type(estimator).__name__} cannot be converted to "
                f"ONNX; put the {type(estimator).__name__} into the {type(inner).__name__}, or fit without a threshold."
            )


def convert_bagging(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `BaggingClassifier`, whose labels follow from probabilities even with `raw_scores`."""
    from skl2onnx.operator_converters.bagging import convert_sklearn_bagging_classifier

    estimator = operator.raw_operator
    wants_scores = scope.get_options(estimator, {"raw_scores": False})["raw_scores"]
    if not (contains_own(estimator) and wants_scores):
        convert_sklearn_bagging_classifier(scope, operator, container)
        return
    graph = Graph(scope, container)
    probability = add_classifier(graph, deepcopy(estimator), operator.inputs, output_dtype(operator))
    name_labels(graph, operator, probability.argmax(), is_multilabel=False)
    pass_on(scope, container, estimator, estimator.estimators_)
    labels = scope.declare_local_variable("labels_by_scores", tensor_type(INT64, [None]))
    by_scores = SimpleNamespace(raw_operator=estimator, inputs=operator.inputs, outputs=[labels, operator.outputs[1]])
    convert_sklearn_bagging_classifier(scope, by_scores, container)


def convert_one_vs_rest(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `OneVsRestClassifier`."""
    from skl2onnx.operator_converters.one_vs_rest_classifier import convert_one_vs_rest_classifier

    if contains_own(operator.raw_operator):
        pass_on(scope, container, operator.raw_operator, operator.raw_operator.estimators_)
    convert_one_vs_rest_classifier(scope, operator, container)


def pass_on(scope: Any, container: Any, estimator: Any, parts: list[Any]) -> None:
    """Request the decision functions of parts of an estimator if its own is requested."""
    if scope.get_options(estimator, {"raw_scores": False})["raw_scores"]:
        container.add_options(id(estimator), {"raw_scores": True})  # skl2onnx has two places for options
        for part in parts:
            request_scores(scope, container, part)
