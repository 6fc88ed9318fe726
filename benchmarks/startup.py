"""Seconds of the first fit of a new process with the numba engine, including the import of numba and the kernel.

    python benchmarks/startup.py [--cold] [--json FILE]

`--cold` compiles the kernel again, into a temporary cache. numpy, scikit-learn and this package are imported before the
clock starts, because a program that fits an estimator has imported them already.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import subprocess
import sys
import tempfile

import report

PROGRAM = """
import time
import numpy as np
from skbackprop import BackpropRegressor
X = np.random.default_rng(0).normal(size=(2000, 20))
start = time.perf_counter()
BackpropRegressor(engine="numba", max_iter=1, tol=None).fit(X, X[:, 0])
print(time.perf_counter() - start)
"""


def first_fit(environment):
    """Return the seconds of the first fit in a new process."""
    return float(subprocess.check_output([sys.executable, "-c", PROGRAM], env=environment))


def main():
    """Print the seconds, cold and warm."""
    parser = report.parser(__doc__)
    parser.add_argument("--cold", action="store_true")
    arguments, versions, results = parser.parse_args(), report.versions(), {}
    if arguments.cold:
        with tempfile.TemporaryDirectory() as cache:
            results["cold"] = first_fit(os.environ | {"NUMBA_CACHE_DIR": cache})
        print(f"cold, float64: {results['cold']:.2f} s")
    first_fit(os.environ)
    times = sorted(first_fit(os.environ) for _ in range(5))
    print(f"warm: {times[0]:.2f} s, at most {times[-1]:.2f} of 5")
    report.write(arguments.json, versions=versions, seconds=results | {"warm": times})


if __name__ == "__main__":
    main()
