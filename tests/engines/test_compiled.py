"""The compiled engine gives the numbers of the numpy engine: for every entry of every registry, solver, weights,
dtype."""

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy import sparse, special
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engines import selection as _engines
from skbackprop._training import trainer as _training
from skbackprop.activations import ACTIVATIONS, ELU, LeakyReLU, Tanh
from skbackprop.losses import LOSSES
from skbackprop.optimizers import OPTIMIZERS, Adam, AdamW
from skbackprop.schedules import SCHEDULES
from tests import shared
from tests.shared import BOTH, EACH_SOLVER, announce, theta

pytest.importorskip("numba")

#: Not Adam, which makes whole steps of the rounding of a gradient that is zero, as those of standardised data can be.
SETTINGS = {"hidden_layer_sizes": (6, 5), "optimizer": "nesterov", "batch_size": 40, "max_iter": 4}
SETTINGS |= {"tol": None, "random_state": 0}
STEPS = [optimizer for name, optimizer in OPTIMIZERS.items() if name != "lbfgs"]


def data(estimator):
    """Shared data, a target above 0 for the losses that want one."""
    X, y = shared.data(estimator)
    return X, (y if estimator is BackpropClassifier else y + 1.3)


def both_engines(estimator, X, y, weight=None, **params):
    """Fit by each engine."""
    return [
        estimator(**(SETTINGS | params), engine=engine).fit(X, y, sample_weight=weight) for engine in ("numpy", "numba")
    ]


def assert_same(ours, compiled, rtol=1e-10):
    scale = np.abs(theta(ours)).max()
    np.testing.assert_allclose(theta(compiled), theta(ours), rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(compiled._state.optimizer_state, ours._state.optimizer_state, rtol=1e3 * rtol, atol=rtol)
    np.testing.assert_allclose(compiled.loss_curve_, ours.loss_curve_, rtol=rtol)
    assert (compiled.t_, compiled.n_iter_, compiled.learning_rate_) == (ours.t_, ours.n_iter_, ours.learning_rate_)


@EACH_SOLVER
@pytest.mark.parametrize(
    "activation", [*ACTIVATIONS.values(), LeakyReLU(0.3), ELU(1.7), ["tanh", "relu"]], ids=lambda value: str(value)
)
def test_every_activation(activation, solver):
    assert_same(*both_engines(BackpropRegressor, *data(BackpropRegressor), activation=activation, solver=solver))


@EACH_SOLVER
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("key", LOSSES, ids=" ".join)
def test_every_loss(key, weighted, solver, rng):
    name, output_activation = key
    estimator = BackpropClassifier if output_activation in ("logistic", "softmax") else BackpropRegressor
    X, y = data(estimator)
    weight = rng.integers(0, 3, len(y)) * 0.7 if weighted else None
    params = {"loss": name, "output_activation": output_activation, "solver": solver, "activation": "tanh"}
    assert_same(*both_engines(estimator, X, y, weight, **params))
    if estimator is BackpropClassifier:
        assert_same(*both_engines(estimator, X, y == 1, weight, **params))
    elif output_activation != "sorted":
        y = np.column_stack([y, 3 - y, X[:, 0] ** 2 + 0.1])
        assert_same(*both_engines(estimator, X, y, weight, **params))


@EACH_SOLVER
@pytest.mark.parametrize("optimizer", [*STEPS, Adam(0.5, 0.7, 0.1), AdamW(weight_decay=3.0)], ids=repr)
def test_every_optimizer(optimizer, solver):
    params = {"optimizer": optimizer, "solver": solver, "activation": "tanh"}
    assert_same(*both_engines(BackpropClassifier, *data(BackpropClassifier), **params))


@EACH_SOLVER
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule, solver):
    params = {"learning_rate": schedule, "solver": solver, "activation": "tanh"}
    assert_same(*both_engines(BackpropRegressor, *data(BackpropRegressor), **params))


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("sizes", [(), (7,), (5, 4, 3)])
@pytest.mark.parametrize("alpha", [0, 0.1])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_depth_penalty_and_order(estimator, solver, sizes, alpha, shuffle):
    params = {"hidden_layer_sizes": sizes, "alpha": alpha, "shuffle": shuffle, "solver": solver, "activation": "tanh"}
    assert_same(*both_engines(estimator, *data(estimator), **params))


@BOTH
@EACH_SOLVER
def test_float32(estimator, solver):
    X, y = data(estimator)
    ours, compiled = both_engines(estimator, X.astype(np.float32), y, solver=solver, activation="gelu")
    assert theta(compiled).dtype == np.float32
    np.testing.assert_allclose(theta(compiled), theta(ours), rtol=1e-3, atol=1e-4)


@EACH_SOLVER
def test_chunks_of_a_batch(solver, monkeypatch):
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_ROWS", 7)
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
    params = {"solver": solver, "activation": "tanh", "alpha": 0.1}
    for weight in (None, np.arange(150.0)):
        assert_same(*both_engines(BackpropRegressor, *data(BackpropRegressor), weight, **params))


@BOTH
@EACH_SOLVER
def test_going_on_is_exact_and_engines_can_take_over_from_each_other(estimator, solver):
    X, y = data(estimator)
    params = SETTINGS | {"solver": solver, "activation": "tanh"}
    whole, by_numpy = (estimator(**params, engine=engine).fit(X, y) for engine in ("numba", "numpy"))
    steps = estimator(**params, engine="numba")
    mixed = estimator(**params)
    for engine in ("numba", "numpy", "numba", "numpy"):
        steps.partial_fit(X, y, **announce(estimator))
        mixed.set_params(engine=engine).partial_fit(X, y, **announce(estimator))
    np.testing.assert_array_equal(theta(steps), theta(whole))
    assert_same(by_numpy, mixed)


def test_batches_of_weight_zero_are_passed_over():
    X, y = data(BackpropRegressor)
    weight = np.ones(150)
    weight[40:80] = 0
    ours, compiled = both_engines(BackpropRegressor, X, y, weight, shuffle=False, activation="tanh")
    assert compiled.t_ == 4 * 3
    assert_same(ours, compiled)


def test_read_only_data_are_not_compiled_for_again_and_stay_as_they_are():
    from skbackprop._engines._numba import kernel as _kernel

    X, y = data(BackpropRegressor)
    expected = BackpropRegressor(**SETTINGS, engine="numba").fit(X, y)
    n_compiled = len(_kernel.epoch.signatures)
    for array in (X, y):
        array.flags.writeable = False
    network = BackpropRegressor(**SETTINGS, engine="numba").fit(X, y)
    np.testing.assert_array_equal(theta(network), theta(expected))
    assert len(_kernel.epoch.signatures) == n_compiled


def test_threads_share_the_machine():
    X, y = load_iris(return_X_y=True)
    network = BackpropClassifier(10, engine="numba", max_iter=20, tol=None, random_state=0)
    grid = {"learning_rate": [0.01, 0.1]}
    with joblib.parallel_config("threading"):
        threads = GridSearchCV(network, grid, cv=3, n_jobs=2).fit(X, y)
    serial = GridSearchCV(network, grid, cv=3).fit(X, y)
    np.testing.assert_array_equal(threads.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])


class Mine(Tanh):
    """A user's own activation, which the kernel cannot know."""


@pytest.mark.parametrize(
    ("params", "make", "reason"),
    [
        ({}, sparse.csr_array, "X is sparse"),
        ({"solver": "batch", "optimizer": "lbfgs"}, np.asarray, "scipy makes the steps of optimizer='lbfgs'"),
        ({"activation": Mine()}, np.asarray, r"Mine\(\) is not one of the package's own"),
    ],
)
def test_what_the_kernel_does_not_know(params, make, reason, monkeypatch):
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match=f"engine='numba' cannot train this: {reason}.* Use engine='auto'"):
        BackpropRegressor(**(SETTINGS | params), engine="numba").fit(make(X), y)
    monkeypatch.setattr(_engines, "WORTH_SECONDS", 0)
    monkeypatch.setattr(_engines, "is_compiled", lambda: True)
    assert BackpropRegressor(**(SETTINGS | params)).fit(make(X), y).n_iter_ == 4


@pytest.mark.parametrize("solver", ["batch", "minibatch"])
def test_fortran_order_is_taken_too(solver):
    X, y = data(BackpropRegressor)
    network, other = (BackpropRegressor(**SETTINGS, solver=solver, engine="numba") for _ in range(2))
    np.testing.assert_array_equal(theta(network.fit(np.asfortranarray(X), y)), theta(other.fit(X, y)))


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("dropout", [0.3, (0.0, 0.5)], ids=str)
def test_dropout_l1_and_clipping(estimator, solver, standardize, dropout):
    params = {"dropout": dropout, "l1_ratio": 0.4, "alpha": 0.01, "clip_norm": 0.5}
    params |= {"standardize": standardize, "solver": solver, "activation": "tanh"}
    assert_same(*both_engines(estimator, *data(estimator), **params))


@EACH_SOLVER
def test_arrays_of_other_shapes_never_reach_the_kernel(solver):
    X, y = data(BackpropClassifier)
    network = BackpropClassifier(4, engine="numba", solver=solver, random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    network.classes_ = np.arange(400)  # nobody should; the kernel itself checks no index
    with pytest.raises(ValueError, match="Arrays changed their shapes"):
        network.partial_fit(X, y)


def test_a_changed_source_is_compiled_anew(tmp_path):
    from skbackprop._engines._numba import kernel
    from skbackprop._engines._numba import math as vector_math

    assert "cache" not in vector_math.OPTIONS  # a function kept by itself would keep what it calls
    folder = tmp_path / "_engines" / "_numba"
    folder.mkdir(parents=True)
    (tmp_path / "_core").mkdir()
    before = kernel.fingerprint()
    for name in kernel.SOURCES:
        (folder / f"{name}.py").write_bytes((Path(kernel.__file__).parent / f"{name}.py").read_bytes())
    assert kernel.fingerprint(folder) == before
    with (folder / "math.py").open("a") as file:
        file.write("# changed")
    assert kernel.fingerprint(folder) != before


def test_read_only_rows_are_let_go():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(**SETTINGS, engine="numba")
    for _ in range(3):
        rows = X.copy()
        rows.flags.writeable = False
        network.partial_fit(rows, y)
    alive = weakref.ref(rows)
    gc.disable()
    try:
        del rows
        assert alive() is None
    finally:
        gc.enable()


class TestAuto:
    @pytest.fixture
    def engines(self, monkeypatch):
        """The engines that were used, in order."""
        used = []

        def spy(engine, *rest):
            used.append(engine.__name__)
            return _training.Trainer(engine, *rest)

        monkeypatch.setattr("skbackprop._estimators.fitting.Trainer", spy)
        monkeypatch.setattr(_engines, "is_compiled", lambda: True)
        return used

    def test_small_work_is_numpys_and_large_work_numbas(self, engines, rng, monkeypatch):
        X = rng.normal(size=(5_000, 5))
        for max_iter in (1, 40):
            BackpropRegressor(4, max_iter=max_iter, tol=None).fit(X, X[:, 0])
        assert engines == ["skbackprop._engines.numpy_engine", "skbackprop._engines.numba_engine"]
        monkeypatch.setattr(_engines, "is_compiled", lambda: False)
        BackpropRegressor(4, max_iter=40).fit(X, X[:, 0])
        assert engines[2] == "skbackprop._engines.numpy_engine"
        monkeypatch.setattr(_engines, "WORTH_COMPILING_SECONDS", 0.05)
        BackpropRegressor(4, max_iter=40).fit(X, X[:, 0])
        assert engines[3] == "skbackprop._engines.numba_engine"

    def test_fit_and_partial_fit_choose_the_same(self, engines, rng):
        X = rng.normal(size=(5_000, 5))
        network = BackpropRegressor(4, max_iter=40)
        network.fit(X, X[:, 0])
        network.partial_fit(X, X[:, 0])
        assert engines == ["skbackprop._engines.numba_engine"] * 2

    def test_a_compiled_kernel_is_found_and_an_outdated_one_is_not(self, tmp_path, monkeypatch):
        is_compiled = _engines.is_compiled.__wrapped__
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        assert not is_compiled()
        index = tmp_path / "skbackprop_1" / "kernel.compiled.locals.epoch-1.py311.nbi"
        index.parent.mkdir()
        index.touch()
        assert is_compiled()
        os.utime(index, (0, 0))
        assert not is_compiled()

    def test_without_numba_it_is_numpy_and_asking_for_numba_says_what_to_install(self):
        code = """
import sys
sys.modules["numba"] = None
from skbackprop import BackpropRegressor
from skbackprop._engines import selection as _engines
_engines.WORTH_SECONDS = _engines.WORTH_COMPILING_SECONDS = 0
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
BackpropRegressor(2, max_iter=1, tol=None).fit(X, y)
try:
    BackpropRegressor(2, engine="numba").fit(X, y)
except ImportError as error:
    print(error)
"""
        said = subprocess.check_output([sys.executable, "-c", code], text=True)
        assert said.strip() == "engine='numba' needs numba: pip install 'skbackprop[numba]', or use 'auto'."

    def test_where_numba_cannot_keep_its_kernel_it_is_numpy(self):
        code = """
import sys
class NoCache:
    def find_spec(self, name, path, target=None):
        if name == "skbackprop._engines._numba.kernel":
            raise RuntimeError("cannot cache function: no locator available")
sys.meta_path.insert(0, NoCache())
from skbackprop import BackpropRegressor
from skbackprop._engines import selection as _engines
_engines.WORTH_SECONDS = _engines.WORTH_COMPILING_SECONDS = 0
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
print(BackpropRegressor(2, max_iter=1, tol=None).fit(X, y).n_iter_)
try:
    BackpropRegressor(2, engine="numba").fit(X, y)
except RuntimeError as error:
    print(error)
"""
        said = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()
        assert said == ["1", "cannot cache function: no locator available"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vector_math_is_scipys_to_the_last_places(dtype):
    from skbackprop._engines._numba import math as _vector_math

    largest, smallest = (80, 1e-30) if dtype == np.float32 else (700, 1e-300)
    powers = np.geomspace(smallest, largest, 500)
    x = np.concatenate([np.linspace(-40, 40, 4001), powers, -powers]).astype(dtype)
    functions = {
        "exp": np.exp,
        "expm1": np.expm1,
        "tanh": np.tanh,
        "logistic": special.expit,
        "softplus": lambda x: np.logaddexp(x, 0),
        "normal_cdf": special.ndtr,
    }
    for name, reference in functions.items():
        function = getattr(_vector_math, name)
        values = np.array([function(value) for value in x])
        assert all(signature.return_type == signature.args[0] for signature in function.nopython_signatures)
        # In the far tail of the normal distribution exp(-y^2) multiplies the rounding of y^2.
        tolerance = 5000 if name == "normal_cdf" else 9
        expected = reference(x.astype(np.float64))
        np.testing.assert_allclose(
            values, expected, rtol=tolerance * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny, err_msg=name
        )
