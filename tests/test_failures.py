"""What goes wrong on the way leaves an estimator as it was, to the last bit."""

import copy

import joblib
import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop.optimizers import Adam
from tests.shared import BOTH, EACH_SOLVER, FEW, data, theta


def snapshot(network):
    """All that a failed call must leave alone."""
    kept = {name: copy.deepcopy(value) for name, value in vars(network).items() if name.endswith("_")}
    state = dict(vars(network._state))
    state["rng"] = state["rng"].bit_generator.state
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
@pytest.mark.parametrize("call", ["fit", "warm fit", "partial_fit"])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_overflow_in_the_first_pass_leaves_a_good_model_alone(estimator, solver, call, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    X, y = data(estimator)
    network = estimator(6, solver=solver, batch_size=40, engine=engine, **FEW).fit(X, y)
    before, prediction = snapshot(network), network.predict(X)
    network.set_params(optimizer="gd", learning_rate=1e200, warm_start=call == "warm fit")
    with pytest.raises(ValueError, match="overflowed"):
        getattr(network, call.removeprefix("warm "))(1e150 * X, y, sample_weight=np.arange(len(y)) + 1.0)
    np.testing.assert_equal(snapshot(network), before)
    np.testing.assert_array_equal(network.predict(X), prediction)


@BOTH
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_in_the_middle_of_a_pass_goes_back_to_the_last_whole_one(estimator, error, monkeypatch):
    X, y = data(estimator)
    params = {"batch_size": 40, **(FEW | {"max_iter": 9})}
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
    np.testing.assert_equal(snapshot(network), snapshot(expected))
    monkeypatch.undo()
    np.testing.assert_array_equal(theta(network.partial_fit(X, y)), theta(expected.partial_fit(X, y)))


def test_a_memory_mapped_estimator_can_go_on(tmp_path):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, **FEW).fit(X, y)
    joblib.dump(network, tmp_path / "network.joblib")
    mapped = joblib.load(tmp_path / "network.joblib", mmap_mode="r")
    np.testing.assert_array_equal(theta(mapped.partial_fit(X, y)), theta(network.partial_fit(X, y)))
