import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skbackprop._core.network import Network
from skbackprop._core.objective import Objective, Workspace
from skbackprop._core.standardizer import Standardizer
from skbackprop._engines import numpy_engine as _epoch
from skbackprop._engines.numpy_engine import GATHER_ROWS, Room, clip, train_epoch
from skbackprop._training.state import TrainingConfig, TrainingState
from skbackprop._training.stopping import Patience, Watch
from skbackprop._training.trainer import Trainer
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES
from skbackprop.optimizers import GD, Adam, AdamW
from skbackprop.schedules import Constant, InverseScaling

NETWORK = Network((3, 4, 1), (ACTIVATIONS["tanh"],))
SQUARED = LOSSES["squared_error", "identity"]


def config(batch_size=None, optimizer=None, shuffle=True, schedule=None, alpha=0.0):
    optimizer, schedule = optimizer or GD(), schedule or Constant(0.01)
    return TrainingConfig(Objective(NETWORK, SQUARED), optimizer, schedule, batch_size, shuffle, 10, alpha)


def new_state(optimizer=None, seed=0):
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=NETWORK.n_parameters)
    return TrainingState(theta, np.zeros(((optimizer or GD()).n_state_arrays, theta.size)), rng)


def data(n_rows=30):
    rng = np.random.default_rng(5)
    return rng.normal(size=(n_rows, 3)), rng.normal(size=(n_rows, 1))


def run(config, state, X, y, weight=None, n_epochs=1, patience=None):
    trainer = Trainer(_epoch, config, state, X, y, weight)
    watch = None if patience is None else Watch(patience)
    return trainer.train(X, y, weight, n_epochs, watch)


def gradient_of(theta, X, y, weight=None, alpha=0.0):
    work = Workspace(NETWORK, theta, len(X))
    mean_weight = 1.0 if weight is None else weight.mean()
    work.alpha = alpha
    Objective(NETWORK, SQUARED).loss_and_gradient(X, y, weight, mean_weight, work)
    return work.gradient


def test_one_pass_of_full_batch_is_one_step_down_the_gradient():
    X, y = data()
    state = new_state()
    expected = state.theta - 0.01 * gradient_of(state.theta, X, y, alpha=0.2)
    run(config(alpha=0.2), state, X, y)
    np.testing.assert_allclose(state.theta, expected, rtol=1e-13)
    assert (state.t, state.n_iter) == (1, 1)


@pytest.mark.parametrize(("batch_size", "n_updates"), [(None, 1), (1, 30), (7, 5), (10, 3), (30, 1), (1000, 1)])
def test_updates_are_counted_by_batch(batch_size, n_updates):
    state = new_state()
    run(config(batch_size), state, *data(), n_epochs=2)
    assert state.t == 2 * n_updates
    assert config(batch_size).n_batches(30) == n_updates


def test_unshuffled_minibatches_are_steps_over_the_rows_in_order():
    X, y = data()
    state = new_state()
    theta = state.theta.copy()
    for start in range(0, 30, 8):
        theta -= 0.01 * gradient_of(theta, X[start : start + 8], y[start : start + 8])
    run(config(8, shuffle=False), state, X, y)
    np.testing.assert_allclose(state.theta, theta, rtol=1e-12)


@pytest.mark.parametrize("n_rows", [30, GATHER_ROWS * 2 + 5])
@pytest.mark.parametrize("batch_size", [1, 8, 2000])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_row_comes_once_a_pass_with_its_target_and_weight(n_rows, batch_size, make, shuffle):
    X = np.arange(n_rows, dtype=float)[:, np.newaxis] + np.array([[1.0, 2.0, 3.0]])
    y, weight = X[:, :1] * 2, X[:, 0] * 3
    room = Room(config(batch_size, shuffle=shuffle), new_state(), make(X), y, weight)
    rng, orders = np.random.default_rng(0), []
    for _ in range(2):
        seen = []
        for X_block, y_block, weight_block in room.blocks(rng, make(X), y, weight):
            X_block = X_block.toarray() if sparse.issparse(X_block) else X_block
            np.testing.assert_array_equal(y_block, X_block[:, :1] * 2)
            np.testing.assert_array_equal(weight_block, X_block[:, 0] * 3)
            seen += X_block[:, 0].tolist()
        assert sorted(seen) == X[:, 0].tolist()
        orders.append(seen)
    assert (orders[0] != orders[1]) == (shuffle and batch_size < n_rows)
    assert shuffle or orders[0] == X[:, 0].tolist()


@pytest.mark.parametrize("batch_size", [1, 8, 2000])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_block_is_a_whole_number_of_batches_of_about_a_thousand_rows(batch_size, shuffle):
    X, y = data(5000)
    room = Room(config(batch_size, shuffle=shuffle), new_state(), X, y, None)
    sizes = [len(y_block) for _, y_block, _ in room.blocks(np.random.default_rng(0), X, y, None)]
    size = {1: GATHER_ROWS, 8: GATHER_ROWS, 2000: 2000}[batch_size]
    assert sizes == [size] * (5000 // size) + [5000 % size]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gathered_rows_keep_their_dtype_and_weights_theirs(dtype):
    X, y = (array.astype(dtype) for array in data())
    room = Room(config(7), new_state(), X, y, np.ones(30))
    for X_block, y_block, weight_block in room.blocks(np.random.default_rng(0), X, y, np.ones(30)):
        assert (X_block.dtype, y_block.dtype, weight_block.dtype) == (dtype, dtype, np.float64)


def test_sparse_rows_are_gathered_without_a_dense_array():
    X, y = sparse.random(30, 200_000, density=1e-4, format="csr", random_state=0), np.zeros((30, 1))
    tracemalloc.start()
    for X_block, _, _ in Room(config(7), new_state(), X, y, None).blocks(np.random.default_rng(0), X, y, None):
        assert sparse.issparse(X_block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000 * 8  # a dense array of one row


@pytest.mark.parametrize("batch_size", [None, 1, 8])
def test_weights_that_are_all_the_same_change_nothing(batch_size):
    state, weighted = new_state(), new_state()
    run(config(batch_size), state, *data(), n_epochs=2)
    run(config(batch_size), weighted, *data(), np.full(30, 4.0), n_epochs=2)
    np.testing.assert_allclose(weighted.theta, state.theta, rtol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve, state.loss_curve, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 8, 2000])
def test_dropout_is_the_same_whatever_the_batches(batch_size):
    X, y = data(2 * GATHER_ROWS + 5)
    losses = []
    for size in (None, batch_size):
        still = TrainingConfig(Objective(NETWORK, SQUARED, dropout=(0.5,)), GD(), Constant(1e-300), size, False, 10)
        state = new_state()
        run(still, state, X, y)
        losses.append(state.loss_curve[0])
    assert losses[1] == pytest.approx(losses[0], rel=1e-12)


def test_each_pass_draws_masks_of_its_own_and_nothing_where_it_has_none():
    X, y = data()
    still = TrainingConfig(Objective(NETWORK, SQUARED, dropout=(0.5,)), GD(), Constant(1e-300), None, True, 10)
    state = new_state()
    run(still, state, X, y, n_epochs=200)
    assert len(set(state.loss_curve)) == 200
    state = new_state()
    before = state.rng.bit_generator.state
    run(config(), state, X, y, n_epochs=2)
    run(config(7, shuffle=False), state, X, y, n_epochs=2)
    assert state.rng.bit_generator.state == before


def test_a_gradient_is_clipped_to_its_direction():
    for factor, expected in ((1.0, [0.6, 0.0, -0.8]), (0.1, [0.3, 0.0, -0.4])):
        gradient = factor * np.array([3.0, 0.0, -4.0])
        clip(gradient, 1.0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-15)


def test_a_batch_of_zero_weights_is_passed_over():
    X, y = data()
    weight = np.ones(30)
    weight[10:20] = 0
    state, without = new_state(), new_state()
    run(config(10, shuffle=False), state, X, y, weight)
    assert state.t == 2
    kept = weight > 0
    # each batch's gradient is relative to the mean weight 2/3: as if the learning rate were 3/2 of it
    run(config(10, shuffle=False, schedule=Constant(0.015)), without, X[kept], y[kept])
    np.testing.assert_allclose(state.theta, without.theta, rtol=1e-12)


def test_the_loss_is_the_weighted_mean_plus_the_penalty():
    X, y = data()
    weight = np.linspace(0.1, 2, 30)
    state = new_state()
    errors = (NETWORK.raw_output(state.theta, X) - y)[:, 0] ** 2
    penalty = 0.1 * np.sum(state.theta[: NETWORK.n_weights] ** 2)
    run(config(alpha=0.2), state, X, y, weight)
    assert state.loss_curve == [pytest.approx(np.average(errors, weights=weight) + penalty, rel=1e-12)]


def test_rates_follow_the_count_of_updates_also_over_blocks():
    X, y = data(GATHER_ROWS + 10)
    state = new_state()
    run(config(1, schedule=InverseScaling(0.01, 1.0)), state, X, y)
    assert state.learning_rate == pytest.approx(0.01 / len(X))
    run(config(1, schedule=InverseScaling(0.01, 1.0)), state, X, y)
    assert state.learning_rate == pytest.approx(0.01 / (2 * len(X)))


@pytest.mark.parametrize(("n_rows", "batch_size"), [(30, None), (30, 7), (GATHER_ROWS + 10, 1)])
def test_a_schedule_is_asked_for_each_update_and_knows_how_many_are_planned(n_rows, batch_size):
    asked, planned = [], set()

    class Asked(Constant):
        def rates(self, t, n_updates):
            asked.extend(t)
            planned.add(n_updates)
            return 1e-6 * (1 + t)

    X, y = data(n_rows)
    state = new_state()
    state.rate_factor = 0.5
    followed = config(batch_size, schedule=Asked())
    run(followed, state, X, y, n_epochs=3)
    n_batches = followed.n_batches(n_rows)
    assert asked == list(range(3 * n_batches))
    assert planned == {followed.max_iter * n_batches}
    assert state.learning_rate == pytest.approx(0.5e-6 * 3 * n_batches)


def test_rates_of_batches_that_are_passed_over_are_not_lost():
    X, y = data()
    weight = np.ones(30)
    weight[:20] = 0
    state = new_state()
    run(config(10, shuffle=False, schedule=InverseScaling(0.01, 1.0)), state, X, y, weight)
    assert (state.t, state.n_steps, state.learning_rate) == (1, 1, 0.01)


def test_adamw_shrinks_weights_and_not_intercepts():
    X, y = data()
    plain, decayed = new_state(Adam()), new_state(AdamW(weight_decay=0.5))
    start = plain.theta.copy()
    run(config(optimizer=Adam()), plain, X, y)
    run(config(optimizer=AdamW(weight_decay=0.5)), decayed, X, y)
    n = NETWORK.n_weights
    np.testing.assert_allclose(plain.theta[:n] - decayed.theta[:n], 0.01 * 0.5 * start[:n], rtol=1e-9)
    np.testing.assert_array_equal(plain.theta[n:], decayed.theta[n:])


def test_the_mean_weight_runs_over_calls_and_stands_still_on_the_same_rows():
    state = new_state()
    weight = np.array([0.1, 0.7, 0.3])
    for _ in range(5):
        state.see_weights(weight, 3)
        assert state.mean_weight == weight.mean()
    state.see_weights(None, 5)
    assert state.mean_weight == pytest.approx((5 * weight.sum() + 5) / 20)


def test_patience_ends_the_training():
    X, y = data()
    state = new_state()
    assert run(config(), state, X, y, n_epochs=100, patience=Patience(1e9, 5)).stopped
    assert state.n_iter == 6
    assert not run(config(), state, X, y, n_epochs=3, patience=Patience(1e9, 5)).stopped


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_what_always_overflows_leaves_the_state_as_it_was_and_says_so(batch_size):
    X, y = data()
    state = new_state(Adam())
    run(config(batch_size, Adam()), state, X, y, n_epochs=2)
    theta, memory, t, factor = state.theta.copy(), state.optimizer_state.copy(), state.t, state.rate_factor
    with np.errstate(all="ignore"):  # as the caller of a trainer does
        result = run(config(batch_size, Adam()), state, X, y * 1e200, n_epochs=2)
    assert [message[:29] for message in result.messages] == [
        "The loss or the weights explo",
        "Training ended in epoch 3: th",
    ]
    np.testing.assert_array_equal(state.theta, theta)
    np.testing.assert_array_equal(state.optimizer_state, memory)
    assert (state.t, state.n_iter, len(state.loss_curve), state.rate_factor) == (t, 2, 2, factor)


@pytest.mark.parametrize("batch_size", [40, None])
@pytest.mark.parametrize("standardize", [False, True])
def test_an_epoch_allocates_no_more_than_a_little(batch_size, standardize):
    X, y = data(4000)
    training_config, state = config(batch_size, Adam()), new_state(Adam())
    if standardize:
        state.standardizer = Standardizer(3, "spread", 1, True, np.dtype(float))
    state.see(X, y, None)
    room = Room(training_config, state, X, y, None)
    train_epoch(training_config, state, room, X, y, None)
    tracemalloc.start()
    train_epoch(training_config, state, room, X, y, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * 4000 * 8  # the order of the rows or their losses, and small change; X has three columns
