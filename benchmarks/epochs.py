"""Seconds for one training epoch, beside scikit-learn's MLP: same data, same rule, same batch size, in one run.

    python benchmarks/epochs.py [--repeats 7] [--json FILE]

One thread. Each figure is the minimum over repeats, the two networks taking turns so that a busy machine slows both;
the spread is that of the ratio over the repeats. Validation of the data and drawing the weights are in both.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy loads its BLAS

import argparse
import json
import platform
import time
import warnings

import numpy as np
import scipy
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor

#: name: rows, columns, hidden layers, classes (0 is regression), batch size, rule, dtype, epochs in a fit
WORK = {
    "20000 x 20, (100,), 2 classes, batch 32, adam": (20_000, 20, (100,), 2, 32, "adam", "float64", 3),
    "20000 x 20, (100,), 2 classes, batch 200, adam": (20_000, 20, (100,), 2, 200, "adam", "float64", 6),
    "20000 x 20, (100,), 2 classes, batch 32, adam, float32": (20_000, 20, (100,), 2, 32, "adam", "float32", 3),
    "5000 x 784, (256, 128), 10 classes, batch 200, adam, float32": (
        5_000,
        784,
        (256, 128),
        10,
        200,
        "adam",
        "float32",
        2,
    ),
    "5000 x 10, (20,), regression, batch 1, gd": (5_000, 10, (20,), 0, 1, "gd", "float64", 2),
}
MLP_RULES = {"adam": {"solver": "adam"}, "gd": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}}


def make_pair(hidden, classes, batch_size, rule, epochs):
    """Return our estimator and scikit-learn's, told to do the same."""
    ours = (BackpropClassifier if classes else BackpropRegressor)(
        hidden,
        solver="sgd" if batch_size == 1 else "minibatch",
        optimizer=rule,
        batch_size=batch_size,
        max_iter=epochs,
        tol=None,
        random_state=0,
    )
    theirs = (MLPClassifier if classes else MLPRegressor)(
        hidden_layer_sizes=hidden,
        batch_size=batch_size,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=0,
        **MLP_RULES[rule],
    )
    return ours, theirs


def seconds(estimator, X, y, epochs):
    """Return the seconds of one epoch."""
    start = time.perf_counter()
    estimator.fit(X, y)
    return (time.perf_counter() - start) / epochs


def measure(rows, columns, hidden, classes, batch_size, rule, dtype, epochs, repeats):
    """Return the seconds of each repeat, ours and scikit-learn's."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).astype(dtype)
    signal = X[:, 0] + np.sin(X[:, 1])
    y = np.digitize(signal, np.quantile(signal, np.arange(1, classes) / classes)) if classes else signal.astype(dtype)
    pair = make_pair(hidden, classes, batch_size, rule, epochs)
    return np.array([[seconds(estimator, X, y, epochs) for estimator in pair] for _ in range(repeats)])


def main():
    """Print a row for each piece of work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", help="write the figures to this file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "skbackprop": skbackprop.__version__,
        "threads": 1,
    }
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"{'work':<62}{'ours':>9}{'sklearn':>10}{'ratio':>7}{'spread':>14}")
    results = {}
    for name, work in WORK.items():
        times = measure(*work, arguments.repeats)
        ours, theirs = times.min(axis=0)
        ratios = np.sort(times[:, 1] / times[:, 0])
        spread = f"{ratios[0]:.1f} .. {ratios[-1]:.1f}"
        print(f"{name:<62}{ours * 1e3:6.1f} ms{theirs * 1e3:7.1f} ms{theirs / ours:7.2f}{spread:>14}")
        results[name] = {"ours": ours, "sklearn": theirs, "ratio": theirs / ours, "ratios": ratios.tolist()}
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"versions": versions, "results": results}, file, indent=2)


if __name__ == "__main__":
    main()
