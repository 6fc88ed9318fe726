"""Which engine trains: numba where it is installed, knows the work and is worth its start, and numpy otherwise."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

from . import _epoch
from ._state import Recipe

#: "auto" takes numba where numpy would need about this many seconds; see docs/architecture.md.
WORTH_SECONDS = 2.0
#: What numpy needs: for each update, and for each row and weight of it. Rough, and the same on every machine, so
#: that the choice is too.
UPDATE_SECONDS, ROW_WEIGHT_SECONDS = 3e-5, 2e-10


def choose_engine(engine: str, recipe: Recipe, X) -> ModuleType:
    """Return the module whose `Room` and `train_epoch` are to be used.

    The choice depends on the parameters and on the shape of X, not on what ran before, so n calls of `partial_fit`
    and `fit` with n epochs choose the same.

    Raises
    ------
    ImportError
        If "numba" is asked for and not installed.
    ValueError
        If "numba" is asked for and does not know the work.
    """
    if engine == "numpy" or (engine == "auto" and not (_is_worth_it(recipe, X) and find_spec("numba"))):
        return _epoch
    try:
        from . import _compiled
    except ImportError as error:
        if engine == "auto":
            return _epoch
        raise ImportError("engine='numba' needs numba: pip install 'skbackprop[numba]', or use 'auto'.") from error
    except RuntimeError:  # numba found no folder where it may keep the compiled kernel
        if engine == "auto":
            return _epoch
        raise
    reason = _compiled.why_not(recipe, X)
    if reason is None:
        return _compiled
    if engine == "auto":
        return _epoch
    raise ValueError(f"engine='numba' cannot train this: {reason}. Use engine='auto' or 'numpy'.")


def _is_worth_it(recipe: Recipe, X) -> bool:
    n_rows = X.shape[0]
    epoch = recipe.n_batches(n_rows) * UPDATE_SECONDS + n_rows * recipe.objective.network.n_weights * ROW_WEIGHT_SECONDS
    return recipe.max_iter * epoch > WORTH_SECONDS
