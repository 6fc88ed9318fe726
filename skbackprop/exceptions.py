"""Warnings that the estimators issue besides those of :mod:`sklearn.exceptions`."""

from ._public import publish

__all__ = ["DataWarning"]


class DataWarning(UserWarning):
    """Some samples are not learned from, or there are too few of them for what was asked.

    Both estimators issue it when

    - `partial_fit` rejects outliers, which `n_rejected_` counts,
    - a class has too few samples to be in the validation set, or there are too few samples for a validation set.

    Training problems are reported by :class:`sklearn.exceptions.ConvergenceWarning`.

    See Also
    --------
    sklearn.exceptions.ConvergenceWarning : Training has diverged or was too short.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.exceptions import DataWarning
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = BackpropRegressor(random_state=0).fit(X, y)
    >>> y[3] *= 1e6
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DataWarning)
    ...     network.partial_fit(X, y).n_rejected_
    1
    """


__dir__ = publish(globals())
