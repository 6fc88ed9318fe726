"""SHAP values of networks, by explainers that need predictions only."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import input_gradients

shap = pytest.importorskip("shap")

FEW = {"max_iter": 20, "tol": None, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)) * [1, 10, 0.1, 1]
SIGNAL = X @ [2, -0.1, 5, 0]
BACKGROUND, EXPLAINED = X[:30], X[100:105]


@pytest.mark.parametrize("make", [lambda network: network, lambda network: make_pipeline(StandardScaler(), network)])
def test_permutation_values_add_up_to_the_prediction(make):
    model = make(BackpropRegressor(8, **FEW)).fit(X, SIGNAL)
    explanation = shap.PermutationExplainer(model.predict, BACKGROUND, seed=0)(EXPLAINED)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, model.predict(EXPLAINED), rtol=1e-6)
    np.testing.assert_allclose(explanation.base_values, model.predict(BACKGROUND).mean(), rtol=1e-6)


def test_kernel_values_of_a_classifier_add_up_to_the_probabilities():
    network = BackpropClassifier(8, **FEW).fit(X, np.digitize(SIGNAL, [-1, 1]))
    explainer = shap.KernelExplainer(network.predict_proba, BACKGROUND)
    values = explainer.shap_values(EXPLAINED, silent=True)
    assert values.shape == (5, 4, 3)
    np.testing.assert_allclose(
        explainer.expected_value + values.sum(axis=1), network.predict_proba(EXPLAINED), atol=1e-6
    )


def test_gradients_times_distances_are_the_values_of_a_linear_network():
    network = BackpropRegressor((), standardize="standard", **FEW).fit(X, SIGNAL)
    explanation = shap.PermutationExplainer(network.predict, BACKGROUND, seed=0)(EXPLAINED)
    slopes = input_gradients(network, EXPLAINED)[:, 0]
    np.testing.assert_allclose(explanation.values, slopes * (EXPLAINED - BACKGROUND.mean(axis=0)), atol=1e-6)
