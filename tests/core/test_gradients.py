"""Backpropagation against finite differences, for every activation, loss, number of outputs, weights and penalty."""

from itertools import product

import numpy as np
import pytest

from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective, ObjectiveBuffers
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LOSSES, Quantiles

N_SAMPLES, N_FEATURES, STEP = 7, 3, 1e-6


def problem(activation, loss, n_outputs, weighted, alpha, n_hidden=2):
    rng = np.random.default_rng(17)
    n_outputs = 3 if isinstance(loss, Quantiles) else n_outputs
    network = Network((N_FEATURES, *range(5, 5 - n_hidden, -1), n_outputs), (activation,) * n_hidden)
    theta = network.init([INITIALIZERS["glorot_normal"]] * (n_hidden + 1), rng, np.dtype(float))
    theta[network.n_weights :] = rng.normal(size=network.n_parameters - network.n_weights)
    X = rng.normal(size=(N_SAMPLES, N_FEATURES))
    y = rng.uniform(0.05, 0.95, size=(N_SAMPLES, n_outputs))
    if isinstance(loss, Quantiles):
        y[...] = y[:, :1]
    if loss.output_activation == "softmax":
        y /= y.sum(axis=1, keepdims=True)
    weight = rng.integers(0, 4, N_SAMPLES).astype(float) if weighted else None
    return Objective(network, loss), alpha, theta, Dataset(X, y, weight)


def value_and_gradient(objective, alpha, theta, data):
    """Return value and gradient of J for all samples as one batch."""
    buffers = ObjectiveBuffers(objective, theta, data.n_samples)
    mean_weight = data.total_weight / data.n_samples
    loss_sum = objective.loss_and_gradient(data, mean_weight, objective.penalty(alpha), buffers)
    return loss_sum / data.total_weight + objective.penalty_value(theta, alpha), buffers.gradient


def finite_differences(objective, alpha, theta, data):
    differences = np.empty_like(theta)
    for i in range(len(theta)):
        step = STEP * (np.arange(len(theta)) == i)
        above, _ = value_and_gradient(objective, alpha, theta + step, data)
        below, _ = value_and_gradient(objective, alpha, theta - step, data)
        differences[i] = (above - below) / (2 * STEP)
    return differences


def assert_gradient_is_right(objective, alpha, theta, data):
    _, gradient = value_and_gradient(objective, alpha, theta, data)
    differences = finite_differences(objective, alpha, theta, data)
    for part in objective.network.unpack(np.arange(theta.size)):
        for entries in part:  # each layer separately, so that large gradients do not hide small ones
            error = np.linalg.norm(gradient[entries] - differences[entries])
            assert error <= 1e-6 * np.linalg.norm(differences[entries]) + 1e-9 * np.linalg.norm(differences)


#: Every loss and every activation with every combination of outputs, weights and penalty. Which activation meets which
#: loss is not crossed, because the two do not interact; each loss meets most of them.
CASES = [
    (activation, loss, *combination)
    for shift, combination in enumerate(product([1, 3], [False, True], [0.0, 0.3]))
    for loss, activation in zip(LOSSES, np.roll(np.resize(list(ACTIVATIONS), len(LOSSES)), shift), strict=True)
]


@pytest.mark.parametrize(("activation", "loss", "n_outputs", "weighted", "alpha"), CASES)
def test_gradient_equals_finite_differences(activation, loss, n_outputs, weighted, alpha):
    assert_gradient_is_right(*problem(ACTIVATIONS[activation], LOSSES[loss], n_outputs, weighted, alpha))


@pytest.mark.parametrize("n_hidden", [0, 1, 4])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=[" ".join(key) for key in LOSSES])
def test_gradient_at_every_depth(loss, n_hidden):
    assert_gradient_is_right(*problem(ACTIVATIONS["tanh"], loss, 3, True, 0.1, n_hidden))


def test_check_detects_a_wrong_gradient():
    arguments = problem(ACTIVATIONS["tanh"], LOSSES["squared_error", "identity"], 1, False, 0.0)
    _, gradient = value_and_gradient(*arguments)
    differences = finite_differences(*arguments)
    gradient[3] *= 1.001
    assert np.linalg.norm(gradient - differences) > 1e-6 * np.linalg.norm(differences)
