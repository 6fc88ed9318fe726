"""What goes wrong on the way leaves an estimator as it was, to the last bit."""

import copy

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop.optimizers import Adam
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, data, theta


def snapshot(network):
    """All that a failed call must leave alone."""
    kept = {name: copy.deepcopy(value) for name, value in vars(network).items() if name.endswith("_")}
    state = dict(vars(network._state))
    state["rng"] = state["rng"].bit_generator.state
    state["standardizer"] = vars(state["standardizer"])
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
        with pytest.warns(ConvergenceWarning, match="These rows were not learned"):
            network.partial_fit(damage * X[:n_rows], y[:n_rows])
        np.testing.assert_equal(snapshot(network), before)
        np.testing.assert_array_equal(network.predict(X), prediction)
    network.partial_fit(X, y)


@ENGINES
@pytest.mark.parametrize("call", ["fit", "warm fit", "partial_fit"])
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


def test_a_memory_mapped_estimator_can_go_on(tmp_path):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, **FEW).fit(X, y)
    joblib.dump(network, tmp_path / "network.joblib")
    mapped = joblib.load(tmp_path / "network.joblib", mmap_mode="r")
    np.testing.assert_array_equal(theta(mapped.partial_fit(X, y)), theta(network.partial_fit(X, y)))
