"""A short way in for input that is plainly fine, as that of online users is, row after row.

scikit-learn's validation looks for a hundred things that an array can be, which takes ten times as long as learning
from one row. What is accepted here would pass it unchanged; everything else, odd or wrong, takes the full way and
meets the same errors.
"""

from __future__ import annotations

import math

import numpy as np

#: Parameters of these types cannot change without being set anew.
IMMUTABLE = (str, int, float, type(None))


def is_plain(array, dtype: np.dtype, shape: tuple[int | None, ...]) -> bool:
    """Return whether `array` is a finite ndarray of this dtype and shape, row by row; None is any length but 0."""
    return (
        type(array) is np.ndarray
        and array.dtype == dtype
        and array.flags.c_contiguous
        and len(array.shape) == len(shape)
        and all(n == wanted or (wanted is None and n > 0) for n, wanted in zip(array.shape, shape, strict=True))
        and _has_finite_sum(array)  # never so with an infinity or NaN in it
    )


def _has_finite_sum(array) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(array.sum())


def plain_settings(values) -> tuple | None:
    """Return parameters as a tuple to compare with later, or None if one of them can change under the same name."""
    values = tuple(values)
    for value in values:
        if not isinstance(value, IMMUTABLE) and not (
            type(value) is tuple and all(isinstance(entry, IMMUTABLE) for entry in value)
        ):
            return None
    return values
