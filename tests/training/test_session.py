"""A trainer's decisions, by an engine whose passes have the losses and weights that a test wants."""

import math
from dataclasses import replace

import numpy as np
import pytest

from skbackprop._core.network import Network
from skbackprop._core.objective import Objective
from skbackprop._core.standardizer import Standardizer
from skbackprop._training.observers import TrainingObserver
from skbackprop._training.state import TrainingConfig, TrainingState
from skbackprop._training.stopping import Patience, Watch
from skbackprop._training.trainer import Trainer
from skbackprop.losses import LOSSES
from skbackprop.optimizers import GD
from skbackprop.schedules import Constant

NETWORK = Network((1, 1), ())
RECIPE = TrainingConfig(Objective(NETWORK, LOSSES["squared_error", "identity"]), GD(), Constant(0.5), None, True, 10)
#: For weights (w, b) the loss is (w - 1)^2 + b^2 on these rows, and that of a constant prediction is 1.
ROWS = np.array([[-1.0], [1.0]])


class Script:
    """An engine whose passes end with these losses and weights w; the intercept is 0."""

    def __init__(self, *passes):
        self._passes = iter(passes)
        self.seen = []  # weight, pass and rate factor before each pass
        self.drawn = []  # a number drawn in each pass

    def Room(self, *arguments):
        return None

    def train_epoch(self, config, state, room, X, y, sample_weight):
        self.seen.append((state.theta[0], state.n_iter, state.rate_factor))
        self.drawn.append(state.rng.random())
        state.t += 1
        state.learning_rate = 0.5 * state.rate_factor
        loss, state.theta[0] = next(self._passes)
        return loss


def new_state(w=1.0, **attributes):
    return TrainingState(np.array([w, 0.0]), np.zeros((0, 2)), np.random.default_rng(0), **attributes)


def train(state, *passes, n_epochs=1, y=ROWS, watch="fit", weighted=False):
    """Train by the script, if weighted with a row that counts for nothing; return its engine and the result."""
    engine, X, weight = Script(*passes), ROWS, None
    if weighted:
        X, y, weight = np.append(X, [[9.0]], axis=0), np.append(y, [[800.0]], axis=0), np.array([1.0, 1.0, 0.0])
    trainer = Trainer(engine, RECIPE, state, X, y, weight)
    watch = Watch(Patience(None, 1)) if watch == "fit" else watch
    return engine, trainer.train(X, y, weight, n_epochs, watch)


WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])


@WEIGHTED
@pytest.mark.parametrize(("w", "limit"), [(1.0, 10.0), (2.0, 10.0), (3.0, 40.0)])
def test_a_pass_explodes_at_ten_times_the_loss_of_a_constant_and_of_the_first_weights(w, limit, weighted):
    state = new_state(w)
    assert train(state, (0.99 * limit, 1.5), weighted=weighted)[1].n_backoffs == 0
    assert state.loss_curve == [0.99 * limit]
    state = new_state(w)
    engine, result = train(state, (1.01 * limit, 7.0), (0.5, 1.0), weighted=weighted)
    assert result.n_backoffs == 1
    assert engine.seen == [(w, 0, 1.0), (w, 0, 0.5)]
    assert state.loss_curve == [0.5]


@pytest.mark.parametrize(("loss", "w"), [(math.nan, 1.0), (math.inf, 1.0), (0.5, math.inf), (0.5, math.nan)])
def test_what_is_not_finite_explodes_in_a_stream_too(loss, w):
    state = new_state()
    result = train(state, (loss, w), (0.5, 1.0), watch=None)[1]
    assert (result.n_backoffs, state.loss_curve, state.theta[0]) == (1, [0.5], 1.0)


def test_training_goes_back_two_passes_and_halves_the_rate():
    state = new_state()
    passes = [(0.9, 1.1), (0.8, 1.2), (0.7, 1.3), (99.0, 9.0), (99.0, 9.0), (0.6, 1.4), (0.5, 1.5), (99.0, 9.0)]
    engine, result = train(state, *passes, (0.4, 1.6), (0.3, 1.7), n_epochs=4)
    assert engine.seen == [
        *((1.0, 0, 1.0), (1.1, 1, 1.0), (1.2, 2, 1.0), (1.3, 3, 1.0)),
        *((1.2, 2, 0.5), (1.2, 2, 0.25), (1.4, 3, 0.25)),
        # four passes are made, and the last of them looked at
    ]
    assert state.loss_curve == [0.9, 0.8, 0.6, 0.5]
    assert (state.n_iter, state.best_iter, state.t, state.rate_factor) == (4, 4, 4, 0.25)
    assert (result.n_backoffs, result.diverged, result.stopped) == (2, False, False)
    assert len(result.messages) == 1
    assert result.messages[0].startswith("The loss or the weights exploded in epoch 4 at learning rate 0.5: ")


@pytest.mark.parametrize("n_sound", [2, 3])
def test_the_generator_goes_back_with_the_weights(n_sound):
    shuffled = replace(RECIPE, batch_size=1)
    engine = Script(*[(0.5, 1.0)] * n_sound, (99.0, 9.0), *[(0.5, 1.0)] * 2)
    trainer = Trainer(engine, shuffled, new_state(), ROWS, ROWS, None)
    trainer.train(ROWS, ROWS, None, n_sound + 1, Watch(Patience(None, 1)))
    assert engine.drawn[n_sound + 1 :] == engine.drawn[n_sound - 1 : n_sound + 1]
    assert len(set(engine.drawn)) == n_sound + 1


class Ear(TrainingObserver):
    """Notes each pass that it hears of."""

    def __init__(self):
        self.heard = []

    def on_epoch_begin(self, state):
        self.heard.append(("before", state.n_iter))

    def on_epoch_end(self, state):
        self.heard.append((state.n_iter, state.loss_curve[-1], state.theta[0]))
        return False


def test_each_sound_pass_is_told_of():
    state, ear = new_state(), Ear()
    trainer = Trainer(Script((0.9, 1.1), (99.0, 9.0), (0.8, 1.2), (0.7, 1.3)), RECIPE, state, ROWS, ROWS, None)
    trainer.train(ROWS, ROWS, None, 2, Watch(Patience(None, 1)), ear)
    assert ear.heard == [
        ("before", 0),
        (1, 0.9, 1.1),
        ("before", 1),  # the pass that explodes, and then both once more
        ("before", 0),
        (1, 0.8, 1.2),
        ("before", 1),
        (2, 0.7, 1.3),
    ]


def test_a_later_explosion_goes_back_before_the_sound_passes_since():
    state = new_state()
    passes = [(0.9, 1.1), (99.0, 9.0), (0.8, 1.2), (0.7, 1.3), (99.0, 9.0), (0.6, 1.4), (0.5, 1.5)]
    engine, result = train(state, *passes, n_epochs=3)
    assert engine.seen == [
        *((1.0, 0, 1.0), (1.1, 1, 1.0), (1.0, 0, 0.5), (1.2, 1, 0.5), (1.3, 2, 0.5), (1.2, 1, 0.25), (1.4, 2, 0.25))
    ]
    assert result.n_backoffs == 2
    assert result.messages[0].startswith("The loss or the weights exploded in epoch 2 at learning rate 0.5: ")


@pytest.mark.parametrize("watch", ["fit", None])
def test_after_twenty_halvings_training_ends_with_the_rate_it_had(watch):
    state = new_state(rate_factor=0.25)
    engine, result = train(state, *[(math.inf, 9.0)] * 30, watch=watch)
    assert [factor for _, _, factor in engine.seen] == [0.25 * 0.5**k for k in range(21)]
    assert (result.n_backoffs, result.diverged, state.rate_factor, state.theta[0]) == (20, True, 0.25, 1.0)
    assert result.messages[1].startswith("Training ended in epoch 1: the loss or the weights still exploded")
    assert "halved 20 times" in result.messages[1]
    assert len(result.messages) == 2  # and not that nothing was learned


@pytest.mark.parametrize(
    ("watch", "n_explosions", "n_seen"), [("fit", 1, 2), ("fit", 30, 2), (None, 1, 2), (None, 30, 0)]
)
def test_rows_of_a_pass_undone_stay_seen_unless_a_stream_gives_up_on_them(watch, n_explosions, n_seen):
    state = new_state(standardizer=standardizer())
    train(state, *[(math.inf, 9.0)] * n_explosions, (0.5, 1.0), watch=watch)
    assert state.n_rows == state.standardizer.n_rows == n_seen
    assert state.mean_weight == (1.0 if n_seen else 0.0)


@pytest.mark.parametrize(
    ("loss", "y", "largest"),
    [
        (0.5, ROWS, 1.5),  # three times the loss of the pass
        (0.0, ROWS, 0.03),  # or of a hundredth of a constant prediction's
        (0.0, 0 * ROWS, 3e-10),  # or of what is told from 0
    ],
)
@pytest.mark.parametrize("n_epochs", [1, 2])
@WEIGHTED
def test_the_last_updates_may_raise_the_loss_threefold(loss, y, largest, n_epochs, weighted):
    optimum, kinds = y[1, 0], {"n_epochs": n_epochs, "y": y, "weighted": weighted}
    sound = [(loss, optimum)] * (n_epochs - 1)
    state = new_state(optimum)
    assert train(state, *sound, (loss, optimum + math.sqrt(0.99 * largest)), **kinds)[1].n_backoffs == 0
    state = new_state(optimum)
    passes = [*sound, (loss, optimum + math.sqrt(1.01 * largest)), *[(loss, optimum)] * 2]
    result = train(state, *passes, **kinds)[1]
    assert result.n_backoffs == 1
    assert result.messages[0].startswith(f"The loss or the weights exploded in epoch {n_epochs} at learning rate 0.5:")
    assert (state.n_iter, state.theta[0]) == (n_epochs, optimum)


def standardizer():
    """Of rows that are standardised already."""
    return Standardizer(1, "spread", 1, True, np.dtype(float))


class TestLastUpdateOfAStream:
    """One that moves the weights by more than a tenth may make the loss of its rows three times larger."""

    @pytest.mark.parametrize(("w", "n_backoffs"), [(1.11, 0), (1.12, 1)])
    def test_is_looked_at_where_it_moved_the_weights_by_more_than_a_tenth(self, w, n_backoffs):
        result = train(new_state(), (0.0, w), (0.0, 1.0), watch=None)[1]
        assert result.n_backoffs == n_backoffs

    @pytest.mark.parametrize(
        ("curve", "largest"),
        [
            ([], 3 * 0.04),  # of the weights before
            ([0.39], 3 * 0.04),
            ([2.0], 3 * 0.2),  # of a tenth of the usual, if these rows happened to fit
            ([5.0, 2.0, 1.0], 3 * 0.5),
            ([5.0, *[2.0] * 99], 3 * 0.5),
            ([5.0, *[2.0] * 100], 3 * 0.2),  # a hundred passes are usual
        ],
    )
    @WEIGHTED
    def test_is_measured_by_the_loss_before_and_the_usual(self, curve, largest, weighted):
        for share, n_backoffs in ((0.99, 0), (1.01, 1)):
            state = new_state(0.8, loss_curve=list(curve), n_iter=len(curve))
            passes = (0.04, 1 + math.sqrt(share * largest)), (0.04, 0.8)
            result = train(state, *passes, watch=None, weighted=weighted)[1]
            assert result.n_backoffs == n_backoffs
            assert len(state.loss_curve) == len(curve) + 1

    @pytest.mark.parametrize(("w", "largest"), [(1.0, 3 * 0.1), (0.0, 3 * 1.0)])
    def test_the_usual_of_standardised_rows_is_one(self, w, largest):
        for share, n_backoffs in ((0.99, 0), (1.01, 1)):
            state = new_state(w, loss_curve=[100.0], standardizer=standardizer())
            result = train(state, (0.0, 1 + math.sqrt(share * largest)), (0.0, w), watch=None)[1]
            assert result.n_backoffs == n_backoffs


@pytest.mark.parametrize(
    ("loss", "y", "said"),
    [(0.995, ROWS, True), (0.985, ROWS, False), (1.04e-10, 1.02e-5 * ROWS, True), (1e-10, 0.98e-5 * ROWS, False)],
)
def test_a_loss_above_99_hundredths_of_a_constant_is_nothing_learned(loss, y, said):
    messages = train(new_state(y[1, 0]), (loss, y[1, 0]), y=y)[1].messages
    assert [message[:44] for message in messages] == ["The network has learned next to nothing: its"] * said


@pytest.mark.parametrize(("n_rows", "step"), [(999, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_weights_is_taken_on_up_to_a_thousand_rows(n_rows, step, weighted, rng):
    X, y = rng.normal(size=(2, n_rows, 1))
    weight = rng.uniform(size=n_rows) if weighted else None
    trainer = Trainer(Script(), RECIPE, new_state(), X, y, weight)
    expected = np.average(((0.7 * X - y)[::step, 0]) ** 2, weights=weight[::step] if weighted else None)
    assert trainer._loss_of(np.array([0.7, 0.0]), X, y, weight) == pytest.approx(expected, rel=1e-12)


def test_rows_taken_for_the_loss_that_weigh_nothing_weigh_the_same():
    X = y = np.ones((2000, 1))
    weight = np.tile([0.0, 1.0], 1000)
    trainer = Trainer(Script(), RECIPE, new_state(), X, y, weight)
    assert trainer._loss_of(np.array([0.7, 0.0]), X, y, weight) == pytest.approx(0.09)


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_loss_that_overflows_is_infinite():
    trainer = Trainer(Script(), RECIPE, new_state(), ROWS, ROWS, None)
    assert trainer._loss_of(np.array([1e200, 0.0]), ROWS, ROWS, None) == math.inf
    assert trainer._loss_of(np.array([math.nan, 0.0]), ROWS, ROWS, None) == math.inf
