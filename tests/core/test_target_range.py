"""The range of the target of robust losses: gross errors do not change the offset and the scale."""

from copy import deepcopy

import numpy as np
import pytest

from skbackprop._core.dataset import Dataset
from skbackprop._core.outliers import find_outliers, max_distance
from skbackprop._core.standardizer import ROUNDINGS, Standardizer
from skbackprop._core.target_range import range_of_target
from skbackprop.losses import LOSSES
from skbackprop.losses._target_scaling import StandardScaling

SIZES = pytest.mark.parametrize("size", [1, 7, 49, 50, 200, 1000])


def new_standardizer(n_outputs=1):
    return Standardizer(2, n_outputs, StandardScaling(), True, np.dtype(float), has_robust_target=True)


def data_with(y, weight=None):
    return Dataset(np.random.default_rng(1).normal(size=(len(y), 2)), y.reshape(len(y), -1), weight)


def update_in_chunks(standardizer, data, size):
    for start in range(0, data.n_samples, size):
        standardizer.update(data.take(slice(start, start + size)))
    return standardizer


def with_gross_errors(rng, y, error):
    damaged = y.copy()
    damaged[rng.choice(len(y), len(y) // 100, replace=False)] += error
    return damaged


def test_only_losses_that_grow_no_faster_than_the_residual_are_robust():
    robust = {name for (name, _), loss in LOSSES.items() if loss.is_robust}
    assert robust == {"absolute_error", "huber", "quantile", "quantiles"}


@SIZES
@pytest.mark.parametrize("error", [10.0, -1e3, 1e6, 1e150])
def test_gross_errors_hardly_change_offset_and_scale(rng, size, error):
    y = rng.normal(5, 2, size=1000)
    clean = update_in_chunks(new_standardizer(), data_with(y), size)
    damaged = update_in_chunks(new_standardizer(), data_with(with_gross_errors(rng, y, error)), size)
    assert damaged.offset[2] == pytest.approx(clean.offset[2], abs=0.2)
    assert damaged.scale[2] == pytest.approx(clean.scale[2], rel=0.15)


@SIZES
def test_first_sample_of_a_stream_may_be_a_gross_error(rng, size):
    y = rng.normal(5, 2, size=1000)
    y[0] = 1e6
    standardizer = update_in_chunks(new_standardizer(), data_with(y), size)
    assert standardizer.offset[2] == pytest.approx(5, abs=0.3)
    assert standardizer.scale[2] == pytest.approx(2, rel=0.15)


@SIZES
def test_moments_of_a_target_without_extreme_values_are_the_usual_ones(rng, size):
    y = rng.uniform(-1, 3, size=1000)
    standardizer = update_in_chunks(new_standardizer(), data_with(y), size)
    assert standardizer.moments.mean[2] == pytest.approx(y.mean(), rel=1e-9)
    assert standardizer.moments.variance[2] == pytest.approx(y.var(), rel=1e-9)


@SIZES
def test_range_follows_a_target_that_moves_away(rng, size):
    y = np.concatenate([rng.normal(0, 1, 1000), rng.normal(100, 10, 9000)])
    standardizer = update_in_chunks(new_standardizer(), data_with(y), size)
    assert standardizer.offset[2] > 40
    assert standardizer.scale[2] > 10


@pytest.mark.parametrize("size", [10, 60])
def test_same_samples_again_do_not_change_a_bit(rng, size):
    data = data_with(with_gross_errors(rng, rng.normal(size=200), 1e3)).take(slice(size))
    standardizer = new_standardizer()
    for _ in range(12):
        standardizer.update(data)
        if standardizer.n_samples == (size if size >= 50 else 50):
            before = standardizer.snapshot()
    for name in ("offset", "scale"):
        np.testing.assert_allclose(getattr(standardizer, name), before[name], rtol=1e-12)


def test_samples_of_small_weight_do_not_determine_the_range(rng):
    y, weight = rng.normal(size=(400, 1)), np.ones(400)
    y[:200] *= 1e6
    weight[:200] = 1e-9
    found = range_of_target(data_with(y, weight), ROUNDINGS)
    assert -6 < found.lower < found.upper < 6
    without = range_of_target(data_with(y)._replace(excluded=np.arange(200, dtype=np.uint32)), ROUNDINGS)
    np.testing.assert_allclose(found, without, rtol=0.05)


@pytest.mark.parametrize("share_of_zeros", [0.5, 0.8, 0.99])
def test_range_of_a_target_that_is_mostly_zero_comes_from_its_other_values(rng, share_of_zeros):
    y = np.where(rng.uniform(size=2000) < share_of_zeros, 0, rng.uniform(1, 2, size=2000))
    y[:3] = 1e6
    found = range_of_target(data_with(y), ROUNDINGS)
    assert 2 < found.upper[0] < 20
    assert np.isinf(range_of_target(data_with(np.zeros(60)), ROUNDINGS)).all()


def test_columns_have_their_own_ranges(rng):
    y = rng.normal([0, 1e6], [1, 1e3], size=(500, 2))
    y[0] = 1e9
    standardizer = new_standardizer(2)
    standardizer.update(data_with(y))
    np.testing.assert_allclose(standardizer.target_scale, [1, 1e3], rtol=0.1)


@pytest.mark.parametrize("n_before", [0, 1, 30, 49, 50, 120])
def test_stored_stream_continues_exactly(rng, n_before):
    y = rng.normal(size=200)
    y[[2, 60, 150]] = 1e4
    data = data_with(y)
    standardizer = update_in_chunks(new_standardizer(), data.take(slice(n_before)), 1)
    resumed = Standardizer(2, 1, StandardScaling(), True, np.dtype(float))
    resumed.load_state_dict(deepcopy(standardizer.state_dict()))
    for each in (standardizer, resumed):
        update_in_chunks(each, data.take(slice(n_before, None)), 1)
    np.testing.assert_equal(resumed.state_dict(), standardizer.state_dict())


def test_gross_errors_of_the_target_are_no_outliers_of_the_stream(rng):
    standardizer = new_standardizer()
    standardizer.update(data_with(rng.normal(size=100)))
    _, distance = standardizer.propose(data_with(np.array([1e9])))
    assert distance[2] * standardizer.factor[2] < 6
    several = data_with(np.append(rng.normal(size=99), 1e9))
    assert find_outliers(standardizer, several, max_distance(standardizer, outliers_are_rare=True)) is None
