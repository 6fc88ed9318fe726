"""The state of training: running counts, and snapshots to go back to."""

from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.standardizer import Standardizer
from skbackprop._training import state as _state
from skbackprop._training.change_detector import CountedMoments
from skbackprop._training.state import EPOCH_FIELDS, MOMENT_FIELDS, StateSnapshot, TrainingState
from skbackprop.losses._target_scaling import StandardScaling


def new_state(**attributes):
    return TrainingState(np.ones(3), np.ones((2, 3)), np.random.default_rng(0), **attributes)


def new_data(n_samples=5, weight=None):
    rng = np.random.default_rng(n_samples)
    return Dataset(rng.normal(size=(n_samples, 2)), rng.normal(size=(n_samples, 1)), weight)


def test_mean_weight_runs_over_calls_and_is_unchanged_by_the_same_samples():
    state, weight = new_state(), np.array([0.1, 0.7, 0.3])
    for _ in range(5):
        state.update_means(new_data(3, weight))
        assert state.mean_weight == weight.mean()
    state.update_means(new_data(5))
    assert state.mean_weight == pytest.approx((5 * weight.sum() + 5) / 20)
    assert state.n_samples == 20


def test_oldest_losses_are_dropped_at_twice_the_number_that_is_kept(monkeypatch):
    monkeypatch.setattr(_state, "KEPT_EPOCHS", 3)
    state = new_state(loss_curve=[1.0, 2.0, 3.0, 4.0, 5.0], penalty_curve=[0.1, 0.2, 0.3, 0.4, 0.5])
    state.drop_oldest_losses()
    assert len(state.loss_curve) == 5
    state.loss_curve.append(6.0)
    state.penalty_curve.append(0.6)
    state.drop_oldest_losses()
    assert state.loss_curve == [4.0, 5.0, 6.0]
    assert state.penalty_curve == [0.4, 0.5, 0.6]


def test_mean_number_of_entries_runs_over_calls_and_is_unchanged_by_the_same_samples():
    state, data = new_state(), new_data(3)
    X = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    for _ in range(5):
        state.update_means(data._replace(X=sparse.csr_matrix(X)))
        assert state.mean_entries == 1 / 3
    state.update_means(data)
    assert state.mean_entries == pytest.approx((5 / 3 + 2) / 6)


def test_oldest_losses_of_a_stream_are_dropped_and_none_of_a_fit(monkeypatch):
    monkeypatch.setattr(_state, "KEPT_EPOCHS", 10)
    X, y = np.arange(6.0).reshape(-1, 1), np.arange(6.0)
    network = BackpropRegressor((), optimizer="gd", max_iter=30, tol=None, random_state=0).fit(X, y)
    curve = network.loss_curve_
    assert len(curve) == 30
    for n_calls in range(1, 25):
        last = network.loss_curve_[-5:]
        network.partial_fit(X, y)
        assert 10 <= len(network.loss_curve_) < 20
        assert network.loss_curve_[-6:-1] == last
        assert network.n_iter_ == 30 + n_calls


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", ["theta", "optimizer_state"])
def test_overflow_anywhere_is_not_finite(name, value):
    state = new_state()
    assert state.is_finite()
    getattr(state, name)[..., 1] = value
    assert not state.is_finite()


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", ["theta", "optimizer_state"])
def test_large_numbers_whose_squares_overflow_are_finite(name):
    state = new_state()
    getattr(state, name)[...] = 1e300
    assert state.is_finite()


def change(state):
    """Change everything that an epoch changes, and the moments."""
    state.theta += 1
    state.optimizer_state += 1
    for name in (*EPOCH_FIELDS, *MOMENT_FIELDS):
        setattr(state, name, getattr(state, name) + 1)
    for curve in (state.loss_curve, state.penalty_curve, state.validation_loss_curve, state.validation_scores):
        curve.append(9.0)
    state.rng.random()
    moments = CountedMoments(state.standardizer.moments, 100, 0)
    state.standardizer.update(new_data(7))
    state.change_detector.add(new_data(7), state.standardizer, moments, state.theta)


def values(state):
    found = deepcopy(vars(state)) | {"standardizer": deepcopy(state.standardizer.state_dict())}
    found["change_detector"] = state.change_detector.state_dict()
    return found | {"rng": state.rng.bit_generator.state}


@pytest.mark.parametrize("undo_moments", [False, True])
@pytest.mark.parametrize("keeps_rng", [False, True])
def test_snapshot_restores_all_that_an_epoch_changes(undo_moments, keeps_rng):
    state = new_state(
        loss_curve=[1.0], penalty_curve=[0.5], validation_loss_curve=[2.0], validation_scores=[3.0], mean_loss=0.5
    )
    state.learning_rate, state.plateau_best = 0.1, 0.2
    state.standardizer = Standardizer(2, 1, StandardScaling(), True, np.dtype(float))
    state.standardizer.update(new_data())
    moments = CountedMoments(state.standardizer.moments, 100, 0)
    state.change_detector.add(new_data(3), state.standardizer, moments, state.theta)
    snapshot = StateSnapshot(state, keeps_rng)
    snapshot.save()
    before, arrays = values(state), (state.theta, state.optimizer_state)
    change(state)
    after = values(state)
    snapshot.restore(undo_moments=undo_moments)
    restored = values(state)
    kept = set() if undo_moments else {"standardizer", "change_detector", *MOMENT_FIELDS}
    kept |= set() if keeps_rng else {"rng"}
    for name in before:
        np.testing.assert_equal(restored[name], (after if name in kept else before)[name])
    assert state.theta is arrays[0]
    assert state.optimizer_state is arrays[1]


def test_snapshot_can_be_restored_several_times():
    state = new_state()
    snapshot = StateSnapshot(state, keeps_rng=True)
    snapshot.save()
    for _ in range(2):
        state.theta[...] = 7
        snapshot.restore()
        np.testing.assert_array_equal(state.theta, 1)
