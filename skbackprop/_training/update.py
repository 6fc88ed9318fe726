"""One update of the weights with the gradient of a batch."""

from __future__ import annotations

import math

import numpy as np

from .config import TrainingConfig
from .state import TrainingState


def update_weights(
    config: TrainingConfig, state: TrainingState, gradient: np.ndarray, scratch: np.ndarray, step: int, rate: float
) -> None:
    """Make step number `step` of the optimizer, after clipping the gradient and weight decay.

    Parameters
    ----------
    config : TrainingConfig
    state : TrainingState
        Its weights and optimizer state are changed in place.
    gradient : ndarray of shape (n_parameters,)
        It may be overwritten.
    scratch : ndarray of shape (n_parameters,)
        It is overwritten.
    step : int
        1 in the first step.
    rate : float
        The learning rate.
    """
    if config.clip_norm is not None:
        clip(gradient, config.clip_norm)
    if config.optimizer.weight_decay:
        state.theta[: config.objective.network.n_weights] *= 1.0 - rate * config.optimizer.weight_decay
    config.optimizer.step(state.theta, gradient, state.optimizer_state, step, rate, scratch)


def clip(gradient: np.ndarray, norm: float) -> None:
    """Scale the gradient down to this Euclidean norm if it is larger (Pascanu, Mikolov and Bengio 2013)."""
    square = float(np.dot(gradient, gradient))
    largest = 1.0
    if not np.finfo(gradient.dtype).tiny < square < math.inf:  # the square overflows or underflows, or is not a number
        largest = float(max(gradient.max(), -gradient.min()))
        if largest == 0.0:
            return
        gradient /= largest
        square = float(np.dot(gradient, gradient))
    length = math.sqrt(square)
    if largest * length > norm:
        gradient *= norm / length
    elif largest != 1.0:
        gradient *= largest
