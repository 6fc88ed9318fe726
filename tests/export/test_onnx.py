"""`skbackprop.onnx`: the graphs compute in onnxruntime what the estimators predict."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS, Activation, ReLU
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from skbackprop.losses import Huber, Loss, Quantile, Quantiles, Tweedie
from tests.shared import TRAINS_BRIEFLY

skl2onnx = pytest.importorskip("skl2onnx")

from skbackprop.onnx import _formulas, register, to_onnx  # noqa: E402
from tests.export.graphs import DTYPES, FEW, TOLERANCES, assert_same, run  # noqa: E402

pytestmark = TRAINS_BRIEFLY

RNG = np.random.default_rng(0)
#: Raw columns, whose means are up to 1e5 times their standard deviations.
X = 1e4 + RNG.normal(size=(120, 4)) * [1, 30, 0.1, 3]
Z = (X - 1e4) @ [1, 0.03, 10, 0.3] + RNG.normal(size=120) * 0.1
NUMBERS = 1e4 + 3 * Z
TWO_TARGETS = np.column_stack([NUMBERS, Z**2])
AMOUNTS = np.exp(Z / 3) * 100
SHARES = special.expit(Z)
TWO_CLASSES = (Z > 0).astype(int)
THREE_CLASSES = np.array(["low", "medium", "high"])[np.digitize(Z, [-1, 1])]
TWO_LABELS = (np.column_stack([Z, X[:, 1] - 1e4]) > 0).astype(int)

KINDS = {
    "squared": (BackpropRegressor(), NUMBERS),
    "two targets": (BackpropRegressor(), TWO_TARGETS),
    "absolute": (BackpropRegressor(loss="absolute_error"), NUMBERS),
    "huber": (BackpropRegressor(loss=Huber(0.5)), TWO_TARGETS),
    "quantile": (BackpropRegressor(loss=Quantile(0.9)), NUMBERS),
    "quantiles": (BackpropRegressor(loss=Quantiles((0.1, 0.5, 0.9))), NUMBERS),
    "poisson": (BackpropRegressor(loss="poisson"), AMOUNTS.round()),
    "gamma": (BackpropRegressor(loss="gamma"), np.column_stack([AMOUNTS, 1 / AMOUNTS])),
    "tweedie": (BackpropRegressor(loss=Tweedie(1.5)), AMOUNTS),
    "shares": (BackpropRegressor(output_activation="logistic"), np.column_stack([SHARES, 1 - SHARES])),
    "two classes": (BackpropClassifier(), TWO_CLASSES),
    "two classes, softmax": (BackpropClassifier(output_activation="softmax"), TWO_CLASSES),
    "two classes, squared error": (BackpropClassifier(loss="squared_error"), TWO_CLASSES),
    "three classes": (BackpropClassifier(), THREE_CLASSES),
    "three classes, logistic": (BackpropClassifier(output_activation="logistic"), THREE_CLASSES),
    "three classes, squared error": (BackpropClassifier(loss="squared_error"), THREE_CLASSES),
    "several labels": (BackpropClassifier(), TWO_LABELS),
    "several labels, squared error": (BackpropClassifier(loss="squared_error"), TWO_LABELS),
}


def estimator_of(kind, **parameters):
    """Return a network of a kind that is trained for a few epochs."""
    return clone(KINDS[kind][0]).set_params(**FEW | parameters)


def fitted(kind, inputs=X, **parameters):
    """Return a network of a kind after a few epochs."""
    return estimator_of(kind, **parameters).fit(inputs, KINDS[kind][1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_graph_computes_the_predictions(activation, kind):
    estimator = fitted(kind, activation=activation)
    for dtype, rtol in TOLERANCES.items():
        assert_same(estimator, X.astype(dtype), rtol)


@DTYPES
@pytest.mark.parametrize("kind", KINDS)
def test_network_without_standardization(kind, dtype):
    inputs = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(dtype)
    y = KINDS[kind][1]
    estimator = estimator_of(kind, standardize=False)
    estimator.fit(inputs, y / 1e4 if kind in ("squared", "two targets") else y)
    assert_same(estimator, inputs, TOLERANCES[dtype])


@DTYPES
def test_standardization_without_compression(dtype):
    far = (1e4 + 1e3 * (X - 1e4)).astype(dtype)
    assert_same(fitted("quantiles", standardize="standard"), far, TOLERANCES[dtype])
    assert_same(fitted("three classes", standardize="standard"), X.astype(dtype), TOLERANCES[dtype])


@DTYPES
@pytest.mark.parametrize("kind", ["two targets", "quantiles", "two classes", "three classes", "several labels"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), 3, (4, 3, 2)])
def test_any_number_of_layers(hidden_layer_sizes, kind, dtype):
    activation = "relu" if hidden_layer_sizes == () else "tanh"
    estimator = fitted(kind, hidden_layer_sizes=hidden_layer_sizes, activation=activation)
    assert_same(estimator, X.astype(dtype), TOLERANCES[dtype])


@DTYPES
@pytest.mark.parametrize("kind", KINDS)
def test_network_that_was_trained_in_float32(kind, dtype):
    # it computes in float32, whatever the dtype of X
    assert_same(fitted(kind, X.astype(np.float32), activation="silu"), X.astype(dtype), 1e-5)


def test_formulas_of_all_activations_and_links_are_known():
    from skbackprop.losses import LOSSES

    assert set(_formulas.ACTIVATIONS) == {type(activation) for activation in ACTIVATIONS.values()}
    assert set(_formulas.LINKS) == {type(loss.link) for loss in LOSSES.values()}


def test_polynomial_for_the_normal_distribution_function():
    x = np.concatenate([np.linspace(0, 10, 10001), np.logspace(1, 300)])
    t = 1 - 2 * _formulas.ERFCX_CENTER / (x + _formulas.ERFCX_CENTER)
    values = np.polynomial.polynomial.polyval(t, _formulas.erfcx_coefficients())
    np.testing.assert_allclose(np.exp(-(np.minimum(x, 1e3) ** 2)) * values, special.erfc(x), rtol=0, atol=1e-14)


# Numbers that float32 can barely represent


def test_small_variation_of_a_large_target():
    y = 1e8 + np.sin(Z)
    estimator = BackpropRegressor(**FEW).fit(X, y)
    (prediction,) = run(to_onnx(estimator, X), X)
    np.testing.assert_allclose(prediction[:, 0] - 1e8, estimator.predict(X) - 1e8, rtol=0, atol=1e-7)
    assert_same(estimator, X.astype(np.float32), 1e-7)


def test_small_variation_of_a_large_target_of_a_network_trained_in_float32():
    y = 1e8 + np.sin(Z)
    estimator = BackpropRegressor(**FEW).fit(X.astype(np.float32), y)
    (prediction,) = run(to_onnx(estimator, X), X)
    assert prediction.dtype == np.float64
    np.testing.assert_allclose(prediction[:, 0] - 1e8, estimator.predict(X) - 1e8, rtol=0, atol=1e-5)


def test_columns_whose_spread_is_a_few_roundings_of_their_mean():
    inputs = (1e6 + RNG.normal(size=(120, 4))).astype(np.float32).astype(np.float64)
    estimator = BackpropRegressor(**FEW).fit(inputs, inputs[:, 0] - 1e6)
    assert_same(estimator, inputs.astype(np.float32), 1e-5)


@DTYPES
def test_constant_targets_and_columns(dtype):
    inputs = X.astype(dtype)
    inputs[:, 1] = 7
    estimator = BackpropRegressor(**FEW).fit(inputs, np.column_stack([Z, np.full(120, 3.0)]))
    assert_same(estimator, inputs, TOLERANCES[dtype])
    assert set(run(to_onnx(estimator, inputs), inputs)[0][:, 1]) == {3}


@DTYPES
@pytest.mark.parametrize("kind", ["squared", "quantiles", "two classes", "three classes", "several labels"])
def test_inputs_far_outside_the_data(kind, dtype):
    far = (1e4 + (X - 1e4) * np.logspace(0, 6, 120)[:, np.newaxis]).astype(dtype)
    assert_same(fitted(kind), far, TOLERANCES[dtype])


@DTYPES
@pytest.mark.parametrize("kind", ["squared", "quantiles", "two classes", "three classes", "several labels"])
def test_inputs_far_outside_the_data_without_standardization(kind, dtype):
    inputs = (X - 1e4) / X.std(axis=0)
    estimator = estimator_of(kind, standardize=False)
    estimator.fit(inputs, KINDS[kind][1] if is_classifier(estimator) else Z)
    far = (inputs * np.logspace(0, 6, 120)[:, np.newaxis]).astype(dtype)
    output, expected = run(to_onnx(estimator, far), far)[0], estimator.predict(far)
    if is_classifier(estimator):
        np.testing.assert_array_equal(output, expected)
    else:
        np.testing.assert_allclose(output.squeeze(), expected, rtol=10 * TOLERANCES[dtype])


@DTYPES
def test_largest_inputs_are_compressed(dtype):
    estimator = fitted("three classes")
    inputs = X.astype(dtype)
    inputs[:, 0] = np.linspace(-1, 1, 120) * np.finfo(dtype).max
    assert_same(estimator, inputs, TOLERANCES[dtype])


def test_overflow_within_a_network_is_not_rescaled():
    inputs = (X - 1e4) / X.std(axis=0)
    estimator = BackpropClassifier(**FEW, standardize=False).fit(inputs, THREE_CLASSES)
    large = inputs * 1e307  # the raw output is finite
    assert_same(estimator, large, 1e-12)
    largest = np.clip(inputs, -1.5, 1.5) * 1e308
    assert np.isfinite(estimator.predict_proba(largest)).all()
    _, probabilities = run(to_onnx(estimator, largest), largest)
    assert np.isnan(probabilities).any()


# Inputs


@pytest.mark.parametrize("n_samples", [1, 1000])
@pytest.mark.parametrize("kind", ["quantiles", "three classes", "several labels"])
def test_any_number_of_samples(kind, n_samples):
    inputs = np.resize(X, (n_samples, 4))
    assert_same(fitted(kind), inputs, 1e-12)
    assert_same(fitted(kind), inputs.astype(np.float32), 1e-5)


@pytest.mark.parametrize("kind", ["quantiles", "three classes", "several labels"])
def test_first_dimension_is_the_number_of_samples(kind):
    estimator = fitted(kind)
    model = to_onnx(estimator, X)
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    expected = {
        "quantiles": {"X": [0, 4], "variable": [0, 3]},
        "three classes": {"X": [0, 4], "label": [0], "probabilities": [0, 3]},
        "several labels": {"X": [0, 4], "label": [0, 2], "probabilities": [0, 2]},
    }
    assert shapes == expected[kind]  # 0 is any number


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.int8, np.bool_])
@pytest.mark.parametrize("kind", ["squared", "three classes"])
def test_integers(kind, dtype):
    inputs = np.column_stack([np.digitize(Z, [-1, 0, 1]), TWO_LABELS]).astype(dtype)
    assert_same(fitted(kind, inputs), inputs, 1e-5)


def test_large_integers_are_centered_before_they_are_rounded():
    inputs = 1_700_000_000 + np.column_stack([(Z * 1000).astype(int), X[:, 1].astype(int)])
    estimator = BackpropRegressor(**FEW).fit(inputs, NUMBERS)
    assert_same(estimator, inputs, 1e-5)


def test_each_column_of_a_data_frame_is_an_input():
    frame = pd.DataFrame(X, columns=["age", "height", "dose", "time"])
    estimator = fitted("three classes", frame)
    assert [value.name for value in to_onnx(estimator, frame).graph.input] == list(frame)
    assert_same(estimator, frame, 1e-12)
    assert_same(estimator, frame.astype(np.float32), 1e-5)
    assert_same(estimator, frame.assign(time=frame["time"].astype(int)), 1e-12)
    mixed = frame.astype(np.float32).assign(time=frame["time"].astype(int))
    assert_same(estimator, mixed, 1e-5)


def test_data_frame_of_an_ensemble():
    frame = pd.DataFrame(X, columns=["age", "height", "dose", "time"])
    ensemble = BackpropEnsembleRegressor(BackpropRegressor(**FEW), 2, random_state=0).fit(frame, NUMBERS)
    assert_same(ensemble, frame, 1e-12)


@DTYPES
@pytest.mark.parametrize("kind", ["squared", "three classes"])
def test_network_that_was_trained_on_sparse_samples(kind, dtype):
    entries = sparse.csr_array((RNG.random((120, 6)) < 0.3) * RNG.normal(size=(120, 6)))
    estimator = fitted(kind, entries)
    inputs = entries.toarray().astype(dtype)
    inputs[0] *= 1e6
    assert_same(estimator, inputs, TOLERANCES[dtype])
    assert to_onnx(estimator, entries).graph.input[0].type == to_onnx(estimator, entries.toarray()).graph.input[0].type


def test_lists_are_samples():
    estimator = fitted("squared")
    assert to_onnx(estimator, X.tolist()) == to_onnx(estimator, X)


# Options and labels


@pytest.mark.parametrize("kind", ["two classes", "three classes", "several labels"])
def test_zipmap(kind):
    estimator = fitted(kind)
    names = [str(label) for label in estimator.classes_]
    labels, dictionaries = run(to_onnx(estimator, X, zipmap=True), X)
    np.testing.assert_array_equal(labels, estimator.predict(X))
    assert [[str(key) for key in dictionary] for dictionary in dictionaries] == [names] * len(X)
    probability = estimator.predict_proba(X)
    np.testing.assert_allclose([list(dictionary.values()) for dictionary in dictionaries], probability, rtol=1e-6)
    model = to_onnx(estimator, X, zipmap="columns")
    labels, *columns = run(model, X)
    np.testing.assert_array_equal(labels, estimator.predict(X))
    assert [output.name[1:] for output in model.graph.output[1:]] == names
    np.testing.assert_allclose(np.column_stack(columns), probability, rtol=1e-12)


def test_default_of_skl2onnx_is_dictionaries():
    estimator = fitted("three classes")
    model = skl2onnx.to_onnx(estimator, X[:1])
    assert [output.name for output in model.graph.output] == ["output_label", "output_probability"]
    assert set(run(model, X)[1][0]) == set(estimator.classes_)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "class" in kind or "label" in kind])
@DTYPES
def test_raw_scores(kind, dtype):
    estimator, inputs = fitted(kind), X.astype(dtype)
    _, scores = run(to_onnx(estimator, inputs, raw_scores=True), inputs)
    expected = estimator.decision_function(inputs)
    if expected.ndim == 1:  # as skl2onnx has it for other binary classifiers
        expected = np.column_stack([-expected, expected])
    np.testing.assert_allclose(scores, expected, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@pytest.mark.parametrize("kind", ["two classes", "three classes"])
def test_positions_in_place_of_labels(kind):
    estimator = fitted(kind)
    labels, _ = run(to_onnx(estimator, X, nocl=True), X)
    np.testing.assert_array_equal(estimator.classes_[labels], estimator.predict(X))


def test_labels_as_a_further_output():
    estimator = fitted("three classes")
    *_, labels = run(to_onnx(estimator, X, output_class_labels=True), X)
    assert list(labels) == list(estimator.classes_)


@pytest.mark.parametrize(
    "classes",
    [
        ["a", "b", "ü"],
        np.array(["x", "y", "z"], dtype=object),
        [10, -3, 7],
        [0.0, 1.0, 2.0],
        np.array([1, 2, 3], np.uint8),
        [False, True],
    ],
    ids=str,
)
@pytest.mark.parametrize("zipmap", [True, False])
def test_labels_are_integers_or_strings(classes, zipmap):
    y = np.asarray(classes)[np.digitize(Z, [0, 1] if len(classes) == 3 else [0])]
    estimator = BackpropClassifier(**FEW).fit(X, y)
    labels = run(to_onnx(estimator, X, zipmap=zipmap), X)[0]
    assert labels.dtype.kind == ("O" if isinstance(classes[0], str) else "i")
    np.testing.assert_array_equal(labels, estimator.predict(X))


def test_other_labels_are_refused():
    days = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
    estimator = BackpropClassifier(**FEW).fit(X, days[TWO_CLASSES])
    with pytest.raises(NotImplementedError, match=r"classes_=\[.*date.*\] cannot be labels in ONNX.* nocl=True"):
        to_onnx(estimator, X)
    positions, _ = run(to_onnx(estimator, X, nocl=True), X)
    np.testing.assert_array_equal(estimator.classes_[positions], estimator.predict(X))


def test_a_single_class():
    estimator = BackpropClassifier(**FEW).fit(X, np.full(120, 5))
    assert_same(estimator, X, 1e-12)


# Refusals


class Sine(Activation):
    def function(self, z, out):
        np.sin(z, out=out)

    def derivative(self, z, a):
        np.cos(z, out=z)


class LimitedReLU(ReLU):
    def function(self, z, out):
        np.clip(z, 0, 6, out=out)


class CustomLoss(Loss):
    output_activation = "arctan"

    def inverse_link(self, raw):
        return np.arctan(raw)

    def value_and_gradient(self, y, raw, gradient):
        residual = np.arctan(raw) - y
        gradient[...] = residual / (1 + raw**2)
        return (residual**2).sum(axis=1) / 2


@pytest.mark.parametrize("activation", [Sine(), ["relu", LimitedReLU()]], ids=str)
def test_custom_activation_is_refused(activation):
    estimator = fitted("squared", activation=activation)
    with pytest.raises(NotImplementedError, match=r"activation=.*(Sine|LimitedReLU).* Fit with one of ELU, GELU, .*"):
        to_onnx(estimator, X)


def test_custom_loss_is_refused():
    estimator = BackpropRegressor(**FEW, loss=CustomLoss()).fit(X, SHARES)
    with pytest.raises(NotImplementedError, match=r"loss=.*CustomLoss.* Fit with one of AbsoluteError, .* coefs_ and"):
        to_onnx(make_pipeline(StandardScaler(), estimator).fit(X, SHARES), X)


def test_old_operators_are_refused():
    with pytest.raises(NotImplementedError, match=r"target_opset=10 is too old for BackpropRegressor; set it to 11"):
        to_onnx(fitted("squared"), X, target_opset=10)


@pytest.mark.parametrize("kind", ["quantiles", "three classes", "three classes, logistic", "several labels"])
def test_versions_of_the_operators(kind):
    estimator = fitted(kind, activation=["gelu", "selu"])
    expected = run(to_onnx(estimator, X), X)
    for version in range(11, skl2onnx.__max_supported_opset__ + 1):
        model = to_onnx(estimator, X, target_opset=version)
        assert [entry.version for entry in model.opset_import if not entry.domain] == [version]
        for output, other in zip(run(model, X), expected, strict=True):
            np.testing.assert_array_equal(output, other)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"needs skl2onnx: pip install \"skbackprop\[onnx\]\""):
        register()


# Other estimators around networks

NETWORK = BackpropRegressor(**FEW)
CLASSIFIER = BackpropClassifier(**FEW)
ENSEMBLE_OF_TWO = {"n_estimators": 2, "random_state": 0}
META = {
    "pipeline": (make_pipeline(StandardScaler(), NETWORK), NUMBERS),
    "pipeline of a classifier": (make_pipeline(StandardScaler(), CLASSIFIER), THREE_CLASSES),
    "search": (GridSearchCV(CLASSIFIER, {"alpha": [0.1]}, cv=2), THREE_CLASSES),
    "several outputs": (MultiOutputRegressor(NETWORK), TWO_TARGETS),
    "one versus rest": (OneVsRestClassifier(CLASSIFIER), THREE_CLASSES),
    "calibrated": (CalibratedClassifierCV(CLASSIFIER, cv=2), TWO_CLASSES),
    "calibrated, three classes": (CalibratedClassifierCV(CLASSIFIER, cv=2), THREE_CLASSES),
    "calibrated ensemble": (
        CalibratedClassifierCV(BackpropEnsembleClassifier(CLASSIFIER, candidates=None, **ENSEMBLE_OF_TWO), cv=2),
        TWO_CLASSES,
    ),
    "stacking": (StackingRegressor([("a", NETWORK), ("b", NETWORK)], final_estimator=NETWORK, cv=2), NUMBERS),
    "stacking of classifiers": (
        StackingClassifier([("a", CLASSIFIER), ("b", CLASSIFIER)], final_estimator=CLASSIFIER, cv=2),
        THREE_CLASSES,
    ),
    "stacking of two classes": (
        StackingClassifier([("a", CLASSIFIER), ("b", make_pipeline(StandardScaler(), CLASSIFIER))], CLASSIFIER, cv=2),
        TWO_CLASSES,
    ),
    "voting": (VotingRegressor([("a", NETWORK), ("b", NETWORK)], weights=np.array([1, 3])), NUMBERS),
    "voting of classifiers": (
        VotingClassifier([("a", CLASSIFIER), ("b", CLASSIFIER)], voting="soft", flatten_transform=False),
        THREE_CLASSES,
    ),
    "bagging": (BaggingRegressor(NETWORK, 2, max_features=0.5, random_state=0), NUMBERS),
    "bagging of classifiers": (BaggingClassifier(CLASSIFIER, 2, max_features=0.5, random_state=0), THREE_CLASSES),
}


@pytest.mark.parametrize("name", META)
def test_estimators_around_networks(name):
    estimator, y = META[name]
    # StandardScaler of skl2onnx rounds the mean to float32, so its input is centered here
    inputs = X - 1e4
    estimator = clone(estimator).fit(inputs, y)
    assert_same(estimator, inputs, 1e-12)
    assert_same(estimator, inputs.astype(np.float32), 1e-5)


@pytest.mark.parametrize("sparse_output", [True, False])
def test_table_with_strings_and_missing_values(sparse_output):
    table = pd.DataFrame(
        {"color": np.array(["red", "green", "blue"])[np.digitize(Z, [-1, 1])], "size": X[:, 0], "dose": X[:, 2]}
    )
    table.loc[::7, "dose"] = np.nan
    transformer = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=sparse_output), ["color"]),
        (SimpleImputer(), ["size", "dose"]),
        sparse_threshold=1.0 if sparse_output else 0.0,
    )
    pipeline = make_pipeline(transformer, clone(CLASSIFIER)).fit(table, TWO_CLASSES)
    table = table.astype({"size": np.float32, "dose": np.float32})  # onnxruntime has no Imputer for float64
    model = to_onnx(pipeline, table)
    labels, probabilities = run(model, table)
    np.testing.assert_array_equal(labels, pipeline.predict(table))
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(table), rtol=1e-5)


# Ensembles

PIECEWISE = make_pipeline(PiecewiseLinearEncoder(4), NETWORK)
ENSEMBLES = {
    "regressor": (BackpropEnsembleRegressor(NETWORK, **ENSEMBLE_OF_TWO), NUMBERS),
    "two targets": (BackpropEnsembleRegressor(NETWORK, **ENSEMBLE_OF_TWO), TWO_TARGETS),
    "quantiles": (BackpropEnsembleRegressor(estimator_of("quantiles"), candidates=None, **ENSEMBLE_OF_TWO), NUMBERS),
    "seeds": (BackpropEnsembleRegressor(NETWORK, strategy="seeds", **ENSEMBLE_OF_TWO), NUMBERS),
    "listed": (
        BackpropEnsembleRegressor(candidates=[NETWORK, PIECEWISE, make_pipeline(clone(NETWORK))], **ENSEMBLE_OF_TWO),
        NUMBERS,
    ),
    "classifier": (BackpropEnsembleClassifier(CLASSIFIER, **ENSEMBLE_OF_TWO), THREE_CLASSES),
    "two classes": (BackpropEnsembleClassifier(CLASSIFIER, **ENSEMBLE_OF_TWO), TWO_CLASSES),
    "squared error": (
        BackpropEnsembleClassifier(clone(CLASSIFIER).set_params(loss="squared_error"), **ENSEMBLE_OF_TWO),
        THREE_CLASSES,
    ),
    "several labels": (BackpropEnsembleClassifier(CLASSIFIER, **ENSEMBLE_OF_TWO), TWO_LABELS),
    "pipeline": (
        BackpropEnsembleClassifier(
            make_pipeline(StandardScaler(), PiecewiseLinearEncoder(4), CLASSIFIER), **ENSEMBLE_OF_TWO
        ),
        THREE_CLASSES,
    ),
}


@pytest.mark.parametrize("name", ENSEMBLES)
@pytest.mark.parametrize("training_dtype", [np.float64, np.float32])
def test_ensembles(name, training_dtype):
    ensemble, y = ENSEMBLES[name]
    inputs = X - 1e4 if name == "pipeline" else X
    ensemble = clone(ensemble).fit(inputs.astype(training_dtype), y)
    ensemble.estimator_weights_ = RNG.dirichlet(np.ones(len(ensemble.estimators_)))
    if is_classifier(ensemble):
        ensemble.temperature_ = 1.7
    assert_same(ensemble, inputs, 1e-12 if training_dtype == np.float64 else 1e-5)
    assert_same(ensemble, inputs.astype(np.float32), 1e-5)


def test_ensemble_of_candidates_has_pipelines():
    ensemble = clone(ENSEMBLES["listed"][0]).fit(X, NUMBERS)
    ensemble.estimator_weights_ = np.ones(len(ensemble.estimators_)) / len(ensemble.estimators_)
    assert_same(ensemble, X, 1e-12)


def test_members_that_exclude_a_class_have_bounded_logits():
    ensemble = BackpropEnsembleClassifier(
        clone(CLASSIFIER).set_params(standardize=False), candidates=None, **ENSEMBLE_OF_TWO
    )
    inputs = (X - 1e4) / X.std(axis=0)
    for y in (THREE_CLASSES, TWO_LABELS):
        assert_same(clone(ensemble).fit(inputs, y), 300 * inputs, 1e-10)


@DTYPES
@pytest.mark.parametrize("inputs", [X, X[:, :1], TWO_LABELS, np.column_stack([TWO_LABELS, X])], ids=range(4))
def test_encoder(inputs, dtype):
    encoder = PiecewiseLinearEncoder(5).fit(inputs)
    inputs = inputs.astype(dtype)
    (features,) = run(to_onnx(encoder, inputs), inputs)
    assert features.dtype == dtype
    np.testing.assert_allclose(features, encoder.transform(inputs), rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


def test_encoder_of_integers():
    inputs = np.digitize(Z, [-1, 0, 1])[:, np.newaxis]
    encoder = PiecewiseLinearEncoder(5).fit(inputs)
    (features,) = run(to_onnx(encoder, inputs), inputs)
    np.testing.assert_allclose(features, encoder.transform(inputs), rtol=1e-6, atol=1e-6)


# Registration and metadata


def test_registering_again_changes_nothing():
    estimator = fitted("three classes")
    before = to_onnx(estimator, X)
    register()
    register()
    assert to_onnx(estimator, X) == before


def test_importing_the_module_registers_the_converters():
    code = (
        "import numpy as np, skl2onnx, skbackprop.onnx; from skbackprop import BackpropRegressor; "
        "X = np.random.default_rng(0).normal(size=(60, 2)); "
        "network = BackpropRegressor(3, max_iter=20, random_state=0).fit(X, X[:, 0]); "
        "print(skl2onnx.to_onnx(network, X[:1]).graph.output[0].name)"
    )
    assert subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True).strip() == "variable"


def test_metadata():
    from skbackprop import __version__

    model = to_onnx(fitted("squared"), X)
    assert model.producer_name == "skl2onnx"
    assert model.graph.name == "ONNX(BackpropRegressor)"
    assert model.doc_string.startswith(f"BackpropRegressor, converted by skbackprop {__version__}")
    assert [(entry.key, entry.value) for entry in model.metadata_props] == [("skbackprop_version", __version__)]


# Without ONNX


@pytest.mark.parametrize("kind", ["squared", "poisson", "two classes", "three classes", "several labels"])
def test_forward_pass_from_the_attributes(kind):
    estimator = fitted(kind)

    def forward(inputs):
        a = inputs
        for W, b in zip(estimator.coefs_[:-1], estimator.intercepts_[:-1], strict=True):
            a = np.maximum(a @ W + b, 0)  # the activation, here relu
        z = a @ estimator.coefs_[-1] + estimator.intercepts_[-1]
        match estimator.out_activation_:
            case "exponential":
                return np.exp(z)
            case "logistic":
                return 1 / (1 + np.exp(-z))
            case "softmax":
                e = np.exp(z - z.max(axis=1, keepdims=True))
                return e / e.sum(axis=1, keepdims=True)
        return z

    expected = estimator.predict_proba(X) if is_classifier(estimator) else estimator.predict(X).reshape(120, -1)
    expected = expected[:, 1:] if kind == "two classes" else expected
    np.testing.assert_allclose(forward(X), expected, rtol=1e-10)
