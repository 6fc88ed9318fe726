"""Outliers in a stream: samples far from all earlier ones are rejected, until they keep coming."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.standardizer import Standardizer
from skbackprop._training.outliers import (
    MAX_ABS_ZSCORE,
    MAX_CONSECUTIVE_REJECTIONS,
    MIN_SAMPLES,
    update_moments,
)
from skbackprop._training.state import TrainingState
from skbackprop.losses._target_scaling import TargetScaling
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, TRAINS_BRIEFLY, data, with_solver
from tests.training.snapshots import snapshot


def new_state(n_samples=MIN_SAMPLES):
    """Return a state that has seen samples of two columns with zero mean: a spread of 1, and a constant 7."""
    standardizer = Standardizer(2, 1, TargetScaling(), True, np.dtype(float))
    state = TrainingState(np.zeros(3), np.zeros((0, 3)), np.random.default_rng(0), standardizer)
    X = np.column_stack([np.tile([-1.0, 1.0], n_samples // 2), np.full(n_samples, 7.0)])
    assert update_moments(state, Dataset(X, np.zeros((n_samples, 1))), reject_outliers=True)
    return state


def samples(values, n_samples=1):
    return Dataset(np.tile(values, (n_samples, 1)), np.zeros((n_samples, 1)))


def update(state, values, n_samples=1, *, reject_outliers=True):
    return update_moments(state, samples(values, n_samples), reject_outliers=reject_outliers)


@pytest.mark.parametrize("n_samples", [1, 2])
class TestUpdateMoments:
    def test_outlier_changes_nothing(self, n_samples):
        state = new_state()
        before, mean_weight = state.standardizer.snapshot(), state.mean_weight
        assert not update(state, [1e6, 7.0], n_samples)
        assert all(vars(state.standardizer)[name] is before[name] for name in before)
        assert (state.mean_weight, state.n_samples) == (mean_weight, MIN_SAMPLES)

    def test_constant_column_has_no_outliers(self, n_samples):
        assert update(new_state(), [0.0, 1e9], n_samples)

    @pytest.mark.parametrize(
        ("distance", "accepted"), [(0.999 * MAX_ABS_ZSCORE, True), (1.001 * MAX_ABS_ZSCORE, False)]
    )
    def test_distance_is_measured_in_standard_deviations(self, n_samples, distance, accepted):
        assert update(new_state(), [distance, 7.0], n_samples) == accepted

    def test_no_sample_is_an_outlier_before_enough_are_known(self, n_samples):
        assert update(new_state(MIN_SAMPLES - 2), [1e6, 7.0], n_samples)

    def test_fit_rejects_no_outliers(self, n_samples):
        assert update(new_state(), [1e6, 7.0], n_samples, reject_outliers=False)

    def test_outliers_that_keep_coming_are_accepted(self, n_samples):
        state = new_state()
        accepted = [update(state, [1e6, 7.0], n_samples) for _ in range(MAX_CONSECUTIVE_REJECTIONS)]
        assert accepted == [False] * (MAX_CONSECUTIVE_REJECTIONS - 1) + [True]

    def test_usual_samples_restart_the_count_of_rejections(self, n_samples):
        state = new_state()
        for _ in range(3):
            assert not update(state, [1e6, 7.0], n_samples)
        assert state.n_rejections == 3
        assert update(state, [0.5, 7.0], n_samples)
        assert state.n_rejections == 0

    @pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
    @pytest.mark.parametrize("reject_outliers", [False, True])
    def test_moments_that_overflow_are_never_accepted(self, n_samples, reject_outliers):
        state = new_state()
        for _ in range(MAX_CONSECUTIVE_REJECTIONS + 1):
            assert not update(state, [1e300, 7.0], n_samples, reject_outliers=reject_outliers)


def test_without_a_standardizer_only_the_mean_weight_is_updated():
    state = TrainingState(np.zeros(3), np.zeros((0, 3)), np.random.default_rng(0))
    assert update(state, [1e300, 7.0])
    assert (state.mean_weight, state.n_samples) == (1.0, 1)


@TRAINS_BRIEFLY
@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("factor", [1e6, 1e150, 1e300])
def test_outliers_of_a_stream_leave_the_model_unchanged(estimator, solver, engine, factor):
    X, y = data(estimator)
    network = estimator(6, **with_solver(solver, 40), engine=engine, **FEW).fit(X, y)
    before, prediction = snapshot(network), network.predict(X)
    for n_samples in (1, 10):
        with pytest.warns(ConvergenceWarning, match="These samples were not learned"):
            network.partial_fit(factor * X[:n_samples], y[:n_samples])
        np.testing.assert_equal(snapshot(network), before)
        np.testing.assert_array_equal(network.predict(X), prediction)
    network.partial_fit(X, y)


@pytest.mark.parametrize("damage", ["X in other units", "y in other units", "one cell"])
def test_damaged_samples_leave_the_score_unchanged(rng, damage):
    X = rng.normal(size=(300, 5))
    y = 2 * X[:, 0] + np.sin(X[:, 1]) + 0.1 * rng.normal(size=300)
    network = BackpropRegressor(random_state=0).fit(X, y)
    before = network.score(X, y)
    inputs, target = X[:20].copy(), y[:20].copy()
    if damage == "one cell":
        inputs[3, 2] = 1e6
    elif damage == "X in other units":
        inputs *= 1e3
    else:
        target *= 1e3
    with pytest.warns(ConvergenceWarning, match="These samples were not learned"):
        network.partial_fit(inputs, target)
    assert network.score(X, y) == before


def test_stream_whose_scale_changes_for_good_is_learned(rng):
    X = rng.normal(size=(1000, 3))
    X[:300, 1] = 7 + 1e-6 * X[:300, 1]
    y = X[:, 0] + X[:, 2]
    network, n_rejections = BackpropRegressor((20,), random_state=0), 0
    for i in range(1000):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            network.partial_fit(X[i : i + 1], y[i : i + 1])
        n_rejections += len(caught)
    assert n_rejections == MAX_CONSECUTIVE_REJECTIONS - 1
    assert network.score(X[300:], y[300:]) > 0.9
