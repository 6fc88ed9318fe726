"""The range of each column within which standardization is linear."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier
from skbackprop._core import linear_range as module
from skbackprop._core.dataset import Dataset
from skbackprop._core.linear_range import (
    MAX_SAMPLES,
    LinearRange,
    range_around,
    range_of_samples,
    representative_samples,
)
from tests.shared import FEW, data


def range_of(X, sample_weight=None, excluded=None, centers=True):
    data = Dataset(X, np.zeros((X.shape[0], 1)), sample_weight, None, excluded)
    return range_of_samples(data, 1e-14, centers)


def test_range_of_a_normal_column_is_four_standard_deviations(rng):
    found = range_of(rng.normal(5, 2, size=(2000, 3)))
    np.testing.assert_allclose(found.lower, 5 - 8, atol=1)
    np.testing.assert_allclose(found.upper, 5 + 8, atol=1)


@pytest.mark.parametrize("share", [0.001, 0.02])
def test_damaged_cells_do_not_determine_the_range(rng, share):
    X = rng.normal(size=(1000, 2))
    damaged = np.where(rng.random(X.shape) < share, 1e9, X)
    np.testing.assert_allclose(range_of(damaged), range_of(X), rtol=0.25)


@pytest.mark.parametrize("sign", [1, -1])
def test_range_of_a_skewed_column_is_at_the_end_of_its_dense_tail(rng, sign):
    X = sign * np.exp(3 * rng.normal(size=(2000, 1)))
    found = range_of(X)
    assert max(abs(found.lower[0]), abs(found.upper[0])) < np.median(np.abs(X))
    assert 0.05 < ((found.lower < X) & (found.upper > X)).mean() < 0.25


def test_range_is_widened_gradually():
    """Widths of 2; the second column is unknown in the first range, and the third in neither."""
    first = LinearRange(np.array([-1.0, -np.inf, -np.inf]), np.array([1.0, np.inf, np.inf]))
    second = LinearRange(np.array([-2.0, -5.0, -np.inf]), np.array([100.0, 5.0, np.inf]))
    found = first.widened_gradually(second)
    np.testing.assert_array_equal(found.lower, [-2.0, -5.0, -np.inf])
    np.testing.assert_array_equal(found.upper, [3.0, 5.0, np.inf])
    mirrored = LinearRange(-first.upper, -first.lower).widened_gradually(LinearRange(-second.upper, -second.lower))
    np.testing.assert_array_equal(mirrored.lower, -found.upper)
    np.testing.assert_array_equal(mirrored.upper, -found.lower)


def test_parts_of_a_skewed_column_are_no_outliers_of_each_other():
    X, y = data(BackpropClassifier)
    X = np.exp(2 * X)
    network = BackpropClassifier(5, **FEW).partial_fit(X, y, classes=[0, 1, 2])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network.partial_fit(X[:60], y[:60])
    assert not caught
    assert network.n_iter_ == 2  # the samples were learned


@pytest.mark.parametrize("share", [0.5, 0.02, 0.001])
def test_binary_columns_are_within_their_range(rng, share):
    X = np.concatenate([[[0], [1]], rng.random((998, 1)) < share]).astype(float)
    found = range_of(X)
    assert found.lower[0] <= 0
    assert found.upper[0] >= 1


def test_range_of_a_column_that_is_mostly_zero_is_that_of_the_other_values(rng):
    X = np.where(rng.random((1000, 1)) < 0.9, 0, rng.normal(5, 1, size=(1000, 1)))
    found = range_of(X)
    np.testing.assert_allclose([found.lower[0], found.upper[0]], [1, 9], atol=1)


def test_placeholder_of_missing_values_does_not_determine_the_range(rng):
    X = np.where(rng.random((1000, 1)) < 0.4, -999, rng.normal(size=(1000, 1)))
    np.testing.assert_allclose(range_of(X), [[-4], [4]], atol=1)


@pytest.mark.parametrize("value", [0.0, 1e9 + 0.1])
def test_constant_columns_are_never_compressed(value):
    found = range_of(np.full((100, 1), value))
    assert (found.lower[0], found.upper[0]) == (-np.inf, np.inf)


def test_rounding_errors_are_no_scale(rng):
    found = range_of(0.1 + 1e-17 * rng.normal(size=(100, 1)))
    assert found.upper[0] == np.inf


def test_units_and_shifts_do_not_matter(rng):
    X = np.exp(2 * rng.normal(size=(300, 3)))
    for scale, shift in ((1e6, 0), (-1, 0), (1, 100)):
        expected = np.sort(np.array(range_of(X)) * scale + shift, axis=0)
        np.testing.assert_allclose(range_of(X * scale + shift), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_samples", [200, 3 * MAX_SAMPLES])
def test_samples_of_weight_zero_and_excluded_samples_are_as_if_absent(rng, make, n_samples):
    X = rng.normal(size=(n_samples, 2))
    absent = rng.random(n_samples) < 0.3
    X[absent] = 1e6
    expected = range_of(make(X[~absent]), centers=make is np.asarray)
    for weight, excluded in (((~absent).astype(float), None), (None, np.flatnonzero(absent).astype(np.uint32))):
        found = range_of(make(X), weight, excluded, centers=make is np.asarray)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_weights_move_the_range(rng):
    X = np.concatenate([rng.normal(size=(500, 1)), rng.normal(100, 1, size=(500, 1))])
    weight = np.repeat([1.0, 1e-3], 500)
    np.testing.assert_allclose(range_of(X, weight), [[-4], [4]], atol=1)


def test_number_of_sorted_samples_is_bounded():
    for weight in (None, np.ones(10**6)):
        samples = representative_samples(Dataset(np.zeros((10**6, 1)), np.zeros((10**6, 1)), weight))
        assert len(samples) == MAX_SAMPLES
        assert np.ptp(np.diff(samples)) <= 1


def test_samples_without_weight_give_no_range():
    found = range_of(np.ones((60, 2)), np.zeros(60))
    assert np.isinf(found.lower).all()


def test_columns_are_sorted_block_by_block(rng, monkeypatch):
    X = rng.normal(size=(300, 7))
    expected = range_of(X)
    monkeypatch.setattr(module, "BLOCK_SIZE", 700)
    np.testing.assert_array_equal(range_of(X), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.float16, bool])
def test_dtypes_agree(rng, dtype):
    X = rng.integers(0, 9, size=(200, 3)).astype(dtype)
    np.testing.assert_allclose(range_of(X), range_of(X.astype(float)))


def test_sparse_columns_are_compressed_beyond_four_times_their_typical_entry():
    X = sparse.csr_array(np.array([[0, 2.0, 0], [0, -2, 0], [3, 0, 0]]))
    found = range_of(X, centers=False)
    np.testing.assert_allclose(found.upper, [12, 8, np.inf])
    np.testing.assert_array_equal(found.lower, -found.upper)


def test_range_only_becomes_wider():
    one, other = (
        LinearRange(np.array([0.0, -np.inf, 5]), np.array([2.0, np.inf, 6])),
        range_around(np.ones(3), np.ones(3)),
    )
    found = one.widened(other)
    np.testing.assert_array_equal(found.lower, [-3, -3, -3])
    np.testing.assert_array_equal(found.upper, [5, 5, 6])


def test_range_follows_means_that_leave_its_middle_half():
    present = range_around(np.zeros(3), np.ones(3))
    found = present.moved_to(np.array([1.9, 2.1, 50]), np.array([9.0, 9, 0]))
    np.testing.assert_allclose(found.upper, [4, 38.1, 4])
