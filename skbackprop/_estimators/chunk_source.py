"""Chunks as the user passes them: read in any order, validated one by one, with errors that name the chunk."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from .._core.windows import bytes_of
from .._typing import Matrix
from .parameters import validate_weights
from .samples import accepted_dtypes
from .targets import dense
from .validation import validate_data

#: Number of samples of a chunk that are in its checksum.
N_CHECKED = 16
#: What `next` returns after the last chunk.
END = object()
#: The end of messages about chunks that are of another kind.
WHAT_CHUNKS_ARE = (
    "a sequence, with len(chunks) and chunks[i], or a function without arguments that returns a new iterator over "
    "(X, y) or (X, y, sample_weight); skbackprop.chunks makes one from files and arrays"
)


class Chunk(NamedTuple):
    """One validated chunk.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    sample_weight : ndarray of shape (n_samples,), float64, or None
    names : ndarray of shape (n_features,) or None
        The feature names.
    has_sparse_y : bool
        Whether the user passed y as a sparse matrix.
    """

    X: Matrix
    y: np.ndarray
    sample_weight: np.ndarray | None
    names: np.ndarray | None
    has_sparse_y: bool

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.X.shape[0]

    @property
    def n_bytes(self) -> int:
        """The memory that the arrays take."""
        weight = 0 if self.sample_weight is None else self.sample_weight.nbytes
        return bytes_of(self.X) + bytes_of(self.y) + weight

    @property
    def checksum(self) -> int:
        """A checksum of a few samples, by which another chunk is recognized."""
        some = slice(None, None, -(-self.n_samples // N_CHECKED))
        X = self.X[some]
        arrays = [X] if isinstance(X, np.ndarray) else [X.data, X.indices, X.indptr]
        arrays += [] if self.sample_weight is None else [self.sample_weight[some]]
        checksum = zlib.crc32(repr(self.y[some].tolist()).encode())
        for array in arrays:
            checksum = zlib.crc32(np.ascontiguousarray(array, np.float64).tobytes(), checksum)
        return checksum


class ChunkSource:
    """The chunks of the user, to be read again and again.

    Parameters
    ----------
    chunks : sequence or callable
    kind : type
        The class of the estimator, which says what X may be.

    Attributes
    ----------
    can_shuffle : bool
        Whether the chunks can be read in any order.

    Raises
    ------
    TypeError
        If `chunks` is neither of both.
    """

    def __init__(self, chunks: Any, kind: type):
        self._chunks = chunks
        self._kind = kind
        is_data = _is_data(chunks)
        self.can_shuffle = hasattr(chunks, "__getitem__") and hasattr(chunks, "__len__") and not is_data
        if hasattr(chunks, "__next__"):
            raise TypeError(
                f"chunks={chunks!r} can be read only once, and training reads the chunks in every epoch: pass "
                f"{WHAT_CHUNKS_ARE}."
            )
        if is_data or not (self.can_shuffle or callable(chunks)):
            raise TypeError(f"chunks must be {WHAT_CHUNKS_ARE}; got {type(chunks).__name__}.")
        if self.can_shuffle and not len(chunks):
            raise ValueError("chunks is empty: there is nothing to learn.")

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Chunk]]:
        """Yield the number of each chunk and the chunk, in this order; None is the order of the chunks.

        A source that cannot be shuffled is read in its order, whatever `order` is.
        """
        if self.can_shuffle:
            for number in range(len(self._chunks)) if order is None else order:
                with naming("chunk", number):
                    chunk = validate_chunk(self._chunks[int(number)], self._kind)
                yield int(number), chunk
            return
        iterator, number = _iterate(self._chunks), 0
        while True:
            with naming("chunk", number):
                item = next(iterator, END)
                if item is END:
                    break
                chunk = validate_chunk(item, self._kind)
            yield number, chunk
            number += 1
        if not number:
            raise ValueError(
                "chunks returned an iterator without chunks: it must return a new iterator each time it is called."
            )


def _is_data(chunks: Any) -> bool:
    """Return whether these are data instead of a sequence of chunks, which may be an array of objects."""
    if isinstance(chunks, np.ndarray):
        return chunks.dtype != object or chunks.ndim != 1
    return isinstance(chunks, (str, bytes, dict)) or sparse.issparse(chunks)


def _iterate(chunks: Callable[[], Any]) -> Iterator[Any]:
    made = chunks()
    if not hasattr(made, "__iter__"):
        raise TypeError(f"chunks() must return an iterator over chunks, got {type(made).__name__}.")
    iterator: Iterator[Any] = iter(made)
    return iterator


def naming(kind: str, number: int) -> AbstractContextManager[None]:
    """Add the number of the chunk or partition to the message of an error."""
    return _Naming(f"{kind.capitalize()} {number}")


class _Naming(AbstractContextManager[None]):
    """Begins the messages of errors with a name; a generator as context manager would not catch StopIteration."""

    def __init__(self, name: str):
        self._name = name

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ValueError):
            raise ValueError(f"{self._name}: {error}") from error
        if isinstance(error, TypeError):
            raise TypeError(f"{self._name}: {error}") from error
        if isinstance(error, Exception) and not isinstance(error, MemoryError):
            raise RuntimeError(f"{self._name} cannot be read ({type(error).__name__}: {error}).") from error


def validate_chunk(item: Any, kind: type) -> Chunk:
    """Validate one chunk as `fit` validates its samples."""
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        described = f"{type(item).__name__} of {len(item)}" if isinstance(item, (tuple, list)) else type(item).__name__
        raise TypeError(f"a chunk must be (X, y) or (X, y, sample_weight), got {described}.")
    X, y, *weight = item
    if _n_samples(X) == 0:
        raise ValueError("it has no samples; leave it out.")
    with np.errstate(all="ignore"):  # numpy keeps this for each thread, and another may read the chunks
        return _validated(X, y, weight[0] if weight else None, kind)


def _validated(X: Any, y: Any, sample_weight: Any, kind: type) -> Chunk:
    blank: Any = object.__new__(kind)
    X, y = validate_data(
        blank,
        X,
        y,
        accept_sparse="csr",
        dtype=accepted_dtypes(X, np.float64, np.float32),
        order="C",
        multi_output=True,
    )
    has_sparse_y = sparse.issparse(y)
    y = dense(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]  # without a warning for each chunk in each epoch
    weight = None if sample_weight is None else validate_weights(sample_weight, X, may_be_zero=True)
    return Chunk(X, y, weight, vars(blank).get("feature_names_in_"), has_sparse_y)


def _n_samples(X: Any) -> int:
    try:
        return X.shape[0] if hasattr(X, "tocsr") else len(X)
    except TypeError as error:
        raise TypeError(
            "a chunk must be (X, y) or (X, y, sample_weight) with the samples in an array, a sparse matrix or a data "
            f"frame as X, got {type(X).__name__} as X."
        ) from error
