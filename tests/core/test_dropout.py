"""Dropout: the distribution of the masks, the gradient under a mask, and predictions without a mask."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._core.dropout import Dropout
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective, ObjectiveBuffers
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES
from tests.shared import BOTH, DIVERGED, EACH_SOLVER, FEW, announce, data, theta

FLOAT = np.dtype(float)


@pytest.mark.parametrize("rates", [(0.0, 0.5), (0.3, 0.1)])
def test_mask_drops_the_given_fraction_and_keeps_the_mean(rates):
    dropout = Dropout(rates, (200, 100), 500, FLOAT)
    dropout.draw(12345, 0, 500)
    for mask, rate in zip(dropout.masks, rates, strict=True):
        assert set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}
        assert (mask == 0).mean() == pytest.approx(rate, abs=0.01)
        assert mask.mean() == pytest.approx(1, abs=0.02)
        assert rate == 0 or abs(np.corrcoef(mask[:, 0], mask[:, 1])[0, 1]) < 0.2


def test_mask_depends_on_key_and_sample_index_but_not_on_chunks():
    whole, parts = Dropout((0.5,), (30,), 60, FLOAT), Dropout((0.5,), (30,), 7, FLOAT)
    whole.draw(5, 100, 60)
    for start in range(0, 56, 7):
        parts.draw(5, 100 + start, 7)
        np.testing.assert_array_equal(parts.masks[0], whole.masks[0][start : start + 7])
    before = whole.masks[0].copy()
    whole.draw(6, 100, 60)
    assert 0.3 < (whole.masks[0] != before).mean() < 0.7


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_gradient_with_dropout_equals_finite_differences(activation, rng):
    network = Network((3, 8, 6, 2), (activation, activation))
    objective = Objective(network, LOSSES["squared_error", "identity"], dropout=(0.4, 0.2))
    theta = 0.5 * rng.normal(size=network.n_parameters)
    data = Dataset(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)))

    def evaluate(theta):
        buffers = ObjectiveBuffers(objective, theta, 4)
        loss_sum = objective.loss_and_gradient(data, 1.0, objective.penalty(0.0), buffers, dropout_key=99)
        return loss_sum / 9, buffers.gradient

    _, gradient = evaluate(theta)
    differences = np.empty_like(theta)
    for i in range(theta.size):
        step = 1e-6 * (np.arange(theta.size) == i)
        differences[i] = (evaluate(theta + step)[0] - evaluate(theta - step)[0]) / 2e-6
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


@BOTH
@EACH_SOLVER
def test_prediction_uses_all_units_and_each_epoch_draws_new_masks(estimator, solver):
    X, y = data(estimator)
    params = {"solver": solver, "alpha": 0.01, "learning_rate": 0.01, **FEW}
    network = estimator(20, dropout=0.5, **params).fit(X, y)
    np.testing.assert_array_equal(network.predict(X), network.predict(X))
    steps = estimator(20, dropout=0.5, **params)
    for _ in range(4):
        steps.partial_fit(X, y, **announce(estimator))
    np.testing.assert_array_equal(theta(steps), theta(network))
    assert (theta(estimator(20, dropout=0.0, **params).fit(X, y)) != theta(network)).any()


def test_network_with_dropout_learns():
    X, y = load_digits(return_X_y=True)
    assert BackpropClassifier(dropout=0.2, random_state=0).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.95


@pytest.mark.parametrize("dropout", [(0.1,), (0.1, 0.2, 0.3), (0.1, 1.0), (0.1, -0.1), ["a", 0.1]])
def test_invalid_dropout_raises(dropout):
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match=r"dropout=.* must be a number in \[0, 1\), or one for each of the 2"):
        BackpropRegressor((5, 5), dropout=dropout).fit(X, y)
    with pytest.raises(ValueError, match="'dropout' parameter"):
        BackpropRegressor((5, 5), dropout=1.0).fit(X, y)


@pytest.mark.parametrize("dropout", [0.5, 0.9])
def test_divergence_check_does_not_rely_on_masks_that_happen_to_fit(dropout):
    """Without its only unit the network predicts the target 0 exactly; with the unit, it has not diverged."""
    params = {"dropout": dropout, "standardize": False, "learning_rate": 1e-3, "engine": "numpy", **FEW}
    for seed in range(10):
        network = BackpropRegressor(1, **(params | {"random_state": seed}))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", DIVERGED)
            network.fit([[1.0]], [0.0])
        assert network.n_iter_ == FEW["max_iter"]


@pytest.mark.parametrize("loss", ["poisson", "tweedie"])
def test_large_loss_under_a_mask_is_not_divergence(loss, rng):
    """The exponential output of a network with dropped units can be very large by chance."""
    params = {"loss": loss, "activation": "selu", "dropout": 0.3, "standardize": False, "learning_rate": 1e-3, **FEW}
    for seed in range(20):
        X, y = rng.normal(size=(8, 2)), rng.uniform(0.05, 0.95, size=8)
        network = BackpropRegressor((6, 4, 6), engine="numpy", **(params | {"random_state": seed}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", DIVERGED)
            network.fit(X, y)
        assert network.n_iter_ == FEW["max_iter"]
