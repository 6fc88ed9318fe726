"""Microseconds of `predict` and `partial_fit` for one sample, compared with scikit-learn's MLP, and sizes of pickles.

    python benchmarks/latency.py [--repeats 7] [--json FILE]

One thread. The networks take turns; a figure is the minimum over repeats.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import pickle
import time
import warnings

import numpy as np
import report
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

CALLS = 300


def microseconds(call):
    """Return the mean time of one of many consecutive calls."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def main():
    """Print the figures for each estimator and method."""
    parser = report.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    versions, calls = report.versions(), {}
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 10))
    x = X[:1].copy()
    print(f"{'one sample, 10-20-1':<32}{'ours':>9}{'sklearn':>10}{'ratio':>8}")
    for ours, theirs, y in (
        (BackpropRegressor, MLPRegressor, X[:, 0].copy()),
        (BackpropClassifier, MLPClassifier, (X[:, 0] > 0).astype(int)),
    ):
        pair = (
            ours((20,), solver="sgd", max_iter=5).fit(X, y),
            theirs(hidden_layer_sizes=(20,), max_iter=5).fit(X, y),
        )
        for name, call in (
            ("predict", lambda network: network.predict(x)),
            ("partial_fit", lambda network, y=y: network.partial_fit(x, y[:1])),
        ):
            times = np.array(
                [[microseconds(lambda n=n, call=call: call(n)) for n in pair] for _ in range(arguments.repeats)]
            )
            a, b = times.min(axis=0)
            print(f"{ours.__name__ + ' ' + name:<32}{a:9.1f}{b:10.1f}{b / a:8.1f}")
            calls[f"{ours.__name__} {name}"] = times.tolist()
    report.write(arguments.json, versions=versions, microseconds=calls, pickles=pickle_sizes(rng))


def pickle_sizes(rng):
    """Return and print the sizes of pickles as multiples of the size of the weights."""
    X, y = rng.normal(size=(300, 200)), rng.normal(size=300)
    ours = BackpropRegressor((200, 100), max_iter=2, tol=None).fit(X, y)
    theirs = MLPRegressor(hidden_layer_sizes=(200, 100), max_iter=2).fit(X, y)
    weights = sum(array.nbytes for array in ours.coefs_ + ours.intercepts_)
    print(f"\npickle of 200-200-100-1, as a multiple of the weights ({weights / 1024:.0f} kB)")
    ratios = {
        "with the state of Adam": len(pickle.dumps(ours)) / weights,
        "drop_optimizer_state()": len(pickle.dumps(ours.drop_optimizer_state())) / weights,
        "scikit-learn": len(pickle.dumps(theirs)) / weights,
    }
    for name, ratio in ratios.items():
        print(f"{name:<32}{ratio:9.2f}")
    return ratios


if __name__ == "__main__":
    main()
