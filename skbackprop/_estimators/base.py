"""`BaseBackprop`: the base class of the regressor and the classifier."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Real
from types import SimpleNamespace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_scalar
from sklearn.utils.validation import check_is_fitted

from .._core.dataset import Dataset
from .._other_names import CONSTRUCTOR_KEYWORDS
from .._sklearn_compat import CallbackSupportMixin
from .._training.change_detector import ChangeDetector
from .._training.config import TrainingConfig
from .._training.result import TrainingResult
from .._training.state import TrainingState
from .._training.trainer import NEGLIGIBLE_LOSS
from .._typing import Matrix, MatrixLike
from ..exceptions import DataWarning
from ..optimizers import OPTIMIZERS
from .chunk_fitting import run_fit_chunks
from .fast_path import FastPath
from .fitted_model import FittedModel
from .fitting import FitRequest, check_samples_of_finished_fit, run_fit, run_partial_fit, update_stream
from .labels import LabelCounts
from .nested_parameters import changed_component, split_nested
from .parameter_checks import ParameterChecks
from .parameters import CONSTRAINTS, AutoEpochs, check_numbers
from .progress import FitProgress
from .samples import Target
from .storage import restore_state, stored_state

#: Parameters that matter only when the weights are initialized.
INIT_ONLY_PARAMS = ("init", "random_state")
#: If the loss still falls by this fraction in each epoch, training has stopped too early.
STILL_FALLING = 0.05

#: The arguments X_val, y_val and sample_weight_val of `fit`.
ValidationSet: TypeAlias = tuple[MatrixLike | None, ArrayLike | None, ArrayLike | None]


def issue_warnings(result: TrainingResult, stacklevel: int) -> None:
    """Issue the messages as warnings that point to the line where the user called the estimator.

    Parameters
    ----------
    result : TrainingResult
    stacklevel : int
        As in `warnings.warn`, counted from the caller of this function.
    """
    for message in result.ineffective:
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)
    for message in result.data_messages:
        warnings.warn(message, DataWarning, stacklevel=stacklevel + 1)
    for message in result.messages:
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel + 1)


class BaseBackprop(CallbackSupportMixin, ParameterChecks, ABC):
    """Training, fitted attributes and storage of both estimators."""

    _parameter_constraints: dict[str, list[object]] = CONSTRAINTS
    _mutable_params: tuple[str, ...] = tuple(name for name in CONSTRAINTS if name not in INIT_ONLY_PARAMS)
    _auto_epochs: AutoEpochs
    _config: TrainingConfig
    _state: TrainingState
    _fast_path: FastPath | None
    _progress: FitProgress

    @abstractmethod
    def _make_target(
        self,
        y: Matrix,
        dtype: np.dtype,
        resumes: bool,
        classes: ArrayLike | None,
        sample_weight: np.ndarray | None,
        counts: LabelCounts | None = None,
    ) -> Target:
        """Validate `y` and return how it is encoded.

        Parameters
        ----------
        y : ndarray or sparse matrix
        dtype : dtype
            Of the network.
        resumes : bool
            Whether training continues from the present weights.
        classes : array-like, () or None
            What the user passed to `partial_fit`, or the classes of all chunks; None means those of `y`.
        sample_weight : ndarray or None
        counts : LabelCounts or None
            The counts of all chunks, if `y` is only a part of the labels.
        """

    @abstractmethod
    def _fitted_model(self) -> FittedModel:
        """Return the network as predictions and inspection use it."""

    def _fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, validation: ValidationSet) -> Self:
        self.__dict__.pop("_progress", None)  # of a copy that was made during another fit
        resumes = self.__sklearn_is_fitted__() and self.warm_start
        n_before = len(self._state.loss_curve) if resumes else 0
        result = run_fit(self, FitRequest(X, y, sample_weight, validation, resumes=resumes))
        self._warn_if_still_falling(result, n_before)
        issue_warnings(result, stacklevel=5)  # two decorators wrap `fit`
        return self

    def _fit_chunks(
        self, chunks: Any, classes: ArrayLike | None, validation: ValidationSet, memory_budget: float
    ) -> Self:
        check_numbers({"memory_budget": memory_budget})
        check_scalar(memory_budget, "memory_budget", Real, min_val=0, include_boundaries="neither")
        if isinstance(memory_budget, bool) or math.isnan(memory_budget):
            raise ValueError(f"memory_budget={memory_budget!r} must be a number of megabytes.")
        self.__dict__.pop("_progress", None)  # of a copy that was made during another fit
        resumes = self.__sklearn_is_fitted__() and self.warm_start
        n_before = len(self._state.loss_curve) if resumes else 0
        request = FitRequest(chunks, None, None, validation, classes, resumes=resumes)
        result = run_fit_chunks(self, request, memory_budget)
        self._warn_if_still_falling(result, n_before)
        issue_warnings(result, stacklevel=4)
        return self

    def _finish_fit_chunks(self, chunks: Any, validation: ValidationSet) -> Self:
        """Run the remaining epochs of the interrupted `fit_chunks` that this estimator is a copy of."""
        if self._is_unfinished:
            self._validate_params()
            request = FitRequest(chunks, None, None, validation, resumes=True, finishes=True)
            result = run_fit_chunks(self, request, math.inf)
            self._warn_if_still_falling(result, 0)
            issue_warnings(result, stacklevel=3)
        return self

    def _fit_without(
        self,
        held_out: np.ndarray | None,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        prior: float | None = None,
    ) -> TrainingResult:
        """Fit to all samples but those at the sorted indices, and leave the warnings to the caller.

        X is not copied. The classes are those of all samples. `prior` is the c of ``alpha="auto"``, if it is known.
        """
        result = run_fit(self, FitRequest(X, y, sample_weight, held_out=held_out, prior=prior))
        self._warn_if_still_falling(result, 0)
        return result

    def _finish_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, validation: ValidationSet
    ) -> Self:
        """Run the remaining epochs of the interrupted fit that this estimator is a copy of."""
        request = FitRequest(X, y, sample_weight, validation, resumes=True, finishes=True)
        if not self._is_unfinished:
            check_samples_of_finished_fit(self, request)
            return self
        if self._progress.chunks is not None:
            raise ValueError("The checkpoint is from fit_chunks: call resume_chunks.")
        self._validate_params()
        result = run_fit(self, request)
        self._warn_if_still_falling(result, 0)
        issue_warnings(result, stacklevel=3)
        return self

    def _partial_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None = None
    ) -> Self:
        result = self._update(X, y, sample_weight, classes)
        if result.messages or result.data_messages or result.ineffective:
            issue_warnings(result, stacklevel=3)
        return self

    def _update(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None
    ) -> TrainingResult:
        """Make one epoch of a stream, and leave the warnings to the caller."""
        with np.errstate(all="ignore"):  # the trainer detects overflow itself
            data = self._encode_fast(X, y, sample_weight, classes)
            result = None if data is None else update_stream(self, vars(self)["_fast_path"].trainer, data)
        if result is None:
            self.__dict__.pop("_progress", None)  # of a copy that was made during a fit
            self._validate_params()
            resumes = self.__sklearn_is_fitted__()
            request = FitRequest(X, y, sample_weight, classes=classes, is_partial=True, resumes=resumes)
            result = run_partial_fit(self, request)
        return result

    def _encode_fast(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None
    ) -> Dataset | None:
        """Encode samples without validation, if they and the parameters are like those of the last call."""
        fast_path: FastPath | None = self.__dict__.get("_fast_path")
        return None if fast_path is None else fast_path.dataset(self, X, y, sample_weight, classes)

    def _update_like(self, first: BaseBackprop, data: Dataset) -> TrainingResult | None:
        """Make one epoch over the samples that an estimator with the same parameters has encoded, or return None."""
        own, other = self.__dict__.get("_fast_path"), first._fast_path
        if own is None or other is None or not (own.serves(self) and own.encodes_like(other)):
            return None
        return update_stream(self, own.trainer, data)

    def _warn_if_still_falling(self, result: TrainingResult, n_before: int) -> None:
        if not result.stopped and not result.diverged and self._is_still_falling(n_before):
            monitored = "training loss" if self.validation_scores_ is None else "validation loss or score"
            result.messages.append(
                f"Maximum number of epochs reached before convergence (max_iter={self._config.max_iter}): the "
                f"{monitored} was still improving by more than tol={self.tol:g} per epoch. Raise max_iter or "
                "learning_rate; tol=None makes exactly max_iter epochs and gives no warning."
            )

    def _is_still_falling(self, n_before: int) -> bool:
        """Return whether the last `n_iter_no_change` epochs improved the curve by more than `tol` each on average.

        If the schedule has reached its planned end, an improvement of a few percent does not mean too few epochs.
        """
        if self.tol is None or self._state.constant_loss <= NEGLIGIBLE_LOSS:
            return False
        scores = self.validation_scores_
        curve = self._state.loss_curve[n_before:]
        if scores is not None:
            curve = [-score for score in scores if math.isfinite(score)]
            if not curve:
                return False
        n_epochs = int(min(self.n_iter_no_change, len(curve) - 1))
        if n_epochs < 1:
            return True
        fall = (curve[-1 - n_epochs] - min(curve[-n_epochs:])) / n_epochs
        return fall > max(self.tol, STILL_FALLING * abs(curve[-1]) if self._config.schedule.has_end else 0.0)

    def _supports_partial_fit(self) -> bool:
        optimizer = OPTIMIZERS.get(self.optimizer) if isinstance(self.optimizer, str) else self.optimizer
        if getattr(optimizer, "needs_all_samples", False):
            raise AttributeError("partial_fit does not support optimizer='lbfgs', which needs all samples: use fit.")
        return True

    @property
    def _is_unfinished(self) -> bool:
        """Whether this is a copy of an estimator that was being fitted."""
        return "_progress" in vars(self)

    def _view_without_feature_names(self) -> Self:
        """Return an estimator that shares everything with this one and takes arrays without names."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view.__dict__.pop("feature_names_in_", None)
        return view

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, also those of optimizers, schedules, losses, activations and initializers.

        ``optimizer__beta_2=0.9`` sets `beta_2` of the optimizer. If `optimizer` is a name, such as "adam", it becomes
        an object, here ``Adam(beta_2=0.9)``.

        Parameters
        ----------
        **params : dict
            New values by the name of the parameter. Fitted attributes do not change; the next call of `fit` or
            `partial_fit` uses the new values.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a parameter is unknown, or a value of a nested one is out of its range.

        See Also
        --------
        get_params : All parameters by name.

        Examples
        --------
        >>> from skbackprop import BackpropRegressor
        >>> network = BackpropRegressor().set_params(max_iter=20, optimizer__beta_2=0.9)
        >>> network.max_iter, network.optimizer
        (20, Adam(beta_1=0.9, beta_2=0.9, epsilon=1e-08))
        """
        own, nested = split_nested(params)
        for name in own:
            if name in CONSTRUCTOR_KEYWORDS:
                raise ValueError(
                    f"Invalid parameter {name!r} for {type(self).__name__}: use {CONSTRUCTOR_KEYWORDS[name]} instead."
                )
        super().set_params(**own)
        for name, changes in nested.items():
            setattr(self, name, changed_component(name, getattr(self, name), changes))
        return self

    def drop_optimizer_state(self) -> Self:
        """Drop the state of the optimizer, so that a stored estimator has little more than the weights.

        Training can continue; the optimizer then starts again from the present weights. The last few samples of a
        stream, and the weights from before them, which `partial_fit` keeps to find changes of the data, are dropped,
        too.

        Returns
        -------
        self : object
            The estimator.

        See Also
        --------
        partial_fit : Continue training.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> network = BackpropRegressor(max_iter=5, tol=None, random_state=0).fit(X, y)
        >>> network.drop_optimizer_state().partial_fit(X, y).n_iter_
        6
        """
        self._state = replace(
            self._fitted_state(),
            optimizer_state=self._state.optimizer_state[:, :0].copy(),
            n_steps=0,
            change_detector=ChangeDetector(),
        )
        self._fast_path = None
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return "_state" in vars(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        return stored_state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore_state(self, state)

    def _sk_visual_block_(self) -> SimpleNamespace:
        """Return what scikit-learn builds its HTML display from, with the layers of a fitted network as the caption.

        The class that scikit-learn uses for this moves from release to release; only its attributes are needed.
        """
        caption = None
        if self.__sklearn_is_fitted__():
            network = self._config.objective.network
            n_intercepts = network.n_parameters - network.n_weights
            caption = f"{' → '.join(map(str, network.sizes))}: {network.n_weights} weights, {n_intercepts} intercepts"
        return SimpleNamespace(
            kind="single",
            estimators=self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=caption,
            doc_link_label=None,
            dash_wrapped=True,
        )

    def _fitted_state(self) -> TrainingState:
        check_is_fitted(self)
        return self._state

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, of shape (units of the layer before, units), in the units of X and y."""
        return [layer.W for layer in self._fitted_model().layers()]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Intercepts of each layer, of shape (units,), which go with `coefs_`."""
        return [layer.b for layer in self._fitted_model().layers()]

    @property
    def n_iter_(self) -> int:
        """Number of epochs since the weights were initialized."""
        return self._fitted_state().n_iter

    @property
    def t_(self) -> int:
        """Number of updates since the weights were initialized."""
        return self._fitted_state().t

    @property
    def n_rejected_(self) -> int:
        """Number of samples that `partial_fit` has rejected as outliers since the weights were initialized."""
        return self._fitted_state().n_rejected

    @property
    def n_changes_(self) -> int:
        """Number of times that `partial_fit` has found columns in another unit, and has scaled them anew."""
        return self._fitted_state().n_changes

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss plus penalty in each epoch; for a long stream, in the last 10000 epochs or more."""
        return list(self._fitted_state().loss_curve)

    @property
    def penalty_curve_(self) -> list[float]:
        """Penalty in each epoch of `loss_curve_`, which contains it; the difference is the mean loss of the samples."""
        return list(self._fitted_state().penalty_curve)

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Mean loss on the validation set after each epoch of the last `fit`, or None without a validation set."""
        return list(self._fitted_state().validation_loss_curve) or None

    @property
    def validation_scores_(self) -> list[float] | None:
        """Score on the validation set after each epoch of the last `fit`, or None without a validation set."""
        return list(self._fitted_state().validation_scores) or None

    @property
    def best_iter_(self) -> int:
        """Epoch that the weights are from: the best by `validation_scores_`, otherwise the last."""
        return self._fitted_state().best_iter

    @property
    def alpha_(self) -> float:
        """Strength of the penalty in the last epoch."""
        return self._fitted_state().alpha

    @property
    def alpha_search_(self) -> dict[float, float] | None:
        """The c that were tried to choose ``alpha="auto"``, and the validation loss of each, or None."""
        state = self._fitted_state()
        return dict(zip(state.tried_priors, state.prior_losses, strict=True)) or None

    @property
    def learning_rate_(self) -> float:
        """Learning rate of the last update."""
        return self._fitted_state().learning_rate
