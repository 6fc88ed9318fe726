"""The loss of predictions, by which the members and the candidates of an ensemble are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._core.target_transform import TargetTransform
from .._estimators.base import BaseBackprop
from .._estimators.fitted_model import fitted_model
from ..losses import SquaredError
from ..losses._base import LinkedLoss
from ._temperature import log_probabilities_of

#: A target whose spread is below this multiple of its mean is constant.
CONSTANT_SPREAD = 1e-12

#: Returns the loss of each sample from predictions of shape (n_samples, n_columns) and targets.
LossOfPredictions = Callable[[np.ndarray, np.ndarray], np.ndarray]


def classification_loss(classes: np.ndarray, *, is_multilabel: bool) -> LossOfPredictions:
    """Return the log loss as a function of logits and labels."""

    def loss(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
        log_probability = log_probabilities_of(logits, is_multilabel=is_multilabel)
        if is_multilabel:
            return -np.where(y, log_probability, log_probability - logits).sum(axis=1)  # log f(-z) = log f(z) - z
        return -log_probability[np.arange(len(y)), np.searchsorted(classes, y)]

    return loss


def regression_loss(network: BaseBackprop, y: np.ndarray) -> LossOfPredictions:
    """Return the loss of a fitted network as a function of predictions, with targets scaled by the moments of `y`.

    Custom losses, which need not say which raw output gives a prediction, are compared by the squared error.
    """
    loss = fitted_model(network).loss
    if not isinstance(loss, LinkedLoss):
        loss = SquaredError()
    transform = TargetTransform.from_moments(loss.link.target_scaling, y.mean(axis=0), y.var(axis=0), CONSTANT_SPREAD)

    def loss_of(prediction: np.ndarray, y: np.ndarray) -> np.ndarray:
        scaled = loss.repeat_target(transform.transform(y, np.dtype(np.float64)))
        raw = loss.constant((prediction - transform.offset) / transform.scale)
        return loss.value_and_gradient(scaled, raw, np.empty_like(raw))

    return loss_of
