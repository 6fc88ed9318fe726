"""`skbackprop.onnx`: networks within classifiers of scikit-learn that use their decision function or probabilities."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import stats
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, PiecewiseLinearEncoder
from skbackprop.inspection import HiddenFeatures
from tests.shared import TRAINS_BRIEFLY

skl2onnx = pytest.importorskip("skl2onnx")

from skbackprop.onnx import to_onnx  # noqa: E402
from tests.export.graphs import DTYPES, FEW, TOLERANCES, assert_outputs, assert_same, run  # noqa: E402

pytestmark = TRAINS_BRIEFLY

RNG = np.random.default_rng(0)
#: Raw columns, whose means are up to 1e5 times their standard deviations.
X = 1e4 + RNG.normal(size=(120, 4)) * [1, 30, 0.1, 3]
#: Noise keeps probabilities away from 0 and 1, so that calibrators have something to do.
Z = (X - 1e4) @ [1, 0.03, 10, 0.3] + RNG.normal(size=120)
TWO_CLASSES = (Z > 0).astype(int)
THREE_CLASSES = np.array(["low", "medium", "high"])[np.digitize(Z, [-1, 1])]
TARGETS = {"two classes": TWO_CLASSES, "three classes": THREE_CLASSES}
CLASSES = pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
METHODS = ["sigmoid", "isotonic"]
if parse_version(sklearn.__version__) >= parse_version("1.8"):
    METHODS.append("temperature")

#: Trained for long enough that no sample is as good as undecided.
FEW = FEW | {"max_iter": 5, "batch_size": 20}
NETWORK = BackpropClassifier(**FEW)
ENSEMBLE = BackpropEnsembleClassifier(NETWORK, candidates=None, n_estimators=2, random_state=0)
PIPELINE = make_pipeline(PiecewiseLinearEncoder(4), NETWORK)
SEARCH = GridSearchCV(NETWORK, {"alpha": [0.1]}, cv=2)
RANDOM_SEARCH = RandomizedSearchCV(PIPELINE, {"backpropclassifier__alpha": [0.1]}, n_iter=1, cv=2)
TWO_NETWORKS = [("network", NETWORK), ("pipeline", PIPELINE)]
BASES = {
    "network": NETWORK,
    "squared error": BackpropClassifier(**FEW, loss="squared_error"),
    "pipeline": PIPELINE,
    "pipeline in a pipeline": make_pipeline(PiecewiseLinearEncoder(3), PIPELINE),
    "search": SEARCH,
    "random search": RANDOM_SEARCH,
    "search for a pipeline": GridSearchCV(PIPELINE, {}, cv=2),
    "search in a pipeline": make_pipeline(PiecewiseLinearEncoder(4), SEARCH),
    "columns": make_pipeline(
        make_column_transformer((PiecewiseLinearEncoder(4), [0, 1]), ("passthrough", [2])), NETWORK
    ),
    "ensemble": ENSEMBLE,
    "ensemble in a pipeline": make_pipeline(PiecewiseLinearEncoder(4), ENSEMBLE),
    "search for an ensemble": GridSearchCV(ENSEMBLE, {}, cv=2),
    "bagging": BaggingClassifier(NETWORK, 2, random_state=0),
    "bagging of pipelines": BaggingClassifier(PIPELINE, 2, random_state=0),
    "bagging of searches in a pipeline": make_pipeline(
        PiecewiseLinearEncoder(3), BaggingClassifier(SEARCH, 2, random_state=0)
    ),
    "one versus rest": OneVsRestClassifier(NETWORK),
    "one versus rest, pipelines": OneVsRestClassifier(PIPELINE),
    "one versus rest, searches": OneVsRestClassifier(SEARCH),
    "stacking": StackingClassifier(TWO_NETWORKS, NETWORK, cv=2),
    "stacking, pipeline": StackingClassifier(TWO_NETWORKS, PIPELINE, cv=2),
    "voting": VotingClassifier(TWO_NETWORKS, voting="soft", flatten_transform=False),
}


def assert_same_calibration(estimator, method, dtype, atol=1e-4):
    """Assert that a graph computes the probabilities, and the labels except where two classes are as good as tied.

    Isotonic regression has steep steps, which multiply rounding errors, and probabilities that are exactly 0 or equal.
    """
    inputs = X.astype(dtype)
    if method != "isotonic":
        assert_same(estimator, inputs, TOLERANCES[dtype])
        return
    atol = atol if dtype == np.float32 else 1e-12
    labels, probability = run(to_onnx(estimator, inputs), inputs)
    expected = estimator.predict_proba(inputs)
    assert probability.dtype == dtype
    np.testing.assert_allclose(probability, expected, rtol=TOLERANCES[dtype], atol=atol)
    lowest = np.sort(expected, axis=1)
    is_decided = lowest[:, -1] - lowest[:, -2] > 2 * atol
    assert is_decided.mean() > 0.5
    np.testing.assert_array_equal(labels[is_decided], estimator.predict(inputs)[is_decided])


def assert_same_scores(estimator, inputs, tolerance):
    """Assert that a graph computes the labels and the decision function."""
    labels, scores = run(to_onnx(estimator, inputs, raw_scores=True), inputs)
    np.testing.assert_array_equal(labels, estimator.predict(inputs))
    expected = estimator.decision_function(inputs)
    if expected.ndim == 1:  # as skl2onnx has it for other binary classifiers
        expected = np.column_stack([-expected, expected])
    np.testing.assert_allclose(scores, expected, rtol=tolerance, atol=tolerance)


@CLASSES
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("base", BASES)
def test_calibration(base, method, y):
    estimator = CalibratedClassifierCV(clone(BASES[base]), method=method, cv=2).fit(X, y)
    for dtype in TOLERANCES:
        assert_same_calibration(estimator, method, dtype)


@DTYPES
@CLASSES
@pytest.mark.parametrize("method", METHODS)
def test_calibration_of_fitted_classifiers(method, y, dtype):
    for base in (NETWORK, PIPELINE, RANDOM_SEARCH, ENSEMBLE):
        fitted = FrozenEstimator(clone(base).fit(X, y))
        estimator = CalibratedClassifierCV(fitted, method=method).fit(X, y)
        assert_same_calibration(estimator, method, dtype)


@DTYPES
@CLASSES
@pytest.mark.parametrize("method", METHODS)
def test_calibration_within_others(method, y, dtype):
    calibrated = CalibratedClassifierCV(PIPELINE, method=method, cv=2, ensemble=False)
    estimators = [
        make_pipeline(PiecewiseLinearEncoder(3), calibrated),
        GridSearchCV(calibrated, {}, cv=2),
        VotingClassifier([("a", calibrated), ("b", NETWORK)], voting="soft", flatten_transform=False),
        StackingClassifier([("a", calibrated), ("b", NETWORK)], LogisticRegression(), cv=2),
    ]
    for estimator in estimators:
        assert_same_calibration(clone(estimator).fit(X, y), method, dtype, atol=1e-3)


@CLASSES
def test_calibration_with_skl2onnx(y):
    estimator = CalibratedClassifierCV(PIPELINE, cv=2).fit(X, y)
    model = skl2onnx.to_onnx(estimator, X[:1], options={id(estimator): {"zipmap": False}})
    assert_outputs(run(model, X), estimator, X, 1e-12)
    labels, dictionaries = run(skl2onnx.to_onnx(estimator, X[:1]), X)
    np.testing.assert_array_equal(labels, estimator.predict(X))
    probability = [[dictionary[label] for label in estimator.classes_] for dictionary in dictionaries]
    np.testing.assert_allclose(probability, estimator.predict_proba(X), rtol=1e-6)


def test_positions_in_place_of_labels_of_calibration():
    estimator = CalibratedClassifierCV(PIPELINE, cv=2).fit(X, THREE_CLASSES)
    positions, _ = run(to_onnx(estimator, X, nocl=True), X)
    np.testing.assert_array_equal(estimator.classes_[positions], estimator.predict(X))


def test_calibration_far_outside_the_data():
    far = 1e4 + (X - 1e4) * np.logspace(0, 4, 120)[:, np.newaxis]
    for method in METHODS:
        estimator = CalibratedClassifierCV(PIPELINE, method=method, cv=2).fit(X, THREE_CLASSES)
        assert_same(estimator, far, 1e-12, 1e-13)


def test_calibration_of_a_classifier_that_lacks_a_class_is_refused():
    by_class = np.argsort(THREE_CLASSES, kind="stable")  # "high" comes first
    splits = [(by_class[60:], by_class), (by_class, by_class)]
    assert set(THREE_CLASSES[by_class[60:]]) == {"low", "medium"}
    estimator = CalibratedClassifierCV(NETWORK, method="isotonic", cv=splits).fit(X, THREE_CLASSES)
    pattern = r"fitted to the classes \['low', 'medium'\] only.* use a cv whose training samples"
    with pytest.raises(NotImplementedError, match=pattern):
        to_onnx(estimator, X)


@DTYPES
@pytest.mark.parametrize("method", METHODS)
def test_calibration_and_thresholds_of_trees_on_features_of_networks(method, dtype):
    features = HiddenFeatures(FrozenEstimator(clone(NETWORK).fit(X, TWO_CLASSES)))
    for transformer in (PiecewiseLinearEncoder(4), features):
        tree = make_pipeline(transformer, DecisionTreeClassifier(max_depth=2, random_state=0))
        inputs = X.astype(dtype)
        for estimator, y in (
            (CalibratedClassifierCV(tree, method=method, cv=2), TWO_CLASSES),
            (CalibratedClassifierCV(tree, method=method, cv=2), THREE_CLASSES),
            (FixedThresholdClassifier(tree, threshold=0.7), TWO_CLASSES),
        ):
            assert_same(estimator.fit(inputs, y), inputs, 1e-4, 1e-6)  # trees have float32 in ONNX


@DTYPES
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_with_a_single_class(method, dtype):
    estimator = CalibratedClassifierCV(NETWORK, method=method, cv=2).fit(X, np.zeros(120, int))
    assert_same(estimator, X.astype(dtype), TOLERANCES[dtype])


def test_the_same_network_gives_scores_and_probabilities():
    network = clone(NETWORK).fit(X, TWO_CLASSES)
    calibrated = CalibratedClassifierCV(FrozenEstimator(network)).fit(X, TWO_CLASSES)
    estimators = [("network", network), ("calibrated", calibrated)]
    estimator = StackingClassifier(estimators, NETWORK, cv="prefit").fit(X, TWO_CLASSES)
    assert_same(estimator, X, 1e-12)
    estimator = StackingClassifier(estimators[::-1], NETWORK, cv="prefit").fit(X, TWO_CLASSES)
    assert_same(estimator, X, 1e-12)


@DTYPES
@CLASSES
@pytest.mark.parametrize("method", METHODS)
def test_calibration_of_a_table(method, y, dtype):
    table = pd.DataFrame({"color": np.array(["red", "green", "blue"])[np.digitize(X[:, 1] - 1e4, [-20, 20])]})
    table[["size", "dose"]] = X[:, [0, 2]]
    transformer = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["color"]), (PiecewiseLinearEncoder(4), ["size", "dose"])
    )
    estimator = CalibratedClassifierCV(make_pipeline(transformer, NETWORK), method=method, cv=2).fit(table, y)
    table = table.astype({"size": dtype, "dose": dtype})
    labels, probability = run(to_onnx(estimator, table), table)
    np.testing.assert_array_equal(labels, estimator.predict(table))
    # steps of isotonic regression multiply rounding, and a probability there may be a difference of equal numbers
    tolerance = TOLERANCES[dtype]
    rtol, atol = (0.0, 10 * tolerance) if method == "isotonic" else (tolerance, 0.0)
    np.testing.assert_allclose(probability, estimator.predict_proba(table), rtol=rtol, atol=atol)


def test_graphs_of_other_classifiers_do_not_change():
    code = (
        "import hashlib, numpy as np, skl2onnx\n"
        "from sklearn.calibration import CalibratedClassifierCV\n"
        "from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.multiclass import OneVsRestClassifier\n"
        "X = np.random.default_rng(0).normal(size=(60, 2))\n"
        "y = (X[:, 0] > 0.1).astype(int)\n"
        "logistic = LogisticRegression()\n"
        "for estimator in (\n"
        "    CalibratedClassifierCV(logistic, cv=2, method='isotonic'), \n"
        "    StackingClassifier([('a', logistic)], logistic), BaggingClassifier(logistic, 2, random_state=0),\n"
        "    VotingClassifier([('a', logistic)], flatten_transform=False),\n"
        "    OneVsRestClassifier(logistic), GridSearchCV(logistic, {}, cv=2), make_pipeline(logistic),\n"
        "    TunedThresholdClassifierCV(logistic, cv=2), make_pipeline(TunedThresholdClassifierCV(logistic, cv=2)),\n"
        "):\n"
        "    model = skl2onnx.to_onnx(estimator.fit(X, y), X[:1])\n"
        "    print(hashlib.sha256(model.SerializeToString()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "0"}  # skl2onnx orders some operators by hash
    without, with_converters = (
        subprocess.check_output([sys.executable, "-W", "ignore", "-c", first + code], text=True, env=environment)
        for first in ("", "import skbackprop.onnx\n")
    )
    assert without == with_converters
    assert len(set(without.split())) == 9


# Thresholds


@DTYPES
@pytest.mark.parametrize("response_method", ["auto", "decision_function", "predict_proba"])
@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"]], ids=str)
@pytest.mark.parametrize("base", ["network", "pipeline", "random search", "bagging of pipelines"])
def test_thresholds(base, labels, response_method, dtype):
    y = np.array(labels)[TWO_CLASSES]
    options = {"response_method": response_method}
    tuned = TunedThresholdClassifierCV(BASES[base], cv=2, thresholds=5, random_state=0, **options)
    assert_same(tuned.fit(X, y), X.astype(dtype), TOLERANCES[dtype])
    tuned.set_params(scoring=make_scorer(recall_score, pos_label=labels[0]))
    assert_same(tuned.fit(X, y), X.astype(dtype), TOLERANCES[dtype])
    for pos_label in (None, *labels):
        for threshold in ("auto", 0.3):
            fixed = FixedThresholdClassifier(BASES[base], threshold=threshold, pos_label=pos_label, **options)
            assert_same(clone(fixed).fit(X, y), X.astype(dtype), TOLERANCES[dtype])


@DTYPES
def test_thresholds_of_ensembles(dtype):
    tuned = TunedThresholdClassifierCV(ENSEMBLE, cv=2, thresholds=5).fit(X, TWO_CLASSES)
    assert_same(tuned, X.astype(dtype), TOLERANCES[dtype])
    assert (tuned.predict(X) != tuned.estimator_.predict(X)).any()


@DTYPES
@pytest.mark.parametrize("base", ["network", "pipeline"])
def test_thresholds_within_others(base, dtype):
    y = np.array(["no", "yes"])[TWO_CLASSES]
    fixed = FixedThresholdClassifier(BASES[base], threshold=0.4)
    estimators = [
        make_pipeline(PiecewiseLinearEncoder(3), fixed),
        GridSearchCV(fixed, {}, cv=2),
        OneVsRestClassifier(fixed),
        BaggingClassifier(fixed, 2, random_state=0),
        StackingClassifier([("fixed", fixed)], NETWORK, cv=2),
        VotingClassifier([("fixed", fixed)], voting="soft", flatten_transform=False),
        FixedThresholdClassifier(CalibratedClassifierCV(BASES[base], cv=2), threshold=0.4),
        FixedThresholdClassifier(StackingClassifier(TWO_NETWORKS, NETWORK, cv=2), threshold=0.4),
    ]
    for estimator in estimators:
        assert_same(clone(estimator).fit(X, y), X.astype(dtype), TOLERANCES[dtype])


def test_a_threshold_for_a_label_that_others_encode_is_refused():
    labels = np.array(["no", "yes"])[TWO_CLASSES]
    fixed = FixedThresholdClassifier(NETWORK, threshold=0.4, pos_label="yes")
    several = [("fixed", fixed), ("network", NETWORK)]
    estimator = VotingClassifier(several, voting="soft", flatten_transform=False).fit(X, labels)  # fits it to 0 and 1
    with pytest.raises(ValueError, match=r"pos_label='yes' of FixedThresholdClassifier is not .* classes \[0, 1\]"):
        to_onnx(estimator, X)


def test_thresholds_that_skl2onnx_ignores_are_refused():
    fixed = FixedThresholdClassifier(NETWORK, threshold=0.4)
    for estimator in (
        VotingClassifier([("a", fixed), ("b", NETWORK)], flatten_transform=False),
        VotingClassifier([("a", make_pipeline(fixed)), ("b", NETWORK)], flatten_transform=False),
        StackingClassifier(TWO_NETWORKS, fixed, cv=2),
    ):
        pattern = "threshold of FixedThresholdClassifier within (Voting|Stacking)Classifier cannot be converted"
        with pytest.raises(NotImplementedError, match=pattern):
            to_onnx(estimator.fit(X, TWO_CLASSES), X)


# Frozen estimators and searches


@DTYPES
@CLASSES
def test_frozen_classifiers_and_searches(y, dtype):
    fitted = FrozenEstimator(clone(PIPELINE).fit(X, y))
    estimators = [
        fitted,
        RANDOM_SEARCH,
        make_pipeline(FrozenEstimator(PiecewiseLinearEncoder(3).fit(X)), RANDOM_SEARCH),
        VotingClassifier([("a", fitted), ("b", RANDOM_SEARCH)], voting="soft", flatten_transform=False),
        StackingClassifier([("a", fitted), ("b", RANDOM_SEARCH)], RANDOM_SEARCH, cv=2),
        BaggingClassifier(RANDOM_SEARCH, 2, random_state=0),
    ]
    for estimator in estimators:
        assert_same(clone(estimator).fit(X, y), X.astype(dtype), TOLERANCES[dtype])


@DTYPES
def test_frozen_regressors_and_searches(dtype):
    search = RandomizedSearchCV(BackpropRegressor(**FEW), {"alpha": [0.1]}, n_iter=1, cv=2).fit(X, Z)
    assert_same(search, X.astype(dtype), TOLERANCES[dtype])
    assert_same(FrozenEstimator(search), X.astype(dtype), TOLERANCES[dtype])


# Decision functions


@DTYPES
def test_stacking_of_decision_functions(dtype):
    estimators = [*TWO_NETWORKS, ("search", SEARCH), ("bagging", BaggingClassifier(PIPELINE, 2, random_state=0))]
    for passthrough in (False, True):
        stacking = StackingClassifier(
            estimators, NETWORK, stack_method="decision_function", cv=2, passthrough=passthrough
        )
        assert_same(stacking.fit(X, THREE_CLASSES), X.astype(dtype), TOLERANCES[dtype])


@pytest.mark.parametrize(
    ("stack_method", "y"),
    [("decision_function", TWO_CLASSES), ("predict", TWO_CLASSES), ("predict", THREE_CLASSES)],
    ids=["decision_function", "predict", "predict, three classes"],
)
def test_other_stack_methods_are_refused(stack_method, y):
    stacking = StackingClassifier(TWO_NETWORKS, NETWORK, stack_method=stack_method, cv=2).fit(X, y)
    pattern = rf"stack_method_=\['{stack_method}', .* fit with stack_method=\"predict_proba\""
    with pytest.raises(NotImplementedError, match=pattern):
        to_onnx(stacking, X)


def test_decision_function_without_converter_is_refused():
    base = TunedThresholdClassifierCV(NETWORK, cv=2, thresholds=5)
    estimator = CalibratedClassifierCV(base, cv=2).fit(X, TWO_CLASSES)
    with pytest.raises(
        NotImplementedError, match=r"decision function of TunedThresholdClassifierCV cannot be converted"
    ):
        to_onnx(estimator, X)


@DTYPES
@CLASSES
@pytest.mark.parametrize(
    "base", [name for name, base in BASES.items() if hasattr(base, "decision_function") and "columns" not in name]
)
def test_raw_scores_of_other_estimators(base, y, dtype):
    assert_same_scores(clone(BASES[base]).fit(X, y), X.astype(dtype), TOLERANCES[dtype])


# Others


@DTYPES
@CLASSES
def test_votes(y, dtype):
    voting = VotingClassifier([*TWO_NETWORKS, ("search", SEARCH)], flatten_transform=False).fit(X, y)
    labels, _ = run(to_onnx(voting, X.astype(dtype)), X.astype(dtype))
    np.testing.assert_array_equal(labels, voting.predict(X.astype(dtype)))


@DTYPES
@pytest.mark.parametrize("base", ["network", "search", "ensemble"])
def test_several_outputs(base, dtype):
    y, inputs = np.column_stack([TWO_CLASSES, X[:, 1] > 1e4]).astype(int), X.astype(dtype)
    estimator = MultiOutputClassifier(BASES[base]).fit(X, y)
    labels, probabilities = run(to_onnx(estimator, inputs), inputs)
    np.testing.assert_array_equal(labels, estimator.predict(inputs))
    np.testing.assert_allclose(probabilities, estimator.predict_proba(inputs), rtol=TOLERANCES[dtype])


@CLASSES
def test_boosting(y):
    estimator = AdaBoostClassifier(BackpropClassifier(5, random_state=0), n_estimators=3, random_state=0).fit(X, y)
    assert_same(estimator, X.astype(np.float32), 1e-5)


# Networks that only the grid of a search has


GRIDS = {
    "list": {"clf": [NETWORK]},
    "array": {"clf": np.array([NETWORK], dtype=object)},
    "list of grids": [{"clf": [NETWORK]}, {"clf": [NETWORK], "clf__alpha": [0.1]}],
    "pipeline": {"clf": [PIPELINE]},
    "subclass": {"clf": [type("Renamed", (BackpropClassifier,), {})(**FEW)]},
}


def search_for_step(grid):
    return GridSearchCV(Pipeline([("encode", StandardScaler()), ("clf", LogisticRegression())]), grid, cv=2)


@DTYPES
@CLASSES
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_networks_in_a_grid(grid, y, dtype):
    inputs = X.astype(dtype)
    search = search_for_step(grid)
    for estimator in (
        search,
        CalibratedClassifierCV(search, cv=2),
        CalibratedClassifierCV(RandomizedSearchCV(search.estimator, grid, n_iter=1, cv=2), cv=2),
        BaggingClassifier(search, 2, random_state=0),
        OneVsRestClassifier(search),
    ):
        assert_same(clone(estimator).fit(X, y), inputs, TOLERANCES[dtype])


@DTYPES
@CLASSES
def test_raw_scores_of_networks_in_a_grid(y, dtype):
    search = search_for_step(GRIDS["list"])
    estimators = [search, make_pipeline(PiecewiseLinearEncoder(3), search), OneVsRestClassifier(search)]
    for estimator in estimators:
        assert_same_scores(clone(estimator).fit(X, y), X.astype(dtype), TOLERANCES[dtype])


@DTYPES
def test_decision_functions_and_thresholds_of_networks_in_a_grid(dtype):
    search, inputs = search_for_step(GRIDS["list"]), X.astype(dtype)
    stacking = StackingClassifier([("a", search)], LogisticRegression(), cv=2, stack_method="decision_function")
    assert_same(stacking.fit(X, THREE_CLASSES), inputs, TOLERANCES[dtype])
    assert_same(TunedThresholdClassifierCV(search, cv=2, thresholds=5).fit(X, TWO_CLASSES), inputs, TOLERANCES[dtype])
    fixed = search_for_step({"clf": [FixedThresholdClassifier(NETWORK, threshold=0.9)]})
    voting = VotingClassifier([("a", fixed), ("b", NETWORK)], flatten_transform=False).fit(X, TWO_CLASSES)
    with pytest.raises(NotImplementedError, match="threshold of FixedThresholdClassifier within VotingClassifier"):
        to_onnx(voting, inputs)


# Transformers of this package before other classifiers


@DTYPES
@CLASSES
@pytest.mark.parametrize("transformer", [PiecewiseLinearEncoder(3), HiddenFeatures(NETWORK)], ids=["encoder", "hidden"])
def test_pipelines_without_a_network_at_the_end(transformer, y, dtype):
    inputs = X.astype(dtype)
    pipeline = make_pipeline(StandardScaler(), transformer, LogisticRegression())
    for base in (pipeline, GridSearchCV(pipeline, {}, cv=2), make_pipeline(FrozenEstimator(clone(pipeline).fit(X, y)))):
        assert_same_scores(clone(base).fit(X, y), inputs, 10 * TOLERANCES[dtype])
    for method in METHODS:
        estimator = CalibratedClassifierCV(pipeline, method=method, cv=2).fit(X, y)
        assert_same_calibration(estimator, method, dtype)


@DTYPES
@CLASSES
@pytest.mark.parametrize(
    ("kind", "values"),
    [(HalvingGridSearchCV, [0.1, 1.0]), (HalvingRandomSearchCV, stats.uniform(0.1, 1.0))],
    ids=["grid", "random"],
)
def test_halving_searches(kind, values, y, dtype):
    options = {"cv": 2, "random_state": 0, "min_resources": 40}
    search = kind(PIPELINE, {"backpropclassifier__alpha": values}, **options)
    inputs = X.astype(dtype)
    estimators = [search, make_pipeline(StandardScaler(), search), BaggingClassifier(search, 2, random_state=0)]
    for estimator in estimators:
        assert_same(clone(estimator).fit(X, y), inputs, TOLERANCES[dtype])
    assert_same_scores(clone(search).fit(X, y), inputs, TOLERANCES[dtype])
    for method in METHODS:
        assert_same_calibration(CalibratedClassifierCV(search, method=method, cv=2).fit(X, y), method, dtype)


# Options


def test_positions_with_columns_of_probabilities_are_refused():
    network = clone(NETWORK).fit(X, TWO_CLASSES)
    with pytest.raises(ValueError, match=r'nocl=True cannot be combined with zipmap="columns".*zipmap=False'):
        to_onnx(network, X, nocl=True, zipmap="columns")
    assert len(run(to_onnx(network, X, zipmap="columns"), X)) == 3


@pytest.mark.parametrize("y", [TWO_CLASSES, THREE_CLASSES], ids=["integers", "strings"])
@pytest.mark.parametrize("base", ["bagging", "one versus rest", "stacking", "voting", "stacking, pipeline"])
def test_positions_are_refused_where_skl2onnx_does_not_convert_them(base, y):
    estimator = make_pipeline(StandardScaler(), clone(BASES[base])).fit(X, y)
    with pytest.raises(NotImplementedError, match=r"nocl=True of \w+Classifier cannot be converted.* leave nocl out"):
        to_onnx(estimator, X, nocl=True)
