"""The identity, and the sigmoid functions logistic and tanh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .._scalar_math import Number, logistic, tanh
from ._base import Activation

__all__ = ["Identity", "Logistic", "Tanh"]


@dataclass(frozen=True)
class Identity(Activation):
    """The identity, f(z) = z: a linear layer.

    See Also
    --------
    ReLU : The identity for positive z, and 0 otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Identity
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> Identity().function(z, out=a)
    >>> a.round(4)
    array([[-1.,  0.,  2.]])
    """

    works_in_place = True
    compiled_in_place = True

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        np.copyto(out, z)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        z.fill(1.0)

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return z

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        return type(z)(1)


@dataclass(frozen=True)
class Logistic(Activation):
    """The logistic function, f(z) = 1 / (1 + exp(-z)), as in the lecture; f'(z) = f(z) f(-z).

    See Also
    --------
    Tanh : The same curve scaled to the range from -1 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Logistic
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> Logistic().function(z, out=a)
    >>> a.round(4)
    array([[0.2689, 0.5   , 0.8808]])
    """

    works_in_place = True

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        special.expit(z, out=out)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        np.subtract(1.0, a, out=z)  # f(-z) = 1 - f(z)
        z *= a

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return logistic(z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        return a * (type(a)(1) - a)


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent, f(z) = tanh(z); f'(z) = 1 - f(z)^2.

    See Also
    --------
    Logistic : The same curve scaled to the range from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Tanh
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> Tanh().function(z, out=a)
    >>> a.round(4)
    array([[-0.7616,  0.    ,  0.964 ]])
    """

    works_in_place = True

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        np.tanh(z, out=out)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        np.multiply(a, a, out=z)
        np.subtract(1.0, z, out=z)

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return tanh(z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        return type(a)(1) - a * a


#: The entries of `skbackprop.activations.ACTIVATIONS`.
ACTIVATIONS: dict[str, Activation] = {
    "identity": Identity(),
    "logistic": Logistic(),
    "tanh": Tanh(),
}
