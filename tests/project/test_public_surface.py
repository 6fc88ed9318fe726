"""Users see public names only: in `dir`, in tab completion, in the `repr` of a class and in pickles."""

import pickle
import pickletools
import rlcompleter
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from inspect import isclass

import pytest

import skbackprop
from skbackprop._public import publish
from tests.project.surface import MODULES, SUBMODULES, load, public_names

if find_spec("sklearn.callback") is None:
    pytest.skip("skbackprop.callbacks needs scikit-learn 1.9", allow_module_level=True)

ESTIMATORS = ["BackpropClassifier", "BackpropRegressor"]
ENSEMBLES = ["ensemble.BackpropEnsembleClassifier", "ensemble.BackpropEnsembleRegressor"]
#: Public submodules that training does not need.
LAZY = {
    f"skbackprop.{name}" for name in ("callbacks", "chunks", "compile", "ensemble", "inspection", "onnx", "plotting")
}


def names_in_pickle(value):
    """Return the modules that a pickle names."""
    strings = [argument for _, argument, _ in pickletools.genops(pickle.dumps(value)) if isinstance(argument, str)]
    return {string for string in strings if string.startswith("skbackprop")}


def test_the_package_shows_its_public_submodules_and_the_estimators():
    assert dir(skbackprop) == sorted([*ESTIMATORS, *SUBMODULES, "TRUSTED_TYPES", "__version__"])
    assert sorted(skbackprop.__all__) == dir(skbackprop)


def test_tab_completion_offers_the_public_names():
    completer = rlcompleter.Completer({"skbackprop": skbackprop})
    offered = {word.partition(".")[2].rstrip("()") for word in completer.attr_matches("skbackprop.")}
    assert offered == {*ESTIMATORS, *SUBMODULES, "TRUSTED_TYPES"}


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_shows_the_names_in_its_all(name):
    module = import_module(name)
    assert dir(module) == sorted(module.__all__)


@pytest.mark.parametrize("name", public_names())
def test_a_public_object_reports_the_public_module(name):
    module = name.rpartition(".")[0]
    value = load(name)
    assert value.__module__ == module
    assert names_in_pickle(value) == {module}
    assert pickle.loads(pickle.dumps(value)) is value
    if isclass(value):
        assert repr(value) == f"<class '{name}'>"


def test_a_pickled_hyperparameter_object_names_its_public_class_only():
    registries = {"schedules": "SCHEDULES", "initializers": "INITIALIZERS", "losses": "LOSSES"}
    for module, registry in registries.items():
        for value in getattr(import_module(f"skbackprop.{module}"), registry).values():
            assert names_in_pickle(value) == {f"skbackprop.{module}"}


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score"])
@pytest.mark.parametrize("name", [*ESTIMATORS, *ENSEMBLES])
def test_errors_of_calls_name_no_private_class(name, method):
    estimator = load(f"skbackprop.{name}")()
    with pytest.raises(TypeError, match="unexpected keyword argument 'unknown'") as error:
        getattr(estimator, method)([[0.0], [1.0]], [0, 1], unknown=1)
    owner = str(error.value).rpartition(".")[0]
    assert owner in ("", type(estimator).__name__, "ClassifierMixin", "RegressorMixin"), error.value


@pytest.mark.parametrize("base", ["Loss", "Activation", "Optimizer", "Schedule", "Initializer"])
def test_errors_of_constructors_of_custom_classes_name_no_private_class(base):
    kind = getattr(import_module(f"skbackprop.{'losses' if base == 'Loss' else base.lower() + 's'}"), base)
    custom = type("Custom", (kind,), {})  # which is no dataclass, so it has no arguments
    with pytest.raises(TypeError, match=r"^__init__\(\) takes 1 positional argument"):
        custom(3)


def test_unknown_names_raise_attribute_error():
    with pytest.raises(AttributeError, match="module 'skbackprop' has no attribute 'recurrent'"):
        skbackprop.recurrent  # noqa: B018


def test_importing_the_package_loads_no_submodule_that_training_does_not_need():
    code = (
        "import sys, skbackprop; before = set(sys.modules); "
        "assert dir(skbackprop) == sorted(skbackprop.__all__); "
        f"lazy = {LAZY}; "
        "assert set(sys.modules) == before; "
        "print(sorted(lazy & before)); "
        "print(sorted(getattr(skbackprop, name.split('.')[1]).__name__ for name in lazy) == sorted(lazy))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()
    assert printed == ["[]", "True"]


def test_publish_leaves_objects_of_other_packages_alone():
    namespace = {"__name__": "skbackprop.example", "__all__": ["OrderedDict", "later"]}
    exec("from collections import OrderedDict", namespace)
    module_dir = publish(namespace)
    assert module_dir() == ["OrderedDict", "later"]
    assert namespace["OrderedDict"].__module__ == "collections"
