"""Parts of scikit-learn that depend on its version, or are private, and that several packages need.

Callbacks need version 1.9 or later; with earlier versions only setting a callback fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import sklearn
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

__all__ = [
    "CallbackSupportMixin",
    "FitTask",
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_feature_names_in",
    "fit_context",
    "open_task",
    "safe_indexing",
    "with_callbacks",
]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]  # which this scikit-learn does not have
        """Replacement of the mixin, which raises an error that names the required version."""

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Raise ImportError: scikit-learn has callbacks from version 1.9 on.

            Raises
            ------
            ImportError
                Always, on earlier versions.
            """
            raise ImportError(
                f"set_callbacks needs scikit-learn 1.9 or later; version {sklearn.__version__} is installed. "
                "Everything else works without it."
            )

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method unchanged: there are no callbacks to call."""
        return method


class FitTask:
    """One call of `fit` or `partial_fit`, reported to scikit-learn's callbacks.

    Parameters
    ----------
    estimator : estimator
    name : str
    n_subtasks : int or None
        Largest number of subtasks; 0 means that there are none, None that it is not known.
    X, y, sample_weight
        As the user passed them: hooks may compute scores on them, which needs the feature names.
    sequential : bool
        Whether the subtasks run one after another.
    """

    def __init__(self, estimator, name: str, n_subtasks: int | None, X, y, sample_weight, sequential: bool):
        self._estimator = estimator
        self.data = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        self.context = estimator._init_callback_context(
            task_name=name, max_subtasks=n_subtasks, sequential_subtasks=sequential
        )
        self.context.call_on_fit_task_begin(estimator=estimator, **self.data)

    @contextmanager
    def subtask(self, name: str, number: int, sub_estimator) -> Iterator[None]:
        """Propagate the callbacks to an estimator that is fitted as a part of this one."""
        context = self.context.subcontext(task_name=name, task_id=number)  # a leaf, which the estimator's task replaces
        with context.propagate_callback_context(sub_estimator):
            context.call_on_fit_task_begin(estimator=self._estimator, **self.data)
            yield
        context.call_on_fit_task_end(estimator=self._estimator, **self.data)

    def end(self) -> None:
        """Report that the call has succeeded."""
        self.context.call_on_fit_task_end(estimator=self._estimator, reconstruction_attributes={}, **self.data)


def open_task(
    estimator, name: str, n_subtasks: int | None, X, y, sample_weight, *, sequential: bool = True
) -> FitTask | None:
    """Return the task of a call, or None if neither the estimator nor a meta-estimator has callbacks to report to."""
    if "_skl_callbacks" in vars(estimator):
        return FitTask(estimator, name, n_subtasks, X, y, sample_weight, sequential)
    return None
