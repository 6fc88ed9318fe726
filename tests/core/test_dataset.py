"""Datasets: counting, weighing and taking samples, excluding those of a validation set, and class codes."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core import dataset
from skbackprop._core.dataset import INDEX, Dataset, IndexedMatrix, OneHot, included_chunks

X, Y, WEIGHT = np.arange(12.0).reshape(4, 3), np.arange(4.0).reshape(4, 1), np.array([0.0, 1.0, 0.5, 2.0])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_samples_without_weights_have_a_weight_of_one(make):
    assert Dataset(make(X), Y).n_samples == 4
    assert Dataset(make(X), Y).total_weight == 4.0
    assert Dataset(make(X), Y, WEIGHT).total_weight == 3.5


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("samples", [slice(1, 3), np.array([3, 0])], ids=["slice", "indices"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_taken_samples_keep_their_target_and_weight(make, samples, weight):
    part = Dataset(make(X), Y, weight).take(samples)
    np.testing.assert_array_equal(part.X.toarray() if sparse.issparse(part.X) else part.X, X[samples])
    np.testing.assert_array_equal(part.y, Y[samples])
    if weight is None:
        assert part.sample_weight is None
    else:
        np.testing.assert_array_equal(part.sample_weight, weight[samples])


@pytest.mark.parametrize("excluded", [None, [2]])
def test_parts_keep_the_dtype_of_the_network(excluded):
    excluded = None if excluded is None else np.array(excluded, INDEX)
    data = Dataset(X.astype(np.float32), Y, excluded=excluded, network_dtype=np.dtype(np.float32))
    parts = [data.take(slice(1, 3)), data.take(np.array([3, 0])), data.spread(2), *data.chunks(3)]
    assert {part.dtype for part in parts} == {np.dtype(np.float32)}


def test_slices_are_views_and_indices_are_copies():
    data = Dataset(X, Y, WEIGHT)
    assert all(np.shares_memory(part, whole) for part, whole in zip(data.take(slice(1, 3))[:3], data[:3], strict=True))
    copies = data.take(np.array([1]))
    assert not any(np.shares_memory(part, whole) for part, whole in zip(copies[:3], data[:3], strict=True))


def test_same_samples_with_another_target_share_X_and_weights():
    data = Dataset(X, Y, WEIGHT)
    other = data.with_target(2 * Y)
    assert other.X is data.X
    assert other.sample_weight is data.sample_weight
    np.testing.assert_array_equal(other.y, 2 * Y)


#: Sets of samples to exclude from seven: at the ends, in a row, all but one.
EXCLUDED = [[], [0], [6], [2, 3, 4], [0, 1, 5], [0, 1, 2, 3, 4, 5]]


def seven_samples(make=np.asarray, excluded=None):
    X = np.arange(14.0).reshape(7, 2)
    excluded = None if excluded is None else np.array(excluded, INDEX)
    return Dataset(make(X), X[:, :1], X[:, 0] + 1, excluded=excluded)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("excluded", EXCLUDED, ids=str)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_excluded_samples_are_in_no_chunk_and_no_sum(make, excluded, size, monkeypatch):
    monkeypatch.setattr(dataset, "INDEX_CHUNK", size)
    data, rest = seven_samples(make, excluded), np.setdiff1d(range(7), excluded)
    assert data.n_samples == len(rest)
    assert data.total_weight == (2 * rest + 1).sum()
    np.testing.assert_array_equal(data.indices(), rest)
    assert data.indices().dtype == INDEX
    chunks = list(data.chunks(size))
    assert all(0 < chunk.n_samples == chunk.X.shape[0] <= size for chunk in chunks)
    for field in ("y", "sample_weight"):
        found = np.concatenate([getattr(chunk, field) for chunk in chunks])
        np.testing.assert_array_equal(found, getattr(data, field)[rest])
    X = np.concatenate([chunk.X.toarray() if sparse.issparse(chunk.X) else chunk.X for chunk in chunks])
    np.testing.assert_array_equal(X[:, 0], 2.0 * rest)


def test_large_excluded_weights_do_not_hide_small_ones():
    weight = np.array([1e-20, 1.0, 2e-20, 3.0])
    data = Dataset(X, Y, weight, excluded=np.array([1, 3], INDEX))
    assert data.total_weight == pytest.approx(3e-20, rel=1e-12, abs=0)


def test_chunks_without_excluded_samples_are_views():
    data = seven_samples(excluded=[6])
    first, second = data.chunks(4)
    assert np.shares_memory(first.X, data.X)
    assert not np.shares_memory(second.X, data.X)
    assert list(included_chunks(5, 2, None)) == [slice(0, 2), slice(2, 4), slice(4, 5)]


@pytest.mark.parametrize("n", [1, 3, 7, 100])
def test_spread_samples_are_included_and_at_even_distances(n):
    whole, some = seven_samples(), seven_samples(excluded=[0, 4])
    assert whole.spread(n).X[:, 0].tolist() == np.arange(0, 14, 2 * -(-7 // n)).tolist()
    assert whole.spread(n).excluded is None
    taken, expected = some.spread(n), some.take(np.setdiff1d(range(7), some.excluded)).spread(n)
    assert taken.excluded is None
    np.testing.assert_array_equal(taken.X, expected.X)


@pytest.mark.parametrize("excluded", [None, [2, 3], [0, 1, 2, 4, 6]], ids=str)
def test_number_of_entries_is_that_of_the_included_samples(excluded):
    X = np.tri(7, 3)  # 1, 2, 3, 3, ... entries
    excluded = None if excluded is None else np.array(excluded, INDEX)
    kept = [min(i + 1, 3) for i in range(7) if excluded is None or i not in excluded]
    assert Dataset(sparse.csr_array(X), X[:, :1], excluded=excluded).n_entries == pytest.approx(np.mean(kept))
    assert Dataset(X, X[:, :1], excluded=excluded).n_entries == 3


def test_more_samples_than_indices_raise(monkeypatch):
    monkeypatch.setattr(dataset, "INDEX", np.uint8)
    data = Dataset(np.zeros((256, 1)), np.zeros((256, 1)))
    with pytest.raises(ValueError, match=r"X has 256 samples, more than the 255 .* pass them in parts to partial_fit"):
        data.indices()
    assert len(data.take(slice(255)).indices()) == 255


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_class_codes_become_columns(dtype):
    codes = np.array([[1], [0], [2]], dtype)
    one_hot = OneHot(3, 0.1, 0.8)
    data = Dataset(np.zeros((3, 1), dtype), codes, one_hot=one_hot)
    expected = np.where(np.eye(3)[[1, 0, 2]] == 1, dtype(0.8), dtype(0.1))
    np.testing.assert_array_equal(data.target(), expected)
    assert data.target().dtype == data.dtype == dtype
    assert data.n_outputs == 3
    out = np.full((3, 3), np.nan, dtype)
    assert data.take(np.array([2, 0, 1])).target(out) is out
    np.testing.assert_array_equal(out, expected[[2, 0, 1]])
    assert next(data.chunks(2)).one_hot is one_hot


def test_target_without_class_codes_is_y():
    data = Dataset(X, Y)
    assert data.target() is Y
    assert data.n_outputs == 1


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_indexed_matrix_copies_only_slices(make):
    indexed = IndexedMatrix(make(X), np.array([0, 3], INDEX))
    assert indexed.shape == (2, 3)
    for samples in (slice(None), slice(1, 2)):
        part = indexed[samples]
        np.testing.assert_array_equal(part.toarray() if sparse.issparse(part) else part, X[[0, 3]][samples])
    assert Dataset(indexed, Y[[0, 3]]).n_samples == 2
