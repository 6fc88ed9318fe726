"""Online bagging: how often each member learns from each sample."""

import numpy as np

from skbackprop.ensemble._bagging import bootstrap_samples, poisson_counts


def test_counts_have_a_poisson_distribution():
    counts = poisson_counts(0, 0, 20_000, 5)
    assert counts.shape == (20_000, 5)
    for k, share in enumerate([0.3679, 0.3679, 0.1839, 0.0613, 0.0153]):
        assert abs(np.mean(counts == k) - share) < 0.006
    correlation = np.corrcoef(counts.T) - np.eye(5)
    assert np.abs(correlation).max() < 0.03


def test_counts_do_not_depend_on_the_calls():
    whole = poisson_counts(3, 0, 1000, 5)
    parts = [poisson_counts(3, start, 7, 5) for start in range(0, 994, 7)]
    assert np.array_equal(np.concatenate(parts), whole[:994])


def test_counts_depend_on_the_seed():
    assert not np.array_equal(poisson_counts(0, 0, 100, 2), poisson_counts(1, 0, 100, 2))


def test_samples_are_repeated():
    assert [drawn.tolist() for drawn in bootstrap_samples(np.array([2, 0, 1]))] == [[0, 0, 2]]
    assert list(bootstrap_samples(np.array([0, 0]))) == []


def test_a_single_sample_is_learned_in_updates_of_its_own():
    assert list(bootstrap_samples(np.array([3]))) == [slice(None)] * 3
    assert list(bootstrap_samples(np.array([0]))) == []
