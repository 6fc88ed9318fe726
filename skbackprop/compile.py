"""Compile the kernel of the numba engine ahead of time, so that training does not wait for the compiler.

From the command line: ``python -m skbackprop.compile``. numba keeps the result on disk, where later processes find it:
in ``__pycache__`` folders of the package, or in the folder that the environment variable ``NUMBA_CACHE_DIR`` names. It
must be compiled again for another version of skbackprop, numba or Python, or for another kind of CPU.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Iterable

import numpy as np

from ._engines.fingerprint import is_compiled
from ._estimators.regressor import BackpropRegressor
from ._public import publish

__all__ = ["compile_kernel"]

#: The dtypes that a network can have.
DTYPES = ("float32", "float64")


def compile_kernel(dtypes: str | Iterable[str] = DTYPES) -> dict[str, float]:
    """Compile the kernel, unless numba has it in its cache already.

    Parameters
    ----------
    dtypes : {"float32", "float64"} or iterable of them, default=("float32", "float64")
        The dtypes of X to compile for; each takes about 20 seconds.

    Returns
    -------
    seconds : dict of str to float
        How long it took for each dtype; 0 if the kernel was compiled before.

    Raises
    ------
    ValueError
        If a dtype is neither of the two.
    ImportError
        If numba is not installed, or finds no folder to store the kernel in.

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
    seconds = {}
    for dtype in names:
        start = time.perf_counter()
        is_needed = not is_compiled(np.dtype(dtype))
        if is_needed:
            _train_a_little(dtype)
        seconds[dtype] = time.perf_counter() - start if is_needed else 0.0
    return seconds


def _train_a_little(dtype):
    X = np.arange(4, dtype=dtype).reshape(2, 2)
    logger = logging.getLogger("skbackprop")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it would recommend compiling ahead of time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there is nothing to learn
            BackpropRegressor((1,), engine="numba", max_iter=1, random_state=0).fit(X, X[:, 0])
    finally:
        logger.setLevel(level)


def main() -> None:
    """Compile for the dtypes on the command line, and print how long it took."""
    parser = argparse.ArgumentParser(prog="python -m skbackprop.compile", description="Compile the numba kernel.")
    parser.add_argument("dtypes", nargs="*", default=list(DTYPES), help="float32, float64 or both")
    for dtype in parser.parse_args().dtypes:
        try:
            seconds = compile_kernel(dtype)[dtype]
        except (ValueError, ImportError) as error:
            parser.error(str(error))
        print(f"{dtype}: {f'compiled in {seconds:.1f} s' if seconds else 'compiled before'}")  # noqa: T201


__dir__ = publish(globals())

if __name__ == "__main__":
    main()
