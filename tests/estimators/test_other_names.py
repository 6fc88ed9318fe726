"""An error that names a parameter or a value of another package also names the counterpart."""

import inspect
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import get_scorer_names

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._other_names import CONSTRUCTOR_KEYWORDS, ENSEMBLE_KEYWORDS, FIT_KEYWORDS, VALUES
from skbackprop.activations import ACTIVATIONS
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LOSSES
from skbackprop.optimizers import OPTIMIZERS
from skbackprop.schedules import SCHEDULES
from tests.shared import BOTH

#: The names that each parameter has here.
NAMES = {
    "solver": ["batch", "minibatch", "sgd"],
    "optimizer": OPTIMIZERS,
    "learning_rate": ["auto", *SCHEDULES],
    "activation": ACTIVATIONS,
    "output_activation": ["identity", "logistic", "exponential", "softmax"],
    "loss": {name for name, _ in LOSSES},
    "init": INITIALIZERS,
    "scoring": get_scorer_names(),
}
#: Other names, and what the message must have.
EXAMPLES = [
    ("solver", "adam", "Use optimizer='adam' instead"),
    ("solver", "lbfgs", "Use solver='batch', optimizer='lbfgs' instead"),
    ("solver", "mini-batch", "Use solver='minibatch' instead"),
    ("optimizer", "sgd", "Use optimizer='gd', 'momentum' or 'nesterov' instead"),
    ("optimizer", "Adam", "Use optimizer='adam' instead"),
    ("learning_rate", "adaptive", "Use learning_rate='plateau' instead"),
    ("activation", "sigmoid", "Use activation='logistic' instead"),
    ("activation", "linear", "Use activation='identity' instead"),
    ("activation", ["relu", "swish"], "Use activation='silu' instead"),
    ("init", "xavier_uniform", "Use init='glorot_uniform' instead"),
    ("loss", "mse", "Use loss='squared_error' instead"),
    ("early_stopping", "yes", "The 'early_stopping' parameter"),
]
BOTH_ENSEMBLES = pytest.mark.parametrize("ensemble", [BackpropEnsembleRegressor, BackpropEnsembleClassifier])
X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])


@BOTH
@pytest.mark.parametrize(("parameter", "value", "message"), EXAMPLES)
def test_fit_and_partial_fit_name_the_counterpart(estimator, parameter, value, message):
    network = estimator((4, 3), **{parameter: value})
    with pytest.raises(ValueError, match=re.escape(message)):
        network.fit(X, Y)
    classes = {} if estimator is BackpropRegressor else {"classes": [0, 1]}
    with pytest.raises(ValueError, match=re.escape(message)):
        network.partial_fit(X, Y, **classes)


@pytest.mark.parametrize(
    ("estimator", "loss", "message"),
    [
        (BackpropRegressor, "mae", "Use loss='absolute_error' instead"),
        (BackpropClassifier, "cross_entropy", "Use loss='log_loss' instead"),
        (BackpropClassifier, "mae", "loss='absolute_error' is for BackpropRegressor"),
        (BackpropClassifier, "poisson", "loss='poisson' is for BackpropRegressor"),
        (BackpropRegressor, "categorical_crossentropy", "loss='log_loss' is for BackpropClassifier"),
    ],
)
def test_loss_of_the_other_estimator(estimator, loss, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator(loss=loss).fit(X, Y)


def test_names_of_scorers_and_output_activations():
    with pytest.raises(ValueError, match="Use scoring='neg_mean_squared_error' instead"):
        BackpropRegressor(scoring="mse").fit(X, Y)
    with pytest.raises(ValueError, match="Use output_activation='logistic' instead"):
        BackpropClassifier(output_activation="sigmoid").fit(X, Y)


@BOTH
@pytest.mark.parametrize("keyword", CONSTRUCTOR_KEYWORDS)
def test_constructor_and_set_params_name_the_counterpart(estimator, keyword):
    counterpart = re.escape(f"use {CONSTRUCTOR_KEYWORDS[keyword]} instead")
    with pytest.raises(TypeError, match=rf"unexpected keyword argument '{keyword}': {counterpart}"):
        estimator(**{keyword: 0.1})
    network = estimator()
    with pytest.raises(ValueError, match=f"Invalid parameter '{keyword}' for {estimator.__name__}: {counterpart}"):
        network.set_params(max_iter=3, **{keyword: 0.1})
    assert network.max_iter == "auto"  # nothing is set if a name is unknown


@BOTH
@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("validation_data", "use X_val=... and y_val=... instead"),
        ("sample_weights", "use sample_weight instead"),
        ("epochs", "use max_iter of the constructor instead"),
        ("callbacks", "use set_callbacks(...), before fit instead"),
        ("batch_size", "pass it to the constructor, or to set_params"),
    ],
)
def test_fit_names_the_counterpart(estimator, keyword, message):
    with pytest.raises(TypeError, match=re.escape(f"unexpected keyword argument '{keyword}': {message}")):
        estimator().fit(X, Y, **{keyword: 2})


@BOTH
def test_unknown_keywords_are_pythons_errors(estimator):
    with pytest.raises(TypeError, match=r"__init__\(\) got an unexpected keyword argument 'unheard_of'"):
        estimator(unheard_of="red")
    with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword argument 'unheard_of'"):
        estimator().fit(X, Y, unheard_of="red")
    with pytest.raises(ValueError, match="Invalid parameter 'unheard_of' for estimator"):
        estimator().set_params(unheard_of="red")


def test_names_that_resemble_nothing_get_no_hint():
    with pytest.raises(ValueError, match=r"'tanh'\]\.$"):
        BackpropRegressor(activation="qqqq").fit(X, Y)


@BOTH
def test_signatures_do_not_show_the_check(estimator):
    parameters = inspect.signature(estimator).parameters
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    assert set(estimator().get_params()) == set(parameters)
    assert list(inspect.signature(estimator.fit).parameters)[:4] == ["self", "X", "y", "sample_weight"]
    assert clone(estimator(max_iter=3)).max_iter == 3


def test_no_other_name_is_a_name_here():
    for parameter, values in VALUES.items():
        assert values.keys().isdisjoint(NAMES[parameter]) or parameter == "scoring", parameter
    for estimator in (BackpropRegressor, BackpropClassifier):
        assert CONSTRUCTOR_KEYWORDS.keys().isdisjoint(estimator().get_params())
        assert FIT_KEYWORDS.keys().isdisjoint(inspect.signature(estimator.fit).parameters)


def test_every_counterpart_exists():
    parameters = {*BackpropRegressor().get_params(), *BackpropClassifier().get_params()}
    for parameter, values in VALUES.items():
        for counterpart in values.values():
            if "=" in counterpart:
                assert set(re.findall(r"(\w+)=", counterpart)) <= parameters
                assert set(re.findall(r"'(\w+)'", counterpart)) <= {*OPTIMIZERS, "batch"}
            else:
                assert counterpart in NAMES[parameter], (parameter, counterpart)
    others = {"X_val", "set_callbacks"}
    for remedy in CONSTRUCTOR_KEYWORDS.values():
        assert re.match(r"\w+", remedy).group() in parameters | others, remedy


@BOTH_ENSEMBLES
@pytest.mark.parametrize("keyword", ENSEMBLE_KEYWORDS)
def test_constructors_of_ensembles_name_the_counterpart(ensemble, keyword):
    counterpart = ENSEMBLE_KEYWORDS[keyword]
    with pytest.raises(TypeError, match=rf"unexpected keyword argument '{keyword}': use {counterpart} instead"):
        ensemble(**{keyword: 3})
    assert set(counterpart.split(", or ")) <= set(inspect.signature(ensemble).parameters)


@BOTH_ENSEMBLES
@pytest.mark.parametrize(("keyword", "name"), [("alpha", "alpha"), ("lr", "learning_rate"), ("epochs", "max_iter")])
def test_constructors_of_ensembles_say_where_parameters_of_networks_belong(ensemble, keyword, name):
    network = ensemble._network_class.__name__
    message = (
        rf"unexpected keyword argument '{keyword}': a network has {name}.*; pass it in estimator={network}\(\.\.\.\)"
    )
    with pytest.raises(TypeError, match=message):
        ensemble(**{keyword: 0.1})


@BOTH_ENSEMBLES
def test_other_keywords_of_ensembles_are_pythons_errors(ensemble):
    with pytest.raises(TypeError, match=r"__init__\(\) got an unexpected keyword argument 'unheard_of'$"):
        ensemble(unheard_of="red")
    assert clone(ensemble(n_estimators=3, random_state=1)).n_estimators == 3
    assert set(ensemble().get_params()) == set(inspect.signature(ensemble).parameters)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            {"lr": 0.1},
            r"Adam has no hyperparameter 'lr'; it has \['beta_1', .*\]\. A network has learning_rate, a number",
        ),
        ({"beta1": 0.1}, r"Adam has no hyperparameter 'beta1'; it has .*\. Use beta_1 instead\."),
        ({"unheard_of": 0.1}, r"Adam has no hyperparameter 'unheard_of'; it has \['beta_1', 'beta_2', 'epsilon'\]\.$"),
    ],
)
def test_hyperparameter_objects_name_the_counterpart(names, message):
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS["adam"].set_params(**names)
    with pytest.raises(ValueError, match=message):
        BackpropRegressor().set_params(**{f"optimizer__{name}": value for name, value in names.items()})


def test_a_loss_without_hyperparameters_says_so():
    with pytest.raises(ValueError, match=r"SquaredError has no hyperparameter 'delta'; it has none\."):
        BackpropRegressor().set_params(loss__delta=1.0)
