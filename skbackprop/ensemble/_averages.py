"""Means of predictions: over the members of an ensemble, and over the folds that a sample is held out in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._folds import Fold


def weighted_mean(predictions: Sequence[np.ndarray], weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the weighted mean of predictions; the weights sum to 1."""
    mean = np.zeros(predictions[0].shape)
    for prediction, weight in zip(predictions, weights, strict=True):
        mean += weight * prediction
    return mean.astype(predictions[0].dtype, copy=False)


def mean_of_folds(
    predictions: list[np.ndarray], folds: Sequence[Fold], n_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the out-of-fold predictions of each sample, NaN without any, and whether it has one."""
    total, count = np.zeros((n_samples, predictions[0].shape[1])), np.zeros(n_samples)
    for prediction, fold in zip(predictions, folds, strict=True):
        total[fold.held_out] += prediction
        count[fold.held_out] += 1
    is_predicted = count > 0
    total[~is_predicted] = np.nan
    total[is_predicted] /= count[is_predicted, np.newaxis]
    return total, is_predicted
