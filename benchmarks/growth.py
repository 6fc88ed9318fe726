"""Scaling of the training time with samples, epochs, columns, width, depth and threads.

    python benchmarks/growth.py [--engine numba] [--json FILE]

Growth is the slope of time over size on a log-log scale, by least squares: 1 is linear. One thread, except for the last
table, which compares one and two threads for full-batch epochs and for two concurrent fits.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "2")  # limited below

import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import report
from threadpoolctl import threadpool_limits

from skbackprop import BackpropRegressor

REPEATS = 7
#: For each quantity that grows: number of samples, columns, hidden layers, epochs.
SERIES = {
    "samples": [(samples, 20, (50,), 4) for samples in (20_000, 40_000, 80_000, 160_000)],
    "samples, full batch": [(samples, 20, (50,), 4, "batch") for samples in (50_000, 100_000, 200_000, 400_000)],
    "epochs": [(20_000, 20, (50,), epochs) for epochs in (8, 16, 32, 64)],
    "columns": [(10_000, columns, (50,), 4) for columns in (100, 200, 400, 800)],
    "width": [(10_000, 50, (width,), 4) for width in (100, 200, 400, 800)],
    "depth": [(10_000, 50, (100,) * depth, 4) for depth in (2, 4, 8, 16)],
}


def seconds(*calls):
    """Return the minimum time of each call; they take turns, so that other load on the machine slows all of them."""
    times = np.empty((REPEATS, len(calls)))
    for turn in times:
        for k, call in enumerate(calls):
            start = time.perf_counter()
            call()
            turn[k] = time.perf_counter() - start
    return times.min(axis=0).tolist()


def fit(engine, samples, columns, hidden, epochs, solver="minibatch"):
    """Return a function that fits a network."""
    X = np.random.default_rng(0).normal(size=(samples, columns)).astype(np.float32)
    y = X[:, 0].copy()
    network = BackpropRegressor(hidden, solver=solver, engine=engine, max_iter=epochs, tol=None, random_state=0)
    return lambda: network.fit(X, y)


def main():
    """Print the slope of each series and the effect of threads."""
    parser = report.parser(__doc__)
    parser.add_argument("--engine", default="numba", choices=["numpy", "numba"])
    arguments = parser.parse_args()
    engine, versions, results = arguments.engine, report.versions(), {}
    warnings.simplefilter("ignore")
    fit(engine, 100, 5, (5,), 1)()  # load the kernel
    with threadpool_limits(1):
        print(f"{engine}, float32, batch 200, 1 thread: seconds\n{'quantity':<20}{'slope':>7}")
        for name, series in SERIES.items():
            times = seconds(*(fit(engine, *work) for work in series))
            slope = np.polyfit(np.log2([1, 2, 4, 8]), np.log2(times), 1)[0]
            print(f"{name:<20}{slope:7.2f}   " + "  ".join(f"{t:.3f}" for t in times))
            results[name] = {"slope": slope, "seconds": times}
    print("\nthreads: seconds with 1 and with 2")
    full = fit(engine, 100_000, 50, (100,), 30, "batch")  # with fewer epochs, startup costs would dominate
    times = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            times += seconds(full)
    print(f"{'full batch, 100000 x 50, (100,)':<46}{times[0]:.3f} {times[1]:.3f}   ratio {times[0] / times[1]:.2f}")
    small = [fit(engine, 20_000, 20, (100,), 20) for _ in range(2)]
    with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
        alone, together = seconds(
            lambda: [call() for call in small], lambda: list(pool.map(lambda call: call(), small))
        )
    ratio = alone / together
    print(f"{'two fits, one after the other and in parallel':<46}{alone:.3f} {together:.3f}   ratio {ratio:.2f}")
    results |= {
        "full batch, 1 and 2 threads": times,
        "two fits, one after the other and in parallel": [alone, together],
    }
    report.write(arguments.json, versions=versions, results=results)


if __name__ == "__main__":
    main()
