"""`from_arrays`: chunks of arrays, memory maps, sparse matrices and data frames."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._typing import MatrixLike
from ._base import FRAME_ITEMSIZE, Chunk, Chunks, ChunkSize, check_lengths, samples_per_chunk, split_parts


def from_arrays(
    X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, chunk_size: ChunkSize = "auto"
) -> Chunks:
    """Read arrays, memory maps, sparse matrices or data frames in chunks.

    A chunk of a NumPy memory map is a copy in memory. Its pages of the file are released as soon as they are copied, so
    that the memory of the process does not grow with the file. (Those of a map of mode "c" stay, because they may hold
    changes that are nowhere else.) Chunks of other dense arrays are views, and those of sparse matrices are copies.

    Parameters
    ----------
    X : {array-like, sparse matrix, sparse array, data frame} of shape (n_samples, n_features)
        Samples. Sparse data in other formats than CSR is converted once. Objects with a shape that can be sliced, such
        as datasets of HDF5 files, are sliced as they are.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    chunk_size : int or "auto", default="auto"
        Number of samples of a chunk; the last chunk may have fewer. By default, X has about 1 MB in each chunk.

    Returns
    -------
    chunks : sequence of tuple
        ``chunks[i]`` is ``(X, y)``, or ``(X, y, sample_weight)``, of chunk i; a slice is a sequence of chunks.

    Raises
    ------
    TypeError
        If X, y or sample_weight is a dask collection, for which there is `from_dask`.
    ValueError
        If X, y and sample_weight differ in length or have no samples, if X does not have two dimensions, or if
        `chunk_size` is invalid.

    See Also
    --------
    skbackprop.chunks.from_npy : The same for the paths of .npy files, which can be sent to other processes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop.chunks import from_arrays
    >>> X, y = load_iris(return_X_y=True)
    >>> chunks = from_arrays(X, y, chunk_size=40)
    >>> chunks
    ArrayChunks(ndarray, n_chunks=4, n_samples=150)
    >>> X_chunk, y_chunk = chunks[0]
    >>> X_chunk.shape, y_chunk.shape
    ((40, 4), (40,))

    A slice leaves some of them for validation.

    >>> chunks[:-1]
    ArrayChunks(ndarray, n_chunks=3, n_samples=120)
    >>> X_val, y_val = chunks[-1]
    """
    given = {"X": X, "y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
    arrays = {name: _as_sliceable(name, values) for name, values in given.items()}
    if len(arrays["X"].shape) != 2:
        raise ValueError(f"X has shape {arrays['X'].shape}; it must have two dimensions, (n_samples, n_features).")
    check_lengths({name: values.shape[0] for name, values in arrays.items()})
    pieces, sizes = split_parts([arrays["X"].shape[0]], samples_per_chunk(chunk_size, _bytes_per_sample(arrays["X"])))
    return ArrayChunks(type(X).__name__, pieces, sizes, list(arrays.values()))


class ArrayChunks(Chunks):
    """Chunks of arrays of the same length."""

    def __init__(self, source: str, pieces: np.ndarray, sizes: np.ndarray, arrays: list[Any]) -> None:
        super().__init__(source, pieces, sizes)
        self._arrays = arrays

    def _read(self, *piece: int) -> Chunk:
        _, start, stop = piece
        return tuple(read_samples(array, start, stop) for array in self._arrays)


def _as_sliceable(name: str, values: Any) -> Any:
    """Return the values as something with a shape of which slices are samples."""
    if hasattr(values, "__dask_graph__"):
        raise TypeError(f"{name} is a dask collection; use skbackprop.chunks.from_dask.")
    if hasattr(values, "tocsr"):
        return values.tocsr()
    array = values if hasattr(values, "shape") else np.asarray(values)
    if not array.shape:
        raise ValueError(f"{name}={values!r} is a single value; it must have one for each sample.")
    return array


def _bytes_per_sample(X: Any) -> float:
    if hasattr(X, "indptr"):
        return (X.data.nbytes + X.indices.nbytes) / X.shape[0]
    return X.shape[1] * getattr(getattr(X, "dtype", None), "itemsize", FRAME_ITEMSIZE)


def read_samples(values: Any, start: int, stop: int) -> Any:
    """Return the samples from `start` to `stop`, as a copy in memory if they are in a memory map."""
    samples = values.iloc[start:stop] if hasattr(values, "iloc") else values[start:stop]
    if hasattr(values, "indptr"):  # sparse, and slicing has copied them
        entries = slice(values.indptr[start], values.indptr[stop])
        release(values.data[entries])
        release(values.indices[entries])
    elif _mapped(samples) is not None:
        in_memory = np.array(samples, order="C")
        release(samples)
        return in_memory
    return samples


def _mapped(array: Any) -> np.ndarray | None:
    """Return the array that was made on a memory map, of which this one is a view, or None."""
    while isinstance(array, np.ndarray):
        if isinstance(array.base, mmap.mmap):
            return array
        array = array.base
    return None


def release(part: np.ndarray) -> None:
    """Release the memory of a part of a memory map; whatever reads it again reads from the file.

    The kernel has the changes of a shared map, saved or not, but those of a private one (mode "c") would be lost.
    """
    owner = _mapped(part)
    if owner is None or getattr(owner, "mode", "c") == "c" or not part.size or not hasattr(mmap, "MADV_DONTNEED"):
        return
    mapping: Any = owner.base
    extents = [(n - 1) * stride for n, stride in zip(part.shape, part.strides, strict=True)]
    address = part.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
    first = address + sum(extent for extent in extents if extent < 0)
    last = address + sum(extent for extent in extents if extent > 0) + part.itemsize
    first -= first % mmap.PAGESIZE
    mapping.madvise(mmap.MADV_DONTNEED, first, last - first)
