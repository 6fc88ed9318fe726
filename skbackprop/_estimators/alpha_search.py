"""The samples on which `fit` chooses ``alpha="auto"``: some to train short fits on, others to compare these by."""

from __future__ import annotations

import numpy as np

from .._core.dataset import Dataset
from .._training.config import TrainingConfig
from .._training.epoch import Engine
from .._training.penalty import MIN_SAMPLES
from .._training.penalty_search import PenaltySearch
from .._training.state import TrainingState
from .parameters import WIDE
from .samples import Samples, Target
from .validation_split import split

#: With fewer samples to validate with, there is no search: they could not tell the candidates apart.
MIN_HELD_OUT = 10
#: The share that is held out if there is no validation set, and the largest number of samples to validate with.
HELD_OUT_SHARE, MAX_HELD_OUT = 0.2, 2000
#: With more entries per sample than `WIDE`, short fits would take too long, and this c is rarely far from the best.
PRIOR_OF_WIDE = 25.0
#: The largest number of samples to train on: the best c hardly depends on their number.
MAX_TRAINED = 2500


def choose_prior(
    engine: Engine,
    config: TrainingConfig,
    state: TrainingState,
    samples: Samples,
    validation: Samples | None,
    target: Target,
) -> Engine:
    """Set the c of the penalty in the state, and what shows the search; return the engine, another one if it failed.

    Without a validation set, some samples are held out, for the search only. With too few samples, c remains as it is.
    """
    if samples.data.n_samples < MIN_SAMPLES:
        return engine
    if samples.data.n_entries > WIDE:
        state.prior = PRIOR_OF_WIDE
        return engine
    if validation is None:
        samples, validation = _hold_out(samples, target, state.seed)
    if validation.data.n_samples < MIN_HELD_OUT:
        return engine
    training, held_out = _draw(samples.data, state.seed), validation.data
    if held_out.n_samples > MAX_HELD_OUT:
        held_out = held_out.spread(MAX_HELD_OUT)
    search = PenaltySearch(engine, config, state, training, held_out)
    state.prior = search.best_prior()
    state.tried_priors = sorted(search.losses)
    state.prior_losses = [search.losses[prior] for prior in state.tried_priors]
    return search.engine


def _hold_out(samples: Samples, target: Target, seed: int) -> tuple[Samples, Samples]:
    data = samples.data
    share = min(HELD_OUT_SHARE, MAX_HELD_OUT / data.n_samples)
    held_out, _ = split(data.indices(), target.encoder.class_codes(data.y), share, seed)
    return samples.hold_out(held_out)


def _draw(data: Dataset, seed: int) -> Dataset:
    """Return up to `MAX_TRAINED` samples drawn at random.

    They are copied only if they are few among all; otherwise the others are excluded.
    """
    if data.n_samples <= MAX_TRAINED:
        return data
    indices = data.indices()
    np.random.RandomState(seed).shuffle(indices)
    drawn, others = np.sort(indices[:MAX_TRAINED]), indices[MAX_TRAINED:]
    if len(others) > MAX_TRAINED:
        return data.take(drawn)
    excluded = others if data.excluded is None else np.concatenate([others, data.excluded])
    return data._replace(excluded=np.sort(excluded))
