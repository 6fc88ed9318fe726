"""Displays of a network and of its training, drawn with matplotlib (extra ``plot``).

They follow the displays of scikit-learn: a class method creates a display and draws it, the display keeps the numbers,
`plot` draws them again, and what was drawn is available in attributes with a trailing underscore. matplotlib is
imported when something is drawn.
"""

from __future__ import annotations

from .._public import publish
from ._loss_curve import LossCurveDisplay
from ._network import NetworkDisplay
from ._weights import WeightsDisplay

__all__ = ["LossCurveDisplay", "NetworkDisplay", "WeightsDisplay"]

__dir__ = publish(globals())
