"""What goes wrong on the way leaves an estimator as it was, to the last bit."""

import copy
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop._core.standardizer import MAX_CONSECUTIVE_REJECTIONS
from skbackprop._training.trainer import Trainer
from skbackprop.optimizers import Adam
from skbackprop.schedules import Schedule
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, data, theta


def snapshot(network):
    """All that a failed call must leave alone."""
    kept = {name: copy.deepcopy(value) for name, value in vars(network).items() if name.endswith("_")}
    state = dict(vars(network._state))
    state["rng"] = state["rng"].bit_generator.state
    state["standardizer"] = {k: v for k, v in vars(state["standardizer"]).items() if k != "_n_refused"}
    return kept | copy.deepcopy(state)


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_refused_fit_leaves_a_good_model_alone(estimator, solver, warm_start):
    X, y = data(estimator)
    network = estimator(6, solver=solver, warm_start=warm_start, **FEW).fit(X, y)
    before = snapshot(network)
    for bad_X, weight in ((X[:, :2], np.zeros(len(y))), (X, np.zeros(len(y))), (np.where(X > 2, np.nan, X), None)):
        with pytest.raises(ValueError, match=r"[Ss]ample.weight|NaN|features"):
            network.fit(bad_X, y, sample_weight=weight)
        np.testing.assert_equal(snapshot(network), before)
    network.predict(X)


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("damage", [1e6, 1e150, 1e300])
def test_damaged_rows_of_a_stream_are_not_learned_and_cost_nothing(estimator, solver, engine, damage):
    X, y = data(estimator)
    network = estimator(6, solver=solver, batch_size=40, engine=engine, **FEW).fit(X, y)
    before, prediction = snapshot(network), network.predict(X)
    for n_rows in (1, 10):
        with pytest.warns(ConvergenceWarning, match="These samples were not learned"):
            network.partial_fit(damage * X[:n_rows], y[:n_rows])
        np.testing.assert_equal(snapshot(network), before)
        np.testing.assert_array_equal(network.predict(X), prediction)
    network.partial_fit(X, y)


@ENGINES
@pytest.mark.parametrize("call", ["fit", "warm fit", "partial_fit"])
@pytest.mark.filterwarnings("ignore:The loss or the weights exploded:sklearn.exceptions.ConvergenceWarning")
def test_rows_that_overflow_unstandardised_are_not_learned(engine, call):
    X, y = data(BackpropRegressor)
    params = {"standardize": False, "engine": engine, **FEW}
    network = BackpropRegressor(6, **params).fit(X, y)
    before = theta(network).copy()
    network.set_params(warm_start=call == "warm fit")
    with pytest.warns(ConvergenceWarning, match="still exploded after the learning rate had been halved 20 times"):
        getattr(network, call.removeprefix("warm "))(1e300 * X, y)
    assert np.isfinite(theta(network)).all()
    if call != "fit":
        np.testing.assert_array_equal(theta(network), before)
        assert network.n_iter_ == 4


@BOTH
@EACH_SOLVER
@ENGINES
def test_a_rate_too_high_is_halved_and_said_once(estimator, solver, engine):
    X, y = data(estimator)
    params = {"solver": solver, "batch_size": 40, "engine": engine, "optimizer": "gd", "learning_rate": 1e4}
    network = estimator(6, **params, max_iter=40, tol=None, random_state=0)
    with pytest.warns(ConvergenceWarning) as warnings:
        network.fit(X, y)
    epoch = 2 if solver == "batch" else 1  # the loss is that before the update
    said = f"exploded in epoch {epoch} at learning rate 10000"
    assert sum(said in str(warning.message) for warning in warnings) == 1
    assert warnings[0].filename == __file__
    assert network.n_iter_ == 40
    assert network.learning_rate_ in 1e4 * 0.5 ** np.arange(1, 20)
    assert np.isfinite(theta(network)).all()
    learned = network.loss_curve_[-1] < network.loss_curve_[0]
    assert learned or any("learned next to nothing" in str(warning.message) for warning in warnings)


@BOTH
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_goes_back_to_the_last_whole_pass_and_an_error_to_the_beginning(estimator, error, monkeypatch):
    X, y = data(estimator)
    params = {"batch_size": 40, "learning_rate": 0.01, **(FEW | {"max_iter": 9})}
    expected = estimator(6, **(params | {"max_iter": 2})).fit(X, y)
    original, calls = Adam.step, []

    def step(self, *arguments):
        calls.append(1)
        if len(calls) == 10:  # the second of four updates in the third pass
            raise error
        original(self, *arguments)

    monkeypatch.setattr(Adam, "step", step)
    network = estimator(6, **params)
    with pytest.raises(error):
        network.fit(X, y)
    if error is MemoryError:
        assert not hasattr(network, "coefs_")
        return
    np.testing.assert_equal(snapshot(network), snapshot(expected))
    monkeypatch.undo()
    np.testing.assert_array_equal(theta(network.partial_fit(X, y)), theta(expected.partial_fit(X, y)))


@BOTH
@pytest.mark.parametrize("warm_start", [False, True])
def test_an_error_in_a_later_pass_leaves_a_fitted_estimator_as_it_was(estimator, warm_start, monkeypatch):
    X, y = data(estimator)
    network = estimator(6, warm_start=warm_start, **FEW).fit(X, y)
    before, original, calls = snapshot(network), Adam.step, []

    def step(self, *arguments):
        calls.append(1)
        if len(calls) == 30:
            raise MemoryError
        original(self, *arguments)

    monkeypatch.setattr(Adam, "step", step)
    with pytest.raises(MemoryError):
        network.fit(X, y)
    np.testing.assert_equal(snapshot(network), before)


class TestStreams:
    """What a call of `partial_fit` must not do to a good model, even if every number stays finite."""

    @pytest.fixture
    def fitted(self, rng):
        X = rng.normal(size=(300, 5))
        y = 2 * X[:, 0] + np.sin(X[:, 1]) + 0.1 * rng.normal(size=300)
        return BackpropRegressor(random_state=0).fit(X, y), X, y

    @pytest.mark.parametrize("learning_rate", [1.0, 1e3])
    def test_a_rate_too_high(self, fitted, learning_rate):
        network, X, y = fitted
        with pytest.warns(ConvergenceWarning, match="exploded in epoch 151 at learning rate"):
            network.set_params(learning_rate=learning_rate).partial_fit(X, y)
        assert network.score(X, y) > 0.5

    @pytest.mark.parametrize("damage", ["X in other units", "y in other units", "one cell"])
    def test_damaged_rows(self, fitted, damage):
        network, X, y = fitted
        before = network.score(X, y)
        rows, target = X[:20].copy(), y[:20]
        if damage == "one cell":
            rows[3, 2] = 1e6
        with pytest.warns(ConvergenceWarning, match="These samples were not learned"):
            network.partial_fit(rows * (1e3 if damage[0] == "X" else 1), target * (1e3 if damage[0] == "y" else 1))
        assert network.score(X, y) == before

    def test_rows_that_keep_coming_are_believed(self, rng):
        X = rng.normal(size=(1000, 3))
        X[:300, 1] = 7 + 1e-6 * X[:300, 1]
        y = X[:, 0] + X[:, 2]
        network, n_refused = BackpropRegressor((20,), random_state=0), 0
        for i in range(1000):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                network.partial_fit(X[i : i + 1], y[i : i + 1])
            n_refused += len(said)
        assert n_refused == MAX_CONSECUTIVE_REJECTIONS - 1
        assert network.score(X[300:], y[300:]) > 0.9

    def test_an_update_that_moves_little_is_not_looked_at(self, fitted, monkeypatch):
        network, X, y = fitted
        looked = []
        monkeypatch.setattr(Trainer, "_loss_of", lambda *arguments: looked.append(1) or 0.0)
        for i in range(5):
            network.partial_fit(X[i : i + 1], y[i : i + 1])
        assert not looked


@dataclass(frozen=True)
class Jump(Schedule):
    """A rate that is another at one update."""

    at: int = 99
    size: float = 1e4

    def rates(self, t, n_updates):
        return np.where(t == self.at, self.size, 0.03)


@pytest.mark.parametrize("size", [300.0, 1e4])
def test_the_last_update_is_looked_at_too(size):
    X, y = data(BackpropRegressor)
    params = {"solver": "batch", "optimizer": "gd", "max_iter": 100, "tol": None, "random_state": 0}
    steady = BackpropRegressor(20, learning_rate=0.03, **params).fit(X, y).score(X, y)
    with pytest.warns(ConvergenceWarning, match="exploded in epoch 100 at learning rate"):
        network = BackpropRegressor(20, learning_rate=Jump(size=size), **params).fit(X, y)
    assert network.n_iter_ == 100
    assert network.score(X, y) > steady - 0.1


def test_held_out_scores_of_a_pass_undone_are_forgotten():
    X, y = data(BackpropRegressor)
    params = {"optimizer": "momentum", "alpha": 0.0, "batch_size": 20, "max_iter": 12, "tol": None, "random_state": 0}
    network = BackpropRegressor(learning_rate=Jump(at=40, size=1e8), early_stopping=True, **params)
    with pytest.warns(ConvergenceWarning, match="exploded"):
        network.fit(X, y)
    scores = network.validation_scores_
    assert len(scores) == network.n_iter_ == len(network.loss_curve_)
    assert network.best_iter_ == np.argmax(scores) + 1
    held_out = -network.validation_loss_curve_[network.best_iter_ - 1]
    assert held_out == max(scores)


def test_scores_that_are_no_numbers_are_said():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, scoring=lambda estimator, X, y: np.nan, early_stopping=True, **FEW)
    with pytest.warns(ConvergenceWarning, match="No score of the held-out rows was a number"):
        network.fit(X, y)
    assert network.best_iter_ == network.n_iter_ == 4


@pytest.mark.filterwarnings("error::RuntimeWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_numpy_says_nothing_beside_the_message():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, **FEW).fit(X, y)
    network.partial_fit(X * 1e300, y).partial_fit(X[:1] * 1e300, y[:1]).partial_fit(X[:1] * 1e300, y[:1])
    network.predict(X * 1e200)
    with pytest.raises(ValueError, match="overflows"):
        network.fit(X * 1e200, y)
