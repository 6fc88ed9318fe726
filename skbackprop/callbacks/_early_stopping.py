"""`EarlyStopping`: a callback that ends training by a score on a validation set."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from .._estimators.fitted_model import fitted_model
from .._training.state import TrainingState
from .._training.stopping import BestWeights, Patience, messages_about
from .._typing import MatrixLike
from ._arguments import checked_number, scorer_of
from ._base import Callback

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


class Monitor:
    """The scores, the patience and the best weights of one fit.

    Parameters
    ----------
    scorer : callable
        Called with the estimator, the validation samples and their targets.
    patience : int
        Number of epochs in a row without improvement after which training stops.

    Attributes
    ----------
    scores : list of float
        The score after each epoch.
    best_iter : int
        The epoch of this fit, counted from 1, with the best score; 0 if no score was finite.
    patience : Patience
    best : BestWeights
    """

    def __init__(self, scorer: Callable[..., Any], patience: int) -> None:
        self.scorer = scorer
        self.scores: list[float] = []
        self.best_iter = 0
        self.patience = Patience(patience)
        self.best = BestWeights()

    def update(self, score: float, state: TrainingState) -> bool:
        """Record the score of one more epoch; return whether patience has run out."""
        self.scores.append(score)
        if self.best.update(score, state, state.best_iter):
            self.best_iter = len(self.scores)
        return self.patience.update(-score)


class EarlyStopping(Callback):
    """Stops when the score on a validation set has not risen for some epochs, and restores the best weights.

    The estimators' own `early_stopping` does this too, and faster; this callback can be combined with others and takes
    any validation set and scorer. In `partial_fit` it does nothing, because a stream has no epochs to compare: score
    each chunk before learning from it (prequential evaluation), and end the stream when the scores stop rising.

    Parameters
    ----------
    X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features)
        Validation samples, as the network receives them: in a Pipeline, as the step before it returns them.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs)
        Their targets or labels.
    scoring : str, callable or None, default=None
        A scorer of scikit-learn; None is the estimator's `score`.
    patience : int, default=10
        Stop after this many epochs in a row without a score above the best so far, at least 1. Epochs whose score is
        NaN or infinite are not counted; a warning says how many there were.

    Attributes
    ----------
    scores_ : list of float
        The score after each epoch of the last call of `fit`.
    best_iter_ : int
        The epoch of that fit, counted from 1, with the best score; 0 if no score was finite.

    Raises
    ------
    TypeError, ValueError
        If `patience` is not an integer, or below 1.

    See Also
    --------
    skbackprop.callbacks.Checkpoint : Store the network and this callback during a fit.

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

    partial_fit_alternative = (
        "score the samples of each call before learning from them (prequential evaluation), and stop calling when the "
        "scores no longer rise"
    )

    def __init__(
        self,
        X_val: MatrixLike,
        y_val: ArrayLike,
        scoring: str | Callable[..., Any] | None = None,
        patience: int = 10,
    ) -> None:
        self.X_val = X_val
        self.y_val = y_val
        self.scoring = scoring
        self.patience = checked_number(patience, "patience", Integral, 1)
        self._monitors: dict[Any, Monitor] = {}  # one for each estimator, because clones share their callbacks

    def setup(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Begin without scores.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        teardown : Keep the scores of the fit.

        Examples
        --------
        `scores_` is of the last fit only.

        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import EarlyStopping
        >>> X, y = load_diabetes(return_X_y=True)
        >>> stopping = EarlyStopping(X, y)
        >>> network = BackpropRegressor(max_iter=3, tol=None).set_callbacks(stopping).fit(X, y).fit(X, y)
        >>> len(stopping.scores_)
        3
        """
        self._monitors[estimator] = Monitor(scorer_of(estimator, self.scoring), self.patience)

    def on_fit_task_end(
        self,
        estimator: BackpropRegressor | BackpropClassifier,
        context: CallbackContext,
        *,
        fitted_estimator: BackpropRegressor | BackpropClassifier | None = None,
    ) -> bool | None:
        """Score the network after an epoch, and restore the best weights at the end.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch.
        fitted_estimator : BackpropRegressor, BackpropClassifier or None, default=None
            A copy whose training ended with this epoch.

        Returns
        -------
        stop : bool or None
            Whether patience has run out.

        See Also
        --------
        setup : Begin without scores.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import EarlyStopping
        >>> X, y = load_diabetes(return_X_y=True)
        >>> stopping = EarlyStopping(X, y, scoring=lambda network, X, y: -abs(network.n_iter_ - 4), patience=2)
        >>> network = BackpropRegressor(random_state=0).set_callbacks(stopping).fit(X, y)
        >>> network.n_iter_, network.best_iter_
        (6, 4)
        """
        monitor = self._monitors[estimator]
        if context.task_name != "epoch":
            monitor.best.restore(fitted_model(estimator).state)
            for message in messages_about(monitor.scores):
                warnings.warn(message, ConvergenceWarning, stacklevel=2)
            return None
        score = float(monitor.scorer(fitted_estimator, self.X_val, self.y_val))
        return monitor.update(score, fitted_model(fitted_estimator).state)

    def teardown(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Keep the scores and release the weights.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        setup : Begin without scores.

        Examples
        --------
        `scores_` is set at the end of the fit.

        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import EarlyStopping
        >>> X, y = load_diabetes(return_X_y=True)
        >>> stopping = EarlyStopping(X, y)
        >>> hasattr(stopping, "scores_")
        False
        >>> network = BackpropRegressor(max_iter=3, tol=None).set_callbacks(stopping).fit(X, y)
        >>> len(stopping.scores_)
        3
        """
        monitor = self._monitors.pop(estimator, None)  # there is none if setup failed
        if monitor is not None and context.task_name == "fit":
            self.scores_ = monitor.scores
            self.best_iter_ = monitor.best_iter

    def state_dict(self, estimator: BackpropRegressor | BackpropClassifier) -> dict[str, Any]:
        """Return the scores, the patience and the best weights.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.

        Returns
        -------
        state : dict
            For `load_state_dict`.

        See Also
        --------
        load_state_dict : Continue with this state.

        Examples
        --------
        `Checkpoint` calls it during a fit. So can any other callback.

        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback, EarlyStopping
        >>> X, y = load_diabetes(return_X_y=True)
        >>> stopping = EarlyStopping(X, y)
        >>> class ScoreCounter(Callback):
        ...     def on_fit_task_end(self, estimator, context):
        ...         if context.task_name == "epoch":
        ...             print(len(stopping.state_dict(estimator)["scores"]))
        >>> network = BackpropRegressor(max_iter=2, tol=None).set_callbacks(stopping, ScoreCounter()).fit(X, y)
        1
        2
        """
        monitor = self._monitors[estimator]
        return {
            "scores": list(monitor.scores),
            "best_iter": monitor.best_iter,
            "patience": monitor.patience.state_dict(),
            "best": monitor.best.state_dict(),
        }

    def load_state_dict(self, estimator: BackpropRegressor | BackpropClassifier, state: dict[str, Any]) -> bool:
        """Continue with the scores, the patience and the best weights of another process.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        state : dict
            What `state_dict` returned.

        Returns
        -------
        stop : bool
            Whether patience had run out.

        See Also
        --------
        state_dict : Return the state.

        Examples
        --------
        `Checkpoint.resume` calls it.

        >>> import tempfile
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback, Checkpoint, EarlyStopping
        >>> class Interrupt(Callback):
        ...     def on_fit_task_end(self, estimator, context):
        ...         if estimator.n_iter_ == 3:
        ...             raise KeyboardInterrupt
        >>> X, y = load_diabetes(return_X_y=True)
        >>> stopping = EarlyStopping(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder + "/network.joblib")
        ...     network = BackpropRegressor(max_iter=5, tol=None, random_state=0)
        ...     try:
        ...         network = network.set_callbacks(EarlyStopping(X, y), checkpoint, Interrupt()).fit(X, y)
        ...     except KeyboardInterrupt:
        ...         network = checkpoint.resume(X, y, callbacks=(stopping,))
        >>> len(stopping.scores_)
        5
        """
        monitor = self._monitors[estimator]
        monitor.scores = list(state["scores"])
        monitor.best_iter = state["best_iter"]
        monitor.patience.load_state_dict(state["patience"])
        monitor.best.load_state_dict(state["best"])
        return monitor.patience.has_run_out
