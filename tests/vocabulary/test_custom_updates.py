"""Custom optimizers, schedules and initializers: mistakes are found before training, and unusual classes train."""

from threading import Lock

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.initializers import Initializer
from skbackprop.optimizers import LBFGS, Adam, Optimizer
from skbackprop.schedules import Constant, Schedule
from tests.shared import TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0]
FEW = {"hidden_layer_sizes": 4, "max_iter": 2, "tol": None, "random_state": 0}
BOTH = pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropClassifier])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def optimizer_of(step, n_state_arrays=0):
    body = {"step": lambda self, *arguments: step(*arguments), "n_state_arrays": n_state_arrays}
    return type("Custom", (Optimizer,), body)()


def schedule_of(rates):
    return type("Custom", (Schedule,), {"rates": lambda self, t, n_updates: rates(t, n_updates)})()


def initializer_of(draw):
    return type("Custom", (Initializer,), {"draw": lambda self, *arguments: draw(*arguments)})()


def assert_is_found(message, estimator=BackpropRegressor, **params):
    network = estimator(**FEW, **params)
    for call in (network.fit, lambda X, y: network.partial_fit(X, y, *([[False, True]] * (y.dtype == bool)))):
        with pytest.raises(ValueError, match=rf"Custom\(\): {message}"):
            call(X, Y > 0 if estimator is BackpropClassifier else Y)


@BOTH
@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda theta, gradient, *_: theta - gradient, r"step must change theta in place, .* instead of returning it"),
        (lambda theta, *_: theta.fill(np.nan), r"step gives NaN or infinity for gradient=1"),
    ],
    ids=["returned", "nan"],
)
def test_optimizers(estimator, step, message):
    assert_is_found(message, estimator, optimizer=optimizer_of(step))


def test_errors_of_an_optimizer_name_it():
    def step(theta, gradient, optimizer_state, t, learning_rate, scratch):
        theta -= learning_rate * optimizer_state[0]

    for optimizer in (optimizer_of(step), optimizer_of(lambda theta: None)):
        with pytest.raises((IndexError, TypeError)) as caught:
            BackpropRegressor(**FEW, optimizer=optimizer).fit(X, Y)
        assert caught.value.__notes__ == ["Custom(): step raised this error for theta of shape (21,)."]


@BOTH
@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (lambda t, n: 0.1, "rates must return an ndarray, got float"),
        (lambda t, n: [0.1] * len(t), "rates must return an ndarray, got list"),
        (lambda t, n: np.full((len(t), 1), 0.1), r"rates must return an array of shape \(2,\), got shape \(2, 1\)"),
        (lambda t, n: np.array([0.1]), r"rates must return an array of shape \(2,\), got shape \(1,\)"),
        (lambda t, n: np.full(len(t), np.nan), "rates gives NaN or infinity for t=0"),
        (lambda t, n: np.full(len(t), -0.1), "rates gives the learning rate -0.1 for t=0; it must be at least 0"),
    ],
    ids=["number", "list", "column", "one entry", "nan", "negative"],
)
def test_schedules(estimator, rates, message):
    assert_is_found(message, estimator, learning_rate=schedule_of(rates))


@BOTH
@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda rng, *shape: rng.normal(size=shape[::-1]),
            r"draw must return an array of shape \(3, 4\), got .*\(4, 3\)",
        ),
        (lambda rng, *shape: None, "draw must return an array of"),
        (lambda rng, *shape: 0.5, r"draw must return an array of shape \(3, 4\), got shape \(\)"),
        (lambda rng, *shape: np.full(shape, 1j), "draw must return an array of real numbers, got dtype complex128"),
        (lambda rng, *shape: np.full(shape, np.nan), "draw gives NaN or infinity for input=0"),
    ],
    ids=["transposed", "nothing", "number", "complex", "nan"],
)
def test_initializers(estimator, draw, message):
    assert_is_found(message, estimator, init=initializer_of(draw))


class SubclassOfAdam(Adam):
    pass


class SubclassOfLBFGS(LBFGS):
    pass


class SubclassOfConstant(Constant):
    pass


def returning(theta, gradient, optimizer_state, t, learning_rate, scratch):
    np.multiply(gradient, learning_rate, out=scratch)
    theta -= scratch
    return theta


def resting(theta, gradient, optimizer_state, t, learning_rate, scratch):
    optimizer_state[0] += gradient
    if t % 4 == 0:
        theta -= learning_rate * optimizer_state[0]
        optimizer_state[0] = 0


@DTYPES
@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": SubclassOfAdam()},
        {"optimizer": SubclassOfLBFGS(), "solver": "batch"},
        {"optimizer": optimizer_of(returning)},
        {"optimizer": optimizer_of(resting, 1)},
        {"learning_rate": SubclassOfConstant(0.01)},
        {"learning_rate": schedule_of(lambda t, n: np.linspace(0.1, 0.01, n)[t])},
        {"learning_rate": schedule_of(lambda t, n: np.where(t < 2, 0.0, 1 / (n - 1)).astype(np.float32))},
        {"learning_rate": schedule_of(lambda t, n: np.ones(len(t), int))},
        {"init": initializer_of(lambda rng, *shape: np.eye(*shape, dtype=int))},
        {"init": initializer_of(lambda rng, *shape: rng.normal(size=shape).tolist())},
    ],
    ids=["adam", "lbfgs", "returns", "rests", "constant", "table", "warm-up", "integers", "identity", "list"],
)
def test_unusual_classes_train(params, dtype):
    network = BackpropRegressor(**FEW, **params).fit(X.astype(dtype), Y)
    assert np.isfinite(network.predict(X)).all()
    assert network.n_iter_ == 2


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_schedules_are_checked_for_the_planned_number_of_updates(method):
    planned = []

    def rates(t, n_updates):
        planned.append(n_updates)
        return np.full(len(t), 0.01)

    network = BackpropRegressor(4, max_iter=30, batch_size=5, tol=None, learning_rate=schedule_of(rates))
    for _ in range(3):
        getattr(network, method)(X, Y)
    network.partial_fit(X[:1], Y[:1])
    assert set(planned) == {30 * 8}


def test_checks_leave_attributes_of_a_component_as_they_are():
    class Averaging(Optimizer):
        def __init__(self):
            self.velocity = np.zeros(21)

        def step(self, theta, gradient, optimizer_state, t, learning_rate, scratch):
            self.velocity *= 0.5
            self.velocity += gradient
            theta -= learning_rate * self.velocity

    class Counting(Schedule):
        def __init__(self):
            self.t = []

        def rates(self, t, n_updates):
            self.t += t.tolist()
            return np.full(len(t), 0.01)

    params = {"alpha": 1e-4, "solver": "batch", "optimizer": Averaging(), "learning_rate": Counting()}
    network = BackpropRegressor(**FEW | params).fit(X, Y)
    assert network._config.schedule.t == [0, 1]
    expected = BackpropRegressor(**FEW | params | {"optimizer": optimizer_of(averaging, 1)}).fit(X, Y)
    np.testing.assert_array_equal(network.predict(X), expected.predict(X))


def averaging(theta, gradient, optimizer_state, t, learning_rate, scratch):
    optimizer_state *= 0.5
    optimizer_state += gradient
    theta -= learning_rate * optimizer_state[0]


def test_attributes_that_cannot_be_copied():
    class Locking(Optimizer):
        def __init__(self):
            self.lock = Lock()

        def step(self, theta, gradient, optimizer_state, t, learning_rate, scratch):
            with self.lock:
                theta -= learning_rate * gradient

    network = BackpropRegressor(**FEW, optimizer=Locking()).fit(X, Y)
    expected = BackpropRegressor(**FEW, optimizer=optimizer_of(returning)).fit(X, Y)
    np.testing.assert_array_equal(network.predict(X), expected.predict(X))
