"""Several networks as one estimator: more accurate than one, with honest probabilities and intervals."""

from .._public import publish
from ._classifier import BackpropEnsembleClassifier
from ._piecewise_linear import PiecewiseLinearEncoder
from ._regressor import BackpropEnsembleRegressor

__all__ = ["BackpropEnsembleClassifier", "BackpropEnsembleRegressor", "PiecewiseLinearEncoder"]

__dir__ = publish(globals())
