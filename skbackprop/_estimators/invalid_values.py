"""What is wrong with X, y or the weights: the column, the sample and the value that an error is about, and the remedy.

All of this runs only where validation has failed, or on data frames that the fast path does not take.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse

from .._hyperparameters import shortened

#: What to do about columns that are not numbers.
REMEDY = (
    "Encode and impute such columns before: skrub's tabular_pipeline does so for whole data frames, OneHotEncoder for "
    "strings and categories, SimpleImputer for missing values; see docs/guide/tables.md."
)
#: Beginnings of the names of dtypes of dates, times and durations, in pandas, polars, pyarrow and numpy.
TEMPORAL = ("date", "time", "duration")

#: numpy's scalars of dates and durations, of which a duration is a kind of integer.
TIMES = (np.datetime64, np.timedelta64)


def refuse_dates(X: Any, name: str = "X") -> None:
    """Raise ValueError if X has dates, times or durations.

    numpy would convert them to a number of units of time, and a missing one to the smallest integer.
    """
    try:
        dtypes = _column_dtypes(np.asarray(X) if isinstance(X, (list, tuple)) else X)
    except (TypeError, ValueError):  # of lists of different lengths, which validation refuses
        return
    if any(str(dtype) == "object" for dtype in dtypes):
        _refuse_dates_among_objects(X, name)
    temporal = {dtype for dtype in set(dtypes) if _is_temporal(dtype)}  # a wide table has few dtypes
    for position, dtype in enumerate(dtypes if temporal else ()):
        if dtype in temporal:
            column = _column(name, X, position)
            raise ValueError(f"{column} has dates, times or durations (dtype {dtype}). {REMEDY}")


def _refuse_dates_among_objects(X: Any, name: str) -> None:
    """Raise ValueError if entries are numpy's dates or durations, which numpy converts to float without an error."""
    for position, column in enumerate(_columns(X, _names(X))):
        values = np.asarray(column)
        for sample, value in enumerate(values if values.dtype.kind == "O" else ()):
            if isinstance(value, TIMES):
                place = _column(name, X, position)
                raise ValueError(f"{place} has the date or duration {value} in sample {sample}. {REMEDY}")


def has_text_or_times(values: np.ndarray, *, kinds: tuple[type, ...] = (str, bytes, *TIMES)) -> bool:
    """Return whether an array has values of other kinds than numbers, also among objects.

    Parameters
    ----------
    values : ndarray
    kinds : tuple of type, default=(str, bytes, datetime64, timedelta64)
        What to look for.
    """
    if values.dtype.kind == "O":
        return any(isinstance(value, kinds) for value in values.flat)
    return issubclass(values.dtype.type, kinds)


@contextmanager
def naming_values(**inputs: Any) -> Iterator[None]:
    """Add to an error of validation which value it is about, searched in these inputs in turn."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        for name, values in inputs.items():
            found = _first_invalid(name, values)
            if found is not None:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"{_first_line(error)}{found}") from error
        if isinstance(error, OverflowError):
            raise ValueError(f"{' or '.join(inputs)} has a number that is too large: {error}.") from error
        raise


def _first_line(error: Exception) -> str:
    """Return the beginning of a message; nothing if it is about printing, because Python prints no long integer."""
    if "set_int_max_str_digits" in str(error):
        return ""
    return f"{str(error).splitlines()[0].rstrip('.')}. "


def is_missing(value: Any) -> bool:
    """Return whether this is None, NaN, NaT or NA."""
    if isinstance(value, (str, bytes)):
        return False
    return value is None or type(value).__name__ in ("NAType", "NaTType") or not np.all(value == value)


def has_entries(values: Any) -> bool:
    """Return whether this is an array, a list or a table, and not a single value, a set or a dict."""
    if hasattr(values, "__array__"):
        return getattr(values, "ndim", 1) > 0  # of some objects that numpy converts, it cannot find it
    return np.iterable(values) and not isinstance(values, (str, bytes, dict, set))


def _column_dtypes(X: Any) -> list[Any]:
    """Return the dtypes of the columns of a data frame or a table, or the dtype of an array."""
    if isinstance(X, np.ndarray):
        return [X.dtype]
    dtypes = getattr(X, "dtypes", None)  # of pandas and polars
    if dtypes is None:
        dtypes = getattr(getattr(X, "schema", None), "types", ())  # of pyarrow
    return list(dtypes) if np.iterable(dtypes) else [dtypes]


def _is_temporal(dtype: Any) -> bool:
    """Return whether the values of a dtype, or its categories, are dates, times or durations."""
    dtype_of_values = getattr(getattr(dtype, "categories", None), "dtype", dtype)
    return str(dtype_of_values).lower().startswith(TEMPORAL)


def _names(X: Any) -> list[Any] | None:
    """Return the names of the columns of a data frame or a table, or None."""
    names = getattr(X, "column_names", None)
    if names is None:
        names = getattr(X, "columns", None)
    return None if names is None or callable(names) else list(names)


def _column(name: str, X: Any, position: int) -> str:
    """Return what a column is called in messages."""
    names = _names(X)
    if names is None:
        return name if getattr(X, "ndim", 2) < 2 else f"Column {position} of {name}"
    return f"Column {names[position]!r} of {name} (position {position})"


def _first_invalid(name: str, values: Any) -> str | None:
    """Return a sentence on the first entry that is not a finite number, or None if there is none."""
    if values is None or sparse.issparse(values):
        return None
    if not has_entries(values):
        return f"{name}={shortened(values)} must be an array or a list with an entry for each sample."
    try:
        names = _names(values)
        columns = _columns(values, names)
        for position, column in enumerate(columns):
            place = _invalid_entry(np.asarray(column))
            if place is None:
                continue
            sample, value = place
            is_table = name.startswith("X")
            owner = _column(name, values, position) if is_table else name
            remedy = f" {REMEDY}" if is_table and not _is_number(value) else ""
            return f"{owner} has {_described(value)} in sample {sample}.{remedy}"
    except (TypeError, ValueError):  # of entries that are no single values, which the error is about
        return None
    return None


def _columns(values: Any, names: list[Any] | None) -> Iterator[Any]:
    """Yield the columns of a data frame, a table, an array or a list of samples."""
    if names is None:
        array = np.atleast_1d(values if isinstance(values, np.ndarray) else np.asarray(values, object))
        yield from array.reshape(len(array), -1).T
    elif hasattr(values, "iloc"):
        yield from (values.iloc[:, position] for position in range(len(names)))
    else:
        yield from (values[name] for name in names)


def _invalid_entry(column: np.ndarray) -> tuple[int, Any] | None:
    """Return the position and the value of the first entry that is not a finite number, or None."""
    if column.dtype.kind in "biu":
        return None
    if column.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(column))
        return (int(wrong[0]), column[wrong[0]].item()) if wrong.size else None
    for sample, value in enumerate(column.tolist()):
        try:
            if not isinstance(value, TIMES) and math.isfinite(float(value)):
                continue
        except (TypeError, ValueError, OverflowError):
            pass
        return sample, value
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not is_missing(value)


def _described(value: Any) -> str:
    if is_missing(value):
        return f"a missing value ({value})"
    if isinstance(value, (str, bytes)):
        return f"the string {shortened(value)}"
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return f"the date or time {value}"
    if isinstance(value, TIMES):
        return f"the date or duration {value}"
    if isinstance(value, (int, float)):
        return shortened(value)
    return f"the {type(value).__name__} {shortened(value)}"
