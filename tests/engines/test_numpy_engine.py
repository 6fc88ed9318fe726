"""The numpy engine: blocks of shuffled samples, batches, and the memory of an epoch."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core.dataset import Dataset
from skbackprop._core.standardizer import Standardizer
from skbackprop._engines.numpy_engine import BLOCK_SIZE, NumpyEngine
from skbackprop._training.epoch import plan_epoch
from skbackprop.losses._target_scaling import StandardScaling
from skbackprop.optimizers import Adam
from tests.shared import peak_memory
from tests.training.test_epoch import new_config, new_data, new_state


def batches(data, batch_size, shuffle=True, n_epochs=1):
    """Return the batches of some epochs, each as its position and a copy of its arrays."""
    config, state = new_config(batch_size, shuffle=shuffle), new_state()
    buffers = NumpyEngine().make_buffers(config, state, data)
    epochs = []
    for _ in range(n_epochs):
        plan = plan_epoch(config, state, data)
        epochs.append([(start, Dataset(*map(copied, batch))) for start, batch in buffers.batches(plan, data)])
    return epochs


def copied(array):
    return None if array is None else array.copy()


@pytest.mark.parametrize("n_samples", [30, BLOCK_SIZE * 2 + 5])
@pytest.mark.parametrize("batch_size", [1, 8, 2000])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_sample_comes_once_an_epoch_with_its_target_and_weight(n_samples, batch_size, make, shuffle):
    X = np.arange(n_samples, dtype=float)[:, np.newaxis] + np.array([[1.0, 2.0, 3.0]])
    data = Dataset(make(X), X[:, :1] * 2, X[:, 0] * 3)
    orders = []
    for epoch in batches(data, batch_size, shuffle, n_epochs=2):
        seen = []
        for position, batch in epoch:
            inputs = batch.X.toarray() if sparse.issparse(batch.X) else batch.X
            np.testing.assert_array_equal(batch.y, inputs[:, :1] * 2)
            np.testing.assert_array_equal(batch.sample_weight, inputs[:, 0] * 3)
            assert position == len(seen)
            assert batch.n_samples == min(batch_size, n_samples - position)
            seen += inputs[:, 0].tolist()
        assert sorted(seen) == X[:, 0].tolist()
        orders.append(seen)
    assert (orders[0] != orders[1]) == (shuffle and batch_size < n_samples)
    assert shuffle or orders[0] == X[:, 0].tolist()


@pytest.mark.parametrize(("batch_size", "size"), [(1, BLOCK_SIZE), (8, BLOCK_SIZE), (2000, 2000)])
def test_block_of_shuffled_samples_is_a_whole_number_of_batches(batch_size, size):
    data, config, state = new_data(5000), new_config(batch_size), new_state()
    buffers = NumpyEngine().make_buffers(config, state, data)
    blocks = buffers._blocks(plan_epoch(config, state, data), data)
    assert [block.n_samples for _, block in blocks] == [size] * (5000 // size) + [5000 % size]


@pytest.mark.parametrize("batch_size", [1, 8, 2000])
def test_samples_in_their_own_order_are_not_copied(batch_size):
    data, config, state = new_data(5000), new_config(batch_size, shuffle=False), new_state()
    buffers = NumpyEngine().make_buffers(config, state, data)
    for _, batch in buffers.batches(plan_epoch(config, state, data), data):
        assert np.shares_memory(batch.X, data.X)
        assert np.shares_memory(batch.y, data.y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shuffled_samples_keep_their_dtype_and_weights_theirs(dtype):
    data = new_data()
    data = Dataset(data.X.astype(dtype), data.y.astype(dtype), np.ones(30))
    for _, batch in batches(data, 7)[0]:
        assert [array.dtype for array in batch[:3]] == [dtype, dtype, np.float64]


def test_sparse_samples_are_shuffled_without_a_dense_array():
    X = sparse.random(30, 200_000, density=1e-4, format="csr", random_state=0)
    data, config, state = Dataset(X, np.zeros((30, 1))), new_config(7), new_state()
    tracemalloc.start()
    buffers = NumpyEngine().make_buffers(config, state, data)
    for _, batch in buffers.batches(plan_epoch(config, state, data), data):
        assert sparse.issparse(batch.X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000 * 8  # a dense array of one sample


@pytest.mark.parametrize("batch_size", [40, None])
@pytest.mark.parametrize("standardize", [False, True])
def test_epoch_allocates_little_memory(batch_size, standardize):
    data, config, state = new_data(4000), new_config(batch_size, Adam()), new_state(Adam())
    if standardize:
        state.standardizer = Standardizer(3, 1, StandardScaling(), True, np.dtype(float))
        state.standardizer.update(data)
    state.update_means(data)
    engine = NumpyEngine()
    buffers = engine.make_buffers(config, state, data)

    def run_epoch():
        engine.run_epoch(plan_epoch(config, state, data), data, state, buffers)

    run_epoch()
    peak = min(peak_memory(run_epoch) for _ in range(3))  # other threads of the process allocate memory now and then
    flags = 2 * 4000 * 3 if standardize else 0  # where X is below or above its range
    assert peak < 2.5 * 4000 * 8 + flags  # the order of the samples or their losses, and small objects
