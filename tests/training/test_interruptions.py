"""Faults from outside: interrupts at any moment, errors in what the user handed in, no memory, many threads."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._training.observers import TrainingObserver
from skbackprop.activations import Tanh
from skbackprop.initializers import VarianceScaling
from skbackprop.losses import MultinomialLogLoss, SquaredError
from skbackprop.optimizers import Adam
from skbackprop.schedules import Constant
from tests.shared import BOTH, ENGINES, FEW, announce, data, theta
from tests.training.test_failures import snapshot

PACKAGE = str(Path(skbackprop.__file__).parent)
LBFGS = {"solver": "batch", "optimizer": "lbfgs"}
SMALL = {"engine": "numpy", "batch_size": 8, "learning_rate": 0.01, "tol": None, "random_state": 0}
#: Few rows and passes learn little, which is not what is looked at here.
UNTIMELY = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rows(estimator):
    X, y = data(estimator)
    return X[::10], y[::10]


def interrupt_at(line, function):
    """Call the function and raise KeyboardInterrupt before the given line of the package that it comes to."""
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
    """What a pass changes, to tell passes apart."""
    state = network._state
    return state.n_iter, state.theta.tobytes(), state.optimizer_state.tobytes(), tuple(state.loss_curve)


@UNTIMELY
@BOTH
@pytest.mark.parametrize("params", [{}, LBFGS, {"early_stopping": True}], ids=["adam", "lbfgs", "held-out rows"])
@pytest.mark.parametrize("start", ["unfitted", "fitted to other columns", "warm start"])
def test_an_interrupt_between_any_two_lines_leaves_a_whole_epoch_and_says_so(estimator, params, start, monkeypatch):
    X, y = rows(estimator)

    def make():
        network = estimator(3, **(SMALL | params), max_iter=3)
        if start != "unfitted":
            network.set_params(warm_start=start == "warm start").fit(X[:, : 4 if network.warm_start else 2], y)
        return network

    epochs = []
    with monkeypatch.context() as patch:
        network = make()
        patch.setattr(estimator, "_observer", lambda self, *arguments: Ear(lambda state: epochs.append(learned(self))))
        network.fit(X, y)
    n_cut, template = 0, make()
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
            n_cut += 1
        elif "_state" in vars(network) and learned(network) != known:
            assert learned(network)[0] == epochs[-1][0]  # when training was over
        else:
            assert vars(network).keys() == before.keys()
            assert all(vars(network)[name] is before[name] for name in before if name.endswith("_"))
    assert n_cut > 5


@BOTH
@ENGINES
def test_control_c_is_said_and_training_can_go_on(estimator, engine, monkeypatch, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    X, y = data(estimator)
    params = {"engine": engine, "learning_rate": 0.01, "batch_size": 40, **FEW}
    expected = estimator(6, **(params | {"max_iter": 3})).fit(X, y)
    network = estimator(6, **(params | {"max_iter": 9}))
    with monkeypatch.context() as patch:
        ear = Ear(lambda state: state.n_iter == 3 and signal.raise_signal(signal.SIGINT))
        patch.setattr(estimator, "_observer", lambda *arguments: ear)
        with pytest.raises(KeyboardInterrupt) as interrupt:
            network.fit(X, y)
    assert interrupt.value.__notes__ == ["Training was interrupted; the weights are those after epoch 3."]
    np.testing.assert_array_equal(theta(network), theta(expected))
    np.testing.assert_array_equal(theta(network.partial_fit(X, y)), theta(expected.partial_fit(X, y)))


class Ear(TrainingObserver):
    """Does something after each pass."""

    def __init__(self, hear):
        self.hear = hear

    def on_epoch_end(self, state):
        self.hear(state)


class Culprit:
    """A record with a method that raises an error once it is armed and has been called `n_good` times."""

    def __init__(self, record, method):
        def faulty(self_, *arguments):
            if self.n_good is not None:
                self.n_good -= 1
                if self.n_good < 0:
                    raise RuntimeError(f"{method} on purpose")
            return getattr(super(kind, self_), method)(*arguments)

        kind = type("Faulty", (type(record),), {method: faulty})
        self.n_good, self.record = None, kind(**record.get_params())


class Scorer:
    """A scorer that does the same."""

    n_good = None

    def __init__(self):
        self.record = self._score

    def _score(self, estimator, X, y):
        if self.n_good is not None:
            self.n_good -= 1
            if self.n_good < 0:
                raise RuntimeError("scoring on purpose")
        return 0.5


CULPRITS = {
    "value of the loss": ("loss", "value_and_gradient", 2),
    "target of the loss": ("loss", "check_target", 0),
    "schedule": ("learning_rate", "rates", 0),
    "schedule later": ("learning_rate", "rates", 2),
    "activation": ("activation", "function", 2),
    "its derivative": ("activation", "derivative", 2),
    "optimizer": ("optimizer", "step", 2),
    "initializer": ("init", "draw", 1),
    "scorer": ("scoring", "", 0),
    "scorer later": ("scoring", "", 2),
}
CALLS = ["fit", "fit again", "warm fit", "partial_fit", "partial_fit again"]
WAYS = [
    pytest.param(estimator, culprit, call, id=f"{estimator.__name__}, {culprit}, {call}")
    for estimator in (BackpropRegressor, BackpropClassifier)
    for culprit in CULPRITS
    for call in CALLS
    if not (culprit == "initializer" and call in ("warm fit", "partial_fit again"))
    and not (CULPRITS[culprit][0] == "scoring" and "partial" in call)
    and not (culprit == "schedule later" and "partial" in call)
    and not (culprit == "target of the loss" and estimator is BackpropClassifier)  # which looks at labels itself
]


@UNTIMELY
@pytest.mark.parametrize(("estimator", "culprit", "call"), WAYS)
def test_an_error_in_what_the_user_handed_in_leaves_the_estimator_as_it_was(estimator, culprit, call):
    X, y = data(estimator)
    name, method, n_good = CULPRITS[culprit]
    record = {
        "loss": SquaredError() if estimator is BackpropRegressor else MultinomialLogLoss(),
        "learning_rate": Constant(0.01),
        "activation": Tanh(),
        "optimizer": Adam(),
        "init": VarianceScaling(),
    }.get(name)
    culprit = Scorer() if record is None else Culprit(record, method)
    params = {"batch_size": 40, "early_stopping": name == "scoring", **FEW, name: culprit.record}
    network = estimator(6, warm_start=call == "warm fit", **params)
    if call in ("fit again", "warm fit", "partial_fit again"):
        network.fit(X, y)
        before = snapshot(network)
    culprit.n_good = n_good
    arguments = announce(estimator) if "partial" in call else {}
    learn = network.partial_fit if "partial" in call else network.fit
    with pytest.raises(RuntimeError, match=f"{method or 'scoring'} on purpose"):
        learn(X, y, **arguments)
    if call in ("fit", "partial_fit"):
        assert vars(network).keys() == network.get_params(deep=False).keys()
        return
    np.testing.assert_equal(snapshot(network), before)
    culprit.n_good = None
    network.partial_fit(X, y)


class NoNumber(SquaredError):
    """A loss that its author should have looked at."""

    def value_and_gradient(self, y, raw, gradient):
        gradient[...] = np.nan
        return np.full(len(y), np.nan)


@pytest.mark.parametrize("params", [{}, LBFGS], ids=["adam", "lbfgs"])
def test_a_loss_that_is_no_number_leads_to_what_checks_it(params):
    X, y = data(BackpropRegressor)
    with pytest.warns(ConvergenceWarning) as said:
        network = BackpropRegressor(5, loss=NoNumber(), **params, **FEW).fit(X, y)
    assert "checked by skbackprop.losses.check_loss" in str(said[-1].message)
    assert np.isfinite(theta(network)).all()


@BOTH
@pytest.mark.parametrize("units", [10**14, 10**19, (10**10, 10**10)], ids=["petabytes", "no array", "two layers"])
def test_a_network_without_room_is_named_and_leaves_the_estimator_as_it_was(estimator, units):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y)
    before = snapshot(network)
    network.set_params(hidden_layer_sizes=units)
    with pytest.raises(MemoryError, match=r"hidden_layer_sizes=\(1000.* weights, for which there is no room"):
        network.fit(X, y)
    np.testing.assert_equal(snapshot(network), before)
    fresh = estimator(units)
    with pytest.raises(MemoryError):
        fresh.partial_fit(X, y, **announce(estimator))
    assert vars(fresh).keys() == fresh.get_params(deep=False).keys()


@BOTH
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_many_threads_may_predict_at_once(estimator, make):
    X, y = data(estimator)
    network = estimator((20, 10), **FEW).fit(sparse.csr_array(X) if make is sparse.csr_array else X, y)
    parts = [make(X[start : start + 50]) for start in range(100)]
    expected = [network.predict(part) for part in parts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for _ in range(3):
                np.testing.assert_array_equal(list(threads.map(network.predict, parts)), expected)
    finally:
        sys.setswitchinterval(interval)
