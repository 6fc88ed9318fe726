"""The formulas of losses.py for the kernel, chosen by an integer code; see `_kernel_formulas.py`."""

from __future__ import annotations

import numpy as np
from numba import njit

from .formulas import unsigned
from .math import INLINE, OPTIONS, exp, log1p, logistic

SQUARED_ERROR, LOGISTIC_SQUARED_ERROR, BINARY_LOG_LOSS, MULTINOMIAL_LOG_LOSS = range(4)
ABSOLUTE_ERROR, HUBER, QUANTILE, QUANTILES, POISSON, GAMMA, TWEEDIE = range(4, 11)


@njit(**OPTIONS)
def loss_and_delta(code, settings, y, first, factor, n_outputs, raw, delta, start, stop):
    """Return the sum of factor * loss and write its derivative by raw into delta, both from start to stop.

    All is flat; y begins at `first`, and `factor` has a number for each output. `settings` are those of
    the loss.
    """
    number = raw.dtype.type
    one, two = number(1), number(2)
    total = 0.0
    n = stop - start
    if code == SQUARED_ERROR:
        for i in range(n):
            residual = raw[start + i] - y[first + i]
            total += factor[i] * residual * residual
            delta[start + i] = two * factor[i] * residual
    elif code == LOGISTIC_SQUARED_ERROR:
        for i in range(n):
            out = logistic(raw[start + i])
            residual = out - y[first + i]
            total += factor[i] * residual * residual
            delta[start + i] = two * factor[i] * residual * out * (one - out)
    elif code == BINARY_LOG_LOSS:
        for i in range(n):
            z = raw[start + i]
            total += factor[i] * (max(z, 0.0) - y[first + i] * z + log1p(exp(-abs(z))))
            delta[start + i] = factor[i] * (logistic(z) - y[first + i])
    elif code == MULTINOMIAL_LOG_LOSS:
        for row in range(unsigned(0), n, n_outputs):
            largest = raw[start + row]
            for k in range(n_outputs):
                largest = max(largest, raw[start + row + k])
            for k in range(n_outputs):
                raw[start + row + k] -= largest
        for i in range(start, stop):
            delta[i] = exp(raw[i])
        for row in range(unsigned(0), n, n_outputs):
            exponentials, product = 0.0, 0.0
            for k in range(n_outputs):
                exponentials += delta[start + row + k]
                product += y[first + row + k] * raw[start + row + k]
            total += factor[row] * (np.log(exponentials) - product)
            for k in range(n_outputs):
                i = start + row + k
                delta[i] = factor[row] * (delta[i] / exponentials - y[first + row + k])
    elif code == QUANTILES:
        for i in range(n):
            row, z = i - i % n_outputs, raw[start + i]
            rank = unsigned(0)  # among the outputs of the row, which are sorted
            for k in range(row, row + n_outputs):
                rank += unsigned(raw[start + k] < z or (raw[start + k] == z and k < i))
            total += pinball(settings[rank], y[first + i], z, factor[i], delta, start + i)
    elif code in (POISSON, GAMMA, TWEEDIE):
        total = deviance(code, settings[0], y, first, factor, raw, delta, start, stop)
    else:
        for i in range(n):
            target, z = y[first + i], raw[start + i]
            if code == ABSOLUTE_ERROR:
                residual = z - target
                total += factor[i] * abs(residual)
                delta[start + i] = factor[i] * np.sign(residual)
            elif code == HUBER:
                residual, bound = z - target, number(settings[0])
                slope = min(max(residual, -bound), bound)
                total += factor[i] * slope * (residual - number(0.5) * slope)
                delta[start + i] = factor[i] * slope
            else:
                total += pinball(settings[0], target, z, factor[i], delta, start + i)
    return total


@njit(**INLINE)
def pinball(quantile, y, z, factor, delta, i):
    """Return factor * pinball loss and write its derivative into delta[i]."""
    number = delta.dtype.type
    residual = z - y
    slope = number(0)
    if residual > 0:
        slope = number(1 - quantile)
    elif residual < 0:
        slope = number(-quantile)
    delta[i] = factor * slope
    return factor * slope * residual


@njit(**OPTIONS)
def deviance(code, power, y, first, factor, raw, delta, start, stop):
    """Do what `loss_and_delta` does for the deviances with an exponential output."""
    number = raw.dtype.type
    one, two, p = number(1), number(2), number(power)
    total = 0.0
    for i in range(stop - start):
        target, z = y[first + i], raw[start + i]
        if code == POISSON:
            out = exp(z)
            constant = target * np.log(target) if target > 0 else number(0)
            value, slope = constant - target * z + out - target, out - target
        elif code == GAMMA:
            ratio = exp(np.log(target) - z)
            value, slope = z - np.log(target) + ratio - one, one - ratio
        else:
            grows, falls = exp((two - p) * z), target * exp((one - p) * z)
            constant = target ** (two - p) / ((one - p) * (two - p))
            value, slope = constant - falls / (one - p) + grows / (two - p), grows - falls
        total += two * factor[i] * value
        delta[start + i] = two * factor[i] * slope
    return total
