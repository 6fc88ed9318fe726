"""`Checkpoint`: a callback that writes a training to a file, from which it can be finished."""

from __future__ import annotations

import os
from copy import copy
from dataclasses import replace
from itertools import takewhile
from numbers import Integral
from pathlib import Path
from typing import Any

import joblib
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar

from .._sklearn_compat import Callback
from .._typing import MatrixLike
from ._early_stopping import EarlyStopping

#: What scikit-learn hangs on an estimator while it is fitted.
WHILE_FITTING = ("_callback_fit_ctx", "_parent_callback_ctx", "_skl_callbacks_to_teardown", "_skl_callbacks")


class Checkpoint(Callback):
    """Writes the network to a file while it is trained, and goes on from there when the process has died.

    A file is written whole or not at all. What is in it is the estimator as joblib stores it, without its callbacks:
    ``joblib.load`` gives a network that predicts as the last epoch written did. Set it after an `EarlyStopping`, whose
    scores it keeps. One file is for one fit at a time, so this is no callback for a search.

    Parameters
    ----------
    path : str or path-like
        The file. A new fit, but for a warm start, begins by removing it: it is always of the fit that was last begun.
    every : int, default=1
        Write after every so many epochs, and at the end.

    Raises
    ------
    TypeError, ValueError
        If `every` is no whole number, or below 1.
    FileNotFoundError
        If there is no folder for it when a fit begins.

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

    def __init__(self, path: str | os.PathLike, every: int = 1):
        self.path, self.every = Path(path), check_scalar(every, "every", Integral, min_val=1)
        self._last_state = None

    def setup(self, estimator, context):
        """Look for the folder, before an epoch is made in vain, and remove what an earlier fit has left."""
        self._last_state = None
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {self.path.parent} for the checkpoint {self.path}: make it.")
        if context.task_name == "fit" and not estimator.warm_start and not estimator._is_unfinished:
            self.path.unlink(missing_ok=True)

    def on_fit_task_end(self, estimator, context):
        """Write the network after an epoch, if it is time."""
        if context.task_name != "epoch":
            self._last_state = estimator._state
        elif estimator.n_iter_ % self.every == 0:
            self._write(estimator)

    def teardown(self, estimator, context):
        """Write what the fit came to: only now have all callbacks, `EarlyStopping` for one, done their last."""
        last_state, self._last_state = self._last_state, None
        if last_state is not None and vars(estimator).get("_state") is last_state:  # else a later callback has failed
            self._write(estimator)

    def _write(self, estimator):
        stored = copy(estimator)
        for name in WHILE_FITTING:
            vars(stored).pop(name, None)
        if estimator._is_unfinished:
            before = takewhile(lambda callback: callback is not self, estimator._skl_callbacks)  # the others lag behind
            stopping = [callback for callback in before if isinstance(callback, EarlyStopping)]
            runs = [callback.run_of(estimator) for callback in stopping]
            stored._unfinished = replace(estimator._unfinished, runs=runs)
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            with open(part, "wb") as file:
                joblib.dump(stored, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)

    def resume(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        callbacks: tuple = (),
    ) -> Any:
        """Finish the fit that the file is from, and return the estimator.

        With the rows that the fit was given, the weights come out as if it had never stopped, to the last bit. Not
        so with ``optimizer="lbfgs"``, which starts its memory of the curvature anew, nor where one of the next two
        epochs explodes: what training would go back to is older than the file. Where numba is installed, name the
        `engine`: "auto" may choose another one than the process before, whose last bits differ.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As `fit` was given them.
        callbacks : tuple of callbacks, default=()
            Those to set before this one. An `EarlyStopping` goes on with the scores of the one that stood
            in its place; a callback of your own is asked again after the next epoch.

        Returns
        -------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted. Where the file is from the end of a fit, there is nothing left to do.

        Raises
        ------
        FileNotFoundError
            If nothing has been written yet.
        ValueError
            If the fit was given another number of rows to train on or to hold out.
        """
        estimator = joblib.load(self.path).set_callbacks(*callbacks, self)
        return estimator._finish(X, y, sample_weight, (X_val, y_val, sample_weight_val))
