"""The loss of predictions, by which the members and the candidates of an ensemble are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._core.target_transform import TargetTransform
from .._estimators.fitted_model import fitted_model
from ..losses import SquaredError
from ..losses._base import LinkedLoss

#: A probability counts as no less than this, so that a single sample cannot decide.
SMALLEST_PROBABILITY = 1e-9
#: A target whose spread is below this multiple of its mean is constant.
CONSTANT_SPREAD = 1e-12

#: Returns the loss of each sample from predictions and targets, both of shape (n_samples, n_columns).
LossOfPredictions = Callable[[np.ndarray, np.ndarray], np.ndarray]


def probability_loss(*, is_multilabel: bool) -> LossOfPredictions:
    """Return the log loss of probabilities; `y` has a column of zeros and ones for each class or label."""

    def loss(probability: np.ndarray, y: np.ndarray) -> np.ndarray:
        values = -(y * np.log(np.maximum(probability, SMALLEST_PROBABILITY))).sum(axis=1)
        if is_multilabel:
            values -= ((1 - y) * np.log(np.maximum(1 - probability, SMALLEST_PROBABILITY))).sum(axis=1)
        return values

    return loss


def regression_loss(network, y: np.ndarray) -> LossOfPredictions:
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
