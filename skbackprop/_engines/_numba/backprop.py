"""Forward, loss and backward in the kernel: of a chunk of rows by BLAS, and of one row by loops of its own.

Layers are windows that are cut from the flat `theta` by `reshape`. Matrix products reach BLAS through `np.dot`, for
which one row is too small.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .formulas import activate, drop, multiply_by_derivative, unsigned
from .losses import loss_and_delta
from .math import INLINE, OPTIONS


@njit(**OPTIONS)
def add_rows(
    X, y, first, factor, theta, gradient, sizes, activations, settings, loss, loss_settings,
    thresholds, keep, key, position, z_room, a_room, delta_room, mask_room,
):  # fmt: skip
    """Return the sum of factor * loss over a chunk of rows and write its gradient into `gradient`."""
    n, n_layers = unsigned(X.shape[0]), sizes.size - 1
    n_hidden, unit_before = hidden_units(sizes), unsigned(0)
    weight, intercept, room, before = unsigned(0), first_intercept(sizes, theta), unsigned(0), unsigned(0)
    for level in range(n_layers):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
        z = z_room[room : room + n * fan_out].reshape(n, fan_out)
        if level == 0:
            np.dot(X, W, z)
        else:
            np.dot(a_room[before : before + n * fan_in].reshape(n, fan_in), W, z)
        for row in range(n):
            for unit in range(fan_out):
                z[row, unit] += theta[intercept + unit]
        if level < n_layers - 1:
            code, (setting, scale) = activations[level], settings[level]
            activate(code, setting, scale, z_room, a_room, room, room + n * fan_out)
            if thresholds.size:
                drop(
                    thresholds[level], keep[level], key, position * n_hidden + unit_before, n_hidden, fan_out,
                    mask_room, a_room, room, room + n * fan_out,
                )  # fmt: skip
                unit_before += fan_out
            before = room
            weight += fan_in * fan_out
            intercept += fan_out
            room += n * fan_out
    fan_out = sizes[n_layers]
    total = loss_and_delta(loss, loss_settings, y, first, factor, fan_out, z_room, delta_room, room, room + n * fan_out)
    for level in range(n_layers - 1, -1, -1):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        delta = delta_room[room : room + n * fan_out].reshape(n, fan_out)
        dW = gradient[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
        for unit in range(fan_out):
            gradient[intercept + unit] = 0
        for row in range(n):
            for unit in range(fan_out):
                gradient[intercept + unit] += delta[row, unit]
        if level == 0:
            np.dot(X.T, delta, dW)
        else:
            before = room - n * fan_in
            np.dot(a_room[before:room].reshape(n, fan_in).T, delta, dW)
            W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
            np.dot(delta, W.T, delta_room[before:room].reshape(n, fan_in))
            code, (setting, scale) = activations[level - 1], settings[level - 1]
            if thresholds.size:
                undo_drop(keep[level - 1], mask_room, a_room, delta_room, before, room)
            multiply_by_derivative(code, setting, scale, z_room, a_room, delta_room, before, room)
            weight -= sizes[level - 1] * fan_in
            intercept -= fan_in
            room = before
    return total


@njit(**INLINE)
def undo_drop(keep, mask, a, delta, start, stop):
    """Take delta back through the mask, and a back to f(z) where delta is not 0."""
    kept = a.dtype.type(keep)
    for i in range(start, stop):
        delta[i] *= mask[i]
        a[i] *= kept


@njit(**INLINE)
def hidden_units(sizes):
    """Return the number of units of all hidden layers."""
    total = unsigned(0)
    for level in range(1, sizes.size - 1):
        total += sizes[level]
    return total


@njit(**INLINE)
def first_intercept(sizes, theta):
    """Return where the intercepts begin in theta."""
    start = unsigned(theta.size)
    for level in range(1, sizes.size):
        start -= sizes[level]
    return start


@njit(**INLINE)
def forward_row(source, a, theta, weight, intercept, z, room, fan_in, fan_out):
    """Write a @ W + b into z from `room` on; a begins at `source`."""
    if fan_out == 1:
        total = theta[intercept]
        for i in range(fan_in):
            total += a[source + i] * theta[weight + i]
        z[room] = total
    else:
        for j in range(fan_out):
            z[room + j] = theta[intercept + j]
        for i in range(fan_in):
            value = a[source + i]
            start = weight + i * fan_out
            for j in range(fan_out):
                z[room + j] += value * theta[start + j]


@njit(**INLINE)
def gradient_row(source, a, delta, room, gradient, weight, intercept, fan_in, fan_out):
    """Write the outer product of a and delta, and delta itself, into the gradient."""
    for j in range(fan_out):
        gradient[intercept + j] = delta[room + j]
    if fan_out == 1:
        value = delta[room]
        for i in range(fan_in):
            gradient[weight + i] = a[source + i] * value
    else:
        for i in range(fan_in):
            value = a[source + i]
            start = weight + i * fan_out
            for j in range(fan_out):
                gradient[start + j] = value * delta[room + j]


@njit(**INLINE)
def backward_row(delta, room, theta, weight, before, fan_in, fan_out):
    """Write delta @ W.T into delta from `before` on."""
    if fan_out == 1:
        value = delta[room]
        for i in range(fan_in):
            delta[before + i] = value * theta[weight + i]
    else:
        for i in range(fan_in):
            total = theta.dtype.type(0)
            start = weight + i * fan_out
            for j in range(fan_out):
                total += theta[start + j] * delta[room + j]
            delta[before + i] = total


@njit(**INLINE)
def add_row(
    X, x, y, first, factor, theta, gradient, sizes, activations, settings, loss, loss_settings,
    thresholds, keep, key, position, z_room, a_room, delta_room, mask_room,
):  # fmt: skip
    """Do what `add_rows` does for one row, without BLAS and with no view made; X is flat too, and begins at `x`."""
    n_layers = sizes.size - 1
    weight, intercept, room, before = unsigned(0), first_intercept(sizes, theta), unsigned(0), unsigned(0)
    n_hidden, unit_before = hidden_units(sizes), unsigned(0)
    for level in range(n_layers):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        if level == 0:
            forward_row(x, X, theta, weight, intercept, z_room, room, fan_in, fan_out)
        else:
            forward_row(before, a_room, theta, weight, intercept, z_room, room, fan_in, fan_out)
        if level < n_layers - 1:
            activate(activations[level], settings[level, 0], settings[level, 1], z_room, a_room, room, room + fan_out)
            if thresholds.size:
                drop(
                    thresholds[level], keep[level], key, position * n_hidden + unit_before, n_hidden, fan_out,
                    mask_room, a_room, room, room + fan_out,
                )  # fmt: skip
                unit_before += fan_out
            before = room
            weight += fan_in * fan_out
            intercept += fan_out
            room += fan_out
    fan_out = sizes[n_layers]
    total = loss_and_delta(loss, loss_settings, y, first, factor, fan_out, z_room, delta_room, room, room + fan_out)
    for level in range(n_layers - 1, 0, -1):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        before = room - fan_in
        gradient_row(before, a_room, delta_room, room, gradient, weight, intercept, fan_in, fan_out)
        backward_row(delta_room, room, theta, weight, before, fan_in, fan_out)
        if thresholds.size:
            undo_drop(keep[level - 1], mask_room, a_room, delta_room, before, room)
        multiply_by_derivative(
            activations[level - 1], settings[level - 1, 0], settings[level - 1, 1],
            z_room, a_room, delta_room, before, room,
        )  # fmt: skip
        weight -= sizes[level - 1] * fan_in
        intercept -= fan_in
        room = before
    gradient_row(x, X, delta_room, room, gradient, weight, intercept, sizes[0], sizes[1])
    return total
