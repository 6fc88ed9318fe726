"""The range of each column within which standardization is linear, from quantiles of the samples.

Mean and standard deviation of a column with a damaged cell, or with numbers of several orders of magnitude, describe
a few samples and not the others. The center and the scale here are those of most of the samples.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from .._typing import CSR
from .compression import HALF_RANGE, compress_beyond, is_beyond, slopes
from .dataset import Dataset

#: Quantiles of more samples than this are those of this number of samples, at even distances.
MAX_SAMPLES = 2048
#: Number of samples needed for a range.
MIN_SAMPLES = 50
#: Number of entries that are sorted at a time.
BLOCK_SIZE = 2**18
#: Positions of the quantiles, and those of a standard normal distribution.
SHARES = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
NORMAL_IQR = 1.3489795003921634
NORMAL_TAIL_SPREAD = 0.3633  # from the first to the second of the quantiles
#: A column is skewed if the distance of the outer quantiles from the median differs by more than this factor, as in a
#: log-normal distribution whose logarithm has a standard deviation above 1.1. Its range then begins in the dense tail,
#: with a scale of this share of the spread there, so that most of the column is on a logarithmic scale.
SKEWNESS, TAIL_SHARE = 6.0, 1 / 3


class LinearRange(NamedTuple):
    """Where the range of each column begins and ends, in float64; infinite where nothing is compressed."""

    lower: np.ndarray
    upper: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        """The robust standard deviation of each column, infinite where it is unknown."""
        return (self.upper - self.lower) / (2 * HALF_RANGE)

    def compressed(self, values: np.ndarray) -> np.ndarray:
        """Return values with those beyond the range compressed, in float64 if there are any; see `compression.py`."""
        beyond = is_beyond(values, self.lower, self.upper)
        if not np.count_nonzero(beyond):
            return values
        values = values.astype(np.float64)
        compress_beyond(values, beyond, self.lower, self.upper)
        return values

    def of(self, columns: np.ndarray) -> LinearRange:
        """Return the ranges of these columns."""
        return LinearRange(self.lower[columns], self.upper[columns])

    def slopes(self, values: np.ndarray) -> np.ndarray:
        """Return the derivative of the compressed values with respect to the values."""
        return slopes(values, self.lower, self.upper)

    def widened(self, other: LinearRange) -> LinearRange:
        """Return the smallest range that includes both; the other one where there is only one of them."""
        lower = np.where(np.isfinite(self.lower), np.minimum(self.lower, _finite(other.lower, np.inf)), other.lower)
        upper = np.where(np.isfinite(self.upper), np.maximum(self.upper, _finite(other.upper, -np.inf)), other.upper)
        return LinearRange(lower, upper)

    def widened_gradually(self, other: LinearRange) -> LinearRange:
        """Return what `widened` does, but wider by no more than the present width on each side.

        The scale of a skewed column may differ by orders of magnitude between parts of the data.
        """
        width = np.where(np.isfinite(self.upper), self.upper, np.inf) - np.where(np.isfinite(self.lower), self.lower, 0)
        lower = np.where(np.isfinite(width), np.maximum(other.lower, self.lower - width), other.lower)
        upper = np.where(np.isfinite(width), np.minimum(other.upper, self.upper + width), other.upper)
        return self.widened(LinearRange(lower, upper))

    def replaced(self, other: LinearRange, columns: np.ndarray) -> LinearRange:
        """Return the range with that of some columns replaced; `columns` is a mask."""
        return LinearRange(np.where(columns, other.lower, self.lower), np.where(columns, other.upper, self.upper))

    def including(self, low: np.ndarray, high: np.ndarray, columns: np.ndarray) -> LinearRange:
        """Return the range, widened in some columns to include these values; `columns` is a mask."""
        lower = np.where(columns, np.minimum(self.lower, low), self.lower)
        return LinearRange(lower, np.where(columns, np.maximum(self.upper, high), self.upper))

    def moved_to(self, mean: np.ndarray, scale: np.ndarray) -> LinearRange:
        """Return the range widened to `HALF_RANGE` standard deviations around means that have left its middle half."""
        quarter = (self.upper - self.lower) / 4  # infinite ranges have no middle half
        with np.errstate(invalid="ignore"):
            left = ~((mean >= self.lower + quarter) & (mean <= self.upper - quarter)) & (scale > 0)
        around = range_around(mean, np.where(left, scale, 0))
        return self.widened(around) if left.any() else self


def _finite(values: np.ndarray, other: float) -> np.ndarray:
    return np.where(np.isfinite(values), values, other)


def range_around(center: np.ndarray, scale: np.ndarray) -> LinearRange:
    """Return the range of `HALF_RANGE` times the scale around each center; infinite where the scale is 0."""
    half = np.where(scale > 0, HALF_RANGE * scale, np.inf)
    return LinearRange(center - half, center + half)


def range_of_samples(data: Dataset, roundings: float, centers: bool) -> LinearRange:
    """Return the ranges of the columns of X.

    Parameters
    ----------
    data : Dataset
    roundings : float
        A scale below this multiple of the center is due to rounding.
    centers : bool
        Whether the range need not be symmetric around zero.
    """
    if not isinstance(data.X, np.ndarray):
        scale = _scale_of_entries(data)
        return range_around(np.zeros_like(scale), scale)
    samples = representative_samples(data)
    if not len(samples):
        return range_around(*np.zeros((2, data.X.shape[1])))
    n_columns = data.X.shape[1]
    center, scale = np.empty((2, n_columns))
    size = max(1, BLOCK_SIZE // max(len(samples), 1))
    for first in range(0, n_columns, size):
        columns = slice(first, first + size)
        block = np.sort(data.X[samples, columns].astype(np.float64), axis=0)
        center[columns], scale[columns] = _center_and_scale(block)
    scale[~(scale > roundings * np.abs(center))] = 0
    if not centers:
        center, scale = np.zeros(n_columns), scale + np.abs(center)
    return range_around(center, scale)


def representative_samples(data: Dataset) -> np.ndarray:
    """Return indices of up to `MAX_SAMPLES` samples at even distances; of those with weights, at even sums of weights.

    Quantiles of these samples are weighted quantiles. Samples whose weight is 0 are never among them.
    """
    if data.sample_weight is None:
        n = data.n_samples
        return data.indices_at(np.arange(n) if n <= MAX_SAMPLES else _even(n, MAX_SAMPLES).astype(np.intp))
    weight = data.sample_weight.astype(np.float64)
    if data.excluded is not None:
        weight[data.excluded] = 0
    n = int(np.count_nonzero(weight))
    total = np.cumsum(weight)
    last = np.flatnonzero(weight)[-1:] if n else np.zeros(0, np.intp)
    found = np.searchsorted(total, _even(total[-1], min(n, MAX_SAMPLES)), side="right")
    return np.minimum(found, last)


def _even(total: float, n: int) -> np.ndarray:
    """Return the centers of n equal parts of the interval from 0 to `total`."""
    return (np.arange(n) + 0.5) * (total / max(n, 1))


def _center_and_scale(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a robust center and scale of columns, each of which is sorted."""
    quantiles = _quantiles(block)
    center, scale = _of_quantiles(quantiles)
    is_flat = (quantiles[[2, 3, 4, 6]] == quantiles[[0, 2, 3, 4]]).any(axis=0)
    is_binary = ((block == block[0]) | (block == block[-1])).all(axis=0)
    center, scale = np.where(is_binary, block[0], center), np.where(is_binary, block[-1] - block[0], scale)
    for column in np.flatnonzero(is_flat & ~is_binary):
        center[column], scale[column] = _without_frequent_value(block[:, column], quantiles[:, column])
    return center, scale


def _without_frequent_value(values: np.ndarray, quantiles: np.ndarray) -> tuple[float, float]:
    """Return the center and scale of a sorted column that mostly has one value, such as 0: those of the others."""
    candidates = np.unique(quantiles)
    counts = np.searchsorted(values, candidates, "right") - np.searchsorted(values, candidates)
    frequent = candidates[np.argmax(counts)]
    others = values[values != frequent]
    if not len(others):
        return frequent, 0.0
    center, scale = _of_quantiles(_quantiles(others[:, np.newaxis]))
    if scale[0] > 0:
        return center[0], scale[0]
    other = others[len(others) // 2]  # there are two frequent values, as in a binary column
    return frequent, abs(other - frequent)


def _quantiles(block: np.ndarray) -> np.ndarray:
    """Return the quantiles of columns at `SHARES`; those of the reversed columns are the same in reverse."""
    return np.quantile(block, SHARES, axis=0, method="midpoint")


def _of_quantiles(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median and the spread of the middle half; of skewed columns, the end and spread of the dense tail."""
    center, scale = q[3].copy(), (q[4] - q[2]) / NORMAL_IQR
    for side in (q, -q[::-1]):
        tail = (side[1] - side[0]) / NORMAL_TAIL_SPREAD * TAIL_SHARE
        is_skewed = (side[6] - side[3] > SKEWNESS * (side[3] - side[0])) & (tail > 0)
        center = np.where(is_skewed, side[0] if side is q else -side[0], center)
        scale = np.where(is_skewed, tail, scale)
    return center, scale


def _scale_of_entries(data: Dataset) -> np.ndarray:
    """Return the weighted geometric mean of the size of the entries of each column of a CSR matrix; 0 without entries.

    A single damaged entry changes it little, and it takes no sorting.
    """
    X = cast(CSR, data.X)
    n_samples, n_columns = X.shape
    total, logarithms = np.zeros((2, n_columns))
    size = max(1, n_samples * BLOCK_SIZE // max(X.nnz, n_columns, 1))
    for start in range(0, n_samples, size):
        stop = min(start + size, n_samples)
        weight = np.ones(stop - start) if data.sample_weight is None else data.sample_weight[start:stop].copy()
        if data.excluded is not None:
            first, last = np.searchsorted(data.excluded, np.array([start, stop], data.excluded.dtype))
            weight[data.excluded[first:last] - start] = 0
        entries = slice(X.indptr[start], X.indptr[stop])
        entry_weight = np.repeat(weight, np.diff(X.indptr[start : stop + 1])) * (X.data[entries] != 0)
        sizes = np.where(entry_weight > 0, np.abs(X.data[entries]), 1).astype(np.float64)
        total += np.bincount(X.indices[entries], entry_weight, n_columns)
        logarithms += np.bincount(X.indices[entries], entry_weight * np.log(sizes), n_columns)
    has_entries = total > 0
    return np.where(has_entries, np.exp(logarithms / np.where(has_entries, total, 1)), 0)
