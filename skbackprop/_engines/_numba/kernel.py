"""The compiled epoch: it gathers and standardizes samples, and makes one update for each batch.

It releases the GIL. One function is compiled for each dtype and stored; see `kernel_cache.py`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from ..kernel_cache import stored
from .backprop import add_chunk, add_sample, n_weights_of
from .dispatch import step, unsigned
from .math import ENTRY, INLINE, standardize_sample


def without_refcount(value):
    """Return an array, or a tuple of arrays, that numba does not count references to.

    Counting references takes an atomic addition for every call and view. With a small network and batches of one
    sample, this takes half of the time. It is not needed, because the caller of the kernel holds references to all
    arrays.
    """
    return value


@overload(without_refcount)
def _without_refcount_compiled(value):
    return lambda value: _without_refcount(value)


@intrinsic
def _without_refcount(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return strip(context, builder, value, arguments[0])

    def strip(context, builder, kind, struct):
        if isinstance(kind, types.Array):
            view = context.make_array(kind)(context, builder, value=struct)
            view.meminfo = cgutils.get_null_value(view.meminfo.type)
            return view._getvalue()
        if isinstance(kind, types.BaseTuple):
            members = (builder.extract_value(struct, k) for k in range(len(kind)))
            stripped = [strip(context, builder, *pair) for pair in zip(kind, members, strict=True)]
            return context.make_tuple(builder, kind, stripped)
        return struct

    return value(value), codegen


@njit(**INLINE)
def add_penalty(l1, l2, n_weights, theta, gradient):
    """Add the derivative of the penalty."""
    number = theta.dtype.type
    for i in range(n_weights):
        gradient[i] += number(l2) * theta[i]
    if l1:
        for i in range(n_weights):
            gradient[i] += number(l1) * np.sign(theta[i])


@njit(**INLINE)
def clip(norm, gradient):
    """Scale the gradient down to this Euclidean norm if it is larger; see `numpy_engine.clip`."""
    number = gradient.dtype.type
    largest = number(1)
    square = sum_of_squares(gradient)
    if not np.finfo(gradient.dtype).tiny < square < np.inf:
        largest = number(0)
        for i in range(gradient.size):
            largest = max(largest, abs(gradient[i]))
        if largest == 0:
            return
        for i in range(gradient.size):
            gradient[i] /= largest
        square = sum_of_squares(gradient)
    length = np.sqrt(np.float64(square))  # in float64, because the product may overflow
    if largest * length > norm:
        largest = number(norm / length)
    if largest != 1:
        for i in range(gradient.size):
            gradient[i] *= largest


@njit(**INLINE)
def sum_of_squares(vector):
    """Return the sum of the squares, in the dtype of the vector."""
    total = vector.dtype.type(0)
    for i in range(vector.size):
        total += vector[i] * vector[i]
    return total


@njit(**INLINE)
def add_to_sum(gradient, gradient_sum, is_first, is_last):
    """Add the gradient of a chunk to the sum over chunks; after the last chunk, copy the sum to the gradient."""
    for i in range(gradient.size):  # assigning whole arrays would take seconds to compile
        total = gradient[i] if is_first else gradient_sum[i] + gradient[i]
        gradient_sum[i] = total
        if is_last:
            gradient[i] = total


@njit(**INLINE)
def index_of(order, position):
    """Return the index of the sample at a position of the epoch."""
    return unsigned(order[position]) if order.size else unsigned(position)


@njit(**INLINE)
def gather_factors(weight, order, first, n, scale, out, n_outputs):
    """Write weight * scale of n samples, for each of their outputs, into `out`; the first has position `first`."""
    number = out.dtype.type
    for i in range(unsigned(n)):
        factor = number(weight[index_of(order, unsigned(first) + i)] * scale) if weight.size else number(scale)
        for k in range(n_outputs):
            out[i * n_outputs + k] = factor


@njit(**INLINE)
def gather(array, order, first, n, out, n_columns):
    """Copy n samples of a flat array with `n_columns` numbers each into `out`; the first has position `first`."""
    for i in range(unsigned(n)):
        source, target = index_of(order, unsigned(first) + i) * n_columns, i * n_columns
        for k in range(n_columns):
            out[target + k] = array[source + k]


@njit(**INLINE)
def gather_standardized(X, offset, factor, lower, upper, order, first, n, out, n_columns):
    """Do what `gather` does, and standardize the samples."""
    for i in range(unsigned(n)):
        source, target = index_of(order, unsigned(first) + i) * n_columns, i * n_columns
        standardize_sample(X, source, offset, factor, lower, upper, out, target, n_columns)


@njit(**INLINE)
def gather_one_hot(codes, class_targets, order, first, n, out, n_classes):
    """Write a number for each class into `out`: the second of `class_targets` for its own, the first for others."""
    for i in range(unsigned(n)):
        target = i * n_classes
        for k in range(n_classes):
            out[target + k] = class_targets[0]
        out[target + unsigned(codes[index_of(order, unsigned(first) + i)])] = class_targets[1]


@cache
def epoch_function(dtype: np.dtype):
    """Return the compiled epoch for this dtype.

    Only this function is stored; it includes the code of all others.
    """

    def epoch(model, samples, plan, theta, optimizer_state, buffers):
        """Run one epoch; return the sum of weight * loss and the number of updates."""
        model, samples, plan = without_refcount(model), without_refcount(samples), without_refcount(plan)
        theta, optimizer_state = without_refcount(theta), without_refcount(optimizer_state)
        buffers = without_refcount(buffers)
        X, y, weight, class_targets, offset, factor, lower, upper = samples
        order, batch_size = plan.order, plan.batch_size
        gradient, gradient_sum = buffers.gradient, buffers.gradient_sum
        X_buffer, y_buffer, factor_buffer = buffers.X, buffers.y, buffers.factor
        n_samples, n_columns = order.size if order.size else X.shape[0], unsigned(X.shape[1])
        n_outputs = model.sizes[model.sizes.size - 1]
        X_flat, y_flat, X_buffer_flat = X.reshape(X.size), y.reshape(y.size), X_buffer.reshape(X_buffer.size)
        number = theta.dtype.type
        n_weights = n_weights_of(model.sizes, theta)
        chunk_size = X_buffer.shape[0]
        loss_sum, n_updates = 0.0, 0
        for start in range(0, n_samples, batch_size):
            stop = min(start + batch_size, n_samples)
            scale = 1.0 / ((stop - start) * plan.mean_weight)
            if weight.size:
                heaviest = 0.0
                for i in range(start, stop):
                    heaviest = max(heaviest, weight[order[i] if order.size else i])
                if heaviest == 0:
                    continue
            batch_sum = 0.0
            for first in range(start, stop, chunk_size):
                n = min(chunk_size, stop - first)
                gather_factors(weight, order, first, n, scale, factor_buffer, n_outputs)
                if offset.size:
                    gather_standardized(X_flat, offset, factor, lower, upper, order, first, n, X_buffer_flat, n_columns)
                elif order.size and n > 1:
                    gather(X_flat, order, first, n, X_buffer_flat, n_columns)
                if class_targets.size:
                    gather_one_hot(y_flat, class_targets, order, first, n, y_buffer, n_outputs)
                elif order.size and n > 1:
                    gather(y_flat, order, first, n, y_buffer, n_outputs)
                position = unsigned(plan.position + first)
                if n == 1:
                    sample = unsigned(order[first] if order.size else first)
                    batch_sum += add_sample(
                        model,
                        X_buffer_flat if offset.size else X_flat,
                        unsigned(0) if offset.size else sample * n_columns,
                        y_buffer if class_targets.size else y_flat,
                        unsigned(0) if class_targets.size else sample * n_outputs,
                        theta,
                        buffers,
                        plan.dropout_key,
                        position,
                    )
                else:
                    batch_sum += add_chunk(
                        model,
                        X_buffer[:n] if order.size or offset.size else X[first : first + n],
                        y_buffer if order.size or class_targets.size else y_flat,
                        unsigned(0) if order.size or class_targets.size else unsigned(first) * n_outputs,
                        theta,
                        buffers,
                        plan.dropout_key,
                        position,
                    )
                if stop - start > chunk_size:
                    add_to_sum(gradient, gradient_sum, first == start, first + n == stop)
            loss_sum += batch_sum / scale
            if plan.l1 or plan.l2:
                add_penalty(plan.l1, plan.l2, n_weights, theta, gradient)
            if model.clip_norm:
                clip(model.clip_norm, gradient)
            learning_rate = plan.learning_rates[n_updates]
            n_updates += 1
            if model.weight_decay:
                shrink = number(1 - learning_rate * model.weight_decay)
                for i in range(n_weights):
                    theta[i] *= shrink
            t = plan.first_step + n_updates
            step(model.optimizer, model.optimizer_settings, theta, gradient, optimizer_state, t, learning_rate)
        return loss_sum, n_updates

    return stored(njit(**ENTRY), epoch, dtype)
