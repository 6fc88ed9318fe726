"""The ensemble of regressors: mean predictions, their spread, and prediction intervals."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags

from .._estimators.fitted_model import fitted_model
from .._estimators.regressor import BackpropRegressor, score_of
from .._sklearn_compat import fit_context
from .._typing import MatrixLike, keep_signature
from ._base import BaseBackpropEnsemble, mean_of_folds, weighted_mean
from ._fitting import MeanLoss, Samples
from ._losses import regression_loss
from ._members import network_of


class BackpropEnsembleRegressor(RegressorMixin, BaseBackpropEnsemble):
    """Several networks whose predictions are averaged, for regression."""

    _network_class = BackpropRegressor

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 5,
        *,
        strategy: str = "cross_fit",
        cv: Any = None,
        candidates: Any = None,
        bootstrap: bool = False,
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
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @keep_signature(fit_context(prefer_skip_nested_validation=False))
    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, groups: ArrayLike | None = None
    ) -> Self:
        """Fit."""
        return self._fit(X, y, sample_weight, groups)

    def partial_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Partial fit."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: MatrixLike, *, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict."""
        predictions, weights = self._predictions(X), self.estimator_weights_
        mean = weighted_mean(predictions, weights)
        if not return_std:
            return self._shaped(mean)
        variance = weighted_mean([(prediction - mean) ** 2 for prediction in predictions], weights)
        return self._shaped(mean), self._shaped(np.sqrt(variance))

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Score."""
        return score_of(y, self._shaped(self._mean_prediction(X)), self._quantiles, sample_weight)

    def _check_target(self, y):
        pass

    def _mean_loss(self, network, y, sample_weight) -> MeanLoss:
        columns = np.asarray(y, np.float64).reshape(len(y), -1)
        loss = regression_loss(network, columns)

        def mean_loss(prediction: np.ndarray, indices: np.ndarray) -> float:
            weights = None if sample_weight is None else sample_weight[indices]
            return float(np.average(loss(prediction, columns[indices]), weights=weights))

        return mean_loss

    def _set_out_of_fold(self, samples: Samples, predictions: list[np.ndarray]) -> None:
        y = np.asarray(samples.y, np.float64).reshape(len(samples.y), -1)
        mean, is_predicted = mean_of_folds(predictions, samples.folds, len(y))
        self.oof_prediction_ = self._shaped(mean)
        weight = None if samples.sample_weight is None else samples.sample_weight[is_predicted]
        target = self._shaped(y)[is_predicted]
        self.oof_score_ = score_of(target, self.oof_prediction_[is_predicted], self._quantiles, weight)

    @property
    def _quantiles(self) -> tuple[float, ...] | None:
        return fitted_model(network_of(self.estimators_[0])).loss.predicted_quantiles

    @staticmethod
    def _shaped(columns: np.ndarray) -> np.ndarray:
        """Return a prediction in the shape that the target has."""
        return columns[:, 0] if columns.shape[1] == 1 else columns

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
