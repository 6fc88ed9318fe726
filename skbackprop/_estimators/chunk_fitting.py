"""One call of `fit_chunks`: `fit` for samples that come in chunks.

If all chunks fit in one window, as a single chunk always does, they are joined, and the call is the same as `fit`.
Otherwise they are read anew in every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from .._core.dataset import Dataset
from .._core.shards import Totals, stack
from .._core.windows import read_ahead
from .._sklearn_compat import FitTask, open_task, with_callbacks
from .._training.result import TrainingResult
from .._training.shard_trainer import EpochPosition, ShardTrainer
from .._typing import keep_signature
from .chunk_shards import ChunkShards, SurveyedShards, in_dtype, weights_of, window_capacity
from .chunk_source import Chunk, ChunkSource, naming
from .fitting import (
    FitRequest,
    choose_seed,
    finish_result,
    max_epochs,
    prepare,
    run_trainer,
    set_prior,
    train,
    transaction,
)
from .ineffective import splits_samples
from .labels import check_number_of_classes, sorted_labels
from .progress import ChunkProgress
from .samples import Samples, Target, make_samples, validate_validation_set
from .sorted_samples import unequal_share
from .survey import Survey, survey_chunk
from .validation_split import monitors_loss

#: The unit of the memory budget.
MEGABYTE = 1e6
#: Draws the samples of the survey, which are the same whatever the seed of the fit.
SURVEY_SEED = 0
#: The standard deviation of the means of windows, in standard deviations of the target or of a column of X, from which
#: a warning says that the chunks look sorted.
MAX_DEVIATION = 0.25

AnyTrainer = TypeVar("AnyTrainer", bound=ShardTrainer)


@keep_signature(with_callbacks)
def run_fit_chunks(estimator, request: FitRequest, memory_budget: float) -> TrainingResult:
    """Make the epochs of `fit_chunks`, or leave the estimator as it was."""
    source, budget = ChunkSource(request.X, type(estimator)), MEGABYTE * memory_budget
    task = open_task(estimator, "fit", max_epochs(estimator), None, None, None)
    with transaction(estimator, request, task):
        resumed = estimator._progress.chunks if request.finishes else None
        if resumed is not None:
            return _train_by_windows(estimator, request, source, resumed, task)
        survey, chunks = _survey(estimator, request, source, budget)
        if task is not None:
            drawn = survey.drawn
            task.data |= {"X": drawn.X, "y": drawn.y}
        if chunks is not None:
            return train(estimator, request, lambda: _joined(estimator, request, survey, chunks), task)
        return _train_by_windows(estimator, request, source, ChunkProgress(survey, EpochPosition(), budget), task)


def _survey(estimator, request: FitRequest, source: ChunkSource, budget: float) -> tuple[Survey, list[Chunk] | None]:
    """Read all chunks once; return what was found, and the chunks if all, or the only one, fit in one window."""
    survey: Survey | None = None
    chunks: list[Chunk] | None = []
    classes = expected_classes(estimator, request)
    for number, chunk in read_ahead(source.read()):
        with naming("chunk", number):
            if number == 0:
                check_features(estimator, chunk.X.shape[1], chunk.names, reset=not request.resumes)
            found = survey_chunk(chunk, number, SURVEY_SEED, estimator, np.inf if survey is None else survey.bound)
            if classes is not None:
                found.check_classes(classes)
            survey = found if survey is None else survey.merge(found)
        if chunks is not None:
            chunks.append(chunk)
            is_one_window = number == 0 or _fits_in_one_window(survey, budget)
            chunks = chunks if is_one_window else None
        del chunk
    assert survey is not None
    check_survey(estimator, request, survey)
    return survey, chunks


def _fits_in_one_window(survey: Survey, budget: float) -> bool:
    """Return whether all chunks fit in one window, also before they are encoded, when strings take more memory."""
    size: float = max(survey.sizes.sum(), sum(survey.n_bytes))
    return size <= window_capacity(survey, budget)


def check_survey(estimator, request: FitRequest, survey: Survey) -> None:
    """Check the weights of all chunks together, and let a network that is trained further keep its dtype."""
    survey.check_weights()
    if request.resumes and not survey.is_narrow:
        survey.dtype = estimator._state.theta.dtype


def expected_classes(estimator, request: FitRequest) -> np.ndarray | None:
    """Return the classes that are known before the chunks are read."""
    if request.classes is not None:
        return sorted_labels(request.classes, "classes")
    return vars(estimator).get("classes_") if request.resumes else None


def check_features(estimator, n_features: int, names: np.ndarray | None, *, reset: bool) -> None:
    """Take the number and names of the features of the first chunk, or compare with those of an earlier fit."""
    if reset:
        estimator.n_features_in_ = n_features
        vars(estimator).pop("feature_names_in_", None)
        if names is not None:
            estimator.feature_names_in_ = names
        return
    if n_features != estimator.n_features_in_:
        raise ValueError(f"X has {n_features} features, and the network has {estimator.n_features_in_} inputs.")
    known = vars(estimator).get("feature_names_in_")
    if known is not None and names is not None and known.tolist() != names.tolist():
        raise ValueError(f"the feature names are {names.tolist()}, and those of the network are {known.tolist()}.")


def _joined(estimator, request: FitRequest, survey: Survey, chunks: list[Chunk]) -> tuple[Samples, Target]:
    """Return all chunks as one data set."""
    parts = []
    for number, chunk in enumerate(chunks):
        with naming("chunk", number):
            if chunk.checksum != survey.checksums[number]:
                raise ValueError("its samples have changed since they were read: return new arrays for each chunk.")
            parts.append(in_dtype(chunk.X, survey.dtype))
    X = stack(parts)
    parts.clear()
    y = np.concatenate([chunk.y.astype(survey.y_dtype, copy=False) for chunk in chunks])
    weight = None
    if survey.has_weights:
        weight = np.concatenate([weights_of(chunk) for chunk in chunks])
    target = _make_target(estimator, request, survey, y, weight)
    for number, chunk in enumerate(chunks):
        with naming("chunk", number):
            target.encoder.encode(chunk.y)  # an error names the chunk
    chunks.clear()
    return make_samples(X, y, weight, target), target


def _make_target(estimator, request: FitRequest, survey: Survey, y: np.ndarray, weight: np.ndarray | None) -> Target:
    classes, dtype = request.classes, survey.network_dtype
    if request.resumes:
        dtype = estimator._state.theta.dtype
    elif classes is None and survey.counts is not None:
        classes = check_number_of_classes(survey.counts.labels, sum(survey.n_samples))
    target: Target = estimator._make_target(y, dtype, request.resumes, classes, weight, survey.counts)
    if survey.has_sparse_labels and not request.resumes:
        target.attributes["_has_sparse_labels"] = True  # y itself is dense by now
    return target


def _train_by_windows(
    estimator, request: FitRequest, source: ChunkSource, chunks: ChunkProgress, task: FitTask | None
) -> TrainingResult:
    """Train on chunks that are read anew in every epoch."""
    if estimator.shuffle == "samples":
        raise ValueError(
            "shuffle='samples' needs all samples in memory at once, and the chunks do not fit in one window: set "
            "shuffle=True, or raise memory_budget."
        )

    def new_shards(target: Target, some: Dataset) -> ChunkShards:
        return ChunkShards(source, chunks.survey, target, some, chunks.budget)

    result, trainer = train_on_shards(estimator, request, new_shards, ShardTrainer, chunks, task)
    result.data_messages += _messages_about_order(trainer, trainer.shards, vars(estimator).get("classes_"))
    if not request.finishes:
        result.ineffective += messages_about_batches(estimator, trainer.shards, "windows", "raise memory_budget")
    return result


def train_on_shards(
    estimator,
    request: FitRequest,
    new_shards: Callable[[Target, Dataset], SurveyedShards],
    new_trainer: Callable[..., AnyTrainer],
    chunks: ChunkProgress,
    task: FitTask | None,
    kind: str = "chunk",
) -> tuple[TrainingResult, AnyTrainer]:
    """Train on shards that a survey has been made of; return the result and the trainer.

    Parameters
    ----------
    estimator : BaseBackprop
    request : FitRequest
    new_shards : callable
        Takes the target and the samples that the survey has drawn, and returns the shards.
    new_trainer : callable
        Takes what `ShardTrainer` takes.
    chunks : ChunkProgress
    task : FitTask or None
    kind : str
        What a shard is called in errors.
    """
    survey, drawn = chunks.survey, chunks.survey.drawn
    weight = drawn.sample_weight if survey.has_weights else None
    target = _make_target(estimator, request, survey, drawn.y.astype(survey.y_dtype, copy=False), weight)
    for number in np.unique(drawn.number):
        with naming(kind, number):
            target.encoder.encode(drawn.y[drawn.number == number])  # an error names the chunk
    some = make_samples(drawn.X.astype(survey.dtype, copy=False), drawn.y, weight, target)
    seed = choose_seed(estimator, request)
    shards = new_shards(target, some.data)
    validation, message = None, None
    monitors_loss(estimator.scoring)  # raises an error for an unknown name
    if request.has_validation_set:
        validation = validate_validation_set(estimator, *request.validation, some, target)
    elif splits_samples(estimator, is_given=False):
        validation, message = shards.hold_out(estimator.validation_fraction, seed, chunks.budget)
    config, engine = prepare(estimator, request, shards, target, seed)
    engine = set_prior(estimator, request, engine, config, some, validation, target)
    chunks.survey = replace(survey, parts=[drawn.thinned()])
    state, n_samples = estimator._state, shards.n_samples
    trainer = new_trainer(engine, config, state, shards, chunks.position, is_resumed=request.finishes)
    result = run_trainer(estimator, request, trainer, n_samples, validation, task, chunks)
    finish_result(result, estimator, request, config, n_samples, message)
    return result, trainer


def most_sorted(totals: Totals) -> tuple[float, str]:
    """Return the largest share of the variance of a column that lies between the shards, and the column in words."""
    shares = totals.share_between
    column = int(np.argmax(shares))
    n_features = len(shares) - len(totals.target.mean)
    return float(shares[column]), f"column {column} of X" if column < n_features else "y"


def _messages_about_order(trainer: ShardTrainer, shards: Any, classes: Any) -> list[str]:
    """Return a warning if the chunks look sorted, and the windows have too few of them to be alike."""
    n_windows, n_shards = shards.n_windows, shards.n_shards
    if trainer.totals is None or n_windows == 1 or trainer.config.batch_size is None:
        return []
    share, column = most_sorted(trainer.totals)
    shuffles = shards.can_shuffle and trainer.config.shuffle
    n_together = n_shards / n_windows
    spread = 1 / n_together - 1 / n_shards if shuffles else 1.0
    unequal = unequal_share(trainer.class_deviation if shuffles else None, classes, f"{n_shards} chunks")
    if math.sqrt(share * spread) > MAX_DEVIATION:
        reason = (
            f"{share:.0%} of the variance of {column} lies between them, and a window has only {n_together:.3g} of "
            f"the {n_shards} chunks, so that its samples are not like all others."
        )
    elif unequal is not None:
        reason = unequal
    else:
        return []
    remedy = (
        "Raise memory_budget, use smaller chunks, or shuffle the samples once before they are stored."
        if shuffles
        else "Shuffle the samples once before they are stored, or pass the chunks as a sequence with shuffle=True."
    )
    return [f"The chunks look sorted: {reason} {remedy}"]


def messages_about_batches(estimator, shards: Any, windows: str, remedy: str) -> list[str]:
    """Return a warning if the batches that the user asks for do not fit in a window, which has this name."""
    n_windows, batch_size = shards.n_windows, estimator.batch_size
    n_together = shards.n_samples // n_windows
    if estimator.solver != "minibatch" or batch_size == "auto" or batch_size <= n_together or n_windows == 1:
        return []
    return [
        f"batch_size={batch_size!r} has no effect with {windows} of about {n_together} samples, each of which is one "
        f"batch: {remedy}, or set batch_size to {n_together} or less."
    ]
