"""Properties of predictions of networks of every kind: samples are independent, and probabilities are valid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES
from tests.shared import output
from tests.strategies import MAY_WARN, STEPPING, examples, problems

pytestmark = MAY_WARN

DTYPES = ("float32", "float64")
KINDS = {"optimizers": [*STEPPING, "lbfgs"], "dtypes": DTYPES, "sparse_X": True}


@examples(60)
@given(problems(**KINDS), st.integers(0, 2**32 - 1))
def test_prediction_of_a_sample_does_not_depend_on_other_samples(problem, seed):
    network, X = problem.fitted(max_iter=1), problem.X
    order = np.random.default_rng(seed).integers(0, X.shape[0], 50)
    rounding = 1e-5 if X.dtype == np.float32 else 1e-12
    for predict in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if not hasattr(network, predict):
            continue
        whole, others = getattr(network, predict)(X), getattr(network, predict)(X[order])
        one_by_one = np.concatenate([getattr(network, predict)(X[[i]]) for i in range(X.shape[0])])
        if whole.dtype.kind == "f":
            np.testing.assert_allclose(others, whole[order], rtol=rounding, atol=rounding)
            np.testing.assert_allclose(one_by_one, whole, rtol=rounding, atol=rounding)
        else:
            np.testing.assert_array_equal(others, whole[order])
            np.testing.assert_array_equal(one_by_one, whole)


@examples(60)
@given(problems(**KINDS))
def test_predictions_equal_the_forward_pass_over_coefs_(problem):
    network, a = problem.fitted(max_iter=1), problem.X
    for level, (W, b) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        z = a @ W + b
        if level < len(network.activation):
            a = np.empty_like(z)
            ACTIVATIONS[network.activation[level]].function(z, a)
    if problem.estimator is BackpropRegressor:
        z = LOSSES[network.loss, network.output_activation].inverse_link(z)
    elif len(network.classes_) == z.shape[1] == 2 and not problem.multilabel:
        z = z[:, 1] - z[:, 0]
    expected = output(network, problem.X)
    rounding = 1e-4 if problem.X.dtype == np.float32 else 1e-10
    np.testing.assert_allclose(z, expected.reshape(z.shape), rtol=rounding, atol=rounding)


@examples(60)
@given(problems(**KINDS), st.integers(1, 7))
def test_predictions_do_not_depend_on_chunks(problem, chunk):
    network = problem.fitted(max_iter=1)
    whole = output(network, problem.X)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", chunk)
        patch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
        chunked = output(network, problem.X)
    rounding = 1e-5 if problem.X.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(chunked, whole, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("magnitude", [1.0, 1e4, 1e30, "largest"], ids=str)
@examples(40)
@given(problems(estimators=[BackpropClassifier], **KINDS))
def test_probabilities_are_valid_for_inputs_of_any_magnitude(magnitude, problem):
    network = problem.fitted(max_iter=1)
    X, largest = problem.X.astype(float), 0.99 * float(np.finfo(problem.X.dtype).max)
    X = (X / np.abs(X).max() * largest if magnitude == "largest" else X * magnitude).astype(problem.X.dtype)
    probability, log_probability = network.predict_proba(X), network.predict_log_proba(X)
    rounding = 1e-5 if X.dtype == np.float32 else 1e-12
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.isfinite(log_probability) & (log_probability <= 0)).all()
    assert np.isfinite(network.decision_function(X)).all()
    np.testing.assert_allclose(np.exp(log_probability), probability, rtol=100 * rounding, atol=rounding)
    if problem.multilabel:
        np.testing.assert_array_equal(network.predict(X)[probability != 0.5], (probability > 0.5)[probability != 0.5])
        return
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=rounding)
    chosen = probability[np.arange(X.shape[0]), np.searchsorted(network.classes_, network.predict(X))]
    np.testing.assert_allclose(chosen, probability.max(axis=1), rtol=rounding)
