"""The scikit-learn boundary: parameters become a recipe, X and y become plain arrays, and training starts or goes on.

`_regressor.py` and `_classifier.py` say what a target is and what a prediction looks like; everything that they
share is here.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from ._engines import choose_engine
from ._fitted import FittedNetwork
from ._inputs import Snapshot, is_plain
from ._parameters import CONSTRAINTS, MatrixLike, check_weights
from ._recipes import make_recipe, resume, start
from ._state import TrainingState
from ._training import Outcome, Session
from ._validation import Rows, Target, hold_out, product, watcher
from ._watch import Patience, Watch
from .optimizers import LBFGS

#: Parameters that are not looked at once the weights are made.
READ_ONCE = ("init", "random_state")
#: A network whose loss still falls by this share of it in each pass was stopped too soon.
STILL_FALLING = 0.05


class BaseBackprop(FittedNetwork, BaseEstimator, ABC):
    """What the regressor and the classifier share."""

    _parameter_constraints: dict = CONSTRAINTS
    _read_often = tuple(name for name in CONSTRAINTS if name not in READ_ONCE)

    @abstractmethod
    def __init__(
        self,
        hidden_layer_sizes,
        *,
        activation,
        loss,
        output_activation,
        solver,
        optimizer,
        learning_rate,
        batch_size,
        alpha,
        l1_ratio,
        dropout,
        clip_norm,
        init,
        standardize,
        max_iter,
        tol,
        n_iter_no_change,
        early_stopping,
        validation_fraction,
        scoring,
        shuffle,
        warm_start,
        engine,
        random_state,
        verbose,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.output_activation = output_activation
        self.solver = solver
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.init = init
        self.standardize = standardize
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.engine = engine
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _learn_target(self, y, dtype: np.dtype, resume: bool, classes) -> Target:
        """Check `y` and say what it is."""

    @abstractmethod
    def _plain_target(self, y, n_rows: int, classes) -> np.ndarray | None:
        """Return `y` as the network sees it, or None if it is not plainly fine."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to data: up to `max_iter` passes over the rows.

        With ``warm_start=True``, go on from where the last call to `fit` or `partial_fit` ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs. float32 is computed in float32, everything else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values or class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none negative and not all zero; None is 1 for each.
        X_val, y_val : as X and y, default=None
            Rows to stop early by, instead of some held out of `X`; see `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through its steps.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not as they should be; nothing is learned then.
        """
        n_before = self._state.n_iter if self.__sklearn_is_fitted__() and self.warm_start else 0
        outcome = self._train(X, y, sample_weight, held_out=(X_val, y_val, sample_weight_val))
        if not outcome.stopped and not outcome.gave_up and self._is_still_falling(n_before):
            outcome.messages.append(
                f"Training ended after max_iter={self.max_iter} epochs while what it watches was still falling by more "
                f"than tol={self.tol:g} an epoch. Raise max_iter, learning_rate or tol; tol=None means exactly "
                "max_iter epochs and no warning."
            )
        self._warn(outcome)
        return self

    def _is_still_falling(self, n_before: int) -> bool:
        """Return whether the last `n_iter_no_change` passes brought more than `tol` each on average.

        Where the learning rate has come to its planned end, a fall by a few per cent is no sign of too few passes.
        """
        if self.tol is None:
            return False
        scores = self.validation_scores_
        curve = self._state.loss_curve[n_before:] if scores is None else [-score for score in scores]
        n_passes = int(min(self.n_iter_no_change, len(curve) - 1))
        if n_passes < 1:
            return True
        fall = (curve[-1 - n_passes] - min(curve[-n_passes:])) / n_passes
        return fall > max(self.tol, STILL_FALLING * abs(curve[-1]) if self._recipe.schedule.has_end else 0.0)

    def _warn(self, outcome: Outcome) -> None:
        for message in outcome.messages:
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _has_passes(self) -> bool:
        if isinstance(self.optimizer, LBFGS) or (isinstance(self.optimizer, str) and self.optimizer == "lbfgs"):
            raise AttributeError("partial_fit makes one pass over some rows; optimizer='lbfgs' needs all rows, by fit.")
        return True

    def _partial_fit(self, X, y, sample_weight, classes=None):
        with np.errstate(all="ignore"):  # what overflows is looked at
            outcome = self._go_on(X, y, sample_weight, classes)
        if outcome is None:
            self._validate_params()
            outcome = self._train(X, y, sample_weight, partial=True, classes=classes)
        if outcome.messages:
            self._warn(outcome)
        return self

    def _go_on(self, X, y, sample_weight, classes) -> Outcome | None:
        """Take the short way if rows like those of the last call come and nothing else changed, else return None."""
        session, parameters = vars(self).get("_session", (None, None))
        if (
            session is None
            or session.state is not self._state
            or sample_weight is not None
            or "feature_names_in_" in vars(self)
            or not parameters.is_still(self._parameters())
            or not is_plain(X, self._state.theta.dtype, session.shape)
        ):
            return None
        y = self._plain_target(y, len(X), classes)
        return None if y is None else session.train(X, y, None, 1, None, self._report)

    def _parameters(self):
        return map(vars(self).__getitem__, self._read_often)

    def _train(self, X, y, sample_weight, *, held_out=(None, None, None), partial=False, classes=None) -> Outcome:
        """Start or go on training.

        What goes wrong leaves the estimator as it was; an interrupt leaves it with the last whole pass, if there was
        one.
        """
        resume = self.__sklearn_is_fitted__() and (partial or self.warm_start)
        n_iter, before = (self._state.n_iter if resume else 0), vars(self).copy()
        if resume and not partial:
            self._state = deepcopy(self._state)  # many passes cannot be undone in place
        try:
            with np.errstate(all="ignore"):  # what overflows is looked at
                return self._check_and_train(X, y, sample_weight, held_out, partial, resume, classes)
        except BaseException as error:
            made = "_state" in vars(self) and self._state.n_iter > n_iter
            if not (made and isinstance(error, KeyboardInterrupt)):
                vars(self).clear()
                vars(self).update(before)
            raise

    def _check_and_train(self, X, y, sample_weight, held_out, partial, going_on, classes) -> Outcome:
        keeps_order = self.solver == "batch" and self.engine != "numba"
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=self._state.theta.dtype if going_on else (np.float64, np.float32),
            order=None if keeps_order else "C",  # shuffled rows are gathered, which wants each in one piece
            multi_output=True,
            reset=not going_on,
        )
        target = self._learn_target(y, X.dtype, going_on, classes)
        encoded, class_weight = target.encode(y)
        score_weight = check_weights(sample_weight, X)
        weight = product(score_weight, class_weight)
        random_state = check_random_state(self.random_state)
        seed = random_state.randint(np.iinfo(np.int32).max)
        rows = Rows(X, y, encoded, weight, score_weight)
        if partial:
            rest, message = None, None
        else:
            rows, rest, message = hold_out(self, rows, target, random_state, *held_out)
        X, encoded, weight = rows.X, rows.encoded, rows.weight
        recipe = make_recipe(self, *X.shape, encoded.shape[1], target.loss)
        engine = choose_engine(self.engine, recipe, X)
        if going_on:
            state = resume(self, recipe, self._recipe, self._state)
        else:
            state = start(self, recipe, seed, X, encoded, weight)
        if not partial:
            state.n_rows = 0  # sample weights are relative to the mean of these rows
            state.validation_loss_curve, state.validation_scores = [], []
        for name, value in target.learned.items():
            setattr(self, name, value)
        self._recipe, self._state = recipe, state
        self.n_layers_ = len(recipe.objective.network.sizes)
        self.n_outputs_ = encoded.shape[1]
        self.out_activation_ = target.loss.output_activation
        session = Session(engine, recipe, state, X, encoded, weight)
        if partial:
            parameters = Snapshot(self._parameters())
            self._session = (session if parameters.is_plain and weight is None else None), parameters
            return session.train(X, encoded, weight, 1, None, self._report)
        self._session = None, None
        watched = None if rest is None else watcher(self, recipe.objective, state, rest)
        runs_to_its_end = watched is None and recipe.schedule.has_end and not isinstance(recipe.optimizer, LBFGS)
        tol = None if runs_to_its_end else self.tol
        watch = Watch(Patience(tol, self.n_iter_no_change), watched)
        outcome = session.train(X, encoded, weight, self.max_iter, watch, self._report)
        if message is not None:
            outcome.messages.append(message)
        return outcome

    def _report(self, state: TrainingState) -> None:
        if self.verbose:
            print(f"Epoch {state.n_iter}: loss {state.loss_curve[-1]:.6g}")  # noqa: T201, that is what verbose asks for

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
