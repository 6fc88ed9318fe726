"""Streams whose data change: scaling that starts again, with the weights that fit best."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.standardizer import Standardizer
from skbackprop._training.change import Adaptation, _explanation, _with_signs
from skbackprop._training.change_detector import Change, ChangeDetector, CountedMoments
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses._target_scaling import StandardScaling
from tests.shared import ENGINES

IGNORES_REJECTIONS = pytest.mark.filterwarnings("ignore:partial_fit rejected:skbackprop.exceptions.DataWarning")
SIZES = pytest.mark.parametrize("size", [1, 7, 50, 120])
UNITS = {
    "times 1000": lambda x: 1000 * x,
    "times 0.001": lambda x: 0.001 * x,
    "plus 50 standard deviations": lambda x: x + 50,
    "sign flip of a column with a mean": lambda x: -x,
    "Fahrenheit": lambda x: 1.8 * x + 32,
}


def stream(rng, n=3000):
    """Return samples with a mean of 1 and their target, a smooth function with some noise."""
    X = rng.normal(1, 1, size=(n, 4))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] / 2 + X[:, 3] + 0.1 * rng.normal(size=n)
    return X, y


def learned(X, y, size, estimator=BackpropRegressor, **params):
    network = estimator((20,), random_state=0, **params)
    classes = {"classes": np.unique(y)} if estimator is BackpropClassifier else {}
    for start in range(0, len(X), size):
        network.partial_fit(X[start : start + size], y[start : start + size], **classes)
    return network


def error(network, X, y):
    return np.sqrt(np.mean((network.predict(X) - y) ** 2)) / y.std()


class Detector:
    """A change detector with the moments of all samples so far."""

    def __init__(self, n_columns, is_robust=True):
        self.standardizer = Standardizer(n_columns, 1, StandardScaling(), True, np.dtype(float), is_robust)
        self.detector = ChangeDetector()

    def add(self, X, size, weight=None):
        """Return the columns that change, for each change."""
        found = []
        for start in range(0, len(X), size):
            part = X[start : start + size]
            data = Dataset(part, np.zeros((len(part), 1)), None if weight is None else weight[start : start + size])
            earlier = CountedMoments(self.standardizer.moments, self.standardizer.n_samples, 0)
            self.standardizer.update(data)
            change = self.detector.add(data, self.standardizer, earlier, np.zeros(1))
            if change is not None:
                self.standardizer.restart(change.block, change.columns)
                found.append(np.flatnonzero(change.columns).tolist())
        return found


@SIZES
@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential", "lognormal"])
def test_stationary_columns_do_not_change(rng, size, draw):
    X = getattr(rng, draw)(size=(20_000, 5))
    assert Detector(5).add(X, size) == []


@SIZES
def test_rare_values_are_no_change(rng, size):
    rare = (rng.random((20_000, 4)) < [0.002, 0.02, 0.1, 0.5]) * np.column_stack(
        [np.ones(20_000), rng.gamma(2, size=(20_000, 3))]
    )
    constant = np.full((20_000, 1), 7.0)
    assert Detector(5).add(np.column_stack([rare, constant]), size) == []


@SIZES
def test_column_that_rises_steadily_or_swings_fast_is_no_change(rng, size):
    t = np.arange(20_000)
    assert Detector(2).add(np.column_stack([t, np.sin(t / 7)]).astype(float), size) == []


@SIZES
@pytest.mark.parametrize("unit", [name for name in UNITS if name != "sign flip of a column with a mean"])
def test_column_with_another_unit_changes_once(rng, size, unit):
    X = rng.normal(size=(2000, 3))
    X[1000:, 1] = UNITS[unit](X[1000:, 1])
    detector = Detector(3)
    assert [1] in detector.add(X, size)
    np.testing.assert_allclose(detector.standardizer.moments.mean[1], X[1500:, 1].mean(), atol=0.2 * X[1500:, 1].std())
    np.testing.assert_allclose(detector.standardizer.scale[1], X[1500:, 1].std(), rtol=0.25)


@IGNORES_REJECTIONS
@SIZES
@ENGINES
@pytest.mark.parametrize("unit", UNITS)
def test_error_after_a_change_of_unit_is_that_without_it(rng, size, unit, engine):
    X, y = stream(rng)
    X_test, y_test = stream(rng, 500)
    expected = error(learned(X, y, size, engine=engine), X_test, y_test)
    changed = X.copy()
    changed[700:, [0, 3]] = UNITS[unit](X[700:, [0, 3]])
    X_test[:, [0, 3]] = UNITS[unit](X_test[:, [0, 3]])
    network = learned(changed, y, size, engine=engine)
    if "sign" not in unit:  # which other weights explain nearly as well
        assert network.n_changes_ == 1
    assert error(network, X_test, y_test) < 1.3 * expected + 0.03


@IGNORES_REJECTIONS
@SIZES
@pytest.mark.parametrize("unit", ["times 1000", "times 0.001", "Fahrenheit"])
def test_unit_of_the_target_may_change(rng, size, unit):
    X, y = stream(rng)
    X_test, y_test = stream(rng, 500)
    expected = error(learned(X, y, size), X_test, y_test)
    network = learned(X, np.concatenate([y[:700], UNITS[unit](y[700:])]), size)
    assert error(network, X_test, UNITS[unit](y_test)) < 1.3 * expected + 0.02


def test_classes_stay_known_after_a_change_of_unit(rng):
    X, y = stream(rng)
    labels = (y > np.median(y)).astype(int)
    changed = X.copy()
    changed[700:] = 0.001 * X[700:]
    network = learned(changed, labels, 1, BackpropClassifier)
    assert network.n_changes_ == 1
    assert network.score(changed[1000:], labels[1000:]) > 0.85


def test_function_is_kept_when_other_samples_come(rng):
    X = rng.normal(size=(1500, 3))
    X[700:, 0] += 3
    y = X[:, 0] + X[:, 1] * X[:, 2]
    network = learned(X, y, 1)
    assert network.n_changes_ == 0
    assert error(network, X[1000:], y[1000:]) < 0.3


@pytest.mark.parametrize("length", [150, 300])
@SIZES
def test_regimes_that_take_turns_are_learned_together(rng, length, size):
    regime = np.arange(4000) // length % 2
    X = np.column_stack([10 * regime + 0.1 * rng.normal(size=4000), rng.normal(size=(4000, 2))])
    y = 2 * regime + X[:, 1] * np.where(regime, 1, -1) + 0.1 * rng.normal(size=4000)
    network = learned(X, y, size)
    assert network.n_changes_ <= 2
    assert error(network, X[3000:], y[3000:]) < 0.35


@pytest.mark.parametrize("size", [1, 7, 50])
def test_moments_follow_samples_that_drift(rng, size):
    X = rng.normal(size=(6000, 2))
    X[:, 0] += np.linspace(0, 60, 6000)
    network = learned(X, X[:, 1], size)
    assert network._state.standardizer.scale[0] < 10  # 17 over all samples


def test_weighted_streams_do_not_change(rng):
    y = (rng.random(4000) < 0.02).astype(int)
    X = rng.normal(size=(4000, 3))
    X[:, 0] += 6 * y
    network = BackpropClassifier((10,), class_weight={0: 1, 1: 50}, random_state=0)
    for start in range(0, 4000, 50):
        network.partial_fit(X[start : start + 50], y[start : start + 50], classes=[0, 1])
    assert network.n_changes_ == 0


def test_a_fit_begins_anew(rng):
    X, y = stream(rng, 730)
    network = learned(X, y, 1)
    assert len(network._state.change_detector.state_dict()["recent"]["X"]) == 30
    network.set_params(warm_start=True, max_iter=2, tol=None).fit(X, y)
    assert len(network._state.change_detector.state_dict()["recent"]["X"]) == 0


@pytest.mark.parametrize("at", [640, 700, 725, 755, 799, 810])
@pytest.mark.parametrize("size", [1, 7])
def test_stored_stream_continues_exactly(rng, at, size):
    X, y = stream(rng)
    X[700:] = 1.8 * X[700:] + 32
    network = learned(X[:at], y[:at], size)
    resumed = pickle.loads(pickle.dumps(network))
    for each in (network, resumed):
        for start in range(at, 900, size):
            each.partial_fit(X[start : start + size], y[start : start + size])
    assert network.n_changes_ >= 1
    np.testing.assert_array_equal(resumed.coefs_[0], network.coefs_[0])
    np.testing.assert_array_equal(resumed._state.theta, network._state.theta)


def test_dropping_the_optimizer_state_drops_the_samples_of_the_stream(rng):
    X, y = stream(rng, 230)
    network = learned(X, y, 1)
    assert len(network._state.change_detector.state_dict()["recent"]["X"]) == 30
    network.drop_optimizer_state()
    assert len(network._state.change_detector.state_dict()["recent"]["X"]) == 0


def test_error_in_a_call_with_a_change_leaves_everything_as_it_was(rng, monkeypatch):
    X, y = stream(rng)
    X[700:] = 1.8 * X[700:] + 32
    network = learned(X[:750], y[:750], 50)
    before = copy.deepcopy(network.__getstate__())

    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr("skbackprop._training.epoch.plan_epoch", fail)
    for _ in range(2):
        with pytest.raises(MemoryError):
            network.partial_fit(X[750:800], y[750:800])
        np.testing.assert_equal(network.__getstate__()["network"], before["network"])
    monkeypatch.undo()
    assert network.partial_fit(X[750:800], y[750:800]).n_changes_ == 1


def test_divergence_after_a_change_goes_back_to_the_weights_for_the_new_scaling(rng, monkeypatch):
    X, y = stream(rng)
    X[1000:] = 1.8 * X[1000:] + 32
    network = learned(X[:1050], y[:1050], 50)
    before = network._state.theta.copy()
    verdicts = iter([False, True])

    def shift(state, objective, change):
        state.theta += 10

    trainer = "skbackprop._training.trainer"
    monkeypatch.setattr(f"{trainer}.follow_change", shift)
    monkeypatch.setattr(f"{trainer}.StreamTrainer._final_updates_are_valid", lambda trainer: next(verdicts))
    with pytest.warns(ConvergenceWarning, match="diverged"):
        network.partial_fit(X[1050:1100], y[1050:1100])
    np.testing.assert_allclose(network._state.theta, before + 10, atol=1)


def test_final_divergence_in_a_call_with_a_change_undoes_the_change(rng, monkeypatch):
    X, y = stream(rng)
    X[1000:] = 1.8 * X[1000:] + 32
    network = learned(X[:1050], y[:1050], 50)
    before = copy.deepcopy(network.__getstate__()["network"])
    never = "skbackprop._training.trainer.StreamTrainer._final_updates_are_valid"
    monkeypatch.setattr(never, lambda trainer: False)
    with pytest.warns(ConvergenceWarning) as caught:
        network.partial_fit(X[1050:1100], y[1050:1100])
    assert any("still diverged" in str(warning.message) for warning in caught)
    np.testing.assert_equal(network.__getstate__()["network"], before)
    monkeypatch.undo()
    assert network.partial_fit(X[1050:1100], y[1050:1100]).n_changes_ == 1


@SIZES
def test_units_that_change_again_soon_are_regimes(rng, size):
    X = rng.normal(1, 1, size=(2000, 3))
    y = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=2000)
    X[1000:1300] = 1.8 * X[1000:1300] + 32
    assert learned(X, y, size).n_changes_ == 1


def test_standard_moments_are_those_of_all_samples(rng):
    X, y = stream(rng)
    X[700:] = 1.8 * X[700:] + 32
    network = learned(X, y, 50, standardize="standard")
    assert network.n_changes_ == 0
    np.testing.assert_allclose(network._state.standardizer.moments.mean[:4], X.mean(axis=0))


def test_period_of_the_samples_that_are_compared_is_no_change(rng):
    X = np.sin(2 * np.pi * np.arange(5 * 6144) / 24)[:, np.newaxis] + 0.1 * rng.normal(size=(5 * 6144, 1))
    assert Detector(1).add(X, 6144) == []


def test_few_samples_of_large_weight_are_no_change(rng):
    X = rng.normal(size=(4000, 2))
    weight = np.where(rng.random(4000) < 0.01, 100.0, 1.0)
    X[weight > 1] += 6
    assert Detector(2).add(X, 50, weight) == []


NETWORK = Network((3, 4, 1), (ACTIVATIONS["tanh"],))


def test_weights_from_before_the_change_get_the_signs_that_fit(rng):
    standardizer = Standardizer(3, 1, StandardScaling(), True, np.dtype(float))
    theta = rng.normal(size=NETWORK.n_parameters)
    wanted = theta.copy()
    NETWORK.unpack(wanted)[0].W[[0, 2]] *= -1
    for columns, expected in (([True, True, True, False], wanted), ([False, True, False, True], theta)):
        change = Change(Dataset(np.ones((1, 3)), np.ones((1, 1))), np.array(columns), theta, 0)
        found = _with_signs(change, NETWORK, standardizer, lambda each: np.abs(each.theta - wanted).sum())
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("losses", "largest", "expected"),
    [
        ((1.0, 2.0), 2.0, (False, False)),
        ((1.0, 1.4), 2.0, (True, True)),  # hardly better than to keep the function
        ((1.0, 9.0), 0.9, (True, True)),  # no explanation as good as before
        ((3.0, 1.0), 2.0, (True, True)),
    ],
)
def test_unit_has_changed_only_if_that_explains_the_samples_well(losses, largest, expected):
    theta = np.zeros(3)
    adaptations = [Adaptation(theta, *keeps) for keeps in ((False, False), (False, True), (True, False), (True, True))]
    best = _explanation(
        adaptations,
        np.array([True, False, True]),
        slice(2),
        largest,
        lambda each: losses[1] if each.keeps_inputs or each.keeps_target else losses[0],
    )
    assert (best.keeps_inputs, best.keeps_target) == expected


@pytest.mark.parametrize("size", [1, 50])
def test_samples_that_no_unit_explains_as_well_as_before_are_other_samples(rng, size):
    X = rng.normal(size=(1500, 2))
    y = 3 * X[:, 0] + 0.1 * rng.normal(size=1500)
    X[1000:, 0] += 8
    y[1000:] = 3 * rng.normal(size=500)
    assert learned(X, y, size).n_changes_ == 0
