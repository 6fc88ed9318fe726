"""The strength of the penalty that ``alpha="auto"`` means.

It is a prior on the weights of standardized samples, measured against the noise, as in ridge regression (Hoerl, Kennard
and Baldwin 1975). With n samples,

    alpha = c * H / n                            if the loss is a likelihood, which knows its noise,
    alpha = c * H / n * min(1, L / (H - L))      otherwise,

where H is the loss of a constant prediction and L that of the last epoch, both without that of gross errors, so that
L / (H - L) is the ratio of noise to signal; in a stream, H and the ratio are 1. `fit` chooses c on a validation set,
see penalty_search.py: the training loss cannot choose it, because the penalty controls that loss. docs/defaults.md has
the evidence.
"""

from __future__ import annotations

import math

from .config import TrainingConfig
from .state import TrainingState

#: Fewer samples have the penalty of this number: they say too little about the noise to choose one, or to divide by.
MIN_SAMPLES = 100
#: The share of H that L-BFGS assumes to be noise, because its objective must not change between iterations.
NOISE_OF_LBFGS = 0.1


def choose_alpha(config: TrainingConfig, state: TrainingState) -> float:
    """Return the strength of the penalty in the next epoch."""
    if config.alpha is not None:
        return config.alpha
    if state.standardizer is None:
        return 0.0  # without standardization, the weights have no common scale
    strength = state.prior / max(state.n_samples, MIN_SAMPLES)
    if math.isinf(state.constant_loss):
        return strength  # in a stream, neither H nor the noise is known
    if config.objective.loss.is_likelihood:
        return strength * state.constant_loss
    noise = min(max(state.unexplained, 0.0), 0.5)
    return strength * state.constant_loss * noise / (1.0 - noise)
