"""A check of a custom activation: that it writes where it should, and its derivative against finite differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._component_checks import (
    call,
    check_float32,
    check_kind,
    check_samples_are_independent,
    steps_around,
    written,
    wrong_derivatives,
)
from ._base import Activation

#: Pre-activations for which activations are checked, none of them where an activation is likely to have a kink.
POINTS = np.array([[-2.3, -0.71, -0.13], [0.17, 0.93, 2.6]])


def check_activation(activation: Activation, z: ArrayLike = POINTS, *, rtol: float = 1e-5) -> None:
    """Check a custom activation: what it writes, dtypes, and the derivative against finite differences.

    What it writes is also checked before training, with as many columns as the layer has units.

    Parameters
    ----------
    activation : Activation
        The activation to check.
    z : array-like of shape (n_samples, n_units), default=six numbers between -2.3 and 2.6
        Pre-activations for which it is evaluated. Leave out points where it has no derivative, such as a kink. If the
        activation has a parameter for each unit, there must be a column for each.
    rtol : float, default=1e-5
        Largest error of the derivative that is accepted, relative to the larger of 1 and the derivative. At least 0.

    Raises
    ------
    ValueError
        If the check fails, or a method raises an error; the message says what is wrong and where.
    NotImplementedError
        If a method is missing.
    TypeError
        If `activation` is not an object of a subclass of `Activation`.

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

    With a parameter for each of five units:

    >>> class Scaled(Activation):
    ...     scale = np.linspace(0.5, 1.5, 5)
    ...     def function(self, z, out):
    ...         np.multiply(z, self.scale, out=out)
    ...     def derivative(self, z, a):
    ...         z[...] = self.scale
    >>> check_activation(Scaled(), z=np.linspace(-2, 2, 10).reshape(2, 5))
    """
    check_kind(activation, Activation, "activation")
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
    a = _checked_function(activation, z)
    derivative, returned = _derivative(activation, z, a)
    if np.array_equal(derivative, z) and (returned is not None or not np.allclose(_differences(activation, z), z)):
        raise ValueError(
            f"{activation!r}: derivative must write f'(z) into z, as in z[...] = np.cos(z){_instead(returned)}."
        )
    _check_finite(activation, "derivative", z, derivative)
    check_samples_are_independent(
        activation, "derivative", lambda samples: _derivative(activation, z[samples], a[samples])[0], len(z)
    )
    return derivative


def interface_points(n_units: int, dtype: DTypeLike) -> np.ndarray:
    """Return the pre-activations for which an activation of a layer is checked before training.

    Each sample and each unit has another order of the same points.
    """
    points = POINTS.ravel()
    order = np.add.outer(np.arange(points.size), np.arange(n_units)) % points.size
    return points[order].astype(dtype)


def _checked_function(activation: Activation, z: np.ndarray) -> np.ndarray:
    """Check the function, and return its values."""
    a, is_unwritten = written(lambda fill: _function(activation, z, fill)[0])
    if is_unwritten.any():
        where = "out" if is_unwritten.all() else "every entry of out"
        _, returned = _function(activation, z)
        raise ValueError(
            f"{activation!r}: function must write f(z) into {where}, as in out[...] = np.sin(z){_instead(returned)}."
        )
    _check_finite(activation, "function", z, a)
    check_samples_are_independent(activation, "function", lambda samples: _function(activation, z[samples])[0], len(z))
    if activation.works_in_place:
        _check_in_place(activation, z, a)
    return a


def _check_in_place(activation: Activation, z: np.ndarray, a: np.ndarray) -> None:
    """Raise ValueError if a function that is said to work in place gives other values then."""
    in_place = z.copy()
    activation.function(in_place, in_place)
    is_repeatable = np.array_equal(_function(activation, z)[0], a)
    if is_repeatable and not np.allclose(in_place, a):
        raise ValueError(
            f"{activation!r}: works_in_place is True, but function(z, out=z) gives other values than with another "
            "array as out; remove works_in_place."
        )


def _function(activation: Activation, z: np.ndarray, fill: float = np.nan) -> tuple[np.ndarray, object]:
    """Return what the function writes to an array full of a number, and what it returns."""
    out = np.full_like(z, fill)
    return out, call(activation, "function", {"z": z.copy(), "out": out}, writes=("out",))


def _derivative(activation: Activation, z: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, object]:
    """Return what the derivative writes, and what it returns."""
    z = z.copy()
    return z, call(activation, "derivative", {"z": z, "a": a.copy()}, writes=("z", "a"))


def _instead(returned: object) -> str:
    return "" if returned is None else " instead of returning it"


def _differences(activation: Activation, z: np.ndarray) -> np.ndarray:
    """Return the central differences of the function."""
    z = z.astype(np.float64)
    step = steps_around(z)
    above, _ = _function(activation, z + step)
    below, _ = _function(activation, z - step)
    return (above - below) / (2 * step)


def _check_finite(activation: Activation, name: str, z: np.ndarray, values: np.ndarray) -> None:
    for position in np.flatnonzero(~np.isfinite(values))[:1]:
        raise ValueError(
            f"{activation!r}: {name} gives {values.flat[position]} for z={z.flat[position]:g}; it must be a finite "
            "number for every z."
        )
