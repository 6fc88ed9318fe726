"""Observers of training: scikit-learn's callbacks, and what `verbose` prints.

Observers are called once per epoch, never per batch, and cost nothing if there are none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from .state import TrainingState

#: ``verbose=1`` prints at most one line in this many seconds.
SECONDS_BETWEEN_LINES = 1.0


class TrainingObserver:
    """Base class of observers, called before and after each epoch and at the end of training; the hooks do nothing."""

    def on_epoch_begin(self, state: TrainingState) -> None:
        """Handle the beginning of an epoch."""

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Handle the end of an epoch; return True to stop."""
        return False

    def on_window_end(self, state: TrainingState) -> None:
        """Handle the end of a part of an epoch, if the samples are not in memory all at once."""

    def close(self, state: TrainingState) -> None:
        """Handle the end of training, also by an error."""


class ObserverList(TrainingObserver):
    """Several observers, each called once per epoch: an epoch that is rolled back and repeated is reported once."""

    def __init__(self, observers: list[TrainingObserver]):
        self._observers = observers
        self._n_begun = self._n_ended = 0

    def on_epoch_begin(self, state: TrainingState) -> None:
        if state.n_iter >= self._n_begun:
            self._n_begun = state.n_iter + 1
            for observer in self._observers:
                observer.on_epoch_begin(state)

    def on_epoch_end(self, state: TrainingState) -> bool:
        if state.n_iter <= self._n_ended:
            return False
        self._n_ended = state.n_iter
        stop_requests = [observer.on_epoch_end(state) for observer in self._observers]  # all of them are called
        return any(stop_requests)

    def on_window_end(self, state: TrainingState) -> None:
        for observer in self._observers:
            observer.on_window_end(state)

    def close(self, state: TrainingState) -> None:
        for observer in self._observers:
            observer.close(state)


class CallbackAdapter(TrainingObserver):
    """Reports each epoch to scikit-learn's callbacks, as a task below that of `fit`.

    Parameters
    ----------
    estimator : estimator
    context : sklearn.callback.CallbackContext
        Of `fit`.
    data : dict
        X, y and metadata as the user passed them.
    snapshot : callable
        Returns the attributes that the estimator would have if training ended with this epoch.
    """

    def __init__(self, estimator: Any, context: Any, data: dict[str, Any], snapshot: Callable[[], dict[str, Any]]):
        self._estimator = estimator
        self._context = context
        self._arguments = {"estimator": estimator, "reconstruction_attributes": snapshot, **data}

    def on_epoch_begin(self, state: TrainingState) -> None:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._arguments)

    def on_epoch_end(self, state: TrainingState) -> bool:
        return self._epoch.call_on_fit_task_end(**self._arguments)

    def on_window_end(self, state: TrainingState) -> None:
        for callback in self._estimator._skl_callbacks:
            if hasattr(callback, "on_window_end"):
                callback.on_window_end(self._estimator)


class VerbosePrinter(TrainingObserver):
    """Prints a line after the first epoch, about every second, and after the last epoch."""

    def __init__(self, n_samples: int, last_iter: int):
        self._n_samples = n_samples
        self._last_iter = last_iter
        self._started = time.perf_counter()
        self._n_epochs = 0
        self._printed_at = -SECONDS_BETWEEN_LINES
        self._printed_iter: int | None = None

    def on_epoch_end(self, state: TrainingState) -> bool:
        self._n_epochs += 1
        if time.perf_counter() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._print(state)
        return False

    def close(self, state: TrainingState) -> None:
        if self._n_epochs and self._printed_iter != state.n_iter:
            self._print(state)

    def _print(self, state: TrainingState) -> None:
        now = time.perf_counter()
        seconds = now - self._started
        left = (self._last_iter - state.n_iter) * seconds / self._n_epochs
        print(  # noqa: T201, because verbose asks for it
            f"epoch {state.n_iter} of {self._last_iter}: {progress_text(state)}, "
            f"{self._n_epochs * self._n_samples / seconds:,.0f} samples/s, {left:.0f} s left"
        )
        self._printed_at, self._printed_iter = now, state.n_iter


class ProgressBar(TrainingObserver):
    """Shows a progress bar, with the package that scikit-learn's own progress bar uses.

    Raises
    ------
    ImportError
        If rich is not installed.
    """

    def __init__(self, last_iter: int):
        try:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError as error:
            raise ImportError(
                "verbose=2 needs the package rich: pip install 'skbackprop[progress]', or use verbose=1."
            ) from error
        text = TextColumn("{task.description}")
        self._progress = Progress("epoch", MofNCompleteColumn(), BarColumn(), text, TimeRemainingColumn())
        self._bar = self._progress.add_task("", total=last_iter)
        self.can_be_shown = not self._progress.console.is_jupyter or find_spec("ipywidgets") is not None
        if self.can_be_shown:
            self._progress.start()

    def on_epoch_end(self, state: TrainingState) -> bool:
        self._progress.update(self._bar, completed=state.n_iter, description=progress_text(state))
        return False

    def close(self, state: TrainingState) -> None:
        self._progress.stop()


def verbose_observer(verbose: int, n_samples: int, last_iter: int) -> TrainingObserver:
    """Return what reports the progress of a fit: lines for 1, a progress bar for 2 and more.

    In Jupyter, rich draws its bar in a widget. Without the package ipywidgets, it would show nothing but a warning, so
    lines are printed instead.

    Parameters
    ----------
    verbose : int
    n_samples : int
        Number of samples in an epoch.
    last_iter : int
        Number of the last epoch.

    Returns
    -------
    observer : TrainingObserver

    Raises
    ------
    ImportError
        If a bar is wanted and rich is not installed.
    """
    if verbose == 1:
        return VerbosePrinter(n_samples, last_iter)
    bar = ProgressBar(last_iter)
    return bar if bar.can_be_shown else VerbosePrinter(n_samples, last_iter)


def progress_text(state: TrainingState) -> str:
    """Return the losses and the learning rate of the last epoch in words."""
    validation = f", validation {state.validation_loss_curve[-1]:.4g}" if state.validation_loss_curve else ""
    return f"loss {state.loss_curve[-1]:.4g}{validation}, learning rate {state.learning_rate:.3g}"
