"""From dask collections to partitions: X, y and the weights of the same samples, to be loaded by a worker."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
from dask.delayed import Delayed

from .._estimators.chunk_source import Chunk, validate_chunk
from ..chunks._dask import check_divisions

#: How to make a dask collection of other data.
REMEDY = (
    "convert it with dask.array.from_array or dask.dataframe.from_pandas, or train {local}, which to_local() returns, "
    "on data in memory"
)


def is_collection(data: Any) -> bool:
    """Return whether data are a dask array or data frame."""
    return isinstance(data, (da.Array, dd.DataFrame, dd.Series))


def check_collection(data: Any, name: str, local: str) -> None:
    """Raise TypeError, with the way to convert, unless data are a dask array or data frame."""
    if not is_collection(data):
        raise TypeError(
            f"{name} must be a dask array or data frame, got {type(data).__name__}: {REMEDY.format(local=local)}."
        )


def check_dimensions(data: Any, name: str, *allowed: int) -> None:
    """Raise ValueError if a dask collection has another number of dimensions."""
    if data.ndim not in allowed:
        unit = "dimension" if allowed == (1,) else "dimensions"
        raise ValueError(f"{name} must have {' or '.join(map(str, allowed))} {unit}, got {data.ndim}.")


def whole_samples(X: Any) -> Any:
    """Return X in partitions that have all columns."""
    return X.rechunk({1: -1}) if isinstance(X, da.Array) and X.ndim > 1 and X.numblocks[1] > 1 else X


def delayed_partitions(X: Any, y: Any, sample_weight: Any, local: type) -> list[Delayed]:
    """Return what loads and validates each partition, as a `Chunk`.

    Parameters
    ----------
    X, y, sample_weight : dask array or data frame, or None
    local : type
        The class of the estimator for data in memory, which says what X may be.

    Raises
    ------
    TypeError
        If one of them is not a dask collection.
    ValueError
        If they do not have the same partitions, or the wrong number of dimensions.
    """
    check_collection(X, "X", local.__name__)
    check_dimensions(X, "X", 2)
    check_collection(y, "y", local.__name__)
    check_dimensions(y, "y", 1, 2)
    X = whole_samples(X)
    collections = [X, _aligned(whole_samples(y), X, "y")]
    if sample_weight is not None:
        check_collection(sample_weight, "sample_weight", local.__name__)
        check_dimensions(sample_weight, "sample_weight", 1)
        collections.append(_aligned(sample_weight, X, "sample_weight"))
    load = dask.delayed(load_partition, pure=False)
    parts = zip(*[_parts(collection) for collection in collections], strict=True)
    return [load(local, *partition) for partition in parts]


def load_partition(local: type, *arrays: Any) -> Chunk:
    """Validate the samples of one partition; this runs on a worker."""
    if not arrays[0].shape[0]:
        raise ValueError(
            "it has no samples: remove empty partitions with repartition, before X and y are separated, or for arrays "
            "with compute_chunk_sizes and rechunk."
        )
    return validate_chunk(arrays, local)


def _parts(collection: Any) -> list[Delayed]:
    delayed = collection.to_delayed()
    return delayed.ravel().tolist() if isinstance(collection, da.Array) else delayed


def _aligned(other: Any, X: Any, name: str) -> Any:
    """Return y or the weights in the partitions of X, as far as their sizes are known."""
    if isinstance(X, da.Array) and isinstance(other, da.Array) and _is_known(X) and _is_known(other):
        if other.shape[0] != X.shape[0]:
            raise ValueError(f"X has {X.shape[0]} samples, and {name} has {other.shape[0]}.")
        return other if other.chunks[0] == X.chunks[0] else other.rechunk({0: X.chunks[0]})
    if other.npartitions != X.npartitions:
        raise ValueError(
            f"X has {X.npartitions} partitions, and {name} has {other.npartitions}: they must have the same samples in "
            "each partition. Call repartition for data frames, or compute_chunk_sizes and rechunk for arrays."
        )
    check_divisions(X, other, name)
    return other


def _is_known(array: da.Array) -> bool:
    """Return whether the sizes of the partitions are known."""
    return array.shape[0] == array.shape[0]  # they are NaN otherwise
