"""`BaseBackpropEnsemble`: the base class of the ensemble of regressors and that of classifiers."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.ensemble import BaseEnsemble
from sklearn.utils import Tags, check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._estimators.base import BaseBackprop, issue_warnings
from .._estimators.conversion import convert_samples
from .._estimators.fitted_members import FittedMembers
from .._estimators.fitted_model import fitted_model
from .._estimators.parameter_checks import ParameterChecks
from .._estimators.parameters import check_weights
from .._estimators.samples import accepted_dtypes
from .._estimators.sparse_structure import checked_sparse
from .._estimators.validation import validate_data
from .._sklearn_compat import CallbackSupportMixin, HasMethods, Interval, StrOptions
from .._training.result import TrainingResult
from .._typing import Matrix, MatrixLike
from ._averages import weighted_mean
from ._bagging import bootstrap_samples, poisson_counts
from ._candidates import automatic_candidates
from ._fitting import run_fit
from ._members import check_callbacks, check_template, network_of, new_member, predict, update, update_all
from ._training import Candidate, MeanLoss, Samples

#: Parameters that both ensembles have, with their types and ranges.
CONSTRAINTS: dict[str, list[object]] = {
    "estimator": [HasMethods(["fit", "predict"]), None],  # `check_template` says which
    "n_estimators": [Interval(Integral, 1, None, closed="left")],
    "strategy": [StrOptions({"cross_fit", "seeds"})],
    "cv": ["cv_object"],
    "candidates": [StrOptions({"auto"}), list, tuple, dict, None],
    "bootstrap": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class BaseBackpropEnsemble(CallbackSupportMixin, ParameterChecks, BaseEnsemble):
    """Training, fitted attributes and predictions of both ensembles."""

    _parameter_constraints: dict[str, list[object]] = CONSTRAINTS
    _network_class: type[BaseBackprop]

    estimators_: list[Any]
    estimator_weights_: np.ndarray

    @abstractmethod
    def _validated_target(self, y: Matrix) -> np.ndarray:
        """Return the target as an array that can be split and compared with predictions."""

    @abstractmethod
    def _mean_loss(self, network: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> MeanLoss:
        """Return the function by which candidates are compared, after `network` has been trained."""

    @abstractmethod
    def _set_out_of_fold(self, samples: Samples, predictions: list[np.ndarray]) -> None:
        """Set the attributes that rest on the predictions of each fold by the member that was not trained on it."""

    # Training

    def _fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, groups: ArrayLike | None) -> Self:
        check_callbacks(self)
        with _unchanged_on_error(self):
            result = _merged(run_fit(self, X, y, sample_weight, groups))
        result.ineffective += self._ineffective(groups)
        issue_warnings(result, stacklevel=4)  # scikit-learn wraps `fit` in another function
        return self

    def _ineffective(self, groups: ArrayLike | None) -> list[str]:
        """Return messages about what has no effect."""
        messages = []
        if self.estimator is not None and self._lists_candidates:
            messages.append("estimator has no effect, because candidates are given; put it among them.")
        if self.strategy == "seeds":
            given = [name for name, value in (("cv", self.cv), ("groups", groups)) if value is not None]
            reason = "has no effect with strategy='seeds': all networks train on all samples."
            messages += [f"{name} {reason}" for name in given]
        return messages

    def _set_members(self, samples: Samples, candidates: list[Candidate], kept: list[Candidate]) -> None:
        n_members = samples.n_members
        self.estimators_ = [trained.member for candidate in kept for trained in candidate.trained]
        self.estimator_weights_ = np.repeat([candidate.weight / n_members for candidate in kept], n_members)
        self.candidate_results_ = {
            "candidate": [candidate.name for candidate in candidates],
            "weight": [candidate.weight for candidate in candidates],
            "mean_loss": [candidate.mean_loss for candidate in candidates],
            "n_folds": [len(candidate.trained) for candidate in candidates],
        }
        self._forget_out_of_fold()
        if samples.folds:
            predictions = zip(*[candidate.predictions for candidate in kept], strict=True)
            weights = [candidate.weight for candidate in kept]
            self._set_out_of_fold(samples, [weighted_mean(of_fold, weights) for of_fold in predictions])

    def _partial_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None = None
    ) -> Self:
        begins = not self.__sklearn_is_fitted__()
        with _unchanged_on_error(self):
            if begins:
                self._validate_params()
            X = self._validated(X, reset=begins)
            if begins:
                self._begin_stream(y)
            results = self._update_members(X, y, sample_weight, classes, begins)
            self._forget_out_of_fold()  # the members have changed
        if any(result.messages or result.data_messages or result.ineffective for result in results):
            issue_warnings(_merged(results), stacklevel=3)
        return self

    def _begin_stream(self, y: ArrayLike) -> None:
        """Set members that have not learned anything."""
        if self._lists_candidates:
            raise ValueError("candidates are compared by fit: set candidates=None for partial_fit, or call fit before.")
        rng = check_random_state(self.random_state)
        template = self._template()
        check_template(template, self._network_class)
        if template is not network_of(template):
            raise ValueError("estimator is a Pipeline, whose transformers partial_fit cannot fit: call fit before.")
        self.estimators_ = [new_member(template, rng) for _ in range(self.n_estimators)]
        self.estimator_weights_ = np.full(int(self.n_estimators), 1 / self.n_estimators)
        self._begin_bagging(rng)

    def _begin_bagging(self, rng: np.random.RandomState) -> None:
        self._bagging_seed = int(rng.randint(np.iinfo(np.int32).max))
        self._n_streamed = 0

    def _update_members(
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None, begins: bool
    ) -> list[TrainingResult]:
        """Update each member with the samples; with `bootstrap`, each as often as the member learns from it."""
        if not begins and (self.bootstrap or self._lists_candidates):
            y = np.asarray(checked_sparse(y, "y").toarray() if sparse.issparse(y) else y)
            sample_weight = check_weights(sample_weight, X)
            check_consistent_length(X, y)
            self._check_stream_target(y, classes)
        if begins or not self.bootstrap:  # every member can predict after the first call
            self._n_streamed += X.shape[0]
            return update_all(self.estimators_, X, y, sample_weight, classes)
        y, weight = np.asarray(y), None if sample_weight is None else np.asarray(sample_weight)
        counts = poisson_counts(self._bagging_seed, self._n_streamed, X.shape[0], len(self.estimators_))
        self._n_streamed += X.shape[0]
        if weight is not None:
            counts = counts * (weight > 0)[:, np.newaxis]  # a member may draw no other samples
        results = []
        for member, count in zip(self.estimators_, counts.T, strict=True):
            for drawn in bootstrap_samples(count):
                drawn_weight = None if weight is None else weight[drawn]
                results.append(update(member, X[drawn], y[drawn], drawn_weight, classes))
        return results

    def _check_stream_target(self, y: np.ndarray, classes: ArrayLike | None) -> None:
        """Raise an error if a later call has a target that a network cannot learn from, before another one learns it.

        With `bootstrap`, the networks do not all learn each sample; listed candidates may have different losses.
        """
        for member in self.estimators_ if self._lists_candidates else self.estimators_[:1]:
            network_of(member)._make_target(y, self._dtype, True, classes, None).encoder.encode(y)

    @property
    def _lists_candidates(self) -> bool:
        return isinstance(self.candidates, (list, tuple, dict))

    def _forget_out_of_fold(self) -> None:
        """Remove the attributes that rest on out-of-fold predictions."""
        for name in [name for name in vars(self) if name.startswith(("oof_", "_oof_"))]:
            delattr(self, name)

    def _template(self) -> Any:
        """Return the estimator that the members are copies of."""
        return self._network_class() if self.estimator is None else self.estimator

    def _templates(self, X: Matrix) -> dict[str, Any]:
        """Return the candidates by name."""
        if isinstance(self.candidates, dict):
            return dict(self.candidates)
        if isinstance(self.candidates, (list, tuple)):
            return {f"candidate{i}": candidate for i, candidate in enumerate(self.candidates)}
        template = self._template()
        check_template(template, self._network_class)
        has_alternatives = self.strategy == "cross_fit" and template is network_of(template)
        if self.candidates is None or not has_alternatives:
            return {"estimator": template}
        return automatic_candidates(template, X)

    # Predictions

    @property
    def _dtype(self) -> np.dtype:
        return fitted_model(network_of(self.estimators_[0])).theta.dtype

    def _validated(self, X: MatrixLike, *, reset: bool = False) -> Matrix:
        """Return X as an array or CSR matrix of a dtype that the members take as it is."""
        if reset:
            dtypes = accepted_dtypes(X, np.float64, np.float32)
            return validate_data(self, X, accept_sparse="csr", dtype=dtypes, order="C")
        check_is_fitted(self)
        dtype = self._dtype
        converted = convert_samples(X, dtype, self.n_features_in_, vars(self).get("feature_names_in_"))
        if converted is not None:
            return converted
        return validate_data(self, X, accept_sparse="csr", dtype=accepted_dtypes(X, dtype), order="C", reset=False)

    def _predictions(self, X: Matrix) -> list[np.ndarray]:
        """Return the prediction of each member for validated samples, of shape (n_samples, n_columns)."""
        if self.n_jobs in (None, 1):
            return [predict(member, X) for member in self.estimators_]
        return Parallel(n_jobs=self.n_jobs, require="sharedmem")(delayed(predict)(m, X) for m in self.estimators_)

    def _mean_prediction(self, X: MatrixLike) -> np.ndarray:
        """Return the weighted mean of the predictions, of shape (n_samples, n_columns)."""
        return weighted_mean(self._predictions(self._validated(X)), self.estimator_weights_)

    def _fitted_members(self) -> FittedMembers:
        """Return the members as inspection and plotting use them."""
        check_is_fitted(self)
        networks = [network_of(member) for member in self.estimators_]
        return FittedMembers(self.estimators_, networks, self.estimator_weights_, self._validated)

    def __sklearn_is_fitted__(self) -> bool:
        return "estimators_" in vars(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@contextmanager
def _unchanged_on_error(ensemble: BaseBackpropEnsemble) -> Iterator[None]:
    """Restore the attributes if an error occurs."""
    before = ensemble.__dict__.copy()
    try:
        yield
    except BaseException:
        ensemble.__dict__.clear()
        ensemble.__dict__.update(before)
        raise


def _merged(results: list[TrainingResult]) -> TrainingResult:
    """Return the messages of all members, each of them once, with the number of members that it is about."""
    merged = TrainingResult()
    for kind in ("messages", "data_messages", "ineffective"):
        counts = Counter(message for result in results for message in dict.fromkeys(getattr(result, kind)))
        for message, count in counts.items():
            text = message if count == len(results) else f"{count} of {len(results)} networks: {message}"
            getattr(merged, kind).append(text)
    return merged
