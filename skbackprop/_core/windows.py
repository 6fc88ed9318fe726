"""Windows: parts of the samples that are learned from one after another, because not all are in memory, or may not be.

The pages of a file that is larger than memory are read from disk again and again if samples are drawn one by one. So
large data are read in blocks of neighboring samples, in a random order, and the samples of several blocks are shuffled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from .._typing import Matrix
from .dataset import Dataset
from .shards import concatenate

Item = TypeVar("Item")

#: Data of more bytes than this are read in blocks. It does not depend on the memory of the machine, or on whether X is
#: a memory map, so that the same samples give the same network everywhere.
LARGE = 1e9
#: The size of a block and of a window in bytes: a block is large enough to be read from a disk at full speed, and a
#: window has enough blocks to be like all samples, also if these are sorted; see `draw_order`.
BLOCK_BYTES, WINDOW_BYTES = 2**20, 2**26


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items while another thread produces the next one; no more than two are in memory.

    Closing this waits for the item that is being produced.
    """
    end = object()
    errors: Any = np.geterr()  # a thread has its own settings

    def produce(items: Iterator[Item], end: object) -> Any:
        with np.errstate(**errors):
            return next(items, end)

    executor = ThreadPoolExecutor(1, thread_name_prefix="skbackprop-reader")
    is_left_early = False
    try:
        future = executor.submit(produce, items, end)
        while (item := future.result()) is not end:
            future = executor.submit(produce, items, end)
            yield item
            del item
    except GeneratorExit:
        is_left_early = True
        raise
    finally:
        # An interrupt does not wait for what is being read, but the next reader of the same source has to. The garbage
        # collector may close this in any thread, of which the reader itself cannot be waited for.
        with suppress(RuntimeError):
            executor.shutdown(wait=is_left_early)


def bytes_of(array: Matrix) -> int:
    """Return the memory that a dense or CSR matrix takes."""
    if isinstance(array, np.ndarray):
        return array.nbytes
    return array.data.nbytes + array.indices.nbytes + array.indptr.nbytes


def draw_order(n_parts: int, n_windows: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random order of the parts of a file, so that each window has parts from everywhere in the file.

    Of any `n_windows` neighbors, each window gets one at random. Windows are then alike even if the file is sorted,
    because neighbors are alike there (stratified sampling: Cochran 1977, Sampling Techniques, chapter 5).

    Parameters
    ----------
    n_parts : int
    n_windows : int
        The number of windows that `split_order` makes of the order.
    rng : numpy.random.Generator

    Returns
    -------
    order : ndarray of shape (n_parts,)
    """
    n_strata, n_left = divmod(n_parts, n_windows)
    strata = rng.permuted(np.tile(np.arange(n_windows), (n_strata, 1)), axis=1)
    with_one_more = (np.arange(n_left) + 0.5) * n_windows // max(n_left, 1)
    return np.argsort(np.concatenate([strata.ravel(), rng.permutation(with_one_more)]), kind="stable")


def split_order(order: np.ndarray, sizes: np.ndarray, n_windows: int) -> list[np.ndarray]:
    """Return the parts of each window: the order, cut where windows of the same size would end."""
    middle = np.cumsum(sizes) - sizes / 2
    window = middle * n_windows // sizes.sum()
    return [group for group in np.split(order, np.flatnonzero(np.diff(window)) + 1) if len(group)]


def block_layout(data: Dataset, batch_size: int) -> tuple[int, int, int]:
    """Return the number of samples in a block, the number of blocks, and that of windows; see `block_windows`."""
    n = data.X.shape[0]
    sample_bytes = max(bytes_of(data.X) // n, 1)
    block_size = max(BLOCK_BYTES // sample_bytes, 1)
    block_size -= block_size % min(batch_size, block_size)
    n_blocks = math.ceil(n / block_size)
    return block_size, n_blocks, math.ceil(n_blocks / max(WINDOW_BYTES // (sample_bytes * block_size), 1))


def block_windows(data: Dataset, batch_size: int, rng: np.random.Generator) -> Iterator[Dataset]:
    """Yield all samples once, in windows of blocks in a random order; data that fit in one window are not copied.

    Parameters
    ----------
    data : Dataset
    batch_size : int
        A block has a multiple of it, unless it has fewer samples, so that windows end with whole batches.
    rng : numpy.random.Generator
        Draws the order of the blocks.
    """
    block_size, n_blocks, n_windows = block_layout(data, batch_size)
    if n_windows == 1:
        return iter([data])
    windows = split_order(draw_order(n_blocks, n_windows, rng), np.ones(n_blocks), n_windows)
    return read_ahead(_window(data, block_size * blocks, block_size) for blocks in windows)


def _window(data: Dataset, starts: np.ndarray, block_size: int) -> Dataset:
    blocks = (block(data, int(start), block_size) for start in starts)
    return concatenate(blocks, len(starts) * block_size)


def block(data: Dataset, start: int, block_size: int) -> Dataset:
    """Return views of neighboring samples."""
    stop = min(start + block_size, data.X.shape[0])
    samples = data.take(slice(start, stop))
    if data.excluded is None:
        return samples
    first, last = np.searchsorted(data.excluded, np.array([start, stop], data.excluded.dtype))
    return samples._replace(excluded=data.excluded[first:last] - data.excluded.dtype.type(start))
