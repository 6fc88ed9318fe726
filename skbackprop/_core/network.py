"""The network: forward propagation and backpropagation in matrices, with no weights of its own.

All weights and intercepts of a network are one flat vector `theta`, first the weights of every layer, then the
intercepts of every layer; the layers are windows on it. So an optimizer is a formula on one vector, keeping the best
weights is one copy, and the weights that a penalty applies to are the first `n_weights` entries.

Shapes: layer l has W of shape (sizes[l], sizes[l + 1]) and b of shape (sizes[l + 1],). A batch X is (n_rows,
sizes[0]), dense or CSR; net inputs `z`, outputs `a` and derivatives `delta` of a layer are (n_rows, units of the
layer).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..activations import Activation
from ..initializers import Initializer
from .dropout import Dropout

#: Target for the room of one chunk of rows, in bytes: what a core's second cache holds. See docs/architecture.md.
CHUNK_BYTES = 2**21
#: No chunk has fewer rows than this, or matrix products would lose their speed.
MIN_CHUNK_ROWS = 256


class Layer(NamedTuple):
    """Windows on the part of `theta`, or of a gradient, that belongs to one layer."""

    W: np.ndarray
    b: np.ndarray


class LayerCache(NamedTuple):
    """What a layer leaves behind on the way forward, and room for its delta on the way back."""

    z: np.ndarray
    a: np.ndarray  # of the last layer, whose activation belongs to the loss: z itself
    delta: np.ndarray


@dataclass(frozen=True)
class Network:
    """Sizes of all layers, inputs and outputs included, and one activation for each hidden layer."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]

    @cached_property
    def n_weights(self) -> int:
        """Number of weights, intercepts not counted: the part of `theta` that is penalised."""
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes))

    @cached_property
    def n_parameters(self) -> int:
        """Length of `theta`."""
        return self.n_weights + sum(self.sizes[1:])

    def unpack(self, theta: np.ndarray) -> list[Layer]:
        """Return the layers as windows on `theta`."""
        layers = []
        weight, intercept = 0, self.n_weights
        for fan_in, fan_out in pairwise(self.sizes):
            W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
            layers.append(Layer(W, theta[intercept : intercept + fan_out]))
            weight += fan_in * fan_out
            intercept += fan_out
        return layers

    def init(self, initializers: list[Initializer], rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        """Return a `theta` with weights drawn by one initializer a layer and intercepts of zero."""
        theta = np.zeros(self.n_parameters, dtype)
        for layer, initializer in zip(self.unpack(theta), initializers, strict=True):
            layer.W[...] = initializer.draw(rng, *layer.W.shape)
        return theta

    def chunk_rows(self, dtype: np.dtype) -> int:
        """Return how many rows to propagate at a time, so that the room needed does not grow with their number."""
        row_bytes = (self.sizes[0] + 3 * sum(self.sizes[1:])) * np.dtype(dtype).itemsize
        return max(MIN_CHUNK_ROWS, CHUNK_BYTES // row_bytes)

    def trace(self, n_rows: int, dtype: np.dtype) -> list[LayerCache]:
        """Return room for one pass of up to `n_rows` rows, forward and back."""
        hidden = [LayerCache(*(np.empty((n_rows, size), dtype) for _ in range(3))) for size in self.sizes[1:-1]]
        raw, delta = np.empty((2, n_rows, self.sizes[-1]), dtype)
        return [*hidden, LayerCache(raw, raw, delta)]

    def forward(self, layers: list[Layer], X, trace: list[LayerCache], dropout: Dropout | None = None) -> np.ndarray:
        """Propagate X forward and return the raw output, a view on the trace of the last layer.

        ``z = a @ W + b`` and ``a = f(z)``, layer by layer; the last layer stops at z.
        """
        a = X
        for level, (layer, (z, out, _)) in enumerate(zip(layers, trace, strict=True)):
            if level == 0 and sparse.issparse(a):
                z[...] = a @ layer.W
            else:
                np.dot(a, layer.W, out=z)
            z += layer.b
            if level < len(self.activations):
                self.activations[level].function(z, out)
                if dropout is not None:
                    out *= dropout.masks[level]
            a = out
        return a

    def raw_output(self, theta: np.ndarray, X, standardized: Callable | None = None) -> np.ndarray:
        """Return the raw output for any number of rows, an array of shape (n_rows, n_outputs) of its own.

        `standardized` makes of some rows of X what the network takes.
        """
        layers = self.unpack(theta)
        n_rows, chunk = X.shape[0], self.chunk_rows(theta.dtype)
        if n_rows <= chunk:
            return self._propagate(layers, X, standardized)
        raw = np.empty((n_rows, self.sizes[-1]), theta.dtype)
        for start in range(0, n_rows, chunk):
            raw[start : start + chunk] = self._propagate(layers, X[start : start + chunk], standardized)
        return raw

    def _propagate(self, layers, a, standardized):
        """Do what `forward` does, and leave nothing behind."""
        if standardized is not None:
            a = standardized(a)
        for layer, activation in zip(layers, (*self.activations, None), strict=True):
            z = a @ layer.W if sparse.issparse(a) else np.dot(a, layer.W)
            z += layer.b
            if activation is not None:
                a = np.empty_like(z)
                activation.function(z, a)
        return z

    def backward(
        self,
        layers: list[Layer],
        X,
        trace: list[LayerCache],
        ones: np.ndarray,
        gradient: list[Layer],
        dropout: Dropout | None = None,
    ) -> None:
        """Propagate the delta of the last layer back and write dE/dW and dE/db of each layer into `gradient`.

        ``dW = a.T @ delta`` and ``db = sum of delta over rows``, with `a` the input of the layer; then
        ``delta <- (delta @ W.T) * f'(z)`` takes it to the layer before. The trace is spent.

        Parameters
        ----------
        trace : list of LayerCache
            As `forward` left it for X, with the derivative of the loss by the raw output as the last delta.
        ones : ndarray of shape (n_rows,)
            A product with it sums over rows, and faster than `sum` does.
        dropout : Dropout or None
            With the masks that `forward` had.
        """
        for level in reversed(range(len(layers))):
            delta = trace[level].delta
            np.dot(ones, delta, out=gradient[level].b)
            if level == 0:
                _weight_gradient(X, delta, gradient[0].W)
                return
            z, a, delta_before = trace[level - 1]
            np.dot(a.T, delta, out=gradient[level].W)
            np.dot(delta, layers[level].W.T, out=delta_before)
            if dropout is not None:
                delta_before *= dropout.masks[level - 1]
                a *= dropout.keep[level - 1]  # back to f(z), where delta is not 0
            self.activations[level - 1].derivative(z, a)
            delta_before *= z

    def input_gradient(self, layers: list[Layer], trace: list[LayerCache]) -> np.ndarray:
        """Return dE/di, the derivative by the inputs, of shape (n_rows, sizes[0]), after `backward`."""
        return trace[0].delta @ layers[0].W.T


def first_rows(trace: list[LayerCache], n_rows: int) -> list[LayerCache]:
    """Return the first `n_rows` rows of a trace, as views."""
    return [LayerCache(*(array[:n_rows] for array in layer)) for layer in trace]


def _weight_gradient(X, delta, out):
    if sparse.issparse(X):
        out[...] = X.T @ delta
    else:
        np.dot(X.T, delta, out=out)
