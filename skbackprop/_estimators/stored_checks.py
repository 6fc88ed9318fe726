"""Checks of the parts of a stored estimator: a damaged one raises ValueError with its name, never another error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._hyperparameters import shortened


def check_dict(stored: Any, keys: Iterable[str], owner: str) -> None:
    """Raise ValueError unless `stored` is a dictionary with these keys."""
    if not isinstance(stored, dict):
        raise ValueError(f"{owner} must be a dictionary, got {type(stored).__name__}: the file is damaged.")
    missing = [key for key in keys if key not in stored]
    if missing:
        raise ValueError(f"{missing} missing in {owner}: the file is damaged or was not written by skbackprop.")


def check_list(stored: Any, owner: str) -> None:
    """Raise ValueError unless `stored` is a list."""
    if not isinstance(stored, list):
        raise ValueError(f"{owner} must be a list, got {type(stored).__name__}: the file is damaged.")


def check_kind(value: Any, kind: type, owner: str) -> None:
    """Raise ValueError unless `value` is of this type."""
    if not isinstance(value, kind):
        raise ValueError(f"{owner} must be of type {kind.__name__}, got {shortened(value)}.")


def check_flag(value: Any, owner: str) -> None:
    """Raise ValueError unless `value` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{owner} must be True or False, got {shortened(value)}.")


def check_count(value: Any, owner: str, low: int = 0) -> None:
    """Raise ValueError unless `value` is an integer of at least `low` that fits into 64 bits."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) < 2**63:
        raise ValueError(f"{owner} must be an integer of at least {low}, got {shortened(value)}.")


def check_real(value: Any, owner: str) -> None:
    """Raise ValueError unless `value` is a floating-point number or an integer, which may be infinite or NaN."""
    if not isinstance(value, Real) or isinstance(value, bool) or (isinstance(value, int) and abs(value) >= 2**63):
        raise ValueError(f"{owner} must be a number, got {shortened(value)}.")


def check_amount(value: Any, owner: str, high: float = math.inf) -> None:
    """Raise ValueError unless `value` is a finite number between 0 and `high`."""
    check_real(value, owner)
    if not (math.isfinite(value) and 0 <= value <= high):
        raise ValueError(f"{owner} must be a finite number of at least 0 and at most {high:g}, got {value!r}.")


def check_array(array: Any, owner: str, shape: tuple[int | None, ...], dtype: np.dtype | None = None) -> None:
    """Raise ValueError unless `array` is a finite array of floats of this shape and dtype; None is any."""
    _check_floats(array, owner, shape, dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{owner} has NaN or infinite values.")


def check_bounds(array: Any, owner: str, n: int) -> None:
    """Raise ValueError unless `array` is a vector of `n` numbers of float64, which may be infinite."""
    _check_floats(array, owner, (n,), np.dtype(np.float64))
    if np.isnan(array).any():
        raise ValueError(f"{owner} has NaN.")


def check_curve(array: Any, owner: str) -> None:
    """Raise ValueError unless `array` is a vector of float64, which may be infinite or NaN."""
    _check_floats(array, owner, (None,), np.dtype(np.float64))


def _check_floats(array: Any, owner: str, shape: tuple[int | None, ...], dtype: np.dtype | None) -> None:
    allowed = (np.float32, np.float64) if dtype is None else (dtype,)
    if not isinstance(array, np.ndarray) or array.dtype not in allowed:
        found = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"{owner} must be an array of {dtype or 'floats'}, got {found}.")
    if array.ndim != len(shape) or any(
        n is not None and n != found for n, found in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(f"{owner} has shape {array.shape}; it must be {shape}.")
