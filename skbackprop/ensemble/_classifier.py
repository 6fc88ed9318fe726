"""The ensemble of classifiers: labels and probabilities from the mean logits, with a temperature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags, column_or_1d

from .._estimators.classifier import BackpropClassifier
from .._estimators.fitted_members import FittedMembers
from .._estimators.labels import LabelCounts, class_weight_function, is_multilabel, label_matrix
from .._estimators.samples import combine_weights
from .._estimators.targets import dense
from .._other_names import explain_ensemble_constructor
from .._sklearn_compat import fit_context
from .._typing import Matrix, MatrixLike, keep_signature
from ._averages import mean_of_folds
from ._base import CONSTRAINTS, BaseBackpropEnsemble
from ._losses import classification_loss
from ._members import network_of
from ._temperature import LogitPool, fit_temperature, log_probabilities_of, probabilities_of
from ._training import Candidate, MeanLoss, Samples


class BackpropEnsembleClassifier(ClassifierMixin, BaseBackpropEnsemble):
    """Several networks whose logits are averaged, for classification.

    The mean of a few networks is more accurate than any of them and has better probabilities, and samples that a
    network has not been trained on show how confident it may be.

    A fit takes about as long as `n_estimators` fits of one network with ``candidates=None``, and four times as long
    with the default candidates.

    Parameters
    ----------
    estimator : BackpropClassifier or Pipeline, default=None
        The network that the ensemble consists of, or a pipeline that ends in one; None is ``BackpropClassifier()``. Its
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
        What is compared on the folds: BackpropClassifier and pipelines that end in one; a dict has names for
        `candidate_results_`. "auto" compares three variants of `estimator`: as it is; with tanh units, if it has the
        default activation; and with a `PiecewiseLinearEncoder` before it, where that is affordable. None, and "auto"
        with a Pipeline as `estimator`, with "seeds" or in a stream, is `estimator` alone. Candidates whose loss on the
        first fold exceeds the least by more than a fifth are not trained on the others; greedy selection by the loss
        on all held-out samples gives the others their weights.
    calibrate : bool, default=True
        Whether to divide the logits by a temperature, which is chosen on held-out samples: the one nearest to 1 that
        their log loss does not exclude.
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
    temperature_ : float
        The number that the mean logits are divided by; above 1, it makes the probabilities less confident. 1 with
        ``calibrate=False`` or without held-out samples.
    oof_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities of each training sample by the network that was not trained on it, NaN if there is none. Not
        available with ``strategy="seeds"`` and after `partial_fit`.
    oof_score_ : float
        The accuracy of `oof_decision_function_`.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; with several labels per sample, the indices of their columns.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    skbackprop.BackpropClassifier : A single network.
    BackpropEnsembleRegressor : The same ensemble for regression.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop.ensemble import BackpropEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = BackpropEnsembleClassifier(random_state=0).fit(X, y)
    >>> ensemble.predict_proba(X[:2]).shape
    (2, 3)
    >>> ensemble.oof_score_ > 0.9
    True
    """

    _network_class = BackpropClassifier
    _has_sparse_labels = False  # whether it was trained with a sparse y; files of the first versions do not have it
    _parameter_constraints: dict[str, list[object]] = CONSTRAINTS | {"calibrate": ["boolean"]}

    @keep_signature(explain_ensemble_constructor)
    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 5,
        *,
        strategy: str = "cross_fit",
        cv: Any = None,
        candidates: Any = "auto",
        calibrate: bool = True,
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
        self.calibrate = calibrate
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
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a matrix of zeros and ones with several labels per sample.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, none negative and not all zero; None means a weight of 1 for every sample. A sample of
            weight 0 is as if absent, except that its class is in `classes_`.
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

    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Make one epoch over some samples with each network.

        Without an earlier call to `fit`, there are `n_estimators` networks with other initial weights.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels; not every class needs to be present.
        classes : array-like of shape (n_classes,), default=None
            All classes, also those that come in later calls. They are needed in the first call, unless `y` is a matrix
            of labels; later calls pass the same classes or none.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, relative to the mean weight of all samples seen so far.

        Returns
        -------
        self : object
            The ensemble.

        Raises
        ------
        ValueError
            If a label is not among the classes, or a parameter or the data are not valid; the ensemble is left as it
            was.

        See Also
        --------
        fit : Train on all samples, for several epochs.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop.ensemble import BackpropEnsembleClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> ensemble = BackpropEnsembleClassifier(n_estimators=3, random_state=0)
        >>> for sample in (0, 50, 100):
        ...     ensemble = ensemble.partial_fit(X[[sample]], y[[sample]], classes=[0, 1, 2])
        >>> len(ensemble)
        3
        """
        return self._partial_fit(X, y, sample_weight, () if classes is None else classes)

    def predict(self, X: MatrixLike) -> Matrix:
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels), or CSR matrix
            The most probable class; with several labels per sample, 1 for each label that is more probable than not, as
            a CSR matrix if the ensemble was trained with a sparse `y`.

        See Also
        --------
        predict_proba : Probability of each class.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop.ensemble import BackpropEnsembleClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> BackpropEnsembleClassifier(random_state=0).fit(X, y).predict(X[[0, 75, 149]])
        array([0, 1, 2])
        """
        labels = self._labels(self._mean_prediction(X))
        return label_matrix(labels, is_sparse=self._has_sparse_labels) if self._is_multilabel else labels

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the probability of each class, from the mean of the logits of the networks.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; those of a sample sum to 1, unless it can have several labels.

        See Also
        --------
        predict_log_proba : Logarithm of the probabilities.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop.ensemble import BackpropEnsembleClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> ensemble = BackpropEnsembleClassifier(random_state=0).fit(X, y)
        >>> ensemble.predict_proba(X).sum(axis=1).round(6).min()
        np.float64(1.0)
        """
        return self._of_logits(probabilities_of, X)

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.

        See Also
        --------
        predict_proba : The probabilities themselves.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop.ensemble import BackpropEnsembleClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> ensemble = BackpropEnsembleClassifier(random_state=0).fit(X, y)
        >>> ensemble.predict_log_proba(X[:2]).shape
        (2, 3)
        """
        return self._of_logits(log_probabilities_of, X)

    @property
    def classes_(self) -> np.ndarray:
        """The class labels, sorted; with several labels per sample, the indices of their columns."""
        return self._first_network.classes_

    @property
    def _first_network(self) -> BackpropClassifier:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__} has no classes before it is fitted.")
        return network_of(self.estimators_[0])

    @property
    def _is_multilabel(self) -> bool:
        return self._first_network._is_multilabel

    def _of_logits(self, function: Callable[..., np.ndarray], X: MatrixLike) -> np.ndarray:
        """Return a function of the mean logits, divided by the temperature, in the dtype of the networks."""
        logits = self._mean_prediction(X) / self.temperature_
        return function(logits, is_multilabel=self._is_multilabel).astype(self._dtype, copy=False)

    def _labels(self, logits: np.ndarray) -> np.ndarray:
        return (logits > 0).astype(int) if self._is_multilabel else self.classes_[np.argmax(logits, axis=1)]

    def _fitted_members(self) -> FittedMembers:
        return super()._fitted_members()._replace(pool=LogitPool(self.temperature_, self._is_multilabel))

    def _validated_target(self, y: Matrix) -> np.ndarray:
        self._has_sparse_labels = sparse.issparse(y)
        y = dense(y)
        return y if is_multilabel(y) else column_or_1d(y, warn=True)

    def _set_members(self, samples: Samples, candidates: list[Candidate], kept: list[Candidate]) -> None:
        self.temperature_ = 1.0
        super()._set_members(samples, candidates, kept)

    def _begin_stream(self, y: ArrayLike) -> None:
        super()._begin_stream(y)
        self.temperature_ = 1.0
        self._has_sparse_labels = sparse.issparse(y)

    def _mean_loss(self, network: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> MeanLoss:
        loss = classification_loss(network.classes_, is_multilabel=network._is_multilabel)
        weight = training_weights(network, y, sample_weight)

        def mean_loss(logits: np.ndarray, indices: np.ndarray) -> float:
            weights = None if weight is None else weight[indices]
            if weights is not None and not weights.any():
                return math.nan  # all samples are of classes that have no weight
            return float(np.average(loss(logits, y[indices]), weights=weights))

        return mean_loss

    def _set_out_of_fold(self, samples: Samples, predictions: list[np.ndarray]) -> None:
        logits, is_predicted = mean_of_folds(predictions, samples.folds, len(samples.y))
        y, weight = samples.y[is_predicted], samples.sample_weight
        multilabel = self._is_multilabel
        if self.calibrate:
            codes = y if multilabel else np.searchsorted(self.classes_, y)
            trained = training_weights(self._first_network, samples.y, weight)
            trained = None if trained is None else trained[is_predicted]
            self.temperature_ = fit_temperature(codes, logits[is_predicted], trained)
        weight = None if weight is None else weight[is_predicted]
        self.oof_decision_function_ = probabilities_of(logits / self.temperature_, is_multilabel=multilabel)
        is_right = self._labels(logits[is_predicted]) == y
        self.oof_score_ = float(np.average(is_right.all(axis=1) if multilabel else is_right, weights=weight))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def training_weights(network: BackpropClassifier, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
    """Return the weights that a network trains with: those of the samples times those of their classes."""
    counted = y if sample_weight is None else y[sample_weight > 0]
    classes, is_multilabel = network.classes_, network._is_multilabel
    weigh = class_weight_function(
        network.class_weight, lambda: LabelCounts.of(counted, is_multilabel), classes, is_multilabel
    )
    return combine_weights(sample_weight, None if weigh is None else weigh(y))
