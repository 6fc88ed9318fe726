"""Stored estimators: files of every format load, newer formats are rejected, and skops trusts this package only."""

import ast
import pickle
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
import pytest

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, __version__
from skbackprop._core.standardizer import Standardizer
from skbackprop._version import STATE_FORMAT
from skbackprop.activations import Activation
from skbackprop.losses import Huber
from skbackprop.optimizers import RMSprop
from skbackprop.schedules import Plateau
from tests.estimators.stored.make import X as IRIS
from tests.estimators.stored.make import names
from tests.shared import BOTH, FEW, data, theta

STORED = Path(__file__).parent / "stored"
FORMATS = range(1, STATE_FORMAT + 1)


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
        later.setattr("skbackprop._version.STATE_FORMAT", STATE_FORMAT + 1)
        later.setattr("skbackprop._version.__version__", "99.0")
        later.setattr(Standardizer, "__getstate__", lambda self: {"what": "of this version knows nothing"})
        load = store(network)
    refusal = f"stored by skbackprop 99.0, in a form that {__version__} does not know: install skbackprop 99.0 or later"
    with pytest.raises(ValueError, match=refusal):
        load()


@BOTH
def test_version_is_stored_in_the_state_only(estimator):
    network = estimator(6, **FEW).fit(*data(estimator))
    assert network.__getstate__()["_stored_by"].version == __version__
    assert vars(pickle.loads(pickle.dumps(network))).keys() == vars(network).keys() - {"_trainer"}


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
