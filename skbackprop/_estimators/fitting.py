"""One call of `fit` or `partial_fit`: from X and y as they come, by checked rows and a config, to trained weights.

What goes wrong on the way leaves the estimator as it was.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from .._engines.selection import choose_engine
from .._sklearn_compat import CallbackSupportMixin, FitTask, open_task, with_callbacks
from .._training.observers import CallbackAdapter, ObserverList, ProgressBar, TrainingObserver, VerbosePrinter
from .._training.stopping import Patience, Watch
from .._training.trainer import Trainer, TrainingResult
from ..optimizers import LBFGS
from .fast_path import Snapshot, is_plain
from .fitted import FittedNetwork
from .parameters import check_weights
from .setup import build_config, resume, start
from .validation_split import Rows, Target, hold_out, product, watcher


class FitRequest(NamedTuple):
    """What one call was given, and what it is to do."""

    X: Any
    y: Any
    sample_weight: Any
    held_out: tuple = (None, None, None)
    classes: Any = None
    partial: bool = False
    resuming: bool = False
    finishing: bool = False  # the passes that an earlier call did not come to


@dataclass
class FitProgress:
    """What a copy of an estimator that is being fitted needs to finish its fit."""

    watch: Watch
    last_iter: int
    n_rows: tuple[int, int]  # to train on and held out
    runs: list = field(default_factory=list)  # what is known so far to each `EarlyStopping`


class Fitting(CallbackSupportMixin, FittedNetwork):
    """How an estimator is trained: its parameters are read here and its fitted attributes set."""

    _mutable_params: tuple[str, ...]

    @abstractmethod
    def _learn_target(self, y, dtype: np.dtype, resume: bool, classes) -> Target:
        """Check `y` and say what it is."""

    @abstractmethod
    def _plain_target(self, y, n_rows: int, classes) -> np.ndarray | None:
        """Return `y` as the network sees it, or None if it is not plainly fine."""

    def _partial_fit(self, X, y, sample_weight, classes=None):
        with np.errstate(all="ignore"):  # what overflows is looked at
            result = self._go_on(X, y, sample_weight, classes)
        if result is None:
            vars(self).pop("_unfinished", None)  # of a copy that was made on the way
            self._validate_params()
            resuming = self.__sklearn_is_fitted__()
            result = self._train(FitRequest(X, y, sample_weight, classes=classes, partial=True, resuming=resuming))
        if result.messages:
            self._warn(result)
        return self

    @property
    def _is_unfinished(self) -> bool:
        """Whether this is a copy of an estimator that was being fitted."""
        return "_unfinished" in vars(self)

    def _warn(self, result: TrainingResult) -> None:
        for message in result.messages:
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _go_on(self, X, y, sample_weight, classes) -> TrainingResult | None:
        """Take the short way if rows like those of the last call come and nothing else changed, else return None."""
        known = vars(self)
        trainer, parameters = known.get("_trainer", (None, None))
        if (
            trainer is None
            or trainer.state is not self._state
            or sample_weight is not None
            or "feature_names_in_" in known
            or "_skl_callbacks" in known
            or not parameters.is_still(self._parameters())
            or not is_plain(X, self._state.theta.dtype, trainer.shape)
        ):
            return None
        y = self._plain_target(y, len(X), classes)
        return None if y is None else self._one_pass(trainer, X, y, None)

    def _parameters(self):
        return map(vars(self).__getitem__, self._mutable_params)

    @with_callbacks
    def _train(self, call: FitRequest) -> TrainingResult:
        """Start or go on training, and tell of it."""
        name, n_epochs = ("partial_fit", 0) if call.partial else ("fit", self.max_iter)
        return self._train_or_restore(call, open_task(self, name, n_epochs, call.X, call.y, call.sample_weight))

    def _train_or_restore(self, call: FitRequest, task: FitTask | None) -> TrainingResult:
        """Start or go on training.

        What goes wrong leaves the estimator as it was; an interrupt leaves it with the last whole pass, if there was
        one, and says so in a note: a warning could be made an error, and the interrupt be lost.
        """
        n_iter, before = (self._state.n_iter if call.resuming else 0), vars(self).copy()
        if call.resuming and not (call.partial and task is None):
            self._state = deepcopy(self._state)  # many passes, and one that is over, cannot be undone in place
        try:
            with np.errstate(all="ignore"):  # what overflows is looked at
                result = self._check_and_train(call, task)
            if task is not None:
                task.end()
            return result
        except BaseException as error:
            state = vars(self).get("_state")
            if isinstance(error, KeyboardInterrupt) and state is not before.get("_state") and state.n_iter > n_iter:
                vars(self).pop("_unfinished", None)
                error.add_note(f"Training was interrupted; the weights are those after epoch {state.n_iter}.")
            else:
                vars(self).clear()
                vars(self).update(before)
            raise

    def _check_and_train(self, call: FitRequest, task: FitTask | None) -> TrainingResult:
        X, y = self._check_rows(call)
        target = self._learn_target(y, X.dtype, call.resuming, call.classes)
        encoded, class_weight = target.encode(y)
        score_weight = check_weights(call.sample_weight, X)
        rows = Rows(X, y, encoded, product(score_weight, class_weight), score_weight)
        if call.resuming:
            seed = self._state.seed
        else:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        if call.partial:
            return self._make_one_pass(self._prepare(rows, target, seed, call.resuming), rows)
        rows, rest, message = hold_out(self, rows, target, seed, *call.held_out)
        result = self._make_passes(self._prepare(rows, target, seed, call.resuming), rows, rest, call, task)
        result.messages += [] if message is None else [message]
        return result

    def _check_rows(self, call: FitRequest):
        keeps_order = self.solver == "batch" and self.engine != "numba"
        return validate_data(
            self,
            call.X,
            call.y,
            accept_sparse="csr",
            dtype=self._state.theta.dtype if call.resuming else (np.float64, np.float32),
            order=None if keeps_order else "C",  # shuffled rows are gathered, which wants each in one piece
            multi_output=True,
            reset=not call.resuming,
        )

    def _prepare(self, rows: Rows, target: Target, seed: int, resuming: bool) -> Trainer:
        """Set what is known before the first pass, and return what makes the passes."""
        X, encoded, weight = rows.X, rows.encoded, rows.weight
        config = build_config(self, *X.shape, encoded.shape[1], target.loss)
        engine = choose_engine(self.engine, config, X)
        if resuming:
            state = resume(self, config, self._config, self._state)
        else:
            state = start(self, config, seed, X, encoded, weight)
        for name, value in target.learned.items():
            setattr(self, name, value)
        self._config, self._state, self._trainer = config, state, (None, None)
        self.n_layers_ = len(config.objective.network.sizes)
        self.n_outputs_ = encoded.shape[1]
        self.out_activation_ = target.loss.output_activation
        return Trainer(engine, config, state, X, encoded, weight)

    def _make_one_pass(self, trainer: Trainer, rows: Rows) -> TrainingResult:
        parameters = Snapshot(self._parameters())
        serves = parameters.is_plain and rows.weight is None and isinstance(rows.X, np.ndarray)
        self._trainer = (trainer if serves else None), parameters
        return self._one_pass(trainer, rows.X, rows.encoded, rows.weight)

    def _one_pass(self, trainer, X, encoded, weight) -> TrainingResult:
        lines = VerbosePrinter(X.shape[0], trainer.state.n_iter + 1) if self.verbose else None
        return trainer.train(X, encoded, weight, 1, None, lines)

    def _make_passes(self, trainer: Trainer, rows: Rows, rest: Rows | None, call: FitRequest, task) -> TrainingResult:
        """Make the passes of `fit`. Meanwhile `_unfinished` holds what a copy of the estimator needs to finish it."""
        config, state = trainer.config, trainer.state
        watched = None if rest is None else watcher(self, config.objective, state, rest)
        n_rows = len(rows.encoded), 0 if rest is None else len(rest.encoded)
        if call.finishing:
            self._check_same(n_rows)
            self._unfinished.watch.held_out = watched
        else:
            runs_to_its_end = watched is None and config.schedule.has_end and not isinstance(config.optimizer, LBFGS)
            watch = Watch(Patience(None if runs_to_its_end else self.tol, self.n_iter_no_change), watched)
            self._unfinished = FitProgress(watch, state.n_iter + self.max_iter, n_rows)
            state.n_rows = 0  # sample weights are relative to the mean of these rows
            state.validation_loss_curve, state.validation_scores, state.validation_start = [], [], state.n_iter
        watch, last_iter = self._unfinished.watch, self._unfinished.last_iter
        observer = self._observer(len(rows.encoded), last_iter, task)
        try:
            n_epochs = last_iter - state.n_iter
            return trainer.train(rows.X, rows.encoded, rows.weight, n_epochs, watch, observer)
        finally:
            del self._unfinished
            if observer is not None:
                observer.close(state)

    def _check_same(self, n_rows: tuple[int, int]) -> None:
        if n_rows != self._unfinished.n_rows:
            raise ValueError(
                "This fit can be finished with the rows that it was given: {} to train on and {} held out, and not {} "
                "and {}.".format(*self._unfinished.n_rows, *n_rows)
            )

    def _observer(self, n_rows: int, last_iter: int, task: FitTask | None) -> TrainingObserver | None:
        observers: list[TrainingObserver] = []
        if task is not None:
            observers.append(CallbackAdapter(self, task.context, task.rows, self._as_if_stopped_here))
        if self.verbose:
            observers.append((VerbosePrinter if self.verbose == 1 else ProgressBar)(n_rows, last_iter))
        return ObserverList(observers) if observers else None

    def _as_if_stopped_here(self) -> dict[str, Any]:
        """Return the attributes of a copy that `fit` would leave if this pass were its last."""
        state = deepcopy(self._state)
        self._unfinished.watch.restore_best(state)
        return {"_state": state}
