"""The objective: the weighted mean loss over rows plus the penalty, its value and its gradient.

J(theta) = sum_i w_i loss_i / sum_i w_i + alpha / 2 * sum(W^2), whatever the batch size; intercepts are not penalised.

Sums become means here and nowhere else. A batch of n rows out of a training set with mean weight m stands for the
whole by ``1 / (n m) * sum over the batch of w_i * gradient_i``: the gradient itself if the batch is the whole set,
and otherwise right on average, so that a row of weight 2 pulls twice as hard as a row of weight 1 even in a batch of
its own. (Divided by the batch's own weights instead, a batch of one row would forget its weight.)

Rows are taken in chunks, so the room needed does not grow with their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._network import Network, head
from .losses import Loss


@dataclass(frozen=True)
class Objective:
    """The function of `theta` that training minimises."""

    network: Network
    loss: Loss
    alpha: float

    def penalty(self, theta: np.ndarray) -> float:
        """Return alpha / 2 * sum(W^2)."""
        weights = theta[: self.network.n_weights]
        return 0.5 * self.alpha * float(np.dot(weights, weights))

    def loss_and_gradient(self, X, y, weight, mean_weight: float, work: Workspace) -> float:
        """Return the sum of ``w_i * loss_i`` over a batch, and leave the gradient of J by it in ``work.gradient``.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n_rows, n_features)
        y : ndarray of shape (n_rows, n_outputs)
        weight : ndarray of shape (n_rows,), float64, or None
            None is a weight of 1 for every row.
        mean_weight : float
            Mean weight of the training set that the batch is from.
        work : Workspace
        """
        n_rows = X.shape[0]
        scale = 1.0 / (n_rows * mean_weight)
        if n_rows <= work.n_rows:
            total = self._chunk(X, y, weight, scale, work)
        else:
            total = self._sum_of_chunks(X, y, weight, scale, work)
        if self.alpha:
            work.weight_gradient += np.multiply(work.weights, self.alpha, out=work.weight_scratch)
        return total

    def _sum_of_chunks(self, X, y, weight, scale, work):
        total = 0.0
        gradient_sum = work.scratch
        gradient_sum.fill(0.0)
        for start in range(0, X.shape[0], work.n_rows):
            rows = slice(start, start + work.n_rows)
            total += self._chunk(X[rows], y[rows], None if weight is None else weight[rows], scale, work)
            gradient_sum += work.gradient
        work.gradient[...] = gradient_sum
        return total

    def _chunk(self, X, y, weight, scale, work):
        trace, ones = work.room(X.shape[0])
        raw = self.network.forward(work.layers, X, trace)
        delta = trace[-1].delta
        values = self.loss.value_and_gradient(y, raw, delta)
        if weight is not None:
            delta *= (weight * scale).astype(delta.dtype)[:, np.newaxis]
        elif scale != 1.0:
            delta *= scale
        self.network.backward(work.layers, X, trace, ones, work.gradient_layers)
        return float(np.dot(ones if weight is None else weight, values))


class Workspace:
    """The arrays that training writes to, made once: windows on `theta`, the gradient, the trace of a chunk.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
    n_rows : int
        The most rows that are ever asked for at once.
    """

    def __init__(self, network: Network, theta: np.ndarray, n_rows: int):
        self.layers = network.unpack(theta)
        self.gradient = np.empty_like(theta)
        self.gradient_layers = network.unpack(self.gradient)
        self.scratch = np.empty_like(theta)
        self.weights, self.weight_gradient, self.weight_scratch = (
            vector[: network.n_weights] for vector in (theta, self.gradient, self.scratch)
        )
        self.n_rows = min(n_rows, network.chunk_rows(theta.dtype))
        self._trace = network.trace(self.n_rows, theta.dtype)
        self._ones = np.ones(self.n_rows, theta.dtype)
        self._rooms = {}

    def room(self, n_rows: int):
        """Return the trace and the vector of ones for `n_rows` rows."""
        if n_rows not in self._rooms:
            self._rooms[n_rows] = head(self._trace, n_rows), self._ones[:n_rows]
        return self._rooms[n_rows]
