"""Peak memory in addition to the data during full-batch epochs with many samples.

    python benchmarks/memory.py [--samples 2000000] [--columns 20] [--classes 0] [--engine numba] [--json FILE]

Prints the resident memory of the process before `fit`, its peak during `fit`, and the difference. `--classes 0` is
regression.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import resource
import warnings

import numpy as np
import report

from skbackprop import BackpropClassifier, BackpropRegressor

MB = 2**20


def resident() -> float:
    """Return the resident memory of this process now, in MB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / MB


def peak() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def main():
    """Measure one fit."""
    parser = report.parser(__doc__)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--classes", type=int, default=0)
    parser.add_argument("--solver", default="batch")
    parser.add_argument("--engine", default="numba")
    arguments, versions = parser.parse_args(), report.versions()
    warnings.simplefilter("ignore")
    params = {"solver": arguments.solver, "engine": arguments.engine, "max_iter": 2, "early_stopping": False}
    rng = np.random.default_rng(0)
    X = rng.standard_normal((arguments.samples, arguments.columns), dtype=np.float32)
    if arguments.classes:
        y = (np.abs(X[:, 0]) * 1000).astype(np.int64) % arguments.classes
        network = BackpropClassifier(**params)
    else:
        y = X[:, 0].copy()
        network = BackpropRegressor(**params)
    network.fit(X[:1000], y[:1000])  # allocate the memory of the libraries before the measurement
    before = resident()
    already = peak()
    network.fit(X, y)
    print(
        f"data {(X.nbytes + y.nbytes) / MB:.0f} MB, resident before fit {before:.0f} MB (peak so far {already:.0f} MB)"
    )
    above = max(peak(), before) - before
    print(f"peak during fit {peak():.0f} MB: {above:.0f} MB above the data")
    report.write(arguments.json, versions=versions, megabytes={"data": (X.nbytes + y.nbytes) / MB, "above": above})


if __name__ == "__main__":
    main()
