"""The objective: the weighted mean loss plus the penalty, its value and its gradient.

J(theta) = sum_i w_i loss_i / sum_i w_i + alpha ((1 - l1_ratio) / 2 * sum(W^2) + l1_ratio * sum(abs(W))), for any
batch size; intercepts are not penalized. W and the losses are those of the standardized samples.

Sums become means here and nowhere else. The gradient of a batch of n samples from a training set with mean weight m is
``1 / (n m) * sum over the batch of w_i * gradient_i``. It equals the gradient for the whole set if the batch is the
whole set, and is an unbiased estimate of it otherwise. If the sum were divided by the weights of the batch, a batch of
a single sample would ignore its weight.

Samples are processed in chunks, so the memory needed does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._typing import CSR, Matrix
from ..losses import Loss, SquaredError
from .dataset import INDEX_CHUNK, Dataset, OneHot
from .dropout import Dropout
from .network import LayerCache, Network, first_samples
from .standardizer import Standardizer

#: Number of entries of the raw output that are evaluated at a time outside of training.
MAX_OUTPUT_ENTRIES = 2**18

#: A scaled target beyond this is a gross error for a robust loss.
GROSS_ERROR = 8.0

#: Sparse samples with a larger share of entries are multiplied faster as a dense matrix,
DENSE_SHARE = 0.07
#: which is made of one chunk at a time, up to this size.
MAX_DENSE_BYTES = 2**25


class Penalty(NamedTuple):
    """The penalty l1 * sum(abs(W)) + l2 / 2 * sum(W^2) on the weights W."""

    l1: float
    l2: float

    def value(self, weights: np.ndarray) -> float:
        """Return the penalty of the weights."""
        value = 0.0
        if self.l2:
            value += 0.5 * self.l2 * float(np.dot(weights, weights))
        if self.l1:
            value += self.l1 * float(np.abs(weights).sum())
        return value

    def add_gradient(self, weights: np.ndarray, gradient: np.ndarray, scratch: np.ndarray) -> None:
        """Add the derivative of the penalty to `gradient`."""
        if self.l2:
            gradient += np.multiply(weights, self.l2, out=scratch)
        if self.l1:
            np.sign(weights, out=scratch)
            scratch *= self.l1
            gradient += scratch


@dataclass(frozen=True)
class Objective:
    """The function of `theta` that training minimizes.

    Parameters
    ----------
    network : Network
    loss : Loss
    l1_ratio : float
    dropout : tuple of float
        Dropout rate of each hidden layer, or empty.
    """

    network: Network
    loss: Loss
    l1_ratio: float = 0.0
    dropout: tuple[float, ...] = ()

    def penalty(self, alpha: float) -> Penalty:
        """Return the penalty of strength `alpha`."""
        return Penalty(alpha * self.l1_ratio, alpha * (1.0 - self.l1_ratio))

    def penalty_value(self, theta: np.ndarray, alpha: float) -> float:
        """Return the part of J that is not a mean over samples."""
        return self.penalty(alpha).value(theta[: self.network.n_weights])

    def mean_loss(
        self,
        theta: np.ndarray,
        data: Dataset,
        transform: Callable[[Matrix], Matrix] | None = None,
        limit: float = math.inf,
    ) -> float:
        """Return the weighted mean loss, without penalty and dropout.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
        data : Dataset
        transform : callable or None
            Standardizes some samples.
        limit : float
            The loss of a sample counts as no more than this.
        """
        return self._mean(data, lambda chunk: self.network.raw_output(theta, chunk.X, transform), limit)

    def constant_loss(self, data: Dataset, largest_target: float = math.inf) -> float:
        """Return the weighted mean loss of predicting the mean of the target everywhere.

        Targets beyond `largest_target` enter the mean as this.
        """
        if data.one_hot is not None:
            data, mean = _one_sample_per_class(data, data.one_hot)
            return self.loss_of_constant(data, self.loss.constant(mean.astype(data.dtype)))
        return self.loss_of_constant(data, self.constant_output(data, largest_target))

    def constant_output(self, data: Dataset, largest_target: float = math.inf) -> np.ndarray:
        """Return the raw output that predicts the mean of a target of numbers everywhere."""
        total = np.zeros(data.n_outputs)
        for chunk in data.chunks(self._chunk_size(data)):
            y = chunk.y if math.isinf(largest_target) else np.clip(chunk.y, -largest_target, largest_target)
            total += _weighted_sum(y, chunk.sample_weight)
        raw: np.ndarray = self.loss.constant((total / data.total_weight).astype(data.dtype))
        return raw

    def loss_of_mean(self, variance: np.ndarray) -> float | None:
        """Return the mean loss of predicting the mean everywhere, or None if the variance does not determine it."""
        return float(variance.sum()) if type(self.loss) is SquaredError else None

    def loss_of_constant(self, data: Dataset, raw: np.ndarray) -> float:
        """Return the weighted mean loss of the same raw output everywhere."""
        return self._mean(data, lambda chunk: np.tile(raw, (chunk.n_samples, 1)))

    def constant_loss_and_gross_loss(self, data: Dataset) -> tuple[float, float]:
        """Return the loss of a constant prediction in two parts, the second of which is due to gross errors in y.

        Only a robust loss of a scaled target has a second part. Such a loss grows linearly there, so that no sensible
        prediction avoids this part.
        """
        without = self.constant_loss(data.with_target(np.clip(data.y, -GROSS_ERROR, GROSS_ERROR)))
        return without, self.constant_loss(data, GROSS_ERROR) - without

    def _mean(self, data: Dataset, raw_output: Callable[[Dataset], np.ndarray], limit: float = math.inf) -> float:
        total = 0.0
        for chunk in data.chunks(self._chunk_size(data)):
            raw = raw_output(chunk)
            values = self.loss.value_and_gradient(chunk.target(), raw, np.empty_like(raw)).astype(np.float64)
            total += float(_weighted_sum(np.minimum(values, limit), chunk.sample_weight))
        return total / data.total_weight

    def _chunk_size(self, data: Dataset) -> int:
        """Return how many samples to evaluate at a time, fewer than in training if there are many outputs."""
        return min(self.network.chunk_size(data.dtype), max(1, MAX_OUTPUT_ENTRIES // data.n_outputs))

    def loss_and_gradient(
        self,
        batch: Dataset,
        mean_weight: float,
        penalty: Penalty,
        buffers: ObjectiveBuffers,
        dropout_key: int = 0,
        position: int = 0,
        n_samples: int | None = None,
    ) -> float:
        """Return the sum of ``w_i * loss_i`` over a batch, and leave the gradient of J in ``buffers.gradient``.

        Parameters
        ----------
        batch : Dataset
        mean_weight : float
            Mean sample weight of the training set that the batch is from.
        penalty : Penalty
        buffers : ObjectiveBuffers
        dropout_key : int
            Key of the dropout masks of this epoch.
        position : int
            Position of the first sample in the epoch, which determines its dropout mask.
        n_samples : int or None
            Number of samples that the gradient is the mean over, if `batch` is only a part of them.
        """
        scale = 1.0 / ((n_samples or batch.n_samples) * mean_weight)
        is_one_chunk = batch.n_samples <= buffers.chunk_size and batch.excluded is None
        total = 0.0
        if not is_one_chunk:
            buffers.scratch.fill(0.0)  # sums the gradients of the chunks
        for chunk in (batch,) if is_one_chunk else batch.chunks(buffers.chunk_size):
            X = buffers.standardized(chunk.X)
            weight = chunk.sample_weight
            cache, ones = buffers.views(chunk.n_samples)
            delta = cache[-1].delta
            if buffers.dropout is not None:
                buffers.dropout.draw(dropout_key, position, chunk.n_samples)
                position += chunk.n_samples
            raw = self.network.forward(buffers.layers, X, cache, buffers.dropout)
            y = chunk.y if chunk.one_hot is None else buffers.target(chunk)
            values = self.loss.value_and_gradient(y, raw, delta)
            if weight is not None:
                delta *= (weight * scale).astype(delta.dtype)[:, np.newaxis]
            elif scale != 1.0:
                delta *= scale
            self.network.backward(buffers.layers, X, cache, ones, buffers.gradient_layers, buffers.dropout)
            total += float(np.dot(ones if weight is None else weight, values))
            if not is_one_chunk:
                buffers.scratch += buffers.gradient
        if not is_one_chunk:
            np.copyto(buffers.gradient, buffers.scratch)
        penalty.add_gradient(buffers.weights, buffers.weight_gradient, buffers.weight_scratch)
        return total


class ObjectiveBuffers:
    """The arrays that evaluating the objective writes to, allocated once.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_parameters,)
        The parameters, of which `layers` are views.
    n_samples : int
        Largest number of samples ever evaluated at once.
    standardizer : Standardizer or None
        Standardizes X; None leaves X unchanged.

    Attributes
    ----------
    gradient : ndarray of shape (n_parameters,)
        The gradient of the last batch.
    """

    def __init__(
        self, objective: Objective, theta: np.ndarray, n_samples: int, standardizer: Standardizer | None = None
    ):
        network = objective.network
        self.layers = network.unpack(theta)
        self.gradient = np.empty_like(theta)
        self.gradient_layers = network.unpack(self.gradient)
        self.scratch = np.empty_like(theta)
        self.weights = theta[: network.n_weights]
        self.weight_gradient = self.gradient[: network.n_weights]
        self.weight_scratch = self.scratch[: network.n_weights]
        self.chunk_size = min(n_samples, network.chunk_size(theta.dtype))
        self._cache = network.allocate_cache(self.chunk_size, theta.dtype)
        self._ones = np.ones(self.chunk_size, theta.dtype)
        self._views: dict[int, tuple[list[LayerCache], np.ndarray]] = {}
        self._standardizer = standardizer
        self._inputs: np.ndarray | None = None
        self._target: np.ndarray | None = None
        self.dropout: Dropout | None = None
        if any(objective.dropout):
            self.dropout = Dropout(objective.dropout, network.sizes[1:-1], self.chunk_size, theta.dtype)

    def standardized(self, X: Matrix) -> Matrix:
        """Return the inputs of the network: X in its dtype, and standardized if there is a standardizer."""
        if self._standardizer is None and X.dtype == self.gradient.dtype and isinstance(X, np.ndarray):
            return X
        if not isinstance(X, np.ndarray):
            scaled = X if self._standardizer is None else self._standardizer.transform(X)
            if isinstance(scaled, np.ndarray):  # of a standardizer that centers, because earlier samples were dense
                return scaled
            return scaled.toarray(out=self._buffer(X)) if self._is_nearly_dense(X) else scaled
        inputs = self._buffer(X)
        if self._standardizer is None:
            np.copyto(inputs, X, casting="same_kind")
            return inputs
        return self._standardizer.transform(X, inputs)

    def _is_nearly_dense(self, X: CSR) -> bool:
        """Return whether products with a dense copy of sparse samples are faster, and the copy is small enough."""
        size = self.chunk_size * X.shape[1]
        return X.nnz > DENSE_SHARE * X.shape[0] * X.shape[1] and size * self.gradient.itemsize <= MAX_DENSE_BYTES

    def _buffer(self, X: Matrix) -> np.ndarray:
        """Return the buffer for the inputs of the network for X."""
        if self._inputs is None:
            self._inputs = np.empty((self.chunk_size, X.shape[1]), self.gradient.dtype)
        return self._inputs[: X.shape[0]]

    def target(self, chunk: Dataset) -> np.ndarray:
        """Return the target of a chunk as the loss sees it."""
        if self._target is None:
            self._target = np.empty((self.chunk_size, chunk.n_outputs), chunk.dtype)
        return chunk.target(self._target[: chunk.n_samples])

    def views(self, n_samples: int) -> tuple[list[LayerCache], np.ndarray]:
        """Return the cache and the vector of ones for `n_samples` samples."""
        if n_samples not in self._views:
            self._views[n_samples] = first_samples(self._cache, n_samples), self._ones[:n_samples]
        return self._views[n_samples]


def _weighted_sum(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return the sum over samples in float64."""
    return values.sum(axis=0, dtype=np.float64) if weight is None else np.dot(weight, values)


def _one_sample_per_class(data: Dataset, one_hot: OneHot) -> tuple[Dataset, np.ndarray]:
    """Return a data set with one sample for each class, which has the weight of the class, and the mean target."""
    weight = np.zeros(one_hot.n_classes)
    for chunk in data.chunks(INDEX_CHUNK):
        weight += np.bincount(chunk.y[:, 0].astype(np.intp), chunk.sample_weight, one_hot.n_classes)
    codes = np.flatnonzero(weight)
    y = codes[:, np.newaxis].astype(data.dtype)
    mean = one_hot.off + (one_hot.on - one_hot.off) * weight / weight.sum()
    return Dataset(np.empty((len(codes), 0), data.dtype), y, weight[codes], one_hot), mean
