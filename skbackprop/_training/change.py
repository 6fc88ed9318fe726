"""What training does after a change of the data in a stream.

If units have changed, the scaling of these columns starts again from the last block of samples, and the network keeps
its weights, or takes those from before the change, which disturbed it. If other samples came in, the moments forget all
but some hundred samples, and follow the next ones; the weights stay. The loss on the block decides which of the two it
is. docs/guide/online.md has the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from itertools import product
from typing import NamedTuple

import numpy as np

from .._core.network import Network
from .._core.objective import Objective
from .._core.standardizer import Standardizer
from .change_detector import Change, CountedMoments, representatives
from .state import TrainingState

#: A change of sign has to reduce the loss to this share, since signs of unimportant columns reduce it by chance.
SMALLER_LOSS = 0.9
#: In no more than this number of columns is the sign examined, because each takes the time of a prediction.
MAX_SIGNS = 64
#: A unit has changed only if the loss of keeping the function is more than this number of times as large.
CLEARLY_LARGER = 1.5
#: and if the loss is no more than this number of times that of the last samples before, from this number of epochs.
MAX_LOSS_RATIO, MIN_USUAL = 2.0, 5
#: If other samples come in, the moments count as those of this number of samples, so that they follow. Units change no
#: sooner than that, times two for each earlier change: data that differ again and again have several regimes.
N_REMEMBERED = 500


class Adaptation(NamedTuple):
    """Weights for new scalings.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Weights for the earlier scalings.
    keeps_inputs, keeps_target : bool
        Whether the network keeps its function of the samples, and what it predicts in the units of the target.
        Otherwise, it keeps the weights, which are for standardized samples and targets.
    """

    theta: np.ndarray
    keeps_inputs: bool = False
    keeps_target: bool = False

    def adapted(self, network: Network, before: Standardizer, after: Standardizer) -> np.ndarray:
        """Return the weights for the scaling `after`."""
        theta = self.theta.copy()
        layers = network.unpack(theta)
        if self.keeps_inputs:
            after.keep_function_of_inputs(layers[0], before)
        if self.keeps_target:
            after.keep_function_to_target(layers[-1], before)
        return theta


def moments_so_far(state: TrainingState) -> CountedMoments | None:
    """Return the present moments, or None if the samples are not standardized."""
    standardizer = state.standardizer
    return None if standardizer is None else CountedMoments(standardizer.moments, standardizer.n_samples, state.n_iter)


def follow_change(state: TrainingState, objective: Objective, change: Change) -> None:
    """Scale columns with another unit by the last block, with the weights that fit best; let other moments follow."""
    standardizer, network = state.standardizer, objective.network
    assert standardizer is not None
    before = copy(standardizer)
    standardizer.restart(change.block, change.columns)
    data = state.scale_target(representatives(change.block))

    def loss_of(adaptation: Adaptation) -> float:
        theta = adaptation.adapted(network, before, standardizer)
        return np.nan_to_num(objective.mean_loss(theta, data, state.transform), nan=math.inf)

    adaptations = _adaptations(state.theta, change, network, standardizer, loss_of)
    is_settled = before.n_samples >= N_REMEMBERED * 2 ** min(state.n_changes, 60)
    largest = MAX_LOSS_RATIO * _usual_loss(state, change.n_iter) if is_settled else 0.0
    columns = change.columns.copy()
    best = _explanation(adaptations, columns, standardizer.inputs, largest, loss_of)
    columns[standardizer.inputs] &= not best.keeps_inputs
    columns[standardizer.target] &= not best.keeps_target
    standardizer.restore(before.snapshot())
    if (columns != change.columns).any():
        standardizer.forget(N_REMEMBERED)
    if columns.any():
        standardizer.restart(change.block, columns)
        state.theta[...] = best._replace(keeps_inputs=False).adapted(network, before, standardizer)
        state.n_changes += 1


def _explanation(
    adaptations: list[Adaptation],
    columns: np.ndarray,
    inputs: slice,
    largest: float,
    loss_of: Callable[[Adaptation], float],
) -> Adaptation:
    """Return the adaptation with the smallest loss; one that keeps the function where no unit has changed.

    Parameters
    ----------
    adaptations : list of Adaptation
    columns : ndarray of bool of shape (n_columns,)
        The columns that have changed.
    inputs : slice
        Those of X.
    largest : float
        The largest loss with which a change of unit explains the data.
    loss_of : callable
    """
    best = min(adaptations, key=loss_of)
    is_explained = loss_of(best) <= largest
    if columns[inputs].any():
        keeping = min((each for each in adaptations if each.keeps_inputs), key=loss_of)
        best = best if is_explained and CLEARLY_LARGER * loss_of(best) < loss_of(keeping) else keeping
    if columns[inputs.stop :].any():
        keeping = best._replace(keeps_target=True)
        best = best if is_explained and CLEARLY_LARGER * loss_of(best) < loss_of(keeping) else keeping
    return best


def _usual_loss(state: TrainingState, n_iter: int) -> float:
    """Return the mean loss of the last epochs up to this one, infinite if there is none."""
    n_later = state.n_iter - n_iter
    n_usual = math.ceil(N_REMEMBERED * state.n_iter / max(state.n_samples, 1)) + MIN_USUAL
    usual = state.loss_curve[: len(state.loss_curve) - n_later][-n_usual:]
    return float(np.mean(usual)) if usual else math.inf


def _with_signs(
    change: Change, network: Network, standardizer: Standardizer, loss_of: Callable[[Adaptation], float]
) -> np.ndarray:
    """Return the weights from before the change, negated for columns whose sign has changed with their unit."""
    best = change.theta
    smallest = loss_of(Adaptation(best))
    for column in np.flatnonzero(change.columns[standardizer.inputs])[:MAX_SIGNS]:
        theta = best.copy()
        network.unpack(theta)[0].W[column] *= -1
        loss = loss_of(Adaptation(theta))
        if loss < SMALLER_LOSS * smallest:
            best, smallest = theta, loss
    return best


def _adaptations(
    theta: np.ndarray,
    change: Change,
    network: Network,
    standardizer: Standardizer,
    loss_of: Callable[[Adaptation], float],
) -> list[Adaptation]:
    present = [Adaptation(theta, *keeps) for keeps in product([False, True], repeat=2)]
    return [*present, Adaptation(_with_signs(change, network, standardizer, loss_of))]
