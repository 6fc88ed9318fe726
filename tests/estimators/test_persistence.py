"""Stored estimators: files of every format load, newer formats are rejected, and skops trusts this package only."""

import ast
import copy
import io
import pickle
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
import pytest

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators import storage
from skbackprop.activations import ACTIVATIONS, Activation
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LOSSES, Huber
from skbackprop.optimizers import OPTIMIZERS, RMSprop
from skbackprop.schedules import SCHEDULES, Plateau
from tests.estimators.stored.make import X as IRIS
from tests.estimators.stored.make import names
from tests.shared import BOTH, FEW, data, theta

STORED = Path(__file__).parent / "stored"
FORMATS = range(1, storage.FORMAT + 1)


class Cubic(Activation):
    """A custom activation."""

    def function(self, z, out):
        np.power(z, 3, out=out)

    def derivative(self, z, a):
        np.multiply(z, z, out=z)
        z *= 3


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("name", ["regressor", "classifier"])
def test_stored_files_of_every_format_load_predict_and_continue(name, version):
    network, expected = joblib.load(STORED / f"{name}_{version}.joblib"), np.load(STORED / f"{name}_{version}.npz")
    X, target = IRIS[:, :3], (IRIS[:, 3] if name == "regressor" else names)
    output = network.predict(X) if name == "regressor" else network.predict_proba(X)
    np.testing.assert_allclose(output, expected["output"], rtol=1e-4, atol=1e-6)
    network.partial_fit(X, target)
    assert network.t_ == expected["t"]
    np.testing.assert_allclose(network.coefs_[0], expected["coefs"], rtol=1e-3, atol=1e-4)


def with_skops(network):
    import skops.io

    stored = skops.io.dumps(network)
    return lambda: skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))


def with_pickle(network):
    stored = pickle.dumps(network)
    return lambda: pickle.loads(stored)


@BOTH
@pytest.mark.parametrize("store", [with_pickle, with_skops])
def test_state_of_a_newer_version_raises_before_anything_is_restored(estimator, store, monkeypatch):
    if store is with_skops:
        pytest.importorskip("skops")
    network = estimator(6, **FEW).fit(*data(estimator))
    with monkeypatch.context() as later:
        later.setattr(storage, "FORMAT", storage.FORMAT + 1)
        later.setattr(storage, "__version__", "99.0")
        load = store(network)
    with pytest.raises(ValueError, match=r"stored by skbackprop 99\.0 .* install skbackprop 99\.0 or later"):
        load()


def remove(key):
    return lambda state: state["network"].pop(key)


def replace(key, change):
    def damage(state):
        state["network"][key] = change(state["network"][key])

    return damage


#: Damage to a stored state, and the error that it leads to.
DAMAGES = {
    "no format": (lambda state: state.pop("format"), "it has no format number"),
    "missing part": (lambda state: state.pop("params"), r"\['params'\] missing in the stored estimator"),
    "missing weights": (remove("theta"), r"\['theta'\] missing in the stored network"),
    "too few weights": (replace("theta", lambda theta: theta[:-1]), r"theta of the stored network has shape"),
    "integer weights": (
        replace("theta", lambda theta: theta.astype(int)),
        "theta of the stored network must be an array",
    ),
    "NaN weight": (replace("theta", lambda theta: theta * np.nan), "theta of the stored network has NaN"),
    "optimizer state of another size": (
        replace("optimizer_state", lambda state: state[:, :-1]),
        "optimizer_state of the stored network has",
    ),
    "other sizes": (replace("sizes", lambda sizes: [7, *sizes[1:]]), "theta of the stored network has shape"),
    "negative size": (replace("sizes", lambda sizes: [-1, *sizes[1:]]), "sizes of the stored network must be"),
    "activation missing": (replace("activations", lambda activations: []), "0 activations for 1 hidden layers"),
    "loss is no loss": (replace("loss", lambda loss: "squared_error"), "loss of the stored network must be of type"),
    "random generator": (replace("random_generator", lambda state: {}), "The random generator .* is damaged"),
    "moments of another size": (
        replace("standardizer", lambda stored: stored | {"mean": stored["mean"][:-1]}),
        "mean of the standardizer of the stored network has shape",
    ),
}


@BOTH
@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_state_raises_and_says_what_is_wrong(estimator, damage, message):
    state = copy.deepcopy(estimator(6, **FEW).fit(*data(estimator)).__getstate__())
    damage(state)
    with pytest.raises(ValueError, match=message):
        estimator().__setstate__(state)


def referenced_modules(stored):
    """Return the modules of all classes and functions that a pickle refers to."""

    class Recorder(pickle.Unpickler):
        def find_class(self, module, name):
            modules.add(module)
            return super().find_class(module, name)

    modules = set()
    Recorder(io.BytesIO(stored)).load()
    return modules


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("loss", loss) for (name, _), loss in LOSSES.items() if name != "log_loss"),
        *(("optimizer", optimizer) for optimizer in OPTIMIZERS.values()),
        *(("learning_rate", schedule) for schedule in SCHEDULES.values()),
        *(("activation", activation) for activation in ACTIVATIONS.values()),
        *(("init", initializer) for initializer in INITIALIZERS.values()),
    ],
    ids=str,
)
def test_pickle_names_public_modules_only(parameter, value):
    X, y = data(BackpropRegressor)
    target = (y + 2) / 4 if parameter == "loss" else y
    if getattr(value, "output_activation", None) == "softmax":
        target = np.column_stack([target, 1 - target])
    network = BackpropRegressor(6, solver="batch", **FEW).set_params(**{parameter: value}).fit(X, target)
    ours = {name for name in referenced_modules(pickle.dumps(network)) if name.partition(".")[0] == "skbackprop"}
    assert ours
    assert not [name for name in ours if "._" in name]


def test_no_class_defines_its_own_reduce():
    # loading a pickle then calls only __new__ and __setstate__ of this package
    for path in Path(skbackprop.__file__).parent.rglob("*.py"):
        functions = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
        assert not functions & {"__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__", "__del__"}


@pytest.mark.skipif(not find_spec("skops"), reason="skops is not installed")
class TestSkops:
    MODELS = {  # noqa: RUF012
        "regressor": BackpropRegressor(loss=Huber(delta=0.5), optimizer=RMSprop(), **FEW),
        "linear regressor without standardization": BackpropRegressor(
            (), standardize=False, optimizer="gd", learning_rate=0.01, **FEW
        ),
        "two activations": BackpropRegressor(activation=["elu", "selu"], learning_rate=Plateau(0.01), **FEW),
        "classifier": BackpropClassifier(6, early_stopping=True, dropout=0.2, **FEW),
        "given weights": BackpropClassifier((), init=([np.ones((4, 3))], [np.zeros(3)]), **FEW),
    }

    @pytest.mark.parametrize("name", MODELS)
    def test_roundtrip_needs_trust_in_types_of_this_package_only(self, name):
        X, y = data(type(self.MODELS[name]))
        self.assert_roundtrip(self.MODELS[name], X, y)

    @pytest.mark.parametrize("dtype", ["str", "object"])
    def test_roundtrip_preserves_string_labels(self, dtype):
        X, y = data(BackpropClassifier)
        self.assert_roundtrip(BackpropClassifier(6, **FEW), X, y.astype("str").astype(dtype))

    @staticmethod
    def assert_roundtrip(network, X, y):
        import skops.io

        network.fit(X, y)
        stored = skops.io.dumps(network)
        trusted = skops.io.get_untrusted_types(data=stored)
        assert trusted
        assert all(name.startswith("skbackprop.") for name in trusted)
        loaded = skops.io.loads(stored, trusted=trusted)
        np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
        np.testing.assert_array_equal(theta(loaded.partial_fit(X, y)), theta(network.partial_fit(X, y)))

    def test_custom_types_are_reported_as_untrusted(self):
        import skops.io

        network = BackpropRegressor(6, activation=Cubic(), **FEW).fit(*data(BackpropRegressor))
        stored = skops.io.dumps(network)
        foreign = [name for name in skops.io.get_untrusted_types(data=stored) if not name.startswith("skbackprop.")]
        assert foreign == [f"{__name__}.Cubic"]
