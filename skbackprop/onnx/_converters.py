"""What skl2onnx calls for each estimator: one function for the types of the outputs, and one for the operators.

`scope`, `operator` and `container` are those of skl2onnx: names, the estimator with its inputs and outputs, and the
operators of the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from .._estimators.classifier import BackpropClassifier
from .._estimators.fitted_members import fitted_members
from .._estimators.fitted_model import ClassifierModel, RegressorModel, fitted_model
from .._estimators.regressor import BackpropRegressor
from ..ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from ._ensembles import convert_encoder, convert_ensemble_classifier, convert_ensemble_regressor, set_encoder_types
from ._graph import INT64, Graph
from ._networks import class_scores, decision_function, label_codes, predictions, probabilities
from ._operators import classes_of, name_labels, output_dtype, probability_dtype, samples, set_type


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
