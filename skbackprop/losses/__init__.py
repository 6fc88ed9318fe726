"""Losses: how far the network's raw output is from the target, row by row, and the derivative by the raw output.

A loss of one's own is a subclass of `Loss` with three methods; `check_loss` says whether they fit together.
"""

from __future__ import annotations

import numpy as np

from . import _classification, _regression
from ._base import Loss
from ._classification import *  # noqa: F403
from ._regression import *  # noqa: F403

__all__ = ["LOSSES", *sorted(["Loss", "check_loss", *_classification.__all__, *_regression.__all__])]

#: The losses by name and output activation; the first pair of a name is what ``output_activation="auto"`` takes.
LOSSES: dict[tuple[str, str], Loss] = {**_regression.LOSSES, **_classification.LOSSES}


def check_loss(loss: Loss, y: np.ndarray, raw: np.ndarray, *, rtol: float = 1e-5) -> None:
    """Check a loss of one's own: shapes, dtype, and the gradient against central differences.

    Parameters
    ----------
    loss : Loss
    y : array-like of shape (n_rows, n_outputs)
        Targets to try, as the loss sees them.
    raw : array-like of shape (n_rows, n_outputs)
        Raw outputs to try; none where the loss has a kink.
    rtol : float, default=1e-5
        Largest error of the derivative that is accepted, relative to the larger of 1 and the derivative.

    Raises
    ------
    ValueError
        If something is not as it should be; the message says what.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbackprop.losses import Loss, check_loss
    >>> @dataclass(frozen=True)
    ... class Logcosh(Loss):
    ...     def inverse_link(self, raw):
    ...         return raw
    ...     def value_and_gradient(self, y, raw, gradient):
    ...         np.tanh(raw - y, out=gradient)
    ...         return np.log(np.cosh(raw - y)).sum(axis=1)
    >>> check_loss(Logcosh(), y=[[0.0, 1.0]], raw=[[0.3, -2.0]])
    """
    y, raw = np.array(y, np.float64, ndmin=2), np.array(raw, np.float64, ndmin=2)
    loss.check_target(y)
    y = loss.tile_target(y)
    if y.shape != raw.shape:
        raise ValueError(f"y has shape {y.shape} and raw {raw.shape}; they must be the same.")
    values, gradient = _evaluate(loss, y, raw)
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{loss!r}: value_and_gradient returns {type(values).__name__}, it must be an ndarray.")
    for name, array, shape in (
        ("values", values, raw.shape[:1]),
        ("inverse_link", np.asarray(loss.inverse_link(raw.copy())), raw.shape),
    ):
        if array.shape != shape:
            raise ValueError(f"{loss!r}: {name} has shape {array.shape}, it must be {shape}.")
    for array in (values, gradient):
        if not np.isfinite(array).all():
            raise ValueError(f"{loss!r}: value_and_gradient gives NaN or infinity for these y and raw.")
    step = 1e-6 * np.maximum(1.0, np.abs(raw))
    for output in range(raw.shape[1]):
        shift = np.zeros_like(raw)
        shift[:, output] = step[:, output]
        rise = _evaluate(loss, y, raw + shift)[0] - _evaluate(loss, y, raw - shift)[0]
        expected, got = rise / (2 * step[:, output]), gradient[:, output]
        wrong = np.flatnonzero(~(np.abs(got - expected) <= rtol * np.maximum(1.0, np.abs(expected))))
        if wrong.size:
            row = wrong[0]
            raise ValueError(
                f"{loss!r}: the derivative by output {output} in row {row} is {got[row]:g}, "
                f"by finite differences it is {expected[row]:g}."
            )
    _, narrow = _evaluate(loss, y.astype(np.float32), raw.astype(np.float32))
    if not np.allclose(narrow, gradient, rtol=1e-2, atol=1e-2 * max(1.0, np.abs(gradient).max())):
        raise ValueError(f"{loss!r}: value_and_gradient gives something else in float32 than in float64.")


def _evaluate(loss, y, raw):
    """Return values and gradient, and leave `raw` as it is."""
    gradient = np.full_like(raw, np.nan)
    return loss.value_and_gradient(y, raw.copy(), gradient), gradient
