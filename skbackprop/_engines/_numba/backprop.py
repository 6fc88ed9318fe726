"""Forward pass, loss and backward pass in the kernel: with BLAS for a chunk of samples, with loops for a single sample.

Layers are views of the flat `theta`. `np.dot` calls BLAS, whose overhead is too large for a single sample.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .dispatch import activate, activate_layer, drop, loss_and_delta, multiply_by_derivative, unsigned
from .math import INLINE, OPTIONS


@njit(**OPTIONS)
def add_chunk(model, X, y, y_start, theta, buffers, key, position):
    """Return the sum of factor * loss over a chunk of samples and write its gradient into ``buffers.gradient``.

    y is flat and begins at `y_start`; `position` is the position of the first sample in the epoch.
    """
    sizes, activations, settings = model.sizes, model.activations, model.activation_settings
    thresholds, keep, in_place = model.thresholds, model.keep, model.in_place
    gradient, factor = buffers.gradient, buffers.factor
    z_buffer, a_buffer, delta_buffer, mask_buffer = buffers.z, buffers.a, buffers.delta, buffers.mask
    n = unsigned(X.shape[0])
    n_layers = sizes.size - 1
    n_hidden = hidden_units(sizes)
    weight = unsigned(0)  # where the weights, the intercepts and the units of the present layer begin
    intercept = n_weights_of(sizes, theta)
    place = unsigned(0)
    before = unsigned(0)  # where the units of the layer before begin
    unit_before = unsigned(0)  # number of hidden units in the layers before
    for level in range(n_layers):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
        z = z_buffer[place : place + n * fan_out].reshape(n, fan_out)
        if level == 0:
            np.dot(X, W, z)
        else:
            a = z_buffer if in_place[level - 1] else a_buffer
            np.dot(a[before : before + n * fan_in].reshape(n, fan_in), W, z)
        if level < n_layers - 1:
            if in_place[level]:
                activate_layer(activations[level], settings, level, theta, intercept, z_buffer, place, n, fan_out)
            else:
                add_intercepts(theta, intercept, z_buffer, place, n, fan_out)
                activate(activations[level], settings, level, z_buffer, a_buffer, place, place + n * fan_out)
            if thresholds.size:
                drop(
                    thresholds[level],
                    keep[level],
                    key,
                    position * n_hidden + unit_before,
                    n_hidden,
                    fan_out,
                    mask_buffer,
                    z_buffer if in_place[level] else a_buffer,
                    place,
                    place + n * fan_out,
                )
                unit_before += fan_out
            before = place
            weight += fan_in * fan_out
            intercept += fan_out
            place += n * fan_out
        else:
            add_intercepts(theta, intercept, z_buffer, place, n, fan_out)
    fan_out = sizes[n_layers]
    end = place + n * fan_out
    total = loss_and_delta(
        model.loss, model.loss_settings, y, y_start, factor, fan_out, z_buffer, delta_buffer, place, end
    )
    for level in range(n_layers - 1, -1, -1):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        delta = delta_buffer[place : place + n * fan_out].reshape(n, fan_out)
        dW = gradient[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
        sum_samples(delta_buffer, place, gradient, intercept, n, fan_out)
        if level == 0:
            np.dot(X.T, delta, dW)
        else:
            before = place - n * fan_in
            a = z_buffer if in_place[level - 1] else a_buffer
            np.dot(a[before:place].reshape(n, fan_in).T, delta, dW)
            W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
            np.dot(delta, W.T, delta_buffer[before:place].reshape(n, fan_in))
            if thresholds.size:
                undo_drop(keep[level - 1], mask_buffer, a, delta_buffer, before, place)
            multiply_by_derivative(
                activations[level - 1], settings, level - 1, z_buffer, a, delta_buffer, before, place
            )
            weight -= sizes[level - 1] * fan_in
            intercept -= fan_in
            place = before
    return total


@njit(**INLINE)
def add_intercepts(theta, intercept, z, place, n, n_units):
    """Add the intercepts to z, which begins at `place`, for n samples."""
    for sample in range(n):
        first = place + sample * n_units
        for unit in range(n_units):
            z[first + unit] += theta[intercept + unit]


@njit(**INLINE)
def sum_samples(delta, place, gradient, intercept, n, n_units):
    """Write the sum of delta, which begins at `place`, over n samples into the gradient of the intercepts."""
    for unit in range(n_units):
        gradient[intercept + unit] = 0
    for sample in range(n):
        first = place + sample * n_units
        for unit in range(n_units):
            gradient[intercept + unit] += delta[first + unit]


@njit(**INLINE)
def undo_drop(keep, mask, a, delta, start, stop):
    """Multiply delta by the mask, and restore a = f(z) where delta is not 0."""
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
def n_weights_of(sizes, theta):
    """Return the number of weights, which is where the intercepts begin in theta."""
    start = unsigned(theta.size)
    for level in range(1, sizes.size):
        start -= sizes[level]
    return start


@njit(**INLINE)
def forward_sample(source, a, theta, weight, intercept, z, place, fan_in, fan_out):
    """Write a @ W + b into z from `place` on; a begins at `source`."""
    if fan_out == 1:
        total = theta[intercept]
        for i in range(fan_in):
            total += a[source + i] * theta[weight + i]
        z[place] = total
    else:
        for j in range(fan_out):
            z[place + j] = theta[intercept + j]
        for i in range(fan_in):
            value = a[source + i]
            start = weight + i * fan_out
            for j in range(fan_out):
                z[place + j] += value * theta[start + j]


@njit(**INLINE)
def gradient_sample(source, a, delta, place, gradient, weight, intercept, fan_in, fan_out):
    """Write the outer product of a and delta, and delta itself, into the gradient."""
    for j in range(fan_out):
        gradient[intercept + j] = delta[place + j]
    if fan_out == 1:
        value = delta[place]
        for i in range(fan_in):
            gradient[weight + i] = a[source + i] * value
    else:
        for i in range(fan_in):
            value = a[source + i]
            start = weight + i * fan_out
            for j in range(fan_out):
                gradient[start + j] = value * delta[place + j]


@njit(**INLINE)
def backward_sample(delta, place, theta, weight, before, fan_in, fan_out):
    """Write delta @ W.T into delta from `before` on."""
    if fan_out == 1:
        value = delta[place]
        for i in range(fan_in):
            delta[before + i] = value * theta[weight + i]
    else:
        for i in range(fan_in):
            total = theta.dtype.type(0)
            start = weight + i * fan_out
            for j in range(fan_out):
                total += theta[start + j] * delta[place + j]
            delta[before + i] = total


@njit(**INLINE)
def add_sample(model, X, x_start, y, y_start, theta, buffers, key, position):
    """Do what `add_chunk` does for a single sample, without BLAS and views.

    X is flat, and the sample begins at `x_start`.
    """
    sizes, activations, settings = model.sizes, model.activations, model.activation_settings
    thresholds, keep = model.thresholds, model.keep
    gradient, factor = buffers.gradient, buffers.factor
    z_buffer, a_buffer, delta_buffer, mask_buffer = buffers.z, buffers.a, buffers.delta, buffers.mask
    n_layers = sizes.size - 1
    n_hidden = hidden_units(sizes)
    weight = unsigned(0)  # see `add_chunk`
    intercept = n_weights_of(sizes, theta)
    place = unsigned(0)
    before = unsigned(0)
    unit_before = unsigned(0)
    for level in range(n_layers):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        if level == 0:
            forward_sample(x_start, X, theta, weight, intercept, z_buffer, place, fan_in, fan_out)
        else:
            forward_sample(before, a_buffer, theta, weight, intercept, z_buffer, place, fan_in, fan_out)
        if level < n_layers - 1:
            activate(activations[level], settings, level, z_buffer, a_buffer, place, place + fan_out)
            if thresholds.size:
                drop(
                    thresholds[level],
                    keep[level],
                    key,
                    position * n_hidden + unit_before,
                    n_hidden,
                    fan_out,
                    mask_buffer,
                    a_buffer,
                    place,
                    place + fan_out,
                )
                unit_before += fan_out
            before = place
            weight += fan_in * fan_out
            intercept += fan_out
            place += fan_out
    fan_out = sizes[n_layers]
    end = place + fan_out
    total = loss_and_delta(
        model.loss, model.loss_settings, y, y_start, factor, fan_out, z_buffer, delta_buffer, place, end
    )
    for level in range(n_layers - 1, 0, -1):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        before = place - fan_in
        gradient_sample(before, a_buffer, delta_buffer, place, gradient, weight, intercept, fan_in, fan_out)
        backward_sample(delta_buffer, place, theta, weight, before, fan_in, fan_out)
        if thresholds.size:
            undo_drop(keep[level - 1], mask_buffer, a_buffer, delta_buffer, before, place)
        multiply_by_derivative(
            activations[level - 1], settings, level - 1, z_buffer, a_buffer, delta_buffer, before, place
        )
        weight -= sizes[level - 1] * fan_in
        intercept -= fan_in
        place = before
    gradient_sample(x_start, X, delta_buffer, place, gradient, weight, intercept, sizes[0], sizes[1])
    return total
