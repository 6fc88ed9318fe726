"""Log losses: of one probability an output, and of one distribution over all outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ._base import LinkedLoss, row_products
from ._links import LogitLink, MultinomialLogit

#: Smallest share of a class whose logarithm is taken.
RAREST = 1e-6


@dataclass(frozen=True)
class BinaryLogLoss(LinkedLoss):
    """Sum over the outputs of -y log(p) - (1 - y) log(1 - p) with p = f(raw), f the logistic function.

    As a function of raw: max(raw, 0) - y raw + log(1 + exp(-abs(raw))), which neither overflows nor rounds to log(0).
    """

    link = LogitLink()
    one_output_for_two_classes = True
    is_likelihood = True

    def constant(self, mean):
        return special.logit(np.clip(mean, RAREST, 1 - RAREST))

    def value_and_gradient(self, y, raw, gradient):
        np.maximum(raw, 0.0, out=gradient)
        values = gradient.sum(axis=1)
        values -= row_products(y, raw)
        np.abs(raw, out=gradient)
        np.negative(gradient, out=gradient)
        np.exp(gradient, out=gradient)
        np.log1p(gradient, out=gradient)
        values += gradient.sum(axis=1)
        special.expit(raw, out=gradient)
        gradient -= y
        return values


@dataclass(frozen=True)
class MultinomialLogLoss(LinkedLoss):
    """-sum over the outputs of y log(p) with p = softmax(raw), for rows of y that sum to 1.

    As a function of raw: log(sum(exp(raw))) - sum(y raw), with the largest raw output taken from both.
    """

    link = MultinomialLogit()
    is_likelihood = True

    def constant(self, mean):
        return np.log(np.maximum(mean, RAREST))

    def value_and_gradient(self, y, raw, gradient):
        raw -= raw.max(axis=1, keepdims=True)
        np.exp(raw, out=gradient)
        total = gradient.sum(axis=1, keepdims=True)
        gradient /= total
        gradient -= y
        values = np.log(total[:, 0])
        values -= row_products(y, raw)
        return values

    def output_derivative(self, y, prediction):
        return -y / prediction
