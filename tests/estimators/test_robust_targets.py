"""Gross errors in y: robust losses are about as good as without them."""

import numpy as np
import pytest
from sklearn.linear_model import HuberRegressor

from skbackprop import BackpropRegressor
from skbackprop.losses import Huber

CONFIG = {"alpha": 0.003, "tol": None, "random_state": 0, "engine": "numpy"}


def linear_problem(seed, n_samples=300, error=0.0, sided=1):
    """Return samples of a linear function, 1 % of whose targets are wrong by `error` standard deviations."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples + 500, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.5 * rng.normal(size=len(X))
    damaged = y[:n_samples].copy()
    wrong = rng.choice(n_samples, n_samples // 100, replace=False)
    damaged[wrong] += error * y.std() * (1 if sided == 1 else rng.choice([-1, 1], len(wrong)))
    return X[:n_samples], damaged, X[n_samples:], y[n_samples:]


EACH_ROBUST_LOSS = pytest.mark.parametrize("loss", ["huber", "absolute_error", "quantile"])


@EACH_ROBUST_LOSS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("error", "sided"), [(10.0, 1), (1e3, 2), (1e6, 1), (1e6, 2)])
def test_gross_errors_cost_no_more_than_those_of_a_robust_linear_model(loss, error, sided, dtype):
    X, y, X_test, y_test = linear_problem(0, 300, error, sided)
    expected = HuberRegressor(max_iter=1000).fit(X, y).score(X_test, y_test)
    network = BackpropRegressor(20, loss=loss, max_iter=100, **CONFIG).fit(X.astype(dtype), y)
    assert network.score(X_test, y_test) > expected - 0.05


@EACH_ROBUST_LOSS
@pytest.mark.parametrize("size", [1, 20, 100])
def test_stream_with_gross_errors(loss, size):
    X, y, X_test, y_test = linear_problem(0, 1000, 1e6, 2)
    y[0] = 1e7
    network = BackpropRegressor(20, loss=loss, learning_rate=0.003, **CONFIG)
    for _ in range(1 if size == 1 else 30):
        for start in range(0, len(X), size):
            network.partial_fit(X[start : start + size], y[start : start + size])
    assert network.score(X_test, y_test) > 0.85


def test_quantiles_and_several_targets_with_gross_errors():
    X, y, X_test, y_test = linear_problem(0, 1000, 1e6, 2)
    low, _, high = BackpropRegressor(20, loss="quantiles", max_iter=60, **CONFIG).fit(X, y).predict(X_test).T
    assert 0.6 < np.mean((low <= y_test) & (y_test <= high)) < 0.95
    both = BackpropRegressor(20, loss="huber", max_iter=60, **CONFIG).fit(X, np.column_stack([y, 1e3 * y]))
    assert both.score(X_test, np.column_stack([y_test, 1e3 * y_test])) > 0.85


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("error", [1e39, 1e300])
def test_gross_error_that_float32_cannot_represent(dtype, error):
    X, y, X_test, y_test = linear_problem(0)
    y[0] = error
    network = BackpropRegressor(20, loss="huber", max_iter=60, **CONFIG).fit(X.astype(dtype), y)
    assert network.score(X_test, y_test) > 0.85


def test_delta_has_the_same_meaning_with_gross_errors():
    X, y, _, _ = linear_problem(0, 1000)
    damaged = y.copy()
    damaged[:10] = 1e6
    clean, other = (
        BackpropRegressor((), loss=Huber(0.5), max_iter=2, **CONFIG).fit(X, target) for target in (y, damaged)
    )
    deltas = [each._fitted_model().loss_in_target_units().delta for each in (clean, other)]
    np.testing.assert_allclose(deltas[1], deltas[0], rtol=0.15)


@pytest.mark.parametrize(("first", "second"), [("squared_error", "huber"), ("absolute_error", "squared_error")])
def test_loss_may_change_from_or_to_a_robust_one(first, second):
    X, y, X_test, y_test = linear_problem(0, 300)
    network = BackpropRegressor(20, loss=first, warm_start=True, max_iter=30, **CONFIG).fit(X, y)
    network.set_params(loss=second).fit(X, y)
    assert network.score(X_test, y_test) > 0.85


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_that_stand_for_a_missing_target_are_gross_errors_like_others(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4)).astype(dtype)
    y = X @ np.array([1.0, 2.0, -1.0, 0.5]) + 0.1 * rng.normal(size=600)
    wrong = y.copy()
    wrong[::100] = 1e20
    network = BackpropRegressor(loss="huber", random_state=0).fit(X, wrong)
    assert network.alpha_ > 0  # the losses of the other samples do not vanish in the digits of theirs
    assert network.score(X, y) > 0.95
