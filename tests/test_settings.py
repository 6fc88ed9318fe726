import copy
import pickle

import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop._settings import find
from skbackprop.activations import ACTIVATIONS, Activation
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LOSSES
from skbackprop.optimizers import OPTIMIZERS, Adam, AdamW, Optimizer
from skbackprop.schedules import SCHEDULES, Cosine

RECORDS = [
    *ACTIVATIONS.values(),
    *INITIALIZERS.values(),
    *LOSSES.values(),
    *OPTIMIZERS.values(),
    *SCHEDULES.values(),
]


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
    with pytest.raises(ValueError, match=r"Adam has no setting 'beta'; it has \['beta_1', 'beta_2', 'epsilon'\]"):
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
    assert find("adam", OPTIMIZERS, Optimizer, "optimizer") == Adam()
    assert find(AdamW(), OPTIMIZERS, Optimizer, "optimizer") == AdamW()
    with pytest.raises(ValueError, match=r"optimizer='adm' is not known; the names are \['adam', 'adamw', 'gd'"):
        find("adm", OPTIMIZERS, Optimizer, "optimizer")
    with pytest.raises(TypeError, match="activation must be a name or an Activation object, got 3"):
        find(3, ACTIVATIONS, Activation, "activation")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "0.5", None, -0.1, 1.0])
def test_a_setting_out_of_range_is_named(value):
    with pytest.raises(ValueError, match=r"beta_1 of Adam must be a number in \[0, 1\), got"):
        Adam(beta_1=value)
