"""The schedule `Plateau`: it reduces the learning rate when the monitored loss no longer improves.

Each epoch of a `fit` counts. On a stream, the samples differ from call to call, and how far their losses differ by
chance depends only on their number; so a call counts if it has enough samples.
"""

from __future__ import annotations

from ..schedules import Plateau, Schedule
from .state import TrainingState
from .stopping import Patience

#: Number of samples that a call of `partial_fit` needs to count as an epoch.
MIN_STREAM_SAMPLES = 50


def follow_plateau(schedule: Schedule, state: TrainingState, loss: float) -> None:
    """Lower the rate factor of the state if the schedule is `Plateau` and its patience has run out."""
    if not isinstance(schedule, Plateau):
        return
    patience = Patience(schedule.patience, schedule.threshold, follows_best=False)
    patience.load_state_dict({"best": state.plateau_best, "count": state.plateau_count})
    if patience.update(loss):
        patience.count = 0
        lowered = max(state.rate_factor * schedule.factor, schedule.final / schedule.initial)
        state.rate_factor = min(lowered, state.rate_factor)
    state.plateau_best, state.plateau_count = patience.best, patience.count
