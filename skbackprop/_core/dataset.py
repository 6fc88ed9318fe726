"""`Dataset`: inputs, targets and sample weights, which are passed on together.

Nothing in it is as large as X, or as the number of samples times the number of classes: X stays as the user passed it,
class labels are integer codes, and the samples of a validation set are excluded by their indices. What the network
computes with is made chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._typing import Matrix

#: The dtype of indices of samples: they take half the memory of numpy's integers, and are never negative.
INDEX = np.uint32
#: Number of samples whose indices are computed at a time.
INDEX_CHUNK = 2**16


class OneHot(NamedTuple):
    """How class codes become the columns that a loss sees: one for each class.

    Attributes
    ----------
    n_classes : int
    off, on : float
        The target of a class that a sample does not have, and of its own: 0 and 1 without label smoothing.
    """

    n_classes: int
    off: float
    on: float

    def columns(self, codes: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the columns for codes of shape (n_samples, 1), written to `out` if it is given."""
        if out is None:
            out = np.empty((len(codes), self.n_classes), codes.dtype)
        out.fill(self.off)
        out[np.arange(len(codes)), codes[:, 0].astype(np.intp)] = self.on
        return out


class Dataset(NamedTuple):
    """Inputs, targets and sample weights, validated and encoded.

    Attributes
    ----------
    X : ndarray, CSR matrix or IndexedMatrix of shape (n, n_features)
        Inputs: of the network's dtype, or integers, booleans or numbers of half precision; an `IndexedMatrix` only of a
        validation set.
    y : ndarray of shape (n, n_outputs) or (n, 1)
        Targets as the loss sees them, or class codes if there is `one_hot`; of the network's dtype. Before they are
        scaled, numbers may be more precise.
    sample_weight : ndarray of shape (n,), float64, or None
        Sample weights; None means a weight of 1 for every sample.
    one_hot : OneHot or None
        How class codes become the columns that the loss sees.
    excluded : ndarray of int or None
        Sorted indices of the samples in the arrays that do not belong to the data set.
    network_dtype : dtype or None
        The dtype of the network, if it may differ from that of `y`.
    """

    X: Matrix
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    one_hot: OneHot | None = None
    excluded: np.ndarray | None = None
    network_dtype: np.dtype | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.X.shape[0] if self.excluded is None else self.X.shape[0] - len(self.excluded)

    @property
    def n_outputs(self) -> int:
        """Number of outputs of a network for these targets."""
        return self.y.shape[1] if self.one_hot is None else self.one_hot.n_classes

    @property
    def dtype(self) -> np.dtype:
        """The dtype of a network for these samples."""
        return self.y.dtype if self.network_dtype is None else self.network_dtype

    @property
    def n_entries(self) -> float:
        """Mean number of entries of a sample: the stored ones if X is sparse, else all columns."""
        X = self.X
        if isinstance(X, np.ndarray):
            return float(X.shape[1])
        n_entries = X.nnz
        if self.excluded is not None:
            n_entries -= int((X.indptr[self.excluded + 1] - X.indptr[self.excluded]).sum())
        return n_entries / self.n_samples

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights."""
        weight = self.sample_weight
        if weight is None:
            return float(self.n_samples)
        if self.excluded is None:
            return float(weight.sum(dtype=np.float64))
        # a difference of sums would lose small weights beside large ones that are excluded
        return sum(float(weight[part].sum()) for part in included_chunks(len(weight), INDEX_CHUNK, self.excluded))

    def target(self, out: np.ndarray | None = None) -> np.ndarray:
        """Return the targets as the loss sees them; class codes as columns, written to `out` if it is given."""
        return self.y if self.one_hot is None else self.one_hot.columns(self.y, out)

    def take(self, indices: np.ndarray | slice) -> Dataset:
        """Return the samples at these indices of the arrays: views for a slice, copies otherwise."""
        weight = None if self.sample_weight is None else self.sample_weight[indices]
        return Dataset(self.X[indices], self.y[indices], weight, self.one_hot, None, self.network_dtype)

    def chunks(self, size: int) -> Iterator[Dataset]:
        """Yield all samples in their order, up to `size` at a time."""
        for indices in included_chunks(self.X.shape[0], size, self.excluded):
            chunk = self.take(indices)
            if chunk.n_samples:
                yield chunk

    def spread(self, n_samples: int) -> Dataset:
        """Return up to about `n_samples` samples, at even distances."""
        step = -(-self.n_samples // n_samples)
        if self.excluded is None:
            return self.take(slice(None, None, step))
        return self.take(self.indices_at(np.arange(0, self.n_samples, step)))

    def indices_at(self, positions: np.ndarray) -> np.ndarray:
        """Return the indices in the arrays of the samples at these positions among those that are not excluded."""
        if self.excluded is None:
            return positions
        # the number of samples before an excluded one is its index less the number of excluded ones before it
        n_before = self.excluded - np.arange(len(self.excluded))
        return positions + np.searchsorted(n_before, positions, side="right")

    def indices(self) -> np.ndarray:
        """Return the indices of all samples in the arrays.

        Raises
        ------
        ValueError
            If there are more samples than `INDEX` can count.
        """
        n = self.X.shape[0]
        if n > np.iinfo(INDEX).max:
            raise ValueError(
                f"X has {n} samples, more than the {np.iinfo(INDEX).max} that can be shuffled or split: pass them in "
                "parts to partial_fit."
            )
        indices = np.arange(self.n_samples, dtype=INDEX)
        if self.excluded is None:
            return indices
        position = 0
        for part in included_chunks(n, INDEX_CHUNK, self.excluded):
            if isinstance(part, slice):
                part = np.arange(part.start, part.stop)
            indices[position : position + len(part)] = part
            position += len(part)
        return indices

    def with_target(self, y: np.ndarray) -> Dataset:
        """Return the same samples with another target, which has the network's dtype."""
        return Dataset(self.X, y, self.sample_weight, self.one_hot, self.excluded)


class IndexedMatrix(NamedTuple):
    """Some samples of a matrix or a target, for which it stands; they are copied only where they are needed.

    Attributes
    ----------
    whole : ndarray or CSR matrix of shape (n, n_features), or a target
    indices : ndarray of int
    """

    whole: Matrix
    indices: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples and of features."""
        return len(self.indices), self.whole.shape[1]

    def __getitem__(self, samples):
        """Return copies of the samples at these positions in `indices`."""
        return self.whole[self.indices[samples]]


def included_chunks(n: int, size: int, excluded: np.ndarray | None) -> Iterator[slice | np.ndarray]:
    """Yield the indices below `n` that are not among the sorted `excluded`, from up to `size` of them at a time.

    They are a slice where none is excluded.
    """
    for start in range(0, n, size):
        stop = min(start + size, n)
        if excluded is not None:
            first, last = np.searchsorted(excluded, np.array([start, stop], excluded.dtype))
            if first < last:
                is_included = np.ones(stop - start, bool)
                is_included[excluded[first:last] - start] = False
                yield start + np.flatnonzero(is_included)
                continue
        yield slice(start, stop)
