"""`TrialPruning`: a callback that reports the score after each epoch to Optuna, which may end the fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from .._estimators.fitted_model import check_type
from .._hyperparameters import shortened
from .._typing import MatrixLike
from ._arguments import scorer_of
from ._base import Callback

if TYPE_CHECKING:
    from optuna.trial import BaseTrial
    from sklearn.callback import CallbackContext

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


class TrialPruning(Callback):
    """Reports the score on a validation set after each epoch to a trial of Optuna, and ends the fit if it is pruned.

    The pruner of the study compares the scores with those of earlier trials. If they are not promising, `fit` raises
    ``optuna.TrialPruned``, which Optuna catches, and the estimator is as it was before. Scores are the higher the
    better, so create the study with ``direction="maximize"``. The steps of Optuna are epochs, counted from 0.

    A callback is for one trial, and a trial for one fit: after each fold of a cross-validation, call ``trial.report``
    and ``trial.should_prune`` yourself. In `partial_fit` it reports after each call, for which it needs `X_val`.

    A trial refers to its whole study, so pickles and deep copies of the callback have none: in them, and in other
    processes, it warns that it reports nothing.

    Parameters
    ----------
    trial : optuna.trial.Trial
        What the objective function of the study is called with.
    X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
        Validation samples, as the network receives them: in a Pipeline, as the step before it returns them. Without
        them, the last of the estimator's `validation_scores_` is reported; the fit then needs a validation set, by its
        own `X_val` and `y_val` or by ``early_stopping=True``.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
        Their targets or labels.
    scoring : str, callable or None, default=None
        A scorer of scikit-learn for `X_val`; None is the estimator's `score`.

    Attributes
    ----------
    trial : optuna.trial.Trial or None
        The trial; None in a copy.

    Raises
    ------
    ValueError
        If only one of `X_val` and `y_val` is given, if there is a `scoring` but no `X_val`, or if the study minimizes.

    See Also
    --------
    skbackprop.callbacks.EarlyStopping : End a fit by its own scores.

    Examples
    --------
    >>> import optuna
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.callbacks import TrialPruning
    >>> X, X_val, y, y_val = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    >>> def objective(trial):
    ...     rate = trial.suggest_float("learning_rate", 1e-5, 0.1, log=True)
    ...     network = BackpropRegressor(learning_rate=rate, max_iter=20, tol=None, random_state=0)
    ...     network.set_callbacks(TrialPruning(trial, X_val, y_val))
    ...     return network.fit(X, y).score(X_val, y_val)
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=8)
    >>> [trial.state.name for trial in study.trials].count("PRUNED")
    1
    """

    def __init__(
        self,
        trial: BaseTrial,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        *,
        scoring: str | Callable[..., Any] | None = None,
    ) -> None:
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: pass both, or neither.")
        if X_val is None and scoring is not None:
            raise ValueError(f"scoring={shortened(scoring)} is for X_val; without it, set scoring of the estimator.")
        check_direction(trial)
        self.trial: BaseTrial | None = trial
        self.X_val = X_val
        self.y_val = y_val
        self.scoring = scoring
        self._last_step = -1

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"trial": None}

    def setup(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Check the estimator and the scorer before the first epoch.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        Raises
        ------
        TypeError
            If the callback is set on another estimator than the network itself.
        ValueError
            If scikit-learn has no scorer of this name.

        See Also
        --------
        on_fit_task_end : Report a score.

        Examples
        --------
        >>> import optuna
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import TrialPruning
        >>> X, y = load_diabetes(return_X_y=True)
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> trial = optuna.create_study(direction="maximize").ask()
        >>> network = BackpropRegressor().set_callbacks(TrialPruning(trial, X, y, scoring="r3"))
        >>> network.fit(X, y)
        Traceback (most recent call last):
            ...
        ValueError: 'r3' is not a valid scoring value. ...
        """
        check_type(estimator)
        if self.trial is None:
            warnings.warn(
                "This copy of TrialPruning has no trial and reports nothing: a trial is neither stored nor sent to "
                "other processes. Remove the callback with set_callbacks().",
                UserWarning,
                stacklevel=2,
            )
        if self.X_val is not None:
            scorer_of(estimator, self.scoring)

    def on_fit_task_end(
        self,
        estimator: BackpropRegressor | BackpropClassifier,
        context: CallbackContext,
        *,
        fitted_estimator: BackpropRegressor | BackpropClassifier | None = None,
    ) -> None:
        """Report the score after an epoch, or after a call of `partial_fit`.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch.
        fitted_estimator : BackpropRegressor, BackpropClassifier or None, default=None
            A copy whose training ended with this epoch.

        Raises
        ------
        optuna.TrialPruned
            If the pruner of the study decides to end the trial.
        ValueError
            If there is no validation set, or if the trial already has a report of this epoch from another fit.

        See Also
        --------
        setup : Check the scorer.

        Examples
        --------
        >>> import optuna
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import TrialPruning
        >>> X, y = load_diabetes(return_X_y=True)
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=0.3))
        >>> trial = study.ask()
        >>> network = BackpropRegressor(learning_rate=1e-5).set_callbacks(TrialPruning(trial, X, y))
        >>> network.fit(X, y)
        Traceback (most recent call last):
            ...
        optuna.exceptions.TrialPruned: The trial was pruned after epoch 1.
        """
        if context.task_name not in ("epoch", "partial_fit") or self.trial is None:
            return
        step = estimator.n_iter_ - 1
        if context.task_name == "partial_fit" and step == self._last_step:
            return  # all samples of the call were rejected as outliers
        if step <= self._last_step:
            raise ValueError(
                f"TrialPruning has already reported epoch {step + 1} of another fit: a trial is for one fit. Make "
                "a new TrialPruning for each trial, or remove it with set_callbacks()."
            )
        self.trial.report(self._score(estimator, context, fitted_estimator), step)
        self._last_step = step
        if self.trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned(f"The trial was pruned after epoch {step + 1}.")

    def _score(self, estimator: Any, context: CallbackContext, fitted_estimator: Any) -> float:
        """Return the score on `X_val`, or else the one that the fit itself has computed."""
        if self.X_val is not None:
            return float(scorer_of(estimator, self.scoring)(fitted_estimator, self.X_val, self.y_val))
        scores = estimator.validation_scores_ if context.task_name == "epoch" else None
        if scores is None:
            remedy = ", or early_stopping=True to the estimator" if context.task_name == "epoch" else ""
            raise ValueError(f"TrialPruning has no validation set: pass X_val and y_val to it{remedy}.")
        return scores[-1]


def check_direction(trial: BaseTrial) -> None:
    """Raise ValueError if the study of a trial minimizes: its pruner would end the best fits.

    Parameters
    ----------
    trial : optuna.trial.Trial
        A trial; one without a study, such as ``optuna.trial.FixedTrial``, prunes nothing.
    """
    directions = getattr(getattr(trial, "study", None), "directions", [])
    if any(direction.name == "MINIMIZE" for direction in directions):
        raise ValueError(
            "TrialPruning reports scores, which are the higher the better; create the study with direction='maximize', "
            "and return a score from the objective function."
        )
