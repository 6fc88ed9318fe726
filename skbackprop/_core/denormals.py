"""Treat denormal numbers as zeros during training, because processors compute with them many times slower.

Numbers below the smallest normal one (1e-38 in float32, 2e-308 in float64) are denormal. Long training produces them:
the weights of a unit that no sample activates decay under the penalty, and so does the optimizer state. Most processors
can treat denormal numbers as zeros at no cost. The bits that switch this on are part of the floating-point environment
of a thread, which the C library reads and writes.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import numpy as np

#: By system and processor: the 32-bit word of `fenv_t` that controls arithmetic, and the bits in it that make denormal
#: arguments and results zero: bits 6 and 15 of MXCSR, or bit 24 of FPCR.
CONTROL_WORDS = {
    ("Linux", "x86_64"): (7, 0x8040),
    ("Linux", "aarch64"): (0, 1 << 24),
    ("Darwin", "x86_64"): (1, 0x8040),
    ("Darwin", "arm64"): (2, 1 << 24),
}
#: The type of a `fenv_t`; on all these systems it has fewer words than this.
Words = ctypes.c_uint32 * 16


class FloatEnvironment:
    """The floating-point environment of the present thread.

    Raises
    ------
    OSError, AttributeError
        If the C library does not give access to it.
    """

    def __init__(self, word: int, bits: int):
        library = ctypes.CDLL("libm.so.6" if platform.system() == "Linux" else None)
        self._get, self._set = library.fegetenv, library.fesetenv
        self._inside = Words()
        self._get(self._inside)
        self._inside[word] |= bits

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Return a context in which denormal numbers are zeros."""
        outside = Words()
        self._get(outside)
        try:
            try:
                self._set(self._inside)
                yield
            finally:
                self._set(outside)
        finally:  # again, because an interrupt may come just before the line above
            self._set(outside)

    def works(self) -> bool:
        """Return whether the context has an effect in both dtypes, and none after it."""
        smallest = [np.full(16, np.finfo(dtype).tiny, dtype) for dtype in (np.float32, np.float64)]
        with self.flushing():
            inside = [np.multiply(array, 0.5).any() for array in smallest]
        outside = [np.multiply(array, 0.5).all() for array in smallest]
        return not any(inside) and all(outside)


@cache
def float_environment() -> FloatEnvironment | None:
    """Return the floating-point environment, or None where denormal numbers cannot be treated as zeros."""
    control = CONTROL_WORDS.get((platform.system(), platform.machine()))
    if control is None:
        return None
    try:
        environment = FloatEnvironment(*control)
    except (OSError, AttributeError):
        return None
    return environment if environment.works() else None


def flush_denormals() -> AbstractContextManager[None]:
    """Return a context in which the present thread treats denormal numbers as zeros, where the system supports it."""
    environment = float_environment()
    return nullcontext() if environment is None else environment.flushing()
