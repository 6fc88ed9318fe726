"""`from_dask`: chunks of dask arrays and data frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import Chunk, Chunks


def from_dask(X: Any, y: Any, sample_weight: Any = None) -> Chunks:
    """Read dask arrays or data frames in chunks: each partition is one.

    A chunk is computed when it is read, and again each time, unless the collections are persisted. X, y and the sample
    weights of a chunk are computed together, so that what they share, such as reading a file, is done once. The
    scheduler is the one that dask is configured to use: that of the active `distributed.Client`, or otherwise threads
    of this process. ``dask.config.set(scheduler="synchronous")`` leaves the other cores to training.

    Parameters
    ----------
    X : dask array or data frame of shape (n_samples, n_features)
        Samples. The partitions may be of unknown length.
    y : dask array, series or data frame of shape (n_samples,) or (n_samples, n_outputs)
        Targets, with the same partitions as X.
    sample_weight : dask array or series of shape (n_samples,), default=None
        Sample weights, with the same partitions as X.

    Returns
    -------
    chunks : sequence of tuple
        ``chunks[i]`` is ``(X, y)``, or ``(X, y, sample_weight)``, of partition i; a slice is a sequence of chunks.

    Raises
    ------
    ImportError
        If dask is not installed.
    TypeError
        If X, y or sample_weight is no dask array or data frame.
    ValueError
        If the columns of an array are divided, or if the partitions of X, y and sample_weight differ, or the divisions
        of the index of data frames. Partitions of unknown length are compared when they are read.

    See Also
    --------
    skbackprop.chunks.from_parquet : Reads Parquet files without dask.
    skbackprop.chunks.from_arrays : The same for arrays in memory and memory maps.

    Examples
    --------
    >>> import dask.array as da
    >>> from skbackprop.chunks import from_dask
    >>> X = da.ones((1000, 5), chunks=(300, 5))
    >>> chunks = from_dask(X, X.sum(axis=1))
    >>> chunks
    DaskChunks(Array, n_chunks=4, n_samples=1000)
    >>> X_chunk, y_chunk = chunks[-1]
    >>> X_chunk.shape, y_chunk.shape
    ((100, 5), (100,))
    """
    try:
        import dask
    except ImportError as error:
        raise ImportError('from_dask needs dask: pip install "skbackprop[dask]".') from error
    collections = {"X": X, "y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
    for name, collection in collections.items():
        # Any attribute of a Delayed is another Delayed, and a Bag has no dimensions.
        if not dask.is_dask_collection(collection) or not isinstance(getattr(collection, "ndim", None), int):
            kind = type(collection).__name__
            raise TypeError(f"{name} must be a dask array or data frame, not {kind}; see from_arrays for other data.")
        if any(number > 1 for number in getattr(collection, "numblocks", ())[1:]):
            raise ValueError(
                f"{name} is divided into {collection.numblocks} blocks; each must have all columns: "
                f"{name}.rechunk({{1: -1}})."
            )
    numbers = {name: collection.npartitions for name, collection in collections.items()}
    known = {name: sizes for name, sizes in ((name, _sizes(c)) for name, c in collections.items()) if sizes}
    if len(set(numbers.values())) > 1 or len(set(known.values())) > 1:
        listing = "; ".join(f"{name}: {known.get(name, f'{number} partitions')}" for name, number in numbers.items())
        raise ValueError(
            f"The partitions of {', '.join(numbers)} differ: {listing}. Divide them in the same way, for arrays by "
            "rechunk, for data frames by repartition."
        )
    for name, collection in collections.items():
        check_divisions(X, collection, name)
    sizes = next((np.array(sizes) for sizes in known.values()), None)
    # Optimized one by one, they would no longer share the tasks that they have in common.
    delayed = {name: np.ravel(c.to_delayed(optimize_graph=False)).tolist() for name, c in collections.items()}
    return DaskChunks(type(X).__name__, np.arange(numbers["X"])[:, np.newaxis], sizes, delayed)


def check_divisions(X: Any, other: Any, name: str) -> None:
    """Raise ValueError if both are data frames whose partitions have other parts of the index."""
    is_known = getattr(X, "known_divisions", False) and getattr(other, "known_divisions", False)
    if is_known and X.divisions != other.divisions:
        raise ValueError(
            f"X and {name} have the same number of partitions, but divide the index differently: call "
            f"{name}.repartition(divisions=X.divisions)."
        )


class DaskChunks(Chunks):
    """Chunks that are computed by dask."""

    def __init__(
        self, source: str, pieces: np.ndarray, sizes: np.ndarray | None, delayed: dict[str, list[Any]]
    ) -> None:
        super().__init__(source, pieces, sizes)
        self._delayed = delayed

    def _read(self, *piece: int) -> Chunk:
        import dask

        (partition,) = piece
        chunk = dask.compute(*(partitions[partition] for partitions in self._delayed.values()))
        lengths = {name: part.shape[0] for name, part in zip(self._delayed, chunk, strict=True)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The numbers of samples in partition {partition} differ: {lengths}.")
        return chunk


def _sizes(collection: Any) -> tuple[int, ...] | None:
    """Return the number of samples of each partition, or None if it is unknown."""
    sizes = collection.chunks[0] if hasattr(collection, "chunks") else None
    return None if sizes is None or np.isnan(sizes).any() else sizes
