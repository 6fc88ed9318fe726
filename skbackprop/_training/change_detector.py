"""Detection of change in a stream: columns whose moments are no longer those of earlier samples.

A stream is compared in blocks of at least `BLOCK_SAMPLES` samples. A column has changed if two blocks in a row differ
from all earlier samples, and agree with each other. A rise that goes on, a season, or a file sorted by a column makes
each block differ from the one before; the moments of all samples describe such a column better than those of any block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._core.dataset import Dataset
from .._core.standardizer import Standardizer
from .recent_samples import BLOCK_SAMPLES, RecentSamples

#: Means differ if their distance is more than this number of standard errors,
MAX_STANDARD_ERRORS = 6.0
#: and more than this share of the larger standard deviation; less does not matter to the network.
MIN_DISTANCE = 0.5
#: Variances differ by more than this factor.
VARIANCE_RATIO = 4.0
#: The moments of a block must be those of most of its samples: at least this share is far from the earlier mean, where
#: the spread has grown, or differs from the median, where it has not. Samples without any of the rare large values of
#: a column say nothing about these.
MIN_SHARE = 0.2
#: A sample is far from the mean beyond this number of standard deviations.
FAR = 2.0
#: A larger block is represented by about this number of its samples, at even distances.
MAX_COMPARED = 256


class Sighting(NamedTuple):
    """The moments of some samples, and weights.

    Attributes
    ----------
    mean, variance : ndarray of shape (n_columns,)
        Of X and the target.
    n_samples : int
        Number of samples in these moments.
    theta : ndarray of shape (n_parameters,)
        The weights before a block.
    """

    mean: np.ndarray
    variance: np.ndarray
    n_samples: int
    theta: np.ndarray


class Suspicion(NamedTuple):
    """A block that differs from earlier samples.

    Attributes
    ----------
    block : Sighting
        Its moments, and the weights before it.
    columns : ndarray of bool of shape (n_columns,)
        Where it differs.
    """

    block: Sighting
    columns: np.ndarray


class Change(NamedTuple):
    """A change of the data.

    Attributes
    ----------
    block : Dataset
        The last samples.
    columns : ndarray of bool of shape (n_columns,)
        The columns of X and the target that have changed.
    theta : ndarray of shape (n_parameters,)
        The weights from before the change.
    """

    block: Dataset
    columns: np.ndarray
    theta: np.ndarray


class ChangeDetector:
    """Collects the samples of a stream in blocks, and compares these with earlier samples.

    Attributes
    ----------
    recent : RecentSamples
        The samples of the present block, if it has several calls.
    before : Sighting or None
        All samples before the present block.
    suspicion : Suspicion or None
        What the last block gave reason to suspect.
    """

    def __init__(self) -> None:
        self.recent = RecentSamples()
        self.before: Sighting | None = None
        self.suspicion: Suspicion | None = None

    def begin_call(self, standardizer: Standardizer, theta: np.ndarray) -> None:
        """Remember the moments and the weights, if a block begins with this call."""
        if not self.recent.n_samples and standardizer.n_samples >= BLOCK_SAMPLES:
            moments = standardizer.moments
            self.before = Sighting(moments.mean, moments.variance, standardizer.n_samples, theta.copy())

    def add(self, data: Dataset, standardizer: Standardizer) -> Change | None:
        """Add the samples of a call; return the change if they complete a block that confirms one."""
        block = data
        if data.n_samples < BLOCK_SAMPLES:
            if not isinstance(data.X, np.ndarray):
                return None  # a sparse block would take a copy of the samples of each call
            self.recent.add(data)
            if self.recent.n_samples < BLOCK_SAMPLES:
                return None
            block = self.recent.dataset()._replace(one_hot=data.one_hot)
        self.recent.n_samples = 0
        return None if self.before is None else self._compare(block, self.before, standardizer)

    def _compare(self, block: Dataset, before: Sighting, standardizer: Standardizer) -> Change | None:
        suspicion, self.suspicion = self.suspicion, None
        some = block.spread(MAX_COMPARED)
        moments = standardizer.moments_of(some)
        last = Sighting(moments.mean, moments.variance, some.n_samples, before.theta)
        columns = differing_columns(before, last)
        if columns.any():
            columns[columns] = most_samples_differ(standardizer.columns_of(some, columns), before, columns)
        if not columns.any():
            return None
        if suspicion is not None:
            confirmed = columns & suspicion.columns & ~differing_columns(suspicion.block, last)
            if confirmed.any():
                return Change(block, confirmed, suspicion.block.theta)
        self.suspicion = Suspicion(last, columns)
        return None

    def snapshot(self) -> tuple[Any, ...]:
        """Return what `restore` needs; it is cheap, because no array is ever written to."""
        return self.recent.n_samples, self.before, self.suspicion

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Restore a snapshot."""
        self.recent.n_samples, self.before, self.suspicion = snapshot


def differing_columns(earlier: Sighting, later: Sighting) -> np.ndarray:
    """Return a mask of the columns whose moments differ by more than chance, and by enough to matter."""
    larger = np.maximum(earlier.variance, later.variance)
    smaller = np.minimum(earlier.variance, later.variance)
    square_of_error = larger * (1 / earlier.n_samples + 1 / later.n_samples)
    limit = np.maximum(MAX_STANDARD_ERRORS**2 * square_of_error, MIN_DISTANCE**2 * larger)
    return ((later.mean - earlier.mean) ** 2 > limit) | (larger > VARIANCE_RATIO * smaller)


def most_samples_differ(values: np.ndarray, earlier: Sighting, columns: np.ndarray) -> np.ndarray:
    """Return for each of these columns whether its moments are those of most of the samples, and not of a few."""
    mean, variance = earlier.mean[columns], earlier.variance[columns]
    is_wider = values.var(axis=0) > variance
    are_far = np.mean((values - mean) ** 2 > FAR**2 * variance, axis=0)
    vary = np.mean(values != np.median(values, axis=0), axis=0)
    return np.where(is_wider, np.minimum(are_far, vary), vary) >= MIN_SHARE
