"""`PartitionShards`: the partitions of dask collections as shards, which stay on the workers.

All that runs on a worker is a function of its arguments, so the scheduler can repeat it elsewhere: the partitions of a
worker that is lost are loaded again from where they came from, and nothing else is done twice. What is sent to the
workers is part of the tasks, and never data without an origin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import dask
import numpy as np
from dask.delayed import Delayed
from distributed import Client, Future
from distributed.protocol import pickle

from .._core.dataset import Dataset
from .._estimators.chunk_shards import Encoding, SurveyedShards
from .._estimators.chunk_source import Chunk, naming
from .._estimators.samples import Samples, Target
from .._estimators.survey import Survey

#: What has more bytes is sent to one worker only, from which the others get it. A round with 40000 weights takes the
#: same time either way, with 300000 weights and 16 partitions a little more than half.
LARGE = 500_000
#: The number of results that are in the memory of the client at a time.
N_GATHERED = 16


class Partitions:
    """Partitions on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
    delayed : list of Delayed
        What loads each partition.
    """

    def __init__(self, client: Client, delayed: list[Delayed]):
        self.client = client
        self.futures: list[Future] = client.compute(delayed)

    def map(self, function: Callable[..., Any], *args: Any, each: Sequence[Any] | None = None) -> Iterator[Any]:
        """Yield ``function(partition, *args)`` for each partition, in their order; see `Shards.map`."""
        with _released(self.submit(function, *args, each=each)) as futures:
            for start in range(0, len(futures), N_GATHERED):
                part = futures[start : start + N_GATHERED]
                yield from self._gather(part, start)

    def submit(self, function: Callable[..., Any], *args: Any, each: Sequence[Any] | None = None) -> list[Future]:
        """Return the future of ``function(partition, *args)`` for each partition."""
        n = len(self.futures)
        own = [()] * n if each is None else [(value,) for value in each]
        call = self._sent(pickle.dumps((function, args)))
        with _without_warning_of_size():
            return self.client.map(run, self.futures, [call] * n, own, key=_new_key(function), pure=False)

    def run_on(self, number: int, function: Callable[..., Any], *args: Any) -> Any:
        """Return ``function(partition, *args)`` for one partition."""
        call = pickle.dumps((function, args))
        with _without_warning_of_size():
            future = self.client.submit(run, self.futures[number], call, (), key=_new_key(function))
        with _released([future]):
            return future.result()

    def check(self) -> None:
        """Wait for all partitions; raise the error of the first that failed, with its number."""
        _raise_first_error(self.futures, 0)

    def release(self) -> None:
        """Let the workers forget the partitions."""
        with _released(self.futures):
            self.futures = []

    def _sent(self, call: bytes) -> bytes | Future:
        """Return what a task gets: the call itself, or a future if it is so large that it is sent once."""
        if len(call) <= LARGE:
            return call
        with _without_warning_of_size():
            return self.client.submit(bytes, call, key=_new_key(bytes))

    def _gather(self, futures: list[Future], first: int) -> list[Any]:
        try:
            return self.client.gather(futures)
        except Exception:
            _raise_first_error(futures, first)
            raise


@contextmanager
def _released(futures: list[Future]) -> Iterator[list[Future]]:
    """Yield futures, and let the workers forget their results at the end.

    It is not enough to drop the last reference: a client keeps the error of a future, whose traceback may refer to the
    future.
    """
    try:
        yield futures
    finally:
        for future in futures:
            future.release()


def _raise_first_error(futures: list[Future], first: int) -> None:
    """Wait for tasks, and raise the error of the first in their order that failed, with the number of its partition."""
    for number, future in enumerate(futures, first):
        if future.exception() is not None:
            with naming("partition", number):
                future.result()


def _new_key(function: Callable[..., Any]) -> str:
    """Return a key that no task has had before; it begins with the name that dask shows."""
    name = getattr(function, "__name__", type(function).__name__)
    return f"{name}-{uuid4().hex}"


def _without_warning_of_size() -> AbstractContextManager[Any]:
    """Return the context to send tasks in that may have the weights of a large network, of which dask would warn."""
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})


class PartitionShards(SurveyedShards):
    """Partitions on the workers of a cluster, each of which is a shard.

    Parameters
    ----------
    partitions : Partitions
        Validated chunks. They are released once they have been encoded.
    survey : Survey
    target : Target
        How y is encoded.
    some : Dataset
        Samples drawn at random.
    """

    def __init__(self, partitions: Partitions, survey: Survey, target: Target, some: Dataset):
        super().__init__(survey, target, some)
        self._partitions = partitions
        self._is_encoded = False

    @property
    def n_windows(self) -> int:
        return self.n_shards

    @property
    def window_sizes(self) -> list[int]:
        return self._learned_from(self._encoding.n_samples)

    @property
    def partitions(self) -> Partitions:
        """The encoded partitions."""
        if not self._is_encoded:
            numbers = range(self.n_shards)
            self._partitions.futures = self._partitions.submit(training_data, self._encoding, each=numbers)
            self._partitions.check()
            self._is_encoded = True
        return self._partitions

    def map(self, function: Callable[..., Any], *args: Any, each: Sequence[Any] | None = None) -> Iterator[Any]:
        results = self.partitions.map(function, *args, each=each)
        return (result for result in results if result is not None)

    def windows(self, order: np.ndarray, n_done: int) -> Iterator[int]:
        return iter(order[n_done:].tolist())

    def _held_out(self, encoding: Encoding) -> Iterator[Samples]:
        return self._partitions.map(held_out_samples, encoding, each=range(self.n_shards))


def run(partition: Any, call: bytes, own: tuple[Any, ...]) -> Any:
    """Call the function in `call` with a partition, the arguments in `call`, and those of the partition.

    Return None if all samples of the partition have a weight of 0.

    Each task unpickles its own copy of the function and the arguments, which may have buffers to write to.
    """
    if isinstance(partition, Dataset) and not partition.n_samples:
        return None
    function, args = pickle.loads(call)
    with np.errstate(all="ignore"):  # as in the process of the client
        return function(partition, *args, *own)


def training_data(chunk: Chunk, encoding: Encoding, number: int) -> Dataset:
    """Return the samples of a partition to train on."""
    encoding.check(chunk, number, "it")
    return encoding.training_samples(chunk, number).data


def held_out_samples(chunk: Chunk, encoding: Encoding, number: int) -> Samples:
    """Return the samples of a partition to validate with."""
    return encoding.held_out_samples(chunk, number)
