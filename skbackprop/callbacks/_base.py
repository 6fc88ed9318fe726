"""`Callback`: the base class of this package's callbacks, and of custom ones that `Checkpoint` is to restore."""

from __future__ import annotations

from typing import Any


class Callback:
    """A callback whose hooks do nothing.

    The hooks are those of scikit-learn's protocol. `state_dict` and `load_state_dict` are for `Checkpoint`, which
    stores the states of the callbacks that were set before it and restores them when the fit is resumed.

    See Also
    --------
    skbackprop.callbacks.Checkpoint : Stores the state of other callbacks.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.callbacks import Callback
    >>> class StopAt(Callback):
    ...     def __init__(self, epoch):
    ...         self.epoch = epoch
    ...
    ...     def on_fit_task_end(self, estimator, context):
    ...         return context.task_name == "epoch" and estimator.n_iter_ >= self.epoch
    >>> X, y = load_diabetes(return_X_y=True)
    >>> BackpropRegressor(random_state=0).set_callbacks(StopAt(7)).fit(X, y).n_iter_
    7
    """

    def setup(self, estimator, context) -> None:
        """Prepare for a fit.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.
        """

    def teardown(self, estimator, context) -> None:
        """Clean up after a fit, however it ended.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.
        """

    def on_fit_task_begin(self, estimator, context) -> None:
        """Do something when a fit or an epoch begins.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch; `context.task_name` tells which.
        """

    def on_fit_task_end(self, estimator, context) -> bool | None:
        """Do something when a fit or an epoch has ended.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch; `context.task_name` tells which.

        Returns
        -------
        stop : bool or None
            True after an epoch ends the training.
        """

    def state_dict(self, estimator) -> dict[str, Any]:
        """Return what the callback needs to continue in a fit that is resumed; by default nothing.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        Returns
        -------
        state : dict
            Numbers, strings, arrays, and lists and dicts of them.
        """
        return {}

    def load_state_dict(self, estimator, state: dict[str, Any]) -> bool | None:
        """Continue from what `state_dict` returned; called after `setup` when a fit is resumed.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.
        state : dict
            What `state_dict` returned.

        Returns
        -------
        stop : bool or None
            True ends the training before its next epoch.
        """
