"""Weighted mean and variance of columns, computed in chunks and merged without loss of precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import CSR, Matrix
from .dataset import included_chunks
from .linear_range import LinearRange

#: Number of entries whose moments are computed at a time; of wide data, more, so that merging takes little of the time.
CHUNK_SIZE, WIDE_CHUNK_SIZE = 2**16, 2**20
#: Number of samples of such a chunk of wide data.
WIDE_CHUNK_SAMPLES = 32
#: The same of a sparse matrix, where each chunk also takes a few vectors with a number for each column.
SPARSE_CHUNK_SIZE = 2**18


class Moments(NamedTuple):
    """Sum of the sample weights, and weighted mean and variance of each column, all in float64.

    If there is a `linear_range`, they are those of columns whose extreme values are compressed.
    If there is a `target_range`, those of the target are of values within it. `recent_targets` are the targets and, in
    the last column, the weights of the last few samples of a stream, until there are enough of them for a range.
    `target_extreme` is how far a target has been from its mean at most, if outliers are judged by it.
    """

    weight: float
    mean: np.ndarray
    variance: np.ndarray
    linear_range: LinearRange | None = None
    target_range: LinearRange | None = None
    recent_targets: np.ndarray | None = None
    target_extreme: np.ndarray | None = None

    def merge(self, other: Moments) -> Moments:
        """Return the moments of two sets of samples taken together.

        Chan, Golub and LeVeque 1983: no difference of large numbers, and merging a set with itself changes nothing.
        """
        if self.weight == 0:
            return other
        weight = self.weight + other.weight
        share = other.weight / weight
        distance = other.mean - self.mean
        mean = distance * share
        mean += self.mean
        distance *= distance
        distance *= share * (1 - share)
        variance = (other.variance - self.variance) * share
        variance += self.variance
        variance += distance
        return Moments(weight, mean, variance, *self[3:])

    def add_sample(self, distance: np.ndarray) -> Moments:
        """Return the moments with one more sample of weight 1, given its distance from the mean (Welford 1962)."""
        weight = self.weight + 1.0
        mean = distance * (1.0 / weight)
        variance = distance * mean
        variance += self.variance
        variance *= 1.0 - 1.0 / weight
        mean += self.mean
        return Moments(weight, mean, variance, *self[3:])


def column_moments(
    array: Matrix,
    sample_weight: np.ndarray | None,
    excluded: np.ndarray | None = None,
    linear_range: LinearRange | None = None,
) -> Moments:
    """Return the moments of the columns of a dense or CSR matrix.

    Parameters
    ----------
    array : ndarray or CSR matrix of shape (n_samples, n_columns)
    sample_weight : ndarray of shape (n_samples,) or None
    excluded : ndarray of int or None
        Sorted indices of samples that are left out.
    linear_range : LinearRange or None
        Beyond which values are compressed first.
    """
    if not isinstance(array, np.ndarray):
        return _sparse_moments(array, sample_weight, excluded, linear_range)
    total = Moments(0.0, np.zeros(array.shape[1]), np.zeros(array.shape[1]))
    shift = None
    n_columns = array.shape[1]
    size = max(CHUNK_SIZE // n_columns, min(WIDE_CHUNK_SAMPLES, WIDE_CHUNK_SIZE // n_columns), 1)
    for chunk in included_chunks(len(array), size, excluded):
        values = array[chunk] if linear_range is None else linear_range.compressed(array[chunk])
        weight = np.ones(len(values)) if sample_weight is None else sample_weight[chunk]
        if shift is None:
            if not weight.any():
                continue
            shift = values[int(np.argmax(weight > 0))].astype(np.float64)
        part = np.subtract(values, shift, order="C")  # so that sums do not depend on the layout of the array
        weight_sum = weight.sum()
        if weight_sum > 0:
            mean = weight @ part / weight_sum
            part -= mean
            part *= part
            total = total.merge(Moments(weight_sum, mean, weight @ part / weight_sum))
    return Moments(total.weight, total.mean + shift, total.variance, linear_range)


def _sparse_moments(
    X: CSR, sample_weight: np.ndarray | None, excluded: np.ndarray | None, linear_range: LinearRange | None
) -> Moments:
    n_samples, n_columns = X.shape
    total = Moments(0.0, np.zeros(n_columns), np.zeros(n_columns))
    size = max(n_samples * SPARSE_CHUNK_SIZE // max(X.nnz, n_columns, 1), 1)
    for chunk in included_chunks(n_samples, size, excluded):
        part = X[chunk]
        data = part.data if linear_range is None else linear_range.of(part.indices).compressed(part.data)
        weight = np.ones(part.shape[0]) if sample_weight is None else sample_weight[chunk]
        weight_sum = weight.sum()
        if weight_sum > 0:
            entry_weight = np.repeat(weight, np.diff(part.indptr))
            mean = np.bincount(part.indices, entry_weight * data, n_columns) / weight_sum
            squares = np.bincount(part.indices, entry_weight * (data - mean[part.indices]) ** 2, n_columns)
            weight_of_zeros = np.maximum(weight_sum - np.bincount(part.indices, entry_weight, n_columns), 0)
            total = total.merge(Moments(weight_sum, mean, (squares + weight_of_zeros * mean**2) / weight_sum))
    return total._replace(linear_range=linear_range)
