"""Rejection of outliers in a stream: damaged samples would determine the scale of the data permanently."""

from __future__ import annotations

import math

import numpy as np

from .._core.dataset import INDEX, Dataset
from .._core.moments import Moments
from .._core.outliers import MAX_DISTANCE, MIN_TARGET_ZSCORE, Outliers, find_outliers, max_distance
from .._core.standardizer import MAX_ABS_ZSCORE, Standardizer
from .state import TrainingState

#: Number of earlier samples needed to tell.
MIN_SAMPLES = 50
#: If this number of consecutive samples are outliers, the data have changed, and those that can be are accepted.
MAX_CONSECUTIVE_REJECTIONS = 10
#: If more samples than this number and this share have been rejected, distant targets belong to the data.
MAX_REJECTED, MAX_REJECTED_SHARE = 3, 0.002


def update_moments(state: TrainingState, data: Dataset, *, reject_outliers: bool) -> Dataset | None:
    """Update the running moments and means; return the samples to learn from, or None, without a change, if none is.

    With `reject_outliers`, samples far from all earlier ones are rejected and counted. The others are returned; if
    these are all, `data` itself. Samples whose moments overflow are never accepted.
    """
    standardizer = state.standardizer
    if standardizer is not None:
        if not (reject_outliers and standardizer.n_samples):
            state.n_rejections = 0
            moments, _ = standardizer.propose(data)
            if moments_overflow(moments):
                return None
        elif data.X.shape[0] == 1 and data.sample_weight is None and isinstance(data.X, np.ndarray):
            moments, distance = standardizer.propose(data)
            assert distance is not None
            if _reject_single(state, standardizer, moments, distance):
                return None
        else:
            accepted = _without_outliers(state, standardizer, data)
            if accepted is None:
                return None
            moments, _ = standardizer.propose(accepted)
            if moments_overflow(moments):
                _count(state, accepted.n_samples, state.n_rejections + accepted.n_samples)
                return None
            data = accepted
        standardizer.accept(moments, data.n_samples)
    state.update_means(data)
    return data


def moments_overflow(moments: Moments) -> bool:
    """Return whether the spread of a column is not finite."""
    return not math.isfinite(np.add.reduce(moments.variance))


def _count(state: TrainingState, n_rejected: int, n_consecutive: int) -> None:
    state.n_rejected += n_rejected
    state.n_rejections = n_consecutive


def _reject_single(state: TrainingState, standardizer: Standardizer, moments: Moments, distance: np.ndarray) -> bool:
    """Return whether a single sample is rejected, from its distance, which is faster than comparing it with bounds."""
    overflows = moments_overflow(moments) or not np.dot(distance, distance) <= MAX_DISTANCE**2
    if not (overflows or (standardizer.n_samples >= MIN_SAMPLES and _is_outlier(state, standardizer, distance))):
        state.n_rejections = 0
        return False
    n_consecutive = state.n_rejections + 1
    is_rejected = overflows or n_consecutive < MAX_CONSECUTIVE_REJECTIONS
    _count(state, int(is_rejected), n_consecutive)
    return is_rejected


def _max_distance(state: TrainingState, standardizer: Standardizer) -> np.ndarray:
    """Return how far a value may be from the mean of its column without being an outlier."""
    most = MAX_REJECTED + MAX_REJECTED_SHARE * state.n_samples
    return max_distance(standardizer, outliers_are_rare=state.n_rejected <= most)


def _is_outlier(state: TrainingState, standardizer: Standardizer, distance: np.ndarray) -> bool:
    zscore = distance * standardizer.factor
    square = np.dot(zscore, zscore)
    if square <= MIN_TARGET_ZSCORE**2:  # which is below all limits
        return False
    if square <= MAX_ABS_ZSCORE**2 and (np.abs(zscore[standardizer.target]) <= MIN_TARGET_ZSCORE).all():
        return False
    return not np.isfinite(zscore).all() or bool((np.abs(distance) > _max_distance(state, standardizer)).any())


def _without_outliers(state: TrainingState, standardizer: Standardizer, data: Dataset) -> Dataset | None:
    """Return the samples that are accepted, or None if there are none; count the others."""
    is_known = standardizer.n_samples >= MIN_SAMPLES
    outliers = find_outliers(standardizer, data, _max_distance(state, standardizer) if is_known else None)
    if outliers is None:
        state.n_rejections = 0
        return data
    rejected, n_consecutive = _rejected(outliers, data, state.n_rejections)
    _count(state, len(rejected), n_consecutive)
    if not len(rejected):
        return data
    if len(rejected) == data.n_samples:
        return None
    excluded = rejected if data.excluded is None else np.union1d(data.excluded, rejected).astype(INDEX)
    return data._replace(excluded=excluded)


def _rejected(outliers: Outliers, data: Dataset, n_before: int) -> tuple[np.ndarray, int]:
    """Return the indices of the outliers that are rejected, and the number of outliers at the end of the samples.

    Parameters
    ----------
    outliers : Outliers
    data : Dataset
        The samples, in the order of the stream.
    n_before : int
        Number of outliers before the first of these samples, without another sample in between.
    """
    position = outliers.indices.astype(np.intp)
    if data.excluded is not None:
        position -= np.searchsorted(data.excluded, outliers.indices)
    run = np.cumsum(np.diff(position, prepend=position[0] - 1) != 1)  # the number of the run that each belongs to
    length = np.bincount(run)
    if position[0] == 0:
        length[0] += n_before
    is_rejected = outliers.overflow | (length[run] < MAX_CONSECUTIVE_REJECTIONS)
    n_consecutive = int(length[-1]) if position[-1] == data.n_samples - 1 else 0
    return outliers.indices[is_rejected], n_consecutive
