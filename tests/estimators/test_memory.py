"""Memory of fits and predictions: nothing as large as X, or as samples times classes, is allocated."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier
from tests.shared import BOTH, EACH_SOLVER, ENGINES, data, output, peak_memory, theta

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
BRIEF = {"max_iter": 2, "tol": None, "random_state": 0}
N_SAMPLES = 60_000


def wide_samples(dtype, n_features=50):
    """Return samples of which any copy would be the largest array of a fit, and a target for either estimator."""
    X = np.random.default_rng(0).integers(0, 100, (N_SAMPLES, n_features), np.uint8).astype(dtype)
    return X, (X[:, 0] > 50).astype(np.float32)


@ENGINES
@BOTH
@pytest.mark.parametrize("params", [{}, {"shuffle": False}, {"batch_size": 1000}, {"solver": "batch"}], ids=str)
def test_validation_set_is_split_off_without_a_copy_of_the_training_samples(estimator, engine, params):
    X, y = wide_samples(np.float32)
    network = estimator(2, engine=engine, early_stopping=True, **BRIEF, **params)
    network.fit(X[:1000], y[:1000])
    assert peak_memory(lambda: network.fit(X, y)) < 0.75 * X.nbytes
    assert len(network.validation_scores_) == 2


@BOTH
def test_validation_set_of_a_sparse_matrix_is_split_off_without_a_copy(estimator):
    X, y = wide_samples(np.float32)
    X = sparse.csr_array(X)
    network = estimator(2, early_stopping=True, **BRIEF)
    network.fit(X[:1000], y[:1000])
    assert peak_memory(lambda: network.fit(X, y)) < 0.9 * (X.data.nbytes + X.indices.nbytes)


@ENGINES
@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.float16])
def test_integers_and_half_precision_are_never_floats_as_a_whole(estimator, engine, early_stopping, dtype):
    X, y = wide_samples(dtype, 100)
    network = estimator(2, engine=engine, early_stopping=early_stopping, **BRIEF)
    network.fit(X[:1000], y[:1000])
    as_floats = X.size * 8
    finite = X.size if dtype == np.float16 else 0  # flags of scikit-learn's validation
    assert peak_memory(lambda: network.fit(X, y)) < 0.25 * as_floats + finite
    assert peak_memory(lambda: network.partial_fit(X, y)) < 0.25 * as_floats + finite
    assert peak_memory(lambda: network.predict(X)) < 0.25 * as_floats + finite


@ENGINES
@pytest.mark.filterwarnings("ignore:The number of unique classes", "ignore:A validation set of .* is too small")
@pytest.mark.parametrize("params", [{}, {"shuffle": False}, {"solver": "batch"}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_labels_never_become_a_column_for_each_class(engine, params, loss):
    n = 6000
    X, y = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32), np.arange(n) // 3
    network = BackpropClassifier(2, engine=engine, loss=loss, **BRIEF, **params)
    network.fit(X[:100], y[:100])
    assert peak_memory(lambda: network.fit(X, y)) < 0.5 * n * len(np.unique(y)) * 4


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16])
@pytest.mark.parametrize("params", [{}, {"standardize": False}, {"early_stopping": True}], ids=str)
def test_narrow_samples_give_the_network_of_floats(estimator, solver, engine, dtype, params):
    X, y = data(estimator)
    X = (X * 10 + 40).astype(dtype)
    narrow, wide = (estimator(3, solver=solver, engine=engine, **BRIEF, **params) for _ in range(2))
    narrow.fit(X, y).partial_fit(X, y)
    wide.fit(X.astype(float), y).partial_fit(X.astype(float), y)
    np.testing.assert_allclose(theta(narrow), theta(wide), rtol=1e-12, atol=1e-14)
    for samples in (X, X[:1], np.tile(X, (300, 1))):
        np.testing.assert_allclose(output(narrow, samples), output(wide, samples.astype(float)), rtol=1e-10, atol=1e-13)
    assert output(narrow, X).dtype == np.float64


@BOTH
@pytest.mark.parametrize("standardize", [False, True])
def test_network_of_float32_continues_with_integers_in_float32(estimator, standardize):
    X, y = data(estimator)
    X = np.tile((X * 10 + 40).astype(np.int64), (500, 1))
    y = np.tile(y, 500).astype(np.float32)
    network = estimator(3, standardize=standardize, **BRIEF).fit(X.astype(np.float32), y)
    expected = output(network, X.astype(np.float32))
    np.testing.assert_array_equal(output(network, X), expected)
    assert output(network, X).dtype == output(network, X[:1]).dtype == np.float32
    other = estimator(3, standardize=standardize, **BRIEF).fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(theta(network.partial_fit(X, y)), theta(other.partial_fit(X.astype(np.float32), y)))


@BOTH
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_half_precision_that_is_not_finite_raises(estimator, value):
    X, y = wide_samples(np.float16)
    network = estimator(2, **BRIEF).fit(X[:1000], y[:1000])
    X[-1, -1] = value
    for call in (network.fit, network.partial_fit):
        with pytest.raises(ValueError, match="Input X contains"):
            call(X, y)
    with pytest.raises(ValueError, match="Input X contains"):
        network.predict(X)


@BOTH
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float16", "Int64"])
def test_data_frames_of_narrow_columns(estimator, dtype):
    X, y = data(estimator)
    X = pd.DataFrame((X * 10 + 40).clip(0, 255).astype(np.uint8), columns=list("abcd")).astype(dtype)
    network = estimator(3, early_stopping=True, **BRIEF).fit(X, y)
    wide = estimator(3, early_stopping=True, **BRIEF).fit(X.astype(float), y)
    np.testing.assert_allclose(theta(network), theta(wide), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(output(network, X), output(wide, X.astype(float)), rtol=1e-10)


@BOTH
@pytest.mark.parametrize("scoring", ["loss", None])
def test_validation_set_of_integers_for_a_network_of_float32(estimator, scoring):
    X, y = data(estimator)
    X_val = (X[::3] * 10).astype(int)
    params = {"early_stopping": True, "scoring": scoring, **BRIEF}
    found = estimator(3, **params).fit(X.astype(np.float32), y, X_val=X_val, y_val=y[::3])
    expected = estimator(3, **params).fit(X.astype(np.float32), y, X_val=X_val.astype(np.float32), y_val=y[::3])
    np.testing.assert_allclose(found.validation_scores_, expected.validation_scores_, rtol=1e-6)
    assert theta(found).dtype == np.float32


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("output_activation", ["softmax", "logistic"])
def test_one_class_and_two_classes_with_an_output_for_each(smoothing, loss, output_activation):
    if (loss, output_activation) == ("squared_error", "softmax"):
        pytest.skip("there is no such loss")
    X, y = data(BackpropClassifier)
    for labels in (np.zeros_like(y), y % 2):
        network = BackpropClassifier(
            3, loss=loss, output_activation=output_activation, label_smoothing=smoothing, **BRIEF
        ).fit(X, labels)
        network.partial_fit(X, labels).partial_fit(X[:1], labels[:1])
        assert np.isfinite(theta(network)).all()
        assert set(network.predict(X)) <= set(labels)
