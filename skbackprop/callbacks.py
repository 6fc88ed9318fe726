"""Callbacks that watch and steer a training, for ``set_callbacks`` of both estimators.

They speak scikit-learn's protocol, which it has from version 1.9 on: a task for each `fit`, and below it one for each
epoch. ``ProgressBar`` and ``ScoringMonitor`` of `sklearn.callback` go beside them. Set these on the network itself,
also where it is a step of a Pipeline: they hear of its own epochs only, and see the rows as that step does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.utils import check_scalar

from ._parameters import MatrixLike

__all__ = ["Checkpoint", "EarlyStopping", "LossRecorder"]

#: What scikit-learn hangs on an estimator while it is fitted.
WHILE_FITTING = ("_callback_fit_ctx", "_parent_callback_ctx", "_skl_callbacks_to_teardown", "_skl_callbacks")


class _Callback:
    """Hears of everything and does nothing."""

    def setup(self, estimator, context) -> None:
        """Get ready for a fit."""

    def teardown(self, estimator, context) -> None:
        """Tidy up after a fit, however it ended."""

    def on_fit_task_begin(self, estimator, context) -> None:
        """Hear that a fit or an epoch begins."""

    def on_fit_task_end(self, estimator, context) -> bool | None:
        """Hear that a fit or an epoch is over."""


@dataclass
class _Run:
    """One fit under `EarlyStopping`."""

    scorer: Callable
    scores: list[float] = field(default_factory=list)
    best_iter: int = 0
    best_score: float = -np.inf
    best: Any = None  # the estimator as it was then


class EarlyStopping(_Callback):
    """Stops when a score on rows of your own has not risen for some epochs, and brings the best weights back.

    The estimators' own `early_stopping` does this too, faster; this one takes any number of rows and scorers beside it.

    Parameters
    ----------
    X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features)
        Inputs, as the network is given them: in a Pipeline, as the step before it leaves them.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs)
        Targets or labels.
    scoring : str, callable or None, default=None
        A scorer of scikit-learn; None is the estimator's `score`.
    patience : int, default=10
        Stop after so many epochs in a row without a score above the best so far, at least 1. NaN is above none.

    Attributes
    ----------
    scores_ : list of float
        The score after each epoch of the last call of `fit`.
    best_iter_ : int
        The epoch of that fit, counted from 1, that was the best; 0 if no score was a number.

    Raises
    ------
    TypeError, ValueError
        If `patience` is no whole number, or below 1.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.callbacks import EarlyStopping
    >>> X, y = load_wine(return_X_y=True)
    >>> X, X_val, y, y_val = train_test_split(X, y, stratify=y, random_state=0)
    >>> stopping = EarlyStopping(X_val, y_val, scoring="neg_log_loss", patience=5)
    >>> network = BackpropClassifier(random_state=0).set_callbacks(stopping).fit(X, y)
    >>> len(stopping.scores_) == network.n_iter_
    True
    """

    def __init__(self, X_val: MatrixLike, y_val: ArrayLike, scoring: str | Callable | None = None, patience: int = 10):
        self.X_val, self.y_val, self.scoring = X_val, y_val, scoring
        self.patience = check_scalar(patience, "patience", Integral, min_val=1)
        self._runs: dict[Any, _Run] = {}  # by estimator: clones share their callbacks

    def setup(self, estimator, context):
        """Begin with no score."""
        self._runs[estimator] = _Run(check_scoring(estimator, self.scoring))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Score the network after an epoch, and at the end put the best weights back."""
        run = self._runs[estimator]
        if context.task_name != "epoch":
            if run.best is not None:
                estimator._take_weights(run.best)
            return None
        run.scores.append(float(run.scorer(fitted_estimator, self.X_val, self.y_val)))
        if run.scores[-1] > run.best_score:  # never so for NaN
            run.best_iter, run.best_score, run.best = len(run.scores), run.scores[-1], fitted_estimator
        return len(run.scores) - run.best_iter >= self.patience

    def teardown(self, estimator, context):
        """Keep the scores, and let go of the weights."""
        run = self._runs.pop(estimator, None)  # none where setup failed
        if run is not None and context.task_name == "fit":
            self.scores_, self.best_iter_ = run.scores, run.best_iter


class Checkpoint(_Callback):
    """Writes the network to a file while it is trained, and goes on from there when the process has died.

    A file is written whole or not at all. What is in it is the estimator as joblib stores it, without its callbacks:
    ``joblib.load`` gives a network that predicts as the last epoch written did. One file is for one fit at a time, so
    this is no callback for a search.

    Parameters
    ----------
    path : str or path-like
        The file. A new fit, but for a warm start, begins by removing it: it is always of the fit that was last begun.
    every : int, default=1
        Write after every so many epochs, and at the end.

    Raises
    ------
    TypeError, ValueError
        If `every` is no whole number, or below 1.
    FileNotFoundError
        If there is no folder for it when a fit begins.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.callbacks import Checkpoint
    >>> X, y = load_diabetes(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(folder + "/network.joblib")
    ...     network = BackpropRegressor(max_iter=20, tol=None).set_callbacks(checkpoint)
    ...     network = checkpoint.resume(X, y) if checkpoint.path.exists() else network.fit(X, y)
    >>> network.n_iter_
    20
    """

    def __init__(self, path: str | os.PathLike, every: int = 1):
        self.path, self.every = Path(path), check_scalar(every, "every", Integral, min_val=1)
        self._ended_well = False

    def setup(self, estimator, context):
        """Look for the folder, before an epoch is made in vain, and remove what an earlier fit has left."""
        self._ended_well = False
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {self.path.parent} for the checkpoint {self.path}: make it.")
        if context.task_name == "fit" and not estimator.warm_start and not estimator._is_unfinished:
            self.path.unlink(missing_ok=True)

    def on_fit_task_end(self, estimator, context):
        """Write the network after an epoch, if it is time."""
        if context.task_name != "epoch":
            self._ended_well = True
        elif estimator.n_iter_ % self.every == 0:
            self._write(estimator)

    def teardown(self, estimator, context):
        """Write what the fit came to: only now have all callbacks, `EarlyStopping` for one, done their last."""
        if self._ended_well:
            self._write(estimator)

    def _write(self, estimator):
        stored = copy(estimator)
        for name in WHILE_FITTING:
            vars(stored).pop(name, None)
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            with open(part, "wb") as file:
                joblib.dump(stored, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)

    def resume(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        callbacks: tuple = (),
    ) -> Any:
        """Finish the fit that the file is from, and return the estimator.

        With the rows that the fit was given, the weights come out as if it had never stopped, to the last bit. Not
        so with ``optimizer="lbfgs"``, which starts its memory of the curvature anew, nor where one of the next two
        epochs explodes: what training would go back to is older than the file.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As `fit` was given them.
        callbacks : tuple of callbacks, default=()
            Those to set beside this one. They begin anew: unlike the estimators' own `early_stopping`, an
            `EarlyStopping` knows no score from before.

        Returns
        -------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted. Where the file is from the end of a fit, there is nothing left to do.

        Raises
        ------
        FileNotFoundError
            If nothing has been written yet.
        ValueError
            If the fit was given another number of rows to train on or to hold out.
        """
        estimator = joblib.load(self.path).set_callbacks(self, *callbacks)
        return estimator._finish(X, y, sample_weight, (X_val, y_val, sample_weight_val))


class LossRecorder(_Callback):
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
