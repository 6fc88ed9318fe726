"""Losses: how far the raw output of a network is from the target, and the derivative with respect to the raw output.

A custom loss is a subclass of `Loss`; `check_loss` checks its shapes and its derivative.
"""

from __future__ import annotations

from .._public import publish
from ._base import Loss
from ._check import check_loss
from ._classification import BinaryLogLoss, MultinomialLogLoss
from ._regression import (
    AbsoluteError,
    Gamma,
    Huber,
    LogisticSquaredError,
    Poisson,
    Quantile,
    Quantiles,
    SquaredError,
    Tweedie,
)

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "BinaryLogLoss",
    "Gamma",
    "Huber",
    "LogisticSquaredError",
    "Loss",
    "MultinomialLogLoss",
    "Poisson",
    "Quantile",
    "Quantiles",
    "SquaredError",
    "Tweedie",
    "check_loss",
]

#: The losses by name and output activation. ``output_activation="auto"`` selects the first entry of a name.
LOSSES: dict[tuple[str, str], Loss] = {
    ("squared_error", "identity"): SquaredError(),
    ("squared_error", "logistic"): LogisticSquaredError(),
    ("log_loss", "softmax"): MultinomialLogLoss(),
    ("log_loss", "logistic"): BinaryLogLoss(),
    ("absolute_error", "identity"): AbsoluteError(),
    ("huber", "identity"): Huber(),
    ("quantile", "identity"): Quantile(),
    ("quantiles", "sorted"): Quantiles(),
    ("poisson", "exponential"): Poisson(),
    ("gamma", "exponential"): Gamma(),
    ("tweedie", "exponential"): Tweedie(),
}

__dir__ = publish(globals())
