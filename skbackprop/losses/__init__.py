"""Losses: how far the raw output of a network is from the target, and the derivative with respect to the raw output.

A custom loss is a subclass of `Loss`; `check_loss` checks its shapes and its derivative.
"""

from __future__ import annotations

from .._public import publish
from . import _classification, _regression
from ._base import Loss
from ._check import check_loss
from ._classification import *  # noqa: F403
from ._regression import *  # noqa: F403

__all__ = ["LOSSES", "Loss", "check_loss"]
__all__ += _classification.__all__
__all__ += _regression.__all__
__all__.sort(key=lambda name: (not name.isupper(), name))

#: The losses by name and output activation. ``output_activation="auto"`` selects the first entry of a name.
LOSSES: dict[tuple[str, str], Loss] = {**_regression.LOSSES, **_classification.LOSSES}

__dir__ = publish(globals())
