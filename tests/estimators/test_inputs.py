"""Valid and invalid X, y and sample weights."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import (
    BOTH,
    EACH_SOLVER,
    FEW,
    NO_UPDATE_RATE,
    TRAINS_BRIEFLY,
    announce,
    data,
    peak_memory,
    theta,
    with_solver,
)

pytestmark = TRAINS_BRIEFLY


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array])
def test_sparse_and_dense_data_train_the_same(estimator, solver, make):
    X, y = data(estimator)
    X[np.abs(X) < 0.5] = 0
    params = {**with_solver(solver, 40), "standardize": False, **FEW}
    dense, sparse_fit = estimator(6, **params).fit(X, y), estimator(6, **params).fit(make(X), y)
    np.testing.assert_allclose(theta(sparse_fit), theta(dense), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sparse_fit.partial_fit(make(X), y).predict(make(X)), sparse_fit.predict(X), rtol=1e-9)


@EACH_SOLVER
def test_sparse_data_are_never_densified(solver):
    X = sparse.random(800, 50_000, density=1e-4, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel()
    network = BackpropRegressor(2, solver=solver, optimizer="gd", max_iter=1, tol=None, random_state=0)
    assert peak_memory(lambda: network.fit(X, y).predict(X)) < 800 * 50_000 * 8 / 10


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_preserved_from_input_to_output(estimator, solver, make, dtype):
    X, y = data(estimator)
    X, y = make(X.astype(dtype)), y.astype(dtype)
    weight = np.ones(len(y))
    network = estimator(6, solver=solver, **FEW).fit(X, y, sample_weight=weight).partial_fit(X, y)
    arrays = [*network.coefs_, *network.intercepts_, theta(network)]
    arrays.append(network.predict(X) if estimator is BackpropRegressor else network.predict_proba(X))
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@BOTH
def test_dtype_of_the_model_does_not_change_with_later_data(estimator):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X.astype(np.float32), y)
    network.partial_fit(X, y)
    assert theta(network).dtype == np.float32


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("how", ["fortran", "strided", "reversed", "read-only", "list", "big-endian"])
def test_memory_layout_of_X_does_not_matter(estimator, solver, how):
    X, y = data(estimator)
    wide = np.zeros((len(X), 8))
    wide[:, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    other = {
        "fortran": np.asfortranarray(X),
        "strided": wide[:, ::2],
        "reversed": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
        "read-only": frozen,
        "list": X.tolist(),
        "big-endian": X.astype(">f8"),
    }[how]
    params = {**with_solver(solver, 40), **FEW}
    expected, network = estimator(6, **params).fit(X, y), estimator(6, **params).fit(other, y)
    np.testing.assert_allclose(theta(network), theta(expected), rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(network.predict(other), network.predict(X))


@BOTH
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames_and_feature_names(estimator, frame):
    X, y = data(estimator)
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    table = frame(dict(zip(names, X.T, strict=True)))
    network = estimator(6, **FEW).fit(table, y)
    np.testing.assert_array_equal(network.feature_names_in_, names)
    assert network.n_features_in_ == 4
    np.testing.assert_array_equal(theta(network), theta(estimator(6, **FEW).fit(X, y)))
    with pytest.raises(ValueError, match="feature names"):
        network.predict(table[names[::-1]])


@BOTH
def test_target_and_weights_may_be_series(estimator):
    X, y = data(estimator)
    weight = np.arange(len(y)) + 1.0
    plain = estimator(6, **FEW).fit(X, y, sample_weight=weight)
    for series in (pd.Series, pl.Series):
        network = estimator(6, **FEW).fit(X, series(y), sample_weight=series(weight))
        np.testing.assert_array_equal(theta(network), theta(plain))


def test_update_is_proportional_to_the_sample_weight():
    X, y = data(BackpropRegressor)
    params = {"solver": "sgd", "optimizer": "gd", "learning_rate": 1e-6, "alpha": 0, "shuffle": False, **FEW}
    params["standardize"] = False
    initial = theta(BackpropRegressor(6, **(params | {"learning_rate": NO_UPDATE_RATE})).partial_fit(X, y))

    def update(weight):
        network = BackpropRegressor(6, **params).partial_fit(X[:2], y[:2], sample_weight=weight)
        return theta(network) - initial

    a, b = update([1.0, 0.0]), update([0.0, 1.0])  # each with the mean weight 1, because the other sample is absent
    np.testing.assert_allclose(update([2.0, 1.0]), (2 * a + b) / 1.5, rtol=1e-3, atol=1e-12)


@BOTH
@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_sample_weights_outside_the_float32_range(estimator, scale):
    X, y = data(estimator)
    weight = np.linspace(0.1, 1, len(y))
    expected = estimator(6, **FEW).fit(X.astype(np.float32), y, sample_weight=weight)
    network = estimator(6, **FEW).fit(X.astype(np.float32), y, sample_weight=scale * weight)
    np.testing.assert_allclose(theta(network), theta(expected), rtol=1e-4, atol=1e-6)


def invalid_inputs(estimator):
    X, y = data(estimator)
    n = len(y)
    with_nan = X.copy()
    with_nan[3, 1] = np.nan
    infinite = X.copy()
    infinite[3, 1] = np.inf
    weight = np.ones(n)
    weight[5] = -1
    weight_nan = np.ones(n)
    weight_nan[5] = np.nan
    cases = {
        "nan in X": ((with_nan, y), "Input X contains NaN"),
        "infinity in X": ((infinite, y), "Input X contains infinity"),
        "nan in sparse X": ((sparse.csr_array(with_nan), y), "Input X contains NaN"),
        "nan in weights": ((X, y, weight_nan), "Input sample_weight contains NaN"),
        "negative weights": ((X, y, weight), "[Nn]egative values in data passed to `?sample_weight"),
        "all weights zero": ((X, y, np.zeros(n)), "(?i)sample.weight.*zero"),
        "weights that underflow": ((X, y, np.full(n, 5e-324)), "sample_weight has a mean of"),
        "weights that overflow": ((X, y, np.full(n, 1e308)), "sample_weight has a mean of"),
        "weights of another length": ((X, y, np.ones(n - 1)), "sample_weight.shape"),
        "too few features": ((X[:, :2], y), "X has 2 features, but Backprop.* is expecting 4"),
        "no samples": ((X[:0], y[:0]), "Found array with 0 sample"),
        "no features": ((X[:, :0], y), "0 feature"),
        "different lengths": ((X, y[:-1]), "inconsistent numbers of samples"),
        "one dimension": ((X[:, 0], y), "Expected 2D array"),
        "three dimensions": ((X[:, :, None], y), "dim 3"),
        "text": (([["a"] * 4] * n, y), "could not convert string to float"),
    }
    if estimator is BackpropRegressor:
        y_nan = y.copy()
        y_nan[0] = np.nan
        cases["nan in y"] = ((X, y_nan), "Input y contains NaN")
        cases["infinity in y"] = ((X, np.where(y == 0, np.inf, y)), "Input y contains infinity")
        cases["text in y"] = ((X, np.where(y == 0, "a", "b")), "y has strings")
    else:
        cases["nan in y"] = ((X, np.where(y == 0, np.nan, y)), "Input y contains NaN")
    return cases


ESTIMATORS = (BackpropRegressor, BackpropClassifier)
CASES = [(estimator, name) for estimator in ESTIMATORS for name in invalid_inputs(estimator)]


@EACH_SOLVER
@pytest.mark.parametrize(("estimator", "name"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_invalid_input_raises_and_changes_no_weight(estimator, name, solver):
    X, y = data(estimator)
    network = estimator(6, solver=solver, **FEW).partial_fit(X, y, **announce(estimator))
    before = theta(network).copy()
    arguments, message = invalid_inputs(estimator)[name]
    arguments = dict(zip(["X", "y", "sample_weight"], arguments, strict=False))
    with pytest.raises(ValueError, match=message):
        network.partial_fit(**arguments)
    np.testing.assert_array_equal(theta(network), before)
    assert (network.n_iter_, network.t_ > 0) == (1, True)
    if name != "too few features":
        fresh = estimator(6, solver=solver, **FEW)
        with pytest.raises(ValueError, match=message):
            fresh.fit(**arguments)
        assert not hasattr(fresh, "coefs_")


@BOTH
def test_unfitted_estimator_raises_not_fitted_error(estimator):
    X, _ = data(estimator)
    network = estimator()
    with pytest.raises(NotFittedError):
        network.predict(X)
    for name in ("coefs_", "intercepts_", "n_iter_", "t_", "loss_curve_", "learning_rate_", "n_layers_"):
        assert not hasattr(network, name)


@EACH_SOLVER
def test_memory_use_does_not_grow_with_n_samples(solver):
    rng = np.random.default_rng(0)

    def peak(n_samples):
        X = rng.normal(size=(n_samples, 20)).astype(np.float32)
        y = X[:, 0].copy()
        network = BackpropRegressor((50,), solver=solver, max_iter=1, tol=None, early_stopping=False)
        clone(network).fit(X, y)  # the first call imports and caches; fewer samples might use the other engine
        return peak_memory(lambda: network.fit(X, y))

    small, large = 10_000, 15_000
    per_sample = (peak(large) - peak(small)) / (large - small)
    assert per_sample < 20 * 4 / 2  # the order of the samples and the check of y need much less than a copy of X
