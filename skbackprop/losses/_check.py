"""A check of a custom loss: shapes, dtypes, and its derivative against finite differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._base import Loss

#: Step of the central differences, relative to the larger of 1 and the raw output. The error of a central difference is
#: smallest near the cube root of the machine epsilon, 6e-6 in float64 (Press et al., Numerical Recipes, section 5.7).
STEP = 1e-6
#: Largest difference that is accepted between the derivatives in float32 and in float64, relative and absolute.
FLOAT32_TOLERANCE = 1e-2


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
    ...     def inverse_link(self, raw):
    ...         return raw
    ...     def value_and_gradient(self, y, raw, gradient):
    ...         np.tanh(raw - y, out=gradient)
    ...         return np.log(np.cosh(raw - y)).sum(axis=1)
    >>> check_loss(LogCosh(), y=[[0.0, 1.0]], raw=[[0.3, -2.0]])
    """
    y = np.array(y, np.float64, ndmin=2)
    raw = np.array(raw, np.float64, ndmin=2)
    loss.check_target(y)
    y = loss.repeat_target(y)
    if y.shape != raw.shape:
        raise ValueError(f"y has shape {y.shape} and raw has shape {raw.shape}; the shapes must be equal.")
    gradient = _check_values(loss, y, raw)
    _check_gradient(loss, y, raw, gradient, rtol)
    _, gradient32 = _evaluate(loss, y.astype(np.float32), raw.astype(np.float32))
    atol = FLOAT32_TOLERANCE * max(1.0, np.abs(gradient).max())
    if not np.allclose(gradient32, gradient, rtol=FLOAT32_TOLERANCE, atol=atol):
        raise ValueError(f"{loss!r}: the derivative in float32 differs from the derivative in float64.")


def _check_values(loss: Loss, y: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Check types, shapes and finiteness of what the loss returns, and return the derivative."""
    values, gradient = _evaluate(loss, y, raw)
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{loss!r}: value_and_gradient must return an ndarray, got {type(values).__name__}.")
    prediction = np.asarray(loss.inverse_link(raw.copy()))
    for name, array, shape in (("value_and_gradient", values, raw.shape[:1]), ("inverse_link", prediction, raw.shape)):
        if array.shape != shape:
            raise ValueError(f"{loss!r}: {name} must return an array of shape {shape}, got shape {array.shape}.")
    for array in (values, gradient):
        if not np.isfinite(array).all():
            raise ValueError(f"{loss!r}: value_and_gradient gives NaN or infinity for these y and raw.")
    return gradient


def _check_gradient(loss: Loss, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray, rtol: float) -> None:
    """Compare the derivative with central differences, one output at a time."""
    step = STEP * np.maximum(1.0, np.abs(raw))
    for output in range(raw.shape[1]):
        shift = np.zeros_like(raw)
        shift[:, output] = step[:, output]
        above, _ = _evaluate(loss, y, raw + shift)
        below, _ = _evaluate(loss, y, raw - shift)
        expected = (above - below) / (2 * step[:, output])
        actual = gradient[:, output]
        is_close = np.abs(actual - expected) <= rtol * np.maximum(1.0, np.abs(expected))
        wrong = np.flatnonzero(~is_close)
        if wrong.size:
            sample = wrong[0]
            raise ValueError(
                f"{loss!r}: the derivative with respect to output {output} of sample {sample} is {actual[sample]:g}, "
                f"but finite differences give {expected[sample]:g}."
            )


def _evaluate(loss: Loss, y: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and the derivative, and leave `raw` unchanged."""
    gradient = np.full_like(raw, np.nan)
    return loss.value_and_gradient(y, raw.copy(), gradient), gradient
