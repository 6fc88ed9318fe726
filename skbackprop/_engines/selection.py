"""Which engine trains: numba where it is installed, knows the work and is worth its start, and numpy otherwise."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .._training.state import TrainingConfig
from . import numpy_engine as _epoch

#: "auto" takes numba where numpy would need about this many seconds: once the kernel is compiled, and to compile it.
#: See docs/architecture.md.
WORTH_SECONDS, WORTH_COMPILING_SECONDS = 0.05, 20.0
#: What numpy needs: for each update, and for each row and weight of it. Rough, and the same on every machine, so
#: that the choice is too.
UPDATE_SECONDS, ROW_WEIGHT_SECONDS = 3e-5, 2e-10
#: Where numba keeps what it compiled, if not in a folder that the user named: beside the package or at home.
CACHES = (Path(__file__).parent / "_numba" / "__pycache__", Path.home() / ".cache" / "numba")


def choose_engine(engine: str, config: TrainingConfig, X) -> ModuleType:
    """Return the module whose `Room` and `train_epoch` are to be used.

    Within a process the choice depends on the parameters and on the shape of X, not on what ran before, so n calls of
    `partial_fit` and `fit` with n epochs choose the same.

    Raises
    ------
    ImportError
        If "numba" is asked for and not installed.
    ValueError
        If "numba" is asked for and does not know the work.
    """
    if engine == "numpy" or (engine == "auto" and not (_is_worth_it(config, X) and find_spec("numba"))):
        return _epoch
    try:
        from . import numba_engine as _compiled
    except ImportError as error:
        if engine == "auto":
            return _epoch
        raise ImportError("engine='numba' needs numba: pip install 'skbackprop[numba]', or use 'auto'.") from error
    except RuntimeError:  # numba found no folder where it may keep the compiled kernel
        if engine == "auto":
            return _epoch
        raise
    reason = _compiled.unsupported_reason(config, X)
    if reason is None:
        return _compiled
    if engine == "auto":
        return _epoch
    raise ValueError(f"engine='numba' cannot train this: {reason}. Use engine='auto' or 'numpy'.")


def _is_worth_it(config: TrainingConfig, X) -> bool:
    n_rows = X.shape[0]
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
