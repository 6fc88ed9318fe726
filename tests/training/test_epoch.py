"""Epochs: what the trainer plans, and what comes out of an epoch with either engine."""

import math
from importlib.util import find_spec

import numpy as np
import pytest

from skbackprop._core.dataset import INDEX, Dataset
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective, ObjectiveBuffers, Penalty
from skbackprop._engines.numpy_engine import BLOCK_SIZE, NumpyEngine
from skbackprop._training.config import TrainingConfig
from skbackprop._training.epoch import plan_epoch
from skbackprop._training.state import TrainingState
from skbackprop._training.stopping import EarlyStopper, Patience
from skbackprop._training.trainer import FitTrainer
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES
from skbackprop.optimizers import GD, Adam, AdamW
from skbackprop.schedules import Constant, InverseScaling
from tests.shared import ENGINES, NO_UPDATE_RATE

NETWORK = Network((3, 4, 1), (ACTIVATIONS["tanh"],))
SQUARED = LOSSES["squared_error", "identity"]
#: With this learning rate the loss curve shows the initial weights under different dropout masks.
NO_UPDATE = Constant(NO_UPDATE_RATE)


def new_config(batch_size=None, optimizer=None, shuffle=True, schedule=None, alpha=0.0, dropout=(), l1_ratio=0.0):
    objective = Objective(NETWORK, SQUARED, l1_ratio, dropout)
    return TrainingConfig(objective, optimizer or GD(), schedule or Constant(0.01), batch_size, shuffle, 10, alpha)


def new_state(optimizer=None, seed=0, **attributes):
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=NETWORK.n_parameters)
    return TrainingState(theta, np.zeros(((optimizer or GD()).n_state_arrays, theta.size)), rng, **attributes)


def new_data(n_samples=30, weight=None):
    rng = np.random.default_rng(5)
    return Dataset(rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, 1)), weight)


def train(config, state, data, n_epochs=1, patience=None, engine=None):
    """Train as `fit` does, without standardization."""
    stopper = EarlyStopper(patience or Patience(math.inf))
    return FitTrainer(engine or NumpyEngine(), config, state, data).fit(n_epochs, stopper)


def gradient_of(theta, data, alpha=0.0):
    objective = Objective(NETWORK, SQUARED)
    buffers = ObjectiveBuffers(objective, theta, data.n_samples)
    objective.loss_and_gradient(data, data.total_weight / data.n_samples, objective.penalty(alpha), buffers)
    return buffers.gradient


class TestPlan:
    @pytest.mark.parametrize(
        ("batch_size", "shuffle", "has_order"),
        [(None, True, False), (7, True, True), (1, True, True), (29, True, True), (30, True, False), (7, False, False)],
    )
    def test_order_is_drawn_if_samples_are_shuffled_between_batches(self, batch_size, shuffle, has_order):
        config, state = new_config(batch_size, shuffle=shuffle), new_state()
        before = state.rng.bit_generator.state
        order = plan_epoch(config, state, new_data()).order
        assert (state.rng.bit_generator.state != before) == has_order
        if not has_order:
            assert order is None
            return
        assert order.dtype == INDEX
        assert sorted(order) == list(range(30))
        assert (plan_epoch(config, state, new_data()).order != order).any()

    def test_dropout_key_is_drawn_for_each_epoch_and_only_with_dropout(self):
        state = new_state()
        before = state.rng.bit_generator.state
        assert plan_epoch(new_config(dropout=(0.0,)), state, new_data()).dropout_key == 0
        assert state.rng.bit_generator.state == before
        keys = {plan_epoch(new_config(dropout=(0.1,)), state, new_data()).dropout_key for _ in range(100)}
        assert len(keys) == 100
        assert all(0 <= key < 2**63 for key in keys)

    def test_each_update_has_the_learning_rate_of_its_number_times_the_rate_factor(self):
        asked = []

        class Recording(Constant):
            def rates(self, t, n_updates):
                asked.append((t.tolist(), n_updates))
                return 1e-3 * (1 + t)

        state = new_state(t=7, rate_factor=0.25, n_planned=50)
        plan = plan_epoch(new_config(7, schedule=Recording()), state, new_data())
        assert asked == [([7, 8, 9, 10, 11], 50)]
        np.testing.assert_allclose(plan.learning_rates, 0.25e-3 * np.array([8, 9, 10, 11, 12]))
        assert plan.learning_rates.dtype == np.float64

    @pytest.mark.parametrize(("batch_size", "expected"), [(None, 30), (7, 7), (1000, 30)])
    def test_batch_size_is_at_most_the_number_of_samples(self, batch_size, expected):
        assert plan_epoch(new_config(batch_size), new_state(), new_data()).batch_size == expected

    def test_plan_has_the_penalty_and_the_counts_of_the_state(self):
        state = new_state(alpha=0.4, mean_weight=0.7, t=9, n_steps=5)
        plan = plan_epoch(new_config(l1_ratio=0.25), state, new_data())
        assert plan.penalty == Penalty(l1=0.1, l2=pytest.approx(0.3))
        assert (plan.mean_weight, plan.first_step) == (0.7, 5)

    @pytest.mark.skipif(not find_spec("numba"), reason="numba is not installed")
    def test_both_engines_get_the_same_plans(self):
        from skbackprop._engines.numba_engine import NumbaEngine

        plans = {}
        for kind in (NumpyEngine, NumbaEngine):

            class Recording(kind):
                def run_epoch(self, plan, data, state, buffers):
                    plans.setdefault(self.name, []).append(plan)
                    return super().run_epoch(plan, data, state, buffers)

            config = new_config(7, Adam(), schedule=InverseScaling(0.01, 1.0), dropout=(0.3,))
            train(config, new_state(Adam()), new_data(), n_epochs=3, engine=Recording())
        assert len(plans["numpy"]) == 3
        np.testing.assert_equal(plans["numba"], plans["numpy"])


def test_full_batch_epoch_is_one_step_along_the_gradient():
    data, state = new_data(), new_state()
    expected = state.theta - 0.01 * gradient_of(state.theta, data, alpha=0.2)
    train(new_config(alpha=0.2), state, data)
    np.testing.assert_allclose(state.theta, expected, rtol=1e-13)
    assert (state.t, state.n_iter) == (1, 1)


@pytest.mark.parametrize(("batch_size", "n_updates"), [(None, 1), (1, 30), (7, 5), (10, 3), (30, 1), (1000, 1)])
def test_every_batch_is_an_update(batch_size, n_updates):
    state = new_state()
    train(new_config(batch_size), state, new_data(), n_epochs=2)
    assert state.t == state.n_steps == 2 * n_updates
    assert new_config(batch_size).n_batches(30) == n_updates


def test_unshuffled_batches_follow_the_order_of_the_data():
    data, state = new_data(), new_state()
    theta = state.theta.copy()
    for start in range(0, 30, 8):
        theta -= 0.01 * gradient_of(theta, data.take(slice(start, start + 8)))
    train(new_config(8, shuffle=False), state, data)
    np.testing.assert_allclose(state.theta, theta, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 1, 8])
def test_equal_weights_change_nothing(batch_size):
    state, weighted = new_state(), new_state()
    train(new_config(batch_size), state, new_data(), n_epochs=2)
    train(new_config(batch_size), weighted, new_data(weight=np.full(30, 4.0)), n_epochs=2)
    np.testing.assert_allclose(weighted.theta, state.theta, rtol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve, state.loss_curve, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 8, 2000])
def test_dropout_masks_do_not_depend_on_the_batch_size(batch_size):
    losses = []
    for size in (None, batch_size):
        state = new_state()
        train(new_config(size, shuffle=False, schedule=NO_UPDATE, dropout=(0.5,)), state, new_data(2 * BLOCK_SIZE + 5))
        losses.append(state.loss_curve[0])
    assert losses[1] == pytest.approx(losses[0], rel=1e-12)


def test_each_epoch_draws_new_dropout_masks():
    state = new_state()
    train(new_config(schedule=NO_UPDATE, dropout=(0.5,)), state, new_data(), n_epochs=200)
    assert len(set(state.loss_curve)) == 200


@ENGINES
def test_batch_of_zero_weights_is_skipped(engine):
    weight = np.ones(30)
    weight[10:20] = 0
    data, state, without = new_data(weight=weight), new_state(), new_state()
    train(new_config(10, shuffle=False), state, data, engine=engine_of(engine))
    assert state.t == 2
    # each gradient is relative to the mean weight 2/3, as if the learning rate were 3/2 of it
    kept = Dataset(data.X[weight > 0], data.y[weight > 0])
    train(new_config(10, shuffle=False, schedule=Constant(0.015)), without, kept)
    np.testing.assert_allclose(state.theta, without.theta, rtol=1e-12)


@ENGINES
def test_skipped_batch_uses_no_learning_rate(engine):
    weight = np.ones(30)
    weight[:20] = 0
    state = new_state()
    config = new_config(10, shuffle=False, schedule=InverseScaling(0.01, 1.0))
    train(config, state, new_data(weight=weight), engine=engine_of(engine))
    assert (state.t, state.n_steps, state.learning_rate) == (1, 1, 0.01)


def engine_of(name):
    if name == "numpy":
        return NumpyEngine()
    from skbackprop._engines.numba_engine import NumbaEngine

    return NumbaEngine()


def test_loss_is_the_weighted_mean_plus_the_penalty():
    data, state = new_data(weight=np.linspace(0.1, 2, 30)), new_state()
    errors = (NETWORK.raw_output(state.theta, data.X) - data.y)[:, 0] ** 2
    penalty = 0.1 * np.sum(state.theta[: NETWORK.n_weights] ** 2)
    train(new_config(alpha=0.2), state, data)
    mean = np.average(errors, weights=data.sample_weight)
    assert state.mean_loss == pytest.approx(mean, rel=1e-12)
    assert state.loss_curve == [pytest.approx(mean + penalty, rel=1e-12)]
    assert state.penalty_curve == [pytest.approx(penalty, rel=1e-12)]


def test_learning_rate_follows_the_number_of_updates_over_epochs():
    data, state = new_data(BLOCK_SIZE + 10), new_state()
    config = new_config(1, schedule=InverseScaling(0.01, 1.0))
    for n_epochs in (1, 2):
        train(config, state, data)
        assert state.learning_rate == pytest.approx(0.01 / (n_epochs * data.n_samples))


@pytest.mark.parametrize(("n_samples", "batch_size"), [(30, None), (30, 7), (BLOCK_SIZE + 10, 1)])
def test_schedule_is_evaluated_once_for_each_update(n_samples, batch_size):
    asked, planned = [], set()

    class Recording(Constant):
        def rates(self, t, n_updates):
            asked.extend(t)
            planned.add(n_updates)
            return 1e-6 * (1 + t)

    state, config = new_state(rate_factor=0.5), new_config(batch_size, schedule=Recording())
    train(config, state, new_data(n_samples), n_epochs=3)
    n_batches = config.n_batches(n_samples)
    assert asked == list(range(3 * n_batches))
    assert planned == {config.max_iter * n_batches}
    assert state.learning_rate == pytest.approx(0.5e-6 * 3 * n_batches)


def test_adamw_decays_weights_and_not_intercepts():
    plain, decayed = new_state(Adam()), new_state(AdamW(weight_decay=0.5))
    initial = plain.theta.copy()
    train(new_config(optimizer=Adam()), plain, new_data())
    train(new_config(optimizer=AdamW(weight_decay=0.5)), decayed, new_data())
    n = NETWORK.n_weights
    np.testing.assert_allclose(plain.theta[:n] - decayed.theta[:n], 0.01 * 0.5 * initial[:n], rtol=1e-9)
    np.testing.assert_array_equal(plain.theta[n:], decayed.theta[n:])


def test_patience_ends_the_training():
    state = new_state()
    assert train(new_config(), state, new_data(), n_epochs=100, patience=Patience(5, 1e9)).stopped
    assert state.n_iter == 6
    assert not train(new_config(), state, new_data(), n_epochs=3, patience=Patience(5, 1e9)).stopped


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_training_that_always_diverges_restores_the_state_and_gives_messages(batch_size):
    data, state = new_data(), new_state(Adam())
    train(new_config(batch_size, Adam()), state, data, n_epochs=2)
    theta, optimizer_state, t, factor = (
        state.theta.copy(),
        state.optimizer_state.copy(),
        state.t,
        state.rate_factor,
    )
    with np.errstate(all="ignore"):  # as the caller of a trainer does
        result = train(new_config(batch_size, Adam()), state, data.with_target(data.y * 1e200), n_epochs=2)
    assert [message.partition(" at ")[0].partition(":")[0] for message in result.messages] == [
        "Training diverged in epoch 3",
        "Training ended in epoch 3",
    ]
    np.testing.assert_array_equal(state.theta, theta)
    np.testing.assert_array_equal(state.optimizer_state, optimizer_state)
    assert (state.t, state.n_iter, len(state.loss_curve), state.rate_factor) == (t, 2, 2, factor)
