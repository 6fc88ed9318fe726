"""Callbacks that watch and steer a training, for ``set_callbacks`` of both estimators.

They speak scikit-learn's protocol, which it has from version 1.9 on: a task for each `fit`, and below it one for each
epoch. ``ProgressBar`` and ``ScoringMonitor`` of `sklearn.callback` go beside them. Set these on the network itself,
also where it is a step of a Pipeline: they hear of its own epochs only, and see the rows as that step does.
"""

from __future__ import annotations

import time

import numpy as np

from .._sklearn_compat import Callback
from ._checkpoint import Checkpoint
from ._early_stopping import EarlyStopping

__all__ = ["Checkpoint", "EarlyStopping", "LossRecorder"]


class LossRecorder(Callback):
    """Records the loss after each epoch, over any number of fits in this process.

    A fit in another process, as with ``n_jobs=2``, records in a copy that is lost; there, scikit-learn's
    ``ScoringMonitor`` brings its scores back.

    Attributes
    ----------
    records_ : list of dict
        One for each epoch, in the order they ended, with "fit" (a number for each fit, from 0), "epoch" (n_iter_),
        "loss", "validation_loss" (NaN without held-out rows), "learning_rate" and "seconds" since the fit began. An
        epoch that is undone and made again, because training exploded, stays as it was at first.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.callbacks import LossRecorder
    >>> X, y = load_diabetes(return_X_y=True)
    >>> recorder = LossRecorder()
    >>> network = BackpropRegressor(max_iter=3, tol=None, random_state=0).set_callbacks(recorder).fit(X, y)
    >>> [record["loss"] for record in recorder.records_] == network.loss_curve_
    True
    """

    def __init__(self):
        self.records_: list[dict[str, float]] = []
        self._n_fits, self._begun = 0, {}

    def setup(self, estimator, context):
        """Take the time."""
        self._begun[estimator] = self._n_fits, time.perf_counter()
        self._n_fits += 1

    def on_fit_task_end(self, estimator, context):
        """Record an epoch; a call of `partial_fit` is one too."""
        if context.task_name == "fit":
            return
        fit, began = self._begun[estimator]
        held_out = estimator.validation_loss_curve_
        self.records_.append(
            {
                "fit": fit,
                "epoch": estimator.n_iter_,
                "loss": estimator.loss_curve_[-1],
                "validation_loss": held_out[-1] if held_out else np.nan,
                "learning_rate": estimator.learning_rate_,
                "seconds": time.perf_counter() - began,
            }
        )

    def teardown(self, estimator, context):
        """Forget the time."""
        del self._begun[estimator]
