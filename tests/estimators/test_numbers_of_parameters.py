"""Every parameter of every public class: an unusual number is accepted, or refused with the name of the parameter."""

import inspect
import re
from dataclasses import is_dataclass
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.base import BaseEstimator, is_classifier

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, activations, ensemble, initializers, losses, optimizers
from skbackprop import schedules as schedule_module
from skbackprop._hyperparameters import Hyperparameters
from skbackprop.callbacks import Checkpoint, EarlyStopping
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from skbackprop.inspection import HiddenFeatures
from tests.shared import HUGE, HUGER, TRAINS_BRIEFLY, UNUSUAL_NUMBERS

pytestmark = [
    TRAINS_BRIEFLY,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

VALUES = UNUSUAL_NUMBERS | {
    "text": "1",
    "None": None,
    "bool": True,
    "duration": np.timedelta64(3, "s"),
    "list": [HUGE],
    "tuple": (HUGER,),
    "nested list": [[HUGER]],
    "list of dicts": [{0: HUGE}] * 2,
    "value of a dict": {0: HUGER},
    "key of a dict": {HUGER: 1.0},
}
X = np.random.default_rng(0).normal(size=(24, 2))
NUMBERS, LABELS = X[:, 0], (X[:, 0] > 0).astype(int)


def classes_of(module, kind):
    """Return the public classes of a module that inherit from a class."""
    members = [getattr(module, name) for name in module.__all__]
    return [member for member in members if inspect.isclass(member) and issubclass(member, kind)]


def parameters_of(kinds):
    """Return each of the classes with each of its parameters that have a default value."""
    return [
        pytest.param(kind, parameter.name, id=f"{kind.__name__}-{parameter.name}")
        for kind in kinds
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is not parameter.empty
    ]


COMPONENTS = [
    kind
    for module in (activations, initializers, losses, optimizers, schedule_module)
    for kind in classes_of(module, Hyperparameters)
    if is_dataclass(kind)
]
NETWORKS = classes_of(skbackprop, BaseEstimator)
ENSEMBLES = classes_of(ensemble, ensemble._base.BaseBackpropEnsemble)
TRANSFORMERS = [kind for kind in classes_of(ensemble, BaseEstimator) if kind not in ENSEMBLES]


def error_of(call, value):
    """Return the message of the TypeError, ValueError or MemoryError that a call raises, or None."""
    try:
        call(value)
    except (TypeError, ValueError, MemoryError) as error:
        return str(error)
    return None


def check_refused_by_name(name, call):
    """Check that a call with each of the values works, or raises an error that names the parameter."""
    for what, value in VALUES.items():
        message = error_of(call, value)
        assert message is None or re.search(rf"\b{name}\b", message), (what, message)
        assert message is None or len(message) < 1500, what


def test_the_classes_are_found():
    assert {"Adam", "Cosine", "Huber", "Quantiles", "LeakyReLU", "VarianceScaling"} <= {k.__name__ for k in COMPONENTS}
    assert [BackpropClassifier, BackpropRegressor] == NETWORKS or [BackpropRegressor, BackpropClassifier] == NETWORKS
    assert {BackpropEnsembleClassifier, BackpropEnsembleRegressor} == set(ENSEMBLES)
    assert TRANSFORMERS


@pytest.mark.parametrize(("kind", "name"), parameters_of(COMPONENTS))
def test_hyperparameter_objects(kind, name):
    check_refused_by_name(name, lambda value: kind(**{name: value}))


def small(kind, **params):
    """Return a network that is trained fast."""
    return kind(**{"hidden_layer_sizes": 2, "engine": "numpy", "max_iter": 2, **params})


def target_of(estimator):
    return LABELS if is_classifier(estimator) else NUMBERS


@pytest.mark.parametrize(("kind", "name"), parameters_of(NETWORKS))
def test_networks(kind, name, capsys):
    def fit(value):
        network = small(kind, **{name: value})
        network.fit(X, target_of(network))

    check_refused_by_name(name, fit)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("kind", "name"), parameters_of(ENSEMBLES))
def test_ensembles(kind, name, method, capsys):
    def call(value):
        params = {"estimator": small(kind._network_class), "n_estimators": 2, "candidates": None, name: value}
        model = kind(**params)
        classes = {"classes": [0, 1]} if is_classifier(model) and method == "partial_fit" else {}
        getattr(model, method)(X, target_of(model), **classes)

    check_refused_by_name(name, call)


@pytest.mark.parametrize("role", ["estimator", "candidates"])
@pytest.mark.parametrize(("kind", "name"), parameters_of(NETWORKS))
def test_networks_of_ensembles(kind, name, role, capsys):
    of_kind = {network._network_class: network for network in ENSEMBLES}[kind]

    def fit(value):
        network = small(kind, **{name: value})
        model = of_kind(n_estimators=2, **{role: network if role == "estimator" else [network]})
        model.fit(X, target_of(model))

    check_refused_by_name(name, fit)


@pytest.mark.parametrize(("kind", "name"), parameters_of(TRANSFORMERS))
def test_transformers(kind, name):
    check_refused_by_name(name, lambda value: kind(**{name: value}).fit(X))


def test_hidden_features():
    network = BackpropRegressor(3, max_iter=1, tol=None, alpha=0.0)
    check_refused_by_name("layer", lambda value: HiddenFeatures(network, layer=value).fit(X, NUMBERS))


@pytest.mark.parametrize("name", ["every", "seconds"])
@pytest.mark.parametrize(
    "value", [True, np.nan, np.float32("nan"), np.float64("nan"), np.timedelta64(3, "s"), np.ones(2)], ids=repr
)
def test_numbers_of_checkpoints_that_are_none(name, value, tmp_path):
    with pytest.raises((TypeError, ValueError), match=name):
        Checkpoint(tmp_path / "network.joblib", **{name: value})


@pytest.mark.parametrize("name", ["path", "every", "seconds"])
def test_checkpoints(name, tmp_path):
    check_refused_by_name(name, lambda value: Checkpoint(**{"path": tmp_path / "network.joblib", name: value}))


@pytest.mark.skipif(not find_spec("sklearn.callback"), reason="this scikit-learn has no callbacks")
@pytest.mark.parametrize("name", ["scoring", "patience"])
def test_early_stopping(name):
    def fit(value):
        stopping = EarlyStopping(**{"X_val": X, "y_val": NUMBERS, name: value})
        BackpropRegressor(3, max_iter=2, tol=None, alpha=0.0).set_callbacks(stopping).fit(X, NUMBERS)

    check_refused_by_name(name, fit)


@pytest.mark.skipif(not find_spec("dask"), reason="dask is not installed")
@pytest.mark.parametrize("name", ["strategy", "alpha", "max_iter"])
def test_networks_of_dask(name):
    from skbackprop.dask import DaskBackpropRegressor

    check_refused_by_name(name, lambda value: DaskBackpropRegressor(**{name: value})._validate_params())
