"""One sample's way through the network that `coefs_` shows: forward values and the derivatives of E."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropRegressor
from skbackprop.inspection._trace import trace_sample
from skbackprop.losses import Huber
from tests.inspection.inspected import CASES, EACH, FEW, NUMBERS, STANDARDIZE, X, differences, fitted
from tests.shared import TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY


def error(estimator, trace, W, b, x):
    """E of other weights and inputs, by numpy alone up to the raw output; hidden outputs from the activations."""
    network, loss = estimator._config.objective.network, estimator._config.objective.loss
    if isinstance(loss, Huber):
        loss = Huber(loss.delta * (NUMBERS.std() if estimator.standardize else 1.0))
    a = x[np.newaxis]
    for level, (W_l, b_l) in enumerate(zip(W, b, strict=True)):
        z = a @ W_l + b_l
        if level < len(network.activations):
            a = np.empty_like(z)
            network.activations[level].function(z, a)
    return loss.value_and_gradient(trace.target[np.newaxis], z, np.empty_like(z))[0]


@STANDARDIZE
@EACH
def test_the_last_output_is_the_prediction_and_the_weights_are_those_shown(case, standardize):
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
    assert trace.loss is trace.delta is None


@STANDARDIZE
@EACH
def test_derivatives_are_those_of_the_error_by_weights_and_inputs(case, standardize):
    estimator, inputs, y = fitted(case, standardize)
    trace = trace_sample(estimator, inputs[7], y[7])
    W, b, x = [W.copy() for W in trace.W], [b.copy() for b in trace.b], trace.input.copy()

    def function():
        return error(estimator, trace, W, b, x)

    assert trace.loss == pytest.approx(function(), rel=1e-9)
    for arrays, gradients in ((W, trace.dE_dW), (b, trace.dE_db), ([x], [trace.dE_dinput])):
        for array, gradient in zip(arrays, gradients, strict=True):
            expected = differences(function, array)
            np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max() + 1e-9)


@STANDARDIZE
@EACH
def test_factors_multiply_to_delta_and_the_gradient(case, standardize):
    estimator, inputs, y = fitted(case, standardize)
    trace = trace_sample(estimator, inputs[7], y[7])
    before = [trace.input, *trace.out[:-1]]
    for level, (dE_dout, dout_dnet, delta) in enumerate(zip(trace.dE_dout, trace.dout_dnet, trace.delta, strict=True)):
        product = dE_dout * dout_dnet if dout_dnet.ndim == 1 else dE_dout @ dout_dnet
        np.testing.assert_allclose(product, delta, rtol=1e-9, atol=1e-12 * np.abs(delta).max())
        np.testing.assert_allclose(trace.dE_dW[level], np.outer(before[level], delta), rtol=1e-12)
    assert (trace.dout_dnet[-1].ndim == 2) == (case in ("softmax", "quantiles"))


def test_squared_error_is_in_the_units_of_y_as_the_lecture_has_it():
    estimator, _, y = fitted("squared")
    trace, out = trace_sample(estimator, X[3], y[3]), estimator.predict(X[3:4])[0]
    assert trace.loss == pytest.approx((y[3] - out) ** 2, rel=1e-9)
    assert trace.dE_dout[-1][0] == pytest.approx(-2 * (y[3] - out), rel=1e-9)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
def test_a_sparse_row_is_the_dense_one(make):
    estimator, y = CASES["squared"]
    estimator = estimator.set_params(standardize=True, **FEW).fit(sparse.csr_matrix(X), y)
    dense, thin = trace_sample(estimator, X[2], y[2]), trace_sample(estimator, make(X[2:3]), y[2])
    np.testing.assert_array_equal(dense.dE_dW[0], thin.dE_dW[0])
    assert dense.out[-1] == pytest.approx(estimator.predict(X[2:3]), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [(X[:2], 1.0, "x has 2 rows"), (X[0], [1.0, 2.0], "not the target of one sample"), (X[0, :2], 1.0, "2 features")],
    ids=["two samples", "two targets", "a feature missing"],
)
def test_what_is_no_sample_is_refused(x, y, words):
    estimator, _, _ = fitted("squared")
    with pytest.raises(ValueError, match=words):
        trace_sample(estimator, x, y)
