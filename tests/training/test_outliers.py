"""Outliers in a stream: samples far from all earlier ones are rejected, until they keep coming."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.standardizer import MAX_ABS_ZSCORE, Standardizer
from skbackprop._training.outliers import (
    MAX_CONSECUTIVE_REJECTIONS,
    MIN_SAMPLES,
    update_moments,
)
from skbackprop._training.state import TrainingState
from skbackprop.exceptions import DataWarning
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
    """Return whether any of some equal samples is accepted."""
    return update_moments(state, samples(values, n_samples), reject_outliers=reject_outliers) is not None


def update_with(state, flags, size):
    """Update with samples of which some are outliers, in calls of up to `size`; return which are accepted."""
    accepted = []
    for start in range(0, len(flags), size):
        part = np.asarray(flags[start : start + size], bool)
        X = np.column_stack([np.where(part, 1e6, 0.5), np.full(len(part), 7.0)])
        kept = update_moments(state, Dataset(X, np.zeros((len(part), 1))), reject_outliers=True)
        accepted += np.isin(np.arange(len(part)), [] if kept is None else kept.indices()).tolist()
    return accepted


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

    @pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
    @pytest.mark.parametrize("reject_outliers", [False, True])
    @pytest.mark.parametrize("n_known", [MIN_SAMPLES - 2, MIN_SAMPLES])
    def test_moments_that_overflow_are_never_accepted(self, n_samples, reject_outliers, n_known):
        state = new_state(n_known)
        for _ in range(MAX_CONSECUTIVE_REJECTIONS + 1):
            assert not update(state, [1e300, 7.0], n_samples, reject_outliers=reject_outliers)
        n_rejected = reject_outliers * n_samples * (MAX_CONSECUTIVE_REJECTIONS + 1)
        assert (state.n_rejected, state.n_rejections) == (n_rejected, n_rejected)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
class TestConsecutiveOutliers:
    def test_fewer_than_ten_are_rejected(self, size):
        state, flags = new_state(), [0, 0, *9 * [1], 0, 1, 0, 1, 1, 0]
        assert update_with(state, flags, size) == [not flag for flag in flags]
        assert (state.n_rejected, state.n_rejections) == (12, 0)

    def test_those_at_the_end_are_counted_on(self, size):
        state = new_state()
        update_with(state, [0, 1, 0, 1, 1, 1], size)
        assert (state.n_rejected, state.n_rejections) == (4, 3)
        update_with(state, [1, 1, 0], size)
        assert (state.n_rejected, state.n_rejections) == (6, 0)

    def test_ten_are_accepted_in_the_call_that_completes_them(self, size):
        state = new_state()
        n_before = 10 // size * size  # samples before the call with the tenth outlier, the eleventh sample
        accepted = update_with(state, [0, *12 * [1]], size)
        assert accepted == [True, *max(n_before - 1, 0) * [False], *(13 - max(n_before, 1)) * [True]]
        assert state.n_rejected == max(n_before - 1, 0)


def test_samples_of_weight_zero_do_not_interrupt_a_run():
    state, weight = new_state(), np.ones(12)
    weight[5] = weight[7] = 0
    X = np.tile([1e6, 7.0], (12, 1))
    X[5, 0] = 0.5
    excluded = np.array([5, 7], np.uint32)
    kept = update_moments(state, Dataset(X, np.zeros((12, 1)), weight, None, excluded), reject_outliers=True)
    np.testing.assert_array_equal(kept.excluded, excluded)
    assert state.n_rejected == 0
    weight[3], excluded = 0, np.array([3, 5, 7], np.uint32)
    state = new_state()
    assert update_moments(state, Dataset(X, np.zeros((12, 1)), weight, None, excluded), reject_outliers=True) is None
    assert (state.n_rejected, state.n_rejections) == (9, 9)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_overflow_in_a_run_of_outliers_is_not_accepted():
    state, X = new_state(), np.tile([1e6, 7.0], (12, 1))
    X[4, 0] = 1e200
    kept = update_moments(state, Dataset(X, np.zeros((12, 1))), reject_outliers=True)
    assert kept.excluded.tolist() == [4]
    assert (state.n_rejected, state.n_rejections) == (1, 12)


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
    for n_samples in (1, 8):
        with pytest.warns(DataWarning, match=f"rejected {n_samples} of {n_samples} samples as outliers"):
            network.partial_fit(factor * X[:n_samples], y[:n_samples])
        np.testing.assert_equal(snapshot(network), before)
        np.testing.assert_array_equal(network.predict(X), prediction)
    assert network.n_rejected_ == 9
    network.partial_fit(X, y)
    assert network.n_rejected_ == 9


def damaged(X, y, kind, is_damaged):
    """Return copies of the samples with some of them damaged."""
    X, y = X.copy(), y.copy()
    if kind == "one cell":
        X[is_damaged, 1] = 1e6 * (X[is_damaged, 1] + 1)
    elif kind == "target":
        y[is_damaged] = 1e6 * (y[is_damaged] + 1)
    else:
        X[is_damaged] = -1e9
    return X, y


@pytest.fixture(scope="module")
def stream():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1300, 4))
    return X, np.sin(X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=1300)


KINDS_OF_X = {
    "dense": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "Fortran-ordered": np.asfortranarray,
    "CSR": lambda X: sparse.csr_matrix(np.where(np.abs(X) > 0.3, X, 0)),
    "CSR array": lambda X: sparse.csr_array(np.where(np.abs(X) > 0.3, X, 0)),
}


@TRAINS_BRIEFLY
@BOTH
@ENGINES
@pytest.mark.parametrize("container", KINDS_OF_X)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [7, 100, 1000])
def test_a_call_is_learned_from_as_if_its_outliers_had_weight_zero(
    stream, estimator, engine, container, weighted, size
):
    X, y = stream
    y = y if estimator is BackpropRegressor else (y > 0).astype(int)
    is_damaged = np.zeros(len(X), bool)
    is_damaged[300::31] = True
    X = KINDS_OF_X[container](damaged(X, y, "one cell", is_damaged)[0])
    weight = np.linspace(0.5, 2, len(y)) if weighted else np.ones(len(y))
    if engine == "numba" and sparse.issparse(X):
        pytest.skip("which takes dense samples only")
    options = {"hidden_layer_sizes": 5, "engine": engine, "alpha": 0.001, "learning_rate": 0.01, **FEW}
    one, other = (estimator(**options).fit(X[:300], y[:300], weight[:300]) for _ in range(2))
    for start in range(300, 1300, size):
        part = slice(start, start + size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            one.partial_fit(X[part], y[part], sample_weight=weight[part] if weighted else None)
        other.partial_fit(X[part], y[part], sample_weight=np.where(is_damaged, 0, weight)[part])
    assert one.n_rejected_ == is_damaged[300:].sum()
    assert other.n_rejected_ == 0
    assert one._state.n_samples == other._state.n_samples
    if weighted:
        np.testing.assert_equal(snapshot(one), snapshot(other))
    else:  # weights of 1 are rounded differently
        np.testing.assert_allclose(one._state.theta, other._state.theta, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["one cell", "target", "all cells"])
@pytest.mark.parametrize("size", [1, 100])
def test_stream_with_damaged_samples_is_learned_as_well_as_without_them(rng, kind, size):
    n = 20_000 if size > 1 else 5000
    X = rng.normal(size=(n + 1000, 5))
    y = 2 * X[:, 0] + np.sin(X[:, 1]) + 0.1 * rng.normal(size=len(X))
    is_damaged = np.zeros(len(X), bool)
    is_damaged[rng.choice(np.arange(200, n), n // 1000, replace=False)] = True
    dirty, target = damaged(X, y, kind, is_damaged)
    keep = np.flatnonzero(~is_damaged[:n])
    errors = []
    for inputs, targets in ((dirty[:n], target[:n]), (X[keep], y[keep])):
        network = BackpropRegressor((20,), random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            for start in range(0, len(inputs), size):
                network.partial_fit(inputs[start : start + size], targets[start : start + size])
        errors.append(np.mean((network.predict(X[n:]) - y[n:]) ** 2))
        assert network.n_rejected_ == (n // 1000 if not len(errors) - 1 else 0)
    assert errors[0] <= 1.05 * errors[1]


def test_chunk_with_a_damaged_sample_is_learned_from(rng):
    X = rng.normal(size=(3000, 3))
    y = X[:, 0] - X[:, 2]
    X[500::1000, 1] = 1e6
    network = BackpropRegressor((20,), random_state=0)
    network.partial_fit(X[:200], y[:200])
    for start in range(0, 3000, 1000):
        with pytest.warns(DataWarning, match="rejected 1 of 1000 samples"):
            network.partial_fit(X[start : start + 1000], y[start : start + 1000])
    assert (network.n_iter_, network.n_rejected_) == (4, 3)


@pytest.mark.parametrize("damage", ["X in other units", "y in other units", "one cell"])
def test_damaged_samples_leave_the_score_unchanged(rng, damage):
    X = rng.normal(size=(300, 5))
    y = 2 * X[:, 0] + np.sin(X[:, 1]) + 0.1 * rng.normal(size=300)
    network = BackpropRegressor(random_state=0).fit(X, y)
    before = network.score(X, y)
    inputs, target = X[: MAX_CONSECUTIVE_REJECTIONS - 1].copy(), y[: MAX_CONSECUTIVE_REJECTIONS - 1].copy()
    if damage == "one cell":
        inputs[:, 2] = 1e6
    elif damage == "X in other units":
        inputs *= 1e5
    else:
        target *= 1e5
    with pytest.warns(DataWarning, match="partial_fit rejected 9 of 9 samples"):
        network.partial_fit(inputs, target)
    assert network.score(X, y) == before


@TRAINS_BRIEFLY
@pytest.mark.parametrize("size", [1, 9])
def test_gross_errors_in_the_target_are_no_outliers_for_a_robust_loss(rng, size):
    X = rng.normal(size=(300, 3))
    network = BackpropRegressor(5, loss="huber", **FEW).fit(X, X[:, 0])
    network.partial_fit(X[:size], np.full(size, 1e9))
    assert network.n_rejected_ == 0


def test_file_sorted_by_a_heavy_tailed_column_is_learned_to_its_end(rng):
    X = rng.normal(size=(4000, 3))
    X[:, 1] = np.sort(rng.pareto(0.5, 4000))
    y = X[:, 0] + X[:, 2]
    network = BackpropRegressor((20,), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for start in range(0, 4000, 500):
            network.partial_fit(X[start : start + 500], y[start : start + 500])
    assert network.n_rejected_ < MAX_CONSECUTIVE_REJECTIONS
    assert network.n_iter_ == 8


def test_rejected_samples_are_reported_with_counts(rng):
    X = rng.normal(size=(300, 3))
    network = BackpropRegressor(5, **FEW).fit(X, X[:, 0])
    assert network.n_rejected_ == 0
    X[[3, 7]] *= 1e6
    for _ in range(2):
        with pytest.warns(DataWarning) as caught:
            network.partial_fit(X[:20], X[:20, 0])
        assert len(caught) == 1
        message = str(caught[0].message)
        assert message.startswith("partial_fit rejected 2 of 20 samples as outliers")
        assert "n_rejected_ counts them." in message
        assert caught[0].filename == __file__
    with pytest.warns(DataWarning, match="rejected 1 of 1 samples"):
        network.partial_fit(X[3:4], [1.0])
    assert pickle.loads(pickle.dumps(network)).n_rejected_ == network.n_rejected_ == 5
    assert network.fit(X[10:], X[10:, 1]).n_rejected_ == 0


def test_call_that_fails_rejects_nothing(rng, monkeypatch):
    X = rng.normal(size=(300, 3))
    network = BackpropRegressor(5, engine="numpy", **FEW).fit(X, X[:, 0])
    X[3] = 1e9
    network.partial_fit(X[10:30], X[10:30, 0])

    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(network._fast_path.trainer.engine), "run_epoch", fail)
    with pytest.raises(KeyboardInterrupt):
        network.partial_fit(X[:20], X[:20, 0])
    assert (network.n_rejected_, network._state.n_rejections) == (0, 0)
    monkeypatch.undo()
    with pytest.warns(DataWarning):
        network.partial_fit(X[:20], X[:20, 0])
    assert network.n_rejected_ == 1
    network.partial_fit(X[10:30], X[10:30, 0])


@pytest.mark.parametrize("size", [1, 5, 10, 50])
def test_stream_whose_scale_changes_for_good_is_learned(rng, size):
    X = rng.normal(size=(1000, 3))
    X[:300, 1] = 7 + 1e-6 * X[:300, 1]
    y = X[:, 0] + X[:, 2]
    network = BackpropRegressor((20,), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for start in range(0, 1000, size):
            network.partial_fit(X[start : start + size], y[start : start + size])
    assert network.n_rejected_ == (MAX_CONSECUTIVE_REJECTIONS - 1) // size * size
    assert network.score(X[300:], y[300:]) > 0.9


SENTINELS = pytest.mark.parametrize("sentinel", [-99.0, 999.0, 1e6])


def learned_in_calls(X, y, size):
    network = BackpropRegressor((5,), random_state=0)
    for start in range(0, len(X), size):
        network.partial_fit(X[start : start + size], y[start : start + size])
    return network


@pytest.mark.filterwarnings("ignore:partial_fit rejected .* or a target 5 times as far from the mean:UserWarning")
@SENTINELS
@pytest.mark.parametrize("size", [1, 7, 100])
def test_target_far_beyond_all_others_is_rejected(rng, sentinel, size):
    X = rng.normal(size=(1200, 3))
    y = X[:, 0] + X[:, 1]
    y[[300, 707, 1100]] = sentinel
    assert learned_in_calls(X, y, size).n_rejected_ == 3
    assert learned_in_calls(X, y + 1e6, size).n_rejected_ == 3


@pytest.mark.filterwarnings("ignore:partial_fit rejected:UserWarning")
@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("draw", [lambda z: np.exp(2 * z), lambda z: z**5])
def test_targets_of_heavy_tails_are_learned_from(rng, size, draw):
    X, y = rng.normal(size=(4000, 2)), draw(rng.normal(size=4000))
    assert learned_in_calls(X, y, size).n_rejected_ <= 3


@pytest.mark.filterwarnings("ignore:partial_fit rejected:UserWarning")
@pytest.mark.parametrize("size", [1, 7])
def test_distant_targets_that_come_again_and_again_are_learned_from(rng, size):
    X, z = rng.normal(size=(4000, 2)), rng.normal(size=4000)
    y = np.where(z > 2, 50 * z, z)
    assert learned_in_calls(X, y, size).n_rejected_ <= 10


@TRAINS_BRIEFLY
@SENTINELS
def test_largest_target_is_that_of_the_last_fit_too_and_is_stored(rng, sentinel):
    X = rng.normal(size=(300, 3))
    y = X[:, 0] + X[:, 1]
    y[7] = sentinel
    network = BackpropRegressor((5,), max_iter=2, tol=None, random_state=0).fit(X, y)
    network = pickle.loads(pickle.dumps(network))
    assert network.partial_fit(X[:50], y[:50]).n_rejected_ == 0


@pytest.mark.filterwarnings("ignore:partial_fit rejected:UserWarning")
def test_samples_of_weight_zero_stay_left_out_beside_outliers(rng):
    X, y = rng.normal(size=(400, 2)), rng.normal(size=400)
    X[350] = 1e6
    weight = np.ones(400)
    weight[310:330] = 0
    y[310:330] = 50
    kept = np.delete(np.arange(400), [*range(310, 330), 350])
    left_out, absent = (BackpropRegressor((3,), solver="batch", random_state=0) for _ in range(2))
    left_out.partial_fit(X[:300], y[:300]).partial_fit(X[300:], y[300:], sample_weight=weight[300:])
    absent.partial_fit(X[:300], y[:300]).partial_fit(X[kept[300:]], y[kept[300:]])
    np.testing.assert_allclose(left_out.coefs_[0], absent.coefs_[0], rtol=1e-9)
