"""Scores and fit times of the defaults on raw columns, compared with scikit-learn's MLP and gradient boosting.

    python benchmarks/defaults.py --data DIR [--sets NAME ...] [--folds 5] [--others NAME ...] [--change NAME=VALUE ...]
                                  [--json FILE]

DIR contains a file NAME/NAME.csv.gz for each data set, with a header and the target in one column; `TABLES` of
`problems.tables` lists the targets and the columns that are dropped. Text columns are dropped too. mnist consists of
the two idx files of the training set, of which the first 10000 samples are used. Four data sets come with
scikit-learn. Missing data sets are skipped. Other kinds of data are in kinds.py.

Contenders, all with default parameters and the number of the fold as `random_state`, one thread, in turn on each fold:

    ours        BackpropRegressor or BackpropClassifier on the raw columns
    MLP scaled  scikit-learn's MLP, inputs and a numeric target standardized by training mean and standard deviation
    MLP raw     scikit-learn's MLP on the raw columns
    HistGB      HistGradientBoosting on the raw columns

Part 1: mean R2 (over outputs) or accuracy of shuffled folds, and mean seconds of `fit`. The verdict compares "ours"
with "MLP scaled": "better", "within" one standard error (of that MLP's mean over the folds), or "worse". For the data
sets of scikit-learn, the scores of cross_val_score's unshuffled folds follow. Part 2: test RMSE on the 20 published
splits of four data sets (Hernandez-Lobato and Adams 2015). Part 3: balanced accuracy with and without
class_weight="balanced".

--others names the contenders besides the first two; without names, there are none.

--change sets parameters of "ours", as in ``--change early_stopping=False``, to measure the effect of a default.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy loads its BLAS, and for the gradient boosting

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import report
from contenders import WARNED, changed, fit, print_warnings, scaled_mlp, warm_up
from problems import tables
from problems.tables import TABLES
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

PUBLISHED = ("yacht", "concrete", "energy_efficiency", "kin8nm")
CONTENDERS = ("ours", "MLP scaled", "MLP raw", "HistGB")
UNBALANCED = "rc_column_failure_mode"


def contenders(regression, seed, n_outputs, changes):
    """Return the unfitted estimators by name."""
    ours, MLP, boosting = BackpropClassifier, MLPClassifier, HistGradientBoostingClassifier
    if regression:
        ours, MLP, boosting = BackpropRegressor, MLPRegressor, HistGradientBoostingRegressor
    boosted = boosting(random_state=seed)
    return {
        "ours": ours(random_state=seed, **changes),
        "MLP scaled": scaled_mlp(regression, seed),
        "MLP raw": MLP(random_state=seed),
        "HistGB": boosted if n_outputs == 1 else MultiOutputRegressor(boosted),
    }


def error_of_mean(values):
    """Return the standard error of the mean."""
    return np.std(values, ddof=1) / np.sqrt(len(values))


def splitter(regression, n_folds):
    """Return the shuffled folds."""
    return (KFold if regression else StratifiedKFold)(n_folds, shuffle=True, random_state=0)


def run_folds(name, X, y, arguments):
    """Print the figures of one data set for part 1 and return them."""
    regression, n_outputs = TABLES[name].regression, 1 if y.ndim == 1 else y.shape[1]
    scores, seconds = {}, {}
    for fold, (train, test) in enumerate(splitter(regression, arguments.folds).split(X, y)):
        for contender, estimator in contenders(regression, fold, n_outputs, arguments.change).items():
            if contender not in arguments.contenders:
                continue
            seconds.setdefault(contender, []).append(fit(estimator, X[train], y[train], name))
            scores.setdefault(contender, []).append(estimator.score(X[test], y[test]))
    mean = {contender: np.mean(values) for contender, values in scores.items()}
    mean_seconds = {contender: np.mean(values) for contender, values in seconds.items()}
    error, lead = error_of_mean(scores["MLP scaled"]), mean["ours"] - mean["MLP scaled"]
    verdict = "better" if lead > 0 else "within" if lead >= -error else "worse"
    shown = (f"{value:8.4f}" if value > -9 else "    < -9" for value in mean.values())
    print(f"{name:<23}{len(X):>6}", *shown, f"{error:7.4f} {verdict}")
    times = (f"{value:8.3f}" for value in mean_seconds.values())
    print(f"{'  seconds':<29}", *times, f"  MLP scaled / ours {mean_seconds['MLP scaled'] / mean_seconds['ours']:.2f}")
    return {"scores": scores, "seconds": seconds, "error": error, "verdict": verdict}


def run_unshuffled(name, X, y, arguments):
    """Print and return the mean scores of cross_val_score, for five seeds."""
    found = {}
    for seed in range(5):
        for contender, estimator in list(contenders(TABLES[name].regression, seed, 1, arguments.change).items())[:2]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.setdefault(contender, []).append(cross_val_score(estimator, X, y).mean())
    for contender, values in found.items():
        spread = f"{min(values):.4f} to {max(values):.4f} for 5 seeds"
        print(f"    {contender} on cross_val_score's own folds: {np.mean(values):.4f}, {spread}")
    return found


def run_published(name, X, y, arguments):
    """Print and return the test RMSE on the published splits."""
    rs, found = np.random.RandomState(1), {}
    for split in range(20):
        order = rs.choice(range(len(X)), len(X), replace=False)
        train, test = np.split(order, [round(0.9 * len(X))])
        for contender, estimator in list(contenders(True, split, 1, arguments.change).items())[:2]:
            seconds = fit(estimator, X[train], y[train], name)
            rmse = np.sqrt(np.mean((estimator.predict(X[test]) - y[test]) ** 2))
            found.setdefault(contender, []).append((rmse, seconds))
    for contender, figures in found.items():
        rmse, seconds = np.transpose(figures)
        print(f"{name:<20}{contender:<12}{rmse.mean():8.4f} +- {error_of_mean(rmse):.4f}  {seconds.mean():8.3f} s")
    return found


def run_unbalanced(X, y, arguments):
    """Print and return balanced accuracy with and without class weights."""
    found = {}
    for fold, (train, test) in enumerate(splitter(False, arguments.folds).split(X, y)):
        three = contenders(False, fold, 1, arguments.change)
        three["ours, balanced"] = clone(three["ours"]).set_params(class_weight="balanced")
        for contender in ("ours", "ours, balanced", "MLP scaled"):
            fit(three[contender], X[train], y[train], UNBALANCED)
            predicted = three[contender].predict(X[test])
            figures = balanced_accuracy_score(y[test], predicted), np.mean(predicted == y[test])
            found.setdefault(contender, []).append(figures)
    for contender, figures in found.items():
        balanced, accuracy = np.transpose(figures)
        shown = f"{balanced.mean():.4f} +- {error_of_mean(balanced):.4f}, accuracy {accuracy.mean():.4f}"
        print(f"  {contender:<16}balanced accuracy {shown}")
    return found


def main():
    """Print the three parts."""
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=TABLES, default=list(TABLES), metavar="NAME")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--others", nargs="*", choices=CONTENDERS[2:], default=CONTENDERS[2:], metavar="NAME")
    parser.add_argument("--change", nargs="+", type=changed, default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    arguments.change = dict(arguments.change)
    arguments.contenders = {*CONTENDERS[:2], *arguments.others}
    results = {"versions": report.versions(), "change": arguments.change, "folds": {}, "unshuffled": {}, "splits": {}}
    data = {name: found for name in arguments.sets if (found := tables.load(name, arguments.data)) is not None}
    print("missing, skipped:", sorted(set(arguments.sets) - set(data)) or "none", "; changed:", arguments.change)
    warm_up()
    print(f"\n{arguments.folds} shuffled folds; mnist: the first {tables.MNIST_SAMPLES} samples of the training file")
    print(f"{'':<22}samples     ours   scaled MLP raw   HistGB   error verdict")
    for name, (X, y) in data.items():
        results["folds"][name] = run_folds(name, X, y, arguments)
        if TABLES[name].target == "sklearn":
            results["unshuffled"][name] = run_unshuffled(name, X, y, arguments)
        report.write(arguments.json, **results)
    print("verdicts:", dict(Counter(figures["verdict"] for figures in results["folds"].values())))
    print("\nTest RMSE on the published splits")
    for name in (name for name in PUBLISHED if name in data):
        results["splits"][name] = run_published(name, *data[name], arguments)
    if UNBALANCED in data:
        print(f"\n{UNBALANCED}, class_weight None and 'balanced'")
        results["balanced"] = run_unbalanced(*data[UNBALANCED], arguments)
    print_warnings()
    report.write(arguments.json, **results, warned=WARNED)


if __name__ == "__main__":
    main()
