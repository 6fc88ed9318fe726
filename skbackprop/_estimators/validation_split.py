"""The validation set: how it is split off, and how the network is scored on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import train_test_split

from .._core.dataset import INDEX
from .._core.objective import Objective
from .._training.state import TrainingState
from .samples import Samples


def split(
    n_samples: int, labels: np.ndarray | None, weight: np.ndarray | None, fraction: float, seed: int
) -> tuple[np.ndarray, str | None]:
    """Return the sorted indices of the samples to validate with, and a message or None.

    Samples of weight 0 are never in the validation set; in the training set they have no effect.

    Parameters
    ----------
    n_samples : int
    labels : ndarray of shape (n_samples,) or None
        Classes, by which the split is stratified; a class of one sample is trained on.
    weight : ndarray of shape (n_samples,) or None
    fraction : float
    seed : int
    """
    candidates = np.arange(n_samples, dtype=INDEX) if weight is None else np.flatnonzero(weight).astype(INDEX)
    message = None
    if labels is not None and len(candidates):
        _, code, count = np.unique(labels[candidates], return_inverse=True, return_counts=True)
        if count.min() == 1:
            message = "A class has only one sample, which is trained on and cannot be in the validation set."
            candidates = candidates[count[code] > 1]
        labels = labels[candidates]
    n_validation = math.ceil(fraction * len(candidates))
    if not 0 < n_validation < len(candidates):
        message = (
            f"{n_samples} samples are too few for a validation set: early stopping monitors the training loss instead."
        )
        return candidates[:0], message
    if labels is not None:
        n_classes = len(np.unique(labels))
        if n_classes > min(n_validation, len(candidates) - n_validation):
            message = (
                f"A validation set of {n_validation} samples is too small for {n_classes} classes: "
                "not every class is in it."
            )
            labels = None
    if labels is None:
        np.random.RandomState(seed).shuffle(candidates)  # what `train_test_split` draws, without its copies
        validation = candidates[:n_validation].copy()
    else:
        validation = train_test_split(candidates, test_size=n_validation, stratify=labels, random_state=seed)[1]
    validation.sort()
    return validation, message


def monitors_loss(scoring) -> bool:
    """Return whether the validation set is scored by its loss.

    Raises
    ------
    ValueError
        If `scoring` is a name that scikit-learn does not know.
    """
    if not isinstance(scoring, str):
        return False
    if scoring != "loss" and scoring not in get_scorer_names():
        raise ValueError(
            f"scoring={scoring!r} is not known; it is 'loss', or a name from sklearn.metrics.get_scorer_names()."
        )
    return scoring == "loss"


def make_validation_scorer(
    estimator, objective: Objective, state: TrainingState, validation: Samples
) -> Callable[[], tuple[float, float]]:
    """Return a function that computes the mean loss and the score of the validation set with the present weights.

    The score is minus the loss if the `scoring` of the estimator is "loss", else that of a scorer of scikit-learn.
    """
    unnamed = estimator._view_without_feature_names()  # the validated samples have no feature names
    scorer = None if monitors_loss(estimator.scoring) else check_scoring(unnamed, estimator.scoring)
    options = {} if validation.score_weight is None else {"sample_weight": validation.score_weight}
    scaled = X = None

    def validate():
        nonlocal scaled, X
        if scaled is None:
            scaled = state.scale_target(validation.data)  # the moments of the training samples are known now
        loss = objective.mean_loss(state.theta, scaled, state.transform)
        if scorer is None:
            return loss, -loss
        if X is None:
            X = validation.data.X[:]  # a scorer needs the samples themselves
        return loss, float(scorer(unnamed, X, validation.y, **options))

    return validate
