"""The predictions of a network, and the logits that ensembles average, as parts of an ONNX graph."""

from __future__ import annotations

import numpy as np

from .._core.network import Layer
from .._estimators.fitted_model import ClassifierModel, FittedModel, RegressorModel
from ._formulas import ACTIVATIONS, LINKS, check_formulas, logistic, softplus, standardized
from ._graph import FLOAT32, INT64, Tensor


def dtype_of_network(model: FittedModel, dtype: np.dtype) -> np.dtype:
    """Return the dtype that the network computes in: float32 if it was trained in it, or if the outputs are float32."""
    return min(dtype, model.theta.dtype, key=lambda kind: kind.itemsize)


def hidden_output(X: Tensor, model: FittedModel, n_layers: int, dtype: np.dtype) -> Tensor:
    """Return the output of the last one of the first `n_layers` hidden layers, for samples that are not standardized.

    Parameters
    ----------
    X : Tensor
        Samples: float32, float64 or int64.
    model : FittedModel
    n_layers : int
        0 for the standardized samples.
    dtype : dtype
        Of the outputs of the graph: float32 or float64.
    """
    check_formulas(model)
    dtype = dtype_of_network(model, dtype)
    if X.dtype.kind == "f" and model.theta.dtype == FLOAT32:
        X = X.astype(FLOAT32)  # as the estimator rounds X before it is centered
    scaling = model.input_scaling()
    a = X.astype(dtype) if scaling is None else standardized(X, scaling, dtype)
    for (W, b), activation in zip(model.internal_layers()[:n_layers], model.network.activations, strict=False):
        a = ACTIVATIONS[type(activation)](a.affine(W, b), activation)
    return a


def raw_output(X: Tensor, model: FittedModel, last: Layer, dtype: np.dtype) -> Tensor:
    """Return the raw output for samples that are not standardized; `last` is the last layer, or replaces it."""
    return hidden_output(X, model, len(model.network.activations), dtype).affine(*last)


def predictions(X: Tensor, model: RegressorModel, dtype: np.dtype) -> Tensor:
    """Return the predictions of a regressor, of shape (n_samples, n_outputs)."""
    raw = raw_output(X, model, model.internal_layers()[-1], dtype)
    prediction = LINKS[type(model.loss.link)](raw, model.n_outputs).astype(dtype)
    scaling = model.prediction_scaling()
    if scaling is None:
        return prediction
    prediction = prediction * scaling.scale + scaling.offset
    is_constant = scaling.scale == 0
    return prediction.replaced(is_constant, scaling.offset) if is_constant.any() else prediction


def class_scores(X: Tensor, model: ClassifierModel, dtype: np.dtype) -> Tensor:
    """Return a score for each class or label: the raw output, with a score of 0 for the first of two classes."""
    last = model.internal_layers()[-1]
    if model.has_one_output_for_two:
        last = Layer(*(np.concatenate([np.zeros_like(part), part], axis=-1) for part in last))
    return raw_output(X, model, last, dtype)


def label_codes(scores: Tensor, is_multilabel: bool) -> Tensor:
    """Return the position of the most probable class, or 1 for each label that is more probable than not."""
    return scores.is_positive() if is_multilabel else scores.argmax()


def probabilities(scores: Tensor, model: ClassifierModel) -> Tensor:
    """Return the probability of each class, or of each label."""
    return logistic(scores) if model.is_multilabel else normalizable(scores, model).apply("Softmax", axis=1)


def log_probabilities(scores: Tensor, model: ClassifierModel) -> Tensor:
    """Return the logarithm of the probability of each class."""
    return normalizable(scores, model).apply("LogSoftmax", axis=1)


def normalizable(scores: Tensor, model: ClassifierModel) -> Tensor:
    """Return scores whose softmax are the probabilities; with a logistic output, their exponentials are the outputs."""
    return -softplus(-scores) if model.needs_normalization and not model.has_one_output_for_two else scores


def decision_function(scores: Tensor, model: ClassifierModel) -> Tensor:
    """Return the score of each class or label; for two classes, that of the second and its opposite."""
    if model.is_multilabel or len(model.classes) != 2:
        return scores
    return scores - scores.columns(np.array([1, 0], INT64))
