"""How both engines gather samples: without excluded ones, from integers and half precision, and with class codes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core.dataset import INDEX, Dataset, OneHot
from skbackprop._core.network import Network
from skbackprop._core.standardizer import Standardizer
from skbackprop._engines import numba_engine, numpy_engine
from skbackprop._engines.selection import ENGINES as BY_NAME
from skbackprop._training import epoch
from skbackprop._training.epoch import shuffled
from skbackprop.losses import LOSSES
from skbackprop.losses._target_scaling import StandardScaling, TargetScaling
from skbackprop.optimizers import LBFGS, Adam
from tests.shared import ENGINES
from tests.training.test_epoch import new_config, new_data, new_state, train

EACH_BATCH_SIZE = pytest.mark.parametrize("batch_size", [None, 1, 7])
EACH_ORDER = pytest.mark.parametrize("shuffle", [False, True])


def trained(data, engine, batch_size, shuffle, standardize=True, dropout=(), optimizer=None):
    """Return the state after three epochs."""
    optimizer = optimizer or Adam()
    config = new_config(batch_size, optimizer, shuffle, dropout=dropout)
    if data.one_hot is not None or data.n_outputs > 1:
        network = Network((3, 4, data.n_outputs), config.objective.network.activations)
        config = replace(
            config, objective=replace(config.objective, network=network, loss=LOSSES["log_loss", "softmax"])
        )
    state = new_state(optimizer)
    state.theta = np.random.default_rng(1).normal(size=config.objective.network.n_parameters)
    state.optimizer_state = np.zeros((optimizer.n_state_arrays, state.theta.size))
    if standardize:
        scaling = TargetScaling() if data.one_hot is not None or data.n_outputs > 1 else StandardScaling()
        centers = isinstance(data.X, np.ndarray)
        state.standardizer = Standardizer(3, data.n_outputs, scaling, centers, np.dtype(float))
    train(config, state, data, 3, engine=BY_NAME[engine])
    return state


def assert_equal_states(one, other, rtol=1e-11):
    np.testing.assert_allclose(one.theta, other.theta, rtol=rtol, atol=1e-13)
    np.testing.assert_allclose(one.loss_curve, other.loss_curve, rtol=rtol)
    assert one.mean_weight == pytest.approx(other.mean_weight, rel=1e-14)
    assert one.t == other.t
    if one.standardizer is not None:
        np.testing.assert_allclose(one.standardizer.moments.mean, other.standardizer.moments.mean, atol=1e-14)
        np.testing.assert_allclose(one.standardizer.moments.variance, other.standardizer.moments.variance, rtol=1e-12)


@ENGINES
@EACH_BATCH_SIZE
@EACH_ORDER
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
def test_excluded_samples_are_as_if_they_were_not_there(engine, batch_size, shuffle, weighted, standardize, rng):
    weight = rng.uniform(size=30) if weighted else None
    data, excluded = new_data(weight=weight), np.array([0, 4, 5, 29], INDEX)
    damaged = np.full_like(data.X, np.inf)
    rest = np.setdiff1d(range(30), excluded)
    damaged[rest] = data.X[rest]
    kept = trained(data.take(rest), engine, batch_size, shuffle, standardize)
    assert_equal_states(
        trained(data._replace(X=damaged, excluded=excluded), engine, batch_size, shuffle, standardize), kept
    )


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()], ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_excluded_samples_of_any_matrix_with_any_optimizer(batch_size, optimizer, make):
    data, excluded = new_data(), np.array([3, 17, 18], INDEX)
    data = data._replace(X=make(np.where(np.abs(data.X) < 0.5, 0, data.X)))
    kept = trained(data.take(np.setdiff1d(range(30), excluded)), "numpy", batch_size, True, optimizer=optimizer)
    found = trained(data._replace(excluded=excluded), "numpy", batch_size, True, optimizer=optimizer)
    assert_equal_states(found, kept, rtol=1e-6 if isinstance(optimizer, LBFGS) else 1e-11)


@ENGINES
@EACH_BATCH_SIZE
@EACH_ORDER
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int64, np.float16])
def test_integers_and_half_precision_train_like_floats(engine, batch_size, shuffle, standardize, dtype, monkeypatch):
    monkeypatch.setattr(numba_engine, "BLOCK_ENTRIES", 42)  # two batches of seven samples of three features
    weight = np.repeat([1.0, 0.0, 2.0], [10, 7, 13])  # with a batch of zeros, which has no update
    data = new_data(weight=weight)
    data = data._replace(X=(10 * data.X).clip(0 if dtype == np.uint8 else -99).astype(dtype))
    expected = trained(data._replace(X=data.X.astype(float)), engine, batch_size, shuffle, standardize, (0.3,))
    for excluded in (None, np.array([], INDEX)):
        found = trained(data._replace(excluded=excluded), engine, batch_size, shuffle, standardize, (0.3,))
        assert_equal_states(found, expected)


@ENGINES
@EACH_BATCH_SIZE
@EACH_ORDER
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("excluded", [None, [2, 3, 11]])
def test_class_codes_train_like_their_columns(engine, batch_size, shuffle, smoothing, excluded, rng):
    codes = rng.integers(0, 5, (30, 1)).astype(float)
    one_hot = OneHot(5, smoothing / 5, 1 - smoothing + smoothing / 5)
    excluded = None if excluded is None else np.array(excluded, INDEX)
    data = new_data(weight=rng.uniform(size=30))._replace(y=codes, one_hot=one_hot, excluded=excluded)
    columns = data._replace(y=data.target(), one_hot=None)
    found, expected = (trained(samples, engine, batch_size, shuffle) for samples in (data, columns))
    assert_equal_states(found, expected)


@pytest.mark.parametrize("limit", [0, 1000])
def test_large_and_small_orders_are_drawn_alike(limit, monkeypatch):
    monkeypatch.setattr(epoch, "FAST_ORDER", limit)
    found = shuffled(np.arange(1000, dtype=INDEX), np.random.default_rng(0))
    np.testing.assert_array_equal(found, np.random.default_rng(0).permutation(1000))
    assert found.dtype == INDEX


@pytest.mark.parametrize(("n_outputs", "size"), [(2, 1024), (10_000, 100), (3000, 300)])
def test_block_of_many_columns_has_few_samples(n_outputs, size):
    data = Dataset(np.zeros((5000, 1)), np.zeros((5000, 1)), one_hot=OneHot(n_outputs, 0.0, 1.0))
    config = new_config(100 if n_outputs > 2 else 1)
    network = Network((1, n_outputs), ())
    config = replace(config, objective=replace(config.objective, network=network))
    state = new_state()
    state.theta = np.zeros(network.n_parameters)
    buffers = numpy_engine.NumpyEngine().make_buffers(config, state, data)
    assert buffers._block_size == size
