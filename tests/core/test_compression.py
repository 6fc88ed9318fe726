"""Compression of extreme values: linear within a range, logarithmic beyond."""

import numpy as np
import pytest

from skbackprop._core.compression import HALF_RANGE, compress, compressed, slopes
from tests.shared import ENGINES

LOWER, UPPER = np.array([-4.0, 10.0, -np.inf]), np.array([4.0, 26.0, np.inf])


def compressed_array(values, lower=LOWER, upper=UPPER):
    values = np.array(values)
    compress(values, lower.astype(values.dtype), upper.astype(values.dtype))
    return values


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_range_is_left_as_it_is(rng, dtype):
    values = rng.uniform([-4, 10, -1e30], [4, 26, 1e30], size=(100, 3)).astype(dtype)
    np.testing.assert_array_equal(compressed_array(values), values)


def test_values_beyond_are_compressed_logarithmically():
    found = compressed_array([[5.0, 4.0, 1e9], [-1e9, 26 + 2e6, -np.inf]])
    expected = [[4 + np.log(2), 10 - 2 * np.log(4), 1e9], [-4 - np.log1p(1e9 - 4), 26 + 2 * np.log1p(1e6), -np.inf]]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_order_is_kept_and_the_slope_is_continuous():
    x = np.linspace(-40, 40, 8001)[:, np.newaxis]
    lower, upper = np.array([-4.0]), np.array([4.0])
    y = compressed_array(x, lower, upper)
    slope = np.diff(y, axis=0)[:, 0] / 0.01
    assert (slope > 0).all()
    assert np.abs(np.diff(slope)).max() < 0.02
    np.testing.assert_allclose(slopes((x[1:] + x[:-1]) / 2, lower, upper)[:, 0], slope, atol=1e-4)


def test_slope_of_columns_without_a_range_is_one():
    np.testing.assert_allclose(slopes(np.array([[0.0, 28.0, 1e300]]), LOWER, UPPER), [[1, 0.5, 1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_values_become_finite_and_nan_stays(dtype):
    values = compressed_array(np.array([[np.inf, -np.inf, 0], [np.nan, 11, np.nan]], dtype))
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1, [0, 2]]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_formulas_of_arrays_and_of_numbers_agree(rng, dtype):
    values = (rng.normal(size=(200, 3)) * 10 ** rng.uniform(0, 20, size=(200, 3))).astype(dtype)
    lower, upper = LOWER.astype(dtype), UPPER.astype(dtype)
    one_by_one = [[compressed(*each) for each in zip(row, lower, upper, strict=True)] for row in values]
    np.testing.assert_allclose(compressed_array(values), one_by_one, rtol=20 * np.finfo(dtype).eps)
    assert {type(number) for row in one_by_one for number in row} == {dtype}


def test_compression_does_not_depend_on_units(rng):
    values = rng.normal(size=(50, 3)) * 100
    bounds = LOWER * 1e6 + 7, UPPER * 1e6 + 7
    np.testing.assert_allclose(compressed_array(values * 1e6 + 7, *bounds), compressed_array(values) * 1e6 + 7)
    assert UPPER[0] - LOWER[0] == HALF_RANGE * 2


@ENGINES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [1, 40])
def test_engines_agree_on_compressed_samples(rng, engine, dtype, batch_size):
    from skbackprop import BackpropRegressor

    X = np.exp(2 * rng.normal(size=(200, 4))).astype(dtype)
    X[3, 0], X[50, 1] = 1e9, -1e30
    y = np.log(X[:, 2])
    params = {"batch_size": batch_size, "max_iter": 2, "tol": None, "alpha": 0.0, "random_state": 0}
    found, expected = (BackpropRegressor(5, engine=each, **params).fit(X, y).predict(X) for each in (engine, "numpy"))
    np.testing.assert_allclose(found, expected, rtol=1e-3 if dtype is np.float32 else 1e-9)
