"""The regressor for dask collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from distributed import Client
from numpy.typing import ArrayLike

from .._estimators.regressor import BackpropRegressor, score_of
from .._sklearn_compat import fit_context
from .._typing import MatrixLike, keep_signature
from ._base import CONSTRAINTS, BaseDaskBackprop, with_parameters_of
from ._partitions import is_collection


@with_parameters_of(BackpropRegressor)
class DaskBackpropRegressor(BaseDaskBackprop, BackpropRegressor):
    """Multilayer perceptron for regression on dask collections, trained by backpropagation.

    The partitions of X and y stay on the workers, which hold them in memory, or on disk where dask spills them. On one
    machine, a local cluster is a way to train on more data than fit in memory.

    With ``solver="batch"``, every optimizer makes the same updates as `BackpropRegressor` on the same samples, to
    rounding: gradients are summed over the partitions in their order, so the weights have the same bits with any number
    of workers, also if workers are lost or added meanwhile. Each update is a round of tasks, which takes some
    milliseconds.

    With mini-batches, `strategy` says how the partitions are used. If a worker is lost, dask loads its partitions again
    from where they came from and repeats its task. After a loss of the client, `skbackprop.callbacks.Checkpoint`
    resumes the fit. skbackprop must be installed on the scheduler and on the workers.

    Parameters
    ----------
    strategy : {"sequential", "average"}, default="sequential"
        How mini-batches are learned from with the solvers "minibatch" and "sgd". "sequential" learns from one partition
        after another, in a random order, on the worker that has it, as `BackpropRegressor.fit_chunks` does if each
        window has one chunk. It has the accuracy of a single machine as long as the samples of a partition are like all
        others, and its speed: a cluster gives memory. "average" is another algorithm, local stochastic gradient
        descent: in each epoch, all partitions are learned from at the same time from the same weights, and the weights
        are averaged. It needs more epochs, the more partitions there are, because an epoch makes fewer updates one
        after another; docs/guide/scaling.md has the figures.
    client : distributed.Client or None, default=None
        The client of the cluster; None is the default client when it is needed. It is not one of the parameters that
        `get_params` returns, and neither copied nor stored.

    Attributes
    ----------
    client_ : distributed.Client
        The client that is used.

    See Also
    --------
    BackpropRegressor : The estimator for data in memory.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop.dask import DaskBackpropRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, y = da.from_array(X, chunks=(150, -1)), da.from_array(y, chunks=150)
    >>> with Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
    ...     network = DaskBackpropRegressor(max_iter=10, tol=None, random_state=0, client=client).fit(X, y)
    ...     print(network.score(X, y) > 0.3, network.predict(X).compute().shape)
    True (442,)
    >>> network.to_local().predict(X[:2].compute()).shape
    (2,)
    """

    _parameter_constraints = BackpropRegressor._parameter_constraints | CONSTRAINTS
    _local_class = BackpropRegressor

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        *,
        strategy: str = "sequential",
        client: Client | None = None,
        **params: Any,
    ):
        super().__init__(hidden_layer_sizes, **params)
        self.strategy = strategy
        self.client = client

    @keep_signature(fit_context(prefer_skip_nested_validation=True))
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to dask collections, for up to `max_iter` epochs.

        With ``warm_start=True``, continue from where the last call ended.

        Parameters
        ----------
        X : dask array or data frame of shape (n_samples, n_features)
            Training samples. The sizes of the partitions need not be known. float32 is computed in float32, everything
            else in float64.
        y : dask array, series or data frame of shape (n_samples,) or (n_samples, n_outputs)
            Target values, in the same partitions as X.
        sample_weight : dask array or series of shape (n_samples,), default=None
            Sample weights, in the same partitions; None means a weight of 1 for every sample.
        X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
            Validation samples for early stopping, in the memory of the client. With ``early_stopping=True`` and without
            them, samples are drawn from all partitions.
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
        TypeError
            If `X`, `y` or `sample_weight` is not a dask collection.
        ValueError
            If a parameter or the data are not valid; the message has the number of the partition, and the estimator is
            left as it was.
        RuntimeError
            If a partition cannot be loaded; the message has its number, and the estimator is left as it was.

        Warns
        -----
        DataWarning
            If the partitions look sorted, because mini-batches are drawn from one at a time.

        See Also
        --------
        to_local : The fitted network as an estimator for data in memory.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def to_local(self) -> BackpropRegressor:
        """Return the same network as an estimator for data in memory, which needs no dask.

        Returns
        -------
        network : BackpropRegressor
            A copy that shares nothing with this estimator. It is fitted if this one is, without its callbacks.

        See Also
        --------
        fit : Train on a cluster.
        """
        return self._to_local()

    def predict(self, X: Any) -> Any:
        """Predict target values lazily, partition by partition.

        Parameters
        ----------
        X : dask array or data frame of shape (n_samples, n_features)
            Samples. Data in memory are predicted at once, here.

        Returns
        -------
        y : dask array, series or data frame of shape (n_samples,) or (n_samples, n_outputs)
            Lazy predictions, in the partitions of X.

        See Also
        --------
        score : R^2 of the predictions.
        """
        return self._predict("predict", X) if is_collection(X) else super().predict(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2 of the predictions; with several quantiles, the mean of their D^2 pinball scores.

        Parameters
        ----------
        X : dask array or data frame of shape (n_samples, n_features)
            Samples, or data in memory.
        y : dask array or series
            Their targets.
        sample_weight : dask array or series, default=None
            Sample weights.

        Returns
        -------
        score : float
            The higher, the better; at most 1.

        See Also
        --------
        predict : The predictions.
        """
        y, prediction, sample_weight = self._computed(X, y, sample_weight)
        return score_of(y, prediction, self._config.objective.loss.predicted_quantiles, sample_weight)
