"""Data with unusual numbers, or of an unusual structure: errors name the argument."""

import re

import numpy as np
import pandas as pd
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from tests.shared import HUGE, HUGER, TRAINS_BRIEFLY, UNUSUAL_NUMBERS

pytestmark = [TRAINS_BRIEFLY, pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")]

VALUES = UNUSUAL_NUMBERS | {
    "object": object(),
    "dict": {0: HUGER},
    "list": [HUGER, HUGE],
    "bytes": b"1",
    "negative weight": -1.0,
}
X = np.random.default_rng(0).normal(size=(24, 2))
Y = X[:, 0]
LABELS = (Y > 0).astype(int)
SEVERAL_LABELS = np.column_stack([LABELS, 1 - LABELS])
WEIGHTS = np.abs(Y)
SMALL = {"hidden_layer_sizes": 2, "max_iter": 2, "engine": "numpy"}


def regressor(**params):
    return BackpropRegressor(**SMALL, **params)


def classifier(**params):
    return BackpropClassifier(**SMALL, **params)


def regressors(**params):
    return BackpropEnsembleRegressor(regressor(), n_estimators=2, candidates=None, **params)


def classifiers(**params):
    return BackpropEnsembleClassifier(classifier(**params), n_estimators=2, candidates=None)


def with_entry(array, value):
    """Return an array as a list in which one entry is replaced."""
    entries = array.tolist()
    if array.ndim == 2:
        entries[7][1] = value
    else:
        entries[7] = value
    return entries


def key_of(value):
    """Return a key for a dict of class weights."""
    return value if value.__hash__ else 2


#: What takes the value, and the argument that the error names; the estimators are networks, then ensembles.
REGRESSION = {
    "sample_weight": lambda make, value: make().fit(X, Y, sample_weight=value),
    "sample_weight of a stream": lambda make, value: make().partial_fit(X, Y).partial_fit(X, Y, sample_weight=value),
    "sample_weight with one": lambda make, value: make().fit(X, Y, sample_weight=with_entry(WEIGHTS, value)),
    "X": lambda make, value: make().fit(value, Y),
    "X with one": lambda make, value: make().fit(with_entry(X, value), Y),
    "X of predict": lambda make, value: make().fit(X, Y).predict(value),
    "X of predict with one": lambda make, value: make().fit(X, Y).predict(with_entry(X, value)),
    "y": lambda make, value: make().fit(X, value),
    "y with one": lambda make, value: make().fit(X, with_entry(Y, value)),
    "y with one in two columns": lambda make, value: make().fit(X, with_entry(np.column_stack([Y, Y]), value)),
    "y of a stream with one": lambda make, value: make().partial_fit(X, Y).partial_fit(X, with_entry(Y, value)),
    "y of score with one": lambda make, value: make().fit(X, Y).score(X, with_entry(Y, value)),
}
CLASSIFICATION = {
    "y with one": lambda make, value: make().fit(X, with_entry(LABELS, value)),
    "y of a stream with one": lambda make, value: (
        make().partial_fit(X, LABELS, classes=[0, 1]).partial_fit(X, with_entry(LABELS, value))
    ),
    "classes": lambda make, value: make().partial_fit(X, LABELS, classes=value),
    "classes with one": lambda make, value: make().partial_fit(X, LABELS, classes=[0, 1, value]),
    "classes of several labels": lambda make, value: make().partial_fit(X, SEVERAL_LABELS, classes=[0, value]),
    "class_weight": lambda make, value: make(class_weight={0: value}).fit(X, LABELS),
    "class_weight of a key": lambda make, value: make(class_weight={0: 1.0, key_of(value): 1.0}).fit(X, LABELS),
    "class_weight of a stream": lambda make, value: make(class_weight={0: value}).partial_fit(
        X, LABELS, classes=[0, 1]
    ),
    "class_weight of several labels": lambda make, value: make(class_weight=[{0: value}] * 2).fit(X, SEVERAL_LABELS),
    "class_weight of several labels and keys": lambda make, value: make(class_weight=[{key_of(value): 1.0}] * 2).fit(
        X, SEVERAL_LABELS
    ),
}
VALIDATION = {
    "X_val": (regressor, lambda bad: {"X_val": with_entry(X, bad), "y_val": Y}),
    "y_val": (regressor, lambda bad: {"X_val": X, "y_val": with_entry(Y, bad)}),
    "sample_weight_val": (
        regressor,
        lambda bad: {"X_val": X, "y_val": Y, "sample_weight_val": with_entry(WEIGHTS, bad)},
    ),
    "sample_weight_val itself": (regressor, lambda bad: {"X_val": X, "y_val": Y, "sample_weight_val": bad}),
}


def check_refused_by_name(name, call):
    """Check that a call with each of the values works, or raises an error that names the argument."""
    for what, value in VALUES.items():
        try:
            call(value)
        except (TypeError, ValueError) as error:
            message = str(error)
        else:
            continue
        assert re.search(rf"\b{name}\b", message), (what, message)
        assert len(message) < 1500, what


@pytest.mark.parametrize("make", [regressor, regressors])
@pytest.mark.parametrize("what", REGRESSION)
def test_regression(make, what):
    check_refused_by_name(what.partition(" ")[0], lambda value: REGRESSION[what](make, value))


@pytest.mark.parametrize("make", [classifier, classifiers])
@pytest.mark.parametrize("what", CLASSIFICATION)
def test_classification(make, what):
    check_refused_by_name(what.partition(" ")[0], lambda value: CLASSIFICATION[what](make, value))


@pytest.mark.parametrize("what", VALIDATION)
def test_validation_sets(what):
    make, arguments = VALIDATION[what]
    check_refused_by_name(what.partition(" ")[0], lambda value: make(early_stopping=True).fit(X, Y, **arguments(value)))


def test_other_arguments():
    check_refused_by_name("memory_budget", lambda value: regressor().fit_chunks([(X, Y)], memory_budget=value))
    check_refused_by_name("groups", lambda value: regressors().fit(X, Y, groups=with_entry(LABELS, value)))
    ensemble = regressors().fit(X, Y)
    check_refused_by_name("confidence_level", lambda value: ensemble.predict_interval(X, confidence_level=value))


@pytest.mark.parametrize("value", [HUGE, "1", {1}, {0: 1.0}, np.array(1.0), object()], ids=lambda v: type(v).__name__)
def test_single_values_are_no_arrays(value):
    network = regressor().fit(X, Y)
    for name, call in {
        "X": lambda: network.predict(value),
        "y": lambda: network.fit(X, value),
        "sample_weight": lambda: network.fit(X, Y, sample_weight=value),
    }.items():
        with pytest.raises(
            (TypeError, ValueError), match=rf"{name}=.* must be an array or a list with an entry for each sample"
        ):
            call()


def test_a_weight_may_be_one_number():
    expected = regressor(random_state=0).fit(X, Y)
    found = regressor(random_state=0).fit(X, Y, sample_weight=2.0)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-6)


def test_lists_of_labels_of_different_lengths_are_refused():
    for lists in (["a", "b"], ["a"]), ([0, 1], [1]), ([1], []):
        with pytest.raises(ValueError, match=r"y has lists of different lengths.*MultiLabelBinarizer"):
            classifier().fit(X, lists * 12)


def test_the_first_number_that_is_no_class_is_named():
    labels = LABELS.astype(float)
    labels[5] = 2.5
    with pytest.raises(ValueError, match=r"y has 2\.5 in sample 5, which is no class: use BackpropRegressor"):
        classifier().fit(X, labels)
    with pytest.raises(ValueError, match=r"y has 2\.5 in column 1 of sample 5, which is no class"):
        classifier().fit(X, np.column_stack([LABELS, labels]))


@pytest.mark.parametrize("unit", ["m8[s]", "M8[s]"])
@pytest.mark.parametrize("container", [np.asarray, list, pd.Series])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_that_are_dates_or_durations(unit, container, method):
    X = np.random.default_rng(0).normal(size=(20, 2))
    weight = container(np.arange(20).astype(unit))
    with pytest.raises(ValueError, match=r"sample_weight has dates or durations \(dtype .*\); weights must be numbers"):
        getattr(BackpropRegressor(3, max_iter=2, tol=None), method)(X, X[:, 0], sample_weight=weight)
