"""Neural networks for people who live in scikit-learn, trained by backpropagation."""

from . import activations, initializers, losses, optimizers, schedules
from ._classifier import BackpropClassifier
from ._regressor import BackpropRegressor

__version__ = "0.1.0"

__all__ = [
    "BackpropClassifier",
    "BackpropRegressor",
    "activations",
    "initializers",
    "losses",
    "optimizers",
    "schedules",
]
