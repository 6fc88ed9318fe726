"""Training on data with many columns: time, score, and how often the learning rate was halved.

    python benchmarks/width.py [--columns 5000 20000 200000] [--epochs 6] [--repeats 3] [--json FILE]

2000 training samples in float32, dense (up to 20000 columns) and CSR of three densities. The columns depend on ten
latent factors, and so does the target of a regression; 500 other samples give the score, R². One thread. scikit-learn's
MLP gets scaled inputs (StandardScaler, or MaxAbsScaler for CSR) and a scaled target; the time of a fit is without this
scaling, which ours does itself. Contenders take turns; the time is the minimum over repeats, the spread is that of the
slowest repeat over it. ours has one of MLP's and of its own hidden layers in turn.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import time
import warnings

import numpy as np
import report
from scipy import sparse
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skbackprop import BackpropRegressor

N_TRAIN, N_TEST, N_FACTORS = 2000, 500, 10
DENSITIES = (0.001, 0.01, 0.1)
LARGEST_DENSE = 20_000


def target(factors, rng):
    """Return a function of the latent factors, with some noise."""
    signal = np.tanh(factors[:, 0]) + factors[:, 1] * factors[:, 2] / 2 + factors[:, 3]
    return signal + 0.1 * rng.standard_normal(len(factors))


def dense_data(n_columns, rng):
    """Return columns that are random mixtures of the factors and noise."""
    factors = rng.standard_normal((N_TRAIN + N_TEST, N_FACTORS), dtype=np.float32)
    X = factors @ rng.standard_normal((N_FACTORS, n_columns), dtype=np.float32)
    X *= 0.3
    X += rng.standard_normal(X.shape, dtype=np.float32)
    return X, target(factors, rng)


def sparse_data(n_columns, density, rng):
    """Return positive entries; each column belongs to a factor, which makes its entries more or less probable."""
    factors = rng.standard_normal((N_TRAIN + N_TEST, N_FACTORS))
    share = np.exp(factors)
    share /= share.sum(axis=1, keepdims=True)
    samples = []
    for probabilities in share:
        per_factor = rng.multinomial(int(density * n_columns), probabilities)
        block = n_columns // N_FACTORS
        samples.append(np.concatenate([k * block + rng.integers(block, size=n) for k, n in enumerate(per_factor)]))
    columns = np.concatenate(samples)
    indptr = np.arange(len(samples) + 1) * len(samples[0])
    X = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, indptr), (len(samples), n_columns))
    X.sum_duplicates()
    return X, target(factors, rng)


def contenders(epochs):
    """Return the estimators by name."""
    equal = {"max_iter": epochs, "random_state": 0}
    mlp = {**equal, "tol": 0.0, "n_iter_no_change": 10**6}
    return {
        "ours": BackpropRegressor(**equal, tol=None),
        "ours (100,)": BackpropRegressor((100,), **equal, tol=None),
        "MLP": MLPRegressor(**mlp),
        "MLP (64, 32)": MLPRegressor(hidden_layer_sizes=(64, 32), **mlp),
    }


def compare(X, y, epochs, repeats):
    """Return seconds, spread, score and number of halvings of each contender."""
    train, test = slice(N_TRAIN), slice(N_TRAIN, None)
    X_scaler = (MaxAbsScaler() if sparse.issparse(X) else StandardScaler()).fit(X[train])
    scaled = X_scaler.transform(X)
    mean, std = y[train].mean(), y[train].std()
    z = (y - mean) / std
    times, results = {}, {}
    for _ in range(repeats):
        for name, model in contenders(epochs).items():
            inputs, goal = (scaled, z) if name.startswith("MLP") else (X, y)
            start = time.process_time()
            model.fit(inputs[train], goal[train])
            times.setdefault(name, []).append(time.process_time() - start)
            results[name] = {"score": model.score(inputs[test], goal[test])}
            if hasattr(model, "_state"):
                results[name]["halvings"] = -int(np.log2(model._state.rate_factor))
                results[name]["batch size"], results[name]["engine"] = model._config.batch_size, model.engine_
    for name, seconds in times.items():
        results[name] |= {"seconds": min(seconds), "spread": max(seconds) / min(seconds) - 1}
    return results


def main():
    """Print a table for each shape."""
    parser = report.parser(__doc__)
    parser.add_argument("--columns", type=int, nargs="+", default=[5000, 20_000, 200_000])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    versions, results = report.versions(), {}
    warnings.simplefilter("ignore")
    for n_columns in arguments.columns:
        for density in (None, *DENSITIES):
            if n_columns > LARGEST_DENSE and density not in DENSITIES[:1]:
                continue
            rng = np.random.default_rng(0)
            X, y = dense_data(n_columns, rng) if density is None else sparse_data(n_columns, density, rng)
            kind = "dense" if density is None else f"CSR, {density:.1%}"
            found = results[f"{n_columns} columns, {kind}"] = compare(X, y, arguments.epochs, arguments.repeats)
            print(f"\n{N_TRAIN} x {n_columns}, {kind}, {arguments.epochs} epochs")
            for name, result in found.items():
                times = [other["seconds"] for key, other in found.items() if "MLP" in key]
                ratios = "" if "MLP" in name else ", ".join(f"{other / result['seconds']:.2f}" for other in times)
                print(
                    f"{name:<14}{result['seconds']:8.2f} s +{result['spread']:<4.0%} R² {result['score']:7.3f}",
                    f"halvings {result.get('halvings', '')} {result.get('engine', '')} MLP / ours {ratios}",
                    flush=True,
                )
    report.write(arguments.json, versions=versions, results=results)


if __name__ == "__main__":
    main()
