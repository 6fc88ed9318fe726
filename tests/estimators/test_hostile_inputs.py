"""Numbers, labels and tables that no network can take: a TypeError or ValueError that names the argument and value."""

import datetime
import inspect
import pickle
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor, inspection
from skbackprop.ensemble import BackpropEnsembleClassifier
from skbackprop.optimizers import Momentum
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, announce, data

pytestmark = TRAINS_BRIEFLY

HUGE, HUGER = 10**400, 10**5000  # Python refuses to print the second one
NUMBERS = {
    "huge": HUGE,
    "huger": HUGER,
    "negative": -HUGE,
    "2**63": 2**63,
    "fraction": Fraction(1, 2),
    "whole fraction": Fraction(3, 1),
    "huge fraction": Fraction(HUGE, 1),
    "decimal": Decimal("0.5"),
    "array": np.array(0.5),
    "array of an integer": np.array(3),
    "array of a string": np.array("relu"),
    "array of an object": np.array(None, object),
    "complex": 1j,
    "bytes": b"auto",
    "set": {1},
    "list of huge": [HUGE],
    "list of huger": [HUGER],
    "list of fractions": [Fraction(1, 2)],
    "list of arrays": [np.array(3)],
    "empty list": [],
    "empty dict": {},
}
PARAMS = [
    (kind, name) for kind in (BackpropRegressor, BackpropClassifier) for name in inspect.signature(kind).parameters
]


def error_of(network, X, y):
    """Return the message of the error that a call raises, or None."""
    try:
        network.partial_fit(X, y, **announce(type(network)))
    except (TypeError, ValueError, MemoryError) as error:
        return str(error)
    return None


@pytest.mark.parametrize(("kind", "name"), PARAMS)
def test_every_parameter_is_refused_by_name_or_works(kind, name):
    X, y = data(kind)
    for what, value in NUMBERS.items():
        network = kind(**({"hidden_layer_sizes": 3, "engine": "numpy"} | {name: value}))
        message = error_of(network, X, y)
        assert message is None or re.search(rf"\b{name}\b", message), (what, message)
        if message is None:
            pickle.loads(pickle.dumps(network))


@BOTH
@pytest.mark.parametrize("name", ["max_iter", "batch_size", "learning_rate", "alpha", "clip_norm", "n_iter_no_change"])
def test_integers_of_more_than_64_bits_are_too_large(estimator, name):
    X, y = data(estimator)
    with pytest.raises(ValueError, match=rf"{name}=9223372036854775808 is too large: integers must be below 2\*\*63"):
        estimator(3, **{name: 2**63}).fit(X, y)
    with pytest.raises(ValueError, match=rf"{name}=int with thousands of digits is too large"):
        estimator(3, **{name: HUGER}).fit(X, y)


@BOTH
@pytest.mark.parametrize("name", ["learning_rate", "alpha", "l1_ratio", "clip_norm", "validation_fraction"])
def test_fractions_must_be_converted(estimator, name):
    X, y = data(estimator)
    with pytest.raises(TypeError, match=rf"{name}=Fraction\(1, 2\) has a Fraction: convert it to a float"):
        estimator(3, **{name: Fraction(1, 2)}).fit(X, y)


@pytest.mark.parametrize("value", [HUGE, HUGER, Fraction(1, 2), Decimal("0.5"), np.array(0.5)], ids=lambda v: "value")
def test_hyperparameter_objects_refuse_them(value):
    with pytest.raises(ValueError, match=r"momentum of Momentum must be a number in \[0, 1\), got"):
        Momentum(momentum=value)


def test_dropout_of_no_dimension_is_refused():
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match=r"dropout=array\(0\.5\) must be a number in"):
        BackpropRegressor(3, dropout=np.array(0.5)).fit(X, y)


@pytest.mark.parametrize("class_weight", [[], [{}], [{0: 1.0}]])
def test_a_list_of_class_weights_needs_several_labels(class_weight):
    X, y = data(BackpropClassifier)
    with pytest.raises(ValueError, match=r"class_weight=\[.*\] must be 'balanced', a dict, or a list of dicts"):
        BackpropClassifier(3, class_weight=class_weight, **FEW).fit(X, y)


def test_an_empty_list_of_class_weights_is_refused_with_several_labels():
    X, y = data(BackpropClassifier)
    with pytest.raises(ValueError, match=r"class_weight=\[\] must be"):
        BackpropClassifier(3, class_weight=[], **FEW).fit(X, np.column_stack([y == 0, y == 1]))


def test_an_empty_dict_of_class_weights_means_weights_of_one():
    X, y = data(BackpropClassifier)
    expected = BackpropClassifier(3, **FEW).fit(X, y)
    found = BackpropClassifier(3, class_weight={}, **FEW).fit(X, y)
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-6)


def test_class_weights_that_are_no_numbers_of_numpy_are_refused():
    X, y = data(BackpropClassifier)
    with pytest.raises(TypeError, match=r"class_weight=\{0: Fraction\(1, 2\)\} has a Fraction"):
        BackpropClassifier(3, class_weight={0: Fraction(1, 2)}).fit(X, y)
    with pytest.raises(ValueError, match=r"class_weight=.* is too large"):
        BackpropClassifier(3, class_weight={0: HUGE}).fit(X, y)


@pytest.mark.parametrize("value", [HUGE, HUGER], ids=["huge", "huger"])
def test_integers_that_no_float_can_hold_are_named(value):
    X, y = data(BackpropRegressor)
    bad_X, bad_y = X.tolist(), y.tolist()
    bad_X[5][2] = bad_y[7] = value
    network = BackpropRegressor(3, **FEW).fit(X, y)
    for call in (network.fit, network.partial_fit, lambda X, _: network.predict(X)):
        with pytest.raises(ValueError, match=r"Column 2 of X has (10000|int with).* in sample 5"):
            call(bad_X, y)
    for call in (network.fit, network.partial_fit):
        with pytest.raises(ValueError, match=r"y has (10000|int with).* in sample 7"):
            call(X, bad_y)
        with pytest.raises(ValueError, match=r"sample_weight has (10000|int with).* in sample 7"):
            call(X, y, sample_weight=[value if i == 7 else 1 for i in range(len(y))])


def test_fractions_and_decimals_in_the_data_are_numbers():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(3, **FEW).fit(X, y)
    for kind in (Fraction, Decimal):
        other_X, other_y = [[kind(v) for v in sample] for sample in X.tolist()], [kind(v) for v in y.tolist()]
        found = BackpropRegressor(3, **FEW).fit(other_X, other_y)
        np.testing.assert_allclose(found.predict(other_X), network.predict(X), rtol=1e-9)


MIXED = [(1, "a"), (True, "x"), (1.5, "a"), (b"a", "a"), (datetime.date(2020, 1, 1), "a"), (np.float64(1), "a")]
MISSING = [None, np.nan, pd.NA, pd.NaT, float("nan")]


@pytest.mark.parametrize("ensemble", [False, True])
@pytest.mark.parametrize("pair", MIXED, ids=str)
def test_labels_of_different_types_are_refused_in_any_order(pair, ensemble):
    X, _ = data(BackpropClassifier)
    network = BackpropEnsembleClassifier(n_estimators=2) if ensemble else BackpropClassifier(3, **FEW)
    for first, second in (pair, pair[::-1]):
        labels = [first, second] * (len(X) // 2)
        for y in (labels, tuple(labels), np.array(labels, object), pd.Series(labels, dtype=object)):
            with pytest.raises(ValueError, match=r"y has labels of different types, such as .* and .*: make all"):
                network.fit(X, y)
        with pytest.raises(ValueError, match="classes has labels of different types"):
            BackpropClassifier(3).partial_fit(X, ["a"] * len(X), classes=[first, second])


@pytest.mark.parametrize("missing", MISSING, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("known", ["a", True])
def test_missing_labels_are_refused_in_any_order(missing, known):
    X, _ = data(BackpropClassifier)
    for pair in ([missing, known], [known, missing]):
        labels = pair * (len(X) // 2)
        if known is True and isinstance(missing, float):
            continue  # which are numbers, and refused as such
        for y in (labels, np.array(labels, object)):
            with pytest.raises(ValueError, match=rf"y has a missing label \(.*\) in sample {pair[1] is missing:d}:"):
                BackpropClassifier(3, **FEW).fit(X, y)


LABELS = ["a", "b", None, "b"]
TABLES_OF_LABELS = {
    "string": lambda labels: pd.Series(labels, dtype="string"),
    "object": lambda labels: pd.Series(labels, dtype=object),
    "category": lambda labels: pd.Series(labels, dtype="category"),
    "arrow": lambda labels: pd.Series(labels, dtype=pd.ArrowDtype(pa.string())),
    "polars": pl.Series,
    "polars category": lambda labels: pl.Series(labels, dtype=pl.Categorical),
    "polars enum": lambda labels: pl.Series(labels, dtype=pl.Enum(["a", "b", "c"])),
    "frame": lambda labels: pd.DataFrame({"label": labels}),
}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("kind", TABLES_OF_LABELS)
def test_missing_labels_in_series_are_refused(kind):
    X, _ = data(BackpropClassifier)
    make = TABLES_OF_LABELS[kind]
    y = (LABELS * len(X))[: len(X)]
    with pytest.raises(ValueError, match=r"y has a missing label \(.*\) in sample 2: leave the sample out"):
        BackpropClassifier(3, **FEW).fit(X, make(y))
    network = BackpropClassifier(3, **FEW).fit(X, make(["c" if label is None else label for label in y]))
    assert network.classes_.tolist() == ["a", "b", "c"]


def test_missing_dates_are_no_class():
    X, _ = data(BackpropClassifier)
    with pytest.raises(ValueError, match=r"y has a missing label \(NaT\) in sample 1"):
        BackpropClassifier(3, **FEW).fit(X, np.array(["2020", "NaT"] * (len(X) // 2), "M8[Y]"))


def test_unsupported_labels_are_shown():
    X, _ = data(BackpropClassifier)
    with pytest.raises(ValueError, match=r"Unknown label type.* y begins with Fraction\(1, 2\), of type Fraction"):
        BackpropClassifier(3, **FEW).fit(X, [Fraction(1, 2), Fraction(3, 2)] * (len(X) // 2))


def test_a_list_of_mixed_labels_does_not_slip_through_the_fast_path():
    X, _ = data(BackpropClassifier)
    network = BackpropClassifier(3, **FEW)
    for _ in range(3):
        network.partial_fit(X[:2], ["1", "a"], classes=["1", "a"])
    with pytest.raises(ValueError, match="y has labels of different types, such as 1 and 'a'"):
        network.partial_fit(X[:2], [1, "a"])


@pytest.mark.parametrize("make", [list, pd.Series, pl.Series, lambda y: np.array(y, object)])
def test_a_regression_target_names_its_string(make):
    X, _ = data(BackpropRegressor)
    with pytest.raises(ValueError, match=r"y has the string 'high' in sample 0"):
        BackpropRegressor(3, **FEW).fit(X, make(["high", "low"] * (len(X) // 2)))


def column(values):
    """Return a data frame maker with numbers in column "a" and these values in column "city"."""
    return lambda n: {"a": np.arange(float(n)), "city": (values * n)[:n]}


DATE = datetime.datetime(2020, 1, 1)
COLUMNS = {
    "strings": (column(["Oslo", "Rome"]), "has the string 'Oslo' in sample 0"),
    "missing values": (column([1.0, 2.0, None]), "has a missing value .* in sample 2"),
    "missing strings": (column([None, "Rome"]), "has (a missing value .*|the string 'Rome') in sample"),
    "dates": (column([DATE]), "has dates, times or durations"),
    "missing dates": (column([DATE, None]), "has dates, times or durations"),
    "durations": (column([datetime.timedelta(3), None]), "has dates, times or durations"),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:X has feature names, but Backprop")
@BOTH
@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_that_are_no_numbers_are_named(estimator, library, kind):
    make, message = COLUMNS[kind]
    X, y = data(estimator)
    network = estimator(3, **FEW).fit(X[:, :2], y)
    X = library(make(len(y)))
    remedy = "tabular_pipeline.*OneHotEncoder.*SimpleImputer.*docs/guide/tables"
    found = rf"Column 'city' of X \(position 1\) {message}.*{remedy}"
    for call in (estimator(3, **FEW).fit, network.fit, network.partial_fit, lambda X, _: network.predict(X)):
        with pytest.raises((TypeError, ValueError), match=found):
            call(X, y)
    with pytest.raises((TypeError, ValueError), match=found):
        inspection.layer_outputs(network, X)


#: Data frames with values that numpy turns into numbers, or that it does not name.
HIDDEN = {
    "only dates": (pd.DataFrame({"d": pd.date_range("2020", periods=150)}), "dates"),
    "NaT": (pd.DataFrame({"d": pd.Series([DATE, None] * 75)}), "dates"),
    "time zones": (pd.DataFrame({"d": pd.date_range("2020", periods=150, tz="UTC")}), "dates"),
    "categories of dates": (pd.DataFrame({"d": pd.Categorical([DATE, None] * 75)}), "dates"),
    "arrow dates": (
        pd.DataFrame({"d": pd.Series([DATE, None] * 75, dtype=pd.ArrowDtype(pa.timestamp("us")))}),
        "dates",
    ),
    "periods": (pd.DataFrame({"d": pd.period_range("2020", periods=150)}), "the Period"),
    "polars dates": (pl.DataFrame({"d": [DATE.date(), None] * 75}), "dates"),
    "polars dates beside numbers": (pl.DataFrame({"a": [1.0, 2.0] * 75, "d": [DATE.date(), None] * 75}), "dates"),
    "categories with NA": (
        pd.DataFrame({"d": pd.Series([1, None] * 75, dtype="Int64").astype("category")}),
        "a missing",
    ),
    "NA in objects": (pd.DataFrame({"d": np.array([1.0, pd.NA] * 75, object)}), r"a missing value \(<NA>\)"),
    "NaT in objects": (pd.DataFrame({"d": np.array([1.0, pd.NaT] * 75, object)}), r"a missing value \(NaT\)"),
    "boolean with NA": (pd.DataFrame({"d": pd.Series([True, None] * 75, dtype="boolean")}), "a missing value"),
    "string categories": (pl.DataFrame({"d": pl.Series(["u", "v"] * 75, dtype=pl.Categorical)}), "the string 'u'"),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_hidden_missing_values_and_dates_are_refused(kind):
    X, message = HIDDEN[kind]
    y = np.arange(150.0)
    for call in (BackpropRegressor(3, **FEW).fit, BackpropRegressor(3, **FEW).partial_fit):
        with pytest.raises((TypeError, ValueError), match=rf"Column 'd' of X \(position \d\) has {message}"):
            call(X, y)


def test_columns_of_arrays_and_lists_are_numbered():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(3, **FEW).fit(X, y)
    bad = X.copy()
    bad[4, 3] = np.nan
    for array in (bad, bad.tolist(), bad.astype(object)):
        with pytest.raises(
            ValueError, match=r"Input X contains NaN\. Column 3 of X has a missing value \(nan\) in sample 4"
        ):
            network.predict(array)
    with pytest.raises(ValueError, match=r"X has dates, times or durations \(dtype datetime64\[D\]\)"):
        network.predict(bad.astype("M8[D]"))
    bad[4, 3] = np.inf
    with pytest.raises(ValueError, match=r"infinity.* Column 3 of X has inf in sample 4\.$"):
        network.predict(bad)


def test_a_validation_set_is_named():
    X, y = data(BackpropRegressor)
    bad = X.copy()
    bad[4, 3] = np.nan
    with pytest.raises(ValueError, match="Column 3 of X_val has a missing value"):
        BackpropRegressor(3, early_stopping=True, **FEW).fit(X, y, X_val=bad, y_val=y)


@pytest.mark.parametrize(
    "value", [np.datetime64("NaT", "s"), np.datetime64("2020-01-01"), np.timedelta64(3, "s")], ids=str
)
@pytest.mark.parametrize("container", [np.asarray, np.ndarray.tolist, pd.DataFrame], ids=["array", "list", "frame"])
def test_dates_of_numpy_among_objects_are_refused(value, container):
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    network = BackpropRegressor(3, max_iter=2, tol=None, engine="numpy").fit(X, y)
    bad = X.astype(object)
    bad[4, 1] = value
    for call in (network.predict, lambda X: network.fit(X, y), lambda X: network.partial_fit(X, y)):
        with pytest.raises(ValueError, match=r"olumn 1 .*has the date or duration .* in sample 4"):
            call(container(bad))


@pytest.mark.parametrize("value", [np.datetime64("2020-01-01"), np.timedelta64(3, "s")], ids=str)
@pytest.mark.parametrize("container", [np.asarray, list], ids=["array", "list"])
def test_dates_of_numpy_among_targets_and_weights_are_refused(value, container):
    X, y, network = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0), BackpropRegressor(3, **FEW)
    bad = np.ones(20, object)
    bad[4] = value
    for call in (network.fit, network.partial_fit):
        for target in (bad, np.c_[y, bad]):
            with pytest.raises(ValueError, match=r"y has strings or dates.* has the date or (duration|time) .* sample"):
                call(X, container(target))
        with pytest.raises(ValueError, match=r"sample_weight has dates or durations.* sample_weight has the date or "):
            call(X, y, sample_weight=container(bad))


def test_dates_of_polars_are_refused_by_predict():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20.0)
    network = BackpropRegressor(3, max_iter=2, tol=None, engine="numpy").fit(pl.DataFrame(X, ["a", "b"]), y)
    day = pl.Series([datetime.date(2020, 1, 1)] * 20)
    with pytest.raises(ValueError, match=r"Column 'b' of X .* has dates, times or durations"):
        network.predict(pl.DataFrame({"a": X[:, 0], "b": day}))


def test_classes_have_no_missing_label():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    with pytest.raises(ValueError, match=r"classes has a missing label \(nan\)"):
        BackpropClassifier(3).partial_fit(X, y, classes=[0, 1, np.nan])
