"""The formulas of activations and links with the operators of ONNX.

onnxruntime has no double-precision form of `Erf` and `Gelu`, and that of 1.18 none of `QuickGelu`, which it makes of
``z * Sigmoid(z)``. Such formulas are written with elementary operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy import special

from .._core.compression import HALF_RANGE, LARGEST
from .._estimators.fitted_model import FittedModel, InputScaling
from ..activations import ELU, GELU, SELU, Activation, Identity, LeakyReLU, Logistic, ReLU, SiLU, Softplus, Tanh
from ..losses import LOSSES
from ..losses._links import IdentityLink, Link, LogitLink, LogLink, MultinomialLogit, SortedLink
from ._graph import FLOAT32, FLOAT64, Tensor

#: The scaled complementary error function is a polynomial in (x - ERFCX_CENTER) / (x + ERFCX_CENTER), which is between
#: -1 and 1 for x >= 0. With this degree, the error is 4e-15, a few roundings.
ERFCX_CENTER = 4.0
ERFCX_DEGREE = 20


def logistic(z: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-z)), also where it is tiny: the operator `Sigmoid` is 0 there, or 1e-8."""
    return ((-z).exp() + 1.0).apply("Reciprocal")


def softplus(z: Tensor) -> Tensor:
    """Return log(1 + exp(z)) without overflow."""
    return z.maximum(0.0) + ((-z.abs()).exp() + 1.0).log()


def scaled_elu(z: Tensor, alpha: float, scale: float) -> Tensor:
    """Return ``scale * z`` where z > 0, else ``scale * alpha * (exp(z) - 1)``."""
    return z.maximum(0.0) * scale + (z.minimum(0.0).exp() - 1.0) * (scale * alpha)


def normal_cdf(z: Tensor) -> Tensor:
    """Return the standard normal cumulative distribution function."""
    x = z * math.sqrt(0.5)
    if z.dtype == FLOAT32:
        return x.apply("Erf") * 0.5 + 0.5
    x = x.abs()
    half = (-(x * x)).exp() * _scaled_erfc(x) * 0.5
    return z.sign() * (-half + 0.5) + 0.5


def _scaled_erfc(x: Tensor) -> Tensor:
    """Return exp(x^2) erfc(x) for x >= 0, from a polynomial in a variable between -1 and 1."""
    t = -((x + ERFCX_CENTER).apply("Reciprocal") * (2 * ERFCX_CENTER)) + 1.0
    *lower, highest = erfcx_coefficients()
    value = t * highest
    for coefficient in lower[:0:-1]:
        value = (value + coefficient) * t
    return value + lower[0]


def erfcx_coefficients() -> np.ndarray:
    """Return the coefficients of the polynomial, that of degree 0 first."""

    def function(t: np.ndarray) -> np.ndarray:
        return special.erfcx(ERFCX_CENTER * (1 + t) / (1 - t))

    return Chebyshev.interpolate(function, ERFCX_DEGREE).convert(kind=Polynomial).coef


#: The formula of each activation: a function of the pre-activation and of the activation, which has the parameters.
ACTIVATIONS: dict[type[Activation], Callable[[Tensor, Any], Tensor]] = {
    Identity: lambda z, f: z,
    Logistic: lambda z, f: z.apply("Sigmoid"),
    Tanh: lambda z, f: z.apply("Tanh"),
    ReLU: lambda z, f: z.apply("Relu"),
    LeakyReLU: lambda z, f: z.maximum(z * f.negative_slope),
    ELU: lambda z, f: scaled_elu(z, f.alpha, 1.0),
    SELU: lambda z, f: scaled_elu(z, f.alpha, f.scale),
    GELU: lambda z, f: z * normal_cdf(z),
    SiLU: lambda z, f: z / ((-z).exp() + 1.0),
    Softplus: lambda z, f: softplus(z),
}

#: The inverse of each link: a function of the raw output and of the number of outputs.
LINKS: dict[type[Link], Callable[[Tensor, int], Tensor]] = {
    IdentityLink: lambda raw, n_outputs: raw,
    LogitLink: lambda raw, n_outputs: logistic(raw),
    LogLink: lambda raw, n_outputs: raw.exp(),
    MultinomialLogit: lambda raw, n_outputs: raw.apply("Softmax", axis=1),
    SortedLink: lambda raw, n_outputs: raw.sorted(n_outputs),
}


def check_formulas(model: FittedModel) -> None:
    """Raise NotImplementedError if there is no formula for an activation or for the link of the loss."""
    for activation in model.network.activations:
        if type(activation) not in ACTIVATIONS:
            raise _unknown("activation", activation, {known.__name__ for known in ACTIVATIONS})
    if type(model.loss.link) not in LINKS:
        raise _unknown("loss", model.loss, {type(known).__name__ for known in LOSSES.values()})


def _unknown(parameter: str, value: Any, known: set[str]) -> NotImplementedError:
    return NotImplementedError(
        f"{parameter}={value!r} cannot be exported, because the formula of a custom {parameter} is not known to ONNX. "
        f"Fit with one of {', '.join(sorted(known))}, or predict with numpy from coefs_ and intercepts_."
    )


def standardized(X: Tensor, scaling: InputScaling, dtype: np.dtype) -> Tensor:
    """Return the samples as the network receives them."""
    return compressed(centered(X, scaling.offset, dtype) * scaling.factor, scaling.lower, scaling.upper)


def centered(X: Tensor, offset: np.ndarray, dtype: np.dtype) -> Tensor:
    """Return ``X - offset`` in this dtype, without the rounding error of the offset.

    float32 cannot represent the offset of a column with a large mean. But the difference of X and the nearest number
    that it can represent is exact, and from this difference the rest is subtracted. Integers are centered as integers,
    for the same reason.
    """
    offset = offset.astype(FLOAT64)
    nearest = np.rint(offset) if X.dtype.kind == "i" else offset.astype(X.dtype)
    rest = offset - nearest
    difference = (X - nearest if nearest.any() else X).astype(dtype)
    return difference - rest if rest.any() else difference


def compressed(z: Tensor, lower: np.ndarray, upper: np.ndarray) -> Tensor:
    """Return z, with values beyond the range from `lower` to `upper` on a logarithmic scale."""
    is_limited = np.isfinite(lower) & np.isfinite(upper)
    if not is_limited.any():
        return z
    limits = np.finfo(z.dtype)
    width = np.where(is_limited, (upper - lower) * (0.5 / HALF_RANGE), 1)
    inside = z.maximum(np.maximum(lower, limits.min)).minimum(np.minimum(upper, limits.max))
    beyond = z - inside
    excess = (beyond.abs() / width).minimum(LARGEST)
    return inside + beyond.sign() * ((excess + 1.0).log() * width)
