"""Standardising inside: the moments, what they do to X and the target, and that coefs_ are for the data as given."""

import numpy as np
import pytest
from scipy import sparse, special
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.standardizer import MIN_SAMPLES, REFRESH_RATIO, Standardizer, column_moments
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, announce, data, theta

FLOAT = np.dtype(float)


def hard_columns(rng, n_rows):
    """Columns that are constant, far from zero, tiny and huge."""
    X = rng.normal(size=(n_rows, 4)) * [0, 1, 1e-6, 1e6] + [3.3, 1e9, 5, 0]
    return X, rng.normal(size=(n_rows, 1))


class TestMoments:
    @pytest.mark.parametrize("n_rows", [1, 2, 50_000])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_are_the_weighted_mean_and_variance(self, rng, n_rows, weighted):
        X, _ = hard_columns(rng, n_rows)
        weight = rng.uniform(0.1, 2, n_rows) if weighted else None
        total, mean, variance = column_moments(X, weight)
        exact = X.astype(np.longdouble)
        expected = np.average(exact, axis=0, weights=weight)
        np.testing.assert_allclose(mean, expected.astype(float), rtol=1e-13, atol=1e-6)
        spread = np.average((exact - expected) ** 2, axis=0, weights=weight).astype(float)
        np.testing.assert_allclose(variance, spread, rtol=1e-6, atol=1e-20)
        assert variance[0] == 0
        assert total == pytest.approx(n_rows if weight is None else weight.sum())

    @pytest.mark.parametrize("weighted", [False, True])
    def test_of_sparse_columns_are_those_of_dense_ones(self, rng, weighted):
        X = sparse.random(300, 7, density=0.2, format="csr", random_state=0, data_rvs=rng.standard_normal)
        weight = rng.integers(0, 3, 300).astype(float) if weighted else None
        for thin, dense in zip(column_moments(X, weight), column_moments(X.toarray(), weight), strict=True):
            np.testing.assert_allclose(thin, dense, rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize("size", [1, 7, 100])
    def test_chunks_add_up_to_the_whole(self, rng, size):
        X, y = hard_columns(rng, 700)
        whole, parts = (Standardizer(4, "spread", 1, True, FLOAT) for _ in range(2))
        whole.see(X, y, None)
        for start in range(0, 700, size):
            assert parts.see(X[start : start + size], y[start : start + size], None)
        np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(parts.variance, whole.variance, rtol=1e-6)
        assert parts.n_rows == 700
        np.testing.assert_allclose(parts.scale, whole.scale, rtol=REFRESH_RATIO - 1)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_the_same_rows_again_do_not_move_a_bit(self, rng, weighted):
        X, y = hard_columns(rng, 9000)
        weight = rng.uniform(size=9000) if weighted else None
        standardizer = Standardizer(4, "spread", 1, True, FLOAT)
        standardizer.see(X, y, weight)
        before = standardizer.copy_moments()
        for _ in range(3):
            standardizer.see(X, y, weight)
        for name in ("mean", "variance", "offset", "scale", "n_rows"):
            np.testing.assert_array_equal(getattr(standardizer, name), before[name])

    def test_an_integer_weight_is_a_repeated_row(self, rng):
        X, _ = hard_columns(rng, 200)
        weight = rng.integers(0, 4, 200)
        repeated = column_moments(np.repeat(X, weight, axis=0), None)
        weighted = column_moments(X, weight.astype(float))
        np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(weighted[2], repeated[2], rtol=1e-6)

    def test_damaged_rows_are_refused_once_enough_is_known(self, rng):
        X, y = rng.normal(size=(MIN_SAMPLES, 2)), np.zeros((MIN_SAMPLES, 1))
        X[:, 1] = 7  # never varied: nothing is too far
        standardizer = Standardizer(2, None, 1, True, FLOAT)
        standardizer.see(X, y, None)
        before = standardizer.copy_moments()
        for n_rows in (1, 2):
            far = np.tile([1e6, 7.0], (n_rows, 1))
            assert not standardizer.see(far, y[:n_rows], None, guarded=True)
            assert standardizer.mean is before["mean"]
            assert standardizer.scale is before["scale"]
            assert standardizer.see(np.tile([0.0, 1e9], (n_rows, 1)), y[:n_rows], None, guarded=True)
            standardizer.set_moments(before)


def forward(network, X, activation=lambda z: np.maximum(z, 0)):
    """A forward pass by hand over coefs_ and intercepts_."""
    layers = list(zip(network.coefs_, network.intercepts_, strict=True))
    for W, b in layers[:-1]:
        X = activation(X @ W + b)
    return X @ layers[-1][0] + layers[-1][1]


class TestFolding:
    @pytest.mark.parametrize("sizes", [(), (6,), (6, 5)])
    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("standardize", [False, True])
    def test_a_forward_pass_over_coefs_is_predict(self, sizes, make, standardize):
        X, y = load_diabetes(return_X_y=True, scaled=False)
        y = np.column_stack([y, 1e4 - 3 * y])
        network = BackpropRegressor(sizes, standardize=standardize, **FEW).fit(make(X), y)
        np.testing.assert_allclose(forward(network, X), network.predict(make(X)), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(network.predict(X), network.predict(make(X)), rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
    def test_an_exponential_output_is_shifted(self, loss):
        X, y = load_diabetes(return_X_y=True, scaled=False)
        network = BackpropRegressor(5, loss=loss, **FEW).fit(X, y)
        np.testing.assert_allclose(np.exp(forward(network, X)[:, 0]), network.predict(X), rtol=1e-9)

    def test_sorted_outputs_fold_too(self):
        X, y = load_diabetes(return_X_y=True, scaled=False)
        network = BackpropRegressor(5, loss="quantiles", **FEW).fit(X, y)
        np.testing.assert_allclose(np.sort(forward(network, X), axis=1), network.predict(X), rtol=1e-9)

    def test_of_a_classifier(self):
        X, y = load_wine(return_X_y=True)
        network = BackpropClassifier(5, **FEW).fit(X, y)
        np.testing.assert_allclose(special.softmax(forward(network, X), axis=1), network.predict_proba(X), rtol=1e-9)

    def test_float32(self):
        X, y = load_diabetes(return_X_y=True, scaled=False)
        network = BackpropRegressor(5, **FEW).fit(X.astype(np.float32), y)
        assert {array.dtype for array in network.coefs_ + network.intercepts_} == {np.dtype(np.float32)}
        np.testing.assert_allclose(forward(network, X)[:, 0], network.predict(X), rtol=1e-4)

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    def test_init_takes_what_coefs_gives(self, loss):
        X, y = load_diabetes(return_X_y=True, scaled=False)
        network = BackpropRegressor(5, loss=loss, **FEW).fit(X, y)
        weights = network.coefs_, network.intercepts_
        twin = BackpropRegressor(5, loss=loss, init=weights, learning_rate=1e-300, max_iter=1, tol=None).fit(X, y)
        np.testing.assert_allclose(twin.predict(X), network.predict(X), rtol=1e-9)

    def test_coefs_are_copies(self):
        X, y = data(BackpropRegressor)
        for standardize in (False, True):
            network = BackpropRegressor(5, standardize=standardize, **FEW).fit(X, y)
            before = theta(network).copy()
            network.coefs_[0][...] = 0
            network.intercepts_[0][...] = 7
            np.testing.assert_array_equal(theta(network), before)


@EACH_SOLVER
@ENGINES
def test_units_do_not_matter(solver, engine):
    X, y = load_diabetes(return_X_y=True)
    params = {"solver": solver, "engine": engine, "max_iter": 30, "tol": None, "random_state": 0}
    expected = BackpropRegressor(10, **params).fit(X, y).predict(X)
    for other in (X * 1e6, X + 1e6, X * [1e6, 1, 1e-6, 1, 1, 1e9, 1, 1, 1, 1] + 1e3):
        prediction = BackpropRegressor(10, **params).fit(other, y).predict(other)
        np.testing.assert_allclose(prediction, expected, atol=1e-3 * y.std())
    prediction = BackpropRegressor(10, **params).fit(X, 1000 * y + 5000).predict(X)
    np.testing.assert_allclose((prediction - 5000) / 1000, expected, atol=1e-3 * y.std())


def test_units_do_not_matter_to_a_classifier():
    X, y = load_iris(return_X_y=True)
    expected = BackpropClassifier(10, random_state=0).fit(X, y).predict_proba(X)
    for other in (X * 1e6, X + 1e6):
        prediction = BackpropClassifier(10, random_state=0).fit(other, y).predict_proba(other)
        np.testing.assert_allclose(prediction, expected, atol=1e-3)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_units_of_amounts_do_not_matter(loss):
    X, y = load_diabetes(return_X_y=True)
    params = {"loss": loss, "max_iter": 30, "tol": None, "random_state": 0}
    expected = BackpropRegressor(10, **params).fit(X, y).predict(X)
    np.testing.assert_allclose(BackpropRegressor(10, **params).fit(X, 1e4 * y).predict(X) / 1e4, expected, rtol=1e-6)


@EACH_SOLVER
def test_it_is_what_a_scaler_before_the_network_does(solver):
    X, y = load_diabetes(return_X_y=True, scaled=False)
    params = {"solver": solver, "activation": "tanh", "alpha": 0.01, **FEW}
    inside = BackpropRegressor(10, **params).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    outside = BackpropRegressor(10, standardize=False, **params).fit(scaled, (y - y.mean()) / y.std())
    np.testing.assert_allclose(inside.predict(X), outside.predict(scaled) * y.std() + y.mean(), rtol=1e-7)


@BOTH
def test_a_stream_keeps_the_moments_of_all_rows(estimator):
    X, y = data(estimator)
    X = 50 * X + 1000
    network = estimator(6, random_state=0)
    for start in range(0, 150, 10):
        network.partial_fit(X[start : start + 10], y[start : start + 10], **announce(estimator))
    standardizer = network._state.standardizer
    np.testing.assert_allclose(standardizer.mean[:4], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.variance[:4], X.var(axis=0), rtol=1e-12)


@BOTH
def test_constant_columns_are_no_trouble(estimator):
    X, y = data(estimator)
    X[:, 1], X[:, 2] = 1e9 + 0.1, 0
    network = estimator(6, **FEW).fit(X, y)
    assert np.isfinite(theta(network)).all()
    X[:, 1] += 1
    assert np.isfinite(network.predict(X)).all()
    constant = BackpropRegressor(6, **FEW).fit(X, np.full(len(X), 7.0))
    np.testing.assert_allclose(constant.predict(X), 7, atol=2)


@BOTH
def test_standardize_cannot_change_on_the_way(estimator):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y).set_params(standardize=False)
    with pytest.raises(ValueError, match="standardize changed from True to False"):
        network.partial_fit(X, y)


def test_a_spread_that_overflows_is_an_error():
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match="The spread of a column of X or of y overflows"):
        BackpropRegressor(6, **FEW).fit(X * 1e200, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_can_be_asked_of_a_network_that_learned_dense_ones(dtype):
    X, y = load_diabetes(return_X_y=True)
    X = X.astype(dtype)
    network = BackpropRegressor(5, max_iter=5, tol=None, random_state=0).fit(X, y)
    np.testing.assert_array_equal(network.predict(sparse.csr_array(X)), network.predict(X))
