"""Activations: elementwise functions of a layer's pre-activation `z`, and their derivatives.

Each activation defines its formulas twice, side by side: on arrays for the numpy engine, and on single numbers for the
loops of the compiled engine.

Shapes: `z` and `a = f(z)` are arrays of shape (n_samples, n_units), both of the network's dtype. The array forms write
their results to arrays that the caller passes, so that training allocates no memory.

To add an activation, write a subclass with the four functions and add it to `ACTIVATIONS`; both engines, the lookup by
name and the tests find it there. CONTRIBUTING.md shows the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import special

from ._hyperparameters import Hyperparameters, check_number
from ._public import publish
from ._scalar_math import Number, expm1, logistic, normal_cdf, normal_pdf, softplus, tanh

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Identity",
    "LeakyReLU",
    "Logistic",
    "ReLU",
    "SiLU",
    "Softplus",
    "Tanh",
]


class Activation(Hyperparameters):
    """Base class of all activations: a function of the pre-activation and its derivative.

    Attributes
    ----------
    initializer : str
        Name of the initializer that ``init="auto"`` uses for a layer with this activation.
    works_in_place : bool
        Whether `function` may write to `z` itself, which predictions then do. It is False for a subclass that defines
        `function` and does not set it.
    compiled_in_place : bool
        Whether the compiled engine replaces z by f(z) in the loop that adds the intercepts. This pays off for functions
        of a single operation, and `scalar_derivative` must not depend on z then.
    scalar_value, scalar_derivative : static function or None
        ``scalar_value(z, ...)`` returns f(z) and ``scalar_derivative(z, a, ...)`` returns f'(z) given ``a = f(z)``, for
        one number. The compiled engine inlines them into its loops. If they are None, it does not support the
        activation. Further parameters are passed by name: each is an attribute of the activation, such as
        `negative_slope`. All numbers have the network's dtype. A literal such as 0.5 would turn float32 into float64;
        write ``number(0.5)`` with ``number = type(z)``. `skbackprop._scalar_math` has the elementary functions.

    See Also
    --------
    skbackprop.losses.Loss : Base class of all losses, which own the output activation.
    skbackprop.optimizers.Optimizer : Base class of all optimizers.

    Examples
    --------
    A custom activation without scalar functions, for the numpy engine:

    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.activations import Activation
    >>> class Sine(Activation):
    ...     def function(self, z, out):
    ...         np.sin(z, out=out)
    ...     def derivative(self, z, a):
    ...         np.cos(z, out=z)
    >>> network = BackpropRegressor(activation=Sine())
    """

    initializer: ClassVar[str] = "glorot_uniform"
    works_in_place: ClassVar[bool] = False
    compiled_in_place: ClassVar[bool] = False
    scalar_value: ClassVar[Callable[..., Number] | None] = None
    scalar_derivative: ClassVar[Callable[..., Number] | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for owner in cls.__mro__:  # `function` may come from another base than `works_in_place`
            if "works_in_place" in vars(owner):
                return
            if "function" in vars(owner):
                cls.works_in_place = False
                return

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        """Write f(z) into `out`, and leave `z` unchanged.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_units)
            Pre-activation.
        out : ndarray of shape (n_samples, n_units)
            Where f(z) is written.

        See Also
        --------
        derivative : The derivative of the function.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.activations import ReLU
        >>> z = np.array([[-1.0, 2.0]])
        >>> a = np.empty_like(z)
        >>> ReLU().function(z, out=a)
        >>> a
        array([[0., 2.]])
        """
        raise NotImplementedError

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        """Turn `z` into f'(z) in place, given ``a = f(z)``.

        Backpropagation needs neither array afterwards, so `a` may be overwritten too.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_units)
            Pre-activation, which becomes the derivative.
        a : ndarray of shape (n_samples, n_units)
            Output of the layer, f(z).

        See Also
        --------
        function : The function itself.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.activations import ReLU
        >>> z = np.array([[-1.0, 2.0]])
        >>> ReLU().derivative(z, a=np.array([[0.0, 2.0]]))
        >>> z
        array([[0., 1.]])
        """
        raise NotImplementedError


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


ACTIVATIONS: dict[str, Activation] = {
    "identity": Identity(),
    "logistic": Logistic(),
    "tanh": Tanh(),
    "relu": ReLU(),
    "leaky_relu": LeakyReLU(),
    "elu": ELU(),
    "selu": SELU(),
    "gelu": GELU(),
    "silu": SiLU(),
    "softplus": Softplus(),
}

__dir__ = publish(globals())
