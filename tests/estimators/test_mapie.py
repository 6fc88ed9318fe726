"""Intervals by MAPIE around the predictions of networks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.metrics import make_scorer, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, train_test_split

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.losses import Quantiles
from tests.shared import TRAINS_BRIEFLY, deployment_code

mapie = pytest.importorskip("mapie.regression")

LEVEL = 0.9
#: The quantiles that MAPIE wants, in its order.
QUANTILES = ((1 - LEVEL) / 2, (1 + LEVEL) / 2, 0.5)
#: The penalty of the search below is so large that a network with it is no better than a constant.
pytestmark = TRAINS_BRIEFLY
FEW = {"max_iter": 20, "tol": None, "random_state": 0}


class Column:
    """One of the quantiles that a network predicts, as an estimator."""

    def __init__(self, network, column):
        self.network, self.column = network, column
        self.n_features_in_ = network.n_features_in_

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.network.predict(X)[:, self.column]


@pytest.fixture(scope="module")
def parts():
    """Samples to train on, to conformalize with, and to test with."""
    X, y = make_friedman1(900, noise=1, random_state=0)
    X, X_test, y, y_test = train_test_split(X, y, test_size=300, random_state=0)
    X, X_calibration, y, y_calibration = train_test_split(X, y, test_size=300, random_state=0)
    return (X, y), (X_calibration, y_calibration), (X_test, y_test)


def check(conformal, X, y):
    """Check that intervals contain their share of new targets."""
    prediction, interval = conformal.predict_interval(X)
    assert interval.shape == (len(X), 2, 1)
    lower, upper = interval[..., 0].T
    assert 0.85 <= np.mean((lower <= y) & (y <= upper)) <= 0.97
    assert np.corrcoef(prediction, y)[0, 1] > 0.8


def test_quantile_regression_with_three_networks(parts):
    training, calibration, test = parts
    network = BackpropRegressor(loss="quantile", **FEW)
    networks = [clone(network).set_params(loss__quantile=level).fit(*training) for level in QUANTILES]
    conformal = mapie.ConformalizedQuantileRegressor(networks, confidence_level=LEVEL, prefit=True)
    check(conformal.conformalize(*calibration), *test)


def test_quantile_regression_with_one_network_whose_quantiles_do_not_cross(parts):
    training, calibration, test = parts
    low, high, median = QUANTILES
    network = BackpropRegressor(loss=Quantiles((low, median, high)), **FEW).fit(*training)
    columns = [Column(network, column) for column in (0, 2, 1)]
    conformal = mapie.ConformalizedQuantileRegressor(columns, confidence_level=LEVEL, prefit=True)
    check(conformal.conformalize(*calibration), *test)
    lower, upper = conformal.predict_interval(test[0], symmetric_correction=True)[1][..., 0].T
    margin = margin_by_hand(network, *calibration)
    predicted = network.predict(test[0])
    np.testing.assert_allclose(lower, predicted[:, 0] - margin)
    np.testing.assert_allclose(upper, predicted[:, 2] + margin)


def margin_by_hand(network, X, y):
    """Return by how much the outer quantiles of a network have to be moved to be conformal."""
    low, _, high = network.predict(X).T
    misses = np.sort(np.maximum(low - y, y - high))
    return misses[int(np.ceil(LEVEL * (len(y) + 1))) - 1]


def test_code_of_the_documentation(parts):
    (X, y), (X_calibration, y_calibration), test = parts
    names = {"BackpropRegressor": BackpropRegressor, "X": X, "y": y}
    names |= {"X_calibration": X_calibration, "y_calibration": y_calibration}
    exec(deployment_code("Feature selection, SHAP, MAPIE and yellowbrick", 1), names)
    check(names["conformal"], *test)


def test_mapie_clones_estimators_of_certain_names_only():
    """So a parameter `quantile` would not help: MAPIE takes no other networks than those that are fitted before."""

    class Flat(BackpropRegressor):
        def __init__(self, loss="quantile", quantile=0.5):
            super().__init__(loss=loss)
            self.quantile = quantile

    for estimator in (BackpropRegressor(loss="quantile"), Flat()):
        with pytest.raises(ValueError, match="base model is not supported"):
            mapie.ConformalizedQuantileRegressor(estimator).fit([[0.0], [1.0]], [0.0, 1.0])


def test_a_search_over_the_penalty_of_each_network(parts):
    X, y = parts[0]
    for level in QUANTILES:
        network = BackpropRegressor(loss="quantile", **FEW).set_params(loss__quantile=level)
        scoring = make_scorer(mean_pinball_loss, alpha=level, greater_is_better=False)
        search = GridSearchCV(network, {"alpha": [1e-3, 1e3]}, scoring=scoring, cv=2, error_score="raise").fit(X, y)
        assert search.best_params_ == {"alpha": 1e-3}
        assert abs(np.mean(y <= search.predict(X)) - level) < 0.15


def test_residuals_of_a_split(parts):
    training, calibration, test = parts
    conformal = mapie.SplitConformalRegressor(BackpropRegressor(**FEW), confidence_level=LEVEL, prefit=False)
    check(conformal.fit(*training).conformalize(*calibration), *test)


def test_residuals_of_a_cross_validation(parts):
    training, _, test = parts
    network = BackpropRegressor(alpha=1e-3, **FEW)
    conformal = mapie.CrossConformalRegressor(network, confidence_level=LEVEL, cv=3, random_state=0)
    check(conformal.fit_conformalize(*training), *test)


def test_sets_of_classes():
    from mapie.classification import SplitConformalClassifier
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    network = BackpropClassifier(**FEW).fit(X[:800], y[:800])
    conformal = SplitConformalClassifier(network, confidence_level=LEVEL, prefit=True)
    conformal.conformalize(X[800:1300], y[800:1300])
    _, sets = conformal.predict_set(X[1300:])
    covered = sets[np.arange(len(sets)), y[1300:], 0].mean()
    assert covered > 0.8
