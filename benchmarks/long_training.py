"""Processor time per sample in the epochs of a long training, which denormal numbers must not slow down.

    python benchmarks/long_training.py [--samples 200000] [--json FILE]

One thread. Two problems with 20 columns and batches of 64: a product of two columns for 12 epochs, after which most of
the 100 hidden units are inactive; and a sum of a sine and a product with noise for 40 epochs, which 50 hidden units
learn to an R^2 of .95. The figures are microseconds of processor time per sample in epoch 2, in the last epoch, and the
largest of all; "denormal" counts the denormal numbers among the weights and in the optimizer state at the end.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import time
import warnings
from importlib.util import find_spec

import numpy as np
import report

from skbackprop import BackpropRegressor


def product(X, rng):
    """Return a target that is learned exactly."""
    return X[:, 0] * X[:, 1]


def with_noise(X, rng):
    """Return a target that is learned to an R^2 of about .95."""
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + X[:, 3]
    return (y + 0.3 * rng.standard_normal(len(X))).astype(X.dtype)


def count_denormal(network):
    """Return the number of denormal numbers among the weights and in the optimizer state."""
    size = np.abs(np.concatenate([network._state.theta, network._state.optimizer_state.ravel()]))
    return int(np.count_nonzero((size > 0) & (size < np.finfo(size.dtype).tiny)))


def main():
    """Print the figures for each problem, engine and dtype."""
    parser = report.parser(__doc__)
    parser.add_argument("--samples", type=int, default=200_000)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    versions, figures = report.versions(), {}
    print(f"{'us per sample':<40}{'epoch 2':>9}{'last':>8}{'largest':>9}{'last / 2':>10}{'denormal':>10}{'R^2':>8}")
    for target, hidden, n_epochs in ((product, (100,), 12), (with_noise, (50,), 40)):
        for engine in ("numba", "numpy")[find_spec("numba") is None :]:
            for dtype in ("float32", "float64"):
                rng = np.random.default_rng(0)
                X = rng.standard_normal((arguments.samples, 20)).astype(dtype)
                y = target(X, rng)
                network = BackpropRegressor(
                    hidden, max_iter=100, tol=None, batch_size=64, engine=engine, random_state=0
                )
                times = []
                for _ in range(n_epochs):
                    start = time.process_time()
                    network.partial_fit(X, y)
                    times.append((time.process_time() - start) / len(X) * 1e6)
                name = f"{target.__name__}, {hidden}, {engine}, {dtype}"
                second, last, largest = times[1], times[-1], max(times[1:])
                print(
                    f"{name:<40}{second:>9.2f}{last:>8.2f}{largest:>9.2f}{last / second:>10.2f}"
                    f"{count_denormal(network):>10}{network.score(X[:20000], y[:20000]):>8.4f}",
                    flush=True,
                )
                figures[name] = times
    report.write(arguments.json, versions=versions, figures=figures)


if __name__ == "__main__":
    main()
