"""``standardize="robust"``: damaged cells and columns of several orders of magnitude do not spoil the inputs."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import QuantileTransformer

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import BOTH, ENGINES, FEW, TRAINS_BRIEFLY, announce, data, theta


def score(X, y, **params):
    return cross_val_score(BackpropClassifier(random_state=0, alpha=0.01, **params), X, y, cv=3).mean()


@pytest.mark.parametrize("damage", ["one cell", "one percent of all cells"])
def test_damaged_cells_leave_the_score(rng, damage):
    X, y = load_breast_cancer(return_X_y=True)
    damaged = X.copy()
    if damage == "one cell":
        damaged[3, 4] = 1e9
    else:
        damaged[rng.random(X.shape) < 0.001] *= 1e5
    clean = score(X, y)
    assert score(damaged, y) > clean - 0.02
    assert score(damaged, y, standardize="standard") < clean - 0.01 or damage == "one cell"


@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_log_normal_columns_score_as_behind_a_quantile_transformer(spread, sign):
    X, y = load_breast_cancer(return_X_y=True)
    skewed = sign * np.exp(spread * (X - X.mean(axis=0)) / X.std(axis=0))
    expected = score(QuantileTransformer(n_quantiles=300, output_distribution="normal").fit_transform(X), y)
    assert score(skewed, y) > expected - 0.03


@BOTH
@ENGINES
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_units_and_signs_do_not_matter_to_compressed_columns(rng, estimator, engine, make):
    if make is not np.asarray and engine == "numba":
        pytest.skip("the kernel takes no sparse X")
    X = np.exp(2 * rng.normal(size=(150, 4)))
    y = (X[:, 0] > X[:, 1]).astype(int)
    units = np.array([1e-6, -1, 1e6, 30])
    params = {"engine": engine, "max_iter": 5, "tol": None, "random_state": 0}
    expected = estimator(5, **params).fit(make(X), y)
    found = estimator(5, **params).fit(make(X * np.abs(units)), y)
    np.testing.assert_allclose(found.predict(make(X * np.abs(units))), expected.predict(make(X)), rtol=1e-6)


@BOTH
def test_damaged_samples_of_a_stream_do_not_change_the_scale(rng, estimator):
    X, y = load_iris(return_X_y=True)
    network = estimator(5, random_state=0)
    order = rng.permutation(150)
    for start in range(0, 150, 50):
        part = X[order[start : start + 50]].copy()
        if start:
            part[3, 2] *= 100
        network.partial_fit(part, y[order[start : start + 50]], **announce(estimator))
    found = network._state.standardizer.scale[:4]
    assert (found < 3 * X.std(axis=0)).all()  # by a factor of 30 without compression


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize("weighted", [False, True])
def test_same_samples_in_several_calls_leave_moments_and_range_equal(rng, estimator, weighted):
    X, y = data(estimator)
    X = np.exp(2 * X)
    weight = rng.uniform(0.5, 2, len(X)) if weighted else None
    network = estimator(5, **FEW).fit(X, y, sample_weight=weight)
    before = network._state.standardizer.moments
    for _ in range(3):
        network.partial_fit(X, y, sample_weight=weight)
    after = network._state.standardizer.moments
    np.testing.assert_allclose(after.mean, before.mean, rtol=1e-12)
    np.testing.assert_allclose(after.variance, before.variance, rtol=1e-12)
    np.testing.assert_array_equal(after.linear_range, before.linear_range)


def test_stream_of_single_samples_gets_a_range(rng):
    X = rng.normal(size=(120, 3))
    network = BackpropRegressor(5, random_state=0)
    for i in range(120):
        network.partial_fit(X[i : i + 1], X[i : i + 1, 0])
    found = network._state.standardizer.moments.linear_range
    np.testing.assert_allclose(found.lower, -4, atol=1.5)
    np.testing.assert_allclose(found.upper, 4, atol=1.5)


@TRAINS_BRIEFLY
@BOTH
def test_range_is_stored_and_copied(rng, estimator):
    import pickle

    X, y = data(estimator)
    X = np.exp(2 * X)
    network = estimator(5, **FEW).fit(X, y)
    twin = pickle.loads(pickle.dumps(network))
    far = 1e6 * X
    np.testing.assert_array_equal(twin.predict(far), network.predict(far))
    for each in (network, twin):
        each.partial_fit(X[:60], y[:60])
    np.testing.assert_array_equal(theta(twin), theta(network))


@TRAINS_BRIEFLY
def test_forward_pass_over_compressed_samples_gives_the_predictions_everywhere(rng):
    X = np.exp(2 * rng.normal(size=(200, 3)))
    network = BackpropRegressor((), **FEW).fit(X, X[:, 0])
    compressed = network._state.standardizer.compressed(X)
    assert (compressed != X).any()
    forward = compressed @ network.coefs_[0] + network.intercepts_[0]
    np.testing.assert_allclose(forward[:, 0], network.predict(X), rtol=1e-9)


@pytest.mark.parametrize("standardize", ["median", "Robust", 2])
def test_unknown_name_raises(standardize):
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match="'standardize' parameter"):
        BackpropRegressor(standardize=standardize).fit(X, y)


def documents(rng, n_samples=900, n_words=4000, n_classes=6):
    """Return counts of words, whose frequencies depend on the class."""
    base = 1 / (np.arange(n_words) + 5.0)
    tilts = np.exp(rng.normal(0, 1.0, size=(n_classes, n_words)))
    y = rng.integers(n_classes, size=n_samples)
    rows = [rng.multinomial(30, base * tilts[label] / (base * tilts[label]).sum()) for label in y]
    return sparse.csr_array(np.array(rows, float)), y


@pytest.mark.parametrize("seed", range(3))
def test_text_is_classified_as_well_as_by_logistic_regression(seed):
    counts, y = documents(np.random.default_rng(seed))
    X = TfidfTransformer().fit_transform(counts).tocsr()
    expected = LogisticRegression(max_iter=500).fit(X[:600], y[:600]).score(X[600:], y[600:])
    network = BackpropClassifier(30, alpha=0.03, max_iter=15, tol=None, random_state=0).fit(X[:600], y[:600])
    assert network.score(X[600:], y[600:]) > expected - 0.03
