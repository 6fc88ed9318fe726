"""Shards: sums over parts of the samples are those over all, and windows have the right samples."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core.dataset import INDEX, Dataset, OneHot
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective, ObjectiveBuffers
from skbackprop._core.shards import NO_PENALTY, ShardGradient, Totals, WindowMemory, concatenate, totals_of
from skbackprop.activations import Tanh
from skbackprop.losses import LOSSES


def new_data(rng, n_samples=90, n_excluded=0, make=np.asarray, one_hot=None):
    X = rng.normal(3, 2, (n_samples, 4))
    y = rng.integers(0, 3, (n_samples, 1)).astype(float) if one_hot else rng.normal(size=(n_samples, 2))
    excluded = np.sort(rng.choice(n_samples, n_excluded, replace=False)).astype(INDEX) if n_excluded else None
    return Dataset(make(X), y, rng.random(n_samples), one_hot, excluded)


def parts_of(data, size=20):
    """Return the samples that are not excluded in parts."""
    whole = data.take(data.indices())
    return [whole.take(slice(start, start + size)) for start in range(0, whole.n_samples, size)]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_excluded", [0, 7])
def test_a_window_has_the_samples_that_are_not_excluded(rng, make, n_excluded):
    parts = [new_data(rng, 30, n_excluded, make) for _ in range(3)]
    window = concatenate(parts, 100)
    included = [part.take(part.indices()) for part in parts]
    for name in ("X", "y", "sample_weight"):
        dense = [getattr(part, name) for part in included]
        dense = [array if isinstance(array, np.ndarray) else array.toarray() for array in dense]
        found = getattr(window, name)
        np.testing.assert_array_equal(
            found if isinstance(found, np.ndarray) else found.toarray(), np.concatenate(dense)
        )
    assert window.excluded is None


def test_a_window_of_one_shard_is_not_copied(rng):
    data = new_data(rng, n_excluded=7)
    assert concatenate([data], 100) is data


def test_a_window_can_use_the_memory_of_an_earlier_one():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(30, 2)), rng.uniform(1, 2, 30)
    data = Dataset(X, X[:, :1].copy(), weight)
    parts = [data.take(slice(start, start + 5)) for start in range(0, 30, 5)]
    memory = WindowMemory()
    first = concatenate(parts[:3], 20, memory)
    np.testing.assert_array_equal(first.X, X[:15])
    second = concatenate(parts[4:], 20, memory)
    for found, expected in zip(second[:3], (X[20:], X[20:, :1], weight[20:]), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert all(np.shares_memory(*arrays) for arrays in zip(first[:3], second[:3], strict=True))
    larger = concatenate(parts, 30, memory)
    np.testing.assert_array_equal(larger.X, X)
    assert not np.shares_memory(larger.X, second.X)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("dtypes", [(np.float32, np.float64), (np.float64, np.float32)])
def test_targets_of_a_window_keep_the_precision_of_every_part(order, dtypes):
    """A target that is centered later must not be rounded before, whichever part comes first."""
    X, y = np.zeros((10, 2)), 1e8 + np.arange(10.0)[:, np.newaxis]
    parts = [Dataset(X, y.astype(dtype)) for dtype in dtypes]
    memory = WindowMemory()
    for numbers in (order, [0, 0], [1, 1], order[::-1]):
        window = concatenate([parts[number] for number in numbers], 20, memory)
        expected = np.concatenate([parts[number].y for number in numbers])
        np.testing.assert_array_equal(window.y, expected)


def merged(parts):
    totals = [totals_of(part, None, True) for part in parts]
    result = totals[0]
    for other in totals[1:]:
        result = result.merge(other)
    return result


@pytest.mark.parametrize("one_hot", [None, OneHot(3, 0.0, 1.0)], ids=["numbers", "classes"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_excluded", [0, 13])
def test_totals_are_those_of_all_samples(rng, one_hot, make, n_excluded):
    data = new_data(rng, 90, n_excluded, make, one_hot)
    whole, total = totals_of(data, None, True), merged(parts_of(data))
    assert total.n_samples == whole.n_samples == 90 - n_excluded
    for name in ("weight", "lowest", "highest", "class_weight", "class_square", "square"):
        if getattr(whole, name) is not None:
            np.testing.assert_allclose(getattr(total, name), getattr(whole, name), rtol=1e-12)
    for moments in ("moments", "target"):
        for name in ("weight", "mean", "variance"):
            values = (getattr(getattr(totals, moments), name) for totals in (total, whole))
            np.testing.assert_allclose(*values, rtol=1e-12)
    if one_hot:
        assert whole.class_weight.sum() == pytest.approx(whole.weight)


def share_between(data, size):
    total: Totals = merged(parts_of(data, size))
    return total.share_between


def test_share_between_sorted_and_random_shards(rng):
    data = new_data(rng, 1000)._replace(sample_weight=None)
    by_first = data.take(np.argsort(data.X[:, 0]))
    for size in (2, 10, 100):
        shares = share_between(by_first, size)
        assert shares[0] > 0.95
        assert shares[1:].max() < 0.2
        assert share_between(data, size).max() < 0.2
    assert share_between(data, 1).max() == 0.0  # a shard of one sample tells nothing


def test_share_between_with_a_few_large_weights(rng):
    data = new_data(rng, 3000)
    data = data._replace(sample_weight=rng.exponential(size=3000) ** 3)
    assert share_between(data, 100).max() < 0.06
    assert share_between(data, 1).max() == 0.0
    assert share_between(data.take(np.argsort(data.X[:, 0])), 100)[0] > 0.95


def test_gradients_add_up(rng):
    objective = Objective(Network((4, 5, 2), (Tanh(),)), LOSSES["squared_error", "identity"])
    theta = rng.normal(size=objective.network.n_parameters)
    data = new_data(rng)
    mean_weight = data.total_weight / data.n_samples
    buffers = ObjectiveBuffers(objective, theta, data.n_samples)
    loss_sum = objective.loss_and_gradient(data, mean_weight, NO_PENALTY, buffers)
    gradient = ShardGradient(objective, None, mean_weight, data.n_samples)
    results = [gradient(part, theta) for part in parts_of(data)]
    assert sum(loss for loss, _ in results) == pytest.approx(loss_sum, rel=1e-12)
    np.testing.assert_allclose(sum(part for _, part in results), buffers.gradient, rtol=1e-10, atol=1e-14)
