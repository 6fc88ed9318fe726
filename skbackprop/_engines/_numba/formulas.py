"""The formulas of activations.py, `_dropout.py` and optimizers.py for the kernel, chosen by an integer code.

All arrays are flat. Loops run over plain ranges of indices with one formula each, so that they become vector
instructions. Tests hold each formula to the numbers of the one that it stands for.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..._core.dropout import BITS, FACTOR_1, FACTOR_2, GOLDEN
from .math import OPTIONS, expm1, logistic, normal_cdf, normal_pdf, softplus, tanh

IDENTITY, LOGISTIC, TANH, RELU, LEAKY_RELU, ELU, GELU, SILU, SOFTPLUS = range(9)
GD, MOMENTUM, NESTEROV, RMSPROP, ADAM = range(5)

#: Indices without a sign need no check for counting from the end, which would keep loops from vectorising.
unsigned = np.uint64


@njit(**OPTIONS)
def activate(code, setting, scale, z, a, start, stop):
    """Write f(z) into a, both from start to stop; `setting` is the slope or alpha."""
    number = z.dtype.type
    zero, slope, right = number(0), number(setting), number(scale)
    if code == IDENTITY:
        for i in range(start, stop):
            a[i] = z[i]
    elif code == LOGISTIC:
        for i in range(start, stop):
            a[i] = logistic(z[i])
    elif code == TANH:
        for i in range(start, stop):
            a[i] = tanh(z[i])
    elif code == RELU:
        for i in range(start, stop):
            a[i] = max(z[i], zero)
    elif code == LEAKY_RELU:
        for i in range(start, stop):
            a[i] = max(z[i], slope * z[i])
    elif code == ELU:
        for i in range(start, stop):
            a[i] = right * (z[i] if z[i] > 0 else slope * expm1(z[i]))
    elif code == GELU:
        for i in range(start, stop):
            a[i] = z[i] * normal_cdf(z[i])
    elif code == SILU:
        for i in range(start, stop):
            a[i] = z[i] * logistic(z[i])
    elif code == SOFTPLUS:
        for i in range(start, stop):
            a[i] = softplus(z[i])


@njit(**OPTIONS)
def multiply_by_derivative(code, setting, scale, z, a, delta, start, stop):
    """Multiply delta by f'(z), given a = f(z), all from start to stop."""
    number = z.dtype.type
    zero, half, one, slope = number(0), number(0.5), number(1), number(setting)
    if code == LOGISTIC:
        for i in range(start, stop):
            delta[i] *= a[i] * (one - a[i])
    elif code == TANH:
        for i in range(start, stop):
            delta[i] *= one - a[i] * a[i]
    elif code == RELU:
        for i in range(start, stop):
            delta[i] *= one if a[i] > 0 else zero
    elif code == LEAKY_RELU:
        for i in range(start, stop):
            delta[i] *= one if z[i] > 0 else slope
    elif code == ELU:
        right, rest = number(scale), number(setting * scale)
        for i in range(start, stop):
            delta[i] *= right if z[i] > 0 else a[i] + rest
    elif code == GELU:
        for i in range(start, stop):
            cdf = a[i] / z[i] if z[i] != 0 else half
            delta[i] *= cdf + z[i] * normal_pdf(z[i])
    elif code == SILU:
        for i in range(start, stop):
            s = logistic(z[i])
            delta[i] *= s + a[i] * (one - s)
    elif code == SOFTPLUS:
        for i in range(start, stop):
            delta[i] *= logistic(z[i])


@njit(**OPTIONS)
def drop(threshold, keep, key, counter, row_step, n_units, mask, a, start, stop):
    """Draw the mask of a hidden layer and multiply a by it, both from start to stop; see `_dropout.py`.

    `counter` is the place of the first row's first unit, and that of the next row lies `row_step` further.
    """
    zero, kept = a.dtype.type(0), a.dtype.type(1 / keep)
    for row in range((stop - start) // n_units):
        for unit in range(n_units):
            bits = key + (counter + row * row_step + unit) * GOLDEN
            bits = (bits ^ (bits >> unsigned(30))) * FACTOR_1
            bits = (bits ^ (bits >> unsigned(27))) * FACTOR_2
            bits = (bits ^ (bits >> unsigned(31))) >> unsigned(64 - BITS)
            i = start + row * n_units + unit
            mask[i] = kept if bits >= threshold else zero
            a[i] *= mask[i]


@njit(**OPTIONS)
def step(code, settings, theta, gradient, optimizer_state, t, rate):
    """Update theta and optimizer_state as the optimizer does; `settings` are its numbers in the order of its fields."""
    number = theta.dtype.type
    learning_rate = number(rate)
    if code == GD:
        for i in range(theta.size):
            theta[i] -= learning_rate * gradient[i]
    elif code == MOMENTUM:
        v, momentum = optimizer_state[0], number(settings[0])
        for i in range(theta.size):
            v[i] = momentum * v[i] - learning_rate * gradient[i]
            theta[i] += v[i]
    elif code == NESTEROV:
        v, momentum = optimizer_state[0], number(settings[0])
        for i in range(theta.size):
            v[i] = momentum * v[i] - learning_rate * gradient[i]
            theta[i] += momentum * v[i] - learning_rate * gradient[i]
    elif code == RMSPROP:
        s, rho, rest, epsilon = optimizer_state[0], number(settings[0]), number(1 - settings[0]), number(settings[1])
        for i in range(theta.size):
            s[i] = rho * s[i] + rest * gradient[i] * gradient[i]
            theta[i] -= learning_rate * gradient[i] / (np.sqrt(s[i]) + epsilon)
    elif code == ADAM:
        M, V, beta_1, beta_2 = optimizer_state[0], optimizer_state[1], number(settings[0]), number(settings[1])
        c = np.sqrt((1 - settings[1] ** t) / (1 - settings[1]))
        epsilon = number(c * settings[2])
        factor = number(rate * c * (1 - settings[0]) / (1 - settings[0] ** t))
        for i in range(theta.size):
            M[i] = beta_1 * M[i] + gradient[i]
            V[i] = beta_2 * V[i] + gradient[i] * gradient[i]
            theta[i] -= factor * M[i] / (np.sqrt(V[i]) + epsilon)
