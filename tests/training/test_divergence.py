"""Divergence: training goes back to valid weights, halves the learning rate and warns, in a fit and in a stream."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop._training.trainer import Trainer
from skbackprop.exceptions import DataWarning
from skbackprop.losses import SquaredError
from skbackprop.schedules import Schedule
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, data, theta, with_solver

LBFGS = {"solver": "batch", "optimizer": "lbfgs"}


@BOTH
@EACH_SOLVER
@ENGINES
def test_learning_rate_that_is_too_high_is_halved_with_one_warning(estimator, solver, engine):
    X, y = data(estimator)
    params = {**with_solver(solver, 40), "engine": engine, "optimizer": "gd", "learning_rate": 1e4}
    network = estimator(6, **params, max_iter=40, tol=None, random_state=0)
    with pytest.warns(ConvergenceWarning) as warnings:
        network.fit(X, y)
    epoch = 2 if solver == "batch" else 1  # the loss is that before the update
    message = f"Training diverged in epoch {epoch} at learning rate 10000"
    assert sum(message in str(warning.message) for warning in warnings) == 1
    assert warnings[0].filename == __file__
    assert network.n_iter_ == 40
    assert network.learning_rate_ in 1e4 * 0.5 ** np.arange(1, 20)
    assert np.isfinite(theta(network)).all()
    learned = network.loss_curve_[-1] < network.loss_curve_[0]
    assert learned or any("no better than a constant" in str(warning.message) for warning in warnings)


@ENGINES
@pytest.mark.parametrize("call", ["fit", "warm fit", "partial_fit"])
@pytest.mark.filterwarnings("ignore:Training diverged:sklearn.exceptions.ConvergenceWarning")
def test_unstandardized_samples_that_always_overflow_leave_valid_weights(engine, call):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, standardize=False, engine=engine, **FEW).fit(X, y)
    before = theta(network).copy()
    network.set_params(warm_start=call == "warm fit")
    with pytest.warns(ConvergenceWarning, match="still diverged after the learning rate had been halved 20 times"):
        getattr(network, call.removeprefix("warm "))(1e300 * X, y)
    assert np.isfinite(theta(network)).all()
    if call != "fit":
        np.testing.assert_array_equal(theta(network), before)
        assert network.n_iter_ == 4


@BOTH
def test_warnings_name_the_line_that_called_the_estimator(estimator):
    X, y = data(estimator)
    network = estimator(6, learning_rate=1e6, optimizer="gd", **FEW)
    with pytest.warns(ConvergenceWarning) as of_fit:
        network.fit(X, y)
    with pytest.warns(DataWarning) as of_partial_fit:
        network.partial_fit(1e6 * X[:3], y[:3])
    assert {warning.filename for warning in [*of_fit, *of_partial_fit]} == {__file__}


@pytest.mark.parametrize("learning_rate", [1.0, 1e3])
def test_learning_rate_that_is_too_high_for_a_stream_does_not_spoil_the_model(rng, learning_rate):
    X = rng.normal(size=(300, 5))
    y = 2 * X[:, 0] + np.sin(X[:, 1]) + 0.1 * rng.normal(size=300)
    network = BackpropRegressor(random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="Training diverged in epoch 151 at learning rate"):
        network.set_params(learning_rate=learning_rate).partial_fit(X, y)
    assert network.score(X, y) > 0.5


def test_small_update_of_a_stream_is_not_checked(monkeypatch):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(random_state=0).fit(X, y)
    evaluations = []
    monkeypatch.setattr(Trainer, "_loss_of", lambda *arguments: evaluations.append(1) or 0.0)
    for i in range(5):
        network.partial_fit(X[i : i + 1], y[i : i + 1])
    assert not evaluations


@dataclass(frozen=True)
class Jump(Schedule):
    """A constant learning rate with a different value for one update."""

    at: int = 99
    size: float = 1e4

    def rates(self, t, n_updates):
        return np.where(t == self.at, self.size, 0.03)


@pytest.mark.parametrize("size", [300.0, 1e4])
def test_last_update_of_a_fit_is_checked(size):
    X, y = data(BackpropRegressor)
    params = {"solver": "batch", "optimizer": "gd", "max_iter": 100, "tol": None, "random_state": 0}
    steady = BackpropRegressor(20, learning_rate=0.03, **params).fit(X, y).score(X, y)
    with pytest.warns(ConvergenceWarning, match="Training diverged in epoch 100 at learning rate"):
        network = BackpropRegressor(20, learning_rate=Jump(size=size), **params).fit(X, y)
    assert network.n_iter_ == 100
    assert network.score(X, y) > steady - 0.1


def test_validation_scores_of_epochs_that_are_rolled_back_are_removed():
    X, y = data(BackpropRegressor)
    params = {"optimizer": "momentum", "alpha": 0.0, "batch_size": 20, "max_iter": 12, "tol": None, "random_state": 0}
    network = BackpropRegressor(learning_rate=Jump(at=40, size=1e8), early_stopping=True, **params)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        network.fit(X, y)
    scores = network.validation_scores_
    assert len(scores) == network.n_iter_ == len(network.loss_curve_)
    assert network.best_iter_ == np.argmax(scores) + 1
    assert -network.validation_loss_curve_[network.best_iter_ - 1] == max(scores)


@pytest.mark.filterwarnings("error::RuntimeWarning", "ignore::skbackprop.exceptions.DataWarning")
def test_overflow_gives_no_warnings_of_numpy():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, **FEW).fit(X, y)
    network.partial_fit(X * 1e300, y).partial_fit(X[:1] * 1e300, y[:1]).partial_fit(X[:1] * 1e300, y[:1])
    network.predict(X * 1e200)
    with pytest.raises(ValueError, match="overflows"):
        network.fit(X * 1e200, y)


class NotANumber(SquaredError):
    """A custom loss with a mistake that the check before the training, which takes up to four samples, does not see."""

    def value_and_gradient(self, y, raw, gradient):
        if len(y) <= 4:
            return super().value_and_gradient(y, raw, gradient)
        gradient[...] = np.nan
        return np.full(len(y), np.nan)


@pytest.mark.parametrize("params", [{}, LBFGS], ids=["adam", "lbfgs"])
def test_warning_about_a_loss_that_is_not_a_number_names_check_loss(params):
    X, y = data(BackpropRegressor)
    with pytest.warns(ConvergenceWarning) as warnings:
        network = BackpropRegressor(5, loss=NotANumber(), **params, **FEW).fit(X, y)
    assert "skbackprop.losses.check_loss checks a custom loss" in str(warnings[-1].message)
    assert np.isfinite(theta(network)).all()
