"""`Checkpoint`: a callback that writes a fit to a file from which it can be resumed."""

from __future__ import annotations

import math
import os
import time
from copy import copy
from itertools import takewhile
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from .._estimators.fitted_model import fitted_model
from .._estimators.progress import FitProgress, fit_progress
from .._hyperparameters import shortened
from .._training.state import TrainingState
from .._typing import MatrixLike
from ._arguments import checked_number
from ._base import Callback
from ._checkpoint_file import check_replaceable, read, remove_leftovers, write

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor

#: Attributes that scikit-learn sets on an estimator while it is fitted.
FITTING_ATTRIBUTES = (
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_skl_callbacks_to_teardown",
    "_skl_callbacks",
)


class Checkpoint(Callback):
    """Writes the network to a file while it is trained, and resumes the fit after a crash.

    The file is written atomically: a fit replaces the checkpoint of an earlier one when its own is complete, and never
    a file that this class has not written. It is the estimator as joblib stores it, without its callbacks, between a
    header and a mark with a checksum: ``joblib.load`` gives a network that predicts as it did after the last epoch
    written. The states of the callbacks that were set before this one are stored too, if they define `state_dict`;
    those that were set after it have not seen the epoch yet. One file is for one fit at a time, so do not use this
    callback in a search. If the file cannot be written after an epoch, the fit ends with the error, and the estimator
    is as it was before the fit; if the result cannot be written, the estimator is fitted.

    While the network is written, there is a hidden file beside the checkpoint, whose name ends in ``.skbackprop-part``.
    A process that is killed meanwhile leaves it, and the next fit with this path removes it, except on Windows and on
    file systems that cannot tell whether another process writes to a file. The checkpoint keeps its permissions when it
    is replaced; another hard link to it keeps the earlier content.

    In `partial_fit`, whose calls are epochs, the file is written after every `every` calls. `resume` is for `fit`: to
    continue a stream after a crash, load the file with ``joblib.load`` and go on with `partial_fit`.

    Parameters
    ----------
    path : str or path-like
        The file, or a symbolic link to it. Until the first epoch of a fit has been written, it is that of the last fit.
    every : int, default=1
        Write after this many epochs, and at the end.
    seconds : float, default=300
        In `fit_chunks`, also write within an epoch, after each window that ends more than this many seconds after the
        last time; and in fits to dask collections with ``strategy="sequential"``, after each such partition. An epoch
        with ``solver="batch"`` is one update, within which nothing is written.

    Attributes
    ----------
    path : Path
        The file.
    every : int
        The interval in epochs.
    seconds : float
        The interval within an epoch.

    Raises
    ------
    TypeError, ValueError
        If `path` is no path, if `every` is not an integer, or below 1, or if `seconds` is not a number, or negative.
    FileNotFoundError, PermissionError
        If the folder of the file does not exist, or cannot be written to, when a fit begins or the file is written.
    FileExistsError
        If something else than a checkpoint is at the path when a fit begins or the file is written.

    See Also
    --------
    skbackprop.callbacks.EarlyStopping : A callback whose state is stored.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.callbacks import Checkpoint
    >>> X, y = load_diabetes(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(folder + "/network.joblib")
    ...     network = BackpropRegressor(max_iter=20, tol=None).set_callbacks(checkpoint)
    ...     network = checkpoint.resume(X, y) if checkpoint.path.exists() else network.fit(X, y)
    >>> network.n_iter_
    20
    """

    partial_fit_alternative = (
        "resume does not continue a stream; load the file with joblib.load and go on calling partial_fit, or call "
        "joblib.dump(estimator, path) after every few calls"
    )

    def __init__(self, path: str | os.PathLike[str], every: int = 1, *, seconds: float = 300.0) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a string or a path-like object, not {shortened(path)}.")
        self._path = str(Path(path))  # a file with a Path is neither portable nor trusted by skops
        self.every = checked_number(every, "every", Integral, 1)
        self.seconds = checked_number(seconds, "seconds", Real, 0)
        self._written_at = -math.inf
        self._last_state: TrainingState | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._path)

    def setup(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Check the folder and the file that is there, and restore the states of other callbacks.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        resume : Finish a fit that was interrupted.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Checkpoint
        >>> network = BackpropRegressor().set_callbacks(Checkpoint("no_such_folder/network.joblib"))
        >>> network.fit(*load_diabetes(return_X_y=True))
        Traceback (most recent call last):
        ...
        FileNotFoundError: The folder no_such_folder of the checkpoint no_such_folder/network.joblib does not exist.
        """
        self._last_state = None
        self._written_at = time.monotonic()
        check_replaceable(self.path)
        remove_leftovers(self.path)
        progress = fit_progress(estimator)
        if progress is not None:
            self._restore_callbacks(estimator, progress)

    def on_fit_task_end(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Write the network after every `every` epochs, or calls of `partial_fit`.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit or of the epoch.

        See Also
        --------
        teardown : Write the result of the fit.

        Examples
        --------
        >>> import tempfile
        >>> import joblib
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback, Checkpoint
        >>> class Interrupt(Callback):
        ...     def on_fit_task_end(self, estimator, context):
        ...         if estimator.n_iter_ == 8:
        ...             raise KeyboardInterrupt
        >>> X, y = load_diabetes(return_X_y=True)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder + "/network.joblib", every=3)
        ...     try:
        ...         network = BackpropRegressor().set_callbacks(checkpoint, Interrupt()).fit(X, y)
        ...     except KeyboardInterrupt:
        ...         print(joblib.load(checkpoint.path).n_iter_)
        6
        """
        is_due = estimator.n_iter_ % self.every == 0
        if context.task_name != "epoch":
            if context.task_name == "fit" or is_due:
                self._last_state = fitted_model(estimator).state
        elif is_due:
            self._write(estimator)

    def on_window_end(self, estimator: BackpropRegressor | BackpropClassifier) -> None:
        """Write the network within an epoch of `fit_chunks`, if it is time.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.

        See Also
        --------
        resume_chunks : Finish a fit to chunks that was interrupted.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Checkpoint
        >>> X, y = load_diabetes(return_X_y=True)
        >>> chunks = [(X[start::4], y[start::4]) for start in range(4)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder + "/network.joblib", every=100, seconds=0)
        ...     network = BackpropRegressor(max_iter=3, tol=None, random_state=0).set_callbacks(checkpoint)
        ...     network = network.fit_chunks(chunks, memory_budget=0.05)
        """
        if time.monotonic() - self._written_at >= self.seconds:
            self._write(estimator)

    def teardown(self, estimator: BackpropRegressor | BackpropClassifier, context: CallbackContext) -> None:
        """Write the result of the fit, after every callback has made its last change.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The estimator that is fitted.
        context : sklearn.callback.CallbackContext
            Context of the fit.

        See Also
        --------
        on_fit_task_end : Write the network after an epoch.

        Examples
        --------
        >>> import tempfile
        >>> import joblib
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Checkpoint
        >>> X, y = load_diabetes(return_X_y=True)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder + "/network.joblib", every=3)
        ...     network = BackpropRegressor(max_iter=8, tol=None).set_callbacks(checkpoint).fit(X, y)
        ...     print(joblib.load(checkpoint.path).n_iter_)
        8
        """
        last_state, self._last_state = self._last_state, None
        # where the fit or another callback has failed, the estimator is as it was before the fit
        is_fitted = last_state is not None and estimator.__sklearn_is_fitted__()
        if is_fitted and fitted_model(estimator).state is last_state:
            self._write(estimator)

    def _write(self, estimator: BackpropRegressor | BackpropClassifier) -> None:
        stored = copy(estimator)
        for name in FITTING_ATTRIBUTES:
            stored.__dict__.pop(name, None)
        progress = fit_progress(stored)
        if progress is not None:
            progress.callback_states = [
                {"callback": type(callback).__name__, "state": callback.state_dict(estimator)}
                for callback in self._earlier_callbacks(estimator, "state_dict")
            ]
        write(self.path, stored)
        self._written_at = time.monotonic()

    def _restore_callbacks(self, estimator: BackpropRegressor | BackpropClassifier, progress: FitProgress) -> None:
        """Restore each callback that was set before this one from the first stored state of its class."""
        states = list(progress.callback_states)
        for callback in self._earlier_callbacks(estimator, "load_state_dict"):
            matching = [entry for entry in states if entry["callback"] == type(callback).__name__]
            if matching:
                states.remove(matching[0])
                if callback.load_state_dict(estimator, matching[0]["state"]):
                    progress.stop_requested = True

    def _earlier_callbacks(self, estimator: BackpropRegressor | BackpropClassifier, method: str) -> list[Any]:
        """Return the callbacks that were set before this one and have a method of this name."""
        earlier = takewhile(lambda callback: callback is not self, estimator._skl_callbacks)
        return [callback for callback in earlier if hasattr(callback, method)]

    def resume(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        callbacks: tuple[Any, ...] = (),
    ) -> BackpropRegressor | BackpropClassifier:
        """Finish the fit that the file is from, and return the estimator.

        With the samples that the fit was given, the weights are bit-identical to those of an uninterrupted fit. There
        are three exceptions: ``optimizer="lbfgs"`` starts again with an empty memory of the curvature; if one of the
        next two epochs diverges, training cannot go back to weights that are older than the file; and "auto" may choose
        another `engine` than in the process before, so name the engine where numba is installed.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Training samples, as they were passed to `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as they were passed to `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, as they were passed to `fit`.
        X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
            Validation samples, as they were passed to `fit`.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Validation targets, as they were passed to `fit`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Validation weights, as they were passed to `fit`.
        callbacks : tuple of callbacks, default=()
            The callbacks to set before this one. Those with `load_state_dict` continue from the stored state of the
            callback of the same class.

        Returns
        -------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted. If the file is from the end of a fit, nothing is left to do but to compare the samples.

        Raises
        ------
        FileNotFoundError
            If nothing has been written yet.
        ValueError
            If the file is no checkpoint or is damaged, if the samples are not those of the fit, or if the fit was one
            of `fit_chunks`.

        See Also
        --------
        resume_chunks : Finish a call of `fit_chunks`.
        skbackprop.callbacks.Callback : The base class of callbacks that can be restored.
        """
        estimator = self._load(callbacks)
        return estimator._finish_fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def resume_chunks(
        self,
        chunks: Any,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        callbacks: tuple[Any, ...] = (),
    ) -> BackpropRegressor | BackpropClassifier:
        """Finish the call of `fit_chunks` that the file is from, and return the estimator.

        The chunks are not surveyed again, and only a validation set that `fit_chunks` has drawn is read again. With the
        chunks that the fit was given, the weights are bit-identical to those of an uninterrupted fit, also if the file
        is from the middle of an epoch, with the exceptions that `resume` names.

        Parameters
        ----------
        chunks : sequence or callable
            The chunks, as they were passed to `fit_chunks`.
        X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
            Validation samples, as they were passed to `fit_chunks`.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Validation targets, as they were passed to `fit_chunks`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Validation weights, as they were passed to `fit_chunks`.
        callbacks : tuple of callbacks, default=()
            The callbacks to set before this one. Those with `load_state_dict` continue from the stored state of the
            callback of the same class.

        Returns
        -------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted. If the file is from the end of a fit, nothing is left to do.

        Raises
        ------
        FileNotFoundError
            If nothing has been written yet.
        ValueError
            If the file is no checkpoint or is damaged, if a chunk is not as it was when the fit began, or if the fit
            was one to dask collections, which `resume` finishes.

        See Also
        --------
        resume : Finish a call of `fit`.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.datasets import load_diabetes
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.callbacks import Callback, Checkpoint
        >>> class Interrupt(Callback):
        ...     def on_fit_task_end(self, estimator, context):
        ...         if estimator.n_iter_ == 3:
        ...             raise KeyboardInterrupt
        >>> X, y = load_diabetes(return_X_y=True)
        >>> chunks = [(X[start::4], y[start::4]) for start in range(4)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder + "/network.joblib")
        ...     network = BackpropRegressor(max_iter=5, tol=None).set_callbacks(checkpoint, Interrupt())
        ...     try:
        ...         network = network.fit_chunks(chunks)
        ...     except KeyboardInterrupt:
        ...         network = checkpoint.resume_chunks(chunks)
        >>> network.n_iter_
        5
        """
        return self._load(callbacks)._finish_fit_chunks(chunks, (X_val, y_val, sample_weight_val))

    def _load(self, callbacks: tuple[Any, ...]) -> BackpropRegressor | BackpropClassifier:
        """Return the estimator in the file, with its callbacks set."""
        estimator: BackpropRegressor | BackpropClassifier = read(self.path)
        fitted_model(estimator)  # which raises for anything else
        return estimator.set_callbacks(*callbacks, self)
