"""The network: forward propagation and backpropagation in matrices, for weights that the caller passes.

All weights and intercepts of a network are one flat vector `theta`, first the weights of every layer, then the
intercepts of every layer; the layers are views of it. So an optimizer is a formula on one vector, keeping the best
weights is one copy, and the weights that a penalty applies to are the first `n_weights` entries.

Shapes: layer l has W of shape (sizes[l], sizes[l + 1]) and b of shape (sizes[l + 1],). A batch X is (n_samples,
sizes[0]), dense or CSR; pre-activations `z`, outputs `a` and derivatives `delta` of a layer are (n_samples, units of
the layer).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .._typing import Matrix
from ..activations import Activation
from ..initializers import Initializer, drawn_weights
from .dropout import Dropout

#: Target size of the buffers of one chunk, in bytes: about the second-level cache of a core.
CHUNK_BYTES = 2**21
#: Smallest number of samples in a chunk; matrix products of fewer samples are slow.
MIN_CHUNK_SIZE = 256


class Layer(NamedTuple):
    """Views of the part of `theta`, or of a gradient, that belongs to one layer."""

    W: np.ndarray
    b: np.ndarray


class LayerCache(NamedTuple):
    """What the forward pass of a layer stores for the backward pass, and the buffer for its delta."""

    z: np.ndarray
    a: np.ndarray  # the last layer, whose activation belongs to the loss, has z itself here
    delta: np.ndarray


@dataclass(frozen=True)
class Network:
    """Sizes of all layers, inputs and outputs included, and one activation for each hidden layer."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]

    @cached_property
    def n_weights(self) -> int:
        """Number of weights without intercepts: the part of `theta` that is penalized."""
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes))

    @cached_property
    def n_parameters(self) -> int:
        """Length of `theta`."""
        return self.n_weights + sum(self.sizes[1:])

    def unpack(self, theta: np.ndarray) -> list[Layer]:
        """Return the layers as views of `theta`."""
        layers = []
        weight, intercept = 0, self.n_weights
        for fan_in, fan_out in pairwise(self.sizes):
            W = theta[weight : weight + fan_in * fan_out].reshape(fan_in, fan_out)
            layers.append(Layer(W, theta[intercept : intercept + fan_out]))
            weight += fan_in * fan_out
            intercept += fan_out
        return layers

    def init(self, initializers: list[Initializer], rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        """Return a `theta` with weights drawn by one initializer per layer and intercepts of zero."""
        theta = np.zeros(self.n_parameters, dtype)
        for layer, initializer in zip(self.unpack(theta), initializers, strict=True):
            layer.W[...] = drawn_weights(initializer, rng, *layer.W.shape)
        return theta

    def chunk_size(self, dtype: np.dtype) -> int:
        """Return how many samples to propagate at a time, so that memory does not grow with their number."""
        sample_bytes = (self.sizes[0] + 3 * sum(self.sizes[1:])) * np.dtype(dtype).itemsize
        return max(MIN_CHUNK_SIZE, CHUNK_BYTES // sample_bytes)

    def allocate_cache(self, n_samples: int, dtype: np.dtype) -> list[LayerCache]:
        """Return the arrays that `forward` and `backward` need for up to `n_samples` samples."""
        cache = []
        for size in self.sizes[1:-1]:
            z, a, delta = np.empty((3, n_samples, size), dtype)
            cache.append(LayerCache(z, a, delta))
        raw, delta = np.empty((2, n_samples, self.sizes[-1]), dtype)
        cache.append(LayerCache(raw, raw, delta))
        return cache

    def forward(
        self, layers: list[Layer], X: Matrix, cache: list[LayerCache], dropout: Dropout | None = None
    ) -> np.ndarray:
        """Propagate X forward and return the raw output, a view of the cache of the last layer.

        ``z = a @ W + b`` and ``a = f(z)``, layer by layer; the last layer stops at z.
        """
        a = X
        for level, (layer, (z, out, _)) in enumerate(zip(layers, cache, strict=True)):
            if isinstance(a, np.ndarray):
                np.dot(a, layer.W, out=z)
            else:
                z[...] = a @ layer.W
            z += layer.b
            if level < len(self.activations):
                self.activations[level].function(z, out)
                if dropout is not None:
                    out *= dropout.masks[level]
            a = out
        return cache[-1].z

    def raw_output(
        self, theta: np.ndarray, X: Matrix, transform: Callable[[Matrix], Matrix] | None = None
    ) -> np.ndarray:
        """Return the raw output for any number of samples, as a new array of shape (n_samples, n_outputs).

        `transform` standardizes the samples, chunk by chunk.
        """
        layers = self.unpack(theta)
        n_samples, size = X.shape[0], self.chunk_size(theta.dtype)
        if n_samples <= size:
            return self._propagate(layers, X, transform)
        raw = np.empty((n_samples, self.sizes[-1]), theta.dtype)
        for start in range(0, n_samples, size):
            raw[start : start + size] = self._propagate(layers, X[start : start + size], transform)
        return raw

    def _propagate(self, layers: list[Layer], X: Matrix, transform: Callable[[Matrix], Matrix] | None) -> np.ndarray:
        """Compute what `forward` computes, but keep nothing for a backward pass."""
        a = X if transform is None else transform(X)
        for layer, activation in zip(layers, (*self.activations, None), strict=True):
            z = np.dot(a, layer.W) if isinstance(a, np.ndarray) else a @ layer.W
            z += layer.b
            if activation is not None:
                a = z if activation.works_in_place else np.empty_like(z)
                activation.function(z, a)
        return z

    def backward(
        self,
        layers: list[Layer],
        X: Matrix,
        cache: list[LayerCache],
        ones: np.ndarray,
        gradient: list[Layer],
        dropout: Dropout | None = None,
    ) -> None:
        """Propagate the delta of the last layer back and write dE/dW and dE/db of each layer into `gradient`.

        ``dW = a.T @ delta`` and ``db = sum of delta over samples``, with `a` the input of the layer; then
        ``delta <- (delta @ W.T) * f'(z)`` takes it to the layer before. The cache is overwritten.

        Parameters
        ----------
        layers : list of Layer
            Weights and intercepts.
        X : ndarray or CSR matrix of shape (n_samples, sizes[0])
            The batch that `forward` propagated.
        cache : list of LayerCache
            As `forward` left it for X; the last delta is the derivative of the loss with respect to the raw output.
        ones : ndarray of shape (n_samples,)
            Ones: a product with them sums over samples faster than `sum`.
        gradient : list of Layer
            Views of the gradient, which are overwritten.
        dropout : Dropout or None
            With the masks that `forward` used.
        """
        for level in reversed(range(len(layers))):
            delta = cache[level].delta
            np.dot(ones, delta, out=gradient[level].b)
            if level == 0:
                _weight_gradient(X, delta, gradient[0].W)
                return
            z, a, delta_before = cache[level - 1]
            np.dot(a.T, delta, out=gradient[level].W)
            np.dot(delta, layers[level].W.T, out=delta_before)
            if dropout is not None:
                delta_before *= dropout.masks[level - 1]
                a *= dropout.keep[level - 1]  # back to f(z), where delta is not 0
            self.activations[level - 1].derivative(z, a)
            delta_before *= z

    def input_gradient(self, layers: list[Layer], cache: list[LayerCache]) -> np.ndarray:
        """Return dE/di, the derivative with respect to the inputs, of shape (n_samples, sizes[0]), after `backward`."""
        return cache[0].delta @ layers[0].W.T


def first_samples(cache: list[LayerCache], n_samples: int) -> list[LayerCache]:
    """Return the cache of the first `n_samples` samples, as views."""
    return [LayerCache(z[:n_samples], a[:n_samples], delta[:n_samples]) for z, a, delta in cache]


def _weight_gradient(X: Matrix, delta: np.ndarray, out: np.ndarray) -> None:
    if isinstance(X, np.ndarray):
        np.dot(X.T, delta, out=out)
    else:
        out[...] = X.T @ delta
