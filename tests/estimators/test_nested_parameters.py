"""Parameters of optimizers, schedules, losses, activations and initializers, set through the estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_validate, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS, LeakyReLU
from skbackprop.ensemble import BackpropEnsembleRegressor, PiecewiseLinearEncoder
from skbackprop.initializers import INITIALIZERS, VarianceScaling
from skbackprop.losses import LOSSES, Huber, Quantile
from skbackprop.optimizers import OPTIMIZERS, Adam, Momentum
from skbackprop.schedules import SCHEDULES, Cosine, Plateau
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data, theta

pytestmark = TRAINS_BRIEFLY

#: A parameter that is a name, a hyperparameter of the object, and that object.
NAMED = {
    "optimizer": ("adam", {"beta_2": 0.9}, Adam(beta_2=0.9)),
    "learning_rate": ("cosine", {"initial": 0.1, "final": 0.01}, Cosine(0.1, 0.01)),
    "activation": ("leaky_relu", {"negative_slope": 0.2}, LeakyReLU(0.2)),
    "loss": ("huber", {"delta": 0.5}, Huber(0.5)),
    "init": ("he_normal", {"gain": 1.5}, VarianceScaling(1.5, "in", "normal")),
}


def nested(parameter, changes):
    """Return the keyword arguments of `set_params`."""
    return {f"{parameter}__{name}": value for name, value in changes.items()}


@pytest.fixture(autouse=True)
def registries_are_unchanged():
    registries = [ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES]
    before = [repr(registry) for registry in registries]
    yield
    assert [repr(registry) for registry in registries] == before


@pytest.mark.parametrize(("parameter", "name", "changes", "expected"), [(key, *case) for key, case in NAMED.items()])
def test_a_name_becomes_its_object(parameter, name, changes, expected):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(3, **{parameter: name}, **FEW)
    assert network.set_params(**nested(parameter, changes)) is network
    assert getattr(network, parameter) == expected
    given = BackpropRegressor(3, **{parameter: expected}, **FEW)
    np.testing.assert_array_equal(theta(network.fit(X, y)), theta(given.fit(X, y)))


def test_the_name_may_be_set_in_the_same_call_in_any_order():
    network = BackpropRegressor().set_params(loss__quantile=0.9, loss="quantile", max_iter=3)
    network.set_params(optimizer="momentum")
    assert (network.loss, network.max_iter, network.optimizer) == (Quantile(0.9), 3, "momentum")


def test_other_estimators_and_later_names_are_not_affected():
    first, second = BackpropRegressor(), BackpropRegressor()
    first.set_params(optimizer__beta_1=0.5, optimizer__beta_2=0.9)
    assert first.optimizer == Adam(0.5, 0.9)
    assert second.set_params(optimizer__beta_1=0.8).optimizer == Adam(0.8)
    assert first.set_params(optimizer="adam").set_params(optimizer__epsilon=1e-6).optimizer == Adam(epsilon=1e-6)


def test_an_object_is_changed_in_place_as_by_scikit_learn():
    adam = Adam()
    network = BackpropRegressor(optimizer=adam).set_params(optimizer__beta_2=0.9)
    assert network.optimizer is adam
    assert adam == Adam(beta_2=0.9)


def test_a_fitted_network_goes_on_with_the_new_value():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(3, learning_rate="constant", **FEW).fit(X, y)
    network.set_params(learning_rate__initial=0.25)
    assert network.n_iter_ == 4
    assert network.partial_fit(X, y).learning_rate_ == 0.25


INVALID = {
    "no such hyperparameter": (
        {"optimizer__beta": 0.9},
        r"Adam has no hyperparameter 'beta'; it has \['beta_1', 'beta_2', 'epsilon'\]",
    ),
    "out of range": ({"optimizer__beta_2": 2}, r"beta_2 of Adam must be a number in \[0, 1\), got 2"),
    "automatic schedule": (
        {"learning_rate__initial": 0.1},
        r"learning_rate='auto' has no parameters \['initial'\]: pass learning_rate=Constant\(initial=0.1\), for "
        r"example, or set learning_rate to one of the names \['constant', 'invscaling', 'exponential', 'cosine', ",
    ),
    "number": ({"learning_rate": 0.1, "learning_rate__final": 0.0}, r"learning_rate=0.1 .* pass learning_rate=Inv"),
    "automatic initializer": ({"init__gain": 2.0}, r"pass init=VarianceScaling\(gain=2.0\)"),
    "several activations": (
        {"activation": ["tanh", "elu"], "activation__alpha": 0.5},
        r"activation=\['tanh', 'elu'\] has no parameters \['alpha'\]: pass activation=ELU\(alpha=0.5\)",
    ),
    "nothing has it": ({"learning_rate__speed": 1}, r"There is no learning_rate with the parameters \['speed'\]"),
    "unknown name": ({"optimizer": "adm", "optimizer__beta_2": 0.9}, r"optimizer='adm' .* pass optimizer=Adam\(beta_2"),
    "unknown parameter": ({"optimize__beta_2": 0.9}, "Invalid parameter 'optimize'"),
}


@pytest.mark.parametrize(("params", "message"), INVALID.values(), ids=INVALID)
def test_errors_say_what_to_pass(params, message):
    network = BackpropRegressor()
    with pytest.raises(ValueError, match=message):
        network.set_params(**params)
    own = {name: value for name, value in params.items() if "__" not in name}
    assert repr(network) == repr(BackpropRegressor(**own))


def test_parameters_of_the_estimator_do_not_list_those_of_names():
    params = BackpropRegressor().get_params(deep=True)
    assert not [name for name in params if "__" in name]
    assert BackpropRegressor().set_params(**params).get_params() == params
    deep = BackpropRegressor().set_params(optimizer__beta_2=0.9).get_params(deep=True)
    assert deep["optimizer__beta_2"] == 0.9


@BOTH
def test_searches_over_hyperparameters_of_a_name_in_a_pipeline(estimator):
    X, y = data(estimator)
    step = estimator.__name__.lower()
    model = make_pipeline(StandardScaler(), estimator(3, max_iter=2, tol=None, random_state=0))
    grid = {f"{step}__optimizer__beta_2": [0.9, 0.99], f"{step}__learning_rate": ["cosine"]}
    grid[f"{step}__learning_rate__initial"] = [0.01, 0.1]
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    best = search.best_estimator_[-1]
    assert best.optimizer == Adam(beta_2=search.best_params_[f"{step}__optimizer__beta_2"])
    assert best.learning_rate == Cosine(initial=search.best_params_[f"{step}__learning_rate__initial"])
    assert model[-1].optimizer == "adam"
    expected = cross_validate(clone(model).set_params(**search.best_params_), X, y, cv=2)["test_score"]
    assert search.best_score_ == pytest.approx(expected.mean(), rel=1e-12)


def test_a_search_in_two_processes_and_a_validation_curve():
    X, y = data(BackpropClassifier)
    network = BackpropClassifier(3, activation="elu", max_iter=2, tol=None, random_state=0)
    search = RandomizedSearchCV(network, {"activation__alpha": [0.5, 2.0]}, n_iter=2, cv=2, n_jobs=2, random_state=0)
    assert search.fit(X, y).best_estimator_.activation.alpha in (0.5, 2.0)
    curve = validation_curve(network, X, y, param_name="activation__alpha", param_range=[0.5, 2.0], cv=2)
    assert np.shape(curve) == (2, 2, 2)
    assert network.activation == "elu"


def test_the_networks_of_an_ensemble():
    ensemble = BackpropEnsembleRegressor(BackpropRegressor(learning_rate="plateau"))
    ensemble.set_params(estimator__learning_rate__patience=3, estimator__optimizer="momentum")
    ensemble.set_params(estimator__optimizer__momentum=0.5)
    assert ensemble.estimator.learning_rate == Plateau(patience=3)
    assert ensemble.estimator.optimizer == Momentum(0.5)


@pytest.mark.parametrize(
    ("estimator", "key", "value"),
    [
        (BackpropRegressor(), "alpha__x", "alpha='auto'"),
        (BackpropClassifier(alpha=0.1), "alpha__x", "alpha=0.1"),
        (
            BackpropRegressor(hidden_layer_sizes=[10**5000]),
            "hidden_layer_sizes__x",
            "hidden_layer_sizes=list with thou",
        ),
        (BackpropRegressor(), "random_state__seed", "random_state=None"),
        (BackpropEnsembleRegressor(), "n_estimators__x", "n_estimators=5"),
        (PiecewiseLinearEncoder(), "n_bins__x", "n_bins=16"),
    ],
    ids=range(6),
)
def test_a_parameter_that_is_no_object_has_no_parameters(estimator, key, value):
    name = type(estimator).__name__
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match=rf"Invalid parameter '{key}' for {name}: {value}.* has no parameters"):
        estimator.set_params(**{key: 1})
    assert vars(estimator) == before


def test_parameters_of_the_networks_of_an_ensemble_need_the_network():
    with pytest.raises(ValueError, match=r"'alpha__x' for BackpropRegressor: alpha='auto' has no parameters"):
        BackpropEnsembleRegressor(BackpropRegressor()).set_params(estimator__alpha__x=1)
    message = (
        r"'estimator__alpha' .*: estimator=None has no parameters; set estimator itself before, or in the same call"
    )
    with pytest.raises(ValueError, match=message):
        BackpropEnsembleRegressor().set_params(estimator__alpha=0.1)
    ensemble = BackpropEnsembleRegressor().set_params(estimator__alpha=0.1, estimator=BackpropRegressor())
    assert ensemble.estimator.alpha == 0.1


def test_a_search_reports_a_parameter_that_is_no_object():
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match="'alpha__x' for BackpropRegressor"):
        GridSearchCV(BackpropRegressor(3, **FEW), {"alpha__x": [1]}, cv=2, error_score="raise").fit(X, y)
