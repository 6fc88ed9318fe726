"""scikit-learn's callbacks where it has them, from 1.9 on; before that, all else works and setting one is an error."""

from __future__ import annotations

from typing import Any, Self

import sklearn

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Says which version has callbacks."""

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Set callbacks, which scikit-learn has from version 1.9 on.

            Raises
            ------
            ImportError
                Always, on earlier versions.
            """
            raise ImportError(
                f"set_callbacks needs scikit-learn 1.9 or later, and this is {sklearn.__version__}. "
                "All else works without it."
            )

    def with_callbacks(method):
        """Return the method as it is: there are no callbacks to take care of."""
        return method


class FitTask:
    """One call of `fit` or `partial_fit`, as scikit-learn's callbacks hear of it.

    Parameters
    ----------
    estimator : estimator
    name : str
    n_epochs : int
        The most tasks below it; 0 is a leaf.
    X, y, sample_weight
        As the user gave them: hooks may score on them, which asks for the names that `fit` has seen.
    """

    def __init__(self, estimator, name: str, n_epochs: int, X, y, sample_weight):
        self._estimator = estimator
        self.rows = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        self.context = estimator._init_callback_context(task_name=name, max_subtasks=n_epochs)
        self.context.call_on_fit_task_begin(estimator=estimator, **self.rows)

    def end(self) -> None:
        """Tell that the call went well."""
        self.context.call_on_fit_task_end(estimator=self._estimator, reconstruction_attributes={}, **self.rows)


def open_task(estimator, name: str, n_epochs: int, X, y, sample_weight) -> FitTask | None:
    """Return the task of a call, or None if the estimator has no callbacks, its own or handed down, to tell of it."""
    if "_skl_callbacks" in vars(estimator):
        return FitTask(estimator, name, n_epochs, X, y, sample_weight)
    return None


class Callback:
    """Hears of everything and does nothing."""

    def setup(self, estimator, context) -> None:
        """Get ready for a fit."""

    def teardown(self, estimator, context) -> None:
        """Tidy up after a fit, however it ended."""

    def on_fit_task_begin(self, estimator, context) -> None:
        """Hear that a fit or an epoch begins."""

    def on_fit_task_end(self, estimator, context) -> bool | None:
        """Hear that a fit or an epoch is over."""
