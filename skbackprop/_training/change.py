"""What training does after a change of the data in a stream.

The scaling of the columns that have changed starts again from the last block of samples. The network then keeps either
its weights, as if the units had changed, or its function, as if other samples came in, or it takes the weights from
before the change; the smallest loss on the block decides. docs/online.md has the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from itertools import product

import numpy as np

from .._core.network import Network
from .._core.objective import Objective
from .._core.standardizer import Standardizer
from .change_detector import MAX_COMPARED, Change
from .state import TrainingState


def follow_change(state: TrainingState, objective: Objective, change: Change) -> None:
    """Scale the columns that have changed by the last block, with the weights that have the smallest loss on it."""
    standardizer = state.standardizer
    assert standardizer is not None
    before = copy(standardizer)
    standardizer.restart(change.block, change.columns)
    data = state.scale_target(change.block.spread(MAX_COMPARED))
    candidates = [*_adapted_weights(state.theta, objective.network, before, standardizer), change.theta]
    losses = [objective.mean_loss(c, data, state.transform) for c in candidates]
    best = int(np.argmin(losses))
    keeps_inputs, keeps_target = best in (2, 3), best in (1, 3)
    import os
    mode = os.environ.get("MODE", "0")
    columns = change.columns.copy()
    if mode in "AB":
        if mode == "A" and keeps_inputs: columns[standardizer.inputs] = False
        if keeps_target: columns[standardizer.target] = False
        vars(standardizer).update(vars(before))
        if not columns.any(): return
        standardizer.restart(change.block, columns)
        candidates = [*_adapted_weights(state.theta, objective.network, before, standardizer), change.theta]
    state.theta[...] = candidates[best]
    state.n_changes += 1


def _adapted_weights(
    theta: np.ndarray, network: Network, before: Standardizer, after: Standardizer
) -> Iterator[np.ndarray]:
    """Yield weights that keep their values, or their function of X, or of the target, or both."""
    for keeps_inputs, keeps_target in product([False, True], repeat=2):
        adapted = theta.copy()
        layers = network.unpack(adapted)
        if keeps_inputs:
            after.keep_function_of_inputs(layers[0], before)
        if keeps_target:
            after.keep_function_to_target(layers[-1], before)
        yield adapted
