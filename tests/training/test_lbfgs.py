"""L-BFGS: the minimum of the same objective, its loss curve, chunks of samples, and how it ends."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import BOTH, data, theta

LBFGS_PARAMS = {"solver": "batch", "optimizer": "lbfgs", "random_state": 0}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_network_without_hidden_layers_is_ridge_regression(rng, weighted, dtype):
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X).astype(dtype), (y - y.mean()) / y.std()
    weight = rng.uniform(0.1, 2, len(y)) if weighted else np.ones(len(y))
    network = BackpropRegressor((), alpha=0.2, standardize=False, max_iter=500, tol=None, **LBFGS_PARAMS)
    network.fit(X, y, sample_weight=weight)
    exact = Ridge(alpha=0.1 * weight.sum()).fit(X, y, sample_weight=weight)
    tolerance = 1e-5 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(network.coefs_[0][:, 0], exact.coef_, atol=tolerance)
    assert network.intercepts_[0][0] == pytest.approx(exact.intercept_, abs=tolerance)


def test_network_without_hidden_layers_is_logistic_regression():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    network = BackpropClassifier((), alpha=0.05, standardize=False, max_iter=500, tol=None, **LBFGS_PARAMS).fit(X, y)
    exact = LogisticRegression(C=1 / (0.05 * len(y)), tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(network.coefs_[0].T, exact.coef_, atol=1e-4)


@BOTH
def test_loss_curve_decreases_and_has_a_value_for_each_iteration(estimator):
    X, y = data(estimator)
    network = estimator(10, activation="tanh", alpha=0.01, max_iter=40, tol=None, **LBFGS_PARAMS).fit(X, y)
    assert network.n_iter_ == network.t_ == len(network.loss_curve_) == 40
    assert (np.diff(network.loss_curve_) <= 0).all()
    objective, state = network._config.objective, network._state
    mean_loss = network.loss_curve_[-1] - objective.penalty_value(state.theta, network.alpha_)
    assert mean_loss == pytest.approx(state.mean_loss)


@BOTH
def test_weights_do_not_depend_on_chunks(estimator, monkeypatch):
    X, y = data(estimator)
    params = {"activation": "tanh", "alpha": 0.01, "max_iter": 8, "tol": None, **LBFGS_PARAMS}
    whole = theta(estimator(5, **params).fit(X, y)).copy()
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", 7)
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
    np.testing.assert_allclose(theta(estimator(5, **params).fit(X, y)), whole, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_automatic_penalty_assumes_the_same_noise_in_each_output(n_outputs):
    X, _ = load_diabetes(return_X_y=True)
    network = BackpropRegressor(10, max_iter=2, tol=None, early_stopping=False, **LBFGS_PARAMS)
    network.fit(X, np.squeeze(X[:, :n_outputs]))
    assert network.alpha_ == pytest.approx(n_outputs / len(X) * 0.1 / 0.9)


@pytest.mark.filterwarnings("error")
def test_vanishing_gradient_is_convergence():
    X, y = load_diabetes(return_X_y=True)
    network = BackpropRegressor((), alpha=0.1, max_iter=1000, **LBFGS_PARAMS).fit(X, y)
    assert network.n_iter_ < 200
    again = BackpropRegressor((), alpha=0.1, max_iter=1000, warm_start=True, **LBFGS_PARAMS).fit(X, y)
    before = again.n_iter_
    assert again.fit(X, y).n_iter_ <= before + 2


def test_end_by_max_iter_warns():
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        BackpropRegressor(10, max_iter=3, **LBFGS_PARAMS).fit(X, y)


def test_real_data_are_learned():
    X, y = load_breast_cancer(return_X_y=True)
    assert BackpropClassifier(10, max_iter=50, tol=None, **LBFGS_PARAMS).fit(X, y).score(X, y) > 0.98


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"solver": "minibatch"}, "solver='minibatch' is not compatible with optimizer='lbfgs'; set it to 'batch'"),
        ({"solver": "sgd"}, "solver='sgd' is not compatible with optimizer='lbfgs'"),
        ({"l1_ratio": 0.5}, "l1_ratio=0.5 is not compatible with optimizer='lbfgs'; set it to 0"),
        ({"dropout": 0.5}, "dropout=.* is not compatible with optimizer='lbfgs'"),
        ({"clip_norm": 1.0}, "clip_norm=1.0 is not compatible with optimizer='lbfgs'; set it to None"),
    ],
)
def test_unsupported_parameters_raise(params, message):
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match=message):
        BackpropRegressor(5, **(LBFGS_PARAMS | params)).fit(X, y)
