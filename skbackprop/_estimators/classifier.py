"""The classifier: labels made into outputs of the network, and outputs into labels and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from .._typing import MatrixLike, keep_signature
from ..activations import Activation
from ..initializers import Initializer
from ..losses import Loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import BaseBackprop
from .fitted_model import ClassifierModel
from .labels import class_weight_function, classification_loss, is_multilabel, known_classes, label_columns
from .parameters import CONSTRAINTS
from .samples import Target
from .targets import LabelEncoder, dense


class BackpropClassifier(ClassifierMixin, BaseBackprop):
    """Multilayer perceptron for classification, trained by backpropagation.

    Log loss has one output for two classes; otherwise each class, or each of several labels a row (a matrix of zeros
    and ones), has one. Minimised is the mean loss plus the penalty `alpha`.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Units of each hidden layer; an int is one layer, ``()`` is none: logistic or softmax regression by
        gradient descent.
    activation : str, Activation, or sequence of them, default="relu"
        What each hidden layer does to its net input; a sequence has one entry for each. The names are "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" and "softplus"; see
        `skbackprop.activations`.
    loss : str or Loss, default="log_loss"
        "log_loss", or "squared_error": the lecture's sum over the outputs of (target - output)^2, with one output
        for each class.
    output_activation : {"auto", "logistic", "softmax"}, default="auto"
        What makes the outputs of the last layer's net input; "auto" is "softmax" for log loss of three classes or
        more, and "logistic" otherwise.
    solver : {"batch", "sgd", "minibatch"}, default="minibatch"
        When the weights are updated: once for all rows, for every row, or for every `batch_size` rows.
    optimizer : str or Optimizer, default="adam"
        How they are updated: "gd" (the lecture's plain gradient descent), "momentum", "nesterov", "rmsprop", "adam",
        "adamw", or "lbfgs" with ``solver="batch"``; see `skbackprop.optimizers`.
    learning_rate : float, str or Schedule, default="auto"
        The learning rate, above 0, or a schedule: "constant", "invscaling", "exponential", "cosine", "one_cycle",
        "plateau"; see `skbackprop.schedules`. "auto" falls along half a cosine over `max_iter` passes, from a rate
        that depends on `solver` and `optimizer` (docs/defaults.md) to a tenth of it, and stays there.
    batch_size : int or "auto", default="auto"
        Rows for each update of ``solver="minibatch"``; "auto" is the root of the number of rows, but at least 16 and
        at most 64, and up to 32 rows are one batch. More than there are means all of them.
    alpha : float or "auto", default="auto"
        Strength of the penalty ``alpha * ((1 - l1_ratio) / 2 * sum(W**2) + l1_ratio * sum(abs(W)))`` that is added to
        the mean loss; at least 0. Intercepts are not penalised. W is of the standardised rows.
        "auto" is 5 / n_samples, at most
        0.1.
        With ``standardize=False`` it is 0. `alpha_` says what it was.
    l1_ratio : float, default=0.0
        The share of the penalty that is of absolute values, from 0 to 1.
    dropout : float or sequence of float, default=0.0
        Share of the units of each hidden layer that are left out, drawn anew for each row and pass; below 1.
    clip_norm : float or None, default=None
        A longer gradient of a batch is shortened to this Euclidean norm.
    init : str, Initializer or (coefs, intercepts), default="auto"
        Where the weights start: "auto" takes the rule that fits each layer's activation; by name "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"; or lists of arrays, as
        `coefs_` and `intercepts_`. Drawn intercepts are 0.
    standardize : bool, default=True
        Whether to standardise the inputs by their mean and standard deviation. `coefs_` are for the data as they were
        given. Sparse X is scaled, not centred.
    max_iter : int, default=60
        The most passes over the rows (epochs) in one call to `fit`.
    tol : float or None, default=1e-4
        `fit` stops when what it watches, the training loss or `scoring`,
        has not improved by more than this for `n_iter_no_change` epochs in a row. None is never. A learning rate with
        a planned end ("auto", "cosine", "one_cycle") is not cut short by the training loss.
    n_iter_no_change : int or inf, default=20
        See `tol`.
    early_stopping : bool or "auto", default="auto"
        Whether to hold rows out, watch `scoring` on them and go back to the epoch where it was best. "auto" does where
        `fit` is given `X_val`, and by itself for no number of rows: docs/defaults.md. No effect on `partial_fit`.
    validation_fraction : float, default=0.1
        The share of rows held out, above 0 and below 1;
        classes keep their shares.
    scoring : str, callable or None, default="loss"
        What is watched on held-out rows: "loss", or a scorer of scikit-learn; None is `score`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`; "balanced" is inversely proportional to their numbers.
    label_smoothing : float, default=0.0
        Share of each row's label that is spread evenly over the classes, at least 0 and below 1.
    shuffle : bool, default=True
        Whether to take the rows in a new random order in each epoch. Without effect when all rows are one batch.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights, the optimizer's memory and the count of updates of the last call.
    engine : {"auto", "numpy", "numba"}, default="auto"
        What computes: numpy, or a kernel compiled by numba (extra ``numba``), with the same weights to rounding.
        "auto" takes numba where it is installed, knows the work and is worth its start; see docs/architecture.md.
    random_state : int, RandomState or None, default=None
        Draws first weights, order of rows, dropout and held-out rows. With an int, each new `fit` gives the same.
    verbose : int, default=0
        1 prints a line about every second, 2 draws a bar (extra ``progress``); `partial_fit` prints a line by either.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of each layer, of shape (units of the layer before, units), for X and y as they were given: copies.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (units,), that go with them.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; with several labels a row, their column numbers.
    loss_curve_ : list of float
        Mean loss over the rows plus penalty in each epoch, as met on the way.
    validation_loss_curve_, validation_scores_ : list of float or None
        Mean loss and score of the held-out rows after each epoch of the last `fit`; None if there were none.
    best_iter_ : int
        The epoch that the weights are from.
    n_iter_ : int
        Epochs made since the weights were drawn.
    t_ : int
        Updates made since then.
    learning_rate_, alpha_ : float
        Learning rate of the last update and penalty of the last epoch.
    n_layers_ : int
        Number of layers, inputs and outputs included.
    n_outputs_ : int
        Number of outputs of the network.
    out_activation_ : str
        What the last layer does to its net input: "logistic" or "softmax".
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` had names that are all strings.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> BackpropClassifier(20, max_iter=20, tol=None, random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 3)
    """

    _parameter_constraints: dict = CONSTRAINTS | {
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }
    _mutable_params = (*BaseBackprop._mutable_params, "class_weight", "label_smoothing")

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "log_loss",
        output_activation: str = "auto",
        solver: str = "minibatch",
        optimizer: str | Optimizer = "adam",
        learning_rate: float | str | Schedule = "auto",
        batch_size: int | str = "auto",
        alpha: float | str = "auto",
        l1_ratio: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        init: str | Initializer | tuple[Sequence[ArrayLike], Sequence[ArrayLike]] = "auto",
        standardize: bool = True,
        max_iter: int = 60,
        tol: float | None = 1e-4,
        n_iter_no_change: float = 20,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: str | Callable | None = "loss",
        class_weight: dict | str | None = None,
        label_smoothing: float = 0.0,
        shuffle: bool = True,
        warm_start: bool = False,
        engine: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    @keep_signature(_fit_context(prefer_skip_nested_validation=True))
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
        """Fit the network to data, for up to `max_iter` epochs.

        With ``warm_start=True``, continue from where the last call to `fit` or `partial_fit` ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Training samples. float32 is computed in float32, everything else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a matrix of zeros and ones with several labels per sample.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, none negative and not all zero; None means a weight of 1 for every sample.
        X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
            Validation samples for early stopping, instead of a split of `X`; see `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through its steps.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Their targets; needed with `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights; None means a weight of 1 for every sample.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid; the estimator is left as it was.
        KeyboardInterrupt
            If the user interrupts; the weights are then those of the last complete epoch, if there was one.

        See Also
        --------
        partial_fit : One epoch over some samples, for online learning.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @keep_signature(available_if(BaseBackprop._supports_partial_fit))
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Make one pass over some rows, from where the last call to `fit` or `partial_fit` ended.

        n calls with the same rows are `fit` with ``max_iter=n``, unless `tol` ends that sooner.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels; not every class needs to be there.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed at the first call, unless `y` is a matrix of labels, and the same
            later or left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to the mean weight of all rows seen so far.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a label is not among the classes, and as `fit` does.
        """
        return self._partial_fit(X, y, sample_weight, () if classes is None else classes)

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable class; with several labels per sample, 1 for each label that is more probable than not.
        """
        model = self._fitted_model()
        return model.labels(model.raw_output(X))

    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the raw output of the network, before the output activation.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score, which is above 0 for the second class.
        """
        model = self._fitted_model()
        return model.scores(model.raw_output(X))

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; the rows sum to 1, unless a sample can have several labels.
        """
        model = self._fitted_model()
        return model.probabilities(model.raw_output(X))

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the logarithm of the probability of each class, finite also where a probability rounds to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        model = self._fitted_model()
        return model.log_probabilities(model.raw_output(X))

    def _make_target(self, y, dtype, resumes, classes):
        multilabel = is_multilabel(y)
        if resumes and multilabel != self._is_multilabel:
            raise ValueError("y changed between one label and several labels per sample; start again with a clone.")
        if multilabel:
            known = label_columns(dense(y), classes)
        else:
            y = column_or_1d(y, warn=True)
            known = known_classes(y, self.classes_ if resumes else None, classes)
        loss = classification_loss(self.loss, self.output_activation, len(known), multilabel)
        encoder = LabelEncoder(loss, dtype, known, multilabel, self.label_smoothing)
        weigh = class_weight_function(self.class_weight, y, known, multilabel, online=classes is not None)
        attributes = {"classes_": known, "_is_multilabel": multilabel}
        class_weight = None if weigh is None else lambda y: weigh(encoder.validate(y))
        return Target(encoder, class_weight, attributes, None if multilabel else y)

    def _fitted_model(self):
        return ClassifierModel(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
