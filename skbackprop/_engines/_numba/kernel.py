"""The compiled epoch: rows gathered and standardised, gradient and update for every batch, with no Python in between.

Everything is flat: numba recompiles for every new kind of tuple, so activations, losses and optimizers are integer
codes with a few numbers. The GIL is released.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic

from .backprop import add_row, add_rows, first_intercept
from .formulas import step, unsigned
from .math import INLINE, OPTIONS

#: The files that the kernel is compiled from.
SOURCES = ("../../_core/dropout", "kernel", "formulas", "losses", "backprop", "math")


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


@njit(**INLINE)
def add_penalty(alpha, l1, n_weights, theta, gradient):
    """Add the derivative of the penalty."""
    number = theta.dtype.type
    for i in range(n_weights):
        gradient[i] += number(alpha) * theta[i]
    if l1:
        for i in range(n_weights):
            gradient[i] += number(l1) * np.sign(theta[i])


@njit(**INLINE)
def clip(norm, gradient):
    """Shorten the gradient to this norm if it is longer."""
    square = gradient.dtype.type(0)
    for i in range(gradient.size):
        square += gradient[i] * gradient[i]
    length = np.sqrt(square)
    if length > norm:
        factor = gradient.dtype.type(norm / length)
        for i in range(gradient.size):
            gradient[i] *= factor


def compiled(source: int):
    """Return the epoch, compiled under a key that `source` is part of.

    numba keeps a compiled function for as long as its own file stays the same, whatever becomes of those it calls. So
    it is told to keep this one only, which has all others in it.
    """

    @njit(**OPTIONS, cache=True)
    def epoch(
        X, y, weight, order, offset, factor, theta, optimizer_state, gradient, gradient_sum, sizes, activations,
        settings, loss, loss_settings, clip_norm, thresholds, keep, optimizer, optimizer_settings, weight_decay,
        alpha, l1, rates, t, batch_size, mean_weight, key, x_room, y_room, factor_room,
        z_room, a_room, delta_room, mask_room,
    ):  # fmt: skip
        """Make one pass; return the sum of weight * loss and the number of updates.

        `order` and `weight` are empty where rows come as they lie and all weigh 1, `offset` and `factor` where they are
        not standardised, `thresholds` where nothing is dropped. The rooms have the rows of a chunk.
        """
        X, y, weight, order, rates = borrowed(X), borrowed(y), borrowed(weight), borrowed(order), borrowed(rates)
        theta, optimizer_state, offset, factor = (
            borrowed(theta),
            borrowed(optimizer_state),
            borrowed(offset),
            borrowed(factor),
        )
        gradient, gradient_sum, sizes = borrowed(gradient), borrowed(gradient_sum), borrowed(sizes)
        activations, settings, loss_settings = borrowed(activations), borrowed(settings), borrowed(loss_settings)
        thresholds, keep, optimizer_settings = borrowed(thresholds), borrowed(keep), borrowed(optimizer_settings)
        x_room, y_room, factor_room, z_room = (
            borrowed(x_room),
            borrowed(y_room),
            borrowed(factor_room),
            borrowed(z_room),
        )
        a_room, delta_room, mask_room = borrowed(a_room), borrowed(delta_room), borrowed(mask_room)
        n_rows, n_columns, n_outputs = X.shape[0], X.shape[1], y.shape[1]
        X_flat, y_flat, x_flat = X.reshape(X.size), y.reshape(y.size), x_room.reshape(x_room.size)
        number = theta.dtype.type
        n_weights = first_intercept(sizes, theta)
        chunk = x_room.shape[0]
        loss_sum, n_updates = 0.0, 0 * source
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
                    if offset.size:
                        for k in range(n_columns):
                            x_room[i, k] = (X[row, k] - offset[k]) * factor[k]
                    elif order.size and n > 1:
                        for k in range(n_columns):
                            x_room[i, k] = X[row, k]
                    if order.size and n > 1:
                        for k in range(n_outputs):
                            y_room[i * n_outputs + k] = y[row, k]
                position = unsigned(first)
                if n == 1:
                    row = unsigned(order[first] if order.size else first)
                    batch_sum += add_row(
                        x_flat if offset.size else X_flat, unsigned(0) if offset.size else row * unsigned(n_columns),
                        y_flat, row * unsigned(n_outputs), factor_room, theta, gradient, sizes, activations, settings,
                        loss, loss_settings, thresholds, keep, key, position, z_room, a_room, delta_room, mask_room,
                    )  # fmt: skip
                else:
                    batch_sum += add_rows(
                        x_room[:n] if order.size or offset.size else X[first : first + n],
                        y_room if order.size else y_flat, unsigned(0) if order.size else unsigned(first * n_outputs),
                        factor_room, theta, gradient, sizes, activations, settings, loss, loss_settings,
                        thresholds, keep, key, position, z_room, a_room, delta_room, mask_room,
                    )  # fmt: skip
                if stop - start > chunk:
                    if first == start:
                        gradient_sum[:] = gradient
                    else:
                        gradient_sum += gradient
                    if first + n == stop:
                        gradient[:] = gradient_sum
            loss_sum += batch_sum / scale
            if alpha or l1:
                add_penalty(alpha, l1, n_weights, theta, gradient)
            if clip_norm:
                clip(clip_norm, gradient)
            rate = rates[n_updates]
            n_updates += 1
            if weight_decay:
                shrink = number(1 - rate * weight_decay)
                for i in range(n_weights):
                    theta[i] *= shrink
            step(optimizer, optimizer_settings, theta, gradient, optimizer_state, t + n_updates, rate)
        return loss_sum, n_updates

    return epoch


def fingerprint(folder: Path = Path(__file__).parent) -> int:
    """Return a number that changes with the sources of the kernel."""
    text = b"".join((folder / f"{name}.py").read_bytes() for name in SOURCES)
    return int.from_bytes(sha256(text).digest()[:7], "big")


epoch = compiled(fingerprint())
