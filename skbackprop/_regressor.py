"""The regressor: targets and predictions that are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, column_or_1d

from ._base import BaseBackprop, Target
from ._inputs import is_plain
from ._parameters import MatrixLike, choose_loss
from .activations import Activation
from .initializers import Initializer
from .losses import Loss
from .optimizers import Optimizer
from .schedules import Schedule


class BackpropRegressor(RegressorMixin, BaseBackprop):
    """Multilayer perceptron for regression, trained by backpropagation.

    One output for each target column. What is minimised is the mean over rows of the loss plus the penalty; see
    `alpha`. The network is sensitive to the scale of its inputs and target, so put a scaler before it.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer; an int is one layer, ``()`` is none: linear regression by gradient
        descent.
    activation : str, Activation, or sequence of them, default="relu"
        What each hidden layer does to its net input; a sequence has one entry for each. The names are "identity",
        "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" and "softplus"; see
        `skbackprop.activations`.
    loss : str or Loss, default="squared_error"
        "squared_error" is the sum over the outputs of (y - prediction)^2, without one-half.
    output_activation : {"auto", "identity", "logistic"}, default="auto"
        What makes the prediction of the last layer's net input; "auto" is "identity". "logistic" is for targets
        between 0 and 1, as in the lecture.
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
        What the last layer does to its net input: "identity" or "logistic".
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
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "squared_error",
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
            Inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, of the dtype that the network was trained in.
        """
        raw = self._raw_output(X)
        prediction = self._recipe.objective.loss.inverse_link(raw)
        return prediction[:, 0] if self.n_outputs_ == 1 else prediction

    def _encode_target(self, y, dtype, resume, classes):
        loss = choose_loss(self.loss, self.output_activation, {"squared_error": "identity"})
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.dtype.kind in "USmM" or (y.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in y.flat)):
            raise ValueError(
                "y has strings or dates; BackpropRegressor needs numbers. Labels go to BackpropClassifier."
            )
        y = check_array(y, dtype=dtype, ensure_2d=False, input_name="y")
        return Target(y.reshape(len(y), -1), loss, {})

    def _plain_target(self, y, n_rows, classes):
        return y[:, np.newaxis] if self.n_outputs_ == 1 and is_plain(y, self._state.theta.dtype, (n_rows,)) else None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
