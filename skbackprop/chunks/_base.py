"""`Chunks`: the sequence that the functions for all sources but CSV files return, and the sizes of chunks."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from numbers import Integral
from operator import index as as_int
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, overload

import numpy as np

#: X and y, or X, y and sample_weight.
Chunk: TypeAlias = tuple[Any, ...]
ChunkSize: TypeAlias = int | Literal["auto"]
PathLike: TypeAlias = str | os.PathLike[str]

#: Size of X in a chunk with chunk_size="auto", in bytes. From about this size on, disks read at full speed. The smaller
#: the chunks, the more of them, drawn from all over the file, are in memory at once, which mixes a sorted file better.
AUTO_BYTES = 2**20
#: Size of a number in a data frame, which becomes a float64.
FRAME_ITEMSIZE = 8


class Chunks(Sequence[Chunk]):
    """Chunks that can be read in any order, again and again, by several threads.

    ``chunks[i]`` reads one chunk. A slice, such as ``chunks[:-1]``, is a sequence of chunks again and reads nothing.

    Parameters
    ----------
    source : str
        What the chunks come from, for `repr`.
    pieces : ndarray of shape (n_chunks, n_numbers)
        What `_read` needs to know of each chunk.
    sizes : ndarray of shape (n_chunks,) or None
        Number of samples of each chunk, if known.
    """

    def __init__(self, source: str, pieces: np.ndarray, sizes: np.ndarray | None) -> None:
        self._source = source
        self._pieces = pieces
        self._sizes = sizes

    def __len__(self) -> int:
        return len(self._pieces)

    @overload
    def __getitem__(self, index: int) -> Chunk: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Chunk | Self:
        if isinstance(index, slice):
            part = copy(self)
            part._pieces = self._pieces[index]
            part._sizes = None if self._sizes is None else self._sizes[index]
            return part
        index = as_int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"chunk {index} is not among the {len(self)} chunks of {self!r}.")
        return self._read(*self._pieces[index].tolist())

    def __repr__(self) -> str:
        n_samples = "unknown" if self._sizes is None else int(self._sizes.sum())
        return f"{type(self).__name__}({self._source}, n_chunks={len(self)}, n_samples={n_samples})"

    @abstractmethod
    def _read(self, *piece: int) -> Chunk:
        """Read the chunk that one of the `pieces` describes."""


def samples_per_chunk(chunk_size: ChunkSize, bytes_per_sample: float) -> int:
    """Return the number of samples of a chunk, and raise ValueError if `chunk_size` is invalid."""
    if isinstance(chunk_size, str) and chunk_size == "auto":
        return max(1, int(AUTO_BYTES // max(bytes_per_sample, 1)))
    if not isinstance(chunk_size, Integral) or isinstance(chunk_size, bool) or chunk_size < 1:
        raise ValueError(f'chunk_size={chunk_size!r} must be a number of samples, at least 1, or "auto".')
    return int(chunk_size)


def split_parts(n_samples: Sequence[int], chunk_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide parts, such as files, into chunks, each of one part.

    Parameters
    ----------
    n_samples : sequence of int
        Number of samples of each part.
    chunk_size : int
        Number of samples of a chunk. The last chunk of a part may have fewer.

    Returns
    -------
    pieces : ndarray of shape (n_chunks, 3)
        Index of the part, and the first sample and the one after the last in that part.
    sizes : ndarray of shape (n_chunks,)
        Number of samples of each chunk.
    """
    pieces = [
        (part, start, min(start + chunk_size, n))
        for part, n in enumerate(n_samples)
        for start in range(0, n, chunk_size)
    ]
    bounds = np.array(pieces, np.int64).reshape(-1, 3)
    return bounds, bounds[:, 2] - bounds[:, 1]


def check_lengths(lengths: dict[str, int]) -> None:
    """Raise ValueError unless the named arrays have the same number of samples, and at least one."""
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"The numbers of samples differ: {listing}. Each sample needs one value in each of them.")
    if 0 in lengths.values():
        raise ValueError(f"{' and '.join(lengths)} have no samples.")


def as_paths(name: str, paths: Any) -> list[str]:
    """Return one path or several as a list.

    Paths become absolute, so that they stay valid in processes with another working directory; URLs stay as they are.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(several, Sequence) or not all(isinstance(path, str | os.PathLike) for path in several):
        raise TypeError(f"{name} must be a path or a list of paths, because it is read more than once; got {paths!r}.")
    if not several:
        raise ValueError(f"{name}={paths!r} must have at least one path.")
    return [os.path.abspath(path) if os.path.exists(path) else os.fspath(path) for path in several]


def describe(paths: Sequence[str]) -> str:
    """Return the name of the first file and the number of the others."""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{Path(paths[0]).name!r}{more}"
