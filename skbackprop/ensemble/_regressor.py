"""The ensemble of regressors: mean predictions, their spread, and prediction intervals."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._estimators.fitted_model import fitted_model
from .._estimators.parameters import check_positive
from .._estimators.regressor import BackpropRegressor, score_of
from .._estimators.targets import PRECISE, numeric_target
from .._other_names import explain_ensemble_constructor
from .._sklearn_compat import fit_context
from .._typing import Matrix, MatrixLike, keep_signature
from ..losses import Loss
from ._averages import mean_of_folds, weighted_mean
from ._base import BaseBackpropEnsemble
from ._intervals import fit_intervals, predict_intervals
from ._losses import regression_loss
from ._members import network_of
from ._training import MeanLoss, Samples


class BackpropEnsembleRegressor(RegressorMixin, BaseBackpropEnsemble):
    """Several networks whose predictions are averaged, for regression.

    The mean of a few networks is more accurate than any of them, and each sample that a network has not been trained
    on shows how large its errors are.

    A fit takes about as long as `n_estimators` fits of one network with ``candidates=None``, and four times as long
    with the default candidates.

    Parameters
    ----------
    estimator : BackpropRegressor or Pipeline, default=None
        The network that the ensemble consists of, or a pipeline that ends in one; None is ``BackpropRegressor()``. Its
        callbacks are called for each network. X is validated before any transformer of a pipeline, so put those that
        encode strings or fill in missing values in front of the ensemble. Transformers are fitted by `fit`.
    n_estimators : int, default=5
        Number of networks, for each candidate; with ``strategy="cross_fit"`` the number of folds, at least 2.
    strategy : {"cross_fit", "seeds"}, default="cross_fit"
        "cross_fit" divides the samples into folds, one for each network, which trains on all other samples. With
        ``early_stopping=True`` of the network, the fold is its validation set. "seeds" trains all networks on all
        samples, from other initial weights.
    cv : int, cross-validation splitter, iterable or None, default=None
        How to split the samples for "cross_fit", instead of shuffled folds that are stratified by class and keep
        `groups` together. It determines the number of networks in place of `n_estimators`.
    candidates : "auto", list or dict of estimators, or None, default="auto"
        What is compared on the folds: BackpropRegressor and pipelines that end in one; a dict has names for
        `candidate_results_`. "auto" compares three variants of `estimator`: as it is; with tanh units, if it has the
        default activation; and with a `PiecewiseLinearEncoder` before it, where that is affordable. None, and "auto"
        with a Pipeline as `estimator`, with "seeds" or in a stream, is `estimator` alone. Candidates whose loss on the
        first fold exceeds the least by more than a fifth are not trained on the others; greedy selection by the loss
        on all held-out samples gives the others their weights.
    bootstrap : bool, default=False
        Whether each network learns from each sample in `partial_fit` a random number of times, as if it was trained on
        a bootstrap sample of the stream (online bagging). False teaches all networks every sample, which was more
        accurate on all streams that were tried.
    n_jobs : int or None, default=None
        Number of networks to train or to predict with at the same time; None means 1 and -1 means all processors, as
        in scikit-learn. It uses threads if numba is installed, otherwise processes.
    random_state : int, RandomState or None, default=None
        Determines the folds and the seeds of all networks. Pass an int for reproducible results across calls.
    verbose : int, default=0
        Verbosity of joblib, which reports the networks that have been trained.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted networks, or pipelines that end in them, those of a candidate after one another.
    estimator_weights_ : ndarray of shape (`n_estimators_`,)
        The weight of each in the mean; they sum to 1.
    candidate_results_ : dict of lists
        For each candidate its name ("candidate"), its weight in the ensemble ("weight"), the number of folds that it
        was trained on ("n_folds"), and its mean loss on the samples of these ("mean_loss"), NaN without folds.
        ``pandas.DataFrame(ensemble.candidate_results_)`` shows it as a table.
    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Prediction of each training sample by the network that was not trained on it, NaN if there is none. Not
        available with ``strategy="seeds"`` and after `partial_fit`.
    oof_score_ : float
        The `score` of `oof_prediction_`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    skbackprop.BackpropRegressor : A single network.
    BackpropEnsembleClassifier : The same ensemble for classification.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop.ensemble import BackpropEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ensemble = BackpropEnsembleRegressor(random_state=0).fit(X, y)
    >>> ensemble.predict_interval(X[:2], confidence_level=0.8).shape
    (2, 2)
    >>> ensemble.oof_score_ > 0.4
    True
    """

    _network_class = BackpropRegressor

    @keep_signature(explain_ensemble_constructor)
    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 5,
        *,
        strategy: str = "cross_fit",
        cv: Any = None,
        candidates: Any = "auto",
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
        """Fit the networks to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Training samples; the networks share them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, none negative and not all zero; None means a weight of 1 for every sample. A sample of
            weight 0 is as if absent.
        groups : array-like of shape (n_samples,), default=None
            Groups that are not divided between folds.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, or there are fewer samples than folds; the ensemble is left as
            it was.
        TypeError
            If `estimator` or a candidate is another kind of estimator.

        See Also
        --------
        partial_fit : Online learning.
        """
        return self._fit(X, y, sample_weight, groups)

    def partial_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Make one epoch over some samples with each network.

        Without an earlier call to `fit`, there are `n_estimators` networks with other initial weights.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, relative to the mean weight of all samples seen so far.

        Returns
        -------
        self : object
            The ensemble.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid; the ensemble is left as it was.

        See Also
        --------
        fit : Train on all samples, for several epochs.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop.ensemble import BackpropEnsembleRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> ensemble = BackpropEnsembleRegressor(n_estimators=3, random_state=0)
        >>> for start in range(0, 400, 50):
        ...     ensemble = ensemble.partial_fit(X[start : start + 50], y[start : start + 50])
        >>> len(ensemble)
        3
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: MatrixLike, *, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict target values, the mean of the predictions of the networks.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.
        return_std : bool, default=False
            Whether to return the spread of the networks, too.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Standard deviation of the predictions of the networks, only if `return_std` is set. It shows where the
            networks disagree, and not how large the errors are: see `predict_interval`.

        See Also
        --------
        predict_interval : Intervals that contain a share of the targets.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop.ensemble import BackpropEnsembleRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> ensemble = BackpropEnsembleRegressor(random_state=0).fit(X, y)
        >>> mean, std = ensemble.predict(X, return_std=True)
        >>> mean.shape, std.shape
        ((442,), (442,))
        """
        predictions, weights = self._predictions(self._validated(X)), self.estimator_weights_
        mean = weighted_mean(predictions, weights)
        if not return_std:
            return shaped(mean)
        variance = weighted_mean([(prediction - mean) ** 2 for prediction in predictions], weights)
        return shaped(mean), shaped(np.sqrt(variance))

    def predict_interval(self, X: MatrixLike, confidence_level: float = 0.9) -> np.ndarray:
        """Return an interval around each prediction that contains the target with about a given probability.

        The width follows from the errors of the networks on the training samples that they were not trained on. For
        samples that are drawn as the training samples were, about the share `confidence_level` of all targets lies in
        the intervals. This holds for the mean over all samples, not for each region, nor for other data.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.
        confidence_level : float, default=0.9
            The share of the targets that the intervals contain, in (0, 1).

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper bound, the last axis. They are infinite, with a warning, if there are fewer training
            samples than ``confidence_level / (1 - confidence_level)``. A bound outside of the range that the loss
            allows for targets, such as below 0 with ``loss="poisson"``, is moved to the end of the range.

        Raises
        ------
        ValueError
            If there are no out-of-fold predictions, because of ``strategy="seeds"`` or after `partial_fit`, or if the
            networks predict quantiles.

        See Also
        --------
        predict : The predictions themselves.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import make_friedman1
        >>> from skbackprop.ensemble import BackpropEnsembleRegressor
        >>> X, y = make_friedman1(600, noise=1, random_state=0)
        >>> ensemble = BackpropEnsembleRegressor(random_state=0).fit(X[:400], y[:400])
        >>> lower, upper = ensemble.predict_interval(X[400:], confidence_level=0.9).T
        >>> covered = (lower <= y[400:]) & (y[400:] <= upper)
        >>> bool(0.8 < np.mean(covered) < 0.97)
        True
        """
        check_is_fitted(self)
        check_positive(confidence_level, "confidence_level", below=1)
        if self._quantiles is not None:
            raise ValueError("The networks predict quantiles, which bound intervals themselves: use predict.")
        if "_oof_intervals" not in vars(self):
            raise ValueError(
                "predict_interval needs errors on held-out samples: call fit with strategy='cross_fit'. partial_fit "
                "changes the networks, and their errors before it say nothing about those after it."
            )
        bounds = predict_intervals(self._oof_intervals, self._mean_prediction(X), confidence_level)
        interval = np.clip(np.stack(bounds, axis=-1), *self._loss.link.target_range)
        return interval[:, 0] if interval.shape[1] == 1 else interval

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2 of the predictions; with several quantiles, the mean of their D^2 pinball scores.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        score : float
            At most 1, the higher the better; 0 is as good as the mean (or the quantiles) of y.

        See Also
        --------
        predict : The predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop.ensemble import BackpropEnsembleRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> BackpropEnsembleRegressor(random_state=0).fit(X, y).score(X, y) > 0.4
        True
        """
        return score_of(y, shaped(self._mean_prediction(X)), self._quantiles, sample_weight)

    def _validated_target(self, y: Matrix) -> np.ndarray:
        return shaped(numeric_target(y, PRECISE))

    def _mean_loss(self, network: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> MeanLoss:
        target = columns(y)
        loss = regression_loss(network, target)

        def mean_loss(prediction: np.ndarray, indices: np.ndarray) -> float:
            weights = None if sample_weight is None else sample_weight[indices]
            return float(np.average(loss(prediction, target[indices]), weights=weights))

        return mean_loss

    def _set_out_of_fold(self, samples: Samples, predictions: list[np.ndarray]) -> None:
        y, weight = columns(samples.y), samples.sample_weight
        mean, is_predicted = mean_of_folds(predictions, samples.folds, len(y))
        self.oof_prediction_ = shaped(mean)
        of_predicted = None if weight is None else weight[is_predicted]
        target = shaped(y)[is_predicted]
        self.oof_score_ = score_of(target, self.oof_prediction_[is_predicted], self._quantiles, of_predicted)
        if self._quantiles is None:
            of_all = weighted_mean(self._predictions(samples.X), self.estimator_weights_)
            self._oof_intervals = fit_intervals(y, mean, of_all, weight)

    @property
    def _loss(self) -> Loss:
        return fitted_model(network_of(self.estimators_[0])).loss

    @property
    def _quantiles(self) -> tuple[float, ...] | None:
        return self._loss.predicted_quantiles

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def columns(y: np.ndarray) -> np.ndarray:
    """Return a target in float64, of shape (n_samples, n_outputs)."""
    return np.asarray(y, np.float64).reshape(len(y), -1)


def shaped(prediction: np.ndarray) -> np.ndarray:
    """Return a prediction in the shape of the target: a single output without an axis of its own."""
    return prediction[:, 0] if prediction.shape[1] == 1 else prediction
