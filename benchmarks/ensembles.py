"""Scores and fit times of one network, of several networks as one estimator, and of tree ensembles and RealMLP.

    python benchmarks/ensembles.py --data DIR --json FILE [--sets NAME ...] [--folds 5] [--contenders NAME ...]
    python benchmarks/ensembles.py --merge FILE ... [--json FILE]

DIR is that of defaults.py, and so are the folds: five shuffled ones, of which --folds runs the first. Every contender
gets the same dense numbers. Text columns are encoded as one-hot, with missing text as a category of its own.

Contenders, all with default parameters and the number of the fold as `random_state`, one thread, in turn on each fold:

    ours           BackpropRegressor or BackpropClassifier
    ensemble       BackpropEnsembleRegressor or BackpropEnsembleClassifier
    plain ensemble the same with candidates=None: five networks with the same inputs and parameters
    HistGB         scikit-learn's HistGradientBoosting
    LightGBM       LGBMRegressor or LGBMClassifier
    CatBoost       CatBoostRegressor or CatBoostClassifier
    ExtraTrees     scikit-learn's ExtraTrees
    RealMLP-TD-S   RealMLP_TD_S_Regressor or RealMLP_TD_S_Classifier of pytabkit, on the CPU

Where gradient boosting has one output, a MultiOutputRegressor fits it to several.

FILE is written after each fit, and what it already contains is not run again. Several processes need a FILE each;
--merge prints the report of several files, of which later ones count where both contain a fit, and runs nothing.

Report: means over the folds, with standard errors, of the RMSE (for several outputs, the mean over them of the RMSE
divided by the standard deviation of the test target), error rate, log loss and expected calibration error; processor
seconds (of all threads) and elapsed seconds of `fit`. Log loss is scikit-learn's, on probabilities as float64: a
probability of zero, which ExtraTrees predicts, counts as 2e-16. Verdicts compare an ensemble with the single network
on the same folds: "better" or "worse" if the mean difference exceeds its standard error, else "within". In their
ratios, figures of classifications below a thousandth count as a thousandth. Ranks are those of one of our contenders
and the five others, on the folds that all six have run.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy loads its BLAS, and for the gradient boosting

import json
import logging
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import report
from contenders import WARNED, fit, print_warnings
from defaults import error_of_mean, splitter
from kinds import calibration_error
from problems import tables
from problems.tables import TABLES
from scipy.stats import rankdata
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import log_loss
from sklearn.multioutput import MultiOutputRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

N_FOLDS = 5
METRICS = {
    "rmse": "RMSE",
    "error": "Error rate",
    "log_loss": "Log loss",
    "calibration": "Expected calibration error",
    "processor_seconds": "Processor seconds of fit",
    "seconds": "Elapsed seconds of fit",
}


# Contenders


def ours(regression, seed):
    return (BackpropRegressor if regression else BackpropClassifier)(random_state=seed)


def ensemble(regression, seed, **settings):
    from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor

    return (BackpropEnsembleRegressor if regression else BackpropEnsembleClassifier)(random_state=seed, **settings)


def plain_ensemble(regression, seed):
    return ensemble(regression, seed, candidates=None)


def hist_gb(regression, seed):
    return (HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier)(random_state=seed)


def lightgbm(regression, seed):
    from lightgbm import LGBMClassifier, LGBMRegressor

    return (LGBMRegressor if regression else LGBMClassifier)(random_state=seed, n_jobs=1, verbose=-1)


def catboost(regression, seed):
    from catboost import CatBoostClassifier, CatBoostRegressor

    quiet = {"verbose": False, "allow_writing_files": False}
    return (CatBoostRegressor if regression else CatBoostClassifier)(random_state=seed, thread_count=1, **quiet)


def extra_trees(regression, seed):
    return (ExtraTreesRegressor if regression else ExtraTreesClassifier)(random_state=seed)


def real_mlp(regression, seed):
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    for name in ("lightning.pytorch", "pytorch_lightning"):  # the trainer's log, under either name of its package
        logging.getLogger(name).setLevel(logging.WARNING)
    make = RealMLP_TD_S_Regressor if regression else RealMLP_TD_S_Classifier
    return make(random_state=seed, n_threads=1, device="cpu")


OURS = {"ours": ours, "ensemble": ensemble, "plain ensemble": plain_ensemble}
PEERS = {
    "HistGB": hist_gb,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    "ExtraTrees": extra_trees,
    "RealMLP-TD-S": real_mlp,
}
CONTENDERS = {**OURS, **PEERS}
ENSEMBLES = ("ensemble", "plain ensemble")
WITH_ONE_OUTPUT = ("HistGB", "LightGBM", "CatBoost")


def contender(name, regression, seed, n_outputs):
    """Return the unfitted estimator."""
    made = CONTENDERS[name](regression, seed)
    return MultiOutputRegressor(made) if n_outputs > 1 and name in WITH_ONE_OUTPUT else made


def warm_up(names):
    """Load everything that the contenders load at first use, including the compiled kernel."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    for regression, y in ((True, X[:, 0]), (False, (X[:, 0] > 0).astype(int))):
        for name in names:
            fit(contender(name, regression, 0, 1), X, y, "")
        if set(names) & set(OURS):
            fit(ours(regression, 0).set_params(engine="numba"), X, y, "")
    WARNED.clear()


# Figures of one fit


def of_regression(estimator, X, y):
    """Return the RMSE, or the mean over the outputs of RMSE / standard deviation."""
    rmse = np.sqrt(np.mean((estimator.predict(X).reshape(y.shape) - y) ** 2, axis=0))
    return {"rmse": rmse if y.ndim == 1 else np.mean(rmse / np.std(y, axis=0))}


def of_classification(estimator, X, y):
    """Return the metrics of labels and probabilities."""
    probabilities, classes = np.asarray(estimator.predict_proba(X), dtype=float), estimator.classes_
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return {
        "error": np.mean(np.ravel(estimator.predict(X)) != y),  # CatBoost predicts a column
        "log_loss": log_loss(y, probabilities, labels=classes),
        "calibration": calibration_error(y, probabilities, classes),
    }


def run_fit(name, estimator, X, y, train, test):
    """Return the times of the fit and the metrics on the test samples."""
    start = time.process_time()
    seconds = fit(estimator, X[train], y[train], name)
    figures = {"processor_seconds": time.process_time() - start, "seconds": seconds}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measure = of_regression if TABLES[name].regression else of_classification
        figures.update(measure(estimator, X[test], y[test]))
    return {metric: float(value) for metric, value in figures.items()}


# Results: the figures by table, contender and fold


def merge(*results):
    """Return the figures of all results; later ones count."""
    merged = {}
    for of_tables in results:
        for name, of_table in of_tables.items():
            for who, of_folds in of_table.items():
                merged.setdefault(name, {}).setdefault(who, {}).update(of_folds)
    return merged


def read(path):
    """Return the results in a file."""
    return json.loads(path.read_text())["results"]


def write(path, **figures):
    """Replace the file, so that an interruption leaves the earlier figures."""
    if path:
        partial = path.with_name(f"{path.name}.partial")
        report.write(partial, **figures)
        partial.replace(path)


def run(results, arguments):
    """Add the figures that are missing."""
    versions = report.versions()
    warm_up(arguments.contenders)
    for name in arguments.sets:
        data = tables.load_encoded(name, arguments.data)
        if data is None:
            print(f"{name}: data missing, skipped")
            continue
        X, y = data
        regression, n_outputs = TABLES[name].regression, 1 if y.ndim == 1 else y.shape[1]
        folds = list(splitter(regression, N_FOLDS).split(X, y))[: arguments.folds]
        for fold, (train, test) in enumerate(folds):
            for who in arguments.contenders:
                found = results.setdefault(name, {}).setdefault(who, {})
                if str(fold) in found:
                    continue
                found[str(fold)] = run_fit(name, contender(who, regression, fold, n_outputs), X, y, train, test)
                write(arguments.json, versions=versions, results=results)
                shown = (f"{metric} {value:.4g}" for metric, value in found[str(fold)].items())
                print(f"{name}, fold {fold}, {who}: {', '.join(shown)}", flush=True)


# Comparisons


def paired(of_table, metric, names):
    """Return the values of each contender on the folds that all of them have run, or None."""
    runs = ({fold for fold, figures in of_table.get(name, {}).items() if metric in figures} for name in names)
    folds = sorted(set.intersection(*runs))
    return np.array([[of_table[name][fold][metric] for fold in folds] for name in names]) if folds else None


def verdict(values, single):
    """Return whether the mean of the paired differences exceeds its standard error; less is better."""
    leads = np.subtract(single, values)
    error = error_of_mean(leads) if len(leads) > 1 else 0.0
    return "within" if abs(leads.mean()) <= error else "better" if leads.mean() > 0 else "worse"


def geometric_mean(ratios):
    return float(np.exp(np.mean(np.log(ratios))))


def ratio(metric, value, other):
    """Return value / other; figures of classifications are no less than a thousandth."""
    least = 1e-3 if metric in ("error", "log_loss", "calibration") else 0
    return max(value, least) / max(other, least)


def all_paired(results, metrics, names):
    """Return the means of the contenders by table, where all of them have run, of the first metric that is there."""
    means = {}
    for name, of_table in results.items():
        found = (paired(of_table, metric, names) for metric in metrics)
        values = next((values for values in found if values is not None), None)
        if values is not None:
            means[name] = values.mean(axis=1)
    return means


def mean_ranks(means):
    """Return the mean over the tables of the ranks; the best contender of a table has rank 1."""
    return np.mean([rankdata(of_table) for of_table in means.values()], axis=0)


# Report


def print_cells(cells):
    print("| " + " | ".join(cells) + " |")


def print_head(cells):
    print_cells(cells)
    print("|" + "---|" * len(cells))


def cell(of_folds, metric):
    """Return the mean with its standard error, and the number of folds if it is not five."""
    values = [figures[metric] for figures in of_folds.values() if metric in figures]
    if not values:
        return ""
    error = f" ± {error_of_mean(values):.2g}" if len(values) > 1 and "seconds" not in metric else ""
    folds = f" ({len(values)} of {N_FOLDS} folds)" if len(values) != N_FOLDS else ""
    return f"{np.mean(values):.4g}{error}{folds}"


def print_metric(results, metric, names):
    """Print the table of one metric."""
    print(f"\n{METRICS[metric]}\n")
    print_head(["", *names])
    for name, of_table in results.items():
        cells = [cell(of_table.get(who, {}), metric) for who in names]
        if any(cells):
            print_cells([name, *cells])


def print_against_ours(results, who):
    """Print the verdicts and the ratios of an ensemble to the single network."""
    print(f"\n{who} against ours: ratio and verdict\n")
    metrics = ("rmse", "error", "log_loss", "calibration", "processor_seconds")
    columns = {metric: {} for metric in metrics}
    for metric in metrics:
        for name, of_table in results.items():
            values = paired(of_table, metric, (who, "ours"))
            if values is not None:
                columns[metric][name] = ratio(metric, *values.mean(axis=1)), verdict(*values)
    print_head(["", *(METRICS[metric] for metric in metrics)])
    for name in columns["processor_seconds"]:
        found = (columns[metric].get(name) for metric in metrics)
        print_cells([name, *(f"{one[0]:.3f} {one[1]}" if one else "" for one in found)])
    ratios = ([one[0] for one in of_metric.values()] for of_metric in columns.values())
    print_cells(["geometric mean", *(f"{geometric_mean(of_metric):.3f}" if of_metric else "" for of_metric in ratios)])
    for metric in metrics[:-1]:
        print(f"{METRICS[metric]}: {dict(Counter(one[1] for one in columns[metric].values()))}")


def print_against_peers(results, who):
    """Print the ranks among the peers, the wins and the processor time of one of our contenders."""
    print(f"\n{who} against the others")
    for metrics in (("rmse", "error"), ("rmse", "log_loss")):
        by = " or ".join(METRICS[metric] for metric in metrics)
        means = all_paired(results, metrics, (who, *PEERS))
        if means:
            ranks = zip((who, *PEERS), mean_ranks(means), strict=True)
            print(f"mean rank by {by}, {len(means)} tables: {', '.join(f'{name} {rank:.2f}' for name, rank in ranks)}")
        for other in PEERS:
            pairs = all_paired(results, metrics, (who, other)).values()
            if pairs:
                wins = sum(mine < theirs for mine, theirs in pairs)
                print(f"  better than {other} by {by}: {wins} of {len(pairs)} tables")
    pairs = list(all_paired(results, ("processor_seconds",), (who, "RealMLP-TD-S")).values())
    if pairs:
        mine, theirs = np.transpose(pairs)
        text = f"in total {mine.sum() / theirs.sum():.3f}, geometric mean {geometric_mean(mine / theirs):.3f}"
        print(f"processor time of fit relative to RealMLP-TD-S, {len(pairs)} tables: {text}")


def print_report(results):
    """Print the tables of the metrics, and the comparisons."""
    results = {name: results[name] for name in TABLES if name in results}
    names = [who for who in CONTENDERS if any(of_table.get(who) for of_table in results.values())]
    for metric in METRICS:
        print_metric(results, metric, names)
    for who in ENSEMBLES:
        if who in names and "ours" in names:
            print_against_ours(results, who)
    for who in OURS:
        if who in names:
            print_against_peers(results, who)


def main():
    """Run what is missing and print the report."""
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=TABLES, default=list(TABLES), metavar="NAME")
    parser.add_argument("--folds", type=int, choices=range(1, N_FOLDS + 1), default=N_FOLDS)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--merge", nargs="+", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.merge:
        results = merge(*map(read, arguments.merge))
        write(arguments.json, results=results)
    else:
        results = read(arguments.json) if arguments.json and arguments.json.exists() else {}
        run(results, arguments)
        print_warnings()
    print_report(results)


if __name__ == "__main__":
    main()
