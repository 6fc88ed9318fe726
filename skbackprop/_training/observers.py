"""Who is told of a training while it runs: scikit-learn's callbacks, and the lines or the bar of `verbose`.

A observer hears of passes, never of batches, and training without one does nothing for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .state import TrainingState

#: Between two lines of ``verbose=1`` lie at least this many seconds.
SECONDS_BETWEEN_LINES = 1.0


class TrainingObserver:
    """Is told before and after each pass, and at the end; a pass that is undone and made again is told of once."""

    def on_epoch_begin(self, state: TrainingState) -> None:
        """Hear that a pass begins."""

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Hear that a pass is made; return True to stop."""
        return False

    def close(self, state: TrainingState) -> None:
        """Hear that there will be no more, whatever the reason."""


class ObserverList(TrainingObserver):
    """Several observers, each told once of each pass."""

    def __init__(self, observers: list[TrainingObserver]):
        self._observers = observers
        self._n_begun = self._n_made = 0

    def on_epoch_begin(self, state):
        if state.n_iter >= self._n_begun:
            self._n_begun = state.n_iter + 1
            for observer in self._observers:
                observer.on_epoch_begin(state)

    def on_epoch_end(self, state):
        if state.n_iter <= self._n_made:
            return False
        self._n_made = state.n_iter
        wishes = [observer.on_epoch_end(state) for observer in self._observers]  # every one of them hears it
        return any(wishes)

    def close(self, state):
        for observer in self._observers:
            observer.close(state)


class CallbackAdapter(TrainingObserver):
    """Tells scikit-learn's callbacks of each pass: a task below that of `fit`.

    Parameters
    ----------
    estimator : estimator
    context : sklearn.callback.CallbackContext
        Of `fit`.
    rows : dict
        X, y and metadata as the user gave them.
    snapshot : callable
        Returns the attributes of an estimator whose training stopped here.
    """

    def __init__(self, estimator, context, rows: dict[str, Any], snapshot: Callable[[], dict[str, Any]]):
        self._context = context
        self._told = {"estimator": estimator, "reconstruction_attributes": snapshot, **rows}

    def on_epoch_begin(self, state):
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._told)

    def on_epoch_end(self, state):
        return self._epoch.call_on_fit_task_end(**self._told)


class VerbosePrinter(TrainingObserver):
    """Prints a line now and then: after the first pass, about every second, and after the last."""

    def __init__(self, n_rows: int, last_iter: int):
        self._n_rows, self._last_iter = n_rows, last_iter
        self._started, self._n_made = time.perf_counter(), 0
        self._printed_at, self._printed_iter = -SECONDS_BETWEEN_LINES, None

    def on_epoch_end(self, state):
        self._n_made += 1
        if time.perf_counter() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._print(state)
        return False

    def close(self, state):
        if self._n_made and self._printed_iter != state.n_iter:
            self._print(state)

    def _print(self, state):
        now = time.perf_counter()
        seconds = now - self._started
        left = (self._last_iter - state.n_iter) * seconds / self._n_made
        print(  # noqa: T201, that is what verbose asks for
            f"epoch {state.n_iter} of {self._last_iter}: {described(state)}, "
            f"{self._n_made * self._n_rows / seconds:,.0f} rows/s, {left:.0f} s left"
        )
        self._printed_at, self._printed_iter = now, state.n_iter


class ProgressBar(TrainingObserver):
    """Draws a bar of progress, by the package that scikit-learn's own bar uses.

    Raises
    ------
    ImportError
        If rich is not installed.
    """

    def __init__(self, n_rows: int, last_iter: int):
        try:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError as error:
            raise ImportError(
                "verbose=2 draws by rich: pip install 'skbackprop[progress]', or use verbose=1."
            ) from error
        text = TextColumn("{task.description}")
        self._progress = Progress("epoch", MofNCompleteColumn(), BarColumn(), text, TimeRemainingColumn())
        self._bar = self._progress.add_task("", total=last_iter)
        self._progress.start()

    def on_epoch_end(self, state):
        self._progress.update(self._bar, completed=state.n_iter, description=described(state))
        return False

    def close(self, state):
        self._progress.stop()


def described(state: TrainingState) -> str:
    """Return where the training is, in words."""
    validation = f", validation {state.validation_loss_curve[-1]:.4g}" if state.validation_loss_curve else ""
    return f"loss {state.loss_curve[-1]:.4g}{validation}, rate {state.learning_rate:.3g}"
