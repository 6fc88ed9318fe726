"""Settings that have no effect with others give a warning that names both and says what would make them work."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.ineffective import CASES
from skbackprop.activations import ReLU
from skbackprop.schedules import Constant, Cosine, OneCycle
from tests.shared import BOTH, announce, data

#: Settings, the message about each that has no effect, and what would make it work.
INEFFECTIVE = {
    "scoring": ({"scoring": "r2"}, ["scoring='r2' .* early_stopping='auto': set early_stopping=True, or pass X_val"]),
    "scorer": ({"scoring": max, "early_stopping": False}, ["scoring=<built-in function max> .* early_stopping=False"]),
    "validation_fraction": (
        {"validation_fraction": 0.3},
        ["validation_fraction=0.3 .* early_stopping='auto': set early_stopping=True"],
    ),
    "tol": (
        {"tol": 1.0, "n_iter_no_change": 2},
        [
            f"{setting} .* learning_rate='auto': set early_stopping=True"
            for setting in ("tol=1.0", "n_iter_no_change=2")
        ],
    ),
    "tol, planned end": (
        {"tol": 0.5, "learning_rate": OneCycle()},
        [r"tol=0.5 .* learning_rate=OneCycle\(.*\): .* or choose a learning rate without a planned end"],
    ),
    "tol without limit": (
        {"tol": 0.5, "n_iter_no_change": np.inf, "learning_rate": 0.01},
        ["tol=0.5 .* n_iter_no_change=inf: set n_iter_no_change to a number"],
    ),
    "n_iter_no_change": (
        {"n_iter_no_change": 3, "tol": None, "early_stopping": True},
        ["n_iter_no_change=3 .* tol=None: set tol to a number"],
    ),
    "batch_size": ({"batch_size": 9, "solver": "sgd"}, ["batch_size=9 .* solver='sgd': set solver='minibatch'"]),
    "shuffle": ({"shuffle": False, "solver": "batch"}, ["shuffle=False .* solver='batch': set solver to 'minibatch'"]),
    "shuffle of one batch": (
        {"shuffle": np.False_, "batch_size": 150},
        ["shuffle=.*False.* batch_size=150: set a smaller batch_size"],
    ),
    "l1_ratio": ({"l1_ratio": 0.5, "alpha": 0}, ["l1_ratio=0.5 .* alpha=0: set alpha above 0"]),
    "l1_ratio, automatic": (
        {"l1_ratio": 0.5, "standardize": False},
        ["l1_ratio=0.5 .* standardize=False: set alpha to a number above 0"],
    ),
    "L-BFGS": (
        {"optimizer": "lbfgs", "solver": "batch", "learning_rate": Constant(), "batch_size": 8},
        ["batch_size=8 .* solver='batch'", r"learning_rate=Constant\(.*\) .* optimizer='lbfgs'"],
    ),
    "no hidden layer": (
        {"hidden_layer_sizes": (), "activation": ReLU(), "dropout": 0.5},
        [rf"{name}=.* hidden_layer_sizes=\(\): add a hidden layer" for name in ("activation", "dropout")],
    ),
}
#: Settings that have an effect, or ask for nothing else than the default.
EFFECTIVE = [
    {},
    {"scoring": "loss", "validation_fraction": np.float64(0.1), "batch_size": "auto", "solver": "batch", "l1_ratio": 0},
    {"scoring": None, "validation_fraction": 0.3, "tol": 0.1, "n_iter_no_change": 2, "early_stopping": np.True_},
    {"tol": 0.1, "n_iter_no_change": 3, "learning_rate": 0.01},
    {"tol": 0.1, "n_iter_no_change": 3, "optimizer": "lbfgs", "solver": "batch"},
    {"tol": None, "n_iter_no_change": np.inf},
    {"batch_size": 9, "shuffle": False},
    {"solver": "sgd", "shuffle": False},
    {"l1_ratio": 0.5, "alpha": 0.1, "standardize": False},
    {"l1_ratio": 0.5},
    {"hidden_layer_sizes": (), "activation": [], "dropout": np.array([])},
    {"hidden_layer_sizes": [5, 4], "activation": ["relu", "tanh"], "dropout": [0.1, 0.2]},
    {"learning_rate": Cosine()},
]


def messages(call, *args, **kwargs):
    """Return the messages about settings, after a check that they point here and no more than once at each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*args, **kwargs)
    caught = [warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)]
    assert all(warning.category is UserWarning and warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


def assert_match(found, expected):
    assert len(found) == len(expected)
    for message, pattern in zip(found, expected, strict=True):
        with pytest.warns(UserWarning, match=f"^{pattern}"):
            warnings.warn(message, UserWarning, stacklevel=1)


@BOTH
@pytest.mark.parametrize("case", INEFFECTIVE)
def test_setting_without_effect_warns_once_and_names_the_remedy(estimator, case):
    X, y = data(estimator)
    params, expected = INEFFECTIVE[case]
    network = estimator(**({"max_iter": 2, "random_state": 0} | params))
    assert_match(
        messages(network.fit, X, y), [pattern.replace(" .* ", " has no effect with ", 1) for pattern in expected]
    )


@BOTH
@pytest.mark.parametrize("params", EFFECTIVE, ids=str)
def test_setting_with_an_effect_does_not_warn(estimator, params):
    X, y = data(estimator)
    assert messages(estimator(**({"max_iter": 2, "random_state": 0} | params)).fit, X, y) == []


@BOTH
def test_given_validation_set_makes_settings_work_except_the_fraction(estimator):
    X, y = data(estimator)
    network = estimator(5, scoring=None, tol=0.1, n_iter_no_change=2, validation_fraction=0.3, random_state=0)
    found = messages(network.fit, X, y, X_val=X, y_val=y)
    assert_match(found, ["validation_fraction=0.3 has no effect with X_val: leave X_val and y_val out"])


@BOTH
def test_only_the_first_call_of_partial_fit_warns(estimator):
    X, y = data(estimator)
    network = estimator(5, early_stopping=True, scoring=None, tol=1.0, batch_size=9, solver="batch", random_state=0)
    expected = [
        "early_stopping=True has no effect with partial_fit: use fit",
        "scoring=None has no effect with partial_fit: use fit with early_stopping=True",
        "batch_size=9 has no effect with solver='batch'",
    ]
    assert_match(messages(network.partial_fit, X, y, **announce(estimator)), expected)
    assert messages(network.partial_fit, X, y) == []
    assert messages(clone, network) == []


@pytest.mark.parametrize(
    ("weights", "warns"), [({0: 2, 1: 2, 2: 2}, True), ({0: 2}, False), ({}, False), (None, False)]
)
def test_equal_class_weights_warn(weights, warns):
    X, y = data(BackpropClassifier)
    found = messages(BackpropClassifier(5, class_weight=weights, max_iter=2, random_state=0).fit, X, y)
    assert_match(found, ["class_weight=.* has no effect with the same weight for each class: give"] * warns)


def test_cases_are_about_parameters():
    for case in CASES:
        assert case.name in BackpropClassifier().get_params()
    assert {case.name for case in CASES} - {"class_weight"} <= set(BackpropRegressor().get_params())
