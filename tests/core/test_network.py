import numpy as np
import pytest
from scipy import sparse

from skbackprop._core.network import MIN_CHUNK_SIZE, Network, first_samples
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import INITIALIZERS

TANH, RELU = ACTIVATIONS["tanh"], ACTIVATIONS["relu"]
NETWORK = Network((4, 5, 3, 2), (TANH, RELU))


@pytest.fixture
def theta(rng):
    return rng.normal(size=NETWORK.n_parameters)


def forward_by_hand(layers, X):
    hidden = np.maximum(np.tanh(X @ layers[0].W + layers[0].b) @ layers[1].W + layers[1].b, 0)
    return hidden @ layers[2].W + layers[2].b


def test_theta_stores_weights_before_intercepts(theta):
    assert NETWORK.n_weights == 4 * 5 + 5 * 3 + 3 * 2
    assert NETWORK.n_parameters == NETWORK.n_weights + 5 + 3 + 2
    layers = NETWORK.unpack(theta)
    assert [layer.W.shape for layer in layers] == [(4, 5), (5, 3), (3, 2)]
    packed = np.concatenate([layer.W.ravel() for layer in layers] + [layer.b for layer in layers])
    np.testing.assert_array_equal(packed, theta)


def test_layers_are_views_of_theta(theta):
    NETWORK.unpack(theta)[1].W[0, 0] = 99
    assert theta[20] == 99


def test_init_draws_weights_and_sets_intercepts_to_zero(rng):
    initializers = [INITIALIZERS[name] for name in ("he_normal", "glorot_uniform", "lecun_normal")]
    theta = NETWORK.init(initializers, rng, np.dtype(np.float32))
    assert theta.dtype == np.float32
    assert (theta[: NETWORK.n_weights] != 0).all()
    assert (theta[NETWORK.n_weights :] == 0).all()


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csr_array])
def test_raw_output_equals_manual_forward_pass(theta, rng, make):
    X = rng.normal(size=(11, 4))
    np.testing.assert_allclose(
        NETWORK.raw_output(theta, make(X)), forward_by_hand(NETWORK.unpack(theta), X), rtol=1e-12
    )


def test_raw_output_does_not_depend_on_chunks(theta, rng):
    n_samples = 2 * NETWORK.chunk_size(theta.dtype) + 3
    X = rng.normal(size=(n_samples, 4))
    np.testing.assert_allclose(NETWORK.raw_output(theta, X), forward_by_hand(NETWORK.unpack(theta), X), rtol=1e-12)


def test_raw_output_returns_a_new_array(theta, rng):
    X = rng.normal(size=(3, 4))
    first = NETWORK.raw_output(theta, X)
    before = first.copy()
    NETWORK.raw_output(theta, -X)
    np.testing.assert_array_equal(first, before)


def test_backward_and_input_gradient_equal_finite_differences(theta, rng):
    X, layers = rng.normal(size=(6, 4)), NETWORK.unpack(theta)
    cache = first_samples(NETWORK.allocate_cache(8, theta.dtype), 6)
    NETWORK.forward(layers, X, cache)
    delta = rng.normal(size=(6, 2))
    cache[-1].delta[...] = delta
    gradient = np.full_like(theta, np.nan)
    NETWORK.backward(layers, X, cache, np.ones(6), NETWORK.unpack(gradient))

    def scalar(theta, X):
        return np.sum(delta * NETWORK.raw_output(theta, X))

    steps = 1e-6 * np.eye(theta.size)
    wrt_theta = [(scalar(theta + step, X) - scalar(theta - step, X)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, wrt_theta, rtol=1e-6, atol=1e-8)
    wrt_input = np.empty_like(X)
    for index in np.ndindex(*X.shape):
        step = np.zeros_like(X)
        step[index] = 1e-6
        wrt_input[index] = (scalar(theta, X + step) - scalar(theta, X - step)) / 2e-6
    np.testing.assert_allclose(NETWORK.input_gradient(layers, cache), wrt_input, rtol=1e-6, atol=1e-8)


def test_chunk_size_decreases_with_layer_width_down_to_a_minimum():
    narrow, wide = Network((4, 10, 1), (RELU,)), Network((4, 1000, 1), (RELU,))
    assert narrow.chunk_size(np.float32) > narrow.chunk_size(np.float64) > wide.chunk_size(np.float64)
    assert Network((10**6, 10, 1), (RELU,)).chunk_size(np.float64) == MIN_CHUNK_SIZE


def test_networks_with_equal_shapes_and_activations_are_equal():
    assert Network((4, 5, 3, 2), (TANH, RELU)) == NETWORK
    assert Network((4, 5, 3, 2), (RELU, RELU)) != NETWORK
