"""Weighted mean and variance of columns, and merging them."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core import moments as module
from skbackprop._core.moments import CHUNK_SIZE, Moments, column_moments
from tests.core.columns import difficult_columns
from tests.shared import peak_memory

EMPTY = Moments(0.0, np.zeros(2), np.zeros(2))


@pytest.mark.parametrize("n_samples", [1, 2, 50_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_are_the_weighted_mean_and_variance(rng, n_samples, weighted):
    X = difficult_columns(rng, n_samples)
    weight = rng.uniform(0.1, 2, n_samples) if weighted else None
    moments = column_moments(X, weight)
    exact = X.astype(np.longdouble)
    mean = np.average(exact, axis=0, weights=weight)
    np.testing.assert_allclose(moments.mean, mean.astype(float), rtol=1e-13, atol=1e-6)
    variance = np.average((exact - mean) ** 2, axis=0, weights=weight).astype(float)
    np.testing.assert_allclose(moments.variance, variance, rtol=1e-6, atol=1e-20)
    assert moments.variance[0] == 0
    assert moments.weight == pytest.approx(n_samples if weight is None else weight.sum())


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_sparse_columns_equal_those_of_dense_columns(rng, weighted):
    X = sparse.random(300, 7, density=0.2, format="csr", random_state=0, data_rvs=rng.standard_normal)
    weight = rng.integers(0, 3, 300).astype(float) if weighted else None
    for of_sparse, of_dense in zip(column_moments(X, weight)[:3], column_moments(X.toarray(), weight)[:3], strict=True):
        np.testing.assert_allclose(of_sparse, of_dense, rtol=1e-12, atol=1e-15)


def test_integer_weight_equals_a_repeated_sample(rng):
    X = difficult_columns(rng, 200)
    weight = rng.integers(0, 4, 200)
    repeated = column_moments(np.repeat(X, weight, axis=0), None)
    weighted = column_moments(X, weight.astype(float))
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(weighted.variance, repeated.variance, rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_memory_layout_does_not_change_a_bit(rng, weighted):
    X = difficult_columns(rng, 999)
    weight = rng.uniform(size=999) if weighted else None
    for one, other in zip(column_moments(X, weight), column_moments(np.asfortranarray(X), weight), strict=True):
        np.testing.assert_array_equal(one, other)


def test_chunks_of_zero_weights_do_not_count(rng):
    X = rng.normal(size=(3 * CHUNK_SIZE // 2, 2))
    weight = np.ones(len(X))
    weight[: CHUNK_SIZE // 2] = 0
    found, expected = column_moments(X, weight), column_moments(X[CHUNK_SIZE // 2 :], None)
    assert found.weight == expected.weight
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(found.variance, expected.variance, rtol=1e-12)


class TestMerge:
    @pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
    def test_merged_moments_are_those_of_all_samples(self, rng, share):
        X, weight = difficult_columns(rng, 1000), rng.uniform(size=1000)
        n = int(share * 1000)
        merged = column_moments(X[:n], weight[:n]).merge(column_moments(X[n:], weight[n:]))
        whole = column_moments(X, weight)
        assert merged.weight == pytest.approx(whole.weight)
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(merged.variance, whole.variance, rtol=1e-6)

    def test_merging_the_same_samples_does_not_change_a_bit(self, rng):
        moments = column_moments(difficult_columns(rng, 1000), rng.uniform(size=1000))
        again = moments
        for _ in range(5):
            again = again.merge(moments)
        np.testing.assert_array_equal(again.mean, moments.mean)
        np.testing.assert_array_equal(again.variance, moments.variance)

    def test_merging_with_no_samples_changes_nothing(self):
        moments = column_moments(np.array([[1.0, 2.0], [3.0, 5.0]]), None)
        assert EMPTY.merge(moments) is moments
        merged = moments.merge(EMPTY)
        np.testing.assert_array_equal(merged.mean, moments.mean)
        np.testing.assert_array_equal(merged.variance, moments.variance)

    def test_no_array_is_written_to(self, rng):
        parts = [column_moments(difficult_columns(rng, 10), None) for _ in range(2)]
        before = [np.copy(array) for moments in parts for array in moments]
        parts[0].merge(parts[1])
        parts[0].add_sample(np.ones(4))
        for array, expected in zip([array for moments in parts for array in moments], before, strict=True):
            np.testing.assert_array_equal(array, expected)


def test_adding_samples_one_by_one_gives_the_moments_of_all(rng):
    X = difficult_columns(rng, 300)
    moments = Moments(0.0, np.zeros(4), np.zeros(4))
    for values in X:
        moments = moments.add_sample(values - moments.mean)
    whole = column_moments(X, None)
    assert moments.weight == 300
    np.testing.assert_allclose(moments.mean, whole.mean, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(moments.variance, whole.variance, rtol=1e-6, atol=1e-25)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_excluded_samples_do_not_count(rng, make, weighted, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_SIZE", 100)
    monkeypatch.setattr(module, "SPARSE_CHUNK_SIZE", 100)
    X, excluded = rng.normal(size=(300, 7)), np.array([0, 1, 2, 50, 299], np.uint32)
    X[excluded] = np.inf
    X[:, 3] = 0.1
    weight = rng.uniform(size=300) if weighted else None
    rest = np.setdiff1d(range(300), excluded)
    found = column_moments(make(X), weight, excluded)
    expected = column_moments(X[rest], None if weight is None else weight[rest])
    for one, other in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16])
def test_moments_of_narrow_numbers_are_those_of_floats(rng, dtype):
    X = (rng.normal(size=(300, 3)) * 50 + 100).astype(dtype)
    for one, other in zip(column_moments(X, None), column_moments(X.astype(float), None), strict=True):
        np.testing.assert_array_equal(one, other)
    assert peak_memory(lambda: column_moments(np.zeros((10**6, 2), dtype), None)) < 10**6 * 2 * dtype().itemsize + 3e6
