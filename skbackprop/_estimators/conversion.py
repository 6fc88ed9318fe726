"""Conversion without scikit-learn's validation, for input whose validated form is certain.

Each function returns what scikit-learn's validation would return, or None if the input needs that validation: because
it is invalid, because it deserves a warning, or because it is of an unusual kind.
"""

from __future__ import annotations

import sys
from math import isfinite

import numpy as np

from .parameters import SMALLEST_MEAN_WEIGHT

#: Kinds of dtypes of real numbers: booleans, integers and floating-point numbers.
REAL = "biuf"
#: Input with more entries is converted by scikit-learn: conversion then takes longer than validation, and if it fails,
#: it is done twice.
MAX_ENTRIES = 2**15


def convert_samples(X, dtype: np.dtype, n_features: int, names: np.ndarray | None = None) -> np.ndarray | None:
    """Return samples as a finite, C-contiguous array of this dtype.

    Parameters
    ----------
    X : object
    dtype : dtype
        Of the network.
    n_features : int
    names : ndarray of shape (n_features,) or None
        The feature names that the estimator was fitted with: only data frames with these columns get no warning.
    """
    if names is not None:
        array = _array_of_frame(X, dtype, n_features, names)
    elif type(X) is np.ndarray:
        array = X if X.dtype == dtype and X.flags.c_contiguous else _converted_array(X, dtype)
    else:
        array = _array_of_list(X, dtype, n_features)
    if array is None or array.ndim != 2 or array.shape[1] != n_features or not array.shape[0] or not is_finite(array):
        return None
    return array


def is_finite(array: np.ndarray) -> bool:
    """Return whether no entry is infinite or NaN; False too where the squares overflow, of which numpy may warn."""
    flat = array.ravel()
    return isfinite(np.dot(flat, flat))


def _converted_array(X, dtype):
    if X.dtype.kind not in REAL or X.size > MAX_ENTRIES:
        return None
    with np.errstate(all="ignore"):  # numbers too large for the dtype become infinite, and are validated
        return np.ascontiguousarray(X, dtype)


def _array_of_list(X, dtype, n_features):
    array = as_array(X) if type(X) in (list, tuple) and len(X) * n_features <= MAX_ENTRIES else None
    if array is None or array.dtype.kind not in REAL:
        return None
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):  # numbers too large for the dtype become infinite, and are validated
        return np.asarray(X, dtype)  # from X, so that large integers are rounded only once


def _array_of_frame(X, dtype, n_features, names):
    is_pandas = _is_instance(X, "pandas", "DataFrame")
    if not (is_pandas or _is_instance(X, "polars", "DataFrame")):
        return None
    columns = X.columns.tolist() if is_pandas else X.columns
    if columns != names.tolist() or len(X) * n_features > MAX_ENTRIES:
        return None
    if is_pandas and not all(isinstance(column_dtype, np.dtype) for column_dtype in X.dtypes.tolist()):
        return None  # extension dtypes may be sparse or have missing values
    if not is_pandas and any(column_dtype.is_temporal() for column_dtype in X.dtypes):
        return None  # polars would convert dates to numbers
    return _converted_array(X.to_numpy(), dtype)


def _is_instance(value, module: str, name: str) -> bool:
    """Return whether the type of a value is exactly this one, without an import of its module."""
    return module in sys.modules and type(value) is getattr(sys.modules[module], name, None)


def as_array(values) -> np.ndarray | None:
    """Return an array, a list, a tuple, or a series of a numpy dtype as an array of any dtype and shape."""
    if type(values) is np.ndarray:
        return values
    if type(values) in (list, tuple):
        try:
            return np.asarray(values)
        except Exception:  # whatever an entry raises, validation raises it again
            return None
    if _is_instance(values, "pandas", "Series") and isinstance(values.dtype, np.dtype):
        return values.to_numpy()
    return None


def convert_numbers(y, n_samples: int, dtypes: tuple[np.dtype, ...]) -> np.ndarray | None:
    """Return a numeric target as a finite array of one of these dtypes, by default the first.

    Its shape is (n_samples, n_targets).
    """
    array = as_array(y)
    if array is None or array.dtype.kind not in REAL or array.shape[:1] != (n_samples,):
        return None
    if array.ndim != 1 and (array.ndim != 2 or array.shape[1] < 2):  # a single column deserves a warning
        return None
    if array.dtype not in dtypes:
        array = array.astype(dtypes[0])
    if not is_finite(array):  # after the conversion, in which a large number may overflow
        return None
    return array[:, np.newaxis] if array.ndim == 1 else array


def convert_labels(y, n_samples: int) -> np.ndarray | None:
    """Return one label for each sample as an array of shape (n_samples,), whether or not the labels are known."""
    array = as_array(y)
    if array is None or array.shape != (n_samples,):
        return None
    kind = array.dtype.kind
    if kind == "O":
        return array if all(type(label) is str for label in array.tolist()) else None
    if kind == "f":
        return array if np.array_equal(array, np.rint(array)) else None  # other numbers are no labels
    if kind == "U" and type(y) in (list, tuple) and not all(isinstance(label, str) for label in y):
        return None  # numpy has made strings of other labels
    return array if kind in "biuU" else None


def convert_multilabel(y, n_samples: int, n_labels: int) -> np.ndarray | None:
    """Return zeros and ones of shape (n_samples, n_labels)."""
    array = as_array(y)
    if array is None or array.dtype.kind not in REAL or array.shape != (n_samples, n_labels):
        return None
    return array if ((array == 0) | (array == 1)).all() else None


def convert_weights(weight, n_samples: int) -> np.ndarray | None:
    """Return sample weights as a float64 array of shape (n_samples,)."""
    array = as_array(weight)
    if array is None or array.dtype.kind not in REAL or array.shape != (n_samples,):
        return None
    array = np.ascontiguousarray(array, np.float64)
    has_mean = SMALLEST_MEAN_WEIGHT < array.sum() / n_samples < 1 / SMALLEST_MEAN_WEIGHT  # False with NaN
    return array if has_mean and array.min() >= 0 else None
