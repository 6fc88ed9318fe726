"""The ensemble of classifiers: mean probabilities, with a temperature."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets

from .._estimators.classifier import BackpropClassifier
from .._estimators.labels import is_multilabel
from .._sklearn_compat import fit_context
from .._typing import MatrixLike, keep_signature
from ._base import CONSTRAINTS, BaseBackpropEnsemble, mean_of_folds
from ._fitting import MeanLoss, Samples
from ._losses import probability_loss
from ._members import network_of


class BackpropEnsembleClassifier(ClassifierMixin, BaseBackpropEnsemble):
    """Several networks whose probabilities are averaged, for classification."""

    _network_class = BackpropClassifier
    _parameter_constraints: dict[str, list[object]] = CONSTRAINTS | {"calibrate": ["boolean"]}

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 5,
        *,
        strategy: str = "cross_fit",
        cv: Any = None,
        candidates: Any = None,
        bootstrap: bool = False,
        calibrate: bool = True,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.strategy = strategy
        self.cv = cv
        self.candidates = candidates
        self.bootstrap = bootstrap
        self.calibrate = calibrate
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @keep_signature(fit_context(prefer_skip_nested_validation=False))
    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, groups: ArrayLike | None = None
    ) -> Self:
        """Fit."""
        return self._fit(X, y, sample_weight, groups)

    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Partial fit."""
        return self._partial_fit(X, y, sample_weight, () if classes is None else classes)

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Proba."""
        return self._mean_prediction(X)

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Log proba."""
        probability = self.predict_proba(X)
        return np.log(np.maximum(probability, np.finfo(probability.dtype).tiny))

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict."""
        return self._labels(self.predict_proba(X))

    @property
    def classes_(self) -> np.ndarray:
        """The class labels, sorted; with several labels per sample, the indices of their columns."""
        return self._first_network.classes_

    def _labels(self, probability: np.ndarray) -> np.ndarray:
        if self._first_network._is_multilabel:
            return (probability > 0.5).astype(int)
        return self.classes_[np.argmax(probability, axis=1)]

    @property
    def _first_network(self) -> BackpropClassifier:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__} has no classes before it is fitted.")
        return network_of(self.estimators_[0])

    def _check_target(self, y):
        check_classification_targets(y)

    def _mean_loss(self, network, y, sample_weight) -> MeanLoss:
        multilabel = is_multilabel(y)
        loss = probability_loss(is_multilabel=multilabel)

        def mean_loss(probability: np.ndarray, indices: np.ndarray) -> float:
            weights = None if sample_weight is None else sample_weight[indices]
            target = y[indices] if multilabel else y[indices, np.newaxis] == network.classes_
            return float(np.average(loss(probability, target), weights=weights))

        return mean_loss

    def _set_out_of_fold(self, samples: Samples, predictions: list[np.ndarray]) -> None:
        mean, is_predicted = mean_of_folds(predictions, samples.folds, len(samples.y))
        self.oof_decision_function_ = mean
        is_right = self._labels(mean[is_predicted]) == samples.y[is_predicted]
        weight = None if samples.sample_weight is None else samples.sample_weight[is_predicted]
        self.oof_score_ = float(np.average(is_right if is_right.ndim == 1 else is_right.all(axis=1), weights=weight))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
