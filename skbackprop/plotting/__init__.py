"""Displays of a network and its training, drawn by matplotlib (extra ``plot``).

They follow scikit-learn's: a class method makes and draws one, the object keeps the numbers, `plot` draws it again,
and what was drawn are attributes with a trailing underscore. matplotlib is imported when something is drawn, and this
module by its name only, so that importing the package takes no longer.
"""

from ._loss_curve import LossCurveDisplay
from ._network import NetworkDisplay
from ._weights import WeightsDisplay

__all__ = ["LossCurveDisplay", "NetworkDisplay", "WeightsDisplay"]
