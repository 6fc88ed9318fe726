"""Memory, open files and threads of a process during a million calls of `partial_fit` and a thousand fits.

``python benchmarks/long_run.py`` takes some minutes and prints a line after every tenth of the work.
tests/training/test_long_run.py runs a shorter version of `long_run`.
"""

import argparse
import gc
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import psutil

from skbackprop import BackpropClassifier, BackpropRegressor


class Use(NamedTuple):
    """Resources of a process: resident memory in bytes, open files and threads."""

    memory: int
    files: int
    threads: int


def use() -> Use:
    """Return the resources that this process uses now."""
    gc.collect()
    process = psutil.Process()
    return Use(process.memory_info().rss, process.num_fds(), process.num_threads())


def long_run(n_samples: int, n_fits: int, n_rounds: int, engine: str) -> Iterator[Use]:
    """Train on `n_samples` single samples, half with each estimator, and fit `n_fits` networks, in `n_rounds` rounds.

    Yields
    ------
    use : Use
        After each round.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 10))
    target, label = X[:, 0] + np.sin(X[:, 1]), (X[:, 0] > 0).astype(int)
    regressor = BackpropRegressor((20,), engine=engine, random_state=0)
    classifier = BackpropClassifier((20,), engine=engine, random_state=0)
    for _ in range(n_rounds):
        for i in range(n_samples // n_rounds // 2):
            sample = slice(i % 1000, i % 1000 + 1)
            regressor.partial_fit(X[sample], target[sample])
            classifier.partial_fit(X[sample], label[sample], classes=[0, 1])
        for fit in range(n_fits // n_rounds):
            estimator, y = ((BackpropRegressor, target), (BackpropClassifier, label))[fit % 2]
            network = estimator(
                (20,), max_iter=5, tol=None, engine=engine, early_stopping=fit % 4 < 2, random_state=fit
            )
            network.fit(X[:200], y[:200]).predict(X)
        yield use()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--fits", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--engine", default="numpy")
    options = parser.parse_args()
    start = time.perf_counter()
    print(f"before: {use().memory / 2**20:.1f} MB")
    uses = []
    for i, used in enumerate(long_run(options.samples, options.fits, options.rounds, options.engine), 1):
        uses.append(used)
        if i == 1 or i % max(options.rounds // 10, 1) == 0:
            samples, fits = options.samples * i // options.rounds, options.fits * i // options.rounds
            print(
                f"{samples:>9} samples, {fits:>5} fits: {used.memory / 2**20:.2f} MB, {used.files} files, "
                f"{used.threads} threads, {time.perf_counter() - start:.0f} s",
                flush=True,
            )
