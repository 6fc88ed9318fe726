"""A pytest plugin that runs the kernel as plain Python, for coverage to see: ``pytest -p tests.engines.plain_kernel``.

What numba makes of the kernel no tool can follow. Its intrinsics and overloads have no body, and get one here.
"""

import os

import numpy as np


def pytest_configure(config):
    """Switch numba off before anything imports it."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    from skbackprop._engines._numba import kernel as _kernel
    from skbackprop._engines._numba import math as _vector_math

    _kernel.borrowed = lambda array: array
    _vector_math._float_from_bits = from_bits
    _vector_math._exp_parts = by_type(_vector_math._exp_parts_64, _vector_math._exp_parts_32)
    _vector_math._twice_artanh = by_type(_vector_math._artanh_64, _vector_math._artanh_32)
    _vector_math._erfcx = by_type(_vector_math._erfcx_64, _vector_math._erfcx_32)


def from_bits(bits):
    """Return the float that has the bits of an integer."""
    return np.asarray(bits).view(np.float64 if np.asarray(bits).itemsize == 8 else np.float32)[()]


def by_type(in_64, in_32):
    return lambda x: (in_32 if np.asarray(x).dtype == np.float32 else in_64)(x)
