"""The worked example of the lecture: two inputs, two hidden units, two outputs, and every number that it prints."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.network import Network
from skbackprop.activations import Logistic
from skbackprop.losses import LogisticSquaredError
from tests.lecture import COEFS, INTERCEPTS, TARGET, X
from tests.shared import NO_UPDATE_RATE

NETWORK = Network((2, 2, 2), (Logistic(),))


@pytest.fixture
def passes():
    """Return what the forward and the backward pass of the core compute."""
    theta = np.concatenate([array.ravel() for array in COEFS + INTERCEPTS])
    layers = NETWORK.unpack(theta)
    cache = NETWORK.allocate_cache(1, theta.dtype)
    raw = NETWORK.forward(layers, X, cache)
    hidden = cache[0].z.copy(), cache[0].a.copy()
    net_o = raw.copy()
    error = LogisticSquaredError().value_and_gradient(TARGET, raw, cache[1].delta)
    gradient = np.empty_like(theta)
    gradient_layers = NETWORK.unpack(gradient)
    NETWORK.backward(layers, X, cache, np.ones(1), gradient_layers)
    return {
        "hidden": hidden,
        "net_o": net_o,
        "error": error,
        "gradient": gradient_layers,
        "layers": layers,
        "cache": cache,
    }


def f(net):
    return 1 / (1 + np.exp(-net))


def test_forward_pass_reproduces_the_lecture(passes):
    (net_h, out_h), net_o = passes["hidden"], passes["net_o"]
    assert net_h[0, 0] == pytest.approx(0.3775, abs=5e-5)
    assert out_h[0, 0] == pytest.approx(0.5933, abs=5e-5)
    np.testing.assert_allclose(net_o[0], [0.5546, 0.7188], atol=5e-5)
    np.testing.assert_allclose(LogisticSquaredError().inverse_link(net_o)[0], [0.6352, 0.6723], atol=5e-5)


def test_squared_error_has_no_factor_of_one_half(passes):
    out_o = f(passes["net_o"])
    assert passes["error"][0] == pytest.approx(np.sum((TARGET - out_o) ** 2), rel=1e-14)


def test_dE_dw5_is_the_product_of_its_factors(passes):
    (_, out_h), net_o = passes["hidden"], passes["net_o"]
    out_o = f(net_o)
    dE_dout = -2 * (TARGET - out_o)
    dout_dnet = f(net_o) * f(-net_o)
    assert dE_dout[0, 0] == pytest.approx(1.2504, abs=5e-5)
    assert dout_dnet[0, 0] == pytest.approx(0.2317, abs=5e-5)
    assert dE_dout[0, 0] * dout_dnet[0, 0] * out_h[0, 0] == pytest.approx(0.1719, abs=5e-5)
    np.testing.assert_allclose(passes["gradient"][1].W, out_h.T @ (dE_dout * dout_dnet), rtol=1e-13)
    assert passes["gradient"][1].W[0, 0] == pytest.approx(0.1719, abs=5e-5)


def test_dE_dw1_in_full_precision_and_from_rounded_factors(passes):
    (net_h, _), net_o = passes["hidden"], passes["net_o"]
    dE_dout = (-2 * (TARGET - f(net_o)))[0]
    dout_dnet = (f(net_o) * f(-net_o))[0]
    df_h1 = f(net_h[0, 0]) * f(-net_h[0, 0])
    dnet_dw1 = COEFS[1][0] * df_h1 * X[0, 0]  # for each output: w5 or w7, times f'(net_h1), times i1

    assert passes["gradient"][0].W[0, 0] == pytest.approx(np.sum(dE_dout * dout_dnet * dnet_dw1), rel=1e-13)
    assert passes["gradient"][0].W[0, 0] == pytest.approx(5.5401e-04, abs=5e-9)

    # The lecture rounds the last factors to 0.0048 and 0.006 before it multiplies, and arrives at 5.5090e-04.
    np.testing.assert_array_equal(dnet_dw1.round(4), [0.0048, 0.006])
    rounded = np.sum(dE_dout.round(4) * dout_dnet.round(4) * dnet_dw1.round(4))
    assert rounded == pytest.approx(5.5090e-04, abs=1e-8)  # one unit in its last digit


def test_dE_di_is_the_derivative_with_respect_to_the_inputs(passes):
    def error(x):
        out_h = f(x @ COEFS[0] + INTERCEPTS[0])
        return np.sum((TARGET - f(out_h @ COEFS[1] + INTERCEPTS[1])) ** 2)

    steps = 1e-6 * np.eye(2)
    differences = [(error(X[0] + step) - error(X[0] - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(NETWORK.input_gradient(passes["layers"], passes["cache"])[0], differences, rtol=1e-8)


@pytest.mark.parametrize("learning_rate", [0.1, 0.5])
def test_partial_fit_on_one_sample_updates_w5_and_w1_like_the_lecture(learning_rate):
    network = BackpropRegressor(
        2,
        activation="logistic",
        output_activation="logistic",
        solver="sgd",
        optimizer="gd",
        learning_rate=learning_rate,
        alpha=0.0,
        init=(COEFS, INTERCEPTS),
        standardize=False,
    ).partial_fit(X, TARGET)
    w1, w5 = network.coefs_[0][0, 0], network.coefs_[1][0, 0]
    assert w5 - 0.40 == pytest.approx(-learning_rate * 0.1719, abs=learning_rate * 5e-5)
    assert w1 - 0.15 == pytest.approx(-learning_rate * 5.5401e-04, abs=learning_rate * 5e-9)
    assert network.t_ == 1


def test_regressor_predicts_the_outputs_of_the_lecture():
    network = BackpropRegressor(
        2,
        activation="logistic",
        output_activation="logistic",
        init=(COEFS, INTERCEPTS),
        learning_rate=NO_UPDATE_RATE,
        standardize=False,
    ).partial_fit(X, TARGET)
    np.testing.assert_allclose(network.predict(X)[0], [0.6352, 0.6723], atol=5e-5)


def test_classifier_can_be_the_network_of_the_lecture():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 2))
    labels = np.where(inputs[:, 0] > 0, "right", "left")
    classifier = BackpropClassifier(
        2,
        activation="logistic",
        loss="squared_error",
        output_activation="logistic",
        solver="sgd",
        optimizer="gd",
        learning_rate=0.5,
        tol=None,
        random_state=0,
        init=(COEFS, INTERCEPTS),
        standardize=False,
    ).fit(inputs, labels)
    assert classifier.n_outputs_ == 2
    assert classifier.score(inputs, labels) > 0.95
    out = f(
        f(inputs @ classifier.coefs_[0] + classifier.intercepts_[0]) @ classifier.coefs_[1] + classifier.intercepts_[1]
    )
    np.testing.assert_allclose(classifier.predict_proba(inputs), out / out.sum(axis=1, keepdims=True), rtol=1e-12)
