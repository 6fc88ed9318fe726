"""What skl2onnx calls for each estimator: one function for the types of the outputs, and one for the operators.

`scope`, `operator` and `container` are those of skl2onnx: names, the estimator with its inputs and outputs, and the
operators of the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier

from .._estimators.classifier import BackpropClassifier
from .._estimators.fitted_members import fitted_members
from .._estimators.fitted_model import ClassifierModel, FittedModel, RegressorModel, fitted_model
from .._estimators.regressor import BackpropRegressor
from ..ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from ..inspection import HiddenFeatures
from ._calibration import convert_calibrated, set_calibrated_types
from ._delegates import convert_delegate, convert_grid_search, parse_delegate, parse_grid_search, set_delegate_types
from ._ensembles import convert_encoder, convert_ensemble_classifier, convert_ensemble_regressor, set_encoder_types
from ._graph import INT64, Graph
from ._inner_estimators import DELEGATES
from ._networks import class_scores, decision_function, hidden_output, label_codes, predictions, probabilities
from ._operators import classes_of, name_labels, output_dtype, probability_dtype, samples, set_type
from ._sklearn_classifiers import convert_bagging, convert_one_vs_rest, convert_stacking, convert_voting
from ._thresholds import (
    convert_threshold,
    convert_tuned_threshold,
    parse_tuned_threshold,
    set_threshold_types,
    set_tuned_threshold_types,
)


class Converter(NamedTuple):
    """How estimators of a class are converted.

    Attributes
    ----------
    estimator_class : type
    set_output_types : callable
        Called with the operator.
    convert : callable
        Called with the scope, the operator and the container.
    options : dict of str to list, "passthrough" or None
        The options that users may set, with their values; "passthrough" is any.
    parse : callable, or None
        Called with the scope, the estimator and the inputs; returns the outputs. None is the one of skl2onnx.
    replaces : bool
        Whether skl2onnx has a converter for this class, which this one calls or replaces.
    """

    estimator_class: type
    set_output_types: Callable[[Any], None]
    convert: Callable[[Any, Any, Any], None]
    options: dict[str, list[Any]] | str | None = None
    parse: Callable[..., list[Any]] | None = None
    replaces: bool = False

    @property
    def alias(self) -> str:
        """The name of the converter."""
        return ("Sklearn" if self.replaces else "Skbackprop") + self.estimator_class.__name__

    def register(self, subclass: type | None = None) -> None:
        """Register the converter with skl2onnx, for a subclass if one is given."""
        from skl2onnx import update_registered_converter

        update_registered_converter(
            subclass or self.estimator_class,
            self.alias,
            self.set_output_types,
            self.convert,
            parser=self.parse,
            options=self.options,
        )


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


def set_hidden_types(operator: Any) -> None:
    """Set the type of the outputs of a hidden layer."""
    model, n_layers = hidden_layers(operator.raw_operator)
    set_type(operator, 0, output_dtype(operator), model.network.sizes[n_layers])


def convert_hidden(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `HiddenFeatures`: those of the network up to a hidden layer."""
    graph, dtype = Graph(scope, container), output_dtype(operator)
    features = hidden_output(samples(graph, operator), *hidden_layers(operator.raw_operator), dtype)
    graph.name_result(features.astype(dtype), operator.outputs[0])


def hidden_layers(transformer: HiddenFeatures) -> tuple[FittedModel, int]:
    """Return the fitted model of a `HiddenFeatures`, and up to how many hidden layers it computes."""
    network = transformer.estimator_
    model = fitted_model(network.estimator if isinstance(network, FrozenEstimator) else network)
    return model, range(len(model.network.activations))[transformer.layer] + 1


NETWORK_OPTIONS: dict[str, list[Any]] = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
    "raw_scores": [True, False],
}
#: Ensembles have no decision function.
ENSEMBLE_OPTIONS = {name: values for name, values in NETWORK_OPTIONS.items() if name != "raw_scores"}


def set_classifier_types_of_sklearn(operator: Any) -> None:
    """Set the types of labels and probabilities as skl2onnx does."""
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)


def set_voting_types(operator: Any) -> None:
    """Set the types of a `VotingClassifier` as skl2onnx does."""
    from skl2onnx.shape_calculators.voting_classifier import voting_classifier_shape_calculator

    voting_classifier_shape_calculator(operator)


CONVERTERS = [
    Converter(BackpropRegressor, set_regressor_types, convert_regressor),
    Converter(BackpropClassifier, set_classifier_types, convert_classifier, NETWORK_OPTIONS),
    Converter(BackpropEnsembleRegressor, set_regressor_types, convert_ensemble_regressor),
    Converter(BackpropEnsembleClassifier, set_classifier_types, convert_ensemble_classifier, ENSEMBLE_OPTIONS),
    Converter(PiecewiseLinearEncoder, set_encoder_types, convert_encoder),
    Converter(HiddenFeatures, set_hidden_types, convert_hidden),
    *(
        Converter(delegate, set_delegate_types, convert_delegate, "passthrough", parse_delegate)
        for delegate in DELEGATES
        if delegate is not GridSearchCV
    ),
    Converter(GridSearchCV, set_delegate_types, convert_grid_search, "passthrough", parse_grid_search, replaces=True),
    Converter(FixedThresholdClassifier, set_threshold_types, convert_threshold, ENSEMBLE_OPTIONS),
    Converter(
        TunedThresholdClassifierCV,
        set_tuned_threshold_types,
        convert_tuned_threshold,
        ENSEMBLE_OPTIONS,
        parse_tuned_threshold,
        replaces=True,
    ),
    Converter(CalibratedClassifierCV, set_calibrated_types, convert_calibrated, ENSEMBLE_OPTIONS, replaces=True),
    Converter(StackingClassifier, set_classifier_types_of_sklearn, convert_stacking, NETWORK_OPTIONS, replaces=True),
    Converter(VotingClassifier, set_voting_types, convert_voting, ENSEMBLE_OPTIONS, replaces=True),
    Converter(BaggingClassifier, set_classifier_types_of_sklearn, convert_bagging, NETWORK_OPTIONS, replaces=True),
    Converter(
        OneVsRestClassifier, set_classifier_types_of_sklearn, convert_one_vs_rest, NETWORK_OPTIONS, replaces=True
    ),
]
