"""ReLU, and functions that are close to it for large positive and negative pre-activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from .._hyperparameters import check_number
from .._scalar_math import Number, expm1, logistic, normal_cdf, normal_pdf, softplus
from ._base import Activation

__all__ = ["ELU", "GELU", "SELU", "LeakyReLU", "ReLU", "SiLU", "Softplus"]


@dataclass(frozen=True)
class ReLU(Activation):
    """The rectified linear unit, f(z) = max(z, 0), with f'(0) = 0.

    See Also
    --------
    LeakyReLU : Has a small slope for negative z.
    Softplus : A smooth approximation of ReLU.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import ReLU
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> ReLU().function(z, out=a)
    >>> a.round(4)
    array([[0., 0., 2.]])
    """

    initializer = "lecun_uniform"
    works_in_place = True
    compiled_in_place = True

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        np.maximum(z, 0.0, out=out)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        np.sign(a, out=z)  # a is never negative, so its sign is 0 or 1

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return max(z, type(z)(0))

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        number = type(z)
        return number(1) if a > 0 else number(0)


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """The leaky rectified linear unit: z where z > 0, else negative_slope * z.

    Maas, Hannun and Ng 2013.

    Parameters
    ----------
    negative_slope : float, default=0.01
        In [0, 1).

    See Also
    --------
    ReLU : With a negative slope of 0.
    ELU : Smooth at 0 for alpha=1.

    Examples
    --------
    >>> LeakyReLU(negative_slope=0.2)
    LeakyReLU(negative_slope=0.2)
    """

    negative_slope: float = 0.01
    initializer = "lecun_uniform"

    def __post_init__(self) -> None:
        check_number(self, "negative_slope", low=0, high=1, closed="left")

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        np.multiply(z, self.negative_slope, out=out)
        np.maximum(z, out, out=out)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        np.heaviside(z, 0.0, out=z)
        z *= 1.0 - self.negative_slope
        z += self.negative_slope

    @staticmethod
    def scalar_value(z: Number, negative_slope: Number) -> Number:
        return max(z, negative_slope * z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number, negative_slope: Number) -> Number:
        return type(z)(1) if z > 0 else negative_slope


@dataclass(frozen=True)
class ELU(Activation):
    """The exponential linear unit: z where z > 0, else alpha * (exp(z) - 1).

    Clevert, Unterthiner and Hochreiter 2016.

    Parameters
    ----------
    alpha : float, default=1.0
        The function approaches -alpha as z goes to minus infinity; above 0.

    See Also
    --------
    SELU : With fixed values of alpha and a scale, which keep the outputs of layers normalized.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import ELU
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> ELU().function(z, out=a)
    >>> a.round(4)
    array([[-0.6321,  0.    ,  2.    ]])
    """

    alpha: float = 1.0
    initializer = "lecun_uniform"

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=0)

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        _scaled_elu(z, out, self.alpha, 1.0)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        _scaled_elu_derivative(z, a, self.alpha, 1.0)

    @staticmethod
    def scalar_value(z: Number, alpha: Number) -> Number:
        return z if z > 0 else alpha * expm1(z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number, alpha: Number) -> Number:
        return type(z)(1) if z > 0 else a + alpha


@dataclass(frozen=True)
class SELU(Activation):
    """The scaled exponential linear unit, which keeps mean 0 and variance 1 from layer to layer.

    Klambauer et al. 2017.

    See Also
    --------
    ELU : Without the scale, and with a variable alpha.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import SELU
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> SELU().function(z, out=a)
    >>> a.round(4)
    array([[-1.1113,  0.    ,  2.1014]])
    """

    alpha: ClassVar[float] = 1.6732632423543772
    scale: ClassVar[float] = 1.0507009873554805
    initializer = "lecun_normal"

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        _scaled_elu(z, out, self.alpha, self.scale)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        _scaled_elu_derivative(z, a, self.alpha, self.scale)

    @staticmethod
    def scalar_value(z: Number, alpha: Number, scale: Number) -> Number:
        return scale * (z if z > 0 else alpha * expm1(z))

    @staticmethod
    def scalar_derivative(z: Number, a: Number, alpha: Number, scale: Number) -> Number:
        return scale if z > 0 else a + scale * alpha


def _scaled_elu(z: np.ndarray, out: np.ndarray, alpha: float, scale: float) -> None:
    np.minimum(z, 0.0, out=out)
    np.expm1(out, out=out)
    out *= alpha
    np.copyto(out, z, where=z > 0)
    out *= scale


def _scaled_elu_derivative(z: np.ndarray, a: np.ndarray, alpha: float, scale: float) -> None:
    np.heaviside(z, 0.0, out=z)
    z *= scale * (1.0 - alpha)
    np.minimum(a, 0.0, out=a)  # scale * alpha * (exp(z) - 1) where z < 0
    a += scale * alpha
    z += a


@dataclass(frozen=True)
class GELU(Activation):
    """The Gaussian error linear unit, f(z) = z Phi(z), where Phi is the standard normal CDF.

    Hendrycks and Gimpel 2016.

    See Also
    --------
    SiLU : The logistic function in place of Phi.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import GELU
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> GELU().function(z, out=a)
    >>> a.round(4)
    array([[-0.1587,  0.    ,  1.9545]])
    """

    initializer = "lecun_uniform"

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        special.ndtr(z, out=out)
        out *= z

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        np.multiply(z, z, out=a)
        a *= -0.5
        np.exp(a, out=a)
        a *= 1.0 / np.sqrt(2.0 * np.pi).item()
        a *= z  # z phi(z)
        special.ndtr(z, out=z)
        z += a

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return z * normal_cdf(z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        cdf = a / z if z != 0 else type(z)(0.5)
        return cdf + z * normal_pdf(z)


@dataclass(frozen=True)
class SiLU(Activation):
    """The sigmoid linear unit, f(z) = z / (1 + exp(-z)), also called swish.

    Elfwing, Uchibe and Doya 2018.

    See Also
    --------
    GELU : The normal distribution function in place of the logistic function.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import SiLU
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> SiLU().function(z, out=a)
    >>> a.round(4)
    array([[-0.2689,  0.    ,  1.7616]])
    """

    initializer = "lecun_uniform"

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        special.expit(z, out=out)
        out *= z

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        special.expit(z, out=z)  # with s = expit(z): f' = s + a (1 - s) = 1 + (1 - s) (a - 1)
        np.subtract(1.0, z, out=z)
        a -= 1.0
        z *= a
        z += 1.0

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return z * logistic(z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        s = logistic(z)
        return s + a * (type(z)(1) - s)


@dataclass(frozen=True)
class Softplus(Activation):
    """The softplus function, f(z) = log(1 + exp(z)), a smooth ReLU; f' is the logistic function.

    Dugas et al. 2001.

    See Also
    --------
    ReLU : The function that softplus approaches for large positive and negative z.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Softplus
    >>> z = np.array([[-1.0, 0.0, 2.0]])
    >>> a = np.empty_like(z)
    >>> Softplus().function(z, out=a)
    >>> a.round(4)
    array([[0.3133, 0.6931, 2.1269]])
    """

    initializer = "lecun_uniform"
    works_in_place = True

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        np.logaddexp(z, 0.0, out=out)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        special.expit(z, out=z)

    @staticmethod
    def scalar_value(z: Number) -> Number:
        return softplus(z)

    @staticmethod
    def scalar_derivative(z: Number, a: Number) -> Number:
        return logistic(z)


#: The entries of `skbackprop.activations.ACTIVATIONS`.
ACTIVATIONS: dict[str, Activation] = {
    "relu": ReLU(),
    "leaky_relu": LeakyReLU(),
    "elu": ELU(),
    "selu": SELU(),
    "gelu": GELU(),
    "silu": SiLU(),
    "softplus": Softplus(),
}
