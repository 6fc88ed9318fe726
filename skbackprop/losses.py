"""Losses: how far the network's raw output is from the target, row by row, and the derivative by the raw output.

The raw output of a network is the net input of its last layer, before any output activation. A loss owns the inverse
of its link, the output activation, so that pairs that belong together stay exact and stable: log loss is computed
from the raw output, never by the logarithm of a rounded probability.

Shapes: `y` and `raw` are (n_rows, n_outputs), both of the network's dtype. Losses are pointwise: the mean over rows,
the sample weights and the penalty enter in `_objective.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from ._settings import Settings

__all__ = ["LOSSES", "BinaryLogLoss", "LogisticSquaredError", "Loss", "MultinomialLogLoss", "SquaredError"]


class Loss(Settings):
    """A loss of the raw output, with its inverse link.

    Attributes
    ----------
    output_activation : str
        Name of the inverse link: "identity", "logistic" or "softmax".
    """

    output_activation: ClassVar[str] = "identity"

    def inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction on the scale of the target.

        Parameters
        ----------
        raw : ndarray of shape (n_rows, n_outputs)

        Returns
        -------
        prediction : ndarray of shape (n_rows, n_outputs)
        """
        raise NotImplementedError

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the loss of each row and write its derivative by the raw output into `gradient`.

        Parameters
        ----------
        y : ndarray of shape (n_rows, n_outputs)
        raw : ndarray of shape (n_rows, n_outputs)
            May be overwritten.
        gradient : ndarray of shape (n_rows, n_outputs)

        Returns
        -------
        values : ndarray of shape (n_rows,)
        """
        raise NotImplementedError


@dataclass(frozen=True)
class SquaredError(Loss):
    """Sum over the outputs of (y - out)^2, without one-half, as in the lecture; out = raw."""

    def inverse_link(self, raw):
        return raw

    def value_and_gradient(self, y, raw, gradient):
        np.subtract(raw, y, out=gradient)
        values = _row_products(gradient, gradient)
        gradient *= 2.0
        return values


@dataclass(frozen=True)
class LogisticSquaredError(Loss):
    """Sum over the outputs of (y - out)^2 with out = f(raw), f the logistic function: the lecture's network."""

    output_activation = "logistic"

    def inverse_link(self, raw):
        return special.expit(raw)

    def log_inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of `inverse_link`, finite wherever `raw` is."""
        return special.log_expit(raw)

    def value_and_gradient(self, y, raw, gradient):
        out = special.expit(raw, out=raw)
        np.subtract(out, y, out=gradient)
        values = _row_products(gradient, gradient)
        gradient *= 2.0  # dE/dout = -2 (y - out)
        gradient *= out  # dout/dnet = f(net) f(-net) = out (1 - out)
        np.subtract(1.0, out, out=out)
        gradient *= out
        return values


@dataclass(frozen=True)
class BinaryLogLoss(Loss):
    """Sum over the outputs of -y log(p) - (1 - y) log(1 - p) with p = f(raw), f the logistic function.

    As a function of raw: max(raw, 0) - y raw + log(1 + exp(-abs(raw))), which neither overflows nor rounds to log(0).
    """

    output_activation = "logistic"

    def inverse_link(self, raw):
        return special.expit(raw)

    def log_inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of `inverse_link`, finite wherever `raw` is."""
        return special.log_expit(raw)

    def value_and_gradient(self, y, raw, gradient):
        np.maximum(raw, 0.0, out=gradient)
        values = gradient.sum(axis=1)
        values -= _row_products(y, raw)
        np.abs(raw, out=gradient)
        np.negative(gradient, out=gradient)
        np.exp(gradient, out=gradient)
        np.log1p(gradient, out=gradient)
        values += gradient.sum(axis=1)
        special.expit(raw, out=gradient)
        gradient -= y
        return values


@dataclass(frozen=True)
class MultinomialLogLoss(Loss):
    """-sum over the outputs of y log(p) with p = softmax(raw), for rows of y that sum to 1.

    As a function of raw: log(sum(exp(raw))) - sum(y raw), with the largest raw output taken from both.
    """

    output_activation = "softmax"

    def inverse_link(self, raw):
        return special.softmax(raw, axis=1)

    def log_inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of `inverse_link`, finite wherever `raw` is."""
        return special.log_softmax(raw, axis=1)

    def value_and_gradient(self, y, raw, gradient):
        raw -= raw.max(axis=1, keepdims=True)
        np.exp(raw, out=gradient)
        total = gradient.sum(axis=1, keepdims=True)
        gradient /= total
        gradient -= y
        values = np.log(total[:, 0])
        values -= _row_products(y, raw)
        return values


def _row_products(a, b):
    """Return the inner product of each row of `a` with the same row of `b`."""
    return np.einsum("ij,ij->i", a, b)


#: The losses by name and output activation; the first pair of a name is what ``output_activation="auto"`` takes.
LOSSES: dict[tuple[str, str], Loss] = {
    ("squared_error", "identity"): SquaredError(),
    ("squared_error", "logistic"): LogisticSquaredError(),
    ("log_loss", "softmax"): MultinomialLogLoss(),
    ("log_loss", "logistic"): BinaryLogLoss(),
}
