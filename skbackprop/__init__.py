"""Neural networks for people who live in scikit-learn, trained by backpropagation."""

from . import activations, callbacks, initializers, inspection, losses, optimizers, plotting, schedules
from ._classifier import BackpropClassifier
from ._regressor import BackpropRegressor
from ._version import __version__

__all__ = [
    "BackpropClassifier",
    "BackpropRegressor",
    "__version__",
    "activations",
    "callbacks",
    "initializers",
    "inspection",
    "losses",
    "optimizers",
    "plotting",
    "schedules",
]
