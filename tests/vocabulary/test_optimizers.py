import numpy as np
import pytest

from skbackprop.optimizers import OPTIMIZERS, Adam, AdamW, RMSprop

RATE, STEPS = 0.01, 30
STEPPING = [name for name in OPTIMIZERS if name != "lbfgs"]  # which scipy steps


def run(optimizer, gradients, dtype=np.float64):
    """All values of theta from zero on, stepped by `optimizer` over `gradients`."""
    theta = np.zeros(gradients.shape[1], dtype)
    memory = np.zeros((optimizer.n_state_arrays, theta.size), dtype)
    path = []
    for t, gradient in enumerate(gradients, start=1):
        optimizer.step(theta, gradient.astype(dtype), memory, t, RATE, np.full_like(theta, np.nan))
        path.append(theta.copy())
    return np.array(path)


def gd(gradients):
    return -RATE * gradients.cumsum(axis=0)


def momentum(gradients, mu=0.9):
    v, theta, path = 0, 0, []
    for g in gradients:
        v = mu * v - RATE * g
        theta = theta + v
        path.append(theta)
    return path


def nesterov(gradients, mu=0.9):
    v, theta, path = 0, 0, []
    for g in gradients:
        v = mu * v - RATE * g
        theta = theta + mu * v - RATE * g
        path.append(theta)
    return path


def rmsprop(gradients, rho=0.9, epsilon=1e-8):
    s, theta, path = 0, 0, []
    for g in gradients:
        s = rho * s + (1 - rho) * g**2
        theta = theta - RATE * g / (np.sqrt(s) + epsilon)
        path.append(theta)
    return path


def adam(gradients, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Kingma and Ba 2015, algorithm 1, as printed."""
    m, v, theta, path = 0, 0, 0, []
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        theta = theta - RATE * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        path.append(theta)
    return path


PAPERS = {"gd": gd, "momentum": momentum, "nesterov": nesterov, "rmsprop": rmsprop, "adam": adam, "adamw": adam}


@pytest.mark.parametrize("name", STEPPING)
def test_steps_are_those_of_the_paper(name, rng):
    gradients = rng.normal(size=(STEPS, 5))
    gradients[3] = 0
    np.testing.assert_allclose(run(OPTIMIZERS[name], gradients), PAPERS[name](gradients), rtol=1e-12, atol=1e-16)


def test_settings_are_in_the_formula(rng):
    gradients = rng.normal(size=(STEPS, 5))
    np.testing.assert_allclose(run(Adam(0.5, 0.7, 0.3), gradients), adam(gradients, 0.5, 0.7, 0.3), rtol=1e-12)
    np.testing.assert_allclose(run(RMSprop(0.5, 0.3), gradients), rmsprop(gradients, 0.5, 0.3), rtol=1e-12)


@pytest.mark.parametrize("name", STEPPING)
def test_zero_gradients_move_nothing(name):
    np.testing.assert_array_equal(run(OPTIMIZERS[name], np.zeros((3, 4))), 0)


@pytest.mark.parametrize("name", STEPPING)
def test_float32_stays_and_agrees(name, rng):
    gradients = rng.normal(size=(STEPS, 5))
    single = run(OPTIMIZERS[name], gradients, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, run(OPTIMIZERS[name], gradients), rtol=1e-4, atol=1e-6)


def test_only_adamw_decays_weights():
    decays = {name for name, optimizer in OPTIMIZERS.items() if optimizer.weight_decay}
    assert decays == {"adamw"}
    assert AdamW().weight_decay == 0.01


def test_the_memory_has_a_vector_for_each_running_mean():
    slots = {name: optimizer.n_state_arrays for name, optimizer in OPTIMIZERS.items()}
    assert slots == {"gd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 1, "adam": 2, "adamw": 2, "lbfgs": 0}
