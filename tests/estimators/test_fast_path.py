"""The short way in for input that is plainly fine does what the full way does, and lets nothing wrong in."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array

from skbackprop import BackpropRegressor
from skbackprop._estimators.fast_path import Snapshot, is_plain
from skbackprop.optimizers import Adam
from skbackprop.schedules import InverseScaling
from tests.shared import BOTH, EACH_SOLVER, announce, data, theta


@pytest.fixture
def full_ways(monkeypatch):
    """How often the full way was taken."""
    taken = []
    original = BackpropRegressor._check_and_train

    def spy(self, *arguments):
        taken.append(1)
        return original(self, *arguments)

    monkeypatch.setattr("skbackprop._estimators.fitting.Fitting._check_and_train", spy)
    return taken


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_stream_learns_the_same_with_and_without_the_fast_path(estimator, solver, size, engine, full_ways):
    if engine == "numba":
        pytest.importorskip("numba")
    X, y = data(estimator)
    short, full = (estimator(6, solver=solver, batch_size=2, engine=engine, random_state=0) for _ in range(2))
    for start in range(0, 40, size):
        rows = slice(start, start + size)
        short.partial_fit(X[rows], y[rows], **announce(estimator))
    assert len(full_ways) == 1
    for start in range(0, 40, size):
        rows = slice(start, start + size)
        full.partial_fit(X[rows].tolist(), y[rows].tolist(), **announce(estimator))
    assert len(full_ways) == 1 + 40 // size
    np.testing.assert_array_equal(theta(short), theta(full))
    assert short.loss_curve_ == full.loss_curve_
    np.testing.assert_array_equal(short.predict(X), short.predict(X.tolist()))


CHANGES = {
    "a parameter": lambda network, X, y: network.set_params(learning_rate=0.1).partial_fit(X, y),
    "a record": lambda network, X, y: network.set_params(optimizer=Adam(0.5)).partial_fit(X, y),
    "weights": lambda network, X, y: network.partial_fit(X, y, sample_weight=[1.0] * len(y)),
    "another number of rows": lambda network, X, y: network.partial_fit(X[:3], y[:3]),
    "another dtype": lambda network, X, y: network.partial_fit(X.astype(np.float32), y),
    "another order": lambda network, X, y: network.partial_fit(np.asfortranarray(X), y),
    "a new fit": lambda network, X, y: network.set_params(max_iter=1, tol=None).fit(X, y).partial_fit(X, y),
    "a stored estimator": lambda network, X, y: pickle.loads(pickle.dumps(network)).partial_fit(X, y),
}


@BOTH
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_validated(estimator, change, full_ways):
    X, y = data(estimator)
    network = estimator(6, random_state=0).partial_fit(X, y, **announce(estimator))
    before = len(full_ways)
    CHANGES[change](network, X, y)
    assert len(full_ways) > before


@BOTH
@EACH_SOLVER
def test_dense_samples_may_follow_sparse_samples(estimator, solver):
    X, y = data(estimator)
    after_sparse, as_list = (
        estimator(6, solver=solver, engine="numpy", random_state=0).partial_fit(csr_array(X), y, **announce(estimator))
        for _ in range(2)
    )
    after_sparse.partial_fit(X, y).partial_fit(csr_array(X), y)
    as_list.partial_fit(X.tolist(), y).partial_fit(csr_array(X), y)
    np.testing.assert_array_equal(theta(after_sparse), theta(as_list))


@BOTH
def test_fit_resets_the_fast_path(estimator):
    X, y = data(estimator)
    network = estimator(6, random_state=0).partial_fit(X, y, **announce(estimator))
    assert network._trainer[0] is not None
    network.set_params(max_iter=1, tol=None).fit(X, y)
    assert network._trainer[0] is None


@BOTH
def test_changed_hyperparameter_object_takes_effect(estimator, full_ways):
    X, y = data(estimator)
    network = estimator(6, optimizer=Adam(), random_state=0).partial_fit(X, y, **announce(estimator))
    network.optimizer.set_params(beta_1=0.1)
    network.partial_fit(X, y)
    assert len(full_ways) == 2


@BOTH
def test_invalid_samples_raise_the_usual_errors(estimator):
    X, y = data(estimator)
    network = estimator(6, random_state=0).partial_fit(X[:1], y[:1], **announce(estimator)).partial_fit(X[1:2], y[1:2])
    before = theta(network).copy()
    for x, message in ((np.array([[1.0, np.nan, 0, 0]]), "contains NaN"), (np.array([[1, 2, np.inf, 0]]), "infinity")):
        with pytest.raises(ValueError, match=message):
            network.partial_fit(x, y[:1])
        with pytest.raises(ValueError, match=message):
            network.predict(x)
    with pytest.raises(ValueError, match="2 features"):
        network.partial_fit(X[:1, :2].copy(), y[:1])
    with pytest.raises(ValueError, match=r"inconsistent|Found input"):
        network.partial_fit(X[:1], y[:2])
    if announce(estimator):
        with pytest.raises(ValueError, match="classes must be a list of labels, got 3"):
            network.partial_fit(X[:1], y[:1], classes=3)
    with pytest.raises(ValueError, match=r"unseen|NaN"):
        network.partial_fit(X[:1], y[:1] + (7 if y.dtype.kind == "i" else np.nan))
    np.testing.assert_array_equal(theta(network), before)


def test_target_too_large_for_float32_raises_the_usual_error():
    X, y = data(BackpropRegressor)
    X = X.astype(np.float32)
    network = BackpropRegressor(6, random_state=0).partial_fit(X, y).partial_fit(X, y)
    with pytest.raises(ValueError, match="y contains infinity or a value too large for dtype"):
        network.partial_fit(X, 1e60 * y)


def test_is_plain():
    X = np.ones((3, 2))
    assert is_plain(X, X.dtype, (None, 2))
    assert is_plain(X, X.dtype, (3, 2))
    for other in (X.tolist(), X.astype(np.float32), X[:, :1], X[:0], X.T.copy(), np.asfortranarray(X), X * np.nan):
        assert not is_plain(other, X.dtype, (None, 2))


def test_snapshot_detects_every_change():
    values = [1, "a", None, 0.5, True, (1, 2), [1, 2], np.int64(3), Adam(0.5)]
    snapshot = Snapshot(values)
    assert snapshot.is_plain
    assert snapshot.is_still(values)
    for place, other in ((0, 1.0), (0, True), (5, [1, 2]), (7, np.int64(4))):
        assert not snapshot.is_still([*values[:place], other, *values[place + 1 :]])
    values[6].append(3)
    assert not snapshot.is_still(values)
    values[6].pop()
    values[8].set_params(beta_1=0.6)
    assert not snapshot.is_still(values)
    for value in (np.ones(2), (1, [2]), np.random.RandomState(0), {1: 2.0}):
        assert not Snapshot([1, value]).is_plain


@BOTH
def test_fast_path_accepts_parameters_in_every_form(estimator, full_ways):
    X, y = data(estimator)
    network = estimator([6], optimizer=Adam(), learning_rate=InverseScaling(), random_state=np.random.RandomState(0))
    for _ in range(3):
        network.partial_fit(X, y, **announce(estimator))
    assert len(full_ways) == 1
    network.set_params(max_iter=200.0)
    with pytest.raises(ValueError, match="max_iter"):
        network.partial_fit(X, y)
