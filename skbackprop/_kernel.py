"""The compiled epoch: forward, loss, backward and update for every batch, with no Python in between.

Everything is flat: numba recompiles for every new kind of tuple, so layers are windows that are cut from `theta` by
`reshape`, and activations, losses and optimizers are integer codes with a few numbers. Matrix products reach BLAS
through `np.dot`; a batch of one row is too small for that and has loops of its own. The GIL is released.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic

from ._kernel_formulas import activate, loss_and_delta, multiply_by_derivative, step, unsigned
from ._vector_math import INLINE, OPTIONS


@intrinsic
def borrowed(typing_context, array):
    """Return the array without its count of references; whoever calls the kernel holds one all the while.

    Counting is an atomic addition at every call and view: half of the time of a small network, row after row.
    """

    def codegen(context, builder, signature, arguments):
        view = context.make_array(array)(context, builder, value=arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        return view._getvalue()

    return array(array), codegen


@njit(**OPTIONS)
def add_rows(X, y, first, factor, theta, gradient, sizes, activations, settings, loss, z_room, a_room, delta_room):
    """Return the sum of factor * loss over a chunk of rows and write its gradient into `gradient`."""
    n, n_layers = unsigned(X.shape[0]), sizes.size - 1
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
            before = room
            weight += fan_in * fan_out
            intercept += fan_out
            room += n * fan_out
    fan_out = sizes[n_layers]
    total = loss_and_delta(loss, y, first, factor, fan_out, z_room, delta_room, room, room + n * fan_out)
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
            multiply_by_derivative(code, setting, scale, z_room, a_room, delta_room, before, room)
            weight -= sizes[level - 1] * fan_in
            intercept -= fan_in
            room = before
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
def add_row(X, y, row, factor, theta, gradient, sizes, activations, settings, loss, z_room, a_room, delta_room):
    """Do what `add_rows` does for one row, without BLAS and with no view made; X and y are flat."""
    n_layers = sizes.size - 1
    weight, intercept, room, before = unsigned(0), first_intercept(sizes, theta), unsigned(0), unsigned(0)
    x = row * sizes[0]
    for level in range(n_layers):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        if level == 0:
            forward_row(x, X, theta, weight, intercept, z_room, room, fan_in, fan_out)
        else:
            forward_row(before, a_room, theta, weight, intercept, z_room, room, fan_in, fan_out)
        if level < n_layers - 1:
            activate(activations[level], settings[level, 0], settings[level, 1], z_room, a_room, room, room + fan_out)
            before = room
            weight += fan_in * fan_out
            intercept += fan_out
            room += fan_out
    fan_out = sizes[n_layers]
    total = loss_and_delta(loss, y, row * fan_out, factor, fan_out, z_room, delta_room, room, room + fan_out)
    for level in range(n_layers - 1, 0, -1):
        fan_in, fan_out = sizes[level], sizes[level + 1]
        before = room - fan_in
        gradient_row(before, a_room, delta_room, room, gradient, weight, intercept, fan_in, fan_out)
        backward_row(delta_room, room, theta, weight, before, fan_in, fan_out)
        multiply_by_derivative(
            activations[level - 1], settings[level - 1, 0], settings[level - 1, 1],
            z_room, a_room, delta_room, before, room,
        )  # fmt: skip
        weight -= sizes[level - 1] * fan_in
        intercept -= fan_in
        room = before
    gradient_row(x, X, delta_room, room, gradient, weight, intercept, sizes[0], sizes[1])
    return total


@njit(**OPTIONS)
def epoch(
    X, y, weight, order, theta, memory, gradient, gradient_sum, sizes, activations, settings, loss, alpha,
    optimizer, optimizer_settings, weight_decay, rates, t, batch_size, mean_weight,
    x_room, y_room, factor_room, z_room, a_room, delta_room,
):  # fmt: skip
    """Make one pass; return the sum of weight * loss and the number of updates.

    `order` and `weight` are empty where rows come as they lie and all weigh 1. The rooms have the rows of a chunk.
    """
    X, y, weight, order, rates = borrowed(X), borrowed(y), borrowed(weight), borrowed(order), borrowed(rates)
    theta, memory, gradient, gradient_sum = (
        borrowed(theta),
        borrowed(memory),
        borrowed(gradient),
        borrowed(gradient_sum),
    )
    sizes, activations, settings = borrowed(sizes), borrowed(activations), borrowed(settings)
    optimizer_settings, factor_room = borrowed(optimizer_settings), borrowed(factor_room)
    x_room, y_room, z_room, a_room = borrowed(x_room), borrowed(y_room), borrowed(z_room), borrowed(a_room)
    delta_room = borrowed(delta_room)
    n_rows, n_columns, n_outputs = X.shape[0], X.shape[1], y.shape[1]
    X_flat, y_flat = X.reshape(X.size), y.reshape(y.size)
    number = theta.dtype.type
    n_weights = first_intercept(sizes, theta)
    chunk = x_room.shape[0]
    loss_sum, n_updates = 0.0, 0
    for start in range(0, n_rows, batch_size):
        stop = min(start + batch_size, n_rows)
        scale = 1.0 / ((stop - start) * mean_weight)
        if weight.size:
            heaviest = 0.0
            for i in range(start, stop):
                heaviest = max(heaviest, weight[order[i] if order.size else i])
            if heaviest == 0:
                continue
        batch_sum = 0.0
        for first in range(start, stop, chunk):
            n = min(chunk, stop - first)
            for i in range(n):
                row = order[first + i] if order.size else first + i
                row_factor = number(weight[row] * scale) if weight.size else number(scale)
                for k in range(n_outputs):
                    factor_room[i * n_outputs + k] = row_factor
            if n == 1:
                row = unsigned(order[first] if order.size else first)
                batch_sum += add_row(
                    X_flat, y_flat, row, factor_room, theta, gradient, sizes, activations, settings, loss,
                    z_room, a_room, delta_room,
                )  # fmt: skip
            elif order.size:
                for i in range(n):
                    row = order[first + i]
                    for k in range(n_columns):
                        x_room[i, k] = X[row, k]
                    for k in range(n_outputs):
                        y_room[i * n_outputs + k] = y[row, k]
                batch_sum += add_rows(
                    x_room[:n], y_room, unsigned(0), factor_room, theta, gradient, sizes, activations, settings, loss,
                    z_room, a_room, delta_room,
                )  # fmt: skip
            else:
                batch_sum += add_rows(
                    X[first : first + n], y_flat, unsigned(first * n_outputs), factor_room, theta, gradient, sizes,
                    activations, settings, loss, z_room, a_room, delta_room,
                )  # fmt: skip
            if stop - start > chunk:
                if first == start:
                    gradient_sum[:] = gradient
                else:
                    gradient_sum += gradient
                if first + n == stop:
                    gradient[:] = gradient_sum
        loss_sum += batch_sum / scale
        if alpha:
            penalty = number(alpha)
            for i in range(n_weights):
                gradient[i] += penalty * theta[i]
        rate = rates[n_updates]
        n_updates += 1
        if weight_decay:
            shrink = number(1 - rate * weight_decay)
            for i in range(n_weights):
                theta[i] *= shrink
        step(optimizer, optimizer_settings, theta, gradient, memory, t + n_updates, rate)
    return loss_sum, n_updates
