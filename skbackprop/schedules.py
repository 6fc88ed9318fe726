"""Schedules: the learning rate as a function of `t`, the number of updates made before the current one.

One update is one step of the optimizer, that is, one batch: not one sample and not one epoch. The count `t` continues
over calls of `fit` with ``warm_start=True`` and over calls of `partial_fit`.

`Cosine` and `OneCycle` have an end, which they reach after `n_updates` updates. With ``n_updates=None``, that is the
number of updates in ``max_iter`` epochs over the data of the call. After the end, the learning rate keeps its last
value; set `n_updates` if training continues, with ``warm_start=True`` or on a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._component_checks import missing_method
from ._hyperparameters import Hyperparameters, check_number
from ._public import publish

__all__ = ["SCHEDULES", "Constant", "Cosine", "Exponential", "InverseScaling", "OneCycle", "Plateau", "Schedule"]


class Schedule(Hyperparameters):
    """Base class of all schedules: a learning rate for each update.

    A custom schedule is a frozen dataclass that inherits from `Schedule` and implements `rates`.

    Attributes
    ----------
    has_end : bool
        Whether the learning rate falls towards a planned end. If so, `tol` on the training loss does not stop `fit`
        before that end. False for a custom schedule that does not set it.

    See Also
    --------
    Constant : A constant learning rate.
    Cosine : Falls along half a cosine.
    Exponential : Falls by a constant factor.
    InverseScaling : Falls with a power of the number of updates.
    OneCycle : Rises and falls.
    Plateau : Falls when the loss no longer improves.

    Examples
    --------
    A schedule that halves the learning rate after every `length` updates:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.schedules import Schedule
    >>> @dataclass(frozen=True)
    ... class Halving(Schedule):
    ...     initial: float = 0.1
    ...     length: int = 1000
    ...     def rates(self, t, n_updates):
    ...         return self.initial * 0.5 ** (t // self.length)
    >>> Halving().rates(np.array([0, 999, 1000, 2000]), n_updates=3000)
    array([0.1  , 0.1  , 0.05 , 0.025])
    >>> network = BackpropRegressor(learning_rate=Halving(length=500))
    """

    has_end: ClassVar[bool] = False

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        """Return the learning rates of consecutive updates.

        Parameters
        ----------
        t : ndarray of int
            Numbers of the updates in ascending order. The first update of a network has number 0.
        n_updates : int
            Number of updates planned in total, at least 1. It is the end of schedules that have one, unless they
            define it themselves.

        Returns
        -------
        rates : ndarray of float64
            The learning rate of each update, in the shape of `t`.

        See Also
        --------
        Schedule : How to write a custom schedule.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.schedules import Constant
        >>> Constant(0.01).rates(np.arange(3), n_updates=100)
        array([0.01, 0.01, 0.01])
        """
        raise missing_method(self, Schedule, "rates(t, n_updates)")


@dataclass(frozen=True)
class Constant(Schedule):
    """A constant learning rate.

    Parameters
    ----------
    initial : float, default=0.001
        The learning rate. Above 0.

    See Also
    --------
    Plateau : Constant until the loss no longer improves.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.schedules import Constant
    >>> Constant(initial=0.1).rates(np.array([0, 10, 100]), n_updates=100)
    array([0.1, 0.1, 0.1])
    """

    initial: float = 0.001

    def __post_init__(self) -> None:
        check_number(self, "initial", low=0)

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        return np.full(t.shape, float(self.initial))


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """A learning rate of ``initial / (1 + t / t0) ** power``, but at least `final`.

    It has no planned end, so it suits a stream; ``learning_rate="auto"`` is such a schedule in `partial_fit` without a
    `fit` before. It is multiplied by ``(t + 1) / (n_warmup_updates + 1)`` as long as that is below 1.

    Parameters
    ----------
    initial : float, default=0.01
        The learning rate of the first update. Above 0.
    power : float, default=0.5
        How fast the learning rate falls. At least 0.
    t0 : float, default=1.0
        Number of updates before the learning rate falls noticeably: after `t0` updates, it is ``initial / 2 ** power``.
        Above 0.
    final : float, default=0.0
        The learning rate does not fall below this value. At least 0. Above 0, the network never stops following
        changes of the data.
    n_warmup_updates : int, default=0
        The number of updates before the rate reaches its formula. At least 0. The first steps of an optimizer like Adam
        move all weights at once, which a small rate makes safe.

    See Also
    --------
    Exponential : Falls by a constant factor per update.

    References
    ----------
    H. Robbins and S. Monro (1951). A stochastic approximation method. The Annals of Mathematical Statistics 22.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.schedules import InverseScaling
    >>> InverseScaling(initial=0.1).rates(np.array([0, 3, 99]), n_updates=100)
    array([0.1 , 0.05, 0.01])
    >>> InverseScaling(initial=0.1, t0=100, final=0.02).rates(np.array([0, 300, 9900]), n_updates=100)
    array([0.1 , 0.05, 0.02])
    """

    initial: float = 0.01
    power: float = 0.5
    t0: float = 1.0
    final: float = 0.0
    n_warmup_updates: int = 0

    def __post_init__(self) -> None:
        check_number(self, "initial", low=0)
        check_number(self, "power", low=0, closed="left")
        check_number(self, "t0", low=0)
        check_number(self, "final", low=0, closed="left")
        check_number(self, "n_warmup_updates", low=0, closed="left")

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        rates = np.maximum(self.initial / (1.0 + t / self.t0) ** self.power, self.final)
        return _warmed_up(rates, t, self.n_warmup_updates)


@dataclass(frozen=True)
class Exponential(Schedule):
    """A learning rate of ``initial * decay ** t``.

    Parameters
    ----------
    initial : float, default=0.01
        The learning rate of the first update. Above 0.
    decay : float, default=0.9999
        Factor from one update to the next. Above 0 and at most 1.

    See Also
    --------
    InverseScaling : Falls more slowly in the long run.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.schedules import Exponential
    >>> Exponential(initial=0.1, decay=0.5).rates(np.array([0, 1, 2]), n_updates=100)
    array([0.1  , 0.05 , 0.025])
    """

    initial: float = 0.01
    decay: float = 0.9999

    def __post_init__(self) -> None:
        check_number(self, "initial", low=0)
        check_number(self, "decay", low=0, high=1, closed="right")

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        return self.initial * self.decay ** t.astype(float)


@dataclass(frozen=True)
class Cosine(Schedule):
    """A learning rate that falls from `initial` to `final` along half a cosine, without restarts.

    Update t has the rate ``final + (initial - final) * (1 + cos(pi * t / n_updates)) / 2``, multiplied by
    ``(t + 1) / (n_warmup_updates + 1)`` as long as that is below 1.

    Parameters
    ----------
    initial : float, default=0.01
        The learning rate that the cosine starts from. Above 0.
    final : float, default=0.0001
        The learning rate at the end and after it. At least 0; with 0, nothing is learned after the end.
    n_updates : int or None, default=None
        The number of updates after which `final` is reached. At least 1. None means the number of updates in
        ``max_iter`` epochs.
    n_warmup_updates : int, default=0
        The number of updates before the rate follows the cosine. At least 0. The first steps of an optimizer like Adam
        move all weights at once, which a small rate makes safe.

    See Also
    --------
    OneCycle : Rises along a cosine before it falls.

    References
    ----------
    I. Loshchilov and F. Hutter (2017). SGDR: Stochastic gradient descent with warm restarts. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.schedules import Cosine
    >>> Cosine(initial=0.1, final=0.0).rates(np.array([0, 50, 100, 200]), n_updates=100)
    array([0.1 , 0.05, 0.  , 0.  ])
    """

    initial: float = 0.01
    final: float = 0.0001
    n_updates: int | None = None
    n_warmup_updates: int = 0
    has_end: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "initial", low=0)
        check_number(self, "final", low=0, closed="left")
        check_number(self, "n_warmup_updates", low=0, closed="left")
        _check_n_updates(self)

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        n_updates = self.n_updates or n_updates
        if t[0] >= max(n_updates, self.n_warmup_updates):  # a shortcut for long streams
            return np.full(t.shape, float(self.final))
        return _warmed_up(_half_cosine(self.initial, self.final, t / n_updates), t, self.n_warmup_updates)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """A learning rate that rises to `maximum` and falls again, both along half a cosine.

    It goes from ``maximum / start_divisor`` to `maximum` and then to ``maximum / end_divisor``.

    Parameters
    ----------
    maximum : float, default=0.01
        The highest learning rate. Above 0.
    warmup : float, default=0.3
        Fraction of the updates in which the learning rate rises. Above 0 and below 1.
    start_divisor : float, default=25
        The learning rate of the first update is `maximum` divided by this number. At least 1.
    end_divisor : float, default=1e4
        The last learning rate is `maximum` divided by this number. At least 1.
    n_updates : int or None, default=None
        The length of the cycle. At least 1. None means the number of updates in ``max_iter`` epochs.

    See Also
    --------
    Cosine : Falls from the first update on.

    Notes
    -----
    Smith and Topin change the learning rate linearly. The half cosines and the divisors follow fastai and PyTorch.

    References
    ----------
    L. N. Smith and N. Topin (2018). Super-convergence: very fast training of neural networks using large learning
    rates. arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.schedules import OneCycle
    >>> OneCycle(maximum=0.5, start_divisor=5, end_divisor=100).rates(np.array([0, 30, 100, 200]), n_updates=100)
    array([0.1  , 0.5  , 0.005, 0.005])
    """

    maximum: float = 0.01
    warmup: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4
    n_updates: int | None = None
    has_end: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "maximum", low=0)
        check_number(self, "warmup", low=0, high=1)
        check_number(self, "start_divisor", low=1, closed="left")
        check_number(self, "end_divisor", low=1, closed="left")
        _check_n_updates(self)

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        progress = t / (self.n_updates or n_updates)
        rising = _half_cosine(self.maximum / self.start_divisor, self.maximum, progress / self.warmup)
        falling = _half_cosine(
            self.maximum, self.maximum / self.end_divisor, (progress - self.warmup) / (1 - self.warmup)
        )
        return np.where(progress < self.warmup, rising, falling)


@dataclass(frozen=True)
class Plateau(Schedule):
    """A learning rate that is multiplied by `factor` when the loss has not improved for `patience` epochs.

    With a validation set, it is the validation loss, or minus the score if `scoring` is a scorer; otherwise it is the
    training loss.

    A call of `partial_fit` is an epoch if it has at least 50 samples; with fewer, their loss is mostly noise, and the
    learning rate keeps its value. If the samples differ from call to call, their losses also differ by chance, so
    `patience` should be larger than for `fit`.

    Parameters
    ----------
    initial : float, default=0.001
        The learning rate at the start. Above 0.
    factor : float, default=0.5
        The factor by which the learning rate is multiplied. Above 0 and below 1.
    patience : int, default=5
        Number of epochs in a row without an improvement. At least 1.
    threshold : float, default=1e-4
        The loss must fall by more than this to count as improved. At least 0.
    final : float, default=1e-6
        The learning rate is not reduced below this value. At least 0.

    See Also
    --------
    Constant : A constant learning rate.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.schedules import Plateau
    >>> X, y = load_diabetes(return_X_y=True)
    >>> schedule = Plateau(initial=0.01, patience=2, threshold=0.01)
    >>> network = BackpropRegressor(learning_rate=schedule, max_iter=50, tol=None, random_state=0).fit(X, y)
    >>> network.learning_rate_ < 0.01
    True
    """

    initial: float = 0.001
    factor: float = 0.5
    patience: int = 5
    threshold: float = 1e-4
    final: float = 1e-6

    def __post_init__(self) -> None:
        check_number(self, "initial", low=0)
        check_number(self, "factor", low=0, high=1)
        check_number(self, "patience", low=1, closed="left")
        check_number(self, "threshold", low=0, closed="left")
        check_number(self, "final", low=0, closed="left")

    def rates(self, t: np.ndarray, n_updates: int) -> np.ndarray:
        return np.full(t.shape, float(self.initial))  # the trainer, which knows the loss, multiplies by a factor


def _half_cosine(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    """Return values that go from `start` at progress 0 to `end` at progress 1 and stay there."""
    return end + (start - end) * (1 + np.cos(np.pi * np.clip(progress, 0, 1))) / 2


def _warmed_up(rates: np.ndarray, t: np.ndarray, n_warmup_updates: int) -> np.ndarray:
    """Return rates that are smaller in the first updates."""
    return rates * np.minimum((t + 1) / (n_warmup_updates + 1), 1.0) if t[0] < n_warmup_updates else rates


def _check_n_updates(schedule: Cosine | OneCycle) -> None:
    if schedule.n_updates is not None:
        check_number(schedule, "n_updates", low=1, closed="left")


#: The schedules that have a name.
SCHEDULES: dict[str, Schedule] = {
    "constant": Constant(),
    "invscaling": InverseScaling(),
    "exponential": Exponential(),
    "cosine": Cosine(),
    "one_cycle": OneCycle(),
    "plateau": Plateau(),
}

__dir__ = publish(globals())
