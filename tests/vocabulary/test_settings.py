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

RECORDS = [
    *ACTIVATIONS.values(),
    *INITIALIZERS.values(),
    *LOSSES.values(),
    *OPTIMIZERS.values(),
    *SCHEDULES.values(),
]
#: The range of each setting that is a number, as the docstrings have it.
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
    (Exponential, "decay"): "(0, 1]",
    **{(kind, "final"): "[0, inf)" for kind in (Cosine, Plateau)},
    **{(kind, "n_updates"): "[1, inf)" for kind in (Cosine, OneCycle)},
    (OneCycle, "maximum"): "(0, inf)",
    (OneCycle, "warmup"): "(0, 1)",
    **{(OneCycle, name): "[1, inf)" for name in ("start_divisor", "end_divisor")},
    (Plateau, "factor"): "(0, 1)",
    (Plateau, "patience"): "[1, inf)",
    (Plateau, "threshold"): "[0, inf)",
}


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_every_record_clones_pickles_and_equals_its_copy(record):
    assert clone(record) == record
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.deepcopy(record) == record
    assert type(record)(**record.get_params()) == record


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_every_record_says_what_it_is(record):
    assert repr(record).startswith(type(record).__name__ + "(")
    assert type(record).__doc__


def test_set_params_changes_one_setting():
    adam = Adam()
    assert adam.set_params(beta_2=0.5) is adam
    assert adam == Adam(beta_2=0.5)


def test_a_record_is_frozen_otherwise():
    with pytest.raises(AttributeError):
        Adam().beta_1 = 0.5


def test_set_params_refuses_unknown_names_and_bad_values_and_changes_nothing():
    adam = Adam()
    with pytest.raises(ValueError, match=r"no hyperparameter 'beta'; it has \['beta_1', 'beta_2', 'epsilon'\]"):
        adam.set_params(beta=0.5)
    with pytest.raises(ValueError, match=r"beta_2 of Adam must be a number in \[0, 1\), got 2"):
        adam.set_params(beta_1=0.5, beta_2=2)
    assert adam == Adam()


def test_nested_names_reach_the_record_through_the_estimator():
    network = BackpropRegressor(optimizer=Adam(), learning_rate=Cosine())
    network.set_params(optimizer__beta_2=0.95, learning_rate__initial=0.5)
    assert network.optimizer == Adam(beta_2=0.95)
    assert network.learning_rate == Cosine(initial=0.5)
    assert clone(network).set_params(optimizer__beta_2=0.9).optimizer == Adam(beta_2=0.9)
    assert network.optimizer == Adam(beta_2=0.95)


def test_find_takes_a_record_or_a_name():
    assert resolve("adam", OPTIMIZERS, Optimizer, "optimizer") == Adam()
    assert resolve(AdamW(), OPTIMIZERS, Optimizer, "optimizer") == AdamW()
    with pytest.raises(ValueError, match=r"optimizer='adm' is not known; the names are \['adam', 'adamw', 'gd'"):
        resolve("adm", OPTIMIZERS, Optimizer, "optimizer")
    with pytest.raises(TypeError, match="activation must be a name or an Activation object, got 3"):
        resolve(3, ACTIVATIONS, Activation, "activation")


def test_every_setting_that_is_a_number_has_its_range_here():
    settings = {(type(record), name): value for record in RECORDS for name, value in record.get_params().items()}
    numbers = {setting for setting, value in settings.items() if value is None or isinstance(value, (int, float))}
    assert numbers == set(RANGES)


@pytest.mark.parametrize(("kind", "name"), RANGES, ids=lambda part: getattr(part, "__name__", part))
def test_a_range_has_its_ends_where_the_docstring_says(kind, name):
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


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_defaults_are_those_of_the_docstring(record):
    said = {}
    for kind in type(record).__mro__:
        for names, defaults in re.findall(r"^ *([\w, ]+) : .*default=(.+)$", kind.__doc__ or "", re.MULTILINE):
            values = map(ast.literal_eval, defaults.split(" and "))
            said |= {name: value for name, value in zip(names.split(", "), values, strict=True) if name not in said}
    assert said == type(record)().get_params()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "0.5", None, -0.1, 1.0])
def test_a_setting_out_of_range_is_named(value):
    with pytest.raises(ValueError, match=r"beta_1 of Adam must be a number in \[0, 1\), got"):
        Adam(beta_1=value)
