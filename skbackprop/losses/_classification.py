"""Log losses: with one probability per output, and with one distribution over all outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .._scalar_math import Number, exp, logistic, softplus
from ._base import LinkedLoss, Loss, row_products
from ._links import LogitLink, MultinomialLogit

__all__ = ["BinaryLogLoss", "MultinomialLogLoss"]

#: Class frequencies below this are raised to it, so that their logarithm is finite.
RAREST = 1e-6


@dataclass(frozen=True)
class BinaryLogLoss(LinkedLoss):
    """Sum over the outputs of -y log(p) - (1 - y) log(1 - p) with p = f(raw), f the logistic function.

    As a function of raw: max(raw, 0) - y raw + log(1 + exp(-abs(raw))), which neither overflows nor rounds to log(0).

    See Also
    --------
    MultinomialLogLoss : One distribution over all classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import BinaryLogLoss
    >>> y, raw = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> BinaryLogLoss().value_and_gradient(y, raw, gradient).round(4)
    array([2.0064])
    >>> gradient.round(4)
    array([[-0.5   ,  0.7311]])
    """

    link = LogitLink()
    one_output_for_two_classes = True
    is_likelihood = True

    def constant(self, mean: np.ndarray) -> np.ndarray:
        return special.logit(np.clip(mean, RAREST, 1 - RAREST))

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
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

    @staticmethod
    def scalar_value_and_gradient(y: Number, raw: Number) -> tuple[Number, Number]:
        return softplus(raw) - y * raw, logistic(raw) - y


@dataclass(frozen=True)
class MultinomialLogLoss(LinkedLoss):
    """-sum over the outputs of y log(p) with p = softmax(raw), for samples whose `y` sums to 1.

    As a function of raw: log(sum(exp(raw))) - sum(y raw), with the largest raw output subtracted in both terms.

    See Also
    --------
    BinaryLogLoss : A probability for each output.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import MultinomialLogLoss
    >>> y, raw = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> gradient = np.empty_like(raw)
    >>> MultinomialLogLoss().value_and_gradient(y, raw, gradient).round(4)
    array([1.3133])
    >>> gradient.round(4)
    array([[-0.7311,  0.7311]])
    """

    link = MultinomialLogit()
    is_likelihood = True

    def constant(self, mean: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(mean, RAREST))

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        raw -= raw.max(axis=1, keepdims=True)
        np.maximum(raw, -np.finfo(raw.dtype).max, out=raw)  # a product with y = 0 must not be NaN
        np.exp(raw, out=gradient)
        total = gradient.sum(axis=1, keepdims=True)
        gradient /= total
        gradient -= y
        values = np.log(total[:, 0])
        values -= row_products(y, raw)
        return values

    def output_derivative(self, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        return -y / prediction

    @staticmethod
    def loop_value_and_gradient(
        y: np.ndarray, raw: np.ndarray, gradient: np.ndarray, factor: np.ndarray, n: np.uint64, n_outputs: np.uint64
    ) -> float:
        zero, number = type(n)(0), raw.dtype.type
        lowest = number(-np.finfo(raw.dtype).max)
        for first in range(zero, n, n_outputs):
            largest = raw[first]
            for k in range(first, first + n_outputs):
                largest = max(largest, raw[k])
            for k in range(first, first + n_outputs):
                below = raw[k] - largest
                raw[k] = lowest if below < lowest else below  # a product with y = 0 must not be NaN
        for i in range(n):  # a separate loop, which the compiler vectorizes for any n_outputs
            gradient[i] = exp(raw[i])
        total = 0.0
        for first in range(zero, n, n_outputs):
            exponentials, product = number(0), number(0)
            for k in range(first, first + n_outputs):
                exponentials += gradient[k]
                product += y[k] * raw[k]
            total += factor[first] * (np.log(exponentials) - product)
            share = factor[first] / exponentials
            for k in range(first, first + n_outputs):
                gradient[k] = share * gradient[k] - factor[k] * y[k]
        return total


#: The losses of this module by name and output activation; `skbackprop.losses.LOSSES` has those of all modules.
LOSSES: dict[tuple[str, str], Loss] = {
    ("log_loss", "softmax"): MultinomialLogLoss(),
    ("log_loss", "logistic"): BinaryLogLoss(),
}
