"""`backprop_table`: the numbers of the lecture, the chain rule for every loss, and the errors for invalid input."""

import sys

import numpy as np
import pandas as pd
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import backprop_table
from skbackprop.inspection._trace import trace_sample
from tests.inspection.networks import CASES, DEPENDENT_OUTPUTS, EACH, FEW, STANDARDIZE, X, fitted
from tests.lecture import COEFS, INTERCEPTS, TARGET
from tests.lecture import X as LECTURE_X
from tests.shared import NO_UPDATE_RATE, TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY


@pytest.fixture(scope="module")
def lecture():
    """The table of the lecture's network with its initial weights, which this learning rate does not change."""
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
def test_numbers_are_those_of_the_lecture(lecture, row, column, printed, accuracy):
    assert lecture.loc[row, column] == pytest.approx(printed, abs=accuracy)


def test_rounded_factors_give_the_dE_dw1_printed_in_the_lecture(lecture):
    outputs = lecture.loc[[W5, W7]].round(4)
    dnet_dw1 = lecture.loc[W1, ["dnet_o0/dw", "dnet_o1/dw"]].round(4).to_numpy()
    assert np.sum(outputs["dE/dout"] * outputs["dout/dnet"] * dnet_dw1) == pytest.approx(5.5090e-04, abs=1e-8)


@STANDARDIZE
@EACH
def test_factors_multiply_to_the_gradient(case, standardize):
    estimator, inputs, y = fitted(case, standardize)
    table, trace = backprop_table(estimator, inputs[7], y[7]), trace_sample(estimator, inputs[7], y[7])
    backward = trace.backward
    gradients = [np.vstack(layer).ravel() for layer in zip(backward.dE_dW, backward.dE_db, strict=True)]
    weights = [np.vstack(layer).ravel() for layer in zip(trace.W, trace.b, strict=True)]
    np.testing.assert_array_equal(table["gradient"], np.concatenate(gradients))
    np.testing.assert_array_equal(table["w"], np.concatenate(weights))
    np.testing.assert_allclose(table["gradient"], table["dE/dnet"] * table["dnet/dw"], rtol=1e-12)
    np.testing.assert_allclose(table["update"], -estimator.learning_rate_ * table["gradient"], rtol=1e-12)
    np.testing.assert_allclose(table["new w"], table["w"] + table["update"], rtol=1e-12)

    last = len(trace.W) - 1
    hidden = table[table.index.get_level_values("layer") < last]
    single_path = hidden if case in DEPENDENT_OUTPUTS else table
    atol = 1e-12 * table["dE/dnet"].abs().max()
    np.testing.assert_allclose(
        single_path["dE/dout"] * single_path["dout/dnet"], single_path["dE/dnet"], rtol=1e-9, atol=atol
    )
    np.testing.assert_allclose(single_path.filter(like="via").sum(axis=1), single_path["dE/dout"], rtol=1e-9, atol=atol)
    to_outputs = table.filter(regex="^dnet_.*/dw$").to_numpy() @ backward.delta[-1]
    scale = table["gradient"].abs().max()
    np.testing.assert_allclose(to_outputs, table["gradient"], rtol=1e-9, atol=1e-12 * scale)
    assert table.xs(last)["dE/dout"].isna().all() == (case in DEPENDENT_OUTPUTS)


def test_index_names_features_units_and_classes():
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


def test_error_without_pandas_says_what_to_install(monkeypatch):
    estimator, inputs, y = fitted("squared")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas, or skbackprop\[inspection\]"):
        backprop_table(estimator, inputs[0], y[0])


@pytest.mark.parametrize("learning_rate", [0, -1.0, "auto", np.nan, True])
def test_learning_rate_must_be_above_0(learning_rate):
    estimator, inputs, y = fitted("squared")
    with pytest.raises((ValueError, TypeError), match="learning_rate"):
        backprop_table(estimator, inputs[0], y[0], learning_rate=learning_rate)


def test_target_is_required():
    estimator, inputs, _ = fitted("squared")
    with pytest.raises(ValueError, match="y=None"):
        backprop_table(estimator, inputs[0], None)
