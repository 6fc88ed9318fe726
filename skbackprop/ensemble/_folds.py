"""Folds: which samples each member of a cross-fitted ensemble trains on, and which validate it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import check_consistent_length, column_or_1d

from .._core.dataset import INDEX
from .._hyperparameters import shortened


class Fold(NamedTuple):
    """The samples that a member does not train on, as sorted indices.

    Attributes
    ----------
    held_out : ndarray of int
        Samples to validate the member with.
    unused : ndarray of int
        Samples that `cv` gave it neither to train on nor to validate with.
    """

    held_out: np.ndarray
    unused: np.ndarray

    def weights(self, sample_weight: np.ndarray | None, n_samples: int) -> np.ndarray | None:
        """Return the sample weights for this member, 0 for samples that it does not use."""
        if not len(self.unused):
            return sample_weight
        weight = np.ones(n_samples) if sample_weight is None else sample_weight.copy()
        weight[self.unused] = 0.0
        return weight


def make_folds(
    cv: Any,
    n_folds: int,
    y: np.ndarray,
    groups: ArrayLike | None,
    sample_weight: np.ndarray | None,
    seed: int,
    *,
    is_stratified: bool,
) -> list[Fold]:
    """Return the fold of each member.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        As scikit-learn's `cv`; None means `n_folds` shuffled folds, which keep groups together.
    n_folds : int
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    groups : array-like of shape (n_samples,) or None
    sample_weight : ndarray of shape (n_samples,) or None
        A sample of weight 0 is in no fold, unless `cv` says so.
    seed : int
    is_stratified : bool
        Whether every fold has about the same share of each class.

    Raises
    ------
    ValueError
        If there are fewer samples or groups than folds, or `cv` does not split the samples.
    """
    if cv is not None:
        is_used = np.ones(len(y), bool) if sample_weight is None else sample_weight > 0
        folds = [_given_fold(cv, split, is_used) for split in _given_splits(cv, y, groups, is_stratified)]
        if not folds:
            raise ValueError(
                f"cv={shortened(cv)} has no splits; if it is an iterator, which one fit uses up, pass a list."
            )
        return folds
    used = np.arange(len(y)) if sample_weight is None else np.flatnonzero(sample_weight)
    group_of = None
    if groups is not None:
        group_of = _validated_groups(groups, y)[used]
    y = y[used]
    _check_number(len(used), group_of, n_folds)
    splitter = _shuffled_folds(n_folds, y, seed, has_groups=groups is not None, is_stratified=is_stratified)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # all members know all classes
        splits = list(splitter.split(np.zeros((len(y), 1)), y, group_of))
    nothing = np.zeros(0, INDEX)
    return [Fold(np.sort(used[test]).astype(INDEX), nothing) for _, test in splits]


def _validated_groups(groups: ArrayLike, y: np.ndarray) -> np.ndarray:
    """Return the group of each sample as an array that can be sorted."""
    try:
        group_of: np.ndarray = column_or_1d(groups)
        np.unique(group_of)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(
            f"groups={shortened(groups)} must be an array or a list of numbers or strings, one for each sample."
        ) from error
    check_consistent_length(y, group_of)
    return group_of


@contextmanager
def _naming_cv(cv: Any, *errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into one that names `cv`."""
    try:
        yield
    except errors as error:
        raise ValueError(
            f"cv={shortened(cv)} must be a number of folds, a splitter, or a list of splits, each a pair of arrays: "
            "the indices of the samples to train on, and of those to validate with."
        ) from error


def _given_splits(cv: Any, y: np.ndarray, groups: ArrayLike | None, is_stratified: bool) -> Iterable[Any]:
    """Return the splits of an iterable, or of a splitter or number of folds; none of them is checked yet."""
    if isinstance(cv, Iterable) and not hasattr(cv, "split"):
        with _naming_cv(cv, TypeError):
            return list(cv)
    splits: Iterable[Any] = check_cv(cv, y, classifier=is_stratified).split(np.zeros((len(y), 1)), y, groups)
    return splits


def _given_fold(cv: Any, split: Any, is_used: np.ndarray) -> Fold:
    """Return a fold of the user's; indices may be negative, unsorted or boolean."""
    is_trained, is_held_out = np.zeros(len(is_used), bool), np.zeros(len(is_used), bool)
    with _naming_cv(cv, TypeError, ValueError, IndexError):
        train, test = split
        is_trained[train] = True
        is_held_out[test] = True
    if not (is_trained & is_used).any() or not (is_held_out & is_used).any() or (is_trained & is_held_out).any():
        raise ValueError(
            "Each split of cv needs samples to train on and other samples to validate with, of a weight above 0."
        )
    held_out = np.flatnonzero(is_held_out).astype(INDEX)
    return Fold(held_out, np.flatnonzero(~is_trained & ~is_held_out).astype(INDEX))


def _check_number(n_samples: int, groups: np.ndarray | None, n_folds: int) -> None:
    n, name = (n_samples, "n_samples") if groups is None else (len(np.unique(groups)), "The number of groups")
    if n < n_folds:
        raise ValueError(
            f"{name}={n} is less than n_estimators={n_folds}, the number of folds: use fewer, or strategy='seeds'."
        )


def _shuffled_folds(n_folds: int, y: np.ndarray, seed: int, *, has_groups: bool, is_stratified: bool) -> Any:
    if is_stratified and np.unique(y, return_counts=True)[1].max() < n_folds:
        is_stratified = False  # no class has a sample for each fold
    if has_groups:
        return StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed) if is_stratified else GroupKFold(n_folds)
    return (StratifiedKFold if is_stratified else KFold)(n_folds, shuffle=True, random_state=seed)
