"""`FittedModel`, the interface of the fitted network: forward pass, layers, derivatives and encoded targets."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.compression import compress
from skbackprop._estimators.fitted_model import check_type, fitted_model
from tests.inspection.networks import CASES, EACH, FEW, LABELS, NUMBERS, SEVERAL, STANDARDIZE, X, fitted, predict
from tests.shared import TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY


def forward(layers, activations, a):
    """Return the raw output of some layers, computed by numpy and the activations alone."""
    for (W, b), activation in zip(layers, (*activations, None), strict=True):
        z = a @ W + b
        if activation is not None:
            a = np.empty_like(z)
            activation.function(z, a)
    return z


def predictions_from_raw(model, raw):
    """Return the predictions of a regressor or the probabilities of a classifier for some raw output."""
    return model.probabilities(raw) if hasattr(model, "probabilities") else model.outputs(raw)


@STANDARDIZE
@EACH
def test_predictions_follow_from_the_raw_output(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    model = fitted_model(estimator)
    raw = model.raw_output(inputs)
    assert raw.shape == (len(inputs), model.n_outputs)
    predictions = predictions_from_raw(model, raw)
    assert predictions.shape == (len(inputs), model.n_predictions)
    np.testing.assert_array_equal(predictions, predict(estimator, inputs))


@STANDARDIZE
@EACH
def test_internal_layers_give_the_raw_output_for_standardized_samples(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    model = fitted_model(estimator)
    scaled = inputs
    if standardize:
        scaled = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
        np.testing.assert_allclose(model.input_slopes(inputs)[0], 1 / inputs.std(axis=0), rtol=1e-6)
    else:
        assert model.input_slopes(inputs) is None
    raw = forward(model.internal_layers(), model.network.activations, scaled)
    np.testing.assert_allclose(raw, model.raw_output(inputs), rtol=1e-6, atol=1e-9)


@STANDARDIZE
@EACH
def test_layers_are_coefs_and_intercepts(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    model = fitted_model(estimator)
    for layer, W, b in zip(model.layers(), estimator.coefs_, estimator.intercepts_, strict=True):
        np.testing.assert_array_equal(layer.W, W)
        np.testing.assert_array_equal(layer.b, b)
    # the scaling of the target is in the last layer, so the link gives predictions in the units of the target
    raw = forward(model.layers(), model.network.activations, inputs)
    outputs = model.loss.link.inverse(raw)
    np.testing.assert_allclose(outputs, model.layer_outputs(inputs)[-1], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("method", ["layers", "internal_layers"])
@STANDARDIZE
def test_layers_are_copies(method, standardize):
    estimator, inputs, _ = fitted("squared", standardize)
    before = estimator.predict(inputs)
    for layer in getattr(fitted_model(estimator), method)():
        layer.W[:] = np.nan
        layer.b[:] = np.nan
    np.testing.assert_array_equal(estimator.predict(inputs), before)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_scaling_of_the_inputs_is_what_the_internal_layers_need(make):
    inputs = X.copy()
    inputs[0, 1] = 1e5  # is compressed
    estimator = BackpropRegressor(4, activation="tanh", **FEW).fit(make(inputs), NUMBERS)
    model = fitted_model(estimator)
    offset, factor, lower, upper = model.input_scaling()
    assert offset.any() == (make is np.asarray)
    scaled = (inputs - offset) * factor
    compress(scaled, lower, upper)
    assert scaled[0, 1] < 0.1 * ((inputs - offset) * factor)[0, 1]
    raw = forward(model.internal_layers(), model.network.activations, scaled)
    np.testing.assert_allclose(raw, model.raw_output(make(inputs)), rtol=1e-12)


@EACH
def test_scaling_of_predictions(case):
    estimator, inputs, _ = fitted(case)
    model = fitted_model(estimator)
    if isinstance(estimator, BackpropClassifier):
        assert not hasattr(model, "prediction_scaling")
        return
    scaling = model.prediction_scaling()
    outputs = model.loss.link.inverse(model.raw_output(inputs))
    if scaling is not None:
        outputs = outputs * scaling.scale + scaling.offset
    assert (scaling is None) == (case == "logistic")
    np.testing.assert_allclose(outputs, predict(estimator, inputs), rtol=1e-12)


def test_scaling_of_a_constant_target_is_zero():
    y = np.column_stack([NUMBERS, np.full(len(X), 7.0)])
    scaling = fitted_model(BackpropRegressor(4, **FEW).fit(X, y)).prediction_scaling()
    assert scaling.scale[0] > 0
    assert (scaling.scale[1], scaling.offset[1]) == (0, 7)


def test_nothing_is_scaled_without_standardization():
    model = fitted_model(fitted("squared", False)[0])
    assert model.input_scaling() is None
    assert model.prediction_scaling() is None


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("case", ["squared", "softmax", "no hidden layer"])
def test_chunks_are_consecutive_and_have_the_layers_of_their_samples(case, make, monkeypatch):
    estimator, y = CASES[case]
    samples = make(X)
    estimator = clone(estimator).set_params(**FEW).fit(samples, y)
    model = fitted_model(estimator)
    outputs, raw = model.layer_outputs(samples), model.raw_output(samples)
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", 25)
    indices = []
    for chunk, chunk_raw, cache in model.iterate_chunks(samples):
        indices.append(np.arange(len(X))[chunk])
        np.testing.assert_allclose(chunk_raw, raw[chunk], rtol=1e-12)
        for layer, output in zip(cache[:-1], outputs[:-1], strict=True):
            np.testing.assert_allclose(layer.a, output[chunk], rtol=1e-12)
    assert [len(chunk) for chunk in indices] == [25, 25, 10]
    np.testing.assert_array_equal(np.concatenate(indices), np.arange(len(X)))


@STANDARDIZE
@EACH
def test_last_of_the_layer_outputs_is_the_prediction(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    model = fitted_model(estimator)
    outputs = model.layer_outputs(inputs)
    assert [output.shape[1] for output in outputs] == list(model.network.sizes[1:])
    np.testing.assert_array_equal(outputs[-1], model.outputs(model.raw_output(inputs)))


@STANDARDIZE
@EACH
def test_prediction_derivatives_equal_finite_differences(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    model = fitted_model(estimator)
    raw = model.raw_output(inputs[:5]).copy()
    derivatives = np.stack(list(model.prediction_derivatives(raw.copy())), axis=1)
    assert derivatives.shape == (5, model.n_predictions, model.n_outputs)
    for output in range(model.n_outputs):
        step = 1e-6 * np.eye(model.n_outputs)[output]
        above, below = (predictions_from_raw(model, raw + sign * step).copy() for sign in (1, -1))
        expected = (above - below) / 2e-6
        scale = np.abs(expected).max()
        np.testing.assert_allclose(derivatives[:, :, output], expected, rtol=1e-5, atol=1e-7 * scale)


@pytest.mark.parametrize(
    ("case", "y", "target"),
    [
        ("squared", 3.5, [3.5]),
        ("squared", [3.5], [3.5]),
        ("two targets", [1.0, 2.0], [1.0, 2.0]),
        ("quantiles", 7, [7.0, 7.0, 7.0]),
        ("softmax", "b", [0.1 / 3, 0.9 + 0.1 / 3, 0.1 / 3]),
        ("two classes", True, [1.0]),
        ("two classes", [False], [0.0]),
        ("several labels", [0, 1], [0.0, 1.0]),
        ("squared error of classes", "c", [0.0, 0.0, 1.0]),
    ],
)
def test_target_of_a_sample_is_encoded_as_in_fit(case, y, target):
    estimator, _, _ = fitted(case)
    encoded = fitted_model(estimator).encode_sample(y)
    assert encoded.dtype == np.float64
    np.testing.assert_allclose(encoded, [target], rtol=1e-15)


@pytest.mark.parametrize(
    ("case", "y", "message"),
    [
        ("squared", [1.0, 2.0], r"y=\[1.0, 2.0\] is not the target of one sample with 1 outputs"),
        ("two targets", 1.0, "one sample with 2 outputs"),
        ("poisson", -1.0, "y must be at least 0"),
        ("squared", "text", "BackpropRegressor needs numbers"),
        ("softmax", "d", r"previously unseen labels \['d'\]"),
        ("softmax", ["a", "b"], "not the target of one sample"),
        ("several labels", [0, 2], "must contain only 0 and 1"),
        ("several labels", [0, 1, 0], r"y=\[0, 1, 0\] is not the target of one sample with 2 outputs"),
        ("several labels", 1, "y=1 is not the target of one sample with 2 outputs"),
        ("squared", np.nan, "NaN"),
    ],
)
def test_invalid_targets_of_a_sample_are_refused(case, y, message):
    estimator, _, _ = fitted(case)
    with pytest.raises(ValueError, match=message):
        fitted_model(estimator).encode_sample(y)


def test_sample_may_be_a_vector_a_matrix_or_part_of_a_data_frame():
    frame = pd.DataFrame(X, columns=["age", "height", "dose"])
    model = fitted_model(BackpropRegressor(4, **FEW).fit(frame, NUMBERS))
    dtype = np.dtype(np.float64)
    for sample in (frame.iloc[3], frame.iloc[[3]]):
        np.testing.assert_array_equal(model.validate_sample(sample, dtype), X[[3]])
    model = fitted_model(fitted("squared")[0])
    for sample in (X[3], list(X[3]), X[[3]], sparse.csr_array(X[[3]])):
        validated = model.validate_sample(sample, dtype)
        assert type(validated) is np.ndarray
        np.testing.assert_array_equal(validated, X[[3]])
    with pytest.raises(ValueError, match="must be a single sample, got 2"):
        model.validate_sample(X[:2], dtype)


def test_names_of_inputs_and_outputs():
    frame = pd.DataFrame(X, columns=["age", "height", "dose"])
    model = fitted_model(BackpropClassifier(4, **FEW).fit(frame, LABELS))
    assert model.feature_names == ["age", "height", "dose"]
    assert model.output_names == ["a", "b", "c"]
    model = fitted_model(BackpropClassifier(4, **FEW).fit(X, LABELS == "b"))
    assert model.feature_names == ["x0", "x1", "x2"]
    assert model.output_names == ["True"]
    assert (model.n_outputs, model.n_predictions) == (1, 2)
    model = fitted_model(BackpropClassifier(4, **FEW).fit(X, SEVERAL))
    assert model.output_names == ["0", "1"]
    assert fitted_model(fitted("two targets")[0]).output_names == ["o0", "o1"]


def test_hyperparameters_of_the_loss_are_in_the_units_of_the_target():
    estimator, _, y = fitted("huber")
    model = fitted_model(estimator)
    assert model.loss.delta == 0.5
    assert model.loss_in_target_units().delta == pytest.approx(0.5 * y.std(), rel=1e-6)
    assert fitted_model(fitted("huber", False)[0]).loss_in_target_units().delta == 0.5


def test_state_is_that_of_the_estimator():
    estimator, _, _ = fitted("squared")
    state = fitted_model(estimator).state
    assert state.n_iter == estimator.n_iter_
    assert state.theta is fitted_model(estimator).theta


def test_unfitted_and_other_estimators_are_refused():
    with pytest.raises(NotFittedError, match="BackpropRegressor"):
        fitted_model(BackpropRegressor())
    for other, message in [(Ridge(), "got Ridge"), (make_pipeline(BackpropRegressor()), "pass its last step")]:
        with pytest.raises(TypeError, match=message):
            fitted_model(other)
        with pytest.raises(TypeError, match=message):
            check_type(other)
    check_type(BackpropClassifier())
