"""Losses of numbers: squared, absolute and Huber error, quantiles, and the deviances of counts and amounts.

Where scikit-learn has a metric of the same name, the mean of the loss over samples is the sum of this metric over the
outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from .._hyperparameters import check_number, fits_in_float, shortened
from .._scalar_math import Number, exp, logistic
from ._base import LinkedLoss, Loss, check_range, row_products
from ._links import IdentityLink, Link, LogitLink, LogLink, SortedLink

__all__ = [
    "AbsoluteError",
    "Gamma",
    "Huber",
    "LogisticSquaredError",
    "Poisson",
    "Quantile",
    "Quantiles",
    "SquaredError",
    "Tweedie",
]


class _OfLocation(LinkedLoss):
    """Base class of losses of the residual y - out, with out = raw."""

    link: ClassVar[Link] = IdentityLink()

    def constant(self, mean: np.ndarray) -> np.ndarray:
        return mean


class _Robust(_OfLocation):
    """Base class of those whose derivative is bounded."""

    is_robust = True


@dataclass(frozen=True)
class SquaredError(_OfLocation):
    """Sum over the outputs of (y - out)^2, without one-half, as in the lecture; out = raw.

    See Also
    --------
    Huber : Grows more slowly far from the target.
    LogisticSquaredError : With a logistic output.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import SquaredError
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> SquaredError().value_and_gradient(y, raw, gradient).round(4)
    array([1.25])
    >>> gradient.round(4)
    array([[-1., -2.]])
    """

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        np.subtract(raw, y, out=gradient)
        values = row_products(gradient, gradient)
        gradient *= 2.0
        return values

    def output_derivative(self, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        return -2.0 * (y - prediction)

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number) -> tuple[Number, Number]:
        residual = raw - y
        return residual * residual, residual + residual


@dataclass(frozen=True)
class LogisticSquaredError(LinkedLoss):
    """Sum over the outputs of (y - out)^2 with out = f(raw) and f the logistic function: the lecture's network.

    See Also
    --------
    SquaredError : With a linear output.
    BinaryLogLoss : The log loss of the same output.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import LogisticSquaredError
    >>> y, raw = np.array([[0.01, 0.99]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> LogisticSquaredError().value_and_gradient(y, raw, gradient).round(4)
    array([0.3072])
    >>> gradient.round(4)
    array([[ 0.245 , -0.1018]])
    """

    link = LogitLink()

    def check_target(self, y: np.ndarray) -> None:
        check_range(self, y, (y >= 0) & (y <= 1), "between 0 and 1")

    def constant(self, mean: np.ndarray) -> np.ndarray:
        return special.logit(np.clip(mean, 1e-6, 1 - 1e-6))

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        out = special.expit(raw, out=raw)
        np.subtract(out, y, out=gradient)
        values = row_products(gradient, gradient)
        gradient *= 2.0  # dE/dout = -2 (y - out)
        gradient *= out  # dout/dnet = f(net) f(-net) = out (1 - out)
        np.subtract(1.0, out, out=out)
        gradient *= out
        return values

    def output_derivative(self, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        return -2.0 * (y - prediction)

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number) -> tuple[Number, Number]:
        number = type(raw)
        out = logistic(raw)
        residual = out - y
        return residual * residual, number(2) * residual * out * (number(1) - out)


@dataclass(frozen=True)
class AbsoluteError(_Robust):
    """Sum over the outputs of abs(y - out): its minimum is the median of y, which outliers do not move.

    See Also
    --------
    Huber : Smooth at the target.
    Quantile : Other quantiles than the median.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import AbsoluteError
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> AbsoluteError().value_and_gradient(y, raw, gradient).round(4)
    array([1.5])
    >>> gradient.round(4)
    array([[-1., -1.]])
    """

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        raw -= y
        np.sign(raw, out=gradient)
        return row_products(raw, gradient)

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number) -> tuple[Number, Number]:
        residual = raw - y
        return abs(residual), np.sign(residual)


@dataclass(frozen=True)
class Huber(_Robust):
    """Sum over the outputs of r^2 / 2 where abs(r) <= delta, else delta (abs(r) - delta / 2), with r = y - out.

    Huber 1964, as `scipy.special.huber`.

    Parameters
    ----------
    delta : float, default=1.0
        Residual at which the loss changes from quadratic to linear, above 0. It is in standard deviations of the
        target if the estimator has ``standardize=True``, and in the units of the target otherwise. The standard
        deviation is that of the target with extreme values moved to 4 robust standard deviations from the median, so
        that gross errors do not change the meaning of `delta`.

    See Also
    --------
    SquaredError : Its limit for a large `delta`.
    AbsoluteError : Its limit for a small `delta`, up to a factor.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import Huber
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> Huber(delta=0.7).value_and_gradient(y, raw, gradient).round(4)
    array([0.58])
    >>> gradient.round(4)
    array([[-0.5, -0.7]])
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "delta", low=0)

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        raw -= y
        np.clip(raw, -self.delta, self.delta, out=gradient)
        return row_products(raw, gradient) - 0.5 * row_products(gradient, gradient)

    def in_units_of(self, scale: np.ndarray) -> Huber:
        rescaled = copy(self)
        # One delta for each output, which `check_number` would reject.
        object.__setattr__(rescaled, "delta", self.delta * scale)
        return rescaled

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number, delta: Number) -> tuple[Number, Number]:
        residual = raw - y
        slope = min(max(residual, -delta), delta)
        return slope * (residual - type(raw)(0.5) * slope), slope


@dataclass(frozen=True)
class Quantile(_Robust):
    """Sum over the outputs of quantile * r where r = y - out > 0, else (quantile - 1) * r: the pinball loss.

    Koenker and Bassett 1978.

    Parameters
    ----------
    quantile : float, default=0.5
        Which quantile of y, given X, to predict: between 0 and 1.

    See Also
    --------
    Quantiles : Several quantiles that do not cross.
    AbsoluteError : Twice the loss of the median.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import Quantile
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> Quantile(quantile=0.9).value_and_gradient(y, raw, gradient).round(4)
    array([1.35])
    >>> gradient.round(4)
    array([[-0.9, -0.9]])
    """

    quantile: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "quantile", low=0, high=1)

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        raw -= y
        _pinball_slopes(raw, self.quantile, gradient)
        return row_products(raw, gradient)

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number, quantile: Number) -> tuple[Number, Number]:
        return _pinball(y, raw, quantile)


@dataclass(frozen=True)
class Quantiles(_Robust):
    """The sum of the pinball losses of several quantiles of one target; predictions never cross.

    The network has an output for each quantile, and sorts its outputs. This rearrangement never increases the loss
    (Chernozhukov, Fernandez-Val and Galichon 2010).

    Parameters
    ----------
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Between 0 and 1, increasing.

    Attributes
    ----------
    predicted_quantiles : tuple of float
        The quantiles that the outputs predict.

    See Also
    --------
    Quantile : A single quantile.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 1))
    >>> model = BackpropRegressor(loss=Quantiles((0.05, 0.95)), max_iter=5, tol=None, random_state=0).fit(X, X[:, 0])
    >>> low, high = model.predict(X).T
    >>> bool((low <= high).all())
    True
    """

    quantiles: Sequence[float] = (0.1, 0.5, 0.9)
    link = SortedLink()

    def __post_init__(self) -> None:
        given = isinstance(self.quantiles, Sequence)
        numbers = given and all(fits_in_float(quantile) for quantile in self.quantiles)
        if not numbers or not len(self.quantiles) or not (np.diff([0.0, *self.quantiles, 1.0]) > 0).all():
            raise ValueError(f"quantiles must be increasing numbers between 0 and 1, got {shortened(self.quantiles)}.")

    @property
    def predicted_quantiles(self) -> tuple[float, ...]:  # type: ignore[override]  # computed, elsewhere a constant
        """The quantiles that the outputs predict."""
        return tuple(self.quantiles)

    def check_target(self, y: np.ndarray) -> None:
        if y.shape[1] != 1:
            raise ValueError(f"loss={self!r} takes one target, y has {y.shape[1]} columns; fit one estimator for each.")

    def repeat_target(self, y: np.ndarray) -> np.ndarray:
        return np.repeat(y, len(self.quantiles), axis=1)

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        order = np.argsort(raw, axis=1, kind="stable")
        residual = np.take_along_axis(raw, order, axis=1) - y
        slopes = np.empty_like(residual)
        _pinball_slopes(residual, np.asarray(self.quantiles, raw.dtype), slopes)
        np.put_along_axis(gradient, order, slopes, axis=1)
        return row_products(residual, slopes)

    @staticmethod
    def loop_value_and_gradient(
        y: np.ndarray,
        raw: np.ndarray,
        gradient: np.ndarray,
        factor: np.ndarray,
        n: np.uint64,
        n_outputs: np.uint64,
        quantiles: np.ndarray,
    ) -> float:
        zero, one = type(n)(0), type(n)(1)
        total = 0.0
        for i in range(n):
            first = i - i % n_outputs  # the first output of the sample
            rank = zero  # of this output among those of its sample, in ascending order
            for k in range(first, first + n_outputs):
                if raw[k] < raw[i] or (raw[k] == raw[i] and k < i):
                    rank += one
            value, slope = _pinball(y[i], raw[i], quantiles[rank])
            total += factor[i] * value
            gradient[i] = factor[i] * slope
        return total


def _pinball_slopes(residual: np.ndarray, quantile: float | np.ndarray, out: np.ndarray) -> None:
    """Write the derivative of the pinball loss with respect to the prediction; `residual` is the prediction minus y."""
    np.sign(residual, out=out)
    out -= 2 * quantile - 1
    out *= 0.5  # 1 - quantile above y and -quantile below
    out[residual == 0] = 0


def _pinball(y: Number, raw: Number, quantile: Number) -> tuple[Number, Number]:
    """Return the pinball loss of one prediction and its derivative with respect to `raw`."""
    number = type(raw)
    residual = raw - y
    slope = number(0)
    if residual > 0:
        slope = number(1) - quantile
    elif residual < 0:
        slope = -quantile
    return residual * slope, slope


class _Deviance(LinkedLoss):
    """Base class of the unit deviances of Tweedie distributions, with out = exp(raw); see `Tweedie`."""

    link = LogLink()

    @property
    def power(self) -> float:
        """The power of the mean that the variance is proportional to."""
        raise NotImplementedError

    def constant(self, mean: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(mean, np.finfo(mean.dtype).tiny))

    def check_target(self, y: np.ndarray) -> None:
        if self.power < 2:
            check_range(self, y, y >= 0, "at least 0")
        else:
            check_range(self, y, y > 0, "above 0")

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        if self.power == 1:
            return self._poisson(y, raw, gradient)
        if self.power == 2:
            return self._gamma(y, raw, gradient)
        p = self.power
        np.exp((2 - p) * raw, out=gradient)
        raw *= 1 - p
        np.exp(raw, out=raw)
        raw *= y
        values = (y ** (2 - p) / ((1 - p) * (2 - p)) - raw / (1 - p) + gradient / (2 - p)).sum(axis=1)
        gradient -= raw
        gradient *= 2
        return 2 * values

    @staticmethod
    def _poisson(y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        values = special.xlogy(y, y).sum(axis=1) - row_products(y, raw)
        np.exp(raw, out=gradient)
        gradient -= y
        values += gradient.sum(axis=1)
        gradient *= 2
        return 2 * values

    @staticmethod
    def _gamma(y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        np.log(y, out=gradient)
        np.subtract(raw, gradient, out=raw)
        np.negative(raw, out=gradient)
        np.exp(gradient, out=gradient)  # y / out
        np.subtract(1, gradient, out=gradient)
        values = (raw - gradient).sum(axis=1)
        gradient *= 2
        return 2 * values


@dataclass(frozen=True)
class Poisson(_Deviance):
    """Sum over the outputs of 2 (y log(y / out) - y + out) with out = exp(raw): for counts, y at least 0.

    The unit deviance of the Poisson distribution, as `sklearn.metrics.mean_poisson_deviance`.

    See Also
    --------
    Tweedie : The same for other powers of the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import Poisson
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> Poisson().value_and_gradient(y, raw, gradient).round(4)
    array([0.516])
    >>> gradient.round(4)
    array([[1.    , 1.4366]])
    """

    power: ClassVar[float] = 1.0

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number) -> tuple[Number, Number]:
        return _poisson(y, raw)


@dataclass(frozen=True)
class Gamma(_Deviance):
    """Sum over the outputs of 2 (log(out / y) + y / out - 1) with out = exp(raw): for amounts, y above 0.

    The unit deviance of the gamma distribution, as `sklearn.metrics.mean_gamma_deviance`.

    See Also
    --------
    Tweedie : The same for other powers of the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import Gamma
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> Gamma().value_and_gradient(y, raw, gradient).round(4)
    array([0.4715])
    >>> gradient.round(4)
    array([[1.    , 0.5285]])
    """

    power: ClassVar[float] = 2.0

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number) -> tuple[Number, Number]:
        return _gamma(y, raw)


@dataclass(frozen=True)
class Tweedie(_Deviance):
    """Sum over the outputs of the unit deviance of the Tweedie distribution, with out = exp(raw).

    For power p, 2 (y^(2 - p) / ((1 - p) (2 - p)) - y out^(1 - p) / (1 - p) + out^(2 - p) / (2 - p)): Jorgensen 1987, as
    `sklearn.metrics.mean_tweedie_deviance`. For amounts that are often exactly 0, take a power between 1 and 2.

    Parameters
    ----------
    power : float, default=1.5
        The variance is proportional to this power of the mean. At least 1; 1 is `Poisson` and 2 is `Gamma`. `y` must be
        above 0 for a power of 2 or more, and at least 0 otherwise.

    See Also
    --------
    Poisson : The power 1.
    Gamma : The power 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import Tweedie
    >>> y, raw = np.array([[0.5, 2.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> Tweedie(power=1.5).value_and_gradient(y, raw, gradient).round(4)
    array([0.4766])
    >>> gradient.round(4)
    array([[1.    , 0.8713]])
    """

    power: float = 1.5

    def __post_init__(self) -> None:
        check_number(self, "power", low=1, closed="left")

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number, power: Number) -> tuple[Number, Number]:
        if power == 1:
            return _poisson(y, raw)
        if power == 2:
            return _gamma(y, raw)
        number = type(raw)
        one, two = number(1), number(2)
        growth = exp((two - power) * raw)
        decay = y * exp((one - power) * raw)
        constant = y ** (two - power) / ((one - power) * (two - power))
        value = constant - decay / (one - power) + growth / (two - power)
        return two * value, two * (growth - decay)


def _poisson(y: Number, raw: Number) -> tuple[Number, Number]:
    """Return the Poisson deviance of one prediction and its derivative with respect to `raw`."""
    number = type(raw)
    out = exp(raw)
    constant = y * np.log(y) if y > 0 else number(0)
    return number(2) * (constant - y * raw + out - y), number(2) * (out - y)


def _gamma(y: Number, raw: Number) -> tuple[Number, Number]:
    """Return the gamma deviance of one prediction and its derivative with respect to `raw`."""
    number = type(raw)
    difference = raw - np.log(y)
    ratio = exp(-difference)  # y / out
    return number(2) * (difference + ratio - number(1)), number(2) * (number(1) - ratio)


#: The losses of this module by name and output activation; `skbackprop.losses.LOSSES` has those of all modules.
LOSSES: dict[tuple[str, str], Loss] = {
    ("squared_error", "identity"): SquaredError(),
    ("squared_error", "logistic"): LogisticSquaredError(),
    ("absolute_error", "identity"): AbsoluteError(),
    ("huber", "identity"): Huber(),
    ("quantile", "identity"): Quantile(),
    ("quantiles", "sorted"): Quantiles(),
    ("poisson", "exponential"): Poisson(),
    ("gamma", "exponential"): Gamma(),
    ("tweedie", "exponential"): Tweedie(),
}
