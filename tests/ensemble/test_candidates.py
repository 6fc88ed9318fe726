"""The candidates of candidates="auto", and the transformer that one of them begins with."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import EarlyStopping
from skbackprop.ensemble import PiecewiseLinearEncoder, _candidates
from skbackprop.ensemble._candidates import MAX_ENCODED, automatic_candidates


@parametrize_with_checks([PiecewiseLinearEncoder(), PiecewiseLinearEncoder(n_bins=3)])
def test_encoder_is_a_transformer_of_scikit_learn(estimator, check):
    check(estimator)


def test_features_of_bins_rise_from_0_to_1(rng):
    X = rng.normal(size=(500, 2))
    encoder = PiecewiseLinearEncoder(n_bins=6).fit(X)
    grid = np.column_stack([np.linspace(-9, 9, 400)] * 2)
    features = encoder.transform(grid)
    np.testing.assert_array_equal(features[:, :2], grid)
    bins = features[:, 2:]
    assert (np.diff(bins, axis=0) >= 0).all()
    np.testing.assert_array_equal(bins[0], 0)
    np.testing.assert_array_equal(bins[-1], 1)


def test_the_features_add_up_to_the_column_within_its_range(rng):
    X = rng.exponential(size=(300, 1))
    encoder = PiecewiseLinearEncoder(n_bins=10).fit(X)
    edges = encoder.bin_edges_[0]
    np.testing.assert_allclose(edges[0] + encoder.transform(X)[:, 1:] @ np.diff(edges), X[:, 0])


def test_few_distinct_values_have_a_bin_between_any_two():
    X = np.repeat([[1.0, 0.0], [2.0, 1.0], [7.0, 0.0]], 5, axis=0)
    encoder = PiecewiseLinearEncoder().fit(X)
    np.testing.assert_array_equal(encoder.bin_edges_[0], [1, 2, 7])
    assert len(encoder.bin_edges_[1]) == 0
    assert encoder.transform(X).shape == (15, 4)


def test_a_column_that_mostly_is_0_has_bins_among_its_other_values(rng):
    column = np.zeros(1000)
    column[:30] = rng.uniform(1, 2, size=30)
    edges = PiecewiseLinearEncoder(n_bins=8).fit(column[:, np.newaxis]).bin_edges_[0]
    assert np.sum(edges > 1) >= 4


def test_encoder_keeps_float32_and_survives_pickle(rng):
    X = rng.normal(size=(50, 3)).astype(np.float32)
    encoder = pickle.loads(pickle.dumps(PiecewiseLinearEncoder().fit(X)))
    features = encoder.transform(X)
    assert features.dtype == np.float32
    assert features.shape == (50, len(encoder.get_feature_names_out()))
    assert type(encoder).__module__ == "skbackprop.ensemble"


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_gradients_follow_the_chain_rule(rng, shape):
    X = np.column_stack([rng.normal(size=200), rng.integers(5, size=200), rng.integers(2, size=200)])
    encoder = PiecewiseLinearEncoder(n_bins=6).fit(X)
    inputs = X[:50] + 0.01  # off the edges
    outside = np.array([[-100.0, -100.0, -100.0], [100.0, 100.0, 100.0]])
    inputs = np.vstack([inputs, outside])
    n_features = encoder.transform(inputs).shape[1]
    gradients = rng.normal(size=(len(inputs), *shape, n_features))
    found = encoder.input_gradients(inputs, gradients)
    assert found.shape == (len(inputs), *shape, 3)
    for i, step in enumerate(1e-6 * np.eye(3)):
        slopes = (encoder.transform(inputs + step) - encoder.transform(inputs - step)) / 2e-6
        expected = np.einsum("i...k,ik->i...", gradients, slopes)
        np.testing.assert_allclose(found[..., i], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(found[-2:], gradients[-2:, ..., :3])


def test_the_gradient_at_an_edge_is_that_of_the_bin_that_begins_there():
    encoder = PiecewiseLinearEncoder().fit([[0.0], [1.0], [5.0]])
    found = encoder.input_gradients([[0.0], [1.0], [5.0]], np.tile([0.0, 1.0, 1.0], (3, 1)))
    np.testing.assert_array_equal(found.ravel(), [1, 0.25, 0])


def test_gradients_keep_their_dtype_and_are_not_changed(rng):
    X = rng.normal(size=(50, 3))
    encoder = PiecewiseLinearEncoder().fit(X)
    gradients = rng.normal(size=encoder.transform(X).shape).astype(np.float32)
    before = gradients.copy()
    assert encoder.input_gradients(X, gradients).dtype == np.float32
    np.testing.assert_array_equal(gradients, before)


@pytest.mark.parametrize("shape", [(4, 3), (5, 2), (4, 2, 3)])
def test_gradients_of_other_samples_or_features_are_refused(shape):
    encoder = PiecewiseLinearEncoder().fit([[0.0], [1.0], [5.0]])
    with pytest.raises(ValueError, match="do not begin with 5 samples and end with 3 features"):
        encoder.input_gradients(np.ones((5, 1)), np.ones(shape))


def test_default_candidates(rng):
    candidates = automatic_candidates(BackpropRegressor(), rng.normal(size=(60, 4)))
    assert list(candidates) == ["plain", "tanh", "piecewise_linear"]
    assert candidates["tanh"].activation == "tanh"
    assert isinstance(candidates["piecewise_linear"][0], PiecewiseLinearEncoder)


@pytest.mark.parametrize("network", [BackpropRegressor(max_iter=3), BackpropClassifier(max_iter=3, alpha=0.1)])
def test_candidates_keep_what_the_user_has_set(rng, network):
    X = rng.normal(size=(60, 4))
    candidates = automatic_candidates(network, X)
    assert next(iter(candidates)) == "plain"
    for candidate in candidates.values():
        found = candidate[-1] if isinstance(candidate, Pipeline) else candidate
        assert found is not network
        assert type(found) is type(network)
        assert found.max_iter == 3
        assert found.alpha == network.alpha
        clone(candidate)


def test_an_activation_that_the_user_has_set_remains(rng):
    candidates = automatic_candidates(BackpropRegressor(activation="silu"), rng.normal(size=(60, 4)))
    assert list(candidates) == ["plain", "piecewise_linear"]
    assert candidates["piecewise_linear"][-1].activation == "silu"


@pytest.mark.parametrize("sizes", [(), [], np.array([], int)])
def test_a_linear_network_has_no_activation_to_change(rng, sizes):
    assert "tanh" not in automatic_candidates(BackpropRegressor(sizes), rng.normal(size=(60, 4)))


def test_columns_are_not_encoded_if_the_network_has_initial_weights(rng):
    X = rng.normal(size=(60, 4))
    init = [rng.normal(size=(4, 3)), rng.normal(size=(3, 1))], [np.zeros(3), np.zeros(1)]
    candidates = automatic_candidates(BackpropRegressor(3, init=init), X)
    assert list(candidates) == ["plain", "tanh"]


def test_columns_are_not_encoded_if_a_callback_has_samples_to_validate_with(rng):
    pytest.importorskip("sklearn.callback")
    X = rng.normal(size=(60, 4))
    network = BackpropRegressor().set_callbacks(EarlyStopping(X, X[:, 0]))
    assert list(automatic_candidates(network, X)) == ["plain", "tanh"]


def test_columns_are_encoded_only_if_there_is_something_to_encode(rng):
    labels = rng.integers(2, size=(60, 5)).astype(float)
    assert "piecewise_linear" not in automatic_candidates(BackpropClassifier(), labels)
    assert "piecewise_linear" not in automatic_candidates(BackpropClassifier(), sparse.csr_matrix(labels))


def test_distinct_values_are_counted_among_all_samples(rng):
    X = np.zeros((4000, 1))
    X[3000:, 0] = rng.normal(size=1000)
    assert "piecewise_linear" in automatic_candidates(BackpropRegressor(), X)


@pytest.mark.parametrize("n_columns", [3, 60, 150, 300])
def test_encoded_columns_remain_affordable(rng, n_columns):
    X = rng.normal(size=(100, n_columns))
    candidates = automatic_candidates(BackpropRegressor(), X)
    assert ("piecewise_linear" in candidates) == (n_columns < 200)
    if n_columns < 200:
        assert candidates["piecewise_linear"][0].fit_transform(X).shape[1] <= MAX_ENCODED


def test_many_samples_are_not_encoded(monkeypatch, rng):
    X = rng.normal(size=(1000, 5))
    assert "piecewise_linear" in automatic_candidates(BackpropRegressor(), X)
    monkeypatch.setattr(_candidates, "MAX_ENTRIES", 1000 * 45)
    assert automatic_candidates(BackpropRegressor(), X)["piecewise_linear"][0].n_bins == 8
    monkeypatch.setattr(_candidates, "MAX_ENTRIES", 1000 * 20)
    assert "piecewise_linear" not in automatic_candidates(BackpropRegressor(), X)
