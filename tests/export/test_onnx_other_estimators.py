"""`skbackprop.onnx`: hidden layers as features, subclasses, and networks for clusters."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleRegressor
from skbackprop.inspection import HiddenFeatures
from tests.shared import TRAINS_BRIEFLY

pytest.importorskip("skl2onnx")

from skbackprop.onnx import to_onnx
from tests.export.graphs import DTYPES, FEW, TOLERANCES, assert_same, run

pytestmark = TRAINS_BRIEFLY

RNG = np.random.default_rng(0)
X = 1e4 + RNG.normal(size=(120, 4)) * [1, 30, 0.1, 3]
Z = (X - 1e4) @ [1, 0.03, 10, 0.3]
CLASSES = np.digitize(Z, [-1, 1])


@DTYPES
@pytest.mark.parametrize("layer", [0, 1, -1, -2])
@pytest.mark.parametrize("standardize", ["robust", "standard", False])
@pytest.mark.parametrize("training_dtype", [np.float64, np.float32])
def test_hidden_features(training_dtype, standardize, layer, dtype):
    inputs = X if standardize else (X - 1e4) / X.std(axis=0)
    network = BackpropRegressor(**FEW, standardize=standardize, activation=["tanh", "relu"])
    transformer = HiddenFeatures(network, layer=layer).fit(inputs.astype(training_dtype), Z)
    inputs = inputs.astype(dtype)
    (features,) = run(to_onnx(transformer, inputs), inputs)
    rtol = 1e-5 if np.float32 in (dtype, training_dtype) else 1e-12
    assert features.dtype == dtype
    np.testing.assert_allclose(features, transformer.transform(inputs), rtol=rtol, atol=rtol)


@DTYPES
def test_hidden_features_in_a_pipeline(dtype):
    for network in (BackpropClassifier(**FEW), FrozenEstimator(BackpropClassifier(**FEW).fit(X, CLASSES))):
        inputs = X.astype(dtype)
        classifier = make_pipeline(HiddenFeatures(network), LogisticRegression()).fit(X, CLASSES)
        assert_same(classifier, inputs, TOLERANCES[dtype])
        regressor = make_pipeline(HiddenFeatures(network, layer=0), BackpropRegressor(**FEW)).fit(X, CLASSES)
        assert_same(regressor, inputs, 10 * TOLERANCES[dtype])
    linear = make_pipeline(HiddenFeatures(BackpropRegressor(**FEW)), LinearRegression()).fit(X, Z)
    assert_same(linear, X, 1e-12)


# Subclasses


class NamedRegressor(BackpropRegressor):
    """Has a new method, and changes no prediction."""

    def describe(self):
        return "a network"


class NamedClassifier(BackpropClassifier):
    """Has another default parameter."""

    def __init__(self, hidden_layer_sizes=(5, 4), *, max_iter=3, random_state=0):
        super().__init__(hidden_layer_sizes, max_iter=max_iter, random_state=random_state)


class NamedEnsemble(BackpropEnsembleRegressor):
    """Changes nothing."""


class ShiftedRegressor(BackpropRegressor):
    def predict(self, X):
        return super().predict(X) + 1


@DTYPES
def test_subclasses_with_the_same_predictions(dtype):
    inputs = X.astype(dtype)
    assert_same(NamedRegressor(**FEW).fit(X, Z), inputs, TOLERANCES[dtype])
    ensemble = NamedEnsemble(NamedRegressor(**FEW), 2, candidates=None, random_state=0).fit(X, Z)
    assert_same(ensemble, inputs, TOLERANCES[dtype])
    classifier = NamedClassifier()
    assert_same(clone(classifier).fit(X, CLASSES), inputs, TOLERANCES[dtype])
    assert_same(make_pipeline(classifier).fit(X, CLASSES), inputs, TOLERANCES[dtype])
    assert_same(CalibratedClassifierCV(make_pipeline(classifier), cv=2).fit(X, CLASSES), inputs, TOLERANCES[dtype])


def test_subclasses_of_the_same_name():
    class Network(BackpropClassifier):
        """Has a name that is not unique."""

    classifier = Network(**FEW).fit(X, CLASSES)
    assert_same(classifier, X, 1e-12)
    regressor = type("Network", (BackpropRegressor,), {})(**FEW).fit(X, Z)
    assert_same(regressor, X, 1e-12)
    assert_same(classifier, X, 1e-12)


def test_subclasses_with_other_predictions_are_refused():
    pattern = "ShiftedRegressor overrides predict of BackpropRegressor.* skl2onnx.update_registered_converter"
    with pytest.raises(TypeError, match=pattern):
        to_onnx(ShiftedRegressor(**FEW).fit(X, Z), X)
    with pytest.raises(TypeError, match=pattern):
        to_onnx(make_pipeline(ShiftedRegressor(**FEW)).fit(X, Z), X)


def test_networks_for_clusters_are_refused():
    dask = pytest.importorskip("skbackprop.dask")
    for estimator in (dask.DaskBackpropRegressor(), dask.DaskBackpropClassifier()):
        with pytest.raises(TypeError, match=r"Dask.* cannot be converted to ONNX.* convert estimator\.to_local\(\)"):
            to_onnx(estimator, X)
