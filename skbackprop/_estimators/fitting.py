"""One call of `fit` or `partial_fit`: from X and y as the user passes them to trained weights.

An error leaves the estimator unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._core.dataset import Dataset
from .._engines.selection import choose_engine
from .._sklearn_compat import FitTask, open_task, with_callbacks
from .._training.config import TrainingConfig
from .._training.epoch import Engine
from .._training.observers import CallbackAdapter, ObserverList, TrainingObserver, VerbosePrinter, verbose_observer
from .._training.result import TrainingResult
from .._training.stopping import EarlyStopper, Patience
from .._training.trainer import FitTrainer, StreamTrainer
from .._typing import keep_signature
from .alpha_search import choose_prior
from .configuration import build_config, initial_state, resumed_state
from .fast_path import FastPath
from .ineffective import Call, guessed_end, ineffective_callbacks, ineffective_settings, splits_samples
from .parameters import check_weights, choose_max_iter
from .progress import OTHER_SAMPLES, ChunkProgress, FitProgress, fingerprint_of
from .samples import Samples, Target, accepted_dtypes, make_samples, validate_validation_set
from .sorted_samples import message_about_blocks
from .validation import validate_data
from .validation_split import make_validation_scorer, monitors_loss, split


class FitRequest(NamedTuple):
    """The arguments of one call, and how it proceeds.

    Attributes
    ----------
    X, y, sample_weight
        As the user passed them.
    validation : tuple
        X_val, y_val and sample_weight_val as the user passed them.
    classes : array-like, () or None
        The classes passed to `partial_fit`, () if none were; None in `fit`.
    is_partial : bool
        Whether the call makes one epoch of a stream.
    resumes : bool
        Whether the call continues from the present weights.
    finishes : bool
        Whether the call makes the remaining epochs of an interrupted fit.
    held_out : ndarray of int or None
        Sorted indices of the samples that are not trained on; with ``early_stopping=True``, the validation set.
    prior : float or None
        The c of ``alpha="auto"``, if it is known from other samples.
    """

    X: Any
    y: Any
    sample_weight: Any
    validation: tuple[Any, Any, Any] = (None, None, None)
    classes: Any = None
    is_partial: bool = False
    resumes: bool = False
    finishes: bool = False
    held_out: np.ndarray | None = None
    prior: float | None = None

    @property
    def has_validation_set(self) -> bool:
        """Whether the user passes a validation set, or a part of one."""
        return any(array is not None for array in self.validation)


@keep_signature(with_callbacks)
def run_fit(estimator, request: FitRequest) -> TrainingResult:
    """Make the epochs of `fit`, or leave the estimator as it was.

    Meanwhile `_progress` holds what a copy of the estimator needs to finish the fit.
    """
    task = open_task(estimator, "fit", max_epochs(estimator), request.X, request.y, request.sample_weight)
    with transaction(estimator, request, task):
        return train(estimator, request, lambda: validate_samples(estimator, request), task)


def train(
    estimator, request: FitRequest, load: Callable[[], tuple[Samples, Target]], task: FitTask | None
) -> TrainingResult:
    """Train on the samples that `load` returns, which are in memory."""
    samples, target = load()
    fingerprint = None if task is None else fingerprint_of(samples.data)  # only callbacks need it
    seed = choose_seed(estimator, request)
    validation, message = None, None
    monitors_loss(estimator.scoring)  # raises an error for an unknown name
    if request.has_validation_set:
        validation = validate_validation_set(estimator, *request.validation, samples, target)
    elif request.held_out is not None:
        samples, validation = _hold_out_given(estimator, samples, request.held_out)
    elif splits_samples(estimator, is_given=False):
        # "auto" does not split X: docs/defaults.md explains why
        codes = target.encoder.class_codes(samples.data.y)
        held_out, message = split(samples.data.indices(), codes, estimator.validation_fraction, seed)
        if len(held_out):
            samples, validation = samples.hold_out(held_out)
    config, engine = prepare(estimator, request, samples.data, target, seed)
    engine = set_prior(estimator, request, engine, config, samples, validation, target)
    trainer = FitTrainer(engine, config, estimator._state, samples.data)
    n_samples = samples.data.n_samples
    sorted_message = message_about_blocks(config, samples.data, vars(estimator).get("classes_"))
    del samples  # the trainer replaces the target by a scaled one
    result = run_trainer(estimator, request, trainer, n_samples, validation, task, fingerprint=fingerprint)
    result.data_messages += [] if sorted_message is None else [sorted_message]
    finish_result(result, estimator, request, config, n_samples, message)
    return result


def set_prior(
    estimator,
    request: FitRequest,
    engine: Engine,
    config: TrainingConfig,
    samples: Samples,
    validation: Samples | None,
    target: Target,
) -> Engine:
    """Set the c of ``alpha="auto"``, if it is known or there is to be a search; return the engine to train with."""
    if request.prior is not None:
        estimator._state.prior = request.prior
    elif config.alpha is None and estimator.early_stopping and estimator.standardize and not request.resumes:
        return choose_prior(engine, config, estimator._state, samples, validation, target)
    return engine


def finish_result(
    result: TrainingResult, estimator, request: FitRequest, config: TrainingConfig, n_samples: int, message: str | None
) -> None:
    """Add the messages about the validation set and about settings that had no effect."""
    if message is not None:
        result.data_messages.append(message)
    if not request.finishes:
        result.ineffective = ineffective_settings(Call(estimator, config, n_samples, request.has_validation_set))


@keep_signature(with_callbacks)
def run_partial_fit(estimator, request: FitRequest) -> TrainingResult:
    """Make one epoch of a stream, or leave the estimator as it was."""
    task = open_task(estimator, "partial_fit", 0, request.X, request.y, request.sample_weight)
    with transaction(estimator, request, task):
        samples, target = validate_samples(estimator, request)
        data, seed = samples.data, choose_seed(estimator, request)
        config, engine = prepare(estimator, request, data, target, seed)
        trainer = StreamTrainer(engine, config, estimator._state, data)
        estimator._fast_path = FastPath.after(estimator, trainer, target, data)
        result = update_stream(estimator, trainer, data)
        if not request.resumes:
            call = Call(estimator, config, data.n_samples, is_partial=True)
            result.ineffective = ineffective_settings(call) + guessed_end(call)
        if task is not None:
            result.ineffective += _callback_messages(estimator, request)
        return result


def _callback_messages(estimator, request: FitRequest) -> list[str]:
    """Return what callbacks cannot do in a stream, in its first call and in the first one after `set_callbacks`."""
    callbacks = estimator._skl_callbacks
    if request.resumes and vars(estimator).get("_announced_callbacks") is callbacks:
        return []
    estimator._announced_callbacks = callbacks
    return ineffective_callbacks(callbacks)


def update_stream(estimator, trainer: StreamTrainer, data: Dataset) -> TrainingResult:
    """Make one epoch over validated samples."""
    printer = None
    if estimator.verbose:
        printer = VerbosePrinter(data.n_samples, trainer.state.n_iter + 1)
    result = trainer.update(data, printer)
    estimator.engine_ = trainer.engine.name
    if printer is not None:
        printer.close(trainer.state)
    return result


@contextmanager
def transaction(estimator, request: FitRequest, task: FitTask | None) -> Iterator[None]:
    """Restore the estimator if an error occurs.

    An interrupt keeps the last complete epoch, if there was one, and adds a note to the exception: a warning could be
    turned into an error that hides the interrupt.
    """
    n_iter = estimator._state.n_iter if request.resumes else 0
    before = vars(estimator).copy()
    if request.resumes and not (request.is_partial and task is None):
        estimator._state = deepcopy(estimator._state)  # the trainer restores it only if a single epoch fails
    try:
        with np.errstate(all="ignore"):  # the trainer detects what overflows
            yield
        if task is not None:
            task.end()
    except BaseException as error:
        state = vars(estimator).get("_state")
        has_new_epochs = state is not before.get("_state") and state.n_iter > n_iter
        if isinstance(error, KeyboardInterrupt) and has_new_epochs:
            vars(estimator).pop("_progress", None)
            error.add_note(f"Training was interrupted; the weights are those after epoch {state.n_iter}.")
        else:
            vars(estimator).clear()
            vars(estimator).update(before)
        raise


def validate_samples(estimator, request: FitRequest) -> tuple[Samples, Target]:
    """Validate X, y and the weights, and encode y."""
    keeps_order = estimator.solver == "batch" and estimator.engine != "numba"
    dtypes = (estimator._state.theta.dtype,) if request.resumes else (np.float64, np.float32)
    X, y = validate_data(
        estimator,
        request.X,
        request.y,
        accept_sparse="csr",
        dtype=accepted_dtypes(request.X, *dtypes),
        order=None if keeps_order else "C",  # gathering shuffled samples needs each in one piece
        multi_output=True,
        reset=not request.resumes,
    )
    dtype = np.dtype(X.dtype if X.dtype in dtypes else dtypes[0])
    weight = check_weights(request.sample_weight, X)
    target = estimator._make_target(y, dtype, request.resumes, request.classes, weight)
    return make_samples(X, y, weight, target), target


def _hold_out_given(estimator, samples: Samples, held_out: np.ndarray) -> tuple[Samples, Samples | None]:
    """Return the samples to train on, and the others as the validation set; None without early stopping.

    As in other fits, "auto" needs no validation set: docs/defaults.md explains why.
    """
    samples, validation = samples.hold_out(held_out)
    weight = validation.data.sample_weight
    has_weight = weight is None or weight.any()
    return samples, validation if has_weight and splits_samples(estimator, is_given=False) else None


def check_samples_of_finished_fit(estimator, request: FitRequest) -> None:
    """Raise ValueError unless the samples are those that the estimator was fitted to, if that is known."""
    known = vars(estimator).get("_fingerprint")
    if known is not None and fingerprint_of(validate_samples(estimator, request)[0].data) != known:
        raise ValueError(OTHER_SAMPLES)


def choose_seed(estimator, request: FitRequest) -> int:
    """Return the seed of the random generator and of the validation split."""
    if request.resumes:
        return estimator._state.seed
    return check_random_state(estimator.random_state).randint(np.iinfo(np.int32).max)


def run_trainer(
    estimator,
    request,
    trainer,
    n_train: int,
    validation: Samples | None,
    task,
    chunks: ChunkProgress | None = None,
    fingerprint: int | None = None,
) -> TrainingResult:
    """Run the remaining epochs, with new early stopping or with that of the fit that is resumed."""
    state, config = trainer.state, trainer.config
    validate = validation_fingerprint = None
    if validation is not None:
        validation_fingerprint = None if task is None else fingerprint_of(validation.data)
        validate = make_validation_scorer(estimator, config.objective, state, validation)
    n_samples = (n_train, 0 if validation is None else validation.data.n_samples)
    if request.finishes:
        estimator._progress.check_samples(n_samples, fingerprint, validation_fingerprint)
    else:
        patience = _patience(estimator, config, has_validation_set=validate is not None)
        last_iter = state.n_iter + config.max_iter
        estimator._progress = FitProgress(
            EarlyStopper(patience),
            last_iter,
            n_samples,
            fingerprint,
            chunks=chunks,
            validation_fingerprint=validation_fingerprint,
        )
        state.validation_loss_curve, state.validation_scores = [], []
        state.validation_start = state.n_iter
    if not (request.finishes and chunks is not None):  # which does not count the samples again
        state.n_samples = 0  # a fit counts its own samples; sample weights are relative to their mean
    progress = estimator._progress
    progress.stopper.validate = validate
    observer = _make_observer(estimator, n_train, progress.last_iter, task)
    try:
        n_epochs = 0 if progress.stop_requested else progress.last_iter - state.n_iter
        result = trainer.fit(n_epochs, progress.stopper, observer)
        result.stopped |= progress.stop_requested
        estimator.engine_ = trainer.engine.name  # another one, if the first has failed
        estimator._fingerprint = progress.fingerprint
    finally:
        del estimator._progress
        if observer is not None:
            observer.close(state)
    return result


def prepare(estimator, request, data, target, seed):
    """Set the attributes that are known before the first epoch; return the configuration and the engine."""
    n_outputs = data.n_outputs
    stream = estimator._state if request.is_partial and request.resumes else None
    max_iter = max_epochs(estimator) if request.is_partial else max_epochs(estimator, data.n_samples, data.n_entries)
    config = build_config(estimator, data, target.encoder.loss, max_iter, request.is_partial, stream)
    engine = choose_engine(estimator.engine, config, data)
    if request.resumes:
        state = resumed_state(estimator, config, estimator._config, estimator._state)
    else:
        state = initial_state(estimator, config, seed, data)
    for name, value in target.attributes.items():
        setattr(estimator, name, value)
    estimator._config, estimator._state, estimator._fast_path = config, state, None
    estimator.engine_ = engine.name
    estimator.n_layers_ = len(config.objective.network.sizes)
    estimator.n_outputs_ = n_outputs
    estimator.out_activation_ = config.objective.loss.output_activation
    return config, engine


def max_epochs(estimator, n_samples: int = 1, n_entries: float = 0.0) -> int:
    """Return the number of epochs that are planned for samples like these, by default the largest that it can be."""
    return choose_max_iter(estimator.max_iter, estimator._auto_epochs, n_samples, n_entries)


def _patience(estimator, config: TrainingConfig, *, has_validation_set: bool) -> Patience:
    """Return the patience; without a validation set, it does not end a schedule before its planned end."""
    has_planned_end = config.schedule.has_end and not config.optimizer.needs_all_samples
    if estimator.tol is None or (has_planned_end and not has_validation_set):
        return Patience(math.inf)
    return Patience(estimator.n_iter_no_change, estimator.tol)


def _make_observer(estimator, n_samples, last_iter, task) -> TrainingObserver | None:
    observers: list[TrainingObserver] = []
    if task is not None:
        observers.append(CallbackAdapter(estimator, task.context, task.data, lambda: _as_if_ended_here(estimator)))
    if estimator.verbose:
        observers.append(verbose_observer(estimator.verbose, n_samples, last_iter))
    return ObserverList(observers) if observers else None


def _as_if_ended_here(estimator) -> dict[str, Any]:
    """Return the attributes that the estimator would have if `fit` ended with this epoch."""
    state = deepcopy(estimator._state)
    estimator._progress.stopper.restore_best(state)
    return {"_state": state}
