"""`skbackprop.onnx`: the inputs of a graph, and errors that name what cannot be one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleRegressor, PiecewiseLinearEncoder
from tests.shared import TRAINS_BRIEFLY

skl2onnx = pytest.importorskip("skl2onnx")

from skbackprop.onnx import to_onnx  # noqa: E402
from tests.export.graphs import FEW, assert_outputs, run  # noqa: E402

pytestmark = TRAINS_BRIEFLY

RNG = np.random.default_rng(0)
X = 1e4 + RNG.normal(size=(120, 3)) * [1, 30, 0.1]
FRAME = pd.DataFrame(X, columns=["age", "height", "dose"])
Y = X[:, 0] - 1e4
NETWORK = BackpropRegressor(**FEW)
FITTED = {
    "network": NETWORK,
    "ensemble": BackpropEnsembleRegressor(NETWORK, 2, candidates=None, random_state=0),
    "pipeline": make_pipeline(PiecewiseLinearEncoder(3), NETWORK),
    "search": GridSearchCV(NETWORK, {}, cv=2),
    "encoder": PiecewiseLinearEncoder(3),
}


@pytest.fixture(scope="module")
def network():
    return BackpropRegressor(**FEW).fit(FRAME, Y)


@pytest.mark.parametrize("name", FITTED)
def test_columns_are_those_of_fit(name):
    estimator = FITTED[name].fit(FRAME, Y)
    for columns in (["height", "age", "dose"], ["age", "height"], ["age", "height", "weight"]):
        with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
            to_onnx(estimator, FRAME.reindex(columns=columns, fill_value=1.0))
    estimator.fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3 features as input"):
        to_onnx(estimator, X[:, :2])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        to_onnx(estimator, X[0])


def test_columns_of_a_calibrated_classifier_are_those_of_fit():
    estimator = CalibratedClassifierCV(BackpropClassifier(**FEW), cv=2).fit(FRAME, Y > 0)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        to_onnx(estimator, FRAME[["height", "age", "dose"]])


def test_order_of_columns_that_are_selected_by_name():
    transformer = make_column_transformer((PiecewiseLinearEncoder(3), ["age", "height"]), ("passthrough", ["dose"]))
    estimator = make_pipeline(transformer, NETWORK).fit(FRAME, Y)
    assert_outputs(run(to_onnx(estimator, FRAME[["dose", "age", "height"]]), FRAME), estimator, FRAME, 1e-12)
    with pytest.raises(ValueError, match=r"columns are missing: \{'age'\}"):
        to_onnx(estimator, FRAME[["dose", "height"]])


def test_names_of_columns_for_an_array(network):
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model = to_onnx(network, X)
    assert [value.name for value in model.graph.input] == ["X"]


def test_an_estimator_that_is_not_fitted_is_refused():
    for estimator in (BackpropRegressor(), GridSearchCV(NETWORK, {}), make_pipeline(BaggingRegressor(NETWORK))):
        for options in ({}, {"nocl": True}):
            with pytest.raises(NotFittedError):
                to_onnx(estimator, X, **options)


def test_names_of_inputs():
    frame = FRAME.set_axis(["a b", "b-c", "d.e"], axis=1)
    estimator = BackpropRegressor(**FEW).fit(frame, Y)
    model = to_onnx(estimator, frame)
    assert [value.name for value in model.graph.input] == ["a_b", "b_c", "d_e"]
    (prediction,) = run(model, frame.set_axis(["a_b", "b_c", "d_e"], axis=1))
    np.testing.assert_allclose(prediction[:, 0], estimator.predict(frame), rtol=1e-12)


def test_names_that_are_not_strings_are_refused():
    frame = FRAME.set_axis([0, 1, 2], axis=1)
    estimator = BackpropRegressor(**FEW).fit(frame, Y)
    with pytest.raises(TypeError, match=r"column 0 of X has a name that is not a string.* X\.rename\(columns=str\)"):
        to_onnx(estimator, frame)
    assert [value.name for value in to_onnx(estimator, frame.to_numpy()).graph.input] == ["X"]


def test_a_data_frame_of_polars_is_one_input(network):
    polars = pytest.importorskip("polars")
    model = to_onnx(network, polars.from_pandas(FRAME))
    assert [value.name for value in model.graph.input] == ["X"]
    (prediction,) = run(model, X)
    np.testing.assert_allclose(prediction[:, 0], network.predict(FRAME), rtol=1e-12)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        to_onnx(network, polars.from_pandas(FRAME[["height", "age", "dose"]]))


@pytest.mark.parametrize(
    "dtype", ["float16", "uint16", "uint32", "uint64", "int16", "longdouble", "Int64", "Float32", "boolean", "category"]
)
def test_other_dtypes_are_refused(network, dtype):
    frame = (FRAME * 0 + 1).astype({"height": dtype})
    with pytest.raises(
        TypeError, match=r"column 'height' of X has the dtype .* convert it to one of float32, float64,"
    ):
        to_onnx(network, frame)
    if dtype[0].islower() and dtype not in ("boolean", "category"):
        with pytest.raises(TypeError, match=r"^X has the dtype .* convert it to one of float32, float64, int64"):
            to_onnx(BackpropRegressor(**FEW).fit(X, Y), np.ones((2, 3), dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "int8", "uint8", "bool"])
def test_dtypes_of_columns(network, dtype):
    frame = FRAME.astype(np.float32).assign(height=(RNG.random(120) * 5).astype(dtype))
    (prediction,) = run(to_onnx(network, frame), frame)
    np.testing.assert_allclose(prediction[:, 0], network.predict(frame), rtol=1e-5, atol=1e-5)


def test_columns_of_strings_are_refused(network):
    frame = FRAME.astype({"height": object})
    assert len(network.predict(frame)) == 120
    with pytest.raises(TypeError, match=r"input 'height' of the graph is a StringTensorType.* Convert or encode"):
        to_onnx(network, frame)
    with pytest.raises(ValueError, match=r"Column 'height' of X .* has the string 'x'"):
        to_onnx(network, frame.assign(height="x"))


@pytest.mark.parametrize("name", ["Float16", "UInt64", "String", "Complex128"])
def test_types_of_skl2onnx_that_are_refused(network, name):
    from skl2onnx.common import data_types

    types = [(column, data_types.FloatTensorType([None, 1])) for column in FRAME]
    types[1] = ("height", getattr(data_types, f"{name}TensorType")([None, 1]))
    with pytest.raises(TypeError, match=f"input 'height' of the graph is a {name}TensorType, but networks need"):
        skl2onnx.convert_sklearn(network, initial_types=types)


def test_strings_that_a_transformer_encodes():
    frame = FRAME.assign(color=np.array(["red", "green", "blue"])[np.digitize(Y, [-1, 1])])
    transformer = make_column_transformer((OneHotEncoder(sparse_output=False), ["color"]), ("drop", ["age"]))
    estimator = make_pipeline(transformer, BackpropRegressor(**FEW)).fit(frame, Y)
    (prediction,) = run(to_onnx(estimator, frame[["color"]]), frame[["color"]])
    np.testing.assert_allclose(prediction[:, 0], estimator.predict(frame), rtol=1e-5, atol=1e-6)


# Errors that name the argument and the remedy


def test_arguments_of_the_wrong_kind_are_refused(network):
    for estimator in (None, 3, "network", BackpropRegressor):
        with pytest.raises(TypeError, match=r"estimator must be a fitted estimator, such as .*, got "):
            to_onnx(estimator, X)
    for samples in (None, "abc", 3.0):
        with pytest.raises(TypeError, match=r"X must be array-like of shape \(n_samples, n_features\), got "):
            to_onnx(network, samples)
    for version in ("a", 13.0, True):
        with pytest.raises(TypeError, match=r"target_opset must be an integer of at least 11, or None, got "):
            to_onnx(network, FRAME, target_opset=version)


def test_empty_names_are_refused():
    frame = FRAME.set_axis(["", "b", "c"], axis=1)
    estimator = BackpropRegressor(**FEW).fit(frame, Y)
    with pytest.raises(ValueError, match=r"column '' of X has an empty name.* rename it, .* or pass X\.to_numpy\(\)"):
        to_onnx(estimator, frame)


def test_names_that_become_the_same_get_a_number():
    frame = FRAME.set_axis(["a b", "a_b", "c"], axis=1)
    model = to_onnx(BackpropRegressor(**FEW).fit(frame, Y), frame)
    assert [value.name for value in model.graph.input] == ["a_b", "a_b1", "c"]


def test_columns_by_name_in_polars_are_refused():
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(FRAME)
    transformer = make_column_transformer((PiecewiseLinearEncoder(3), ["age", "height"]), ("passthrough", ["dose"]))
    estimator = make_pipeline(transformer, NETWORK).fit(frame, Y)
    with pytest.raises(ValueError, match=r"X is a data frame of polars.* pass X\.to_pandas\(\)"):
        to_onnx(estimator, frame)
    assert_outputs(run(to_onnx(estimator, frame.to_pandas()), FRAME), estimator, FRAME, 1e-12)


SEVERAL = [("a", NETWORK), ("b", NETWORK)]


@pytest.mark.parametrize(
    "estimator",
    [
        BaggingRegressor(NETWORK, 2, random_state=0),
        StackingRegressor(SEVERAL, Ridge(), cv=2),
        VotingRegressor([*SEVERAL, ("c", Ridge())]),
        GridSearchCV(BaggingRegressor(NETWORK, 2, random_state=0), {}, cv=2),
    ],
    ids=["bagging", "stacking", "voting", "search"],
)
def test_a_frame_where_skl2onnx_converts_one_input_is_refused(estimator):
    pattern = r"X is a data frame with 3 columns.*; pass X\.to_numpy\(\), .* or begin with a ColumnTransformer"
    with pytest.raises(NotImplementedError, match=pattern):
        to_onnx(estimator.fit(FRAME, Y), FRAME)
    assert_outputs(run(to_onnx(estimator.fit(X, Y), X), X), estimator, X, 1e-12)
    columns = make_column_transformer(("passthrough", list(FRAME)))
    pipeline = make_pipeline(columns, estimator).fit(FRAME, Y)
    assert_outputs(run(to_onnx(pipeline, FRAME), FRAME), pipeline, FRAME, 1e-12)


def test_bagging_with_several_outputs_is_refused():
    targets = np.column_stack([Y, -Y])
    bagging = BaggingRegressor(NETWORK, 2, random_state=0)
    for estimator in (bagging, make_pipeline(StandardScaler(), bagging), GridSearchCV(bagging, {}, cv=2)):
        with pytest.raises(NotImplementedError, match=r"BaggingRegressor with 2 outputs.* use MultiOutputRegressor"):
            to_onnx(estimator.fit(X, targets), X)
    estimator = MultiOutputRegressor(bagging).fit(X, targets)
    assert_outputs(run(to_onnx(estimator, X), X), estimator, X, 1e-12)


def test_errors_of_skl2onnx_name_the_estimator_and_the_guide():
    estimator = TransformedTargetRegressor(NETWORK, func=np.arcsinh, inverse_func=np.sinh).fit(X, Y)
    with pytest.raises(RuntimeError, match="TransformedTargetRegressor") as caught:
        to_onnx(estimator, X)
    (note,) = caught.value.__notes__
    assert note == "TransformedTargetRegressor was not converted; the guide to deployment lists what skl2onnx converts."
    estimator = VotingRegressor(SEVERAL, weights=[1, 2]).fit(X, Y)
    with pytest.raises(AttributeError) as caught:
        to_onnx(estimator, X)
    assert caught.value.__notes__[0].startswith("VotingRegressor was not converted")


@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8"])
def test_integers_where_skl2onnx_does_not_convert_them_are_refused(dtype):
    inputs = (RNG.random((120, 3)) * 5).astype(dtype)
    for estimator in (make_pipeline(StandardScaler(), NETWORK), BaggingRegressor(NETWORK, 2, random_state=0)):
        with pytest.raises(TypeError, match=r"dtype of X.*; pass X\.astype\(np\.float32\) or X\.astype\(np\.float64\)"):
            to_onnx(estimator.fit(inputs, Y), inputs)
        floats = inputs.astype(np.float32)
        assert_outputs(run(to_onnx(estimator, floats), floats), estimator, floats, 1e-5)


# What the guide suggests where skl2onnx does not convert something


def test_columns_of_float64_before_encoded_ones():
    frame = FRAME.assign(color=np.array(["red", "green", "blue"])[np.digitize(Y, [-1, 1])])
    encoder = OneHotEncoder(sparse_output=False)
    columns = make_column_transformer(("passthrough", list(FRAME)), (encoder, ["color"]))
    network = BackpropClassifier(**FEW)
    several = [("a", network), ("b", network)]
    for classifier in (
        BaggingClassifier(network, 2, random_state=0),
        VotingClassifier(several, voting="soft", flatten_transform=False),
        StackingClassifier(several, network, cv=2),
        OneVsRestClassifier(network),
    ):
        estimator = make_pipeline(columns, classifier).fit(frame, frame["color"])
        assert_outputs(run(to_onnx(estimator, frame), frame), estimator, frame, 1e-12)


@pytest.mark.parametrize(
    "transformer",
    [PolynomialFeatures(2), KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), PowerTransformer()],
    ids=["polynomials", "bins", "power"],
)
def test_transformers_in_float32(transformer):
    inputs = ((X - 1e4) / [1, 30, 0.1]).astype(np.float32)
    estimator = make_pipeline(transformer, NETWORK).fit(inputs, Y)
    assert_outputs(run(to_onnx(estimator, inputs), inputs), estimator, inputs, 2e-5)


def test_votes_with_weights_in_an_array():
    estimator = VotingRegressor(SEVERAL, weights=np.array([0.2, 0.8])).fit(X, Y)
    assert_outputs(run(to_onnx(estimator, X), X), estimator, X, 1e-12)
