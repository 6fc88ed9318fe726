"""The samples that each member of an ensemble trains on, and those that validate it."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, LeaveOneGroupOut, TimeSeriesSplit

from skbackprop.ensemble._folds import make_folds


def folds(y, cv=None, n_folds=3, groups=None, sample_weight=None, seed=0, is_stratified=False):
    return make_folds(cv, n_folds, y, groups, sample_weight, seed, is_stratified=is_stratified)


def test_each_sample_is_held_out_once():
    held_out = [fold.held_out for fold in folds(np.arange(10.0))]
    assert [len(indices) for indices in held_out] == [4, 3, 3]
    assert sorted(np.concatenate(held_out)) == list(range(10))
    assert all((np.diff(indices) > 0).all() for indices in held_out)


def test_classes_are_spread_evenly():
    y = np.repeat([0, 1], [90, 9])
    assert [int(y[fold.held_out].sum()) for fold in folds(y, is_stratified=True)] == [3, 3, 3]


def test_rare_classes_need_not_be_in_every_fold():
    y = np.array([0, 0, 1, 1, 2, 3])
    held_out = np.concatenate([fold.held_out for fold in folds(y, is_stratified=True)])
    assert sorted(held_out) == list(range(6))


@pytest.mark.parametrize("is_stratified", [False, True])
def test_groups_stay_together(is_stratified):
    groups = np.repeat(list("abcdef"), 4)
    y = np.tile([0, 1], 12)
    for fold in folds(y, groups=groups, is_stratified=is_stratified):
        others = np.delete(groups, fold.held_out)
        assert not set(groups[fold.held_out]) & set(others)


def test_a_sample_of_weight_zero_is_in_no_fold():
    weight = np.array([1.0, 0, 1, 0, 1, 1])
    held_out = np.concatenate([fold.held_out for fold in folds(np.arange(6.0), sample_weight=weight)])
    assert sorted(held_out) == [0, 2, 4, 5]


def test_the_seed_determines_the_folds():
    first, same, other = (folds(np.arange(50.0), seed=seed)[0].held_out for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("groups", "message"),
    [(None, "n_samples=2 is less than n_estimators=3"), (["a", "b"], "number of groups=2 is less")],
)
def test_too_few_samples_or_groups_raise(groups, message):
    with pytest.raises(ValueError, match=message):
        folds(np.arange(2.0), groups=groups)


def test_cv_determines_the_folds():
    splits = folds(np.arange(6.0), cv=LeaveOneGroupOut(), groups=[0, 0, 1, 1, 2, 2])
    assert [fold.held_out.tolist() for fold in splits] == [[0, 1], [2, 3], [4, 5]]


def test_a_member_does_not_use_samples_that_cv_gives_it_for_nothing():
    first, second = folds(np.arange(6.0), cv=TimeSeriesSplit(2))
    assert first.held_out.tolist() == [2, 3]
    assert first.unused.tolist() == [4, 5]
    assert first.weights(None, 6).tolist() == [1, 1, 1, 1, 0, 0]
    assert second.weights(np.arange(6.0), 6).tolist() == [0, 1, 2, 3, 4, 5]


def test_indices_of_cv_may_be_negative_or_a_mask():
    (fold,) = folds(np.arange(4.0), cv=[([0, 1], np.array([False, False, False, True]))])
    assert fold.held_out.tolist() == [3]
    assert fold.unused.tolist() == [2]
    (fold,) = folds(np.arange(4.0), cv=[([0, 1], [-1])])
    assert fold.held_out.tolist() == [3]


@pytest.mark.parametrize("split", [([0, 1], []), ([], [0, 1]), ([0, 1], [1, 2])])
def test_a_split_without_samples_or_with_the_same_raises(split):
    with pytest.raises(ValueError, match="Each split of cv needs samples to train on and other samples"):
        folds(np.arange(4.0), cv=[split])


@pytest.mark.parametrize("weight", [[0, 0, 1, 1], [1, 1, 0, 0]])
def test_a_split_without_weight_raises(weight):
    with pytest.raises(ValueError, match="of a weight above 0"):
        folds(np.arange(4.0), cv=[([0, 1], [2, 3])], sample_weight=np.array(weight, float))


@pytest.mark.parametrize("sample_weight", [None, np.ones(6)])
@pytest.mark.parametrize("n_groups", [5, 7])
def test_groups_belong_to_the_samples(n_groups, sample_weight):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        folds(np.arange(6.0), groups=np.arange(n_groups), sample_weight=sample_weight)


def test_groups_may_be_a_column():
    groups = np.repeat([0, 1, 2], 2)
    as_column, expected = folds(np.arange(6.0), groups=groups[:, np.newaxis]), folds(np.arange(6.0), groups=groups)
    assert all(np.array_equal(one.held_out, other.held_out) for one, other in zip(as_column, expected, strict=True))


@pytest.mark.parametrize(
    "cv",
    [
        [([0, 1],)],
        [[0, 1, 2]],
        [1, 2],
        {1, 2},
        np.array(1.0),
        [(["a"], [1])],
        [([0.5], [1])],
        [([0], [10**6])],
        [([0], [10**400])],
        [([0], None, None)],
        iter([3]),
    ],
    ids=range(11),
)
def test_splits_that_are_no_pairs_of_indices_are_refused_by_name(cv):
    with pytest.raises(ValueError, match=r"cv=.* must be a number of folds, a splitter, or a list of splits"):
        folds(np.arange(4.0), cv=cv)


def test_errors_of_a_splitter_are_its_own():
    with pytest.raises(ValueError, match=r"Cannot have number of splits n_splits=9 greater"):
        folds(np.arange(4.0), cv=KFold(9))


@pytest.mark.parametrize(
    "groups", [3, "abcd", {1, 2}, np.array([1, "a", 2, 3], object), [[1], [2, 3], [4], [5]], [object()] * 4, [1j] * 4]
)
def test_groups_that_cannot_be_sorted_are_refused_by_name(groups):
    with pytest.raises(ValueError, match=r"groups=.* must be an array or a list of numbers or strings, one for each"):
        folds(np.arange(4.0), groups=groups)


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        folds(np.arange(4.0), groups=[1, 2])
