"""Targets of numbers, and a short way in for input that is plainly fine, as that of online users is, row after row.

scikit-learn's validation looks for a hundred things that an array can be, which takes ten times as long as learning
from one row. What is accepted here would pass it unchanged; everything else, odd or wrong, takes the full way and
meets the same errors.
"""

from __future__ import annotations

import math

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from ._settings import Settings

#: Parameters of these types cannot change without being set anew.
IMMUTABLE = (str, int, float, type(None), np.generic)


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
    """Return parameters as a tuple to compare with later, or None if one of them can change under the same name.

    Types are compared too: 1, 1.0 and True are not the same to those who check parameters.
    """
    plain = []
    for value in values:
        if isinstance(value, (list, tuple)) and all(isinstance(entry, IMMUTABLE) for entry in value):
            plain.append((type(value), *((type(entry), entry) for entry in value)))
        elif isinstance(value, Settings):
            inner = plain_settings(value.get_params().values())
            if inner is None:
                return None
            plain.append((type(value), inner))
        elif isinstance(value, IMMUTABLE):
            plain.append((type(value), value))
        else:
            return None
    return tuple(plain)


def numeric_target(y, dtype: np.dtype) -> np.ndarray:
    """Return a target of numbers, of shape (n_rows, n_targets)."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.dtype.kind in "USmM" or (y.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in y.flat)):
        raise ValueError("y has strings or dates; BackpropRegressor needs numbers. Labels go to BackpropClassifier.")
    return check_array(y, dtype=dtype, ensure_2d=False, input_name="y").reshape(len(y), -1)
