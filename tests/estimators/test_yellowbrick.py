"""Networks in yellowbrick, as docs/guide/deployment.md describes."""

import pytest
from sklearn.datasets import make_friedman1
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropRegressor
from tests.shared import TRAINS_BRIEFLY

model_selection = pytest.importorskip("yellowbrick.model_selection")
regressor = pytest.importorskip("yellowbrick.regressor")

pytestmark = TRAINS_BRIEFLY


@pytest.fixture
def data():
    return make_friedman1(120, random_state=0)


@pytest.fixture
def network():
    return BackpropRegressor((8,), max_iter=5, tol=None, random_state=0)


def test_a_learning_curve_of_a_network_in_a_pipeline(network, data):
    curve = model_selection.LearningCurve(make_pipeline(network), scoring="r2", cv=2, train_sizes=[0.5, 1.0])
    curve.fit(*data)
    assert curve.test_scores_.shape == (2, 2)


def test_a_validation_curve_of_a_network_in_a_pipeline(network, data):
    name, values = "backpropregressor__alpha", [0.0, 0.1]
    curve = model_selection.ValidationCurve(make_pipeline(network), name, values, cv=2, scoring="r2")
    curve.fit(*data)
    assert curve.test_scores_.shape == (2, 2)


def test_scores_of_a_bare_network(network, data):
    scores = model_selection.CVScores(network, cv=2, scoring="r2").fit(*data)
    assert len(scores.cv_scores_) == 2


def test_residuals_of_a_bare_network(network, data):
    plot = regressor.ResidualsPlot(network, force_model=True).fit(*data)
    assert plot.train_score_ == plot.estimator.score(*data)
