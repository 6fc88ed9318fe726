"""Standardization: running moments, what they do to X and the target, and `coefs_` in the units of the data."""

from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse, special
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.standardizer import REFRESH_RATIO, Standardizer
from skbackprop.losses._target_scaling import MeanScaling, StandardScaling, TargetScaling
from tests.core.columns import difficult_columns
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, NO_UPDATE_RATE, TRAINS_BRIEFLY, announce, data, theta

FLOAT = np.dtype(float)
SCALINGS = pytest.mark.parametrize("scaling", [TargetScaling(), StandardScaling(), MeanScaling()])


def new_standardizer(scaling=None, centers=True, dtype=FLOAT, is_robust=True):
    return Standardizer(4, 1, scaling or StandardScaling(), centers, dtype, is_robust)


def diabetes_without_extremes():
    """Return the samples that have no compressed value."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    usual = (np.abs(X - X.mean(axis=0)) < 3 * X.std(axis=0)).all(axis=1)
    return X[usual], y[usual]


def difficult_data(rng, n_samples):
    return Dataset(difficult_columns(rng, n_samples), rng.normal(5, size=(n_samples, 1)))


class TestRunningMoments:
    @pytest.mark.parametrize("size", [1, 7, 100])
    def test_chunks_add_up_to_the_whole(self, rng, size):
        data = difficult_data(rng, 700)
        whole, in_chunks = new_standardizer(), new_standardizer()
        whole.update(data)
        for start in range(0, 700, size):
            in_chunks.update(data.take(slice(start, start + size)))
        np.testing.assert_allclose(in_chunks.moments.mean, whole.moments.mean, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(in_chunks.moments.variance, whole.moments.variance, rtol=1e-6)
        assert in_chunks.n_samples == 700
        np.testing.assert_allclose(in_chunks.scale, whole.scale, rtol=REFRESH_RATIO - 1)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_same_samples_again_do_not_change_a_bit(self, rng, weighted):
        data = difficult_data(rng, 9000)
        if weighted:
            data = data._replace(sample_weight=rng.uniform(size=9000))
        standardizer = new_standardizer()
        standardizer.update(data)
        before = standardizer.snapshot()
        for _ in range(3):
            standardizer.update(data)
        for name in ("offset", "scale"):
            np.testing.assert_array_equal(getattr(standardizer, name), before[name])
        np.testing.assert_array_equal(standardizer.moments.mean, before["moments"].mean)
        np.testing.assert_array_equal(standardizer.moments.variance, before["moments"].variance)
        assert standardizer.n_samples == 4 * 9000

    def test_proposal_changes_nothing_until_it_is_accepted(self, rng):
        standardizer, data = new_standardizer(), difficult_data(rng, 20)
        standardizer.update(data)
        for part in (data.take(slice(1)), data):
            before = standardizer.snapshot()
            moments, distance = standardizer.propose(part)
            assert all(vars(standardizer)[name] is before[name] for name in before)
            assert part is data or distance.shape == (5,)
            standardizer.accept(moments, part.n_samples)
            assert standardizer.moments is moments

    @pytest.mark.parametrize("n_samples", [1, 10])
    def test_snapshot_restores_everything(self, rng, n_samples):
        standardizer = new_standardizer()
        standardizer.update(difficult_data(rng, 100))
        expected = deepcopy(standardizer.state_dict())
        snapshot = standardizer.snapshot()
        standardizer.update(difficult_data(rng, n_samples))
        standardizer.restore(snapshot)
        np.testing.assert_equal(standardizer.state_dict(), expected)

    @SCALINGS
    @pytest.mark.parametrize("centers", [False, True])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("n_single_samples", [0, 1, 3])
    @pytest.mark.parametrize("n_samples", [0, 300])
    def test_stored_state_continues_exactly(self, rng, scaling, centers, dtype, n_single_samples, n_samples):
        dtype = np.dtype(dtype)
        standardizer = new_standardizer(scaling, centers, dtype)
        samples = difficult_data(rng, 300)
        if n_samples:
            standardizer.update(samples)
        for i in range(n_single_samples):  # after which offset and scale lag behind the moments
            standardizer.update(samples.take(slice(i, i + 1)))
        resumed = new_standardizer(scaling, not centers, dtype)
        resumed.load_state_dict(deepcopy(standardizer.state_dict()))
        for _ in range(2):
            for name in ("offset", "scale", "factor", "n_samples", "centers"):
                found, expected = getattr(resumed, name), getattr(standardizer, name)
                np.testing.assert_array_equal(found, expected)
                assert np.asarray(found).dtype == np.asarray(expected).dtype
            np.testing.assert_array_equal(resumed.transform(samples.X), standardizer.transform(samples.X))
            for each in (standardizer, resumed):
                each.update(samples.take(slice(9)))


class TestTransformation:
    @SCALINGS
    def test_target_in_units_of_the_data_is_restored(self, rng, scaling):
        data = difficult_data(rng, 50)
        standardizer = new_standardizer(scaling)
        standardizer.update(data)
        scaled = standardizer.transform_target(data.y)
        np.testing.assert_allclose(standardizer.inverse_transform_target(scaled), data.y, rtol=1e-12)
        if scaling.name == "spread":
            np.testing.assert_allclose([scaled.mean(), scaled.std()], [0, 1], atol=1e-12)
        elif scaling.name == "mean":
            assert scaled.mean() == pytest.approx(1)
        else:
            assert scaled is data.y
            assert standardizer.target_scale.size == 0

    def test_sparse_X_is_scaled_but_not_centered(self, rng):
        X = rng.normal(3, 2, size=(50, 4))
        standardizer = new_standardizer(centers=False)
        standardizer.update(Dataset(X, np.zeros((50, 1))))
        transformed = standardizer.transform(sparse.csr_array(X))
        np.testing.assert_allclose(transformed.toarray() / X, np.tile(standardizer.factor[:4], (50, 1)), rtol=1e-12)
        assert np.mean(transformed.data**2) == pytest.approx(1)
        np.testing.assert_allclose(standardizer.transform(X), transformed.toarray(), rtol=1e-12)
        plain = new_standardizer(centers=False, is_robust=False)
        plain.update(Dataset(X, np.zeros((50, 1))))
        np.testing.assert_allclose(plain.transform(X), X / X.std(axis=0), rtol=1e-12)

    @SCALINGS
    def test_unfold_scaling_undoes_fold_scaling(self, rng, scaling):
        network = Network((4, 1), ())
        parameters = rng.normal(size=network.n_parameters)
        standardizer = new_standardizer(scaling)
        standardizer.update(Dataset(rng.normal(3, 2, size=(50, 4)), rng.normal(5, 2, size=(50, 1))))
        layers = standardizer.fold_scaling(network.unpack(parameters))
        assert not np.allclose(layers[0].W, network.unpack(parameters)[0].W)
        standardizer.unfold_scaling(layers)
        np.testing.assert_allclose(layers[0].W, network.unpack(parameters)[0].W, rtol=1e-10)
        np.testing.assert_allclose(layers[0].b, network.unpack(parameters)[0].b, rtol=1e-10)


def forward(network, X, activation=lambda z: np.maximum(z, 0)):
    """Return the raw output of a forward pass with `coefs_` and `intercepts_`."""
    layers = list(zip(network.coefs_, network.intercepts_, strict=True))
    for W, b in layers[:-1]:
        X = activation(X @ W + b)
    return X @ layers[-1][0] + layers[-1][1]


@TRAINS_BRIEFLY
class TestCoefs:
    @pytest.mark.parametrize("sizes", [(), (6,), (6, 5)])
    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("standardize", [False, True, "standard"])
    def test_forward_pass_with_coefs_gives_the_predictions(self, sizes, make, standardize):
        X, y = diabetes_without_extremes() if standardize is True else load_diabetes(return_X_y=True, scaled=False)
        y = np.column_stack([y, 1e4 - 3 * y])
        network = BackpropRegressor(sizes, standardize=standardize, **FEW).fit(make(X), y)
        np.testing.assert_allclose(forward(network, X), network.predict(make(X)), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(network.predict(X), network.predict(make(X)), rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
    def test_forward_pass_with_coefs_and_an_exponential_output(self, loss):
        X, y = diabetes_without_extremes()
        network = BackpropRegressor(5, loss=loss, **FEW).fit(X, y)
        np.testing.assert_allclose(np.exp(forward(network, X)[:, 0]), network.predict(X), rtol=1e-9)

    def test_forward_pass_with_coefs_and_sorted_outputs(self):
        X, y = diabetes_without_extremes()
        network = BackpropRegressor(5, loss="quantiles", **FEW).fit(X, y)
        np.testing.assert_allclose(np.sort(forward(network, X), axis=1), network.predict(X), rtol=1e-9)

    def test_forward_pass_with_coefs_of_a_classifier(self):
        X, y = load_wine(return_X_y=True)
        network = BackpropClassifier(5, standardize="standard", **FEW).fit(X, y)
        np.testing.assert_allclose(special.softmax(forward(network, X), axis=1), network.predict_proba(X), rtol=1e-9)

    def test_forward_pass_with_coefs_in_float32(self):
        X, y = diabetes_without_extremes()
        for y_dtype in (np.float32, np.float64):
            network = BackpropRegressor(5, **FEW).fit(X.astype(np.float32), y.astype(y_dtype))
            assert {array.dtype for array in network.coefs_ + network.intercepts_} == {np.dtype(y_dtype)}
            np.testing.assert_allclose(forward(network, X)[:, 0], network.predict(X), rtol=1e-4)

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    def test_init_accepts_coefs_and_intercepts(self, loss):
        X, y = load_diabetes(return_X_y=True, scaled=False)
        network = BackpropRegressor(5, loss=loss, **FEW).fit(X, y)
        weights = network.coefs_, network.intercepts_
        twin = BackpropRegressor(5, loss=loss, init=weights, learning_rate=NO_UPDATE_RATE, max_iter=1, tol=None).fit(
            X, y
        )
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
def test_units_of_a_positive_target_do_not_matter(loss):
    X, y = load_diabetes(return_X_y=True)
    params = {"loss": loss, "max_iter": 30, "tol": None, "random_state": 0}
    expected = BackpropRegressor(10, **params).fit(X, y).predict(X)
    np.testing.assert_allclose(BackpropRegressor(10, **params).fit(X, 1e4 * y).predict(X) / 1e4, expected, rtol=1e-6)


@EACH_SOLVER
def test_standardization_equals_a_scaler_before_the_network(solver):
    X, y = load_diabetes(return_X_y=True, scaled=False)
    params = {"solver": solver, "activation": "tanh", "alpha": 0.01, **FEW}
    inside = BackpropRegressor(10, standardize="standard", **params).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    outside = BackpropRegressor(10, standardize=False, **params).fit(scaled, (y - y.mean()) / y.std())
    np.testing.assert_allclose(inside.predict(X), outside.predict(scaled) * y.std() + y.mean(), rtol=1e-7)


@BOTH
def test_stream_has_the_moments_of_all_samples(estimator):
    X, y = data(estimator)
    order = np.random.default_rng(0).permutation(150)  # sorted by class, the data would change
    X, y = 50 * X[order] + 1000, y[order]
    network = estimator(6, standardize="standard", random_state=0)
    for start in range(0, 150, 10):
        network.partial_fit(X[start : start + 10], y[start : start + 10], **announce(estimator))
    standardizer = network._state.standardizer
    np.testing.assert_allclose(standardizer.moments.mean[:4], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.moments.variance[:4], X.var(axis=0), rtol=1e-12)


@BOTH
def test_constant_columns_give_finite_weights_and_predictions(estimator):
    X, y = data(estimator)
    X[:, 1], X[:, 2] = 1e9 + 0.1, 0
    network = estimator(6, **FEW).fit(X, y)
    assert np.isfinite(theta(network)).all()
    X[:, 1] += 1
    assert np.isfinite(network.predict(X)).all()
    constant = BackpropRegressor(6, **FEW).fit(X, np.full(len(X), 7.0))
    np.testing.assert_allclose(constant.predict(X), 7, atol=2)


@BOTH
def test_standardize_cannot_change_during_training(estimator):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y).set_params(standardize=False)
    with pytest.raises(ValueError, match="standardize changed from robust to False"):
        network.partial_fit(X, y)
    with pytest.raises(ValueError, match="standardize changed from robust to standard"):
        network.set_params(standardize="standard").partial_fit(X, y)
    network.set_params(standardize="robust").partial_fit(X, y)


def test_overflow_of_the_moments_raises():
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match="The spread of a column of X or of y overflows"):
        BackpropRegressor(6, **FEW).fit(X * 1e200, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_network_trained_on_dense_X_predicts_sparse_X(dtype):
    X, y = load_diabetes(return_X_y=True)
    X = X.astype(dtype)
    network = BackpropRegressor(5, max_iter=5, tol=None, random_state=0).fit(X, y)
    np.testing.assert_array_equal(network.predict(sparse.csr_array(X)), network.predict(X))
