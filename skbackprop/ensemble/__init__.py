"""Several networks as one estimator: more accurate than one, with honest probabilities and intervals."""

from .._public import publish
from ._classifier import BackpropEnsembleClassifier
from ._regressor import BackpropEnsembleRegressor

__all__ = ["BackpropEnsembleClassifier", "BackpropEnsembleRegressor"]

__dir__ = publish(globals())
