"""`EarlyStopping`: a callback that ends a training by a score on rows of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.utils import check_scalar

from .._sklearn_compat import Callback
from .._training.state import TrainingState
from .._typing import MatrixLike


@dataclass
class Run:
    """What `EarlyStopping` knows of one fit; a `Checkpoint` keeps it for those that go on."""

    scores: list[float] = field(default_factory=list)
    best_iter: int = 0
    best_score: float = -np.inf
    best: TrainingState | None = None


class EarlyStopping(Callback):
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
        self._runs: dict[Any, Run] = {}  # by estimator, as is the next: clones share their callbacks
        self._scorers: dict[Any, Callable] = {}

    def setup(self, estimator, context):
        """Begin with no score, unless this fit is finished from a file that has some."""
        self._scorers[estimator] = check_scoring(estimator, self.scoring)
        self._runs[estimator] = Run()
        if estimator._is_unfinished and estimator._unfinished.runs:
            self._runs[estimator] = run = estimator._unfinished.runs.pop(0)
            estimator._unfinished.watch.is_told_to_stop |= self._is_over(run)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Score the network after an epoch, and at the end put the best weights back."""
        run = self._runs[estimator]
        if context.task_name != "epoch":
            if run.best is not None:
                estimator._take_weights(run.best)
            return None
        run.scores.append(float(self._scorers[estimator](fitted_estimator, self.X_val, self.y_val)))
        if run.scores[-1] > run.best_score:  # never so for NaN
            run.best_iter, run.best_score, run.best = len(run.scores), run.scores[-1], fitted_estimator._state
        return self._is_over(run)

    def teardown(self, estimator, context):
        """Keep the scores, and let go of the weights."""
        self._scorers.pop(estimator, None)
        run = self._runs.pop(estimator, None)  # none where setup failed
        if run is not None and context.task_name == "fit":
            self.scores_, self.best_iter_ = run.scores, run.best_iter

    def _is_over(self, run: Run) -> bool:
        return len(run.scores) - run.best_iter >= self.patience

    def run_of(self, estimator) -> Run:
        """Return what is known of the fit that this estimator is in."""
        return self._runs[estimator]
