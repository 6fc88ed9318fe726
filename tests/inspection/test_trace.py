"""`trace_sample`: the forward values of one sample and the derivatives of E, for the network that `coefs_` shows."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropRegressor
from skbackprop._estimators.fitted_model import fitted_model
from skbackprop.inspection._trace import trace_sample
from skbackprop.losses import Huber
from tests.inspection.networks import (
    CASES,
    DEPENDENT_OUTPUTS,
    EACH,
    FEW,
    NUMBERS,
    STANDARDIZE,
    X,
    finite_differences,
    fitted,
)
from tests.shared import TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY


def error(estimator, trace, W, b, x):
    """Return E for other weights and inputs; only the loss and the activations are those of the package."""
    network, loss = fitted_model(estimator).network, fitted_model(estimator).loss
    if isinstance(loss, Huber):
        loss = Huber(loss.delta * (NUMBERS.std() if estimator.standardize else 1.0))
    a = x[np.newaxis]
    for level, (W_l, b_l) in enumerate(zip(W, b, strict=True)):
        z = a @ W_l + b_l
        if level < len(network.activations):
            a = np.empty_like(z)
            network.activations[level].function(z, a)
    return loss.value_and_gradient(trace.backward.target[np.newaxis], z, np.empty_like(z))[0]


@STANDARDIZE
@EACH
def test_last_output_is_the_prediction_and_weights_are_coefs(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    trace = trace_sample(estimator, inputs[7])
    if case == "two classes":
        expected = estimator.predict_proba(inputs[7:8])[0, 1:]
    elif case == "squared error of classes":
        expected = 1 / (1 + np.exp(-estimator.decision_function(inputs[7:8])[0]))
    else:
        predict = estimator.predict if isinstance(estimator, BackpropRegressor) else estimator.predict_proba
        expected = np.atleast_1d(predict(inputs[7:8])[0])
    np.testing.assert_allclose(trace.out[-1], expected, rtol=1e-9)
    for shown, traced in zip(estimator.coefs_ + estimator.intercepts_, trace.W + trace.b, strict=True):
        np.testing.assert_array_equal(shown, traced)
    assert trace.backward is None


@STANDARDIZE
@EACH
def test_derivatives_with_respect_to_weights_and_inputs_equal_finite_differences(case, standardize):
    estimator, inputs, y = fitted(case, standardize)
    trace = trace_sample(estimator, inputs[7], y[7])
    backward = trace.backward
    W, b, x = [W.copy() for W in trace.W], [b.copy() for b in trace.b], trace.input.copy()

    def function():
        return error(estimator, trace, W, b, x)

    assert backward.loss == pytest.approx(function(), rel=1e-9)
    for arrays, gradients in ((W, backward.dE_dW), (b, backward.dE_db), ([x], [backward.dE_dinput])):
        for array, gradient in zip(arrays, gradients, strict=True):
            expected = finite_differences(function, array)
            np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max() + 1e-9)


@STANDARDIZE
@EACH
def test_factors_multiply_to_delta_and_the_gradient(case, standardize):
    estimator, inputs, y = fitted(case, standardize)
    trace = trace_sample(estimator, inputs[7], y[7])
    backward = trace.backward
    layer_inputs = [trace.input, *trace.out[:-1]]
    factors = zip(backward.dE_dout, backward.dout_dnet, backward.delta, strict=True)
    for level, (dE_dout, dout_dnet, delta) in enumerate(factors):
        product = dE_dout * dout_dnet if dout_dnet.ndim == 1 else dE_dout @ dout_dnet
        np.testing.assert_allclose(product, delta, rtol=1e-9, atol=1e-12 * np.abs(delta).max())
        np.testing.assert_allclose(backward.dE_dW[level], np.outer(layer_inputs[level], delta), rtol=1e-12)
    assert (backward.dout_dnet[-1].ndim == 2) == (case in DEPENDENT_OUTPUTS)


def test_squared_error_is_in_the_units_of_y_without_one_half():
    estimator, _, y = fitted("squared")
    trace, out = trace_sample(estimator, X[3], y[3]), estimator.predict(X[3:4])[0]
    assert trace.backward.loss == pytest.approx((y[3] - out) ** 2, rel=1e-9)
    assert trace.backward.dE_dout[-1][0] == pytest.approx(-2 * (y[3] - out), rel=1e-9)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
def test_sparse_sample_gives_what_the_dense_sample_gives(make):
    estimator, y = CASES["squared"]
    estimator = estimator.set_params(standardize=True, **FEW).fit(sparse.csr_matrix(X), y)
    dense, from_sparse = trace_sample(estimator, X[2], y[2]), trace_sample(estimator, make(X[2:3]), y[2])
    np.testing.assert_array_equal(dense.backward.dE_dW[0], from_sparse.backward.dE_dW[0])
    assert dense.out[-1] == pytest.approx(estimator.predict(X[2:3]), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:2], 1.0, "x must be a single sample, got 2"),
        (X[0], [1.0, 2.0], "not the target of one sample"),
        (X[0, :2], 1.0, "2 features"),
    ],
    ids=["two samples", "two targets", "a feature missing"],
)
def test_other_than_one_sample_and_its_target_is_refused(x, y, message):
    estimator, _, _ = fitted("squared")
    with pytest.raises(ValueError, match=message):
        trace_sample(estimator, x, y)
