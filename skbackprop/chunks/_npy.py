"""`from_npy`: chunks of .npy files."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ._arrays import read_samples
from ._base import (
    Chunk,
    Chunks,
    ChunkSize,
    PathLike,
    as_paths,
    check_lengths,
    describe,
    samples_per_chunk,
    split_parts,
)


def from_npy(
    X: PathLike | Sequence[PathLike],
    y: PathLike | Sequence[PathLike],
    sample_weight: PathLike | Sequence[PathLike] | None = None,
    *,
    chunk_size: ChunkSize = "auto",
) -> Chunks:
    """Read .npy files in chunks.

    The files are opened for each chunk and closed again, so that memory does not grow with the files, and that the
    object can be sent to other processes that have access to the files.

    Parameters
    ----------
    X : path or list of paths
        Files, written by `numpy.save`, of samples, (n_samples, n_features). In C order, a chunk is one piece of the
        file; in Fortran order, it is one for each feature, which is slower. Several files are parts of the data, one
        after the other, and each chunk is of one part.
    y : path or list of paths
        Files of the targets, (n_samples,) or (n_samples, n_outputs), one for each of X.
    sample_weight : path or list of paths, default=None
        Files of the sample weights, (n_samples,), one for each of X.
    chunk_size : int or "auto", default="auto"
        Number of samples of a chunk; the last chunk of a part may have fewer. By default, X has about 1 MB in each.

    Returns
    -------
    chunks : sequence of tuple
        ``chunks[i]`` is ``(X, y)``, or ``(X, y, sample_weight)``, of chunk i; a slice is a sequence of chunks.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If a file is not an .npy file or has the wrong number of dimensions, if the files of X, y and sample_weight
        differ in their number or lengths, if those of X differ in their number of features, or if `chunk_size` is
        invalid.

    See Also
    --------
    skbackprop.chunks.from_arrays : The same for arrays, and for memory maps of other files.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skbackprop.chunks import from_npy
    >>> folder = TemporaryDirectory()
    >>> X_path, y_path = Path(folder.name, "X.npy"), Path(folder.name, "y.npy")
    >>> np.save(X_path, np.ones((1000, 5)))
    >>> np.save(y_path, np.arange(1000))
    >>> chunks = from_npy(X_path, y_path, chunk_size=300)
    >>> chunks
    NpyChunks('X.npy', n_chunks=4, n_samples=1000)
    >>> X, y = chunks[1]
    >>> X.shape, y[:3]
    ((300, 5), array([300, 301, 302]))
    >>> folder.cleanup()
    """
    given = {"X": X, "y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
    paths = {name: as_paths(name, files) for name, files in given.items()}
    numbers = {name: len(files) for name, files in paths.items()}
    if len(set(numbers.values())) > 1:
        listing = ", ".join(f"{name} has {number}" for name, number in numbers.items())
        raise ValueError(f"The numbers of files differ: {listing}. Each file of X needs one in each of the others.")
    layouts = {name: [_layout_of(path) for path in files] for name, files in paths.items()}
    shapes = [layout.shape for layout in layouts["X"]]
    for path, shape in zip(paths["X"], shapes, strict=True):
        if len(shape) != 2 or shape[1] != shapes[0][1]:
            first = f", (n_samples, {shapes[0][1]}) as in {paths['X'][0]!r}" if len(shape) == 2 else ""
            raise ValueError(f"X={path!r} has shape {shape}; it must have two dimensions{first}.")
    for part in range(numbers["X"]):
        check_lengths({f"{name}={paths[name][part]!r}": layouts[name][part].n_samples for name in paths})
    bytes_per_sample = shapes[0][1] * layouts["X"][0].dtype.itemsize
    pieces, sizes = split_parts([shape[0] for shape in shapes], samples_per_chunk(chunk_size, bytes_per_sample))
    return NpyChunks(pieces, sizes, list(paths.values()))


class NpyChunks(Chunks):
    """Chunks of .npy files; `paths` has the files of X, those of y, and those of the sample weights."""

    def __init__(self, pieces: np.ndarray, sizes: np.ndarray, paths: list[list[str]]) -> None:
        super().__init__(describe(paths[0]), pieces, sizes)
        self._paths = paths

    def _read(self, *piece: int) -> Chunk:
        part, start, stop = piece
        return tuple(_samples_of(files[part], start, stop) for files in self._paths)


class Layout(NamedTuple):
    """Where a file has its samples.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    offset : int or None
        The position of the first byte of the samples, or None if each is not in one place.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int | None

    @property
    def n_samples(self) -> int:
        """Number of samples; a single value is none."""
        return self.shape[0] if self.shape else 0


def _open(path: str) -> np.memmap:
    """Map a file into memory."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path!r} is no .npy file that can be read in parts: {error}") from error


def _samples_of(path: str, start: int, stop: int) -> np.ndarray:
    """Return the samples from `start` to `stop` of a file.

    If each is in one place, they are read without mapping the file, which would take longer than reading a small chunk.
    """
    shape, dtype, offset = layout = _layout_of(path)
    if offset is None or stop > layout.n_samples:
        return read_samples(_open(path), start, stop)
    size = math.prod(shape[1:])
    samples = np.fromfile(path, dtype, (stop - start) * size, offset=offset + start * size * dtype.itemsize)
    return samples.reshape(stop - start, *shape[1:])


def _layout_of(path: str) -> Layout:
    """Return the layout of a file, whose header is read again only if the file has changed."""
    status = os.stat(path)
    return _read_layout(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _read_layout(path: str, modified: int, n_bytes: int) -> Layout:
    mapped = _open(path)
    is_contiguous = mapped.ndim > 0 and mapped.flags.c_contiguous
    return Layout(mapped.shape, mapped.dtype, mapped.offset if is_contiguous else None)
