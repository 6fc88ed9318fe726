"""Datasets: counting, weighing and taking samples."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core.dataset import Dataset

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


def test_slices_are_views_and_indices_are_copies():
    data = Dataset(X, Y, WEIGHT)
    assert all(np.shares_memory(part, whole) for part, whole in zip(data.take(slice(1, 3)), data, strict=True))
    assert not any(np.shares_memory(part, whole) for part, whole in zip(data.take(np.array([1])), data, strict=True))


def test_same_samples_with_another_target_share_X_and_weights():
    data = Dataset(X, Y, WEIGHT)
    other = data.with_target(2 * Y)
    assert other.X is data.X
    assert other.sample_weight is data.sample_weight
    np.testing.assert_array_equal(other.y, 2 * Y)
