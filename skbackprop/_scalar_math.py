"""Elementary functions of one number, for the scalar formulas of activations, losses and optimizers.

Each takes a Python or numpy number and returns one of the same dtype, so a formula stays in float32 where the network
does. These are the plain Python forms; the compiled engine replaces them with forms that the compiler vectorizes,
see `_engines/_numba/math.py`. A formula may also use `abs`, `min`, `max`, `np.log` and `np.sign`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import special

#: A number of the network's dtype.
Number: TypeAlias = np.floating[Any]


def sqrt(x: Number) -> Number:
    """Return the square root of x, which is finite and not negative."""
    return np.sqrt(x)


def exp(x: Number) -> Number:
    """Return the exponential of x."""
    return np.exp(x)


def expm1(x: Number) -> Number:
    """Return exp(x) - 1, exact near 0."""
    return np.expm1(x)


def log1p(x: Number) -> Number:
    """Return log(1 + x), for x from 0 to 1."""
    return np.log1p(x)


def tanh(x: Number) -> Number:
    """Return the hyperbolic tangent of x."""
    return np.tanh(x)


def logistic(x: Number) -> Number:
    """Return 1 / (1 + exp(-x))."""
    return special.expit(x)


def softplus(x: Number) -> Number:
    """Return log(1 + exp(x))."""
    return max(x, type(x)(0)) + log1p(exp(-abs(x)))


def normal_cdf(x: Number) -> Number:
    """Return the distribution function of the standard normal distribution."""
    return special.ndtr(x)


def normal_pdf(x: Number) -> Number:
    """Return the density of the standard normal distribution."""
    number = type(x)
    return number(0.3989422804014327) * exp(number(-0.5) * x * x)
