"""A check of a custom loss: shapes, dtypes, and its derivative against finite differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._component_checks import (
    call,
    check_array,
    check_finite,
    check_float32,
    check_kind,
    check_samples_are_independent,
    steps_around,
    written,
    wrong_derivatives,
)
from ._base import Loss


def check_loss(loss: Loss, y: ArrayLike, raw: ArrayLike, *, rtol: float = 1e-5) -> None:
    """Check a custom loss: shapes, dtypes, and the derivative against finite differences.

    Everything but the derivative is also checked before training, with a few targets of the training set.

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
        If the check fails, or a method raises an error; the message says what is wrong and where.
    NotImplementedError
        If a method is missing.
    TypeError
        If `loss` is not an object of a subclass of `Loss`.

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
    check_kind(loss, Loss, "loss")
    raw = np.array(raw, np.float64, ndmin=2)
    y = checked_target(loss, np.array(y, np.float64, ndmin=2))
    if y.shape != raw.shape:
        raise ValueError(f"y has shape {y.shape} and raw has shape {raw.shape}; the shapes must be equal.")
    gradient = check_interface(loss, y, raw)
    _check_gradient(loss, y, raw, gradient, rtol)
    _, gradient32 = _evaluate(loss, y.astype(np.float32), raw.astype(np.float32))
    check_float32(loss, gradient32, gradient)


def checked_target(loss: Loss, y: np.ndarray) -> np.ndarray:
    """Return the target with one column for each output, after checking it and the methods that prepare it.

    Parameters
    ----------
    loss : Loss
    y : ndarray of shape (n_samples, n_targets)

    Raises
    ------
    ValueError
        If a method does not do what the base class says. What `check_target` raises is raised as it is.
    """
    given = y.copy()
    loss.check_target(given)
    if not np.array_equal(given, y, equal_nan=True):
        raise ValueError(f"{loss!r}: check_target must not change y; write to a copy.")
    repeated: np.ndarray = call(loss, "repeat_target", {"y": given})
    n_outputs = np.shape(repeated)[-1] if np.ndim(repeated) == 2 else y.shape[1]
    check_array(loss, "repeat_target", repeated, (len(y), n_outputs))
    return repeated


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
    gradient, is_unwritten = written(lambda fill: _evaluate(loss, y, raw, fill)[1])
    if is_unwritten.any():
        where = "gradient" if is_unwritten.all() else "every entry of gradient"
        raise ValueError(
            f"{loss!r}: value_and_gradient has not written the derivative into {where}, as in gradient[...] = raw - y."
        )
    values, _ = _evaluate(loss, y, raw)
    check_array(loss, "value_and_gradient", values, raw.shape[:1])
    check_finite(loss, "value_and_gradient", values, y=y, raw=raw)
    check_finite(loss, "value_and_gradient", gradient, y=y, raw=raw)
    _check_link(loss, "inverse_link", raw)
    _check_optional_methods(loss, y, raw)
    return gradient


def _check_link(loss: Loss, method: str, raw: np.ndarray) -> None:
    """Check a method that returns an array of the shape of the raw output."""

    def evaluate(samples: slice) -> np.ndarray:
        array = call(loss, method, {"raw": raw[samples].copy()})
        check_array(loss, method, array, raw[samples].shape)
        check_finite(loss, method, array, raw=raw[samples])
        return array

    check_samples_are_independent(loss, method, evaluate, len(raw))


def _check_optional_methods(loss: Loss, y: np.ndarray, raw: np.ndarray) -> None:
    """Check the optional methods that a custom loss defines.

    `constant` may be infinite, and the derivative with respect to a prediction that is 0 may, too.
    """
    n_outputs = raw.shape[1]
    if _overrides(loss, "log_inverse_link"):
        _check_link(loss, "log_inverse_link", raw)
    if _overrides(loss, "constant"):
        with np.errstate(all="ignore"):  # where a class is missing among these samples
            constant = call(loss, "constant", {"mean": y.mean(axis=0)})
        check_array(loss, "constant", constant, (n_outputs,))
    if _overrides(loss, "in_units_of"):
        in_units = call(loss, "in_units_of", {"scale": np.ones(n_outputs)})
        if not isinstance(in_units, Loss):
            raise ValueError(f"{loss!r}: in_units_of must return a Loss, got {type(in_units).__name__}.")
    if _overrides(loss, "output_derivative"):
        prediction = loss.inverse_link(raw[:1].copy())[0]
        derivative = call(loss, "output_derivative", {"y": y[0], "prediction": prediction})
        if derivative is not None:
            check_array(loss, "output_derivative", derivative, (n_outputs,))


def _overrides(loss: Loss, method: str) -> bool:
    return getattr(type(loss), method) is not getattr(Loss, method)


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


def _evaluate(loss: Loss, y: np.ndarray, raw: np.ndarray, fill: float = np.nan) -> tuple[np.ndarray, np.ndarray]:
    """Return the values, and what is written to an array full of a number."""
    gradient = np.full_like(raw, fill)
    arguments = {"y": y.copy(), "raw": raw.copy(), "gradient": gradient}
    return call(loss, "value_and_gradient", arguments, writes=("raw", "gradient")), gradient
