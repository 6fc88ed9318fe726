"""Greedy selection of candidates, and which of them are trained on all folds."""

import numpy as np
import pytest

from skbackprop.ensemble._selection import greedy_weights, survivors


def squared_error_from(target):
    return lambda prediction: float(np.mean((prediction - target) ** 2))


def test_a_single_candidate_has_all_the_weight():
    prediction = np.zeros((5, 1))
    assert greedy_weights([prediction], squared_error_from(1.0)).tolist() == [1]


def test_a_mean_that_is_better_than_each_candidate_is_found():
    target = np.random.default_rng(0).normal(size=(200, 2))
    candidates = [target + 1, target - 3, target + 100]
    weights = greedy_weights(candidates, squared_error_from(target))
    assert weights == pytest.approx([0.75, 0.25, 0])  # (3 * 1 - 1 * 3) / 4 = 0


def test_the_weights_are_those_of_the_best_round():
    target = np.zeros((10, 1))
    weights = greedy_weights([target, target + 1], squared_error_from(target))
    assert weights.tolist() == [1, 0]


def test_a_candidate_with_nan_is_never_chosen():
    target = np.zeros((10, 1))
    weights = greedy_weights([np.full((10, 1), np.nan), target + 1], squared_error_from(target))
    assert weights.tolist() == [0, 1]


def test_bad_candidates_are_dropped():
    assert survivors([1.0, 1.05, 3.0, 0.9, 1.01], n_kept=3, margin=0.2) == [0, 3, 4]
    assert survivors([1.0, 1.5, 3.0], n_kept=3, margin=0.2) == [0]


def test_losses_may_be_negative():
    assert survivors([-1.0, -0.9, 1.0], n_kept=3, margin=0.2) == [0, 1]


def test_the_best_remains_if_others_are_nan():
    assert survivors([np.nan, 1.0, np.inf], n_kept=3, margin=0.2) == [1]
