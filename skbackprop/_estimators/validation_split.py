"""The validation set: how it is split off, and how the network is scored on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names

from .._core.dataset import INDEX_CHUNK
from .._core.objective import Objective
from .._other_names import hint
from .._training.state import TrainingState
from .samples import Samples


def split(samples: np.ndarray, codes: np.ndarray | None, fraction: float, seed: int) -> tuple[np.ndarray, str | None]:
    """Return the sorted indices of the samples to validate with, and a message or None.

    Parameters
    ----------
    samples : ndarray of int
        Indices of the samples to choose from, which are shuffled in place.
    codes : ndarray or None
        Class codes of all samples, by which the split is stratified; a class of one sample is trained on.
    fraction : float
    seed : int
    """
    message = None
    n_samples = len(samples)
    count = np.zeros(0, int)
    if codes is not None and n_samples:
        count = _count_classes(codes, samples)
        if 1 in count:
            message = "A class has only one sample, which is trained on and cannot be in the validation set."
            samples = samples[count[codes[samples].astype(np.intp)] > 1]
            count[count == 1] = 0
    n_validation = math.ceil(fraction * len(samples))
    if not 0 < n_validation < len(samples):
        message = (
            f"{n_samples} samples are too few for a validation set: early stopping monitors the training loss instead."
        )
        return samples[:0], message
    np.random.RandomState(seed).shuffle(samples)  # in place, and otherwise as scikit-learn's `train_test_split`
    n_classes = np.count_nonzero(count)
    if n_classes > min(n_validation, len(samples) - n_validation):
        message = (
            f"A validation set of {n_validation} samples is too small for {n_classes} classes: "
            "not every class is in it."
        )
    elif codes is not None:
        return np.sort(_first_of_each_class(samples, codes, _shares(count, n_validation))), message
    return np.sort(samples[:n_validation]), message


def _count_classes(codes: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return the number of candidates of each class."""
    count = np.zeros(int(codes.max()) + 1, int)
    for start in range(0, len(candidates), INDEX_CHUNK):
        count += np.bincount(codes[candidates[start : start + INDEX_CHUNK]].astype(np.intp), minlength=len(count))
    return count


def _shares(count: np.ndarray, n_validation: int) -> np.ndarray:
    """Return how many samples of each class to validate with: its share, rounded so that the sum is right."""
    exact = count * (n_validation / count.sum())
    shares = np.floor(exact).astype(int)
    largest_remainders = np.argsort(shares - exact, kind="stable")[: n_validation - shares.sum()]
    shares[largest_remainders] += 1
    return shares


def _first_of_each_class(candidates: np.ndarray, codes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the first candidates of each class, as many as its share.

    scikit-learn's stratified split takes about 50 bytes for each sample; this one works chunk by chunk.
    """
    chosen, left = [], shares.copy()
    for start in range(0, len(candidates), INDEX_CHUNK):
        chunk = candidates[start : start + INDEX_CHUNK]
        code = codes[chunk].astype(np.intp)
        by_class = np.argsort(code, kind="stable")
        code = code[by_class]
        rank = np.arange(len(code)) - np.searchsorted(code, code)
        is_chosen = rank < left[code]
        chosen.append(chunk[by_class[is_chosen]])
        left -= np.bincount(code[is_chosen], minlength=len(left))
    return np.concatenate(chosen)


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
            f"{hint('scoring', scoring, get_scorer_names())}"
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
    included = slice(None) if validation.data.excluded is None else validation.data.indices()
    options = {} if validation.score_weight is None else {"sample_weight": validation.score_weight[included]}
    scaled = X = y = None

    def validate():
        nonlocal scaled, X, y
        if scaled is None:
            scaled = state.scale_target(validation.data)  # the moments of the training samples are known now
        loss = objective.mean_loss(state.theta, scaled, state.transform)
        if scorer is None:
            return loss, -loss
        if X is None:
            X, y = validation.data.X[included], validation.y[included]  # a scorer needs the samples themselves
        return loss, float(scorer(unnamed, X, y, **options))

    return validate
