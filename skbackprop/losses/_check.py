"""A check of a custom loss: shapes, dtypes, and its derivative against finite differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._component_checks import check_float32, check_is_array, steps_around, wrong_derivatives
from ._base import Loss


def check_loss(loss: Loss, y: ArrayLike, raw: ArrayLike, *, rtol: float = 1e-5) -> None:
    """Check a custom loss: shapes, dtypes, and the derivative against finite differences.

    Parameters
    ----------
    loss : Loss
        The loss to check.
    y : array-like of shape (n_samples, n_outputs)
        Targets for which the loss is evaluated. They must be valid for the loss.
    raw : array-like of shape (n_samples, n_outputs)
        Raw outputs for which the loss is evaluated. Leave out points where the loss has no derivative, such as the
        kink of an absolute value.
    rtol : float, default=1e-5
        Largest error of the derivative that is accepted, relative to the larger of 1 and the derivative. At least 0.

    Raises
    ------
    ValueError
        If the check fails; the message says what is wrong and where.

    See Also
    --------
    Loss : The base class of a custom loss.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbackprop.losses import Loss, check_loss
    >>> @dataclass(frozen=True)
    ... class LogCosh(Loss):
    ...     target_scaling = "spread"  # standardize the target
    ...     def inverse_link(self, raw):
    ...         return raw
    ...     def value_and_gradient(self, y, raw, gradient):
    ...         np.tanh(raw - y, out=gradient)
    ...         return (np.logaddexp(raw - y, y - raw) - np.log(2)).sum(axis=1)
    >>> check_loss(LogCosh(), y=[[0.0, 1.0]], raw=[[0.3, -2.0]])
    """
    y = np.array(y, np.float64, ndmin=2)
    raw = np.array(raw, np.float64, ndmin=2)
    loss.check_target(y)
    y = loss.repeat_target(y)
    if y.shape != raw.shape:
        raise ValueError(f"y has shape {y.shape} and raw has shape {raw.shape}; the shapes must be equal.")
    gradient = check_interface(loss, y, raw)
    _check_gradient(loss, y, raw, gradient, rtol)
    _, gradient32 = _evaluate(loss, y.astype(np.float32), raw.astype(np.float32))
    check_float32(loss, gradient32, gradient)


def check_interface(loss: Loss, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Check types, shapes and finiteness of what a loss returns and writes, and return the derivative.

    Parameters
    ----------
    loss : Loss
    y, raw : ndarray of shape (n_samples, n_outputs)

    Raises
    ------
    ValueError
        If a method does not do what the base class says.
    """
    given = y.copy()
    values, gradient = _evaluate(loss, given, raw)
    if np.isnan(gradient).all():
        raise ValueError(
            f"{loss!r}: value_and_gradient has not written the derivative into gradient, as in gradient[...] = "
            "raw - y, or has written NaN only."
        )
    check_is_array(loss, "value_and_gradient", values, raw.shape[:1])
    check_is_array(loss, "inverse_link", np.asarray(loss.inverse_link(raw.copy())), raw.shape)
    for array in (values, gradient):
        if not np.isfinite(array).all():
            raise ValueError(f"{loss!r}: value_and_gradient gives NaN or infinity for y={y[0]} and raw={raw[0]}.")
    if not np.array_equal(given, y):
        raise ValueError(f"{loss!r}: value_and_gradient must not change y; write to raw or gradient, or to a copy.")
    return gradient


def _check_gradient(loss: Loss, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray, rtol: float) -> None:
    """Compare the derivative with central differences, one output at a time."""
    step = steps_around(raw)
    for output in range(raw.shape[1]):
        shift = np.zeros_like(raw)
        shift[:, output] = step[:, output]
        above, _ = _evaluate(loss, y, raw + shift)
        below, _ = _evaluate(loss, y, raw - shift)
        expected = (above - below) / (2 * step[:, output])
        actual = gradient[:, output]
        for sample in wrong_derivatives(actual, expected, rtol)[:1]:
            raise ValueError(
                f"{loss!r}: the derivative with respect to output {output} of sample {sample} is {actual[sample]:g}, "
                f"but finite differences give {expected[sample]:g}."
            )


def _evaluate(loss: Loss, y: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and the derivative, and leave `raw` unchanged."""
    gradient = np.full_like(raw, np.nan)
    return loss.value_and_gradient(y, raw.copy(), gradient), gradient
