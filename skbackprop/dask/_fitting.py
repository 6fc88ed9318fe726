"""One call of `fit` on dask collections: `fit_chunks` for partitions that stay on the workers."""

from __future__ import annotations

import math

from .._core.dataset import Dataset
from .._estimators.chunk_fitting import (
    MAX_DEVIATION,
    SURVEY_SEED,
    check_features,
    check_survey,
    expected_classes,
    messages_about_batches,
    most_sorted,
    train_on_shards,
)
from .._estimators.chunk_source import Chunk, naming
from .._estimators.fitting import FitRequest, max_epochs, transaction
from .._estimators.progress import ChunkProgress
from .._estimators.samples import Target
from .._estimators.survey import Survey, survey_chunk
from .._sklearn_compat import open_task, with_callbacks
from .._training.result import TrainingResult
from .._training.shard_trainer import EpochPosition
from .._typing import keep_signature
from ._partitions import delayed_partitions
from ._shards import Partitions, PartitionShards
from ._trainer import AveragingTrainer, PartitionTrainer

#: The trainers by the name of the strategy.
TRAINERS: dict[str, type[PartitionTrainer]] = {"sequential": PartitionTrainer, "average": AveragingTrainer}
#: The memory of the client in bytes of which a validation set may take a quarter.
BUDGET = 5e8


@keep_signature(with_callbacks)
def run_dask_fit(estimator, request: FitRequest, local: type) -> TrainingResult:
    """Make the epochs of `fit`, or leave the estimator as it was."""
    delayed = delayed_partitions(request.X, request.y, request.sample_weight, local)
    partitions = Partitions(estimator.client_, delayed)
    task = open_task(estimator, "fit", max_epochs(estimator), None, None, None)
    try:
        with transaction(estimator, request, task):
            progress = estimator._progress.chunks if request.finishes else None
            if progress is not None:
                _check_number(len(partitions.futures), progress.survey)
            else:
                survey = _survey(estimator, request, partitions, local)
                progress = ChunkProgress(survey, EpochPosition(), BUDGET)
            if task is not None:
                drawn = progress.survey.drawn
                task.data |= {"X": drawn.X, "y": drawn.y}
            return _train(estimator, request, partitions, progress, task)
    finally:
        partitions.release()


def _survey(estimator, request: FitRequest, partitions: Partitions, local: type) -> Survey:
    """Let the workers load all partitions; return what was found."""
    survey: Survey | None = None
    numbers = range(len(partitions.futures))
    classes = expected_classes(estimator, request)
    for number, found in enumerate(partitions.map(survey_partition, local(), each=numbers)):
        with naming("partition", number):
            if survey is None:
                check_features(estimator, found.n_features, found.names, reset=not request.resumes)
            if classes is not None:
                found.check_classes(classes)
            survey = found if survey is None else survey.merge(found)
    assert survey is not None
    check_survey(estimator, request, survey)
    return survey


def _check_number(n_partitions: int, survey: Survey) -> None:
    """Raise ValueError if a fit is resumed with another number of partitions."""
    expected = len(survey.n_samples)
    if n_partitions != expected:
        raise ValueError(f"there were {expected} partitions when the fit began, and now there are {n_partitions}.")


def survey_partition(chunk: Chunk, local: object, number: int) -> Survey:
    """Return the survey of one partition; this runs on a worker."""
    return survey_chunk(chunk, number, SURVEY_SEED, local)


def _train(estimator, request: FitRequest, partitions: Partitions, progress: ChunkProgress, task) -> TrainingResult:
    survey = progress.survey
    if estimator.shuffle == "samples":
        raise ValueError(
            "shuffle='samples' needs all samples in memory at once, and a worker has some partitions only: set "
            "shuffle=True."
        )

    def new_shards(target: Target, some: Dataset) -> PartitionShards:
        return PartitionShards(partitions, survey, target, some)

    result, trainer = train_on_shards(
        estimator, request, new_shards, TRAINERS[estimator.strategy], progress, task, "partition"
    )
    if estimator.strategy == "average" and trainer.config.batch_size is None:
        result.ineffective.append(
            "strategy='average' has no effect with solver='batch', whose gradients are summed exactly; set solver to "
            "'minibatch' or 'sgd'."
        )
    if not request.finishes:
        result.ineffective += messages_about_batches(
            estimator, trainer.shards, "partitions", "make larger partitions by rechunk or repartition"
        )
    result.data_messages += _messages_about_order(trainer)
    return result


def _messages_about_order(trainer: PartitionTrainer) -> list[str]:
    """Return a warning if the partitions look sorted, and each is learned from by itself."""
    n_shards = trainer.shards.n_shards
    if trainer.totals is None or n_shards == 1 or trainer.config.batch_size is None:
        return []
    share, column = most_sorted(trainer.totals)
    if math.sqrt(share * (1 - 1 / n_shards)) <= MAX_DEVIATION:
        return []
    return [
        f"The partitions look sorted: {share:.0%} of the variance of {column} lies between them, and "
        "mini-batches are drawn from one partition at a time. Shuffle the samples once, for example with "
        "dask.dataframe.DataFrame.shuffle on a column of random numbers."
    ]
