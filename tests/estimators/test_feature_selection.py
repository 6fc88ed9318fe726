"""Feature selection by scikit-learn: by the weights of the first layer, by gradients, or without importances."""

import numpy as np
import pytest
from sklearn.datasets import make_regression
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import input_gradients
from tests.shared import BOTH, TRAINS_BRIEFLY, deployment_code

#: The columns that the target depends on.
USED = [1, 3]
#: Parameters of a short fit that converges.
BRIEF = {"optimizer": "lbfgs", "solver": "batch", "max_iter": 30, "tol": None, "random_state": 0}
#: Standard deviations of the columns: without scaling, weights would rank the columns by their units.
UNITS = np.array([1e-3, 1.0, 1e3, 10.0, 1.0])


def first_layer(network):
    """Return the weights of the first layer, of shape (n_units, n_features), as `coef_` of a linear model has them."""
    return network.coefs_[0].T


def data(estimator):
    """Return samples in different units, and a target that depends on two columns."""
    Z = np.random.default_rng(0).normal(size=(200, 5))
    signal = Z[:, 1] - 2 * Z[:, 3]
    y = np.digitize(signal, [-1, 1]) if estimator is BackpropClassifier else np.column_stack([signal, -signal])
    return Z * UNITS, y


def selected(selector):
    return np.flatnonzero(selector.get_support()).tolist()


@pytest.fixture(params=[(), (8,)], ids=["linear", "hidden"])
def sizes(request):
    return request.param


@BOTH
class TestWeightsOfTheFirstLayer:
    def network(self, estimator, sizes):
        return estimator(sizes, alpha=1e-3, **BRIEF)

    @pytest.mark.parametrize("selection", [RFE, RFECV])
    def test_recursive_elimination(self, estimator, sizes, selection):
        X, y = data(estimator)
        options = {"n_features_to_select": 2} if selection is RFE else {"min_features_to_select": 2, "cv": 2}
        selector = selection(self.network(estimator, sizes), importance_getter=first_layer, **options)
        model = make_pipeline(StandardScaler(), selector).fit(X, y)
        assert set(USED) <= set(selected(model[-1]))
        assert selection is RFECV or selected(model[-1]) == USED
        assert model.predict(X).shape == y.shape

    def test_select_from_model(self, estimator, sizes):
        X, y = data(estimator)
        network = self.network(estimator, sizes)
        selector = SelectFromModel(network, importance_getter=first_layer, max_features=2, threshold=-np.inf)
        model = make_pipeline(StandardScaler(), selector, network).fit(X, y)
        assert selected(model[1]) == USED

    def test_search_over_the_number_of_features(self, estimator, sizes):
        X, y = data(estimator)
        selector = RFE(self.network(estimator, sizes), importance_getter=first_layer)
        model = make_pipeline(StandardScaler(), selector)
        search = GridSearchCV(model, {"rfe__n_features_to_select": [1, 2]}, cv=2, error_score="raise")
        assert search.fit(X, y).best_params_ == {"rfe__n_features_to_select": 2}


@BOTH
def test_select_from_model_by_gradients(estimator):
    X, y = data(estimator)
    Z = StandardScaler().fit_transform(X)

    def mean_slope(network):
        return np.abs(input_gradients(network, Z)).mean(axis=(0, 1))

    network = estimator(8, alpha=1e-3, **BRIEF)
    selector = SelectFromModel(network, importance_getter=mean_slope, max_features=2, threshold=-np.inf).fit(Z, y)
    assert selected(selector) == USED


@TRAINS_BRIEFLY  # from a column that the target does not depend on, there is nothing to learn
@BOTH
def test_sequential_selection_needs_no_importances(estimator):
    X, y = data(estimator)
    network = estimator((), alpha=1e-3, **BRIEF)
    assert selected(SequentialFeatureSelector(network, n_features_to_select=2, cv=2).fit(X, y)) == USED


@BOTH
def test_permutation_importance_of_raw_columns(estimator):
    X, y = data(estimator)
    network = estimator(8, alpha=1e-3, **BRIEF).fit(X, y)
    importances = permutation_importance(network, X, y, n_repeats=3, random_state=0).importances_mean
    assert sorted(np.argsort(importances)[-2:].tolist()) == USED


def test_selectors_without_a_getter_say_what_is_missing():
    X, y = data(BackpropClassifier)
    with pytest.raises(ValueError, match="should have `coef_` or `feature_importances_` attribute"):
        RFE(BackpropClassifier((), alpha=1e-3, **BRIEF)).fit(X, y)


def test_code_of_the_documentation():
    X, y = make_regression(200, 9, n_informative=5, random_state=0)
    names = {"RFE": RFE, "BackpropRegressor": BackpropRegressor, "StandardScaler": StandardScaler}
    names |= {"make_pipeline": make_pipeline, "X": X, "y": y}
    exec(deployment_code("Feature selection, SHAP, MAPIE and yellowbrick"), names)
    assert names["model"].score(X, y) > 0.9
    assert names["model"][-1].n_features_ == 5
