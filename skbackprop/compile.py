"""Compile the kernel of the numba engine ahead of time, so that training does not wait for the compiler.

From the command line: ``python -m skbackprop.compile``. The result is stored on disk, where later processes find it: in
the folder that the environment variable ``NUMBA_CACHE_DIR`` names; without it, beside the package, or where that is not
writable, in the user's cache folder. A damaged file is replaced. The kernel must be compiled again for another version
of skbackprop, numba or Python, or for another kind of CPU.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Iterable

import numpy as np

from ._engines.numba_engine import forget_kernels, load_forward, load_kernel
from ._public import publish

logger = logging.getLogger("skbackprop")

__all__ = ["compile_kernel"]

#: The dtypes that a network can have.
DTYPES = ("float32", "float64")


def compile_kernel(dtypes: str | Iterable[str] = DTYPES) -> dict[str, float]:
    """Compile and store the kernel, unless a valid file has it already.

    Parameters
    ----------
    dtypes : {"float32", "float64"} or iterable of them, default=("float32", "float64")
        The dtypes of X to compile for; each takes about half a minute.

    Returns
    -------
    seconds : dict of str to float
        How long it took for each dtype; 0 if the kernel was compiled before.

    Raises
    ------
    ValueError
        If a dtype is neither of the two.
    ImportError
        If numba cannot be imported, or NUMBA_DISABLE_JIT is set.
    OSError
        If the kernel cannot be stored.

    See Also
    --------
    skbackprop.BackpropRegressor : Its parameter ``engine="numba"`` uses the kernel.

    Examples
    --------
    >>> from skbackprop.compile import compile_kernel
    >>> compile_kernel(["float32"])  # doctest: +SKIP
    {'float32': 16.2}
    """
    names = [dtypes] if isinstance(dtypes, str) else list(dtypes)
    for name in names:
        if name not in DTYPES:
            raise ValueError(f"The kernel is compiled for the dtypes {list(DTYPES)}, got {name!r}.")
    forget_kernels()  # the files may have been damaged since this process loaded them
    return {name: _compile(np.dtype(name)) for name in names}


def _compile(dtype: np.dtype) -> float:
    """Return how long it took to compile the kernel, 0 if it was stored before."""
    start = time.perf_counter()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it would recommend compiling ahead of time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a failure, which becomes an error
            cache = load_kernel(dtype)
            load_forward(dtype, may_compile=True)
    finally:
        logger.setLevel(level)
    if cache is None:
        raise ImportError("NUMBA_DISABLE_JIT switches the compiler off: unset it.")
    if cache.failure is not None:
        raise OSError(cache.failure)
    return time.perf_counter() - start if cache.was_compiled else 0.0


def main() -> None:
    """Compile for the dtypes on the command line, and print how long it took."""
    parser = argparse.ArgumentParser(prog="python -m skbackprop.compile", description="Compile the numba kernel.")
    parser.add_argument("dtypes", nargs="*", default=list(DTYPES), help="float32, float64 or both")
    for dtype in parser.parse_args().dtypes:
        try:
            seconds = compile_kernel(dtype)[dtype]
        except (ValueError, ImportError, OSError) as error:
            parser.error(str(error))
        print(f"{dtype}: {f'compiled in {seconds:.1f} s' if seconds else 'compiled before'}")  # noqa: T201


__dir__ = publish(globals())

if __name__ == "__main__":
    main()
