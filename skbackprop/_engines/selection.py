"""Which engine trains: numba where it is installed, knows the work and is worth its start, and numpy otherwise."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from .._core.dataset import Dataset
from .._training.config import TrainingConfig
from .._training.epoch import Engine
from .numpy_engine import NumpyEngine

#: "auto" takes numba where numpy would need about this many seconds: once the kernel is compiled, and to compile it.
#: See docs/architecture.md.
WORTH_SECONDS, WORTH_COMPILING_SECONDS = 0.05, 20.0
#: What numpy needs: for each update, and for each row and weight of it. Rough, and the same on every machine, so
#: that the choice is too.
UPDATE_SECONDS, ROW_WEIGHT_SECONDS = 3e-5, 2e-10
#: Where numba keeps what it compiled, if not in a folder that the user named: beside the package or at home.
CACHES = (Path(__file__).parent / "_numba" / "__pycache__", Path.home() / ".cache" / "numba")


def choose_engine(engine: str, config: TrainingConfig, data: Dataset) -> Engine:
    """Return the engine to train with.

    Within a process the choice depends on the parameters and on the shape of X, not on what ran before, so n calls of
    `partial_fit` and `fit` with n epochs choose the same.

    Raises
    ------
    ImportError
        If "numba" is asked for and not installed.
    ValueError
        If "numba" is asked for and does not support the configuration.
    """
    if engine == "numpy" or (engine == "auto" and not (_is_worth_it(config, data) and find_spec("numba"))):
        return NumpyEngine()
    try:
        from .numba_engine import NumbaEngine
    except ImportError as error:
        if engine == "auto":
            return NumpyEngine()
        raise ImportError("engine='numba' needs numba: pip install 'skbackprop[numba]', or use 'auto'.") from error
    except RuntimeError:  # numba found no folder where it may keep the compiled kernel
        if engine == "auto":
            return NumpyEngine()
        raise
    numba_engine = NumbaEngine()
    reason = numba_engine.unsupported_reason(config, data)
    if reason is None:
        return numba_engine
    if engine == "auto":
        return NumpyEngine()
    raise ValueError(f"engine='numba' cannot train this: {reason}. Use engine='auto' or 'numpy'.")


def _is_worth_it(config: TrainingConfig, data: Dataset) -> bool:
    n_rows = data.n_samples
    epoch = config.n_batches(n_rows) * UPDATE_SECONDS + n_rows * config.objective.network.n_weights * ROW_WEIGHT_SECONDS
    seconds = config.max_iter * epoch
    return seconds > WORTH_SECONDS and (seconds > WORTH_COMPILING_SECONDS or is_compiled())


@cache
def is_compiled() -> bool:
    """Return whether numba had a compiled kernel at hand when this was first asked, without importing numba."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    newest = max(path.stat().st_mtime for path in Path(__file__).parent.glob("**/*.py"))
    return any(
        index.stat().st_mtime > newest
        for folder in ([Path(named)] if named else CACHES)
        for index in folder.glob("**/kernel.compiled*.nbi")
    )
