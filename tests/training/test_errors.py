"""Errors: whatever goes wrong in a call that trains leaves the estimator unchanged."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import Tanh
from skbackprop.initializers import VarianceScaling
from skbackprop.losses import MultinomialLogLoss, SquaredError
from skbackprop.optimizers import Adam
from skbackprop.schedules import Constant
from tests.shared import BOTH, EACH_SOLVER, FEW, TRAINS_BRIEFLY, announce, data
from tests.training.snapshots import snapshot

pytestmark = TRAINS_BRIEFLY


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("warm_start", [False, True])
def test_fit_on_invalid_data_leaves_the_estimator_unchanged(estimator, solver, warm_start):
    X, y = data(estimator)
    network = estimator(6, solver=solver, warm_start=warm_start, **FEW).fit(X, y)
    before = snapshot(network)
    for bad_X, weight in ((X[:, :2], np.zeros(len(y))), (X, np.zeros(len(y))), (np.where(X > 2, np.nan, X), None)):
        with pytest.raises(ValueError, match=r"[Ss]ample.weight|NaN|features"):
            network.fit(bad_X, y, sample_weight=weight)
        np.testing.assert_equal(snapshot(network), before)
    network.predict(X)


class FaultyComponent:
    """A hyperparameter object with a method that raises once `n_valid_calls` calls have passed; None never raises."""

    def __init__(self, component, method):
        def faulty(self_, *arguments):
            if self.n_valid_calls is not None:
                self.n_valid_calls -= 1
                if self.n_valid_calls < 0:
                    raise RuntimeError(f"{method} on purpose")
            return getattr(super(kind, self_), method)(*arguments)

        kind = type("Faulty", (type(component),), {method: faulty})
        self.n_valid_calls = None
        self.value = kind(**component.get_params())


class FaultyScorer:
    """A scorer that does the same."""

    n_valid_calls = None

    def __init__(self):
        self.value = self._score

    def _score(self, estimator, X, y):
        if self.n_valid_calls is not None:
            self.n_valid_calls -= 1
            if self.n_valid_calls < 0:
                raise RuntimeError("scoring on purpose")
        return 0.5


#: The parameter, the method that raises, and after how many calls.
FAULTS = {
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
CASES = [
    pytest.param(estimator, fault, call, id=f"{estimator.__name__}, {fault}, {call}")
    for estimator in (BackpropRegressor, BackpropClassifier)
    for fault in FAULTS
    for call in CALLS
    if not (fault == "initializer" and call in ("warm fit", "partial_fit again"))
    and not (FAULTS[fault][0] == "scoring" and "partial" in call)
    and not (fault == "schedule later" and "partial" in call)
    and not (fault == "target of the loss" and estimator is BackpropClassifier)  # which validates labels itself
]


@pytest.mark.parametrize(("estimator", "fault", "call"), CASES)
def test_error_in_a_custom_component_leaves_the_estimator_unchanged(estimator, fault, call):
    X, y = data(estimator)
    name, method, n_valid_calls = FAULTS[fault]
    component = {
        "loss": SquaredError() if estimator is BackpropRegressor else MultinomialLogLoss(),
        "learning_rate": Constant(0.01),
        "activation": Tanh(),
        "optimizer": Adam(),
        "init": VarianceScaling(),
    }.get(name)
    faulty = FaultyScorer() if component is None else FaultyComponent(component, method)
    params = {"batch_size": 40, "early_stopping": name == "scoring", **FEW, name: faulty.value}
    network = estimator(6, warm_start=call == "warm fit", **params)
    if call in ("fit again", "warm fit", "partial_fit again"):
        network.fit(X, y)
        before = snapshot(network)
    faulty.n_valid_calls = n_valid_calls
    arguments = announce(estimator) if "partial" in call else {}
    train = network.partial_fit if "partial" in call else network.fit
    with pytest.raises(RuntimeError, match=f"{method or 'scoring'} on purpose"):
        train(X, y, **arguments)
    if call in ("fit", "partial_fit"):
        assert vars(network).keys() == network.get_params(deep=False).keys()
        return
    np.testing.assert_equal(snapshot(network), before)
    faulty.n_valid_calls = None
    network.partial_fit(X, y)


@BOTH
@pytest.mark.parametrize("units", [10**14, 10**18, (10**10, 10**10)], ids=["petabytes", "no array", "two layers"])
def test_network_that_does_not_fit_in_memory_raises_and_leaves_the_estimator_unchanged(estimator, units):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y)
    before = snapshot(network)
    network.set_params(hidden_layer_sizes=units)
    with pytest.raises(MemoryError, match=r"hidden_layer_sizes=\(1000.* weights, which do not fit in memory"):
        network.fit(X, y)
    np.testing.assert_equal(snapshot(network), before)
    unfitted = estimator(units)
    with pytest.raises(MemoryError):
        unfitted.partial_fit(X, y, **announce(estimator))
    assert vars(unfitted).keys() == unfitted.get_params(deep=False).keys()


@BOTH
def test_number_of_units_that_no_integer_of_numpy_holds_leaves_the_estimator_unchanged(estimator):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y)
    before = snapshot(network)
    network.set_params(hidden_layer_sizes=10**19)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=1000.* is too large"):
        network.fit(X, y)
    np.testing.assert_equal(snapshot(network), before)
    unfitted = estimator(10**19)
    with pytest.raises(ValueError, match="is too large"):
        unfitted.partial_fit(X, y, **announce(estimator))
    assert vars(unfitted).keys() == unfitted.get_params(deep=False).keys()
