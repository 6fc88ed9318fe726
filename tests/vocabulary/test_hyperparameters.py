import ast
import copy
import pickle
import re

import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop._hyperparameters import resolve
from skbackprop.activations import ACTIVATIONS, ELU, Activation, LeakyReLU
from skbackprop.initializers import INITIALIZERS, VarianceScaling
from skbackprop.losses import LOSSES, Huber, Quantile, Tweedie
from skbackprop.optimizers import LBFGS, OPTIMIZERS, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from skbackprop.schedules import SCHEDULES, Constant, Cosine, Exponential, InverseScaling, OneCycle, Plateau

OBJECTS = [
    *ACTIVATIONS.values(),
    *INITIALIZERS.values(),
    *LOSSES.values(),
    *OPTIMIZERS.values(),
    *SCHEDULES.values(),
]
#: The documented range of every numeric hyperparameter.
RANGES = {
    (VarianceScaling, "gain"): "(0, inf)",
    (LeakyReLU, "negative_slope"): "[0, 1)",
    (ELU, "alpha"): "(0, inf)",
    (Huber, "delta"): "(0, inf)",
    (Quantile, "quantile"): "(0, 1)",
    (Tweedie, "power"): "[1, inf)",
    (Momentum, "momentum"): "[0, 1)",
    (Nesterov, "momentum"): "[0, 1)",
    (RMSprop, "rho"): "[0, 1)",
    (RMSprop, "epsilon"): "(0, inf)",
    **{(kind, name): "[0, 1)" for kind in (Adam, AdamW) for name in ("beta_1", "beta_2")},
    **{(kind, "epsilon"): "(0, inf)" for kind in (Adam, AdamW)},
    (AdamW, "weight_decay"): "[0, inf)",
    (LBFGS, "n_corrections"): "[1, inf)",
    (LBFGS, "gradient_tolerance"): "[0, inf)",
    **{(kind, "initial"): "(0, inf)" for kind in (Constant, InverseScaling, Exponential, Cosine, Plateau)},
    (InverseScaling, "power"): "[0, inf)",
    (InverseScaling, "t0"): "(0, inf)",
    (InverseScaling, "final"): "[0, inf)",
    (InverseScaling, "n_warmup_updates"): "[0, inf)",
    (Exponential, "decay"): "(0, 1]",
    **{(kind, "final"): "[0, inf)" for kind in (Cosine, Plateau)},
    **{(kind, "n_updates"): "[1, inf)" for kind in (Cosine, OneCycle)},
    (Cosine, "n_warmup_updates"): "[0, inf)",
    (OneCycle, "maximum"): "(0, inf)",
    (OneCycle, "warmup"): "(0, 1)",
    **{(OneCycle, name): "[1, inf)" for name in ("start_divisor", "end_divisor")},
    (Plateau, "factor"): "(0, 1)",
    (Plateau, "patience"): "[1, inf)",
    (Plateau, "threshold"): "[0, inf)",
}


@pytest.mark.parametrize("hyperparameters", OBJECTS, ids=repr)
def test_clone_pickle_and_copy_are_equal_to_the_original(hyperparameters):
    assert clone(hyperparameters) == hyperparameters
    assert pickle.loads(pickle.dumps(hyperparameters)) == hyperparameters
    assert copy.deepcopy(hyperparameters) == hyperparameters
    assert type(hyperparameters)(**hyperparameters.get_params()) == hyperparameters


def test_set_params_changes_one_hyperparameter():
    adam = Adam()
    assert adam.set_params(beta_2=0.5) is adam
    assert adam == Adam(beta_2=0.5)


def test_hyperparameter_objects_are_frozen():
    with pytest.raises(AttributeError):
        Adam().beta_1 = 0.5


def test_set_params_with_an_invalid_name_or_value_changes_nothing():
    adam = Adam()
    with pytest.raises(ValueError, match=r"no hyperparameter 'beta'; it has \['beta_1', 'beta_2', 'epsilon'\]"):
        adam.set_params(beta=0.5)
    with pytest.raises(ValueError, match=r"beta_2 of Adam must be a number in \[0, 1\), got 2"):
        adam.set_params(beta_1=0.5, beta_2=2)
    assert adam == Adam()


def test_nested_parameters_are_set_through_the_estimator():
    network = BackpropRegressor(optimizer=Adam(), learning_rate=Cosine())
    network.set_params(optimizer__beta_2=0.95, learning_rate__initial=0.5)
    assert network.optimizer == Adam(beta_2=0.95)
    assert network.learning_rate == Cosine(initial=0.5)
    assert clone(network).set_params(optimizer__beta_2=0.9).optimizer == Adam(beta_2=0.9)
    assert network.optimizer == Adam(beta_2=0.95)


def test_resolve_accepts_an_object_or_a_name():
    assert resolve("adam", OPTIMIZERS, Optimizer, "optimizer") == Adam()
    assert resolve(AdamW(), OPTIMIZERS, Optimizer, "optimizer") == AdamW()
    with pytest.raises(ValueError, match=r"optimizer='adm' is not known; the names are \['adam', 'adamw', 'gd'"):
        resolve("adm", OPTIMIZERS, Optimizer, "optimizer")
    with pytest.raises(TypeError, match="activation must be a name or an Activation object, got 3"):
        resolve(3, ACTIVATIONS, Activation, "activation")


def test_every_numeric_hyperparameter_is_listed_in_ranges():
    numeric = {
        (type(hyperparameters), name)
        for hyperparameters in OBJECTS
        for name, value in hyperparameters.get_params().items()
        if value is None or isinstance(value, (int, float))
    }
    assert numeric == set(RANGES)


@pytest.mark.parametrize(("kind", "name"), RANGES, ids=lambda part: getattr(part, "__name__", part))
def test_bounds_of_numeric_hyperparameters(kind, name):
    interval = RANGES[kind, name]
    low, high = map(float, interval[1:-1].split(","))
    ends = {low: interval[0] == "[", high: interval[-1] == "]", low - 1: False, high + 1: False}
    for value, belongs in ends.items():
        if belongs:
            assert kind(**{name: value}).get_params()[name] == value
            continue
        with pytest.raises(ValueError) as error:  # noqa: PT011
            kind(**{name: value})
        assert str(error.value) == f"{name} of {kind.__name__} must be a number in {interval}, got {value!r}."


@pytest.mark.parametrize("hyperparameters", OBJECTS, ids=repr)
def test_defaults_match_the_docstrings(hyperparameters):
    documented = {}
    for kind in type(hyperparameters).__mro__:
        for names, defaults in re.findall(r"^ *([\w, ]+) : .*default=(.+)$", kind.__doc__ or "", re.MULTILINE):
            values = map(ast.literal_eval, defaults.split(" and "))
            for name, value in zip(names.split(", "), values, strict=True):
                documented.setdefault(name, value)
    assert documented == type(hyperparameters)().get_params()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "0.5", None, -0.1, 1.0])
def test_error_names_the_hyperparameter_that_is_out_of_range(value):
    with pytest.raises(ValueError, match=r"beta_1 of Adam must be a number in \[0, 1\), got"):
        Adam(beta_1=value)
