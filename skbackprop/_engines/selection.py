"""The registry of engines, and the choice of one: the engine that the user names, or the first that pays off."""

from __future__ import annotations

import warnings

from .._core.dataset import Dataset
from .._core.shards import Shards
from .._training.config import TrainingConfig
from .._training.epoch import Engine
from .numba_engine import NumbaEngine
from .numpy_engine import NumpyEngine

#: The engines by name.
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (NumbaEngine(), NumpyEngine())}
#: What ``engine="auto"`` takes where it pays off, and otherwise.
FALLBACK: Engine = ENGINES["numpy"]
PREFERRED: Engine = NumbaEngine(fallback=FALLBACK)

#: Rough estimates of the time that numpy needs, which are the same on every machine, so that every machine chooses the
#: same engine: for each update, and for each product of a sample and a weight. For 3 to 10000 updates of networks with
#: 500 to 230000 weights, the sum is within a factor of 3 of what numpy takes. See docs/architecture.md.
UPDATE_SECONDS = 5e-5
SAMPLE_WEIGHT_SECONDS = 2e-10


def choose_engine(name: str, config: TrainingConfig, data: Dataset | Shards) -> Engine:
    """Return the engine to train with.

    The choice of "auto" depends on the parameters, the shape of X and whether the compiled kernel is stored. It does
    not depend on earlier training, so `fit` and `partial_fit` make the same choice. If the compiled engine is chosen
    and fails, "auto" takes numpy, with a RuntimeWarning.

    Parameters
    ----------
    name : str
        "auto" or a name in `ENGINES`.
    config : TrainingConfig
    data : Dataset

    Raises
    ------
    ImportError
        If the engine is not available here.
    ValueError
        If the engine does not support the configuration.
    """
    if name == "auto":
        return _choose_automatically(config, data)
    engine = ENGINES[name]
    reason = engine.unavailable_reason(data)
    if reason is not None:
        raise ImportError(f"engine={name!r} is not available: {reason}. Use engine='auto' or 'numpy'.")
    reason = engine.unsupported_reason(config, data)
    if reason is not None:
        raise ValueError(f"engine={name!r} cannot train this: {reason}. Use engine='auto' or 'numpy'.")
    return engine


def numpy_seconds(config: TrainingConfig, data: Dataset | Shards) -> float:
    """Return an estimate of the time that numpy would take for all epochs."""
    n_samples, n_weights = data.n_samples, config.objective.network.n_weights
    epoch = config.n_batches(n_samples) * UPDATE_SECONDS + n_samples * n_weights * SAMPLE_WEIGHT_SECONDS
    return config.max_iter * epoch


def _choose_automatically(config: TrainingConfig, data: Dataset | Shards) -> Engine:
    """Return the compiled engine where it pays off; the cheapest check comes first, the import of numba last."""
    seconds = numpy_seconds(config, data)
    if not PREFERRED.is_worth_it(data, seconds) or PREFERRED.unsupported_reason(config, data) is not None:
        return FALLBACK
    reason = PREFERRED.unavailable_reason(data, seconds)
    if reason is None:
        return PREFERRED
    warnings.warn(
        f"Training with numpy, because the compiled engine is not available: {reason}. Or set engine='numpy'.",
        RuntimeWarning,
        stacklevel=2,
    )
    return FALLBACK
