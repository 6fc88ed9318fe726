"""Elementary functions in plain arithmetic, which the compiler vectorizes.

In a compiled loop, `math.exp` is a library call for each number. The functions here take about a dozen multiplications
that run on several numbers at once, and are several times as fast as scipy's ufuncs. Each computes in the type of its
argument, to within a few units in the last place. Only three functions, which all others use, exist twice, for float32
and for float64; numba chooses by the type.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload
from numpy.polynomial import chebyshev
from scipy import special

from ... import _scalar_math
from ..._core import compression

#: Options of the function that Python calls: no checks for division by zero, which would prevent vectorization; sums in
#: any order, and fused multiply-add.
ENTRY: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}
#: Options of all other functions. Python never calls them, and without wrappers for this they compile in half the time.
OPTIONS = ENTRY | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
INLINE = OPTIONS | {"forceinline": True}
#: Options of functions whose accuracy depends on the order of operations.
EXACT = INLINE | {"fastmath": {"contract"}}


def _chebyshev_fit(function: Callable[[np.ndarray], np.ndarray], degree: int) -> np.ndarray:
    """Return the polynomial that interpolates a function at the Chebyshev points, lowest power first."""
    coefficients = chebyshev.chebinterpolate(function, degree)  # type: ignore[type-var]  # numpy does pass an array
    return chebyshev.cheb2poly(coefficients)


def _erfcx_fit(degree: int) -> np.ndarray:
    """Return the Chebyshev fit of erfcx(x) / t at t = 2 / (2 + x), x from 0 to infinity, in powers of u = 2 t - 1.

    The substitution is that of Press et al., Numerical Recipes, 6.2.2.
    """

    def function(u: np.ndarray) -> np.ndarray:
        return special.erfcx(4 / (u + 1) - 2) / ((u + 1) / 2)

    return _chebyshev_fit(function, degree)


def _artanh_fit(degree: int) -> np.ndarray:
    """Return the Chebyshev fit of 2 artanh(s) / s, s from 0 to 1/3, in powers of 18 s^2 - 1."""

    def function(v: np.ndarray) -> np.ndarray:
        s = np.sqrt((v + 1) / 18)
        return 2 * np.arctanh(s) / s

    return _chebyshev_fit(function, degree)


def _in_sixes(coefficients, number):
    """Return coefficients, lowest power first, as tuples of six for `_horner`, the highest power first."""
    coefficients = [*coefficients, *[0] * (-len(coefficients) % 6)][::-1]
    return tuple(tuple(number(c) for c in coefficients[k : k + 6]) for k in range(0, len(coefficients), 6))


EXP_A, EXP_B = _in_sixes([1 / math.factorial(k) for k in range(2, 14)], float)
ARTANH_A, ARTANH_B, ARTANH_C = _in_sixes([2 / (2 * k + 1) for k in range(18)], float)
ERFCX_A, ERFCX_B, ERFCX_C, ERFCX_D, ERFCX_E = _in_sixes(_erfcx_fit(26), float)
(EXP_32,) = _in_sixes([1 / math.factorial(k) for k in range(2, 8)], np.float32)
(ARTANH_32,) = _in_sixes(_artanh_fit(5), np.float32)
ERFCX_32_A, ERFCX_32_B = _in_sixes(_erfcx_fit(11), np.float32)

# log(2) in two parts, the first with so few bits that n * LN2_HIGH is exact; and the logarithms of the smallest and the
# largest normal number.
LOG2_E, LN2_HIGH, LN2_LOW = 1 / math.log(2), 6.93147180369123816490e-01, 1.90821492927058770002e-10
SMALLEST, LARGEST = -708.3964185322641, 709.782712893384
LOG2_E_32, LN2_HIGH_32, LN2_LOW_32 = np.float32(LOG2_E), np.float32(0.693359375), np.float32(-2.12194440054690583e-4)
SMALLEST_32, LARGEST_32, HALF_32 = np.float32(-87.33654), np.float32(88.72283), np.float32(0.5)


#: The bits of a number, halved and subtracted from this constant, are the bits of its reciprocal root to 3.5 percent.
RECIPROCAL_ROOT = 0x5FE6EB50C7B537A9


def _float_from_bits(bits):
    """Return the float64 that has the bits of an int64, or the float32 that has those of an int32."""
    return np.asarray(bits).view(f"f{np.asarray(bits).itemsize}")[()]


def _bits_from_float(x):
    """Return the int64 that has the bits of a float64."""
    return np.asarray(x).view(np.int64)[()]


#: The type that the bits of a number are read as.
BITCASTS: dict[Any, Any] = {types.int64: types.float64, types.int32: types.float32, types.float64: types.int64}


@intrinsic
def _bitcast(typing_context, bits):
    number = BITCASTS[bits]

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(number))

    return number(bits), codegen


@overload(_float_from_bits, jit_options=EXACT)
def _float_from_bits_compiled(bits):
    return lambda bits: _bitcast(bits)


@overload(_bits_from_float, jit_options=EXACT)
def _bits_from_float_compiled(x):
    return lambda x: _bitcast(x)


@njit(**EXACT)
def _horner(p, x, c0, c1, c2, c3, c4, c5):
    return (((((p * x + c0) * x + c1) * x + c2) * x + c3) * x + c4) * x + c5


@njit(**EXACT)
def _exp_parts_64(x):
    near = min(max(x, SMALLEST), LARGEST)
    n = min(np.floor(near * LOG2_E + 0.5), 1023.0)
    r = (near - n * LN2_HIGH) - n * LN2_LOW
    q = _horner(_horner(0.0, r, *EXP_A), r, *EXP_B) * r * r + r
    return _at_the_ends(x, _float_from_bits((np.int64(n) + 1023) << 52), SMALLEST, LARGEST), q


@njit(**EXACT)
def _exp_parts_32(x):
    near = min(max(x, SMALLEST_32), LARGEST_32)
    n = min(np.floor(near * LOG2_E_32 + HALF_32), np.float32(127))
    r = (near - n * LN2_HIGH_32) - n * LN2_LOW_32
    q = _horner(np.float32(0), r, *EXP_32) * r * r + r
    scale = _float_from_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
    return _at_the_ends(x, scale, SMALLEST_32, LARGEST_32), q


@njit(**EXACT)
def _at_the_ends(x, scale, smallest, largest):
    """Return 0 or infinity where the exponential of x is not a normal number, and NaN where x is, else the scale."""
    number = type(x)
    scale = number(0) if x < smallest else scale
    scale = number(np.inf) if x > largest else scale
    return scale if x == x else x


@njit(**EXACT)
def _artanh_64(s):
    return s * _horner(_horner(_horner(0.0, s * s, *ARTANH_A), s * s, *ARTANH_B), s * s, *ARTANH_C)


@njit(**EXACT)
def _artanh_32(s):
    return s * _horner(np.float32(0), np.float32(18) * s * s - np.float32(1), *ARTANH_32)


@njit(**EXACT)
def _erfcx_64(t):
    u = 2.0 * t - 1.0
    p = _horner(_horner(0.0, u, *ERFCX_A), u, *ERFCX_B)
    return t * _horner(_horner(_horner(p, u, *ERFCX_C), u, *ERFCX_D), u, *ERFCX_E)


@njit(**EXACT)
def _erfcx_32(t):
    u = np.float32(2) * t - np.float32(1)
    return t * _horner(_horner(np.float32(0), u, *ERFCX_32_A), u, *ERFCX_32_B)


@njit(**EXACT)
def _sqrt_64(x):
    """Improve an estimate y of 1 / sqrt(x), twice by a step of third order, and sqrt(x) once by Newton's method.

    This takes no division, so a division runs at the same time; sqrt and division in a row would wait for each other.
    """
    y = _float_from_bits(RECIPROCAL_ROOT - (_bits_from_float(x) >> 1))
    error = 1.0 - (x * y) * y
    y += (y * error) * (0.5 + 0.375 * error)
    error = 1.0 - (x * y) * y
    y += (y * error) * (0.5 + 0.375 * error)
    root = x * y
    return root + 0.5 * y * (x - root * root)


def _exp_parts(x):
    """Return a power of two s, and q with exp(x) = s + s q; q is between -0.3 and 0.42 and accurate near 0."""
    return _exp_parts_32(x) if isinstance(x, np.float32) else _exp_parts_64(x)


def _twice_artanh(s):
    """Return 2 artanh(s), s from 0 to 1/3."""
    return _artanh_32(s) if isinstance(s, np.float32) else _artanh_64(s)


def _erfcx(t):
    """Return erfcx(x) at t = 2 / (2 + x)."""
    return _erfcx_32(t) if isinstance(t, np.float32) else _erfcx_64(t)


@overload(_exp_parts, jit_options=EXACT)
def _exp_parts_compiled(x):
    return (lambda x: _exp_parts_32(x)) if x == types.float32 else (lambda x: _exp_parts_64(x))


@overload(_twice_artanh, jit_options=EXACT)
def _twice_artanh_compiled(s):
    return (lambda s: _artanh_32(s)) if s == types.float32 else (lambda s: _artanh_64(s))


@overload(_erfcx, jit_options=EXACT)
def _erfcx_compiled(t):
    return (lambda t: _erfcx_32(t)) if t == types.float32 else (lambda t: _erfcx_64(t))


#: The Python functions that have a compiled form.
REPLACED: set[Callable[..., Any]] = set()


def replaces(function):
    """Make the decorated function the compiled form of a function of `_scalar_math`."""

    def register(compiled_form):
        overload(function, jit_options=EXACT)(lambda x: compiled_form)
        REPLACED.add(function)
        return compiled_form

    return register


def _sqrt(x):
    return np.sqrt(x) if isinstance(x, np.float32) else _sqrt_64(x)


@overload(_sqrt, jit_options=EXACT)
def _sqrt_compiled(x):
    return (lambda x: np.sqrt(x)) if x == types.float32 else (lambda x: _sqrt_64(x))


@replaces(_scalar_math.sqrt)
def sqrt(x):
    return _sqrt(x)


@replaces(_scalar_math.exp)
def exp(x):
    s, q = _exp_parts(x)
    return s * q + s


@replaces(_scalar_math.expm1)
def expm1(x):
    s, q = _exp_parts(x)
    return s * q + (s - type(x)(1))


@replaces(_scalar_math.tanh)
def tanh(x):
    number = type(x)
    e = _scalar_math.expm1(number(-2) * abs(x))
    y = -e / (e + number(2))
    return y if x >= 0 else -y


@replaces(_scalar_math.logistic)
def logistic(x):
    one = type(x)(1)
    return one / (one + _scalar_math.exp(-x))


@replaces(_scalar_math.log1p)
def log1p(x):
    return _twice_artanh(x / (type(x)(2) + x))


@replaces(_scalar_math.normal_cdf)
def normal_cdf(x):
    """Return 1/2 erfc(-x / sqrt(2))."""
    number = type(x)
    y = abs(x) * number(0.7071067811865476)
    tail = number(0.5) * _erfcx(number(2) / (number(2) + y)) * _scalar_math.exp(-y * y)
    return tail if x < 0 else number(1) - tail


#: The compression of one extreme input.
compressed = njit(**EXACT)(compression.compressed)


@njit(**INLINE)
def standardize_sample(X, source, offset, factor, lower, upper, out, target, n_columns):
    """Standardize one sample of a flat array; `source` and `target` are where it begins in X and in `out`."""
    n_beyond = 0
    for k in range(n_columns):
        value = (X[source + k] - offset[k]) * factor[k]
        out[target + k] = value
        n_beyond += (value < lower[k]) | (value > upper[k])  # no branch, which would prevent vectorization
    if n_beyond:
        for k in range(n_columns):
            out[target + k] = compressed(out[target + k], lower[k], upper[k])
