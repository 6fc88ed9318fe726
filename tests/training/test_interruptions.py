"""Interruptions: a KeyboardInterrupt at any line leaves the weights of a complete epoch and says so."""

import signal
import sys
from copy import deepcopy
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import skbackprop
from skbackprop._training.observers import TrainingObserver
from skbackprop.optimizers import Adam
from tests.shared import BOTH, ENGINES, FEW, TRAINS_BRIEFLY, data, theta
from tests.training.snapshots import snapshot

PACKAGE = str(Path(skbackprop.__file__).parent)
LBFGS = {"solver": "batch", "optimizer": "lbfgs", "batch_size": "auto", "learning_rate": "auto"}
SMALL = {"engine": "numpy", "batch_size": 8, "learning_rate": 0.01, "tol": None, "random_state": 0}
#: Few samples and epochs learn little, and any warning is beside the point.
IGNORES_WARNINGS = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::skbackprop.exceptions.DataWarning"
)


class CallAfterEpoch(TrainingObserver):
    """Calls a function after each epoch."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, state):
        self.function(state)
        return False


def observe(monkeypatch, function):
    """Call the function with the estimator and the state after each epoch of every fit."""
    monkeypatch.setattr(
        "skbackprop._estimators.fitting._make_observer",
        lambda estimator, *arguments: CallAfterEpoch(lambda state: function(estimator, state)),
    )


def interrupt_at(line, function):
    """Call the function and raise KeyboardInterrupt before the line of this number that the package executes."""
    n_lines, tracing = 0, sys.gettrace()

    def trace(frame, event, argument):
        nonlocal n_lines
        if event == "line":
            n_lines += 1
            if n_lines == line:
                sys.settrace(tracing)
                raise KeyboardInterrupt
        return trace

    sys.settrace(lambda frame, *_: trace if frame.f_code.co_filename.startswith(PACKAGE) else None)
    try:
        function()
    finally:
        sys.settrace(tracing)


def learned(network):
    """Return what an epoch changes, to tell epochs apart."""
    state = network._state
    return state.n_iter, state.theta.tobytes(), state.optimizer_state.tobytes(), tuple(state.loss_curve)


@IGNORES_WARNINGS
@BOTH
@pytest.mark.parametrize("params", [{}, LBFGS, {"early_stopping": True}], ids=["adam", "lbfgs", "early stopping"])
@pytest.mark.parametrize("start", ["unfitted", "fitted to other columns", "warm start"])
def test_interrupt_at_any_line_leaves_a_complete_epoch_and_a_note(estimator, params, start, monkeypatch):
    X, y = data(estimator)
    X, y = X[::10], y[::10]

    def make():
        network = estimator(3, **(SMALL | params), max_iter=3)
        if start != "unfitted":
            network.set_params(warm_start=start == "warm start").fit(X[:, : 4 if network.warm_start else 2], y)
        return network

    epochs = []
    with monkeypatch.context() as patch:
        network = make()
        observe(patch, lambda estimator, state: epochs.append(learned(estimator)))
        network.fit(X, y)
    n_interrupted_epochs, template = 0, make()
    for line in count(1, 17):
        network = deepcopy(template)
        before = dict(vars(network))
        known = learned(network) if start != "unfitted" else None
        try:
            interrupt_at(line, lambda network=network: network.fit(X, y))
            break
        except KeyboardInterrupt as interrupt:
            notes = getattr(interrupt, "__notes__", [])
        if notes:
            assert learned(network) in epochs
            assert notes == [f"Training was interrupted; the weights are those after epoch {network.n_iter_}."]
            assert network.best_iter_ == network.n_iter_
            assert np.isfinite(network.predict(X)).all()
            n_interrupted_epochs += 1
        elif "_state" in vars(network) and learned(network) != known:
            assert learned(network)[0] == epochs[-1][0]  # training was over
        else:
            assert vars(network).keys() == before.keys()
            assert all(vars(network)[name] is before[name] for name in before if name.endswith("_"))
    assert n_interrupted_epochs > 5


@BOTH
@ENGINES
def test_training_continues_exactly_after_control_c(estimator, engine, monkeypatch, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    X, y = data(estimator)
    params = {"engine": engine, "learning_rate": 0.01, "batch_size": 40, "alpha": 0.001, **FEW}
    expected = estimator(6, **(params | {"max_iter": 3})).fit(X, y)
    network = estimator(6, **(params | {"max_iter": 9}))
    with monkeypatch.context() as patch:
        observe(patch, lambda _, state: state.n_iter == 3 and signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt) as interrupt:
            network.fit(X, y)
    assert interrupt.value.__notes__ == ["Training was interrupted; the weights are those after epoch 3."]
    np.testing.assert_array_equal(theta(network), theta(expected))
    np.testing.assert_array_equal(theta(network.partial_fit(X, y)), theta(expected.partial_fit(X, y)))


def raise_in_update(monkeypatch, number, error):
    """Raise the error in the update of this number, in place of the step of Adam."""
    original, calls = Adam.step, []

    def step(self, *arguments):
        calls.append(1)
        if len(calls) == number:
            raise error
        original(self, *arguments)

    monkeypatch.setattr(Adam, "step", step)


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupt_restores_the_last_complete_epoch_and_an_error_the_unfitted_estimator(estimator, error, monkeypatch):
    X, y = data(estimator)
    params = {"batch_size": 40, "learning_rate": 0.01, "alpha": 0.001, "engine": "numpy", **(FEW | {"max_iter": 9})}
    expected = estimator(6, **(params | {"max_iter": 2})).fit(X, y)
    raise_in_update(monkeypatch, 10, error)  # the second of four updates in the third epoch
    network = estimator(6, **params)
    with pytest.raises(error):
        network.fit(X, y)
    if error is MemoryError:
        assert not hasattr(network, "coefs_")
        return
    np.testing.assert_equal(snapshot(network) | {"n_planned": 8}, snapshot(expected))
    monkeypatch.undo()
    np.testing.assert_array_equal(theta(network.partial_fit(X, y)), theta(expected.partial_fit(X, y)))


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize("warm_start", [False, True])
def test_error_in_a_later_epoch_leaves_a_fitted_estimator_unchanged(estimator, warm_start, monkeypatch):
    X, y = data(estimator)
    network = estimator(6, warm_start=warm_start, engine="numpy", **FEW).fit(X, y)
    before = snapshot(network)
    raise_in_update(monkeypatch, 30, MemoryError)
    with pytest.raises(MemoryError):
        network.fit(X, y)
    np.testing.assert_equal(snapshot(network), before)
