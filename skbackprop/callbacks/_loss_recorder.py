"""`LossRecorder`: a callback that records the loss after each epoch."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ._base import Callback

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


#: Fits in several threads, as those of an ensemble, take their numbers one after another.
NUMBERING = threading.Lock()


class LossRecorder(Callback):
    """Records the loss after each epoch, over any number of fits in this process.

    Each call of `partial_fit` counts as a fit of one epoch, unless all of its samples are rejected as outliers.

    A fit in another process, as with ``n_jobs=2``, records in a copy that is lost; scikit-learn's ``ScoringMonitor``
    returns its scores from other processes.

    Attributes
    ----------
    records_ : list of dict
        One for each epoch, in the order in which they ended, with "fit" (the number of the fit, from 0), "epoch"
        (`n_iter_`), "loss", "validation_loss" (NaN without a validation set), "learning_rate", and "seconds" since the
        fit began. An epoch that is rolled back and repeated because training diverged is recorded once, as it was at
        first.

    See Also
    --------
    skbackprop.plotting.LossCurveDisplay : Draw the loss curve of a fitted network.

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

    def __init__(self) -> None:
        self.records_: list[dict[str, float]] = []
        self._n_fits = 0
        self._begun: dict[Any, tuple[int, int, float]] = {}

    def setup(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Start the timer.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        teardown : Discard the timer.

        Examples
        --------
        Each fit has its own number.

        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import LossRecorder
        >>> X, y = load_diabetes(return_X_y=True)
        >>> recorder = LossRecorder()
        >>> network = BackpropRegressor(max_iter=2, tol=None).set_callbacks(recorder).fit(X, y).fit(X, y)
        >>> [record["fit"] for record in recorder.records_]
        [0, 0, 1, 1]
        """
        n_iter = estimator.n_iter_ if estimator.__sklearn_is_fitted__() else 0
        with NUMBERING:
            number, self._n_fits = self._n_fits, self._n_fits + 1
        self._begun[estimator] = number, n_iter, time.perf_counter()

    def on_fit_task_end(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Record an epoch; a call of `partial_fit` is one.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch.

        See Also
        --------
        setup : Start the timer.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import LossRecorder
        >>> X, y = load_diabetes(return_X_y=True)
        >>> recorder = LossRecorder()
        >>> network = BackpropRegressor(random_state=0).set_callbacks(recorder).partial_fit(X, y).partial_fit(X, y)
        >>> [record["epoch"] for record in recorder.records_]
        [1, 2]
        """
        fit, n_before, began = self._begun[estimator]
        is_epoch = context.task_name == "epoch" or (context.task_name == "partial_fit" and estimator.n_iter_ > n_before)
        if not is_epoch:
            return
        is_validated = context.task_name == "epoch"  # in a stream, the curve is that of the last fit
        validation_losses = estimator.validation_loss_curve_ if is_validated else None
        self.records_.append(
            {
                "fit": fit,
                "epoch": estimator.n_iter_,
                "loss": estimator.loss_curve_[-1],
                "validation_loss": validation_losses[-1] if validation_losses else np.nan,
                "learning_rate": estimator.learning_rate_,
                "seconds": time.perf_counter() - began,
            }
        )

    def teardown(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Discard the timer.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        setup : Start the timer.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import LossRecorder
        >>> X, y = load_diabetes(return_X_y=True)
        >>> recorder = LossRecorder()
        >>> network = BackpropRegressor(max_iter=3, tol=None).set_callbacks(recorder).fit(X, y)
        >>> len(recorder.records_)
        3
        """
        del self._begun[estimator]
