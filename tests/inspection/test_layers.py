"""`layer_outputs`, `hidden_features` and `input_gradients`: their values, shapes and dtypes, and what they refuse."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import backprop_table, hidden_features, input_gradients, layer_outputs
from skbackprop.inspection._trace import trace_sample
from skbackprop.losses import Loss
from tests.inspection.networks import (
    CASES,
    EACH,
    FEW,
    LABELS,
    NUMBERS,
    SEVERAL,
    STANDARDIZE,
    X,
    finite_differences,
    fitted,
    predict,
)
from tests.shared import TRAINS_BRIEFLY, theta

pytestmark = TRAINS_BRIEFLY

FUNCTIONS = pytest.mark.parametrize(
    "inspect",
    [layer_outputs, hidden_features, input_gradients, lambda estimator, X: backprop_table(estimator, X[:1], 0.0)],
    ids=["layer_outputs", "hidden_features", "input_gradients", "backprop_table"],
)


@STANDARDIZE
@EACH
def test_outputs_are_those_of_the_network_that_coefs_show(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    outputs = layer_outputs(estimator, inputs)
    assert [layer.shape for layer in outputs] == [(len(inputs), W.shape[1]) for W in estimator.coefs_]
    for sample in (0, 7):
        for layer, expected in zip(outputs, trace_sample(estimator, inputs[sample]).out, strict=True):
            np.testing.assert_allclose(layer[sample], expected, rtol=1e-8, atol=1e-10)
    if case == "squared error of classes":
        outputs[-1] /= outputs[-1].sum(axis=1, keepdims=True)
    predictions = predict(estimator, inputs)
    np.testing.assert_allclose(outputs[-1], predictions[:, -outputs[-1].shape[1] :], rtol=1e-12)


@STANDARDIZE
@EACH
def test_input_gradients_are_the_derivatives_of_predictions(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    inputs = inputs[:6].copy()
    gradients = input_gradients(estimator, inputs)
    predictions = predict(estimator, inputs)
    assert gradients.shape == (*predictions.shape, 3)
    for feature, spread in enumerate(inputs.std(axis=0)):
        step = 1e-5 * spread * np.eye(3)[feature]
        expected = (predict(estimator, inputs + step) - predict(estimator, inputs - step)) / (2e-5 * spread)
        np.testing.assert_allclose(gradients[..., feature], expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("layer", "n_units"), [(0, 4), (1, 3), (-1, 3), (-2, 4)])
def test_hidden_features_are_the_outputs_of_one_hidden_layer(layer, n_units):
    estimator, inputs, _ = fitted("softmax")
    before = theta(estimator).copy()
    features = hidden_features(estimator, inputs, layer)
    assert features.shape == (len(inputs), n_units)
    np.testing.assert_array_equal(features, layer_outputs(estimator, inputs)[:-1][layer])
    np.testing.assert_array_equal(theta(estimator), before)
    if layer == -1:
        np.testing.assert_array_equal(hidden_features(estimator, inputs), features)


@pytest.mark.parametrize(
    ("case", "layer", "message"),
    [
        ("softmax", 2, r"layer=2 is not among the 2 hidden layers of the network; it must be from -2 to 1"),
        ("softmax", -3, "layer=-3"),
        ("no hidden layer", -1, "the 0 hidden layers of the network; see hidden_layer_sizes"),
    ],
    ids=["too large", "too small", "no hidden layer"],
)
def test_invalid_hidden_layers_are_refused(case, layer, message):
    estimator, inputs, _ = fitted(case)
    with pytest.raises(ValueError, match=message):
        hidden_features(estimator, inputs, layer)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("case", ["two targets", "softmax"])
def test_sparse_samples_give_what_dense_samples_give(case, make):
    estimator, y = CASES[case]
    samples = make(np.where(X.mean(axis=0) < X, X, 0))
    dense = samples.toarray()
    estimator = clone(estimator).set_params(**FEW).fit(samples, y)
    np.testing.assert_allclose(input_gradients(estimator, samples), input_gradients(estimator, dense), rtol=1e-12)
    np.testing.assert_allclose(hidden_features(estimator, samples), hidden_features(estimator, dense), rtol=1e-12)
    for got, expected in zip(layer_outputs(estimator, samples), layer_outputs(estimator, dense), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("case", ["two targets", "poisson", "softmax", "two classes", "squared error of classes"])
def test_results_have_the_dtype_of_the_network(case):
    estimator, y = CASES[case]
    y = np.asarray(y, np.float32 if isinstance(estimator, BackpropRegressor) else None)
    narrow, wide = (clone(estimator).set_params(**FEW).fit(X.astype(dtype), y) for dtype in (np.float32, np.float64))
    gradients, expected = input_gradients(narrow, X.astype(np.float32)), input_gradients(wide, X)
    assert gradients.dtype == np.float32
    np.testing.assert_allclose(gradients, expected, rtol=1e-2, atol=1e-3 * np.abs(expected).max())
    outputs = [*layer_outputs(narrow, X.astype(np.float32)), hidden_features(narrow, X.astype(np.float32))]
    assert {layer.dtype for layer in outputs} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("case", "standardize"), [("squared", False), ("softmax", True)])
def test_results_do_not_depend_on_chunks(case, standardize, monkeypatch):
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", 25)
    estimator, inputs, _ = fitted(case, standardize)
    samples = [slice(i, i + 1) for i in range(len(inputs))]
    one_by_one = np.concatenate([input_gradients(estimator, inputs[sample]) for sample in samples])
    np.testing.assert_allclose(input_gradients(estimator, inputs), one_by_one, rtol=1e-9)
    for layer, outputs in enumerate(layer_outputs(estimator, inputs)):
        one_by_one = np.concatenate([layer_outputs(estimator, inputs[sample])[layer] for sample in samples])
        np.testing.assert_allclose(outputs, one_by_one, rtol=1e-9)
    np.testing.assert_array_equal(hidden_features(estimator, inputs), layer_outputs(estimator, inputs)[-2])


class CubedSoftmax(Loss):
    """Squared error of outputs that depend on each other, by an output activation that the package does not have."""

    output_activation = "cubed"

    def inverse_link(self, raw):
        cubes = 1 + raw**2
        return cubes / cubes.sum(axis=1, keepdims=True)

    def value_and_gradient(self, y, raw, gradient):
        out, total = self.inverse_link(raw), (1 + raw**2).sum(axis=1, keepdims=True)
        output_gradient = 2 * (out - y)
        centered = output_gradient - (output_gradient * out).sum(axis=1, keepdims=True)
        np.multiply(2 * raw / total, centered, out=gradient)
        return ((out - y) ** 2).sum(axis=1)


def test_custom_output_activation_is_differentiated():
    y = np.abs(np.column_stack([NUMBERS, X[:, 0], X[:, 1]]))
    y /= y.sum(axis=1, keepdims=True)
    estimator = BackpropRegressor(4, activation="tanh", loss=CubedSoftmax(), **FEW).fit(X, y)
    x = X[:1].copy()
    expected = np.array([finite_differences(lambda k=k: estimator.predict(x)[0, k], x)[0] for k in range(3)])
    np.testing.assert_allclose(
        input_gradients(estimator, x)[0], expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max()
    )
    backward = trace_sample(estimator, X[0], y[0]).backward
    np.testing.assert_allclose(backward.dE_dout[-1] @ backward.dout_dnet[-1], backward.delta[-1], rtol=1e-6, atol=1e-9)


#: Samples that the network cannot propagate without overflow, in four directions.
HUGE = 1e308 * np.array([[1, -1, 1, 1], [-1, 1, -1, -1], [1, 1, 1, 1], [0, -1, 0, 1]])


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse", "in chunks"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    ("y", "loss"),
    [(LABELS == "b", "log_loss"), (LABELS, "log_loss"), (LABELS, "squared_error"), (SEVERAL, "log_loss")],
    ids=["two classes", "three classes", "squared error", "several labels"],
)
def test_last_layer_has_the_probabilities_where_the_network_overflows(y, loss, standardize, kind, monkeypatch):
    inputs = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.linspace(-1, 1, len(X))])
    huge = np.tile(HUGE, (20, 1))
    huge[::3] = inputs[: len(huge[::3])]  # among samples that do not overflow
    if kind == "float32":
        inputs = inputs.astype(np.float32)
        huge = np.clip(huge, -3e38, 3e38).astype(np.float32)
    elif kind == "sparse":
        inputs, huge = sparse.csr_array(inputs), sparse.csr_array(huge)
    elif kind == "in chunks":
        monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
        monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", 7)
    estimator = BackpropClassifier((8, 6), loss=loss, standardize=standardize, **FEW).fit(inputs, y)
    outputs, probabilities = layer_outputs(estimator, huge)[-1], estimator.predict_proba(huge)
    assert np.isfinite(outputs).all()
    if loss == "squared_error":
        sums = outputs.sum(axis=1, keepdims=True)
        has_sum = sums[:, 0] > np.finfo(outputs.dtype).tiny
        assert has_sum[::3].all()  # the others may be so far that every output is 0
        outputs, probabilities = (outputs / np.where(sums > 0, sums, 1))[has_sum], probabilities[has_sum]
    np.testing.assert_allclose(outputs, probabilities[:, -outputs.shape[1] :], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("case", ["squared", "softmax", "several labels"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_overflow_gives_no_warning(case, make):
    estimator, y = CASES[case]
    estimator = clone(estimator).set_params(standardize="standard", **FEW).fit(make(X), y)
    huge = make(HUGE[:, :3])
    assert len(layer_outputs(estimator, huge)) == estimator.n_layers_ - 1
    assert hidden_features(estimator, huge).shape == (4, estimator.coefs_[-1].shape[0])
    assert len(input_gradients(estimator, huge)) == 4
    assert trace_sample(estimator, huge[[0]], y[0]).input[0] == 1e308


@FUNCTIONS
def test_unfitted_estimators_are_refused(inspect):
    with pytest.raises(NotFittedError, match="BackpropRegressor"):
        inspect(BackpropRegressor(), X)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Ridge(), "got Ridge"),
        (make_pipeline(StandardScaler(), BackpropRegressor(4, **FEW)), r"got Pipeline; pass its last step"),
        (
            GridSearchCV(BackpropRegressor(4, **FEW), {"alpha": [0.1]}, cv=2),
            "got GridSearchCV; pass its best_estimator_",
        ),
    ],
    ids=["Ridge", "Pipeline", "GridSearchCV"],
)
@FUNCTIONS
def test_other_estimators_are_refused_with_a_remedy(inspect, other, message):
    with pytest.raises(TypeError, match=message):
        inspect(clone(other).fit(X, NUMBERS), X)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_gradients_of_compressed_inputs_are_the_slopes_of_the_predictions(make):
    estimator = BackpropRegressor(5, activation="tanh", **FEW).fit(make(X), X[:, 0] - X[:, 1])
    far = X[:4] + np.array([[0, 0, 0], [30, 0, 0], [0, -40, 20], [9, 9, 9]])[:, : X.shape[1]]
    found, step = input_gradients(estimator, make(far))[:, 0], 1e-5
    for feature in range(far.shape[1]):
        ahead, behind = far.copy(), far.copy()
        ahead[:, feature] += step
        behind[:, feature] -= step
        slope = (estimator.predict(make(ahead)) - estimator.predict(make(behind))) / (2 * step)
        np.testing.assert_allclose(found[:, feature], slope, rtol=1e-4, atol=1e-8)


def test_trace_of_a_compressed_sample_gives_its_prediction_and_gradient():
    estimator = BackpropRegressor(5, activation="tanh", **FEW).fit(X, X[:, 0] - X[:, 1])
    far = X[0] + 25
    trace = trace_sample(estimator, far, 1.0)
    np.testing.assert_allclose(trace.out[-1], estimator.predict(far[np.newaxis]), rtol=1e-9)
    assert (trace.input <= far).all()
    assert trace.input[0] < far[0]
    slope = trace.backward.dE_dout[-1][0] * input_gradients(estimator, far[np.newaxis])[0, 0]
    np.testing.assert_allclose(trace.backward.dE_dinput, slope, rtol=1e-9)
