"""The regressor: targets and predictions that are numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from .._other_names import explain_constructor, explain_fit
from .._typing import Matrix, MatrixLike, keep_signature
from ..activations import Activation
from ..initializers import Initializer
from ..losses import Loss
from ..losses._resolve import AUTO_REGRESSION_OUTPUTS, resolve_loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import BaseBackprop
from .fitted_model import RegressorModel
from .invalid_values import naming_values
from .labels import LabelCounts
from .parameters import AutoEpochs
from .samples import Target
from .targets import NumberEncoder


def score_of(
    y: ArrayLike, prediction: np.ndarray, quantiles: tuple[float, ...] | None, sample_weight: ArrayLike | None
) -> float:
    """Return R^2 of predictions, or the mean D^2 pinball score of the columns if these are quantiles."""
    with naming_values(y=y, sample_weight=sample_weight):
        if quantiles is None:
            return r2_score(y, prediction, sample_weight=sample_weight)
        columns = prediction.reshape(len(prediction), -1).T
        scores = [
            d2_pinball_score(y, column, sample_weight=sample_weight, alpha=quantile)
            for column, quantile in zip(columns, quantiles, strict=True)
        ]
    return float(np.mean(scores))


class BackpropRegressor(RegressorMixin, BaseBackprop):
    """Multilayer perceptron for regression, trained by backpropagation.

    The network has one output for each target, and minimizes the mean loss plus the penalty `alpha`. Features and
    targets are standardized internally, so data in any units can be passed in.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Number of units of each hidden layer. An int is one layer; ``()`` means no hidden layer: linear regression by
        gradient descent.
    activation : str, Activation, or sequence of them, default="relu"
        Activation function of the hidden layers; a sequence has one entry for each. The names are "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" and "softplus"; see
        `skbackprop.activations`.
    loss : str or Loss, default="squared_error"
        The loss: "squared_error" (the sum over the outputs of (y - prediction)^2, without one-half),
        "absolute_error", "huber", "quantile", "quantiles", "poisson", "gamma" or "tweedie"; see `skbackprop.losses`,
        also for custom losses.
    output_activation : {"auto", "identity", "logistic", "exponential", "sorted"}, default="auto"
        Activation of the output layer, the inverse of the link; "auto" selects the one that belongs to `loss`.
        "logistic" is for "squared_error" with targets between 0 and 1, as in the lecture.
    solver : {"batch", "sgd", "minibatch"}, default="minibatch"
        When the weights are updated: once per epoch from all samples, after every sample, or after every `batch_size`
        samples.
    optimizer : str or Optimizer, default="adam"
        How the weights are updated: "gd" (plain gradient descent, as in the lecture), "momentum", "nesterov",
        "rmsprop", "adam", "adamw", or "lbfgs" with ``solver="batch"``; see `skbackprop.optimizers`.
    learning_rate : float, str or Schedule, default="auto"
        The learning rate, above 0, or a schedule: "constant", "invscaling", "exponential", "cosine", "one_cycle" or
        "plateau"; see `skbackprop.schedules`. "auto" falls along half a cosine over `max_iter` epochs, from a rate that
        depends on `solver` and `optimizer` to a tenth of it, and stays there. In `partial_fit`, it falls with the root
        of the number of updates to a twentieth of that of "minibatch", a tenth for losses such as the log loss,
        whatever `solver` is and however the samples are cut into calls; after a `fit`, it is this final rate. With more
        than about 800 columns, these rates are smaller, and training begins with a warm-up of 40 updates.
    batch_size : int or "auto", default="auto"
        Number of samples for each update of ``solver="minibatch"``, at least 1. "auto" is ``sqrt(n_samples)`` clipped
        to [16, 64], or more with more than 1600 columns; up to 32 samples are a single batch. A number above n_samples
        means all samples.
    alpha : float or "auto", default="auto"
        Strength of the penalty ``alpha * ((1 - l1_ratio) / 2 * sum(W**2) + l1_ratio * sum(abs(W)))`` that is
        added to the mean loss, at least 0. W are the weights in standardized units; intercepts are not
        penalized. "auto" is c * H / n_samples * min(1, L / (H - L)), where H is the loss of a constant
        prediction, and L the mean training loss of the previous epoch, so that L / (H - L) is the ratio of
        noise to signal. `fit` chooses c: it holds out a fifth of the samples, or uses the validation set,
        compares short fits with several c on them, and then trains on all samples with the best;
        `alpha_search_` has what it tried. With ``early_stopping=False``, c is 1. With less than 100 samples, c
        is 1 and n_samples counts as 100; with more than 800 entries per sample, c is 25. In `partial_fit`,
        "auto" is the last c over the number of samples so far. With ``standardize=False``, "auto" is 0. The
        attribute `alpha_` has the value used last.
    l1_ratio : float, default=0.0
        Elastic-net mixing parameter, in [0, 1]: the share of the penalty on absolute values.
    dropout : float or sequence of float, default=0.0
        Dropout rate of the hidden layers, in [0, 1); a sequence has one rate for each.
    clip_norm : float or None, default=None
        Maximum Euclidean norm of the gradient of a batch, above 0; None means no limit.
    init : str, Initializer or (coefs, intercepts), default="auto"
        Initial weights. "auto" selects the initializer that fits the activation of each layer. The names are
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform" and "lecun_normal"; see
        `skbackprop.initializers`. Two lists of arrays, shaped as `coefs_` and `intercepts_`, are used unchanged.
        "auto" also draws the intercepts of the hidden layers, with a standard deviation of 0.5; others are 0.
    standardize : bool or {"robust", "standard"}, default=True
        Whether to standardize the inputs to mean 0 and standard deviation 1 and, for losses with an identity link, the
        target too; with an exponential output, the target is divided by its mean. Losses, `tol` and hyperparameters of
        the loss are then in these units, `coefs_` and predictions in those of the data. Sparse X is scaled, not
        centered. "robust", which True means, first compresses values of X that are more than 4 robust standard
        deviations from the median of their column, or in very skewed columns from the end of its dense tail; "standard"
        compresses nothing.
    max_iter : int or "auto", default="auto"
        Maximum number of epochs in one call to `fit`, at least 1. "auto" is 150 with up to 700 samples; with more, it
        falls with the root of their number, to 50 from 6300 samples on. With more than 800 entries per sample, it is
        multiplied by (800 / entries)^0.75, but at least 8.
    tol : float or None, default=1e-4
        `fit` stops when the monitored loss or score has not improved by more than `tol` for `n_iter_no_change` epochs
        in a row. None never stops. A learning rate with a planned end ("auto", "cosine", "one_cycle") is not cut short
        by the training loss.
    n_iter_no_change : int or inf, default=20
        Number of epochs without improvement after which `fit` stops; see `tol`.
    early_stopping : bool or "auto", default="auto"
        Whether to hold out a validation set, monitor `scoring` on it, and restore the weights of the best epoch.
        "auto" does so only if `X_val` is passed to `fit`; otherwise it holds out samples only to choose `alpha`, and
        trains on all of them. False holds out nothing. It has no effect on `partial_fit`.
    validation_fraction : float, default=0.1
        Share of the samples in the validation set, in (0, 1).
    scoring : str, callable or None, default="loss"
        What is monitored on the validation set: "loss", or a scorer of scikit-learn; None is the `score` method. A
        score that is NaN or infinite is ignored, with a warning.
    shuffle : bool or {"samples", "blocks"}, default=True
        Whether to draw a new order of the samples in each epoch. It has no effect if all samples are one batch. True
        means "samples" if X takes up to 1 GB, and "blocks" if it takes more: blocks of about 1 MB are read in a random
        order, and the samples of 64 blocks at a time are shuffled, because X may be a memory map of a file that is
        larger than memory, from which single samples would be read slowly.
    warm_start : bool, default=False
        Whether `fit` continues from the weights, the optimizer state and the number of updates of the last call.
    engine : {"auto", "numpy", "numba"}, default="auto"
        What computes the epochs: numpy, or a kernel compiled by numba (extra ``numba``), with the same weights to
        rounding. "auto" uses numba if it is installed, supports the configuration, and the fit is long enough to pay
        for loading the kernel, which ``python -m skbackprop.compile`` stores, or for compiling it; if numba fails,
        "auto" warns and uses numpy. The attribute `engine_` has the one used.
    random_state : int, RandomState or None, default=None
        Determines random number generation for weight initialization, shuffling, dropout and the validation split.
        Pass an int for reproducible results across calls.
    verbose : int, default=0
        1 prints a line about every second, 2 shows a progress bar (extra ``progress``), which needs the package
        ipywidgets in Jupyter; without it, lines are printed there, too. `partial_fit` prints one line per call with
        either.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of each layer, of shape (units of the layer before, units), in the units of X and y. They include the
        linear part of the standardization: a forward pass over them equals `predict` where no value of X is compressed,
        and with ``standardize="standard"`` everywhere.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (units,), which go with `coefs_`.
    loss_curve_ : list of float
        Mean loss plus penalty in each epoch, with the weights as they were during the epoch, in units of the
        standardized target; for a long stream, in the last 10000 epochs or more.
    penalty_curve_ : list of float
        Penalty in each epoch of `loss_curve_`, which contains it: the difference is the mean loss of the samples, and
        can be compared with `validation_loss_curve_`.
    validation_loss_curve_ : list of float or None
        Mean loss on the validation set after each epoch of the last `fit`, or None without a validation set.
    validation_scores_ : list of float or None
        Score on the validation set after each epoch of the last `fit`, or None without a validation set.
    best_iter_ : int
        Epoch that the weights are from: the best by `validation_scores_`, otherwise the last.
    n_iter_ : int
        Number of epochs since the weights were initialized.
    t_ : int
        Number of updates since the weights were initialized.
    n_rejected_ : int
        Number of samples that `partial_fit` has rejected as outliers since the weights were initialized.
    n_changes_ : int
        Number of times since then that `partial_fit` has found columns in another unit, and has scaled them anew.
    learning_rate_ : float
        Learning rate of the last update.
    alpha_ : float
        Strength of the penalty in the last epoch.
    alpha_search_ : dict or None
        The c that the last search for ``alpha="auto"`` tried, and the mean loss on the held-out samples for each.
    engine_ : str
        Engine that computed the last call: "numpy" or "numba".
    n_layers_ : int
        Number of layers, including the input and the output layer.
    n_outputs_ : int
        Number of outputs of the network.
    out_activation_ : str
        Name of the output activation: "identity", "logistic", "exponential", "sorted", or that of a
        custom loss.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    BackpropClassifier : The same network for classification.

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

    _auto_epochs = AutoEpochs(150, 700, 50)

    @keep_signature(explain_constructor)
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
        standardize: bool | str = True,
        max_iter: int | str = "auto",
        tol: float | None = 1e-4,
        n_iter_no_change: float = 20,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: str | Callable[..., float] | None = "loss",
        shuffle: bool | str = True,
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

    @keep_signature(explain_fit)
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
            Target values. ``standardize=True`` centers and scales them in float64, whatever the dtype of `X`. A
            constant column is predicted exactly.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, none negative and not all zero; None means a weight of 1 for every sample. A sample of
            weight 0 is as if absent.
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

    @keep_signature(_fit_context(prefer_skip_nested_validation=True))
    def fit_chunks(
        self,
        chunks: Any,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        memory_budget: float = 500.0,
    ) -> Self:
        """Fit the network to data that do not fit in memory and come in chunks, for up to `max_iter` epochs.

        Before training, the chunks are read twice: to find their sizes and the range of each column, then for the
        moments. With another loss than the squared error, they are read again for the loss of a constant prediction,
        and once more if a validation set is drawn from them. Each epoch reads windows of several chunks in a random
        order and shuffles the samples of each window, while another thread reads the next one. If all chunks fit in one
        window, they are read once, and the result is that of `fit` with the same samples, to the last bit.

        Parameters
        ----------
        chunks : sequence or callable
            A sequence, for which ``chunks[i]`` is ``(X, y)`` or ``(X, y, sample_weight)`` with an array, a sparse
            matrix or a data frame as X; or a function without arguments that returns a new iterator over such tuples,
            which is read in its order. They are read in every epoch, in another thread, and must be the same each time,
            in new arrays.
            See :mod:`skbackprop.chunks` for chunks of files and arrays.
        X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
            Validation samples for early stopping, which are in memory. With ``early_stopping=True`` and without them,
            samples are drawn from the chunks: a share of `validation_fraction`, or as many as fit in a quarter of
            `memory_budget`.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets; needed with `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights; None means a weight of 1 for every sample.
        memory_budget : float, default=500.0
            The memory in megabytes (10^6 bytes) for the two windows and the chunk that are in memory at a time. The
            network, the moments, and a few thousand samples come on top.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If `chunks` can be read only once, such as a generator, or a chunk is not a tuple.
        ValueError
            If a parameter or a chunk is not valid; the message has the number of the chunk, and the estimator is left
            as it was.
        RuntimeError
            If a chunk cannot be read; the message has its number, and the estimator is left as it was.
        KeyboardInterrupt
            If the user interrupts; the weights are then those of the last complete epoch, if there was one.

        Warns
        -----
        DataWarning
            If the chunks look sorted and a window has too few of them, because the windows then differ.

        See Also
        --------
        fit : Train on samples that are in memory.
        partial_fit : One epoch over some samples, for online learning.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> chunks = [(X[start : start + 50], y[start : start + 50]) for start in range(0, len(X), 50)]
        >>> network = BackpropRegressor(max_iter=10, tol=None, random_state=0).fit_chunks(chunks)
        >>> network.n_iter_
        10
        """
        return self._fit_chunks(chunks, None, (X_val, y_val, sample_weight_val), memory_budget)

    @keep_signature(available_if(BaseBackprop._supports_partial_fit))
    def partial_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Make one epoch over some samples, and continue from where the last call to `fit` or `partial_fit` ended.

        With a given learning rate or schedule and a given `alpha`, n calls with the same samples equal `fit` with
        ``max_iter=n`` up to rounding, unless `tol` ends that sooner, or a call rejects samples or finds that the data
        have changed. ``learning_rate="auto"`` is another schedule here, which has no end, and ``alpha="auto"`` counts
        the samples of each call.

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
            The estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid; the estimator is left as it was.

        See Also
        --------
        fit : Train on all samples, for several epochs.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> network = BackpropRegressor(learning_rate=0.01, random_state=0)
        >>> for start in range(0, 400, 50):
        ...     network = network.partial_fit(X[start : start + 50], y[start : start + 50])
        >>> network.n_iter_
        8
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
            Predictions: in float32 if the first X and y that the network was trained on were both float32, otherwise
            in float64.

        See Also
        --------
        score : R^2 of the predictions.
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

        See Also
        --------
        predict : The predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> BackpropRegressor(random_state=0).fit(X, y).score(X, y) > 0.4
        True
        """
        return score_of(y, self.predict(X), self._config.objective.loss.predicted_quantiles, sample_weight)

    def _make_target(
        self,
        y: Matrix,
        dtype: np.dtype,
        resumes: bool,
        classes: ArrayLike | None,
        sample_weight: np.ndarray | None,
        counts: LabelCounts | None = None,
    ) -> Target:
        loss = resolve_loss(self.loss, self.output_activation, AUTO_REGRESSION_OUTPUTS)
        is_scaled = bool(self.standardize) and loss.link.target_scaling.scales
        attributes = {}
        if not resumes:
            attributes["_prediction_dtype"] = "float32" if dtype == y.dtype == np.float32 else "float64"
        return Target(NumberEncoder(loss, dtype, is_scaled), class_weight=None, attributes=attributes)

    def _fitted_model(self) -> RegressorModel:
        return RegressorModel(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
