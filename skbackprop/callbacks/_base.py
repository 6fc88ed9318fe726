"""`Callback`: the base class of this package's callbacks, and of custom ones that `Checkpoint` is to restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


class Callback:
    """A callback whose hooks do nothing.

    The hooks are those of scikit-learn's protocol: a fit is a task, and each of its epochs is a task below it. A call
    of `partial_fit` is a task without others below it. `state_dict` and `load_state_dict` are for `Checkpoint`, which
    stores the states of the callbacks that were set before it and restores them when the fit is resumed. A callback
    need not inherit from this class: any object with the four hooks is one, and both other methods are optional.

    Each call of `partial_fit` begins and ends anew, which a callback that decides by many epochs cannot work with. If
    it says in `partial_fit_alternative` what to use instead, the first call issues a warning with this advice.

    Attributes
    ----------
    partial_fit_alternative : str or None
        What to do instead of using the callback in a stream, as a sentence without a capital letter and a period; None
        if the callback works there. A class attribute.

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

    partial_fit_alternative: str | None = None

    def setup(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Prepare for a fit.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        teardown : Clean up after a fit.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback
        >>> class Announce(Callback):
        ...     def setup(self, estimator, context):
        ...         print(f"{context.task_name} makes up to {context.max_subtasks} epochs")
        >>> network = BackpropRegressor(max_iter=20, tol=None, random_state=0).set_callbacks(Announce())
        >>> network = network.fit(*load_diabetes(return_X_y=True))
        fit makes up to 20 epochs
        """

    def teardown(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Clean up after a fit, however it ended.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        setup : Prepare for a fit.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback
        >>> class Announce(Callback):
        ...     def teardown(self, estimator, context):
        ...         print("after", estimator.n_iter_, "epochs")
        >>> network = BackpropRegressor(max_iter=20, tol=None, random_state=0).set_callbacks(Announce())
        >>> network = network.fit(*load_diabetes(return_X_y=True))
        after 20 epochs
        """

    def on_fit_task_begin(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Do something when a fit or an epoch begins.

        A method of a subclass may also have the keyword arguments `X`, `y` and `metadata`, which are then passed as
        the user passed them to the fit.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch; `context.task_name` is "fit", "partial_fit" or
            "epoch".

        See Also
        --------
        on_fit_task_end : Do something when a fit or an epoch has ended.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback
        >>> class Announce(Callback):
        ...     def on_fit_task_begin(self, estimator, context):
        ...         print(context.task_name, context.task_id)
        >>> network = BackpropRegressor(max_iter=2, tol=None, random_state=0).set_callbacks(Announce())
        >>> network = network.fit(*load_diabetes(return_X_y=True))
        fit 0
        epoch 0
        epoch 1
        """

    def on_fit_task_end(
        self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext
    ) -> bool | None:
        """Do something when a fit or an epoch has ended.

        A method of a subclass may also have the keyword arguments `X`, `y` and `metadata`, which are then passed as
        the user passed them to the fit, and `fitted_estimator`, a copy whose training ended with this epoch.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch; `context.task_name` is "fit", "partial_fit" or
            "epoch".

        Returns
        -------
        stop : bool or None
            True after an epoch ends the training.

        See Also
        --------
        on_fit_task_begin : Do something when a fit or an epoch begins.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback
        >>> class StopBelow(Callback):
        ...     def on_fit_task_end(self, estimator, context):
        ...         return context.task_name == "epoch" and estimator.loss_curve_[-1] < 0.5
        >>> network = BackpropRegressor(alpha=0.001, random_state=0).set_callbacks(StopBelow())
        >>> losses = network.fit(*load_diabetes(return_X_y=True)).loss_curve_
        >>> losses[-1] < 0.5 <= losses[-2]
        True
        """

    def state_dict(self, estimator: BackpropRegressor | BackpropClassifier) -> dict[str, Any]:
        """Return what the callback needs to continue in a fit that is resumed; by default nothing.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.

        Returns
        -------
        state : dict
            Numbers, strings, arrays, and lists and dicts of them.

        See Also
        --------
        load_state_dict : Continue from this state.

        Examples
        --------
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback
        >>> Callback().state_dict(BackpropRegressor())
        {}
        """
        return {}

    def load_state_dict(self, estimator: BackpropRegressor | BackpropClassifier, state: dict[str, Any]) -> bool | None:
        """Continue from what `state_dict` returned; called after `setup` when a fit is resumed.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        state : dict
            What `state_dict` returned.

        Returns
        -------
        stop : bool or None
            True ends the training before its next epoch.

        See Also
        --------
        state_dict : Return the state.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback, Checkpoint
        >>> class EpochCounter(Callback):
        ...     count = 0
        ...
        ...     def on_fit_task_end(self, estimator, context):
        ...         self.count += context.task_name == "epoch"
        ...
        ...     def state_dict(self, estimator):
        ...         return {"count": self.count}
        ...
        ...     def load_state_dict(self, estimator, state):
        ...         self.count = state["count"]
        >>> class Interrupt(Callback):
        ...     def on_fit_task_end(self, estimator, context):
        ...         if estimator.n_iter_ == 7:
        ...             raise KeyboardInterrupt
        >>> X, y = load_diabetes(return_X_y=True)
        >>> counter = EpochCounter()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder + "/network.joblib")
        ...     network = BackpropRegressor(max_iter=20, tol=None, random_state=0)
        ...     try:
        ...         network = network.set_callbacks(EpochCounter(), checkpoint, Interrupt()).fit(X, y)
        ...     except KeyboardInterrupt:
        ...         network = checkpoint.resume(X, y, callbacks=(counter,))
        >>> counter.count, network.n_iter_
        (20, 20)
        """
