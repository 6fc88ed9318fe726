"""The scikit-learn boundary: parameters become a recipe, X and y become plain arrays, and training starts or goes on.

`_regressor.py` and `_classifier.py` say what a target is and what a prediction looks like; everything that they
share is here.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from ._engines import choose_engine
from ._fitted import FittedNetwork
from ._inputs import is_plain, plain_settings
from ._network import Network
from ._objective import Objective
from ._parameters import (
    CONSTRAINTS,
    MatrixLike,
    check_weights,
    choose_optimizer,
    choose_schedule,
    initial_theta,
    layer_activations,
    layer_sizes,
    rows_per_update,
)
from ._training import Recipe, Session, Stopping, TrainingState
from .losses import Loss
from .optimizers import Optimizer

NEVER = Stopping(None, np.inf)


class Target(NamedTuple):
    """A target as the network sees it, and what the estimator learns from it."""

    y: np.ndarray  # of shape (n_rows, n_outputs)
    loss: Loss
    learned: dict[str, Any]  # fitted attributes to set once all input has passed its checks


class BaseBackprop(FittedNetwork, BaseEstimator, ABC):
    """What the regressor and the classifier share."""

    _parameter_constraints: dict = CONSTRAINTS

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
        init,
        max_iter,
        tol,
        n_iter_no_change,
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
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.engine = engine
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _encode_target(self, y, dtype: np.dtype, resume: bool, classes) -> Target:
        """Check `y` and return it as the network sees it."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
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

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not as they should be; nothing is learned then. Also if the weights overflow;
            the estimator then keeps its last finite weights.
        """
        stopped = self._train(X, y, sample_weight)
        if not stopped and self.tol is not None:
            warnings.warn(
                f"Training ended after max_iter={self.max_iter} epochs while the loss was still falling by more than "
                f"tol={self.tol:g} now and then. Raise max_iter, learning_rate or tol; tol=None means exactly max_iter "
                "epochs and no warning.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        if not self._go_on(X, y, sample_weight, classes):
            self._validate_params()
            self._train(X, y, sample_weight, partial=True, classes=classes)
        return self

    def _go_on(self, X, y, sample_weight, classes) -> bool:
        """Take the short way if rows like those of the last call come and nothing else changed; return whether so."""
        session, settings = vars(self).get("_session", (None, None))
        if (
            session is None
            or session.state is not self._state
            or sample_weight is not None
            or "feature_names_in_" in vars(self)
            or settings != self._settings()
            or not is_plain(X, self._state.theta.dtype, session.shape)
        ):
            return False
        y = self._plain_target(y, len(X), classes)
        if y is not None:
            session.train(X, y, None, 1, NEVER, self._report)
        return y is not None

    def _settings(self):
        return plain_settings(vars(self)[name] for name in CONSTRAINTS)

    @abstractmethod
    def _plain_target(self, y, n_rows: int, classes) -> np.ndarray | None:
        """Return `y` as the network sees it, or None if it is not plainly fine."""

    def _train(self, X, y, sample_weight, *, partial=False, classes=None) -> bool:
        """Start or go on training, and return whether it ended by the stopping rule.

        What goes wrong before the first whole pass leaves a fitted estimator as it was.
        """
        before = vars(self).copy()
        resume = self.__sklearn_is_fitted__() and (partial or self.warm_start)
        n_iter = self._state.n_iter if resume else 0
        try:
            return self._check_and_train(X, y, sample_weight, partial, resume, classes)
        except BaseException:
            state = vars(self).get("_state")
            if state is before.get("_state") or ("_state" in before and state.n_iter == n_iter):
                vars(self).clear()
                vars(self).update(before)
            raise

    def _check_and_train(self, X, y, sample_weight, partial, resume, classes) -> bool:
        hidden_layer_sizes = layer_sizes(self.hidden_layer_sizes)
        activations = layer_activations(self.activation, len(hidden_layer_sizes))
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=self._state.theta.dtype if resume else (np.float64, np.float32),
            order=None if self.solver == "batch" else "C",  # shuffled rows are gathered, which wants each in one piece
            multi_output=True,
            reset=not resume,
        )
        target = self._encode_target(y, X.dtype, resume, classes)
        sample_weight = check_weights(sample_weight, X)
        network = Network((X.shape[1], *hidden_layer_sizes, target.y.shape[1]), activations)
        recipe = self._make_recipe(Objective(network, target.loss, float(self.alpha)))
        engine = choose_engine(self.engine, recipe, X)
        state = self._resume(recipe) if resume else self._start(recipe, X.dtype)
        if not partial:
            state.n_rows = 0  # sample weights are relative to the mean of these rows
        for name, value in target.learned.items():
            setattr(self, name, value)
        self._recipe, self._state = recipe, state
        self.n_layers_ = len(network.sizes)
        self.n_outputs_ = network.sizes[-1]
        self.out_activation_ = target.loss.output_activation
        session = Session(engine, recipe, state, X, target.y, sample_weight)
        if not partial:
            self._session = None, None
            stopping = Stopping(self.tol, self.n_iter_no_change)
            return session.train(X, target.y, sample_weight, self.max_iter, stopping, self._report)
        settings = self._settings()
        self._session = (session if settings and sample_weight is None else None), settings
        return session.train(X, target.y, sample_weight, 1, NEVER, self._report)

    def _start(self, recipe: Recipe, dtype: np.dtype) -> TrainingState:
        """Return the state before the first update."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        theta = initial_theta(self.init, recipe.objective.network, rng, dtype)
        return TrainingState(theta, _new_memory(recipe.optimizer, theta), rng)

    def _resume(self, recipe: Recipe) -> TrainingState:
        """Return the state to go on from, checked against what the parameters ask for now."""
        state, before = self._state, self._recipe.objective
        made, wanted = before.network, recipe.objective.network
        for name, was, now in (
            ("hidden_layer_sizes", made.sizes[1:-1], wanted.sizes[1:-1]),
            ("activation", made.activations, wanted.activations),
            ("The number of outputs", made.sizes[-1], wanted.sizes[-1]),
            ("output_activation", before.loss.output_activation, recipe.objective.loss.output_activation),
        ):
            if was != now:
                raise ValueError(
                    f"{name} changed from {was} to {now} since the weights were made: training cannot go on. "
                    "Set it back, or start anew: clone the estimator, or call fit with warm_start=False."
                )
        theta, memory = (_writeable(array) for array in (state.theta, state.memory))
        if recipe.optimizer == self._recipe.optimizer and memory.shape == (recipe.optimizer.n_slots, theta.size):
            return replace(state, theta=theta, memory=memory)
        return replace(state, theta=theta, memory=_new_memory(recipe.optimizer, theta), n_steps=0)

    def _make_recipe(self, objective: Objective) -> Recipe:
        return Recipe(
            objective=objective,
            optimizer=choose_optimizer(self.optimizer),
            schedule=choose_schedule(self.learning_rate),
            batch_size=rows_per_update(self.solver, self.batch_size),
            shuffle=self.shuffle,
            max_iter=self.max_iter,
        )

    def _report(self, state: TrainingState) -> None:
        if self.verbose:
            print(f"Epoch {state.n_iter}: loss {state.loss_curve[-1]:.6g}")  # noqa: T201, that is what verbose asks for

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _writeable(array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy if it cannot be trained in place, as when joblib has mapped it from a file."""
    return array if array.flags.writeable else array.copy()


def _new_memory(optimizer: Optimizer, theta: np.ndarray) -> np.ndarray:
    return np.zeros((optimizer.n_slots, theta.size), theta.dtype)
