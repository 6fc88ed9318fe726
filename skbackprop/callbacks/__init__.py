"""Callbacks that monitor and control training, for ``set_callbacks`` of both estimators.

They follow the protocol that scikit-learn has from version 1.9 on: a task for each `fit`, and below it one for each
epoch. ``ProgressBar`` and ``ScoringMonitor`` of `sklearn.callback` can be combined with them. Set callbacks on the
network itself, also if it is a step of a Pipeline: they are called for its epochs only, and receive the samples that
this step receives.

A call of `partial_fit` is a task without epochs. `LossRecorder` and `TrialPruning` work there; callbacks that need many
epochs do not: the first call warns about each of them and says what to use instead.
"""

from .._public import publish
from ._base import Callback
from ._checkpoint import Checkpoint
from ._early_stopping import EarlyStopping
from ._loss_recorder import LossRecorder
from ._trial_pruning import TrialPruning

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "LossRecorder", "TrialPruning"]

__dir__ = publish(globals())
