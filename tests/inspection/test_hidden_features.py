"""`HiddenFeatures`: the outputs of a hidden layer as a transformer."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import HiddenFeatures, layer_outputs
from tests.inspection.networks import FEW, LABELS, NUMBERS, X
from tests.shared import theta

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NETWORK = BackpropRegressor((6, 2), **FEW)


@parametrize_with_checks([HiddenFeatures(NETWORK), HiddenFeatures(BackpropClassifier(4, **FEW), layer=0)])
def test_estimator_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("layer", "n_units"), [(0, 6), (1, 2), (-1, 2), (-2, 6)])
def test_features_are_the_outputs_of_the_hidden_layer(layer, n_units):
    features = HiddenFeatures(NETWORK, layer=layer).fit(X, NUMBERS)
    assert features.transform(X).shape == (len(X), n_units)
    np.testing.assert_array_equal(features.transform(X), layer_outputs(features.estimator_, X)[:-1][layer])
    assert not hasattr(NETWORK, "n_layers_")  # a clone was fitted


def test_frozen_network_stays_as_it_is():
    network = clone(NETWORK).fit(X, NUMBERS)
    before = theta(network).copy()
    expected = layer_outputs(network, X)[0]
    features = HiddenFeatures(FrozenEstimator(network), layer=0)
    model = make_pipeline(features, Ridge()).fit(X, NUMBERS)
    np.testing.assert_array_equal(model[:-1].transform(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X[:9], NUMBERS[:9])[:-1].transform(X), expected)
    np.testing.assert_array_equal(theta(network), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model[0])).transform(X), expected)
    np.testing.assert_array_equal(features.fit(X).transform(X), expected)  # it needs no target


def test_transform_before_fit_is_refused():
    features = HiddenFeatures(NETWORK)
    assert features.estimator is NETWORK
    with pytest.raises(NotFittedError, match="HiddenFeatures"):
        features.transform(X)


def test_grid_search_over_layer_and_network_in_a_pipeline():
    model = make_pipeline(StandardScaler(), HiddenFeatures(NETWORK), LinearRegression())
    grid = {"hiddenfeatures__layer": [0, -1], "hiddenfeatures__estimator__hidden_layer_sizes": [(3,), (4, 2)]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, NUMBERS)
    assert search.best_estimator_[-1].n_features_in_ in (2, 3, 4)


@pytest.mark.parametrize(
    ("estimator", "layer", "message"),
    [
        (NETWORK, 2, r"layer=2 is not among the 2 hidden layers of the network; it must be from -2 to 1"),
        (NETWORK, -3, "layer=-3"),
        (BackpropRegressor((), **FEW), -1, "the 0 hidden layers of the network; see hidden_layer_sizes"),
    ],
    ids=["too large", "too small", "no hidden layer"],
)
def test_invalid_hidden_layers_are_refused(estimator, layer, message):
    with pytest.raises(ValueError, match=message):
        HiddenFeatures(estimator, layer=layer).fit(X, NUMBERS)


@pytest.mark.parametrize("other", [Ridge(), FrozenEstimator(Ridge().fit(X, NUMBERS))], ids=["Ridge", "frozen Ridge"])
def test_other_estimators_are_refused(other):
    with pytest.raises(TypeError, match="got Ridge"):
        HiddenFeatures(other).fit(X, NUMBERS)


def test_names_of_inputs_and_features():
    frame = pd.DataFrame(X, columns=["age", "height", "dose"])
    features = HiddenFeatures(NETWORK).set_output(transform="pandas").fit(frame, NUMBERS)
    assert list(features.transform(frame).columns) == ["hiddenfeatures0", "hiddenfeatures1"]
    assert list(features.feature_names_in_) == ["age", "height", "dose"]
    assert features.n_features_in_ == 3
    assert not hasattr(HiddenFeatures(NETWORK), "n_features_in_")


@pytest.mark.parametrize("routing", [False, True], ids=["without routing", "with routing"])
def test_sample_weight_reaches_the_network(routing):
    weight = np.linspace(0, 1, len(X))
    expected = theta(BackpropClassifier(4, **FEW).fit(X, LABELS, sample_weight=weight))
    with config_context(enable_metadata_routing=routing):
        network = BackpropClassifier(4, **FEW)
        network = network.set_fit_request(sample_weight=True) if routing else network
        features = HiddenFeatures(network).fit(X, LABELS, sample_weight=weight)
    np.testing.assert_array_equal(theta(features.estimator_), expected)
