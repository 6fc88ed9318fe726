"""Predictions by the compiled forward pass, which equal those of numpy up to rounding."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.network import Network
from skbackprop._engines import numba_engine, prediction
from skbackprop._training.state import TrainingState
from skbackprop.activations import ACTIVATIONS, ReLU
from tests.engines.plain_kernel import require_compiler
from tests.shared import TRAINS_BRIEFLY

pytest.importorskip("numba")
pytestmark = TRAINS_BRIEFLY
PARAMS = {"max_iter": 2, "tol": None, "random_state": 0, "learning_rate": 0.01}


@pytest.fixture(autouse=True)
def _compiled_for_small_input(monkeypatch):
    require_compiler()
    monkeypatch.setattr(prediction, "MIN_PRODUCTS", 1)
    for dtype in ("float32", "float64"):
        numba_engine.load_forward(np.dtype(dtype), may_compile=True)


@pytest.fixture
def n_calls(monkeypatch):
    """Count the calls of the compiled forward pass."""
    calls = []

    def run_forward(*arguments):
        calls.append(arguments)
        return numba_engine.run_forward(*arguments)

    monkeypatch.setattr(prediction, "run_forward", run_forward)
    return lambda: len(calls)


def numpy_output(network, X):
    """Return the raw output that numpy computes."""
    return network._config.objective.network.raw_output(network._state.theta, X, network._state.transform)


def assert_agrees(network, X, n_calls):
    before = n_calls()
    raw = network._fitted_model().raw_output(X)
    assert n_calls() == before + 1
    rtol = 1e-4 if X.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(raw, numpy_output(network, X), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_activation(activation, dtype, rng, n_calls):
    X = rng.normal(size=(50, 4)).astype(dtype)
    network = BackpropRegressor((5, 3), activation=activation, engine="numba", **PARAMS).fit(X, X[:, 0])
    assert_agrees(network, X, n_calls)


@pytest.mark.parametrize("hidden", [(), (1,), (7,), (3, 9), (4, 4, 4)])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("n_samples", [1, 255, 256, 257, 1000])
def test_every_depth_and_number_of_samples(hidden, standardize, n_samples, rng, n_calls):
    X = rng.normal(3, 2, size=(1000, 4))
    network = BackpropRegressor(hidden, standardize=standardize, engine="numba", **PARAMS)
    network.fit(X, np.column_stack([X[:, 0], X[:, 1] * X[:, 2]]))
    assert_agrees(network, X[:n_samples], n_calls)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_uses_it_for_all_its_predictions(n_classes, rng, n_calls):
    X = rng.normal(size=(300, 4))
    network = BackpropClassifier((5,), engine="numba", **PARAMS).fit(X, rng.integers(n_classes, size=300))
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        before = n_calls()
        getattr(network, method)(X)
        assert n_calls() == before + 1
    assert_agrees(network, X, n_calls)


def test_read_only_samples_and_weights_are_taken_as_they_are(rng, n_calls, tmp_path):
    X = rng.normal(size=(300, 4))
    network = BackpropRegressor((5,), engine="numba", **PARAMS).fit(X, X[:, 0])
    expected = network.predict(X)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    network._state.theta.flags.writeable = False
    np.testing.assert_array_equal(network.predict(mapped), expected)
    assert n_calls() == 2


class Shifted(ReLU):
    """A custom activation, whose array form differs from the scalar form that it inherits."""

    def function(self, z, out):
        np.maximum(z, 0.5, out=out)


@pytest.mark.parametrize(
    ("params", "convert"),
    [
        ({"engine": "numpy"}, np.asarray),
        ({"engine": "numba"}, np.asfortranarray),
        ({"engine": "numba"}, sparse.csr_matrix),
        ({"engine": "numba"}, lambda X: X.astype(np.int8)),
        ({"activation": Shifted()}, np.asarray),
    ],
)
def test_what_it_does_not_support_is_left_to_numpy(params, convert, rng, n_calls):
    X = np.rint(rng.normal(scale=3, size=(12_000, 4)))
    network = BackpropRegressor((5,), **{**PARAMS, **params}).fit(X, X[:, 0])
    expected = network._fitted_model().outputs(numpy_output(network, X))[:, 0]
    np.testing.assert_allclose(network.predict(convert(X)), expected, rtol=1e-11)
    assert n_calls() == 0


def test_where_it_is_not_available_numpy_predicts(monkeypatch, rng, n_calls):
    X = rng.normal(size=(300, 4))
    network = BackpropRegressor((5,), engine="numba", **PARAMS).fit(X, X[:, 0])
    monkeypatch.setattr(prediction, "load_forward", lambda dtype: None)
    np.testing.assert_array_equal(network.predict(X), network._fitted_model().outputs(numpy_output(network, X))[:, 0])
    assert n_calls() == 0


def test_where_it_fails_numpy_predicts_with_a_warning(monkeypatch, rng):
    X = rng.normal(size=(300, 4))
    network = BackpropRegressor((5,), engine="numba", **PARAMS).fit(X, X[:, 0])
    expected = network._fitted_model().outputs(numpy_output(network, X))[:, 0]

    def run_forward(*arguments):
        raise SystemError("broken")

    monkeypatch.setattr(prediction, "run_forward", run_forward)
    with pytest.warns(RuntimeWarning, match=r"Predicting with numpy.*SystemError: broken.*engine='numpy'"):
        np.testing.assert_array_equal(network.predict(X), expected)


def test_small_input_does_not_load_it(monkeypatch, rng, n_calls):
    monkeypatch.undo()
    X = rng.normal(size=(300, 4))
    network = BackpropRegressor((5,), engine="numba", **PARAMS).fit(X, X[:, 0])
    monkeypatch.setattr(prediction, "load_forward", lambda dtype: pytest.fail("loaded"))
    network.predict(X)


def test_samples_that_overflow_are_corrected_as_without_it(rng, n_calls):
    X = rng.normal(size=(300, 4))
    network = BackpropClassifier((5,), engine="numba", **PARAMS).fit(X, X[:, 0] > 0)
    far = X * 1e307
    np.testing.assert_array_equal(network.predict(far), network.predict(X * 1e100))


def test_memory_does_not_grow_with_the_layers(rng, n_calls):
    X = rng.normal(size=(20_000, 4))
    network = BackpropRegressor((200, 100), engine="numba", **PARAMS).fit(X[:100], X[:100, 0])
    network.predict(X)
    tracemalloc.start()
    network.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_calls() == 2
    assert peak < 20_000 * 8 * 4 + 256 * 410 * 8


def test_predictions_that_take_numpy_a_moment_do_not_load_the_kernel(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(prediction, "load_forward", lambda dtype: pytest.fail("the import of numba takes far longer"))
    network = Network((20, 100, 1), (ACTIVATIONS["relu"],))
    state = TrainingState(np.zeros(network.n_parameters), np.zeros((0, network.n_parameters)), np.random.default_rng(0))
    X = np.ones((60_000, 20))
    assert not prediction.raw_output(network, state, X, "numba").any()
    with pytest.raises(pytest.fail.Exception):
        prediction.raw_output(network, state, np.broadcast_to(X[0], (600_000, 20)).copy(), "numba")
