"""The strength of the penalty that ``alpha="auto"`` means.

It is a prior on the weights of standardized samples: c / n for n samples, times the ratio of noise to signal where the
loss does not know it, as in ridge regression (Hoerl, Kennard and Baldwin 1975). The noise is what the last epoch left
unexplained, so the penalty follows the training loss down. docs/defaults.md explains the choice of c.
"""

from __future__ import annotations

from .config import TrainingConfig
from .state import TrainingState

#: The c of losses that are likelihoods, and the c of other losses.
PRIOR_OF_LIKELIHOODS = 5.0
PRIOR = 20.0
#: The largest value of c / n.
STRONGEST_PRIOR = 0.1
#: Noise that L-BFGS assumes, because its objective must not change between iterations.
NOISE_OF_LBFGS = 0.1


def choose_alpha(config: TrainingConfig, state: TrainingState) -> float:
    """Return the strength of the penalty in the next epoch."""
    if config.alpha is not None:
        return config.alpha
    if state.standardizer is None:
        return 0.0  # without standardization, the weights have no common scale
    n_samples = state.n_samples
    if config.objective.loss.is_likelihood:
        return min(PRIOR_OF_LIKELIHOODS / n_samples, STRONGEST_PRIOR)
    noise = min(state.mean_loss / config.objective.network.sizes[-1], 0.5)
    return min(PRIOR / n_samples, STRONGEST_PRIOR) * noise / (1.0 - noise)
