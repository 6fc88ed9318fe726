"""The table of the chain rule, derivatives by the inputs, outputs of layers."""

import sys

import numpy as np
import pandas as pd
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
from tests.inspection.inspected import CASES, EACH, FEW, NUMBERS, STANDARDIZE, X, differences, fitted
from tests.lecture import COEFS, INTERCEPTS, TARGET
from tests.lecture import X as LECTURE_X
from tests.shared import NO_UPDATE_RATE, TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY

LOOK = pytest.mark.parametrize(
    "look",
    [layer_outputs, input_gradients, lambda estimator, X: backprop_table(estimator, X[:1], 0.0)],
    ids=["layer_outputs", "input_gradients", "backprop_table"],
)


def predict(estimator, inputs):
    """What derivatives by the inputs are of, of shape (n_samples, n_outputs)."""
    if isinstance(estimator, BackpropClassifier):
        return estimator.predict_proba(inputs)
    return estimator.predict(inputs).reshape(inputs.shape[0], -1)


@pytest.fixture(scope="module")
def lecture():
    """The table of the lecture's network before its first update, which the rate makes no move."""
    network = BackpropRegressor(
        2,
        activation="logistic",
        output_activation="logistic",
        solver="sgd",
        optimizer="gd",
        learning_rate=NO_UPDATE_RATE,
        alpha=0.0,
        init=(COEFS, INTERCEPTS),
        standardize=False,
    ).partial_fit(LECTURE_X, TARGET)
    return backprop_table(network, LECTURE_X[0], TARGET[0], learning_rate=0.5)


W1, W5, W7 = (0, "x0", "h0_0"), (1, "h0_0", "o0"), (1, "h0_0", "o1")


@pytest.mark.parametrize(
    ("row", "column", "printed", "accuracy"),
    [
        pytest.param(W1, "net", 0.3775, 5e-5, id="net_h1"),
        pytest.param(W1, "out", 0.5933, 5e-5, id="out_h1"),
        pytest.param(W5, "net", 0.5546, 5e-5, id="net_o1"),
        pytest.param(W7, "net", 0.7188, 5e-5, id="net_o2"),
        pytest.param(W5, "out", 0.6352, 5e-5, id="out_o1"),
        pytest.param(W7, "out", 0.6723, 5e-5, id="out_o2"),
        pytest.param(W5, "dE/dout", 1.2504, 5e-5, id="dE/dout_o1"),
        pytest.param(W5, "dout/dnet", 0.2317, 5e-5, id="dout/dnet_o1"),
        pytest.param(W5, "dnet/dw", 0.5933, 5e-5, id="dnet_o1/dw5"),
        pytest.param(W5, "gradient", 0.1719, 5e-5, id="dE/dw5"),
        pytest.param(W1, "dnet_o0/dw", 0.0048, 5e-5, id="dnet_o1/dw1"),
        pytest.param(W1, "dnet_o1/dw", 0.006, 5e-5, id="dnet_o2/dw1"),
        pytest.param(W1, "gradient", 5.5401e-04, 5e-9, id="dE/dw1"),
        pytest.param(W5, "new w", 0.40 - 0.5 * 0.1719, 5e-5, id="w5 after the update"),
        pytest.param(W1, "update", -0.5 * 5.5401e-04, 5e-9, id="the update of w1"),
    ],
)
def test_the_table_has_the_lectures_numbers(lecture, row, column, printed, accuracy):
    assert lecture.loc[row, column] == pytest.approx(printed, abs=accuracy)


def test_the_lectures_dE_dw1_comes_of_the_tables_factors_once_they_are_rounded(lecture):
    outputs = lecture.loc[[W5, W7]].round(4)
    dnet_dw1 = lecture.loc[W1, ["dnet_o0/dw", "dnet_o1/dw"]].round(4).to_numpy()
    assert np.sum(outputs["dE/dout"] * outputs["dout/dnet"] * dnet_dw1) == pytest.approx(5.5090e-04, abs=1e-8)


@STANDARDIZE
@EACH
def test_a_row_of_the_table_multiplies_to_the_gradient(case, standardize):
    estimator, inputs, y = fitted(case, standardize)
    table, trace = backprop_table(estimator, inputs[7], y[7]), trace_sample(estimator, inputs[7], y[7])
    gradients = [np.vstack(layer).ravel() for layer in zip(trace.dE_dW, trace.dE_db, strict=True)]
    weights = [np.vstack(layer).ravel() for layer in zip(trace.W, trace.b, strict=True)]
    np.testing.assert_array_equal(table["gradient"], np.concatenate(gradients))
    np.testing.assert_array_equal(table["w"], np.concatenate(weights))
    np.testing.assert_allclose(table["gradient"], table["dE/dnet"] * table["dnet/dw"], rtol=1e-12)
    np.testing.assert_allclose(table["update"], -estimator.learning_rate_ * table["gradient"], rtol=1e-12)
    np.testing.assert_allclose(table["new w"], table["w"] + table["update"], rtol=1e-12)

    last = len(trace.W) - 1
    hidden = table[table.index.get_level_values("layer") < last]
    one_by_one = table if case not in ("softmax", "quantiles") else hidden
    atol = 1e-12 * table["dE/dnet"].abs().max()
    np.testing.assert_allclose(
        one_by_one["dE/dout"] * one_by_one["dout/dnet"], one_by_one["dE/dnet"], rtol=1e-9, atol=atol
    )
    np.testing.assert_allclose(one_by_one.filter(like="via").sum(axis=1), one_by_one["dE/dout"], rtol=1e-9, atol=atol)
    to_outputs = table.filter(regex="^dnet_.*/dw$").to_numpy() @ trace.delta[-1]
    scale = table["gradient"].abs().max()
    np.testing.assert_allclose(to_outputs, table["gradient"], rtol=1e-9, atol=1e-12 * scale)
    assert table.xs(last)["dE/dout"].isna().all() == (case in ("softmax", "quantiles"))


def test_rows_of_the_table_are_named_after_features_units_and_classes():
    _, labels = CASES["softmax"]
    frame = pd.DataFrame(X, columns=["age", "height", "dose"])
    network = BackpropClassifier((2, 1), **FEW).fit(frame, labels)
    table = backprop_table(network, frame.iloc[3], "b")
    pd.testing.assert_frame_equal(table, backprop_table(network, frame.iloc[[3]], "b"))
    assert table.index.names == ["layer", "from", "to"]
    assert list(table.index[:3]) == [(0, "age", "h0_0"), (0, "age", "h0_1"), (0, "height", "h0_0")]
    assert list(table.index[-3:]) == [(2, "intercept", label) for label in "abc"]
    assert table.loc[(1, "h0_1", "h1_0"), "w"] == network.coefs_[1][1, 0]
    two = BackpropClassifier((), **FEW).fit(X, labels == "b")
    assert list(backprop_table(two, X[0], True).index) == [
        (0, name, "True") for name in ("x0", "x1", "x2", "intercept")
    ]


def test_the_table_without_pandas_says_what_to_install(monkeypatch):
    estimator, inputs, y = fitted("squared")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas, or skbackprop\[inspection\]"):
        backprop_table(estimator, inputs[0], y[0])


@pytest.mark.parametrize("learning_rate", [0, -1.0, "auto"])
def test_the_table_wants_a_learning_rate_above_0(learning_rate):
    estimator, inputs, y = fitted("squared")
    with pytest.raises((ValueError, TypeError), match="learning_rate"):
        backprop_table(estimator, inputs[0], y[0], learning_rate=learning_rate)


def test_the_table_wants_a_target():
    estimator, inputs, _ = fitted("squared")
    with pytest.raises(ValueError, match="y=None"):
        backprop_table(estimator, inputs[0], None)


@STANDARDIZE
@EACH
def test_input_gradients_are_those_of_predictions(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    inputs = inputs[:6].copy()
    gradients = input_gradients(estimator, inputs)
    predictions = predict(estimator, inputs)
    assert gradients.shape == (*predictions.shape, 3)
    for feature, spread in enumerate(inputs.std(axis=0)):
        step = 1e-5 * spread * np.eye(3)[feature]
        expected = (predict(estimator, inputs + step) - predict(estimator, inputs - step)) / (2e-5 * spread)
        np.testing.assert_allclose(gradients[..., feature], expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("case", ["two targets", "softmax"])
def test_sparse_inputs_give_what_dense_ones_do(case, make):
    estimator, y = CASES[case]
    thin = make(np.where(X.mean(axis=0) < X, X, 0))
    estimator = clone(estimator).set_params(**FEW).fit(thin, y)
    np.testing.assert_allclose(input_gradients(estimator, thin), input_gradients(estimator, thin.toarray()), rtol=1e-12)
    for got, expected in zip(layer_outputs(estimator, thin), layer_outputs(estimator, thin.toarray()), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("case", ["two targets", "poisson", "softmax", "two classes", "squared error of classes"])
def test_float32_stays_float32(case):
    estimator, y = CASES[case]
    narrow, wide = (clone(estimator).set_params(**FEW).fit(X.astype(dtype), y) for dtype in (np.float32, np.float64))
    gradients, expected = input_gradients(narrow, X.astype(np.float32)), input_gradients(wide, X)
    assert gradients.dtype == np.float32
    np.testing.assert_allclose(gradients, expected, rtol=1e-2, atol=1e-3 * np.abs(expected).max())
    outputs = layer_outputs(narrow, X.astype(np.float32))
    assert {layer.dtype for layer in outputs} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("case", "standardize"), [("squared", False), ("softmax", True)])
def test_many_rows_in_chunks_are_the_rows_one_by_one(case, standardize, monkeypatch):
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_ROWS", 25)
    estimator, inputs, _ = fitted(case, standardize)
    rows = [slice(i, i + 1) for i in range(len(inputs))]
    one_by_one = np.concatenate([input_gradients(estimator, inputs[row]) for row in rows])
    np.testing.assert_allclose(input_gradients(estimator, inputs), one_by_one, rtol=1e-9)
    for layer, outputs in enumerate(layer_outputs(estimator, inputs)):
        one_by_one = np.concatenate([layer_outputs(estimator, inputs[row])[layer] for row in rows])
        np.testing.assert_allclose(outputs, one_by_one, rtol=1e-9)
    np.testing.assert_array_equal(hidden_features(estimator).transform(inputs), layer_outputs(estimator, inputs)[-2])


class CubedSoftmax(Loss):
    """Squared error of outputs that depend on each other in a way of their own."""

    output_activation = "cubed"

    def inverse_link(self, raw):
        cubes = 1 + raw**2
        return cubes / cubes.sum(axis=1, keepdims=True)

    def value_and_gradient(self, y, raw, gradient):
        out, total = self.inverse_link(raw), (1 + raw**2).sum(axis=1, keepdims=True)
        by_out = 2 * (out - y)
        np.multiply(2 * raw / total, by_out - (by_out * out).sum(axis=1, keepdims=True), out=gradient)
        return ((out - y) ** 2).sum(axis=1)


def test_an_output_activation_of_ones_own_is_differentiated_too():
    y = np.abs(np.column_stack([NUMBERS, X[:, 0], X[:, 1]]))
    y /= y.sum(axis=1, keepdims=True)
    estimator = BackpropRegressor(4, activation="tanh", loss=CubedSoftmax(), **FEW).fit(X, y)
    x = X[:1].copy()
    expected = np.array([differences(lambda k=k: estimator.predict(x)[0, k], x)[0] for k in range(3)])
    np.testing.assert_allclose(
        input_gradients(estimator, x)[0], expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max()
    )
    trace = trace_sample(estimator, X[0], y[0])
    np.testing.assert_allclose(trace.dE_dout[-1] @ trace.dout_dnet[-1], trace.delta[-1], rtol=1e-6, atol=1e-9)


@STANDARDIZE
@EACH
def test_activations_are_the_layers_of_the_network_that_coefs_show(case, standardize):
    estimator, inputs, _ = fitted(case, standardize)
    outputs = layer_outputs(estimator, inputs)
    assert [layer.shape for layer in outputs] == [(len(inputs), W.shape[1]) for W in estimator.coefs_]
    for row in (0, 7):
        for layer, expected in zip(outputs, trace_sample(estimator, inputs[row]).out, strict=True):
            np.testing.assert_allclose(layer[row], expected, rtol=1e-8, atol=1e-10)
    if case == "squared error of classes":
        outputs[-1] /= outputs[-1].sum(axis=1, keepdims=True)
    predictions = predict(estimator, inputs)
    np.testing.assert_allclose(outputs[-1], predictions[:, -outputs[-1].shape[1] :], rtol=1e-12)


@LOOK
def test_what_is_not_fitted_is_not_looked_into(look):
    with pytest.raises(NotFittedError, match="BackpropRegressor"):
        look(BackpropRegressor(), X)


@pytest.mark.parametrize(
    ("foreign", "words"),
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
@LOOK
def test_a_foreign_estimator_is_named_with_the_remedy(look, foreign, words):
    with pytest.raises(TypeError, match=words):
        look(clone(foreign).fit(X, NUMBERS), X)
    with pytest.raises(TypeError, match=words):
        hidden_features(clone(foreign).fit(X, NUMBERS))
