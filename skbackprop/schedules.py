"""Schedules: the learning rate as a function of `t`, the number of updates made before this one.

One update is one step of the optimizer: one batch, not one row and not one epoch. `t` goes on counting over `fit`
with `warm_start` and over `partial_fit`. Schedules with an end (`Cosine`, `OneCycle`) reach it after `n_updates`;
left at None, that is ``max_iter`` passes over the data at hand. Past the end the last rate stays, so give
`n_updates` where training goes on, by `warm_start` or over a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._hyperparameters import Hyperparameters, check_number

__all__ = ["SCHEDULES", "Constant", "Cosine", "Exponential", "InverseScaling", "OneCycle", "Plateau", "Schedule"]


class Schedule(Hyperparameters):
    """A learning rate for each update.

    Attributes
    ----------
    has_end : bool
        Whether the rate falls towards a planned end, which `tol` on the training loss does not cut short.
    """

    has_end: ClassVar[bool] = False

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        """Return the learning rates of some updates.

        Parameters
        ----------
        t : ndarray of int
            Numbers of the updates, the first ever is 0.
        n_updates : int
            Number of updates that are planned in all, for schedules that have an end and were not told when.

        Returns
        -------
        rates : ndarray of float64, shape of `t`
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate always.

    Parameters
    ----------
    initial : float, default=0.001
        Above 0.
    """

    initial: float = 0.001

    def __post_init__(self):
        check_number(self, "initial", low=0)

    def rates(self, t, n_updates):
        return np.full(t.shape, float(self.initial))


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """``initial / (t + 1) ** power`` (Robbins and Monro 1951).

    Parameters
    ----------
    initial : float, default=0.01
        Above 0.
    power : float, default=0.5
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> InverseScaling(initial=0.1).rates(np.array([0, 3, 99]), n_updates=100)
    array([0.1 , 0.05, 0.01])
    """

    initial: float = 0.01
    power: float = 0.5

    def __post_init__(self):
        check_number(self, "initial", low=0)
        check_number(self, "power", low=0, closed="left")

    def rates(self, t, n_updates):
        return self.initial / (t + 1.0) ** self.power


@dataclass(frozen=True)
class Exponential(Schedule):
    """``initial * decay ** t``.

    Parameters
    ----------
    initial : float, default=0.01
        Above 0.
    decay : float, default=0.9999
        Factor from one update to the next, in (0, 1].
    """

    initial: float = 0.01
    decay: float = 0.9999

    def __post_init__(self):
        check_number(self, "initial", low=0)
        check_number(self, "decay", low=0, high=1, closed="right")

    def rates(self, t, n_updates):
        return self.initial * self.decay ** t.astype(float)


@dataclass(frozen=True)
class Cosine(Schedule):
    """From `initial` down to `final` along half a cosine (Loshchilov and Hutter 2017, without restarts).

    Parameters
    ----------
    initial : float, default=0.01
        Above 0.
    final : float, default=0.0001
        At least 0; but 0 learns nothing past the end.
    n_updates : int or None, default=None
        When `final` is reached; None is ``max_iter`` passes over the data.

    Examples
    --------
    >>> import numpy as np
    >>> Cosine(initial=0.1, final=0.0).rates(np.array([0, 50, 100, 200]), n_updates=100)
    array([0.1 , 0.05, 0.  , 0.  ])
    """

    initial: float = 0.01
    final: float = 0.0001
    n_updates: int | None = None
    has_end = True

    def __post_init__(self):
        check_number(self, "initial", low=0)
        check_number(self, "final", low=0, closed="left")
        _check_n_updates(self)

    def rates(self, t, n_updates):
        n_updates = self.n_updates or n_updates
        if t[0] >= n_updates:  # a stream is there nearly always
            return np.full(t.shape, float(self.final))
        return _half_cosine(self.initial, self.final, t / n_updates)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to `maximum` and down again, both along half a cosine (after Smith and Topin 2018).

    From ``maximum / start_divisor`` to `maximum` to ``maximum / end_divisor``.

    Parameters
    ----------
    maximum : float, default=0.01
        Above 0.
    warmup : float, default=0.3
        Fraction of the updates that goes up, in (0, 1).
    start_divisor : float, default=25
        At least 1.
    end_divisor : float, default=1e4
        At least 1.
    n_updates : int or None, default=None
        Length of the cycle; None is ``max_iter`` passes over the data.
    """

    maximum: float = 0.01
    warmup: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4
    n_updates: int | None = None
    has_end = True

    def __post_init__(self):
        check_number(self, "maximum", low=0)
        check_number(self, "warmup", low=0, high=1)
        check_number(self, "start_divisor", low=1, closed="left")
        check_number(self, "end_divisor", low=1, closed="left")
        _check_n_updates(self)

    def rates(self, t, n_updates):
        progress = t / (self.n_updates or n_updates)
        up = _half_cosine(self.maximum / self.start_divisor, self.maximum, progress / self.warmup)
        down = _half_cosine(self.maximum, self.maximum / self.end_divisor, (progress - self.warmup) / (1 - self.warmup))
        return np.where(progress < self.warmup, up, down)


@dataclass(frozen=True)
class Plateau(Schedule):
    """`initial`, lowered by `factor` whenever the loss has not fallen for `patience` epochs.

    The loss is that of held-out rows where there are any (minus the score, if `scoring` is one), else that of training.

    Parameters
    ----------
    initial : float, default=0.001
        Above 0.
    factor : float, default=0.5
        In (0, 1).
    patience : int, default=5
        At least 1.
    threshold : float, default=1e-4
        A smaller fall is none; at least 0.
    final : float, default=1e-6
        It is not lowered further than this; at least 0.
    """

    initial: float = 0.001
    factor: float = 0.5
    patience: int = 5
    threshold: float = 1e-4
    final: float = 1e-6

    def __post_init__(self):
        check_number(self, "initial", low=0)
        check_number(self, "factor", low=0, high=1)
        check_number(self, "patience", low=1, closed="left")
        check_number(self, "threshold", low=0, closed="left")
        check_number(self, "final", low=0, closed="left")

    def rates(self, t, n_updates):
        return np.full(t.shape, float(self.initial))  # the training loop knows about the loss, and multiplies


def _half_cosine(start, end, progress):
    """Go from `start` at progress 0 to `end` at 1, and stay there."""
    return end + (start - end) * (1 + np.cos(np.pi * np.clip(progress, 0, 1))) / 2


def _check_n_updates(schedule):
    if schedule.n_updates is not None:
        check_number(schedule, "n_updates", low=1, closed="left")


SCHEDULES: dict[str, Schedule] = {
    "constant": Constant(),
    "invscaling": InverseScaling(),
    "exponential": Exponential(),
    "cosine": Cosine(),
    "one_cycle": OneCycle(),
    "plateau": Plateau(),
}
