"""Targets of numbers, and a short way in for input that is plainly fine, as that of online users is, row after row.

scikit-learn's validation looks for a hundred things that an array can be, which takes ten times as long as learning
from one row. What is accepted here would pass it unchanged; everything else, odd or wrong, takes the full way and
meets the same errors.
"""

from __future__ import annotations

from math import isfinite
from operator import is_

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from .._hyperparameters import Hyperparameters

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
        and _is_finite(array)
    )


def _is_finite(array) -> bool:
    """Return whether no entry is infinite or NaN; False too where the squares overflow, of which numpy may warn."""
    flat = array.ravel()
    return isfinite(np.dot(flat, flat))


class Snapshot:
    """Parameters as they are now, to compare with later."""

    def __init__(self, values):
        self._values = tuple(values)
        self._contents = {place: _content(value) for place, value in enumerate(self._values) if _can_change(value)}
        self.is_plain = None not in self._contents.values()

    def is_still(self, values) -> bool:
        """Return whether these are the same objects, and those that can change have not."""
        return all(map(is_, self._values, values)) and all(
            _content(self._values[place]) == content for place, content in self._contents.items()
        )


def _can_change(value) -> bool:
    return not isinstance(value, IMMUTABLE)


def _content(value):
    """Return what a list or a record holds, or None if that cannot be told."""
    if isinstance(value, (list, tuple)):
        entries = value
    elif isinstance(value, Hyperparameters):
        entries = tuple(value.get_params().values())
    else:
        return None
    return None if any(map(_can_change, entries)) else tuple(entries)


def numeric_target(y, dtype: np.dtype) -> np.ndarray:
    """Return a target of numbers, of shape (n_rows, n_targets)."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.dtype.kind in "USmM" or (y.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in y.flat)):
        raise ValueError("y has strings or dates; BackpropRegressor needs numbers. Labels go to BackpropClassifier.")
    return check_array(y, dtype=dtype, ensure_2d=False, input_name="y").reshape(len(y), -1)
