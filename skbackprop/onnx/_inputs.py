"""The sample that determines the inputs of a graph, with errors that name a column which cannot be an input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

#: The dtypes that skl2onnx converts, in an array and in a column of a data frame.
DTYPES = ("float32", "float64", "int64", "int32", "int8", "uint8", "bool")


def first_sample(X: Any) -> Any:
    """Return the first sample as a data frame or a dense array.

    Raises
    ------
    TypeError
        If X is a single object, such as None.
    """
    if hasattr(X, "tocsr"):
        return X.tocsr()[[0]].toarray()
    if hasattr(X, "iloc"):
        return X.iloc[:1]
    if hasattr(X, "columns"):
        return X[:1]
    array = np.asarray(X)
    if array.ndim == 0:
        raise TypeError(f"X must be array-like of shape (n_samples, n_features), got {X!r}.")
    return array[:1]


def graph_sample(sample: Any) -> Any:
    """Return the first sample as skl2onnx takes it: a data frame of pandas, or an array.

    Raises
    ------
    TypeError
        If there is no type in ONNX for a dtype, or if the name of a column is not a string.
    ValueError
        If the name of a column is empty.
    """
    if not hasattr(sample, "iloc"):
        sample = np.asarray(sample)
    for name, dtype in _columns(sample):
        if dtype.name not in DTYPES and not _is_text(dtype):
            raise TypeError(
                f"{name} has the dtype {dtype}, which cannot be an input in ONNX; convert it to one of "
                f"{', '.join(DTYPES)}, as in X.astype(...)."
            )
    return sample


def _columns(sample: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name of each column for messages, and its dtype."""
    if isinstance(sample, np.ndarray):
        yield "X", sample.dtype
        return
    for name, dtype in zip(sample.columns, sample.dtypes, strict=True):
        if not isinstance(name, str):
            raise TypeError(
                f"The column {name!r} of X has a name that is not a string, and names of inputs in ONNX are strings; "
                "rename it, as in X.rename(columns=str), or pass X.to_numpy()."
            )
        if not name:
            raise ValueError(
                "The column '' of X has an empty name, and names of inputs in ONNX are not empty; rename it, as in "
                'X.rename(columns={"": "name"}), or pass X.to_numpy().'
            )
        yield f"The column {name!r} of X", dtype


def _is_text(dtype: Any) -> bool:
    """Return whether the elements can be strings, which transformers in a Pipeline may take."""
    return dtype.kind in "OU" if isinstance(dtype, np.dtype) else dtype.name in ("str", "string")
