"""Rejection of outliers in a stream: damaged samples would determine the scale of the data permanently."""

from __future__ import annotations

import math

import numpy as np

from .._core.dataset import Dataset
from .._core.moments import Moments
from .._core.standardizer import MAX_ABS_ZSCORE, Standardizer
from .state import TrainingState

#: Number of earlier samples needed to tell.
MIN_SAMPLES = 50
#: If all samples are outliers in this number of consecutive calls, the data have changed, and the last are accepted.
MAX_CONSECUTIVE_REJECTIONS = 10


def update_moments(state: TrainingState, data: Dataset, *, reject_outliers: bool) -> bool:
    """Update the running moments and means; return False, and change nothing, if the samples are rejected.

    Samples are rejected if their moments overflow or, with `reject_outliers`, if they are far from all earlier ones.
    """
    if state.standardizer is not None:
        moments, distance = state.standardizer.propose(data)
        if reject_outliers and state.standardizer.n_samples >= MIN_SAMPLES:
            is_outlier = _is_outlier(state.standardizer, distance)
            state.n_rejections = state.n_rejections + 1 if is_outlier else 0
            rejected = is_outlier and (state.n_rejections < MAX_CONSECUTIVE_REJECTIONS or _overflow(moments))
        else:
            rejected = _overflow(moments)
        if rejected:
            return False
        state.standardizer.accept(moments, data.n_samples)
    state.update_means(data)
    return True


def _overflow(moments: Moments) -> bool:
    return not math.isfinite(np.add.reduce(moments.variance))


def _is_outlier(standardizer: Standardizer, distance: np.ndarray) -> bool:
    zscore = distance * standardizer.factor
    if np.dot(zscore, zscore) <= MAX_ABS_ZSCORE**2:
        return False
    varies = standardizer.moments.variance > 0  # a constant column has no scale to measure by
    return not np.isfinite(zscore).all() or bool((np.abs(zscore[varies]) > MAX_ABS_ZSCORE).any())
