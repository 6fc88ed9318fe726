"""Held-out rows: which they are, and how well the network does on them after each pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import validate_data

from .._core.objective import Objective
from .._training.state import TrainingState
from ..losses import Loss
from .parameters import check_weights


class Target(NamedTuple):
    """What kind of target it is, and what the estimator learns from it."""

    loss: Loss
    encode: Callable  # y to the network's y of shape (n_rows, n_outputs), and weights of the rows by class or None
    learned: dict[str, Any]  # fitted attributes to set once all input has passed its checks
    labels: np.ndarray | None = None  # of the rows, where held-out rows are to have the same shares of them


class Rows(NamedTuple):
    """Checked rows, to train on or held out."""

    X: np.ndarray
    y: np.ndarray  # as the user gave it, for scorers
    encoded: np.ndarray  # as the network sees it
    weight: np.ndarray | None
    score_weight: np.ndarray | None  # without the weights of classes

    def taken(self, rows: np.ndarray) -> Rows:
        """Return some of the rows."""
        return Rows(*(None if array is None else array[rows] for array in self))


def product(weight: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """Return the product of the weights of rows and of their classes, of which None is 1.

    Raises
    ------
    ValueError
        If it is zero for every row.
    """
    if other is None:
        return weight
    weight = other if weight is None else weight * other
    if not weight.any():
        raise ValueError("Every row has a weight of 0 by its class: nothing to learn. See class_weight.")
    return weight


def hold_out(
    estimator, rows: Rows, target: Target, seed: int, X_val, y_val, sample_weight_val
) -> tuple[Rows, Rows | None, str | None]:
    """Return the rows to train on, those to stop by or None, and what the user should be told.

    Raises
    ------
    ValueError
        If the user's own rows to stop by are not as they should be.
    """
    is_loss(estimator.scoring)
    if any(given is not None for given in (X_val, y_val, sample_weight_val)):
        return rows, _check_own(estimator, rows, target, X_val, y_val, sample_weight_val), None
    if isinstance(estimator.early_stopping, str) or not estimator.early_stopping:
        # "auto" holds none out by itself: docs/defaults.md tells why
        return rows, None, None
    arguments = rows.X.shape[0], target.labels, rows.weight, estimator.validation_fraction, seed
    train, held_out, message = split(*arguments)
    if not len(held_out):
        return rows, None, message
    return rows.taken(train), rows.taken(held_out), message


def _check_own(estimator, rows, target, X_val, y_val, sample_weight_val):
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val belong together: pass both, or neither.")
    if not estimator.early_stopping:
        raise ValueError("X_val and y_val are for early stopping; set early_stopping to 'auto' or True.")
    options = {"accept_sparse": "csr", "dtype": rows.X.dtype, "multi_output": True}
    X_val, y_val = validate_data(estimator, X_val, y_val, reset=False, **options)
    encoded, class_weight = target.encode(y_val)
    if encoded.shape[1] != rows.encoded.shape[1]:
        raise ValueError(f"y_val has {encoded.shape[1]} outputs, y has {rows.encoded.shape[1]}.")
    weight = check_weights(sample_weight_val, X_val)
    return Rows(X_val, y_val, encoded, product(weight, class_weight), weight)


def split(
    n_rows: int, labels: np.ndarray | None, weight: np.ndarray | None, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Return the rows to train on, the rows to hold out, and what the user should be told.

    Rows of weight 0 are trained on, which changes nothing, so that they count for nothing here either.

    Parameters
    ----------
    n_rows : int
    labels : ndarray of shape (n_rows,) or None
        Classes, whose shares are kept; a class of one row is trained on.
    weight : ndarray of shape (n_rows,) or None
    fraction : float
    seed : int
    """
    candidates = np.arange(n_rows) if weight is None else np.flatnonzero(weight)
    message = None
    if labels is not None and len(candidates):
        _, code, count = np.unique(labels[candidates], return_inverse=True, return_counts=True)
        if count.min() == 1:
            message = "A class has one row only, which is trained on and cannot be held out."
            candidates = candidates[count[code] > 1]
        labels = labels[candidates]
    n_held_out = math.ceil(fraction * len(candidates))
    if not 0 < n_held_out < len(candidates):
        message = f"{n_rows} rows are too few to hold some out: early stopping watches the training loss instead."
        return np.arange(n_rows), candidates[:0], message
    if labels is not None:
        n_classes = len(np.unique(labels))
        if n_classes > min(n_held_out, len(candidates) - n_held_out):
            message = f"{n_held_out} rows held out are too few for {n_classes} classes: not every class is among them."
            labels = None
    held_out = train_test_split(candidates, test_size=n_held_out, stratify=labels, random_state=seed)[1]
    held_out.sort()
    return np.setdiff1d(np.arange(n_rows), held_out, assume_unique=True), held_out, message


def is_loss(scoring) -> bool:
    """Return whether held-out rows are watched by their loss.

    Raises
    ------
    ValueError
        If `scoring` is a name that scikit-learn does not know.
    """
    if not isinstance(scoring, str):
        return False
    if scoring != "loss" and scoring not in get_scorer_names():
        raise ValueError(
            f"scoring={scoring!r} is not known; it is 'loss', or a name of sklearn.metrics.get_scorer_names()."
        )
    return scoring == "loss"


def watcher(estimator, objective: Objective, state: TrainingState, held_out: Rows) -> Callable[[], tuple[float, float]]:
    """Return the function that gives the mean loss and the score of held-out rows by the network as it is.

    The score is minus the loss if the estimator's `scoring` is "loss", else what a scorer of scikit-learn says.
    """
    standardized = None if state.standardizer is None else state.standardizer.inputs_of
    target = None
    viewer = copy(estimator)
    vars(viewer).pop("feature_names_in_", None)  # the rows have been validated and have no names any more
    scoring = estimator.scoring
    scorer = None if is_loss(scoring) else check_scoring(viewer, scoring)
    options = {} if held_out.score_weight is None else {"sample_weight": held_out.score_weight}

    def watch():
        nonlocal target
        if target is None:
            target = state.target_of(held_out.encoded)  # once the rows trained on have been seen
        loss = objective.mean_loss(state.theta, held_out.X, target, held_out.weight, standardized)
        return loss, -loss if scorer is None else float(scorer(viewer, held_out.X, held_out.y, **options))

    return watch
