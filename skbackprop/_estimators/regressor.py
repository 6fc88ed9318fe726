"""The regressor: targets and predictions that are numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.utils.metaestimators import available_if

from .._typing import MatrixLike, keep_signature
from ..activations import Activation
from ..initializers import Initializer
from ..losses import LOSSES, Loss
from ..losses._resolve import resolve_loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import BaseBackprop
from .fitted_model import RegressorModel
from .samples import Target
from .targets import NumberEncoder

#: The losses that are not for labels, and what ``output_activation="auto"`` is for each.
AUTO_OUTPUTS = {name: output for name, output in reversed(LOSSES) if name != "log_loss"}


class BackpropRegressor(RegressorMixin, BaseBackprop):
    """Multilayer perceptron for regression, trained by backpropagation.

    One output for each target column. What is minimised is the mean over rows of the loss plus the penalty; see
    `alpha`. Data come as they are: the network standardises them inside.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Units of each hidden layer; an int is one layer, ``()`` is none: linear regression by gradient descent.
    activation : str, Activation, or sequence of them, default="relu"
        What each hidden layer does to its net input; a sequence has one entry for each. The names are "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" and "softplus"; see
        `skbackprop.activations`.
    loss : str or Loss, default="squared_error"
        "squared_error" (the sum over the outputs of (y - prediction)^2, without one-half), "absolute_error", "huber",
        "quantile", "quantiles", "poisson", "gamma", "tweedie"; see `skbackprop.losses`, also for one of your own.
    output_activation : {"auto", "identity", "logistic", "exponential", "sorted"}, default="auto"
        What makes the prediction of the last layer's net input; "auto" is what belongs to `loss`. "logistic" is for
        "squared_error" with targets between 0 and 1, as in the lecture.
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
        "auto" is 20 / n_samples, at most 0.1, times the ratio of noise to signal: L / (1 - L), at most 1, with L the
        mean training loss of the epoch before for each output.
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
        Whether to standardise the inputs and, for losses with an identity link, the target by their mean and standard
        deviation; with an exponential output, the target is divided by its mean. Losses and `tol` are then in these
        units, and `coefs_` and predictions in those of the data. Sparse X is scaled, not centred.
    max_iter : int, default=150
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
        The share of rows held out, above 0 and below 1.
    scoring : str, callable or None, default="loss"
        What is watched on held-out rows: "loss", or a scorer of scikit-learn; None is `score`.
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
    loss_curve_ : list of float
        Mean loss over the rows plus penalty in each epoch, as met on the way, in units of the standardised target; of a
        long stream, in the last 10000 epochs or more.
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
        What the last layer does to its net input: "identity", "logistic",
        "exponential" or "sorted".
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` had names that are all strings.

    See Also
    --------
    BackpropClassifier : The same for labels.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import BackpropRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = BackpropRegressor(20, solver="sgd", max_iter=20, tol=None, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2,)
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "squared_error",
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
        max_iter: int = 150,
        tol: float | None = 1e-4,
        n_iter_no_change: float = 20,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: str | Callable | None = "loss",
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, none negative and not all zero; None means a weight of 1 for every sample.
        X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
            Validation samples for early stopping, instead of a split of `X`; see `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through its steps.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
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
    def partial_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Make one pass over some rows, from where the last call to `fit` or `partial_fit` ended.

        n calls with the same rows are `fit` with ``max_iter=n``, unless `tol` ends that sooner.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to the mean weight of all rows seen so far.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            As `fit` does.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict target values.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, in the dtype that the network was trained in.
        """
        model = self._fitted_model()
        prediction = model.outputs(model.raw_output(X))
        return prediction[:, 0] if self.n_outputs_ == 1 else prediction

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
        """
        prediction = self.predict(X)
        quantiles = self._config.objective.loss.predicted_quantiles
        if quantiles is None:
            return r2_score(y, prediction, sample_weight=sample_weight)
        columns = prediction.reshape(len(prediction), -1).T
        scores = [
            d2_pinball_score(y, column, sample_weight=sample_weight, alpha=quantile)
            for column, quantile in zip(columns, quantiles, strict=True)
        ]
        return float(np.mean(scores))

    def _make_target(self, y, dtype, resumes, classes):
        return Target(NumberEncoder(resolve_loss(self.loss, self.output_activation, AUTO_OUTPUTS), dtype), None, {})

    def _fitted_model(self):
        return RegressorModel(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
