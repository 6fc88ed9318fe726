"""The search for the c of ``alpha="auto"``, on samples that the penalty cannot fit.

Short fits with values of c on a grid are compared by their loss on a validation set. The search compares the middle of
the grid with its two neighbors, and moves on from the best as long as the loss falls, which takes three to five fits.
Short fits are noisy, so it also looks behind a stronger penalty that is hardly worse. See penalty.py for c, and
docs/defaults.md for the evidence.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace

from .._core.dataset import Dataset
from ..losses._target_scaling import StandardScaling
from .config import TrainingConfig
from .epoch import Engine
from .state import TrainingState
from .stopping import EarlyStopper, Patience
from .trainer import NO_BETTER_THAN_CONSTANT, FitTrainer

#: The grid: MIDDLE * FACTOR**step for a step in STEPS; the last is only there to be compared with.
MIDDLE, FACTOR, STEPS = 5.0, 5.0, range(-3, 4)
#: The share of the epochs that a short fit makes.
SHARE_OF_EPOCHS = 1 / 3
#: With fewer samples to validate with, a penalty with which nothing is learned cannot be the best.
ENOUGH_TO_GUESS = 50
#: The loss of a standardized target of the validation set counts as no more than this multiple of that of a constant
#: prediction.
LARGEST_LOSS = 10.0
#: By this share of its loss, a penalty may be worse by chance.
HARDLY_WORSE = 0.1
#: In steps of the grid, a factor of 1.5: a short fit overfits less, so the c that is best for it is too small.
CORRECTION = 0.25


class PenaltySearch:
    """Short fits that differ in c, and their losses on a validation set.

    Parameters
    ----------
    engine : Engine
    config : TrainingConfig
        Of the fit that c is chosen for.
    state : TrainingState
        The initial state of that fit, which remains unchanged.
    training, validation : Dataset
        Samples to train on and to validate with, the target in the user's units.

    Attributes
    ----------
    engine : Engine
        Another one, if the first has failed.
    losses : dict of float to float
        The loss on the validation set for each c that was tried, infinite if it is not a number.
    """

    def __init__(
        self, engine: Engine, config: TrainingConfig, state: TrainingState, training: Dataset, validation: Dataset
    ):
        self.engine = engine
        self.losses: dict[float, float] = {}
        self._too_strong: set[float] = set()
        self._config = replace(config, max_iter=math.ceil(SHARE_OF_EPOCHS * config.max_iter))
        self._state = state
        self._training = training
        self._validation = validation

    def best_prior(self) -> float:
        """Try some c and return the one to train with."""
        best = direction = min((0, 1, -1), key=self._loss)
        while math.isinf(self._loss(best)) and best > STEPS[0]:
            best, direction = best - 1, -1
        best = self._descend(best, direction)
        if self._is_noise_above(best):
            best = self._descend(best + 2, 1)
        vertex = _vertex(self._loss(best - 1), self._loss(best), self._loss(best + 1))
        # a penalty that is slightly too strong makes all weights 0, so stay below one that does
        largest = 0.0 if math.isinf(self._loss(best + 1)) or _prior(best + 1) in self._too_strong else CORRECTION
        return _prior(best + min(vertex + CORRECTION, largest))

    def _descend(self, step: int, direction: int) -> int:
        """Return the step at which the loss stops falling; the last of the grid is never reached."""
        while direction and step + direction < STEPS[-1] and self._loss(step + direction) < self._loss(step):
            step += direction
        return step

    def _is_noise_above(self, step: int) -> bool:
        """Return whether the next stronger penalty is hardly worse, and the one behind it better.

        Too weak a penalty costs more than too strong a one, so the search does not look behind weaker ones.
        """
        loss, above = self._loss(step), self._loss(step + 1)
        is_hardly_worse = loss < above <= loss + HARDLY_WORSE * abs(loss)
        return is_hardly_worse and step + 2 < STEPS[-1] and self._loss(step + 2) < loss

    def _loss(self, step: int) -> float:
        """Return the loss to compare by.

        It is infinite for a penalty with which nothing is learned, unless there are enough samples to validate with: a
        few cannot tell that guessing is better than learning.
        """
        prior = _prior(step)
        if step not in STEPS:
            return math.inf
        if prior not in self.losses:
            self.losses[prior] = self._fit(prior)
        is_ruled_out = prior in self._too_strong and self._validation.n_samples < ENOUGH_TO_GUESS
        return math.inf if is_ruled_out else self.losses[prior]

    def _fit(self, prior: float) -> float:
        state, objective = deepcopy(replace(self._state, prior=prior)), self._config.objective
        trainer = FitTrainer(self.engine, self._config, state, self._training)
        trainer.fit(self._config.max_iter, EarlyStopper(Patience(math.inf)))
        self.engine = trainer.engine
        if state.unexplained > NO_BETTER_THAN_CONSTANT:
            self._too_strong.add(prior)
        # a damaged sample must not decide, but large counts and amounts have large losses by nature
        is_amount = objective.loss.link.target_scaling.name != StandardScaling.name
        limit = math.inf if is_amount else LARGEST_LOSS * state.constant_loss
        validation = state.scale_target(self._validation)
        loss = objective.mean_loss(state.theta, validation, state.transform, limit)
        return loss if math.isfinite(loss) else math.inf


def _prior(step: float) -> float:
    return MIDDLE * FACTOR**step


def _vertex(left: float, middle: float, right: float) -> float:
    """Return where the parabola through (-1, left), (0, middle) and (1, right) has its minimum; `middle` is lowest."""
    curvature = left - middle + right - middle
    if not 0.0 < curvature < math.inf:
        return 0.0
    return 0.5 * (left - right) / curvature
