"""Learning rates from far too small to far too large, Plateau, clipping and penalties."""

import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.parameters import AUTO_LEARNING_RATES
from skbackprop.optimizers import OPTIMIZERS
from skbackprop.schedules import Plateau
from tests.shared import (
    BOTH,
    DIVERGED,
    EACH_SOLVER,
    FEW,
    NO_BETTER_THAN_CONSTANT,
    NO_UPDATE_RATE,
    TRAINS_BRIEFLY,
    data,
    theta,
)

STEPPING = sorted(set(OPTIMIZERS) - {"lbfgs"})


@BOTH
@pytest.mark.parametrize(
    ("solver", "optimizer", "learning_rate", "message"),
    [
        ("batch", "gd", 1e-6, NO_BETTER_THAN_CONSTANT),
        ("minibatch", "adam", 1e-6, NO_BETTER_THAN_CONSTANT),
        ("minibatch", "rmsprop", 1e-3, None),
        ("sgd", "adamw", 1e-3, None),
        ("batch", "momentum", 1e3, DIVERGED),
        ("minibatch", "adam", 1e3, DIVERGED),
        ("sgd", "nesterov", 1e3, DIVERGED),
    ],
)
def test_any_rate_gives_finite_weights_and_failed_training_warns(estimator, solver, optimizer, learning_rate, message):
    load = load_diabetes if estimator is BackpropRegressor else load_iris
    X, y = load(return_X_y=True)
    network = estimator(10, solver=solver, optimizer=optimizer, learning_rate=learning_rate, tol=None, random_state=3)
    network.set_params(max_iter=15)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network.fit(X, y)
    assert np.isfinite(theta(network)).all()
    assert np.isfinite(network.predict(X)).all()
    if message is None:
        assert not caught
        assert network.score(X, y) > (0.2 if estimator is BackpropRegressor else 0.6)
    else:
        assert {warning.category for warning in caught} == {ConvergenceWarning}
        assert any(re.match(message, str(warning.message)) for warning in caught)


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("optimizer", STEPPING)
def test_automatic_rate_trains(estimator, solver, optimizer):
    load = load_diabetes if estimator is BackpropRegressor else load_iris
    X, y = load(return_X_y=True)
    network = estimator(20, solver=solver, optimizer=optimizer, random_state=0)
    network.set_params(max_iter=30 if solver == "sgd" else 150)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert network.fit(X, y).score(X, y) > (0.4 if estimator is BackpropRegressor else 0.8)
    initial = AUTO_LEARNING_RATES[solver][type(OPTIMIZERS[optimizer])]
    factor = 0.5 if estimator is BackpropClassifier else 1.0
    assert network.learning_rate_ == pytest.approx(0.1 * factor * initial, rel=0.02)


class TestPlateau:
    def test_rate_is_halved_when_the_loss_stagnates(self):
        X, y = data(BackpropRegressor)
        schedule = Plateau(initial=0.01, patience=3, threshold=1e9, final=1e-3)
        network = BackpropRegressor(5, learning_rate=schedule, max_iter=20, tol=None, random_state=0).fit(X, y)
        assert network.learning_rate_ == pytest.approx(1e-3)
        rates = []
        network = BackpropRegressor(5, learning_rate=schedule, random_state=0)
        for _ in range(8):
            rates.append(network.partial_fit(X, y).learning_rate_)
        np.testing.assert_allclose(rates, [0.01] * 4 + [0.005] * 3 + [0.0025])

    @TRAINS_BRIEFLY
    def test_rate_is_kept_while_the_loss_decreases(self):
        X, y = data(BackpropRegressor)
        schedule = Plateau(initial=1e-4, patience=3, threshold=0)
        network = BackpropRegressor(5, solver="batch", learning_rate=schedule, alpha=0, max_iter=20, tol=None)
        assert network.fit(X, y).learning_rate_ == 1e-4

    def test_validation_loss_is_monitored_if_available(self):
        X, y = data(BackpropRegressor)
        schedule = Plateau(initial=0.3, patience=1, threshold=0, final=0)
        params = {"learning_rate": schedule, "max_iter": 40, "tol": None, "random_state": 0}
        network = BackpropRegressor(5, early_stopping=True, **params).fit(X, y)
        count, best, factor = 0, np.inf, 1.0
        for loss in network.validation_loss_curve_[:-1]:
            count = 0 if loss < best else count + 1
            best = min(best, loss)
            factor, count = (factor / 2, 0) if count == 1 else (factor, count)
        assert network.learning_rate_ == pytest.approx(0.3 * factor)

    def test_calls_with_few_samples_do_not_count(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(5, learning_rate=Plateau(patience=1, threshold=1e9), random_state=0)
        for i in range(100):
            network.partial_fit(X[i : i + 1], y[i : i + 1])
        for _ in range(10):
            network.partial_fit(X[:49], y[:49])
        assert network.learning_rate_ == 0.001
        for _ in range(3):
            network.partial_fit(X[50:100], y[50:100])
        assert network.learning_rate_ == 0.0005
        low = BackpropRegressor(5, learning_rate=Plateau(initial=1e-8, patience=1), max_iter=9, random_state=0)
        assert low.fit(X, y).learning_rate_ == 1e-8

    def test_pickle_preserves_the_count_of_stagnant_epochs(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(5, learning_rate=Plateau(patience=3, threshold=1e9), random_state=0)
        network.partial_fit(X, y).partial_fit(X, y).partial_fit(X, y)
        twin = pickle.loads(pickle.dumps(network))
        for either in (network, twin):
            either.partial_fit(X, y).partial_fit(X, y)
        assert twin.learning_rate_ == network.learning_rate_ == 0.0005


@TRAINS_BRIEFLY
@BOTH
@EACH_SOLVER
def test_clip_norm_bounds_the_update(estimator, solver):
    X, y = data(estimator)
    params = {"solver": solver, "optimizer": "gd", "learning_rate": 0.1, "alpha": 0, "random_state": 0}
    initial = estimator(6, **(params | {"learning_rate": NO_UPDATE_RATE}), max_iter=1, tol=None).fit(X, y)
    clipped = estimator(6, clip_norm=1e-3, **params, max_iter=1, tol=None).fit(X, y)
    update = np.linalg.norm(theta(clipped) - theta(initial))
    assert 0 < update <= 0.1 * 1e-3 * clipped.t_ * (1 + 1e-9)
    loose = estimator(6, clip_norm=1e9, **params, max_iter=1, tol=None).fit(X, y)
    free = estimator(6, **params, max_iter=1, tol=None).fit(X, y)
    np.testing.assert_array_equal(theta(loose), theta(free))


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.filterwarnings("ignore:Objective did not converge")  # of ElasticNet before 1.7, for a ratio of 0
def test_penalty_matches_elastic_net(l1_ratio):
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    params = {"solver": "batch", "optimizer": "gd", "learning_rate": 0.02, "max_iter": 8000, "tol": None}
    ours = BackpropRegressor((), alpha=0.2, l1_ratio=l1_ratio, standardize=False, **params).fit(X, y)
    exact = ElasticNet(alpha=0.1, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)  # halves the squared error
    np.testing.assert_allclose(ours.coefs_[0][:, 0], exact.coef_, atol=0.01)


class TestAutomaticPenalty:
    def test_grows_with_the_noise_of_a_regression(self, rng):
        X = rng.normal(size=(1000, 3))
        clean = BackpropRegressor(random_state=0).fit(X, X[:, 0])
        noisy = BackpropRegressor(random_state=0).fit(X, X[:, 0] + rng.normal(size=1000))
        assert clean.alpha_ < 1e-3 * 20 / 1000
        assert 0.5 < noisy.alpha_ / (20 / 1000) <= 1

    def test_of_a_classifier_depends_on_the_number_of_samples(self):
        X, y = data(BackpropClassifier)
        assert BackpropClassifier(5, **FEW).fit(X, y).alpha_ == 5 / 150
        assert BackpropClassifier(5, **FEW).fit(X[::10], y[::10]).alpha_ == 0.1

    def test_is_zero_without_standardization_and_can_be_set(self):
        X, y = data(BackpropClassifier)
        assert BackpropClassifier(5, standardize=False, **FEW).fit(X, y).alpha_ == 0
        assert BackpropClassifier(5, alpha=0.3, **FEW).fit(X, y).alpha_ == 0.3

    def test_counts_the_samples_of_every_call_of_partial_fit_and_of_one_fit(self):
        X, y = data(BackpropClassifier)
        network = BackpropClassifier(5, warm_start=True, **FEW)
        for n_samples in (150, 300, 450):
            assert network.partial_fit(X, y, classes=[0, 1, 2]).alpha_ == 5 / n_samples
        assert network.partial_fit(X[:50] + 1, y[:50]).alpha_ == 5 / 500
        for _ in range(2):
            assert network.fit(X, y).alpha_ == 5 / 150
        assert network.partial_fit(X, y, sample_weight=y > 0).alpha_ == 5 / 250
