"""The classifier: labels made into outputs of the network, and outputs into labels and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, special
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import column_or_1d

from ._base import BaseBackprop, Target
from ._labels import are_plain_labels, classification_loss, indicators, is_multilabel, known_classes, label_columns
from ._parameters import MatrixLike
from .activations import Activation
from .initializers import Initializer
from .losses import BinaryLogLoss, Loss
from .optimizers import Optimizer
from .schedules import Schedule


class BackpropClassifier(ClassifierMixin, BaseBackprop):
    """Multilayer perceptron for classification, trained by backpropagation.

    Log loss has one output for two classes; otherwise each class, or each of several labels a row (a matrix of zeros
    and ones), has one. Minimised is the mean loss plus the penalty; see `alpha`. Put a scaler before the network.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer; an int is one layer, ``()`` is none: logistic or softmax regression by
        gradient descent.
    activation : str, Activation, or sequence of them, default="relu"
        What each hidden layer does to its net input; a sequence has one entry for each. The names are "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" and "softplus"; see
        `skbackprop.activations`.
    loss : str or Loss, default="log_loss"
        "log_loss", or "squared_error": the lecture's sum over the outputs of (target - output)^2, with one output
        for each class.
    output_activation : {"auto", "logistic", "softmax"}, default="auto"
        What makes the outputs of the last layer's net input. "auto" is "softmax" for log loss with more than two
        classes, and "logistic" otherwise.
    solver : {"batch", "sgd", "minibatch"}, default="minibatch"
        When the weights are updated: once for all rows, for every row, or for every `batch_size` rows.
    optimizer : str or Optimizer, default="adam"
        How they are updated: "gd" (the lecture's plain gradient descent), "momentum", "nesterov", "rmsprop", "adam"
        or "adamw"; see `skbackprop.optimizers`.
    learning_rate : float, str or Schedule, default=0.001
        The learning rate, above 0, or a schedule: "constant", "invscaling", "exponential", "cosine", "one_cycle"; see
        `skbackprop.schedules`.
    batch_size : int or "auto", default="auto"
        Rows for each update of ``solver="minibatch"``; "auto" is 200. More than there are means all of them.
    alpha : float, default=0.0001
        Strength of the penalty ``alpha / 2 * sum(W**2)`` that is added to the mean loss; at least 0. Intercepts are
        not penalised.
    init : str, Initializer or (coefs, intercepts), default="auto"
        Where the weights start: "auto" takes the rule that fits each layer's activation; by name "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"; or lists of arrays, shaped as
        `coefs_` and `intercepts_`. Drawn intercepts are 0.
    max_iter : int, default=200
        The most passes over the rows (epochs) in one call to `fit`.
    tol : float or None, default=1e-4
        `fit` stops when the loss has not fallen by more than this for `n_iter_no_change` epochs in a row. None is
        never: exactly `max_iter` epochs.
    n_iter_no_change : int or inf, default=10
        See `tol`.
    shuffle : bool, default=True
        Whether to take the rows in a new random order in each epoch. Without effect when all rows are one batch.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights, the optimizer's memory and the count of updates of the last call.
    engine : {"auto", "numpy", "numba"}, default="auto"
        What computes: numpy, or a kernel compiled by numba (extra ``numba``); the weights are the same to rounding.
        "auto" takes numba where it is installed, knows the work, and numpy would need some seconds.
    random_state : int, RandomState or None, default=None
        Draws the first weights and the order of the rows. With an int every `fit` that starts anew gives the same.
    verbose : int, default=0
        Above 0, print the loss of each epoch.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of each layer, of shape (units of the layer before, units): views, which training goes on changing.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (units,).
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; with several labels a row, their column numbers.
    loss_curve_ : list of float
        Mean loss over the rows plus penalty in each epoch, as met on the way.
    n_iter_ : int
        Epochs made since the weights were drawn.
    t_ : int
        Updates made since then.
    learning_rate_ : float
        Rate of the last update.
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

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "log_loss",
        output_activation: str = "auto",
        solver: str = "minibatch",
        optimizer: str | Optimizer = "adam",
        learning_rate: float | str | Schedule = 0.001,
        batch_size: int | str = "auto",
        alpha: float = 0.0001,
        init: str | Initializer | tuple[Sequence[ArrayLike], Sequence[ArrayLike]] = "auto",
        max_iter: int = 200,
        tol: float | None = 1e-4,
        n_iter_no_change: float = 10,
        shuffle: bool = True,
        warm_start: bool = False,
        engine: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            hidden_layer_sizes,
            activation=activation,
            loss=loss,
            output_activation=output_activation,
            solver=solver,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            alpha=alpha,
            init=init,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            shuffle=shuffle,
            warm_start=warm_start,
            engine=engine,
            random_state=random_state,
            verbose=verbose,
        )

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
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable label; with several labels a row, 1 for each that is more probable than not.
        """
        raw = self._raw_output(X)
        if self._is_multilabel:
            return (raw > 0).astype(int)
        return self.classes_[(raw[:, 0] > 0).astype(int) if self._has_one_output_for_two else raw.argmax(axis=1)]

    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the network's raw outputs, before the output activation.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score, above 0 for the second class.
        """
        raw = self._raw_output(X)
        if self.n_outputs_ == 1:
            return raw[:, 0]
        if len(self.classes_) == 2 and not self._is_multilabel:
            return raw[:, 1] - raw[:, 0]
        return raw

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1, unless a row can have several labels.
        """
        raw, loss = self._raw_output(X), self._recipe.objective.loss
        if self._has_one_output_for_two:
            raw = np.column_stack([-raw, raw])
        elif not self._is_multilabel and loss.output_activation == "logistic":
            return special.softmax(loss.log_inverse_link(raw), axis=1)
        return loss.inverse_link(raw)

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the logarithm of the probability of each class, finite also where a probability rounds to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        raw, loss = self._raw_output(X), self._recipe.objective.loss
        if self._has_one_output_for_two:
            raw = np.column_stack([-raw, raw])
        elif not self._is_multilabel and loss.output_activation == "logistic":
            return special.log_softmax(loss.log_inverse_link(raw), axis=1)
        return loss.log_inverse_link(raw)

    @property
    def _has_one_output_for_two(self) -> bool:
        return self.n_outputs_ == 1 and len(self.classes_) == 2

    def _encode_target(self, y, dtype, resume, classes):
        multilabel = is_multilabel(y)
        if resume and multilabel != self._is_multilabel:
            raise ValueError("y changed between one label and several a row since the weights were made; start anew.")
        if multilabel:
            y = y.toarray() if sparse.issparse(y) else y
            known = label_columns(y, classes)
        else:
            y = column_or_1d(y, warn=True)
            known = known_classes(y, self.classes_ if resume else None, classes)
        loss = classification_loss(self.loss, self.output_activation, len(known), multilabel)
        if not multilabel:
            y = indicators(y, known, len(known) == 2 and isinstance(loss, BinaryLogLoss), dtype)
        return Target(y.astype(dtype, copy=False), loss, {"classes_": known, "_is_multilabel": multilabel})

    def _plain_target(self, y, n_rows, classes):
        if self._is_multilabel or not are_plain_labels(y, n_rows, self.classes_, classes):
            return None
        return indicators(y, self.classes_, self._has_one_output_for_two, self._state.theta.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
