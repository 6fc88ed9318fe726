"""What training does after a change of the data in a stream.

The scaling of the inputs that have changed starts again from the last block of samples. The network then keeps its
weights, as if the units had changed, or its function, as if other samples came in, or it takes the weights from before
the change, which disturbed it; the smallest loss on the block decides. The scaling of the target starts again only if
its unit has changed: a target that moves by itself is followed in steps in proportion to its scale, and those of a
smaller scale would be too small. docs/online.md has the evidence.
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
from .change_detector import MAX_COMPARED, Change, CountedMoments
from .state import TrainingState

#: A change of sign has to reduce the loss to this share, since signs of unimportant columns reduce it by chance.
SMALLER_LOSS = 0.9
#: In no more than this number of columns is the sign examined, because each takes the time of a prediction.
MAX_SIGNS = 64


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
    return None if standardizer is None else CountedMoments(standardizer.moments, standardizer.n_samples)


def follow_change(state: TrainingState, objective: Objective, change: Change) -> None:
    """Scale the columns that have changed by the last block, with the weights that have the smallest loss on it."""
    standardizer, network = state.standardizer, objective.network
    assert standardizer is not None
    before = copy(standardizer)
    standardizer.restart(change.block, change.columns)
    data = state.scale_target(change.block.spread(MAX_COMPARED))

    def loss_of(adaptation: Adaptation) -> float:
        theta = adaptation.adapted(network, before, standardizer)
        return np.nan_to_num(objective.mean_loss(theta, data, state.transform), nan=math.inf)

    adaptations = _adaptations(state.theta, change.theta)
    adaptations.append(Adaptation(_with_signs(change, network, standardizer, loss_of)))
    best = min(adaptations, key=loss_of)
    if best.keeps_target:
        standardizer.restore(before.snapshot())
        inputs = change.columns.copy()
        inputs[standardizer.target] = False
        if not inputs.any():
            return
        standardizer.restart(change.block, inputs)
    state.theta[...] = best.adapted(network, before, standardizer)
    state.n_changes += 1


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


def _adaptations(theta: np.ndarray, theta_before: np.ndarray) -> list[Adaptation]:
    both = [False, True]
    return [*(Adaptation(theta, *keeps) for keeps in product(both, both)), Adaptation(theta_before)]
