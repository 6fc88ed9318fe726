"""The objective: the weighted mean loss over rows plus the penalty, its value and its gradient.

J(theta) = sum_i w_i loss_i / sum_i w_i + alpha ((1 - l1_ratio) / 2 * sum(W^2) + l1_ratio * sum(abs(W))), whatever the
batch size; intercepts are not penalised. W and the losses are those of the standardised rows.

Sums become means here and nowhere else. A batch of n rows out of a training set with mean weight m stands for the
whole by ``1 / (n m) * sum over the batch of w_i * gradient_i``: the gradient itself if the batch is the whole set,
and otherwise right on average, so that a row of weight 2 pulls twice as hard as a row of weight 1 even in a batch of
its own. (Divided by the batch's own weights instead, a batch of one row would forget its weight.)

Rows are taken in chunks, so the room needed does not grow with their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..losses._base import Loss
from .dropout import Dropout
from .network import Network, first_rows


@dataclass(frozen=True)
class Objective:
    """The function of `theta` that training minimises."""

    network: Network
    loss: Loss
    l1_ratio: float = 0.0
    dropout: tuple[float, ...] = ()  # the share of each hidden layer, or nothing

    def strengths(self, alpha: float) -> tuple[float, float]:
        """Return what sum(abs(W)) and sum(W^2) / 2 are multiplied by."""
        return alpha * self.l1_ratio, alpha * (1.0 - self.l1_ratio)

    def penalty(self, theta: np.ndarray, alpha: float) -> float:
        """Return the part of J that is no mean over rows."""
        if not alpha:
            return 0.0
        weights = theta[: self.network.n_weights]
        l1, l2 = self.strengths(alpha)
        penalty = 0.5 * l2 * float(np.dot(weights, weights))
        return penalty + l1 * float(np.abs(weights).sum()) if l1 else penalty

    def mean_loss(self, theta: np.ndarray, X, y: np.ndarray, weight: np.ndarray | None, standardized=None) -> float:
        """Return the weighted mean loss of any number of rows, without penalty and dropout."""
        return self._mean(lambda rows: self.network.raw_output(theta, X[rows], standardized), y, weight)

    def constant_loss(self, y: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the weighted mean loss of a prediction that is the mean of `y` everywhere."""
        raw = self.loss.constant(np.average(y, axis=0, weights=weight).astype(y.dtype))
        return self._mean(lambda rows: np.tile(raw, (len(y[rows]), 1)), y, weight)

    def _mean(self, raw_of, y, weight):
        total, chunk = 0.0, self.network.chunk_rows(y.dtype)
        for start in range(0, len(y), chunk):
            rows = slice(start, start + chunk)
            raw = raw_of(rows)
            values = self.loss.value_and_gradient(y[rows], raw, np.empty_like(raw)).astype(np.float64)
            total += float(values.sum() if weight is None else np.dot(weight[rows], values))
        return total / (len(y) if weight is None else float(weight.sum()))

    def loss_and_gradient(self, X, y, weight, mean_weight: float, work: Workspace, position: int = 0) -> float:
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
        position : int
            Place of the first row in the pass, which dropout asks for.
        """
        n_rows = X.shape[0]
        scale = 1.0 / (n_rows * mean_weight)
        if n_rows <= work.n_rows:
            total = self._chunk(X, y, weight, scale, work, position)
        else:
            total = self._sum_of_chunks(X, y, weight, scale, work, position)
        l1, l2 = self.strengths(work.alpha)
        if l2:
            work.weight_gradient += np.multiply(work.weights, l2, out=work.weight_scratch)
        if l1:
            np.sign(work.weights, out=work.weight_scratch)
            work.weight_scratch *= l1
            work.weight_gradient += work.weight_scratch
        return total

    def _sum_of_chunks(self, X, y, weight, scale, work, position):
        total = 0.0
        gradient_sum = work.scratch
        gradient_sum.fill(0.0)
        for start in range(0, X.shape[0], work.n_rows):
            rows = slice(start, start + work.n_rows)
            part = None if weight is None else weight[rows]
            total += self._chunk(X[rows], y[rows], part, scale, work, position + start)
            gradient_sum += work.gradient
        work.gradient[...] = gradient_sum
        return total

    def _chunk(self, X, y, weight, scale, work, position):
        trace, ones = work.room(X.shape[0])
        if work.dropout is not None:
            work.dropout.draw(work.key, position, X.shape[0])
        X = work.inputs_of(X)
        raw = self.network.forward(work.layers, X, trace, work.dropout)
        delta = trace[-1].delta
        values = self.loss.value_and_gradient(y, raw, delta)
        if weight is not None:
            delta *= (weight * scale).astype(delta.dtype)[:, np.newaxis]
        elif scale != 1.0:
            delta *= scale
        self.network.backward(work.layers, X, trace, ones, work.gradient_layers, work.dropout)
        return float(np.dot(ones if weight is None else weight, values))


class Workspace:
    """The arrays that training writes to, made once: windows on `theta`, the gradient, the trace of a chunk.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
    n_rows : int
        The most rows that are ever asked for at once.
    standardizer : Standardizer or None
        What makes of rows of X what the network takes; None takes them as they are.
    dropout : tuple of float
        See `Objective`.
    """

    #: What the masks of this pass are drawn by, and the strength of its penalty.
    key, alpha = 0, 0.0

    def __init__(self, network: Network, theta: np.ndarray, n_rows: int, standardizer=None, dropout=()):
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
        self._standardizer, self._inputs = standardizer, None
        self.dropout = Dropout(dropout, network.sizes[1:-1], self.n_rows, theta.dtype) if any(dropout) else None

    def inputs_of(self, X):
        """Return some rows of X as the network takes them."""
        if self._standardizer is None:
            return X
        if self._inputs is None and not sparse.issparse(X):
            self._inputs = np.empty((self.n_rows, X.shape[1]), self.gradient.dtype)
        return self._standardizer.inputs_of(X, None if self._inputs is None else self._inputs[: X.shape[0]])

    def room(self, n_rows: int):
        """Return the trace and the vector of ones for `n_rows` rows."""
        if n_rows not in self._rooms:
            self._rooms[n_rows] = first_rows(self._trace, n_rows), self._ones[:n_rows]
        return self._rooms[n_rows]
