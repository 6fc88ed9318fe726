"""Checks of custom optimizers and schedules, before they are trained with."""

from __future__ import annotations

from contextlib import suppress
from copy import copy, deepcopy
from typing import Any, TypeVar

import numpy as np

from .._component_checks import call, check_array, check_finite, is_custom
from ..optimizers import Optimizer
from ..schedules import Schedule

#: The learning rate with which optimizers are checked.
LEARNING_RATE = 0.01

Component = TypeVar("Component", Optimizer, Schedule)


def check_schedule(schedule: Schedule, n_updates: int) -> None:
    """Raise ValueError if a custom schedule does not return a finite rate of at least 0 for each update.

    Parameters
    ----------
    schedule : Schedule
        It remains unchanged.
    n_updates : int
        Number of updates that are planned; a schedule may refuse other numbers.
    """
    if not is_custom(schedule):
        return
    t = np.zeros(2, int)  # the only update that every fit makes, twice
    arguments: dict[str, Any] = {"t": t.copy(), "n_updates": n_updates}
    rates = call(_copied(schedule), "rates", arguments, writes=("t", "n_updates"))
    check_array(schedule, "rates", rates, t.shape)
    check_finite(schedule, "rates", rates, t=t)
    if rates[0] < 0:
        raise ValueError(f"{schedule!r}: rates gives the learning rate {rates[0]:g} for t=0; it must be at least 0.")


def check_optimizer(optimizer: Optimizer, theta: np.ndarray, optimizer_state: np.ndarray) -> None:
    """Raise ValueError if a custom optimizer does not update the weights in place.

    Parameters
    ----------
    optimizer : Optimizer
        It remains unchanged, even if it has attributes that a step changes.
    theta, optimizer_state : ndarray
        Arrays of the shapes and dtype that it is going to update; they remain unchanged.
    """
    if not is_custom(optimizer) or optimizer.needs_all_samples:
        return
    before, updated = np.ones_like(theta), np.ones_like(theta)
    arguments: dict[str, Any] = {
        "theta": updated,
        "gradient": np.ones_like(theta),
        "optimizer_state": optimizer_state.copy(),
        "t": 1,
        "learning_rate": LEARNING_RATE,
        "scratch": np.empty_like(theta),
    }
    returned = call(_copied(optimizer), "step", arguments, writes=tuple(arguments))
    if returned is not None and np.array_equal(updated, before):
        raise ValueError(
            f"{optimizer!r}: step must change theta in place, as in theta -= learning_rate * gradient, instead of "
            "returning it."
        )
    check_finite(optimizer, "step", updated, gradient=before)


def _copied(component: Component) -> Component:
    """Return a copy, whose attributes may change; it shares them with the original if one cannot be copied."""
    with suppress(Exception):  # such as that of an open file
        return deepcopy(component)
    return copy(component)
