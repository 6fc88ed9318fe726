"""The compiled engine gives the numbers of the numpy engine: for every entry of every registry, solver and dtype."""

import gc
import weakref

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective
from skbackprop._engines import numba_engine
from skbackprop._engines.selection import ENGINES
from skbackprop._training.config import TrainingConfig
from skbackprop._training.epoch import plan_epoch
from skbackprop._training.state import TrainingState
from skbackprop.activations import ACTIVATIONS, ELU, LeakyReLU, Tanh
from skbackprop.losses import LOSSES, Huber, Quantile, Quantiles, Tweedie
from skbackprop.optimizers import OPTIMIZERS, Adam, AdamW, Momentum, RMSprop
from skbackprop.schedules import SCHEDULES
from tests import shared
from tests.engines.plain_kernel import require_compiler
from tests.shared import BOTH, EACH_SOLVER, TRAINS_BRIEFLY, announce, theta, with_solver

numba = pytest.importorskip("numba")
pytestmark = TRAINS_BRIEFLY

#: Not Adam: where the exact gradient is zero, as with standardized data, it divides rounding errors by rounding errors.
SETTINGS = {"hidden_layer_sizes": (6, 5), "optimizer": "nesterov", "max_iter": 4}
SETTINGS |= {"tol": None, "random_state": 0}
STEPS = [optimizer for name, optimizer in OPTIMIZERS.items() if name != "lbfgs"]


def data(estimator):
    """Shared data, a target above 0 for the losses that want one."""
    X, y = shared.data(estimator)
    return X, (y if estimator is BackpropClassifier else y + 1.3)


def settings(**params):
    """Return the shared settings with some others, and a batch size if the solver has one."""
    return SETTINGS | with_solver(params.get("solver", "minibatch"), 40) | params


def both_engines(estimator, X, y, weight=None, **params):
    """Fit by each engine."""
    return [
        estimator(**settings(**params), engine=engine).fit(X, y, sample_weight=weight) for engine in ("numpy", "numba")
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
@pytest.mark.parametrize(
    "loss",
    [Huber(0.3), Quantile(0.2), Quantiles((0.05, 0.2, 0.5, 0.95)), Tweedie(1.0), Tweedie(2.0), Tweedie(2.7)],
    ids=repr,
)
def test_settings_of_a_loss(loss, solver):
    assert_same(*both_engines(BackpropRegressor, *data(BackpropRegressor), loss=loss, solver=solver, activation="tanh"))


@EACH_SOLVER
@pytest.mark.parametrize(
    "optimizer", [*STEPS, Adam(0.5, 0.7, 0.1), AdamW(weight_decay=3.0), Momentum(0.5), RMSprop(0.5, 0.1)], ids=repr
)
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
    params = {"hidden_layer_sizes": sizes, "alpha": alpha, "solver": solver}
    if solver != "batch":
        params["shuffle"] = shuffle
    if sizes:
        params["activation"] = "tanh"
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
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", 7)
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
    params = {"solver": solver, "activation": "tanh", "alpha": 0.1}
    for weight in (None, np.arange(150.0)):
        assert_same(*both_engines(BackpropRegressor, *data(BackpropRegressor), weight, **params))


@BOTH
@EACH_SOLVER
def test_going_on_is_exact_and_engines_can_take_over_from_each_other(estimator, solver):
    X, y = data(estimator)
    params = settings(solver=solver, activation="tanh", alpha=0.01, learning_rate=0.01)
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
    require_compiler()
    X, y = data(BackpropRegressor)
    expected = BackpropRegressor(**settings(), engine="numba").fit(X, y)
    epoch = kernel_epoch()
    n_compiled = len(epoch.signatures)
    for array in (X, y):
        array.flags.writeable = False
    network = BackpropRegressor(**settings(), engine="numba").fit(X, y)
    np.testing.assert_array_equal(theta(network), theta(expected))
    assert len(epoch.signatures) == n_compiled


def kernel_epoch(dtype="float64"):
    """Return the compiled function, as numba keeps it."""
    from skbackprop._engines._numba import kernel

    return kernel.epoch_function(np.dtype(dtype))


def test_one_compilation_serves_every_depth_loss_and_optimizer():
    require_compiler()
    X, y = data(BackpropRegressor)
    BackpropRegressor(**settings(), engine="numba").fit(X, y)
    epoch = kernel_epoch()
    assert len(epoch.signatures) == 1
    for params in (
        {"hidden_layer_sizes": (), "loss": Quantiles((0.2, 0.8)), "optimizer": "adamw"},
        {"hidden_layer_sizes": (3, 3, 3), "activation": "elu", "dropout": 0.2, "clip_norm": 1, "alpha": 0},
        {"solver": "sgd", "optimizer": "gd", "loss": "absolute_error", "standardize": False},
    ):
        BackpropRegressor(**settings(**params), engine="numba").fit(X, y, sample_weight=y + 2)
    assert len(epoch.signatures) == 1


def test_threads_share_the_machine():
    X, y = load_iris(return_X_y=True)
    network = BackpropClassifier(10, engine="numba", max_iter=20, tol=None, random_state=0)
    grid = {"learning_rate": [0.01, 0.1]}
    with joblib.parallel_config("threading"):
        threads = GridSearchCV(network, grid, cv=3, n_jobs=2).fit(X, y)
    serial = GridSearchCV(network, grid, cv=3).fit(X, y)
    np.testing.assert_array_equal(threads.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])


class Mine(Tanh):
    """A user's activation, which inherits formulas from Tanh but may compute something else."""


@pytest.mark.parametrize(
    ("params", "make", "reason"),
    [
        ({}, sparse.csr_array, "X is sparse"),
        ({"solver": "batch", "optimizer": "lbfgs"}, np.asarray, r"LBFGS\(.*\) has no formula in the compiled kernel"),
        ({"activation": Mine()}, np.asarray, r"Mine\(\) has no formula in the compiled kernel"),
    ],
)
def test_what_the_kernel_does_not_support(params, make, reason, monkeypatch):
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match=f"engine='numba' cannot train this: {reason}.* Use engine='auto'"):
        BackpropRegressor(**settings(**params), engine="numba").fit(make(X), y)
    monkeypatch.setattr(numba_engine, "LOAD_SECONDS", 0)
    monkeypatch.setattr(numba_engine, "COMPILE_SECONDS", 0)
    network = BackpropRegressor(**settings(**params)).fit(make(X), y)
    assert network.engine_ == "numpy"
    assert network.n_iter_ == 4


@pytest.mark.parametrize("solver", ["batch", "minibatch"])
def test_fortran_order_is_taken_too(solver):
    X, y = data(BackpropRegressor)
    network, other = (BackpropRegressor(**settings(solver=solver), engine="numba") for _ in range(2))
    np.testing.assert_array_equal(theta(network.fit(np.asfortranarray(X), y)), theta(other.fit(X, y)))


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("dropout", [0.3, (0.0, 0.5)], ids=str)
def test_dropout_l1_and_clipping(estimator, solver, standardize, dropout):
    params = {"dropout": dropout, "l1_ratio": 0.4, "alpha": 0.01, "clip_norm": 0.5}
    params |= {"standardize": standardize, "solver": solver, "activation": "tanh"}
    assert_same(*both_engines(estimator, *data(estimator), **params))


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_arrays_of_other_shapes_never_reach_the_kernel(batch_size):
    """The kernel itself checks no index."""
    objective = Objective(Network((3, 4, 2), (Tanh(),)), LOSSES["squared_error", "identity"])
    config = TrainingConfig(objective, OPTIMIZERS["momentum"], SCHEDULES["constant"], batch_size, True, 1)
    theta = np.zeros(objective.network.n_parameters)
    state = TrainingState(theta, np.zeros((1, theta.size)), np.random.default_rng(0), mean_weight=1.0)
    data = Dataset(np.ones((5, 3)), np.ones((5, 2)), np.ones(5))
    engine = ENGINES["numba"]
    buffers = engine.make_buffers(config, state, data)
    plan = plan_epoch(config, state, data)
    engine.run_epoch(plan, data, state, buffers)
    for wrong in (data.take(slice(4)), Dataset(data.X, np.ones((5, 3))), Dataset(data.X, data.y, np.ones(4))):
        with pytest.raises(ValueError, match="Arrays changed their shapes"):
            engine.run_epoch(plan, wrong, state, buffers)
    with pytest.raises(ValueError, match="Arrays changed their shapes"):
        engine.run_epoch(plan._replace(learning_rates=plan.learning_rates[:0]), data, state, buffers)
    state.theta = theta[1:]
    with pytest.raises(ValueError, match="Arrays changed their shapes"):
        engine.run_epoch(plan, data, state, buffers)


def test_read_only_rows_are_let_go():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(**settings(), engine="numba")
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "logistic", "softplus", "normal_cdf", "normal_pdf"])
def test_compiled_scalar_math_is_exact_to_the_last_places(name, dtype):
    """The plain Python forms in float64, which scipy and numpy compute, are the reference."""
    from skbackprop import _scalar_math
    from skbackprop._engines._numba import dispatch, math

    largest, smallest = (80, 1e-30) if dtype == np.float32 else (700, 1e-300)
    powers = np.geomspace(smallest, largest, 500)
    x = np.concatenate([np.linspace(-40, 40, 4001), powers, -powers]).astype(dtype)
    plain = getattr(_scalar_math, name)

    dispatch.compiled(plain)  # registers the functions that it calls

    @numba.njit
    def compiled(x):
        return plain(x)

    if numba.config.DISABLE_JIT:
        compiled = getattr(math, name, plain)
        assert type(compiled(x[0])) is dtype
    else:
        compiled(x[0])
        assert all(signature.return_type == signature.args[0] for signature in compiled.nopython_signatures)
    values = np.array([compiled(value) for value in x])
    # In the far tail of the normal distribution exp(-y^2) multiplies the rounding of y^2.
    tolerance = 5000 if name.startswith("normal") else 9
    with np.errstate(under="ignore"):
        expected = np.array([plain(value) for value in x.astype(np.float64)])
    np.testing.assert_allclose(values, expected, rtol=tolerance * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "logistic", "softplus", "normal_cdf", "normal_pdf"])
def test_compiled_scalar_math_is_right_at_the_ends_of_the_number_range(name, dtype):
    from skbackprop import _scalar_math
    from skbackprop._engines._numba import dispatch, math

    plain = getattr(_scalar_math, name)
    dispatch.compiled(plain)
    compiled = getattr(math, name, plain) if numba.config.DISABLE_JIT else numba.njit(lambda x: plain(x))
    limits = np.finfo(dtype)
    ends = np.log([limits.tiny, limits.max]).astype(dtype)
    with np.errstate(all="ignore"):
        beyond = [end + dtype(step) for end in ends for step in (-1, -0.3, 0.3, 1)]
        x = np.array([-np.inf, limits.min, *beyond, limits.max, np.inf, np.nan], dtype)
        if name.startswith("normal"):
            x = x[np.isfinite(x)]  # the square of an infinite number is not needed anywhere
        values = np.array([compiled(value) for value in x])
        expected = np.array([plain(value) for value in x])
    np.testing.assert_allclose(values, expected, rtol=5000 * limits.eps, atol=limits.tiny)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_square_roots_are_exact_to_the_last_places(dtype, rng):
    from skbackprop import _scalar_math
    from skbackprop._engines._numba import dispatch, math

    dispatch.compiled(_scalar_math.sqrt)
    root = math.sqrt if numba.config.DISABLE_JIT else numba.njit(lambda x: _scalar_math.sqrt(x))
    limits = np.finfo(dtype)
    x = np.exp(rng.uniform(np.log(limits.tiny), np.log(limits.max), 2000)).astype(dtype)
    x = np.concatenate([x, np.array([0, limits.tiny, limits.max, 1, np.nan], dtype)])
    values = np.array([root(value) for value in x], dtype)
    np.testing.assert_allclose(values, np.sqrt(x), rtol=2 * limits.eps, atol=0)
