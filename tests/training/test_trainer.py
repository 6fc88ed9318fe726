"""The decisions of both trainers, with an engine whose epochs have the losses and weights that a test asks for."""

import math
from dataclasses import replace

import numpy as np
import pytest

from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective
from skbackprop._core.standardizer import Standardizer
from skbackprop._training.config import TrainingConfig
from skbackprop._training.epoch import EpochResult
from skbackprop._training.observers import TrainingObserver
from skbackprop._training.state import TrainingState
from skbackprop._training.stopping import EarlyStopper, Patience
from skbackprop._training.trainer import FitTrainer, StreamTrainer
from skbackprop.losses import LOSSES
from skbackprop.losses._target_scaling import StandardScaling
from skbackprop.optimizers import GD
from skbackprop.schedules import Constant

NETWORK = Network((1, 1), ())
CONFIG = TrainingConfig(Objective(NETWORK, LOSSES["squared_error", "identity"]), GD(), Constant(0.5), None, True, 10)
#: For weights (w, b) the loss on these samples is (w - 1)^2 + b^2, and that of a constant prediction is 1.
SAMPLES = np.array([[-1.0], [1.0]])

BOTH_TRAINERS = pytest.mark.parametrize("trainer", ["fit", "stream"])
WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])


class ScriptedEngine:
    """An engine whose epochs have these mean losses and end with these weights w; the intercept is 0."""

    name = "scripted"

    fallback = None

    def __init__(self, *epochs):
        self._epochs = iter(epochs)
        self.starts = []  # weight, number of the epoch and rate factor before each epoch
        self.plans = []

    def make_buffers(self, config, state, data):
        return None

    def run_epoch(self, plan, data, state, buffers):
        self.starts.append((state.theta[0], state.n_iter, state.rate_factor))
        self.plans.append(plan)
        loss, state.theta[0] = next(self._epochs)
        return EpochResult(loss * data.total_weight, 1)


def new_state(w=1.0, **attributes):
    return TrainingState(np.array([w, 0.0]), np.zeros((0, 2)), np.random.default_rng(0), **attributes)


def new_standardizer():
    """Return a standardizer that does not change `SAMPLES`."""
    return Standardizer(1, 1, StandardScaling(), True, np.dtype(float))


def new_stopper():
    return EarlyStopper(Patience(math.inf))


def train(state, *epochs, trainer="fit", n_epochs=1, y=SAMPLES, weighted=False, observer=None):
    """Train with a scripted engine, and if weighted with a sample of weight zero; return the engine and the result."""
    engine, data = ScriptedEngine(*epochs), Dataset(SAMPLES, y)
    if weighted:
        X, y = np.append(SAMPLES, [[9.0]], axis=0), np.append(y, [[800.0]], axis=0)
        data = Dataset(X, y, np.array([1.0, 1.0, 0.0]))
    if trainer == "fit":
        return engine, FitTrainer(engine, CONFIG, state, data).fit(n_epochs, new_stopper(), observer)
    return engine, StreamTrainer(engine, CONFIG, state, data).update(data, observer)


@WEIGHTED
@pytest.mark.parametrize(("w", "limit"), [(1.0, 10.0), (2.0, 10.0), (3.0, 40.0)])
def test_epoch_diverges_at_ten_times_the_loss_of_a_constant_and_of_the_initial_weights(w, limit, weighted):
    state = new_state(w)
    assert train(state, (0.99 * limit, 1.5), weighted=weighted)[1].n_backoffs == 0
    assert state.loss_curve == [0.99 * limit]
    state = new_state(w)
    engine, result = train(state, (1.01 * limit, 7.0), (0.5, 1.0), weighted=weighted)
    assert result.n_backoffs == 1
    assert engine.starts == [(w, 0, 1.0), (w, 0, 0.5)]
    assert state.loss_curve == [0.5]


@BOTH_TRAINERS
@pytest.mark.parametrize(("loss", "w"), [(math.nan, 1.0), (math.inf, 1.0), (0.5, math.inf), (0.5, math.nan)])
def test_loss_or_weights_that_are_not_finite_are_divergence(loss, w, trainer):
    state = new_state()
    result = train(state, (loss, w), (0.5, 1.0), trainer=trainer)[1]
    assert (result.n_backoffs, state.loss_curve, state.theta[0]) == (1, [0.5], 1.0)


def test_divergence_rolls_back_two_epochs_and_halves_the_learning_rate():
    state = new_state()
    epochs = [(0.9, 1.1), (0.8, 1.2), (0.7, 1.3), (99.0, 9.0), (99.0, 9.0), (0.6, 1.4), (0.5, 1.5)]
    engine, result = train(state, *epochs, n_epochs=4)
    assert engine.starts == [
        (1.0, 0, 1.0),
        (1.1, 1, 1.0),
        (1.2, 2, 1.0),
        (1.3, 3, 1.0),
        (1.2, 2, 0.5),
        (1.2, 2, 0.25),
        (1.4, 3, 0.25),
    ]
    assert state.loss_curve == [0.9, 0.8, 0.6, 0.5]
    assert (state.n_iter, state.best_iter, state.t, state.rate_factor) == (4, 4, 4, 0.25)
    assert state.learning_rate == 0.5 * 0.25
    assert (result.n_backoffs, result.diverged, result.stopped) == (2, False, False)
    assert len(result.messages) == 1
    assert result.messages[0].startswith("Training diverged in epoch 4 at learning rate 0.5: ")


@pytest.mark.parametrize("n_valid", [2, 3])
def test_random_generator_is_rolled_back_with_the_weights(n_valid):
    config = replace(CONFIG, batch_size=1)
    data = Dataset(np.tile(SAMPLES, (20, 1)), np.tile(SAMPLES, (20, 1)))
    engine = ScriptedEngine(*[(0.5, 1.0)] * n_valid, (99.0, 9.0), *[(0.5, 1.0)] * 2)
    FitTrainer(engine, config, new_state(), data).fit(n_valid + 1, new_stopper())
    orders = [tuple(plan.order) for plan in engine.plans]
    assert orders[n_valid + 1 :] == orders[n_valid - 1 : n_valid + 1]
    assert len(set(orders)) == n_valid + 1


class Recorder(TrainingObserver):
    """Records each call, and asks to stop after a number of epochs."""

    def __init__(self, stop_after=math.inf):
        self.calls = []
        self.stop_after = stop_after

    def on_epoch_begin(self, state):
        self.calls.append(("begin", state.n_iter))

    def on_epoch_end(self, state):
        self.calls.append((state.n_iter, state.loss_curve[-1], state.theta[0]))
        return state.n_iter >= self.stop_after


def test_observer_is_called_after_valid_epochs_only():
    recorder = Recorder()
    train(new_state(), (0.9, 1.1), (99.0, 9.0), (0.8, 1.2), (0.7, 1.3), n_epochs=2, observer=recorder)
    assert recorder.calls == [
        ("begin", 0),
        (1, 0.9, 1.1),
        ("begin", 1),  # this epoch diverges, and both are repeated
        ("begin", 0),
        (1, 0.8, 1.2),
        ("begin", 1),
        (2, 0.7, 1.3),
    ]


def test_observer_may_stop_the_training():
    engine, result = train(new_state(), *[(0.5, 1.0)] * 9, n_epochs=9, observer=Recorder(stop_after=3))
    assert result.stopped
    assert len(engine.starts) == 3


def test_stopper_that_has_ended_before_makes_no_epoch():
    stopper = EarlyStopper(Patience(2))
    stopper.patience.count = 2
    engine, state = ScriptedEngine(), new_state()
    result = FitTrainer(engine, CONFIG, state, Dataset(SAMPLES, SAMPLES)).fit(5, stopper)
    assert (result.stopped, engine.starts, state.n_iter) == (True, [], 0)


def test_later_divergence_rolls_back_behind_the_valid_epochs_since():
    epochs = [(0.9, 1.1), (99.0, 9.0), (0.8, 1.2), (0.7, 1.3), (99.0, 9.0), (0.6, 1.4), (0.5, 1.5)]
    engine, result = train(new_state(), *epochs, n_epochs=3)
    assert engine.starts == [
        (1.0, 0, 1.0),
        (1.1, 1, 1.0),
        (1.0, 0, 0.5),
        (1.2, 1, 0.5),
        (1.3, 2, 0.5),
        (1.2, 1, 0.25),
        (1.4, 2, 0.25),
    ]
    assert result.n_backoffs == 2
    assert result.messages[0].startswith("Training diverged in epoch 2 at learning rate 0.5: ")


@BOTH_TRAINERS
def test_after_twenty_backoffs_training_ends_with_the_initial_learning_rate(trainer):
    state = new_state(rate_factor=0.25)
    engine, result = train(state, *[(math.inf, 9.0)] * 30, trainer=trainer)
    assert [factor for _, _, factor in engine.starts] == [0.25 * 0.5**k for k in range(21)]
    assert (result.n_backoffs, result.diverged, state.rate_factor, state.theta[0]) == (20, True, 0.25, 1.0)
    assert result.messages[1].startswith("Training ended in epoch 1: it still diverged")
    assert "halved 20 times" in result.messages[1]
    assert len(result.messages) == 2  # and no message that the model is no better than a constant


@pytest.mark.parametrize(
    ("trainer", "n_divergences", "n_samples"), [("fit", 1, 2), ("fit", 30, 2), ("stream", 1, 2), ("stream", 30, 0)]
)
def test_moments_are_kept_after_a_rollback_unless_a_stream_cannot_learn_the_samples(trainer, n_divergences, n_samples):
    state = new_state(standardizer=new_standardizer())
    train(state, *[(math.inf, 9.0)] * n_divergences, (0.5, 1.0), trainer=trainer)
    assert state.n_samples == state.standardizer.n_samples == n_samples
    assert state.mean_weight == (1.0 if n_samples else 0.0)


@pytest.mark.parametrize(
    ("loss", "y", "largest"),
    [
        (0.5, SAMPLES, 1.5),  # three times the loss of the epoch
        (0.0, SAMPLES, 0.03),  # or a hundredth of that of a constant prediction
        (0.0, 0 * SAMPLES, 3e-10),  # or a negligible loss
    ],
)
@pytest.mark.parametrize("n_epochs", [1, 2])
@WEIGHTED
def test_last_updates_of_a_fit_may_triple_the_loss(loss, y, largest, n_epochs, weighted):
    optimum = y[1, 0]
    valid = [(loss, optimum)] * (n_epochs - 1)
    state = new_state(optimum)
    last = (loss, optimum + math.sqrt(0.99 * largest))
    assert train(state, *valid, last, n_epochs=n_epochs, y=y, weighted=weighted)[1].n_backoffs == 0
    state = new_state(optimum)
    epochs = [*valid, (loss, optimum + math.sqrt(1.01 * largest)), *[(loss, optimum)] * 2]
    result = train(state, *epochs, n_epochs=n_epochs, y=y, weighted=weighted)[1]
    assert result.n_backoffs == 1
    assert result.messages[0].startswith(f"Training diverged in epoch {n_epochs} at learning rate 0.5:")
    assert (state.n_iter, state.theta[0]) == (n_epochs, optimum)


class TestLastUpdateOfAStream:
    """An update that changes the weights by more than a tenth may triple the loss of its samples."""

    @pytest.mark.parametrize(("w", "n_backoffs"), [(1.11, 0), (1.12, 1)])
    def test_is_checked_if_it_changed_the_weights_by_more_than_a_tenth(self, w, n_backoffs):
        result = train(new_state(), (0.0, w), (0.0, 1.0), trainer="stream")[1]
        assert result.n_backoffs == n_backoffs

    @pytest.mark.parametrize(
        ("curve", "largest"),
        [
            ([], 3 * 0.04),  # the loss of the weights before
            ([0.39], 3 * 0.04),
            ([2.0], 3 * 0.2),  # a tenth of the usual loss, if these samples happened to fit
            ([5.0, 2.0, 1.0], 3 * 0.5),
            ([5.0, *[2.0] * 99], 3 * 0.5),
            ([5.0, *[2.0] * 100], 3 * 0.2),  # the last hundred epochs are usual
        ],
    )
    @WEIGHTED
    def test_is_compared_with_the_loss_before_and_the_usual_loss(self, curve, largest, weighted):
        for factor, n_backoffs in ((0.99, 0), (1.01, 1)):
            state = new_state(0.8, loss_curve=list(curve), n_iter=len(curve))
            epochs = (0.04, 1 + math.sqrt(factor * largest)), (0.04, 0.8)
            result = train(state, *epochs, trainer="stream", weighted=weighted)[1]
            assert result.n_backoffs == n_backoffs
            assert len(state.loss_curve) == len(curve) + 1

    @pytest.mark.parametrize(("w", "largest"), [(1.0, 3 * 0.1), (0.0, 3 * 1.0)])
    def test_usual_loss_of_standardized_samples_is_one(self, w, largest):
        for factor, n_backoffs in ((0.99, 0), (1.01, 1)):
            state = new_state(w, loss_curve=[100.0], standardizer=new_standardizer())
            result = train(state, (0.0, 1 + math.sqrt(factor * largest)), (0.0, w), trainer="stream")[1]
            assert result.n_backoffs == n_backoffs


@pytest.mark.parametrize(
    ("loss", "y", "has_message"),
    [
        (0.995, SAMPLES, True),
        (0.985, SAMPLES, False),
        (1.04e-10, 1.02e-5 * SAMPLES, True),
        (1e-10, 0.98e-5 * SAMPLES, False),
    ],
)
def test_loss_above_99_percent_of_that_of_a_constant_gives_a_message(loss, y, has_message):
    messages = train(new_state(y[1, 0]), (loss, y[1, 0]), y=y)[1].messages
    expected = "The model is no better than a constant prediction (training loss"
    assert [message[: len(expected)] for message in messages] == [expected] * has_message


@pytest.mark.parametrize(("n_samples", "step"), [(999, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3)])
@WEIGHTED
def test_loss_of_weights_is_evaluated_on_up_to_a_thousand_samples(n_samples, step, weighted, rng):
    X, y = rng.normal(size=(2, n_samples, 1))
    weight = rng.uniform(size=n_samples) if weighted else None
    trainer = FitTrainer(ScriptedEngine(), CONFIG, new_state(), Dataset(X, y, weight))
    expected = np.average(((0.7 * X - y)[::step, 0]) ** 2, weights=weight[::step] if weighted else None)
    assert trainer._loss_of(np.array([0.7, 0.0])) == pytest.approx(expected, rel=1e-12)


def test_loss_of_weights_is_unweighted_if_all_evaluated_samples_have_weight_zero():
    data = Dataset(np.ones((2000, 1)), np.ones((2000, 1)), np.tile([0.0, 1.0], 1000))
    trainer = FitTrainer(ScriptedEngine(), CONFIG, new_state(), data)
    assert trainer._loss_of(np.array([0.7, 0.0])) == pytest.approx(0.09)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("w", [1e200, math.nan])
def test_loss_of_weights_that_overflows_is_infinite(w):
    trainer = FitTrainer(ScriptedEngine(), CONFIG, new_state(), Dataset(SAMPLES, SAMPLES))
    assert trainer._loss_of(np.array([w, 0.0])) == math.inf


@BOTH_TRAINERS
def test_error_in_an_epoch_restores_the_state(trainer):
    class FailingEngine(ScriptedEngine):
        def run_epoch(self, plan, data, state, buffers):
            state.theta[0] = 7.0
            raise MemoryError

    state, data = new_state(standardizer=new_standardizer()), Dataset(SAMPLES, SAMPLES)
    kind = FitTrainer if trainer == "fit" else StreamTrainer
    made = kind(FailingEngine(), CONFIG, state, data)
    with pytest.raises(MemoryError):
        made.fit(1, new_stopper()) if trainer == "fit" else made.update(data)
    assert (state.theta[0], state.n_iter, state.n_samples, state.standardizer.n_samples) == (1.0, 0, 0, 0)


def test_trainer_of_a_stream_keeps_no_samples():
    trainer = StreamTrainer(ScriptedEngine((0.5, 1.0)), CONFIG, new_state(), Dataset(SAMPLES, SAMPLES))
    trainer.update(Dataset(SAMPLES, SAMPLES))
    assert trainer._data.n_samples == 0
