"""The scikit-learn boundary: the parameters, and the calls that train.

`_regressor.py` and `_classifier.py` say what a target is and what a prediction looks like; everything that they
share is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context

from .._training.trainer import TrainingResult
from .._typing import MatrixLike
from ..optimizers import LBFGS
from .fitting import FitRequest, Fitting
from .parameters import CONSTRAINTS

#: Parameters that are not looked at once the weights are made.
INIT_ONLY_PARAMS = ("init", "random_state")
#: A network whose loss still falls by this share of it in each pass was stopped too soon.
STILL_FALLING = 0.05


class BaseBackprop(Fitting, BaseEstimator, ABC):
    """What the regressor and the classifier share."""

    _parameter_constraints: dict = CONSTRAINTS
    _mutable_params = tuple(name for name in CONSTRAINTS if name not in INIT_ONLY_PARAMS)

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
        KeyboardInterrupt
            If the user interrupts; the weights are then those of the last whole epoch, if there was one.
        """
        vars(self).pop("_unfinished", None)  # of a copy that was made on the way
        resuming = self.__sklearn_is_fitted__() and self.warm_start
        n_before = len(self._state.loss_curve) if resuming else 0
        result = self._train(FitRequest(X, y, sample_weight, (X_val, y_val, sample_weight_val), resuming=resuming))
        self._say_if_still_falling(result, n_before)
        self._warn(result)
        return self

    def _finish(self, X, y, sample_weight, held_out) -> Self:
        """Make the passes that an earlier call of `fit`, of which this estimator is a copy, did not come to."""
        if self._is_unfinished:
            self._validate_params()
            result = self._train(FitRequest(X, y, sample_weight, held_out, resuming=True, finishing=True))
            self._say_if_still_falling(result, 0)
            self._warn(result)
        return self

    def _say_if_still_falling(self, result: TrainingResult, n_before: int) -> None:
        if not result.stopped and not result.diverged and self._is_still_falling(n_before):
            result.messages.append(
                f"Training ended after max_iter={self.max_iter} epochs while what it watches was still falling by more "
                f"than tol={self.tol:g} an epoch. Raise max_iter, learning_rate or tol; tol=None means exactly "
                "max_iter epochs and no warning."
            )

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
        return fall > max(self.tol, STILL_FALLING * abs(curve[-1]) if self._config.schedule.has_end else 0.0)

    def _has_passes(self) -> bool:
        if isinstance(self.optimizer, LBFGS) or (isinstance(self.optimizer, str) and self.optimizer == "lbfgs"):
            raise AttributeError("partial_fit makes one pass over some rows; optimizer='lbfgs' needs all rows, by fit.")
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
