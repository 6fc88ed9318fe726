"""Outliers: samples with a value that is far from all earlier ones, in a column of X or in the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._typing import Matrix
from .dataset import INDEX, Dataset
from .linear_range import LinearRange
from .standardizer import MAX_ABS_ZSCORE, MAX_COMPRESSED_ZSCORE, Standardizer

#: A target is considered damaged, too, if it is this number of times as far from the mean as any before it, and more
#: than this number of standard deviations.
EXTREME_FACTOR, MIN_TARGET_ZSCORE = 5.0, 30.0
#: The moments of numbers further away overflow, because the sum of the squares of many samples is not finite.
MAX_DISTANCE = 1e150
#: Number of entries that are compared at a time, so that this takes little memory.
BLOCK_SIZE = 2**18
#: Number of samples that are compared with others at a time: numpy is slow if its inner loop is over a few columns.
N_SIDE_BY_SIDE = 16


class Outliers(NamedTuple):
    """The outliers among some samples.

    Attributes
    ----------
    indices : ndarray of int
        Their sorted indices in the arrays.
    overflow : ndarray of bool
        Whether the moments of each of them overflow.
    """

    indices: np.ndarray
    overflow: np.ndarray


def max_distance(standardizer: Standardizer, *, outliers_are_rare: bool) -> np.ndarray:
    """Return how far a value may be from the mean of its column without being an outlier.

    As long as outliers are rare, a target may be `EXTREME_FACTOR` times as far as any before it, within limits: targets
    of heavy tails are often far away, others never are.
    """
    moments, target = standardizer.moments, standardizer.target
    limit = MAX_ABS_ZSCORE * standardizer.scale
    if moments.target_extreme is not None and outliers_are_rare:
        lowest = MIN_TARGET_ZSCORE * standardizer.scale[target]
        limit[target] = np.clip(EXTREME_FACTOR * moments.target_extreme, lowest, limit[target])
    limit[moments.variance <= 0] = np.inf  # a constant column has no scale to measure by
    return limit


def find_outliers(standardizer: Standardizer, data: Dataset, limit: np.ndarray | None) -> Outliers | None:
    """Return the samples that are outliers with respect to the present moments, or None if there are none.

    Where values are compressed or have a range, they are outliers only if they are far away after that, too: in a
    column of several orders of magnitude, large numbers are usual.

    Parameters
    ----------
    standardizer : Standardizer
    data : Dataset
    limit : ndarray of shape (n_columns,) or None
        How far values may be from the mean of each column; None means that only samples whose moments overflow are
        outliers.
    """
    moments = standardizer.moments
    limit = np.full_like(moments.mean, MAX_DISTANCE) if limit is None else np.minimum(limit, MAX_DISTANCE)
    lower, upper = moments.mean - limit, moments.mean + limit
    inputs, target = standardizer.inputs, standardizer.target
    parts = []
    if not _is_inside(data.X, lower[inputs], upper[inputs]):
        limit_after = MAX_COMPRESSED_ZSCORE * standardizer.scale[inputs]
        columns = _Columns(lower[inputs], upper[inputs], moments.mean[inputs], moments.linear_range, limit_after)
        parts.append(_outliers_of(data.X, columns))
    if standardizer.target_scaling.scales and not _is_inside(data.y, lower[target], upper[target]):
        columns = _Columns(lower[target], upper[target], moments.mean[target], moments.target_range, limit[target])
        parts.append(_outliers_of(data.y, columns))
    if not parts:
        return None
    indices = np.unique(np.concatenate([part.indices for part in parts]))
    if data.excluded is not None:
        indices = np.setdiff1d(indices, data.excluded, assume_unique=True)
    overflowing = np.concatenate([part.indices[part.overflow] for part in parts])
    return Outliers(indices, np.isin(indices, overflowing)) if len(indices) else None


class _Columns(NamedTuple):
    """The bounds within which a value is no outlier, and how one beyond them is judged."""

    lower: np.ndarray
    upper: np.ndarray
    mean: np.ndarray
    compression: LinearRange | None
    limit_after: np.ndarray

    @property
    def have_zero(self) -> bool:
        """Whether 0 is within the bounds of each column."""
        return bool(self.lower.max(initial=-np.inf) <= 0 <= self.upper.min(initial=np.inf))

    def are_far(self, values: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return whether values beyond the bounds are far from the mean after compression, too."""
        if self.compression is not None:
            values = self.compression.of(columns).compressed(values)
        return np.abs(values - self.mean[columns]) > self.limit_after[columns]


def _is_inside(array: Matrix, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Return whether no value is beyond the bounds of its column; of a sparse matrix, beyond any bounds."""
    if not isinstance(array, np.ndarray):
        low, high = array.data.min(initial=0), array.data.max(initial=0)
        return bool(lower.max(initial=-np.inf) <= low and high <= upper.min(initial=np.inf))
    if not (_reduced(np.minimum, array) >= lower).all():
        return False
    return bool((_reduced(np.maximum, array) <= upper).all())


def _reduced(extremum: np.ufunc, array: np.ndarray) -> np.ndarray:
    """Return the minimum or maximum of each column."""
    n_samples, n_columns = array.shape
    n_whole = n_samples - n_samples % N_SIDE_BY_SIDE
    if not array.flags.c_contiguous or n_whole <= N_SIDE_BY_SIDE:
        return extremum.reduce(array)
    side_by_side = extremum.reduce(array[:n_whole].reshape(-1, N_SIDE_BY_SIDE * n_columns))
    reduced = extremum.reduce(side_by_side.reshape(N_SIDE_BY_SIDE, n_columns))
    return reduced if n_whole == n_samples else extremum(reduced, extremum.reduce(array[n_whole:]))


def _outliers_of(array: Matrix, columns: _Columns) -> Outliers:
    is_outlier, overflows = np.zeros((2, array.shape[0]), bool)
    for samples, entries, values in _entries_beyond(array, columns):
        is_far = columns.are_far(values, entries)
        is_outlier[samples[is_far]] = True
        overflows[samples[is_far & ~(np.abs(values - columns.mean[entries]) <= MAX_DISTANCE)]] = True
    indices = np.flatnonzero(is_outlier).astype(INDEX)
    return Outliers(indices, overflows[indices])


def _entries_beyond(array: Matrix, columns: _Columns) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the sample, the column and the value in float64 of each entry beyond the bounds, block by block."""
    if isinstance(array, np.ndarray) or not columns.have_zero:
        size = max(1, BLOCK_SIZE // max(array.shape[1], 1))
        for start in range(0, array.shape[0], size):
            block = array[start : start + size]
            if not isinstance(block, np.ndarray):
                block = block.toarray()  # where entries that are not stored may be outliers
            samples, entries = np.nonzero((block < columns.lower) | (block > columns.upper))
            yield start + samples, entries, block[samples, entries].astype(np.float64)
        return
    for start in range(0, array.nnz, BLOCK_SIZE):
        stored = slice(start, start + BLOCK_SIZE)
        values, column = array.data[stored], array.indices[stored]
        positions = np.flatnonzero((values < columns.lower[column]) | (values > columns.upper[column]))
        samples = np.searchsorted(array.indptr, start + positions, side="right") - 1
        yield samples, column[positions], values[positions].astype(np.float64)
