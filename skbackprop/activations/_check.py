"""A check of a custom activation: that it writes where it should, and its derivative against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._component_checks import check_float32, steps_around, wrong_derivatives
from ._base import Activation

#: Pre-activations for which activations are checked, none of them where an activation is likely to have a kink.
POINTS = np.array([[-2.3, -0.71, -0.13], [0.17, 0.93, 2.6]])


def check_activation(activation: Activation, z: ArrayLike = POINTS, *, rtol: float = 1e-5) -> None:
    """Check a custom activation: what it writes, dtypes, and the derivative against finite differences.

    Parameters
    ----------
    activation : Activation
        The activation to check.
    z : array-like of shape (n_samples, n_units), default=six numbers between -2.3 and 2.6
        Pre-activations for which it is evaluated. Leave out points where it has no derivative, such as a kink.
    rtol : float, default=1e-5
        Largest error of the derivative that is accepted, relative to the larger of 1 and the derivative. At least 0.

    Raises
    ------
    ValueError
        If the check fails; the message says what is wrong and where.

    See Also
    --------
    Activation : The base class of a custom activation.
    skbackprop.losses.check_loss : The same for a custom loss.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Activation, check_activation
    >>> class Sine(Activation):
    ...     def function(self, z, out):
    ...         np.sin(z, out=out)
    ...     def derivative(self, z, a):
    ...         np.cos(z, out=z)
    >>> check_activation(Sine())
    """
    z = np.array(z, np.float64, ndmin=2)
    derivative = check_interface(activation, z)
    expected = _differences(activation, z)
    for position in wrong_derivatives(derivative, expected, rtol)[:1]:
        raise ValueError(
            f"{activation!r}: the derivative for z={z.flat[position]:g} is {derivative.flat[position]:g}, but finite "
            f"differences give {expected.flat[position]:g}."
        )
    check_float32(activation, check_interface(activation, z.astype(np.float32)), derivative)


def check_interface(activation: Activation, z: np.ndarray) -> np.ndarray:
    """Check what an activation writes, and return the derivative.

    Parameters
    ----------
    activation : Activation
    z : ndarray of shape (n_samples, n_units)

    Raises
    ------
    ValueError
        If a method does not do what the base class says.
    """
    given, a = z.copy(), np.full_like(z, np.nan)
    function: Callable[..., object] = activation.function
    derivative: Callable[..., object] = activation.derivative
    returned = function(given, a)
    if np.isnan(a).all():
        instead = "" if returned is None else " instead of returning it"
        raise ValueError(f"{activation!r}: function must write f(z) into out, as in out[...] = np.sin(z){instead}.")
    _check_finite(activation, "function", z, a)
    if not np.array_equal(given, z):
        raise ValueError(f"{activation!r}: function must not change z; write to out only.")
    returned = derivative(given, a.copy())
    if np.array_equal(given, z) and (returned is not None or not np.allclose(_differences(activation, z), z)):
        instead = "" if returned is None else " instead of returning it"
        raise ValueError(f"{activation!r}: derivative must write f'(z) into z, as in z[...] = np.cos(z){instead}.")
    _check_finite(activation, "derivative", z, given)
    return given


def interface_points(dtype: DTypeLike) -> np.ndarray:
    """Return the pre-activations for which an activation is checked before training."""
    return POINTS.astype(dtype)


def _differences(activation: Activation, z: np.ndarray) -> np.ndarray:
    """Return the central differences of the function."""
    z = z.astype(np.float64)
    step = steps_around(z)
    above, below = np.empty_like(z), np.empty_like(z)
    activation.function(z + step, above)
    activation.function(z - step, below)
    return (above - below) / (2 * step)


def _check_finite(activation: Activation, name: str, z: np.ndarray, values: np.ndarray) -> None:
    for position in np.flatnonzero(~np.isfinite(values))[:1]:
        raise ValueError(
            f"{activation!r}: {name} gives {values.flat[position]} for z={z.flat[position]:g}; it must be a finite "
            "number for every z."
        )
