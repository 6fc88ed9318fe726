"""Scaling that starts again, forgets, or is exchanged under a network."""

from copy import copy

import numpy as np
import pytest

from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Layer
from skbackprop._core.standardizer import Standardizer
from skbackprop._training.recent_samples import RecentSamples
from skbackprop.losses._target_scaling import MeanScaling, StandardScaling


def new_standardizer(scaling=None, has_robust_target=False):
    return Standardizer(3, 2, scaling or StandardScaling(), True, np.dtype(float), has_robust_target=has_robust_target)


def new_data(rng, factor=1.0, n=200):
    return Dataset(factor * rng.uniform(1, 3, size=(n, 3)), factor * rng.uniform(1, 2, size=(n, 2)))


@pytest.mark.parametrize("has_robust_target", [False, True])
def test_chosen_columns_have_the_moments_of_the_samples_and_the_others_their_weight(rng, has_robust_target):
    standardizer = new_standardizer(has_robust_target=has_robust_target)
    standardizer.update(new_data(rng, n=5000))
    before, block = standardizer.moments, new_data(rng, 50.0)
    columns = np.array([True, False, True, False, True])
    standardizer.restart(block, columns)
    after = standardizer.moments
    np.testing.assert_allclose(after.mean[columns], [*block.X.mean(axis=0)[[0, 2]], block.y.mean(axis=0)[1]], rtol=0.01)
    np.testing.assert_array_equal(after.mean[~columns], before.mean[~columns])
    np.testing.assert_array_equal(after.variance[~columns], before.variance[~columns])
    assert after.weight == standardizer.n_samples == 200
    assert after.linear_range.upper[0] > 100 > after.linear_range.upper[1]
    if has_robust_target:
        assert after.target_range.upper[1] > 60 > after.target_range.upper[0]
    np.testing.assert_allclose(standardizer.scale, np.sqrt(after.variance))


def test_moments_that_forget_follow_later_samples(rng):
    standardizer = new_standardizer()
    standardizer.update(new_data(rng, n=5000))
    mean = standardizer.moments.mean
    standardizer.forget(500)
    np.testing.assert_array_equal(standardizer.moments.mean, mean)
    standardizer.update(Dataset(np.full((500, 3), 4.0), np.full((500, 2), 4.0)))
    np.testing.assert_allclose(standardizer.moments.mean, (mean + 4) / 2)
    standardizer.forget(2000)
    assert standardizer.n_samples == 1000


@pytest.mark.parametrize("scaling", [StandardScaling(), MeanScaling()])
def test_layers_keep_their_function_under_another_scaling(rng, scaling):
    standardizer, data = new_standardizer(scaling), new_data(rng)
    standardizer.update(data)
    before = copy(standardizer)
    layer = Layer(rng.normal(size=(3, 2)), rng.normal(size=2))
    expected = before.transform(data.X) @ layer.W + layer.b
    standardizer.restart(new_data(rng, 7.0), np.ones(5, bool))
    standardizer.keep_function_of_inputs(layer, before)
    np.testing.assert_allclose(standardizer.transform(data.X) @ layer.W + layer.b, expected)

    hidden = rng.normal(size=(200, 3))
    layer = Layer(rng.normal(size=(3, 2)), rng.normal(size=2))
    link = np.exp if scaling.name == "mean" else np.positive
    expected = before.inverse_transform_target(link(hidden @ layer.W + layer.b))
    standardizer.keep_function_to_target(layer, before)
    found = standardizer.inverse_transform_target(link(hidden @ layer.W + layer.b))
    np.testing.assert_allclose(found, expected)


def test_recent_samples_have_their_weights_and_leave_out_excluded_ones(rng):
    recent = RecentSamples()
    X, y, weight = rng.normal(size=(6, 3)), rng.normal(size=(6, 1)), np.array([1.0, 0, 3, 4, 5, 6])
    recent.add(Dataset(X, y, weight, excluded=np.array([1], np.uint32)))
    recent.add(Dataset(X[:2], y[:2]))
    kept = [0, 2, 3, 4, 5]
    found = recent.dataset()
    np.testing.assert_array_equal(found.X, np.concatenate([X[kept], X[:2]]))
    np.testing.assert_array_equal(found.y, np.concatenate([y[kept], y[:2]]))
    np.testing.assert_array_equal(found.sample_weight, [1, 3, 4, 5, 6, 1, 1])
