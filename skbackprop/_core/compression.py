"""Compression of extreme inputs: linear within a range, logarithmic beyond.

``c(x) = x`` from `lower` to `upper`; above, ``upper + w log(1 + (x - upper) / w)``, and below accordingly. The width w
is the robust standard deviation of the column, of which the range has `HALF_RANGE` on each side. c has a continuous
derivative, and keeps the order of values. It is the same in any units, so it may be applied before or after
standardization if `lower` and `upper` are transformed alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: The range is linear up to this number of robust standard deviations on each side of the center.
HALF_RANGE = 4.0
#: The largest distance from the range, in robust standard deviations. float32 has this number; what was standardized
#: may have become infinite.
LARGEST = 1e38
#: Number of entries of a matrix that are compared with their range at a time, so that this takes little memory.
BLOCK_SIZE = 2**12


def compressed(x: Any, lower: Any, upper: Any) -> Any:
    """Return c(x) for one number; NaN stays NaN. The kernel compiles this form."""
    number = type(x)
    if not (x < lower or x > upper):
        return x
    width = (upper - lower) * number(0.5 / HALF_RANGE)
    if x > upper:
        return upper + width * np.log(number(1) + min((x - upper) / width, number(LARGEST)))
    return lower - width * np.log(number(1) + min((lower - x) / width, number(LARGEST)))


def compress(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
    """Replace values by c(values) in place.

    `lower` and `upper` have a number for each entry of the last axis of `values`.
    """
    if values.ndim == 2 and values.size > BLOCK_SIZE and len(values) > 1:
        size = max(1, BLOCK_SIZE // values.shape[1])
        for start in range(0, len(values), size):
            compress(values[start : start + size], lower, upper)
        return
    beyond = is_beyond(values, lower, upper)
    if np.count_nonzero(beyond):  # faster than `any`, which matters for single samples
        compress_beyond(values, beyond, lower, upper)


def is_beyond(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return which values are not within the range."""
    beyond = values < lower
    beyond |= values > upper
    return beyond


def compress_beyond(values: np.ndarray, beyond: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
    """Replace the values that are not within the range by c(values) in place; `beyond` is a mask of them."""
    column = np.flatnonzero(beyond) % beyond.shape[-1]  # `nonzero` of a matrix takes many times as long
    values[beyond] = _compressed(values[beyond], lower[column], upper[column])


def slopes(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return the derivative c'(values)."""
    excess = np.maximum(np.maximum(values - upper, lower - values), 0)
    width = (upper - lower) / (2 * HALF_RANGE)  # infinite where nothing is compressed
    return width / (width + excess) if np.isfinite(width).all() else 1 / (1 + excess / width)


def _compressed(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return c of values that are all beyond their range."""
    width = (upper - lower) * values.dtype.type(0.5 / HALF_RANGE)
    bound = np.minimum(np.maximum(values, lower), upper)
    excess = np.minimum(np.abs(values - bound) / width, values.dtype.type(LARGEST))
    return bound + np.copysign(width * np.log1p(excess), values - bound)
