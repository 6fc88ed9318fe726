"""The classifier: targets that are labels, and predictions that are labels and probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from .._other_names import explain_constructor, explain_fit
from .._typing import Matrix, MatrixLike, keep_signature
from ..activations import Activation
from ..initializers import Initializer
from ..losses import Loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import BaseBackprop
from .fitted_model import ClassifierModel
from .labels import (
    LabelCounts,
    class_weight_function,
    classification_loss,
    is_multilabel,
    known_classes,
    label_columns,
)
from .parameters import CONSTRAINTS, AutoEpochs
from .samples import Target
from .targets import LabelEncoder, dense


class BackpropClassifier(ClassifierMixin, BaseBackprop):
    """Multilayer perceptron for classification, trained by backpropagation.

    The log loss of two classes has a single output; otherwise there is one output for each class, or for each label if
    a sample can have several (y is then a matrix of zeros and ones). The network minimizes the mean loss plus the
    penalty `alpha`. Features are standardized internally, so data in any units can be passed in.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Number of units of each hidden layer. An int is one layer; ``()`` means no hidden layer: logistic or softmax
        regression by gradient descent.
    activation : str, Activation, or sequence of them, default="relu"
        Activation function of the hidden layers; a sequence has one entry for each. The names are "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" and "softplus"; see
        `skbackprop.activations`.
    loss : str or Loss, default="log_loss"
        The loss: "log_loss", or "squared_error", the lecture's sum over the outputs of (target - output)^2 with one
        output for each class.
    output_activation : {"auto", "logistic", "softmax"}, default="auto"
        Activation of the output layer; "auto" is "softmax" for the log loss of three or more classes, and "logistic"
        otherwise.
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
        penalized. "auto" is c * H / n_samples, where H is the loss of a constant prediction. `fit` chooses c:
        it holds out a fifth of the samples, or uses the validation set, compares short fits with several c on
        them, and then trains on all samples with the best; `alpha_search_` has what it tried. With
        ``early_stopping=False``, c is 1. With less than 100 samples, c is 1 and n_samples counts as 100; with
        more than 800 entries per sample, c is 25. In `partial_fit`, "auto" is the last c over the number of
        samples so far. With ``standardize=False``, "auto" is 0. The attribute `alpha_` has the value used last.
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
        Whether to standardize the inputs to mean 0 and standard deviation 1. `coefs_` are in the units of the data.
        "robust", which True means, first compresses values of X that are more than 4 robust standard deviations from
        the median of their column, or in very skewed columns from the end of its dense tail; "standard" compresses
        nothing.
        Sparse X is scaled, not centered.
    max_iter : int or "auto", default="auto"
        Maximum number of epochs in one call to `fit`, at least 1. "auto" is 60; with more than 800 entries per
        sample, 60 * (800 / entries)^0.75, but at least 8.
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
        Share of the samples in the validation set, in (0, 1); the split is stratified by class.
    scoring : str, callable or None, default="loss"
        What is monitored on the validation set: "loss", or a scorer of scikit-learn; None is the `score` method. A
        score that is NaN or infinite is ignored, with a warning.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`. "balanced" weights each class inversely to its
        frequency. With several labels per sample, a sample has the mean of the balanced weights of its labels; the
        weights of a list of dicts, one for each label, are multiplied.
    label_smoothing : float, default=0.0
        Share of each label that is spread evenly over the classes, in [0, 1).
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
        Weights of each layer, of shape (units of the layer before, units), in the units of X. They include the linear
        part of the standardization: a forward pass over them equals `predict` where no value of X is compressed, and
        with ``standardize="standard"`` everywhere.
    intercepts_ : list of ndarray
        Intercepts of each layer, of shape (units,), which go with `coefs_`.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; with several labels per sample, the indices of their columns.
    loss_curve_ : list of float
        Mean loss plus penalty in each epoch, with the weights as they were during the epoch; for a long stream, in the
        last 10000 epochs or more.
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
        Name of the output activation: "logistic" or "softmax".
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    BackpropRegressor : The same network for regression.

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

    _parameter_constraints: dict[str, list[object]] = CONSTRAINTS | {
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }
    _mutable_params = (*BaseBackprop._mutable_params, "class_weight", "label_smoothing")

    _auto_epochs = AutoEpochs(60, math.inf, 60)
    #: Whether the network was trained with a sparse `y`. Files of the first versions do not have it.
    _has_sparse_labels: bool = False

    @keep_signature(explain_constructor)
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
        standardize: bool | str = True,
        max_iter: int | str = "auto",
        tol: float | None = 1e-4,
        n_iter_no_change: float = 20,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: str | Callable[..., float] | None = "loss",
        class_weight: dict[Any, float] | list[dict[Any, float]] | str | None = None,
        label_smoothing: float = 0.0,
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

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
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a matrix of zeros and ones with several labels per sample.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, none negative and not all zero; None means a weight of 1 for every sample. A sample of
            weight 0 is as if absent, except that its class is in `classes_`.
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

    @keep_signature(_fit_context(prefer_skip_nested_validation=True))
    def fit_chunks(
        self,
        chunks: Any,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        memory_budget: float = 500.0,
    ) -> Self:
        """Fit the network to data that do not fit in memory and come in chunks, for up to `max_iter` epochs.

        Before training, the chunks are read twice: to find their sizes, the classes and the range of each column, then
        for the moments. For two classes or several labels, they are read again for the loss of a constant prediction,
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
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Their targets; needed with `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights; None means a weight of 1 for every sample.
        classes : array-like of shape (n_classes,), default=None
            All classes; None means all labels in the chunks. With ``warm_start=True``, later calls pass the same
            classes or none.
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
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> chunks = [(X[start : start + 50], y[start : start + 50]) for start in range(0, len(X), 50)]
        >>> network = BackpropClassifier(max_iter=10, tol=None, random_state=0).fit_chunks(chunks)
        >>> network.n_iter_
        10
        """
        return self._fit_chunks(chunks, classes, (X_val, y_val, sample_weight_val), memory_budget)

    @keep_signature(available_if(BaseBackprop._supports_partial_fit))
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Make one epoch over some samples, and continue from where the last call to `fit` or `partial_fit` ended.

        With a given learning rate or schedule and a given `alpha`, n calls with the same samples equal `fit` with
        ``max_iter=n`` up to rounding, unless `tol` ends that sooner, or a call rejects samples or finds that the data
        have changed. ``learning_rate="auto"`` is another schedule here, which has no end, and ``alpha="auto"`` counts
        the samples of each call.

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
            The estimator.

        Raises
        ------
        ValueError
            If a label is not among the classes, or a parameter or the data are not valid; the estimator is left as it
            was.

        See Also
        --------
        fit : Train on all samples, for several epochs.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> network = BackpropClassifier(learning_rate=0.01, random_state=0)
        >>> for sample in (0, 50, 100):
        ...     network = network.partial_fit(X[[sample]], y[[sample]], classes=[0, 1, 2])
        >>> network.n_iter_
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
            a CSR matrix if the network was trained with a sparse `y`.

        See Also
        --------
        predict_proba : Probability of each class.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> BackpropClassifier(random_state=0).fit(X, y).predict(X[[0, 75, 149]])
        array([0, 1, 2])
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

        See Also
        --------
        predict_proba : Probability of each class.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> BackpropClassifier(random_state=0).fit(X, y == 1).decision_function(X[[0, 75]]) > 0
        array([False,  True])
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
            In the order of `classes_`; those of a sample sum to 1, unless it can have several labels.

        See Also
        --------
        predict_log_proba : Logarithm of the probabilities.
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

        See Also
        --------
        predict_proba : The probabilities themselves.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> network = BackpropClassifier(random_state=0).fit(X, y)
        >>> bool(np.isfinite(network.predict_log_proba(1000 * X)).all())
        True
        """
        model = self._fitted_model()
        return model.log_probabilities(model.raw_output(X))

    def _make_target(
        self,
        y: Matrix,
        dtype: np.dtype,
        resumes: bool,
        classes: ArrayLike | None,
        sample_weight: np.ndarray | None,
        counts: LabelCounts | None = None,
    ) -> Target:
        multilabel = is_multilabel(y)
        if resumes and multilabel != self._is_multilabel:
            raise ValueError("y changed between one label and several labels per sample; start again with a clone.")
        labels = dense(y) if multilabel else column_or_1d(y, warn=True)
        if multilabel:
            known = label_columns(labels, classes)
        else:
            known = known_classes(labels, self.classes_ if resumes else None, classes)
        loss = classification_loss(self.loss, self.output_activation, len(known), multilabel)
        encoder = LabelEncoder(loss, dtype, known, multilabel, self.label_smoothing)

        def count() -> LabelCounts:
            counted = labels if sample_weight is None else labels[sample_weight > 0]
            return counts or LabelCounts.of(counted, multilabel)

        is_stream = classes is not None and counts is None
        weigh = class_weight_function(self.class_weight, None if is_stream else count, known, multilabel)
        attributes = {"classes_": known, "_is_multilabel": multilabel}
        if not resumes:
            attributes["_has_sparse_labels"] = multilabel and sparse.issparse(y)
        class_weight = None if weigh is None else lambda y: weigh(encoder.validate(y))
        return Target(encoder, class_weight, attributes)

    def _fitted_model(self) -> ClassifierModel:
        return ClassifierModel(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
