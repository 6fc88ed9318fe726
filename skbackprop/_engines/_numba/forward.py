"""The compiled forward pass, for predictions of many samples."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit

from ..kernel_cache import stored
from .backprop import add_intercepts, n_weights_of
from .dispatch import activate_layer, unsigned
from .math import ENTRY, INLINE, standardize_sample


@njit(**INLINE)
def standardize(X, offset, factor, lower, upper, out, n, n_columns):
    """Write n standardized samples into `out`; X and `out` are flat."""
    for sample in range(n):
        first = sample * n_columns
        standardize_sample(X, first, offset, factor, lower, upper, out, first, n_columns)


@cache
def forward_function(dtype: np.dtype):
    """Return the compiled forward pass for this dtype."""

    def forward(
        sizes,
        activations,
        settings,
        X,
        offset,
        factor,
        lower,
        upper,
        theta,
        chunk_size,
        X_buffer,
        z_buffer,
        other_buffer,
        raw,
    ):
        """Write the raw output for X into `raw`, chunk by chunk; X, the buffers and `raw` are flat.

        The buffers hold the standardized inputs and the outputs of two layers for one chunk; `offset` is empty without
        standardization. The other arguments are those of `Model` and `Samples`.
        """
        n_columns, n_outputs, n_hidden = sizes[0], sizes[sizes.size - 1], sizes.size - 2
        n_samples, size = unsigned(raw.size) // n_outputs, unsigned(chunk_size)
        for start in range(unsigned(0), n_samples, size):
            n = min(size, n_samples - start)
            weight, intercept = unsigned(0), n_weights_of(sizes, theta)
            z, other = z_buffer, other_buffer  # they take turns, so that a product does not overwrite its input
            a = X[start * n_columns : (start + n) * n_columns]
            if offset.size:
                standardize(a, offset, factor, lower, upper, X_buffer, n, n_columns)
                a = X_buffer[: n * n_columns]
            for level in range(n_hidden):
                fan_in, fan_out = sizes[level], sizes[level + 1]
                W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
                np.dot(a.reshape(n, fan_in), W, z[: n * fan_out].reshape(n, fan_out))
                activate_layer(activations[level], settings, level, theta, intercept, z, unsigned(0), n, fan_out)
                a = z[: n * fan_out]
                z, other = other, z
                weight += fan_in * fan_out
                intercept += fan_out
            fan_in = sizes[n_hidden]
            W = theta[weight : weight + fan_in * n_outputs].reshape(fan_in, n_outputs)
            np.dot(a.reshape(n, fan_in), W, raw[start * n_outputs : (start + n) * n_outputs].reshape(n, n_outputs))
            add_intercepts(theta, intercept, raw, start * n_outputs, n, n_outputs)

    return stored(njit(**ENTRY), forward, dtype)
