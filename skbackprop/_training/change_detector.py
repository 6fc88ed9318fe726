"""Detection of change in a stream: columns whose moments are no longer those of earlier samples.

A stream is compared in blocks of at least `BLOCK_SAMPLES` samples. A column has changed if two blocks in a row differ
from all earlier samples, and agree with each other. A rise that goes on, or a file sorted by a column, makes each block
differ from the one before; the moments of all samples describe such a column better than those of any block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._core.dataset import Dataset
from .._core.linear_range import LinearRange
from .._core.moments import Moments
from .._core.standardizer import Standardizer
from .recent_samples import BLOCK_SAMPLES, RecentSamples

#: Means differ if their distance is more than this number of standard errors,
MAX_STANDARD_ERRORS = 6.0
#: and more than this share of the larger standard deviation; less does not matter to the network.
MIN_DISTANCE = 0.5
#: Variances differ if they grow by more than the first factor, or fall by more than the second; columns with rare large
#: values have small variances in between.
GROWTH, FALL = 4.0, 16.0
#: The moments of a block must be those of most of its samples: at least this share is far from the earlier mean, where
#: the spread has grown, or differs from the median, where it has not. Samples without any of the rare large values of
#: a column say nothing about these.
MIN_SHARE = 0.2
#: A sample is far from the mean beyond this number of standard deviations.
FAR = 2.0
#: A larger block is represented by about this number of its samples, at even distances.
MAX_COMPARED = 256


class Summary(NamedTuple):
    """What is remembered of some samples.

    Attributes
    ----------
    mean, variance : ndarray of shape (n_columns,)
        Of X and the target.
    n_samples : int
        Number of samples in these moments.
    linear_range : LinearRange or None
        Beyond which values are compressed first. It may become wider from block to block.
    mean_weight : float
        Mean sample weight.
    n_iter : int
        Number of epochs made before a block.
    theta : ndarray of shape (n_parameters,)
        The weights before a block.
    """

    mean: np.ndarray
    variance: np.ndarray
    n_samples: int
    mean_weight: float
    n_iter: int
    linear_range: LinearRange | None
    theta: np.ndarray

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers and arrays, to be stored."""
        stored = self._asdict()
        linear_range = stored.pop("linear_range")
        return stored if linear_range is None else stored | linear_range._asdict()

    @classmethod
    def from_state_dict(cls, stored: dict[str, Any]) -> Summary:
        """Return what `state_dict` was called of."""
        linear_range = LinearRange(stored["lower"], stored["upper"]) if "lower" in stored else None
        moments = stored["mean"], stored["variance"], stored["n_samples"], stored["mean_weight"], stored["n_iter"]
        return cls(*moments, linear_range, stored["theta"])


class CountedMoments(NamedTuple):
    """Moments, the number of samples in them, and the number of epochs made."""

    moments: Moments
    n_samples: int
    n_iter: int


class Candidate(NamedTuple):
    """A block that differs from earlier samples.

    Attributes
    ----------
    block : Summary
        Its moments, and the weights before it.
    columns : ndarray of bool of shape (n_columns,)
        Where it differs.
    """

    block: Summary
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
    n_iter : int
        Number of epochs made before the change.
    """

    block: Dataset
    columns: np.ndarray
    theta: np.ndarray
    n_iter: int


class ChangeDetector:
    """Collects the samples of a stream in blocks, and compares these with earlier samples.

    Attributes
    ----------
    recent : RecentSamples
        The samples of the present block, if it has several calls.
    before : Summary or None
        All samples before the present block.
    candidate : Candidate or None
        The last block, if it differs from earlier samples.
    """

    def __init__(self) -> None:
        self.recent = RecentSamples()
        self.before: Summary | None = None
        self.candidate: Candidate | None = None

    def reset(self) -> None:
        """Forget all samples."""
        self.restore((0, None, None))

    def add(
        self, data: Dataset, standardizer: Standardizer, earlier: CountedMoments, theta: np.ndarray
    ) -> Change | None:
        """Add the samples of a call; return the change if they complete a block that confirms one.

        Parameters
        ----------
        data : Dataset
        standardizer : Standardizer
            With the moments after these samples.
        earlier : CountedMoments
            The moments before them.
        theta : ndarray of shape (n_parameters,)
            The weights, which have not been updated by these samples yet.
        """
        if not isinstance(data.X, np.ndarray):
            return None  # the moments of many rare columns are too uncertain
        if not self.recent.n_samples and earlier.n_samples >= BLOCK_SAMPLES:
            moments, n_earlier, n_iter = earlier
            mean_weight = moments.weight / n_earlier
            self.before = Summary(
                moments.mean, moments.variance, n_earlier, mean_weight, n_iter, moments.linear_range, theta.copy()
            )
        block = data
        if data.n_samples < BLOCK_SAMPLES:
            self.recent.add(data)
            if self.recent.n_samples < BLOCK_SAMPLES:
                return None
            block = self.recent.dataset()._replace(one_hot=data.one_hot)
        before, self.before, self.recent.n_samples = self.before, None, 0
        return None if before is None else self._compare(block, before, standardizer)

    def _compare(self, block: Dataset, before: Summary, standardizer: Standardizer) -> Change | None:
        candidate, self.candidate = self.candidate, None
        some = representatives(block)
        if not _has_mean_weight(some, before.mean_weight):
            return None
        last = _summary(some, standardizer, before)
        columns = differing_columns(before, last)
        if columns.any():
            values = standardizer.columns_of(some, columns, before.linear_range)
            columns[columns] = most_samples_differ(values, before, columns)
        if not columns.any():
            return None
        if candidate is not None:
            again = _summary(some, standardizer, candidate.block)
            both = columns & candidate.columns
            if (both & ~differing_columns(candidate.block, again)).any():
                return Change(block, both, candidate.block.theta, candidate.block.n_iter)
        self.candidate = Candidate(last, columns)
        return None

    def snapshot(self) -> tuple[Any, ...]:
        """Return what `restore` needs; it is cheap, because no array is ever written to."""
        return self.recent.n_samples, self.before, self.candidate

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Restore a snapshot."""
        self.recent.n_samples, self.before, self.candidate = snapshot

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers and arrays, to be stored."""
        candidate = self.candidate
        return {
            "recent": self.recent.state_dict(),
            "before": None if self.before is None else self.before.state_dict(),
            "candidate": None if candidate is None else candidate.block.state_dict(),
            "columns": np.empty(0) if candidate is None else candidate.columns.astype(np.float64),
        }

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the caller has checked shapes and dtypes."""
        self.recent.load_state_dict(stored["recent"])
        before, candidate = stored["before"], stored["candidate"]
        self.before = None if before is None else Summary.from_state_dict(before)
        self.candidate = None
        if candidate is not None:
            self.candidate = Candidate(Summary.from_state_dict(candidate), stored["columns"] != 0)


def representatives(block: Dataset) -> Dataset:
    """Return up to `MAX_COMPARED` samples, at random places of equal parts: even distances might have one phase."""
    n = block.n_samples
    if n <= MAX_COMPARED:
        return block.take(slice(None)) if block.excluded is None else block.take(block.indices())
    places = np.arange(MAX_COMPARED) + np.random.default_rng(n).random(MAX_COMPARED)
    return block.take(block.indices_at((places * (n / MAX_COMPARED)).astype(np.intp)))


def _has_mean_weight(data: Dataset, mean_weight: float) -> bool:
    """Return whether all samples have the mean weight of earlier ones; otherwise, few of them determine the moments."""
    weight = data.sample_weight
    lowest, highest = (1.0, 1.0) if weight is None else (weight.min(), weight.max())
    return bool(0.99 * mean_weight <= lowest and highest <= 1.01 * mean_weight)


def _summary(data: Dataset, standardizer: Standardizer, other: Summary) -> Summary:
    """Return the moments of some samples with the range of the other ones, and its weights."""
    moments = standardizer.moments_of(data, other.linear_range)
    return other._replace(mean=moments.mean, variance=moments.variance, n_samples=data.n_samples)


def differing_columns(earlier: Summary, later: Summary) -> np.ndarray:
    """Return a mask of the columns whose moments differ by more than chance, and by enough to matter."""
    old, new = earlier.variance, later.variance
    larger = np.maximum(old, new)
    square_of_error = larger * (1 / earlier.n_samples + 1 / later.n_samples)
    limit = np.maximum(MAX_STANDARD_ERRORS**2 * square_of_error, MIN_DISTANCE**2 * larger)
    return ((later.mean - earlier.mean) ** 2 > limit) | (new > GROWTH * old) | (old > FALL * new)


def most_samples_differ(values: np.ndarray, earlier: Summary, columns: np.ndarray) -> np.ndarray:
    """Return for each of these columns whether its moments are those of most of the samples, and not of a few."""
    mean, variance = earlier.mean[columns], earlier.variance[columns]
    is_wider = values.var(axis=0) > variance
    are_far = np.mean((values - mean) ** 2 > FAR**2 * variance, axis=0)
    vary = np.mean(values != np.median(values, axis=0), axis=0)
    return (vary >= MIN_SHARE) & (~is_wider | (are_far >= MIN_SHARE))
