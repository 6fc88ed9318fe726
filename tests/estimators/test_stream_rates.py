"""Learning rates of a stream are functions of the number of updates, with no end that depends on the calls."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_friedman1

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.schedules import Cosine, InverseScaling, OneCycle
from tests.shared import BOTH, EACH_SOLVER, FEW, TRAINS_BRIEFLY, data

STREAM = InverseScaling(0.01, t0=100, final=0.0005)
RNG = np.random.default_rng(0)


def classes_of(network, y):
    return {"classes": np.unique(y)} if isinstance(network, BackpropClassifier) else {}


def learn_in_calls(network, X, y, size):
    """Learn from samples in their order, `size` at a time; return the learning rate after each call."""
    rates = []
    for start in range(0, len(X), size):
        network.partial_fit(X[start : start + size], y[start : start + size], **classes_of(network, y))
        rates.append(network.learning_rate_)
    return rates


@EACH_SOLVER
def test_automatic_rate_is_the_same_function_of_the_updates_for_each_solver_and_size_of_calls(solver):
    X, y = RNG.normal(size=(200, 3)), RNG.normal(size=200)
    for size in (1, 7, 200):
        network = BackpropRegressor(2, solver=solver, random_state=0)
        t = []
        for start in range(0, 200, size):
            network.partial_fit(X[start : start + size], y[start : start + size])
            t.append(network.t_ - 1)
            assert network.learning_rate_ == pytest.approx(STREAM.rates(np.array(t[-1:]), 1)[0])


def test_automatic_rate_of_a_likelihood_begins_lower_and_falls_to_the_same_rate():
    X, y = RNG.normal(size=(1000, 2)), RNG.integers(2, size=1000)
    rates = learn_in_calls(BackpropClassifier(2, random_state=0), X, y, 1)
    np.testing.assert_allclose(rates, 0.005 / np.sqrt(1 + np.arange(1000) / 400))
    network = BackpropClassifier(2, random_state=0).partial_fit(X, y, classes=[0, 1])
    network._state.t = 10**6
    assert network.partial_fit(X[:1], y[:1]).learning_rate_ == pytest.approx(STREAM.final)


@TRAINS_BRIEFLY
@BOTH
def test_stream_that_continues_a_fit_has_the_final_rate(estimator):
    X, y = data(estimator)
    network = estimator(6, max_iter=3, tol=None, random_state=0).fit(X, y)
    assert network.partial_fit(X[:5], y[:5]).learning_rate_ == pytest.approx(STREAM.final)
    assert network.partial_fit(X[5:6], y[5:6]).learning_rate_ == pytest.approx(STREAM.final)


def test_a_short_last_call_changes_no_rate():
    X, y = RNG.normal(size=(1037, 3)), RNG.normal(size=1037)
    for learning_rate in ("auto", "invscaling", "plateau", Cosine(), OneCycle()):
        network = BackpropRegressor(2, learning_rate=learning_rate, batch_size=20, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            for _ in range(3):
                rates = learn_in_calls(network, X, y, 500)
                n_updates = np.array([25, 25, 2])
        t = np.cumsum(n_updates) + 2 * n_updates.sum() - 1
        expected = network._config.schedule.rates(t, 25 * 150)  # max_iter calls like the first
        np.testing.assert_allclose(rates, expected)


@pytest.mark.parametrize("schedule", [Cosine(), OneCycle(), "cosine", "one_cycle"])
def test_first_call_says_that_the_end_of_a_schedule_is_a_guess(schedule):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, learning_rate=schedule, **FEW)
    with pytest.warns(UserWarning, match="an end, which partial_fit cannot know: it ends after .* Set n_updates"):
        network.partial_fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.partial_fit(X, y)
        BackpropRegressor(6, learning_rate=Cosine(n_updates=100), **FEW).partial_fit(X, y)


@EACH_SOLVER
def test_digits_are_learned_one_by_one(solver):
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    network = BackpropClassifier(solver=solver, random_state=0).partial_fit(X[:1], y[:1], classes=range(10))
    n_correct = 0
    for i in range(1, len(X)):
        n_correct += i >= len(X) - 500 and network.predict(X[i : i + 1])[0] == y[i]
        network.partial_fit(X[i : i + 1], y[i : i + 1])
    assert n_correct / 500 >= 0.92


@pytest.mark.parametrize("solver", ["sgd", "minibatch"])
def test_error_on_a_stationary_stream_is_that_of_the_best_constant_rate(solver):
    X, y = make_friedman1(3000, noise=1.0, random_state=1)

    def error(**params):
        network = BackpropRegressor(solver=solver, random_state=0, **params).partial_fit(X[:1], y[:1])
        errors = []
        for i in range(1, 3000):
            errors.append(network.predict(X[i : i + 1])[0] - y[i])
            network.partial_fit(X[i : i + 1], y[i : i + 1])
        return np.sqrt(np.mean(np.square(errors[-500:]))) / y.std()

    assert error() <= 1.05 * min(error(learning_rate=rate) for rate in (0.001, 0.002, 0.004))


@pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropClassifier])
def test_several_epochs_reach_the_score_of_fit_whatever_the_size_of_calls(estimator):
    X, y = make_friedman1(6000, noise=1.0, random_state=0)
    if estimator is BackpropClassifier:
        y = (y > np.median(y)).astype(int)
    X, y, X_test, y_test = X[:4000], y[:4000], X[4000:], y[4000:]
    scores = [estimator(max_iter=5, tol=None, random_state=0).fit(X, y).score(X_test, y_test)]
    for size in (100, 700, 4000):
        network, rng = estimator(random_state=0), np.random.default_rng(0)
        for _ in range(5):
            order = rng.permutation(len(X))
            learn_in_calls(network, X[order], y[order], size)
        scores.append(network.score(X_test, y_test))
    assert max(scores) - min(scores) < 0.02
