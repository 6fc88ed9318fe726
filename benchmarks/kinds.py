"""Scores, probabilities and fit times of the defaults on many kinds of data, compared with references for each kind.

    python benchmarks/kinds.py [--data DIR] [--role choose | report] [--kinds KIND ...] [--sets NAME ...] [--seeds 5]
                               [--contenders NAME ...] [--change NAME=VALUE ...] [--baseline FILE] [--json FILE]

`problems` lists the data by kind and says on which of them defaults may be chosen ("choose"); the others only check
the choice ("report"). Each seed is another draw, or another split of a table, and the `random_state`. DIR is that of
defaults.py; without it, the tables are skipped. The kind "table" consists of the data of defaults.py and has to be
named.

Contenders, on one thread and in turn for each seed:

    ours         BackpropRegressor or BackpropClassifier on the raw columns
    MLP          scikit-learn's MLP, inputs and a numeric target standardized; CSR as it is; amounts with loss="poisson"
    MLP stopped  the same with early_stopping=True
    linear       logistic or ridge regression, HuberRegressor for robust losses, the GLM of the same loss for amounts
    constant     the shares of the classes, or the mean
    clean        ours on training data without the outliers, where the problem has outliers
    quantiles    ours behind QuantileTransformer(output_distribution="normal"), where columns have heavy tails

Lines of a problem: R2 or accuracy; log loss; expected calibration error in 15 bins; mean deviance; the score on the
training samples; seconds of `fit`, and how many times as long as ours the MLP takes. Columns: mean over the seeds,
with minimum and maximum of ours. At the end: for each kind, the geometric mean over its problems of ours over the
better MLP, in 1 - R2, error rate, log loss and deviance, and of ours over MLP in seconds; and the claims of the
documentation with "holds" or "MISSED". That a fit takes no longer than the MLP's is claimed for all problems.

--change sets parameters of "ours". --contenders limits the comparison, as in ``--contenders ours MLP``. --baseline
reads the JSON file of an earlier run with at least as many seeds: its figures of "ours" are shown as "before", and the
contenders that do not run are taken from it, in much less time. Then the seconds are no longer measured in turn.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy loads its BLAS

import json
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import report
from contenders import WARNED, changed, fit, print_warnings, scaled_mlp, warm_up
from problems import PROBLEMS
from scipy import sparse
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import HuberRegressor, LogisticRegression, PoissonRegressor, Ridge, TweedieRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

CONTENDERS = ("ours", "MLP", "MLP stopped", "linear", "constant", "clean", "quantiles")
COLUMNS = (*CONTENDERS, "before")
SHOWN = {
    "classification": ("accuracy", "log_loss", "calibration", "training"),
    "regression": ("r2", "training"),
    "amounts": ("deviance", "training"),
}
MANY_TRAINING_SAMPLES = 5000  # the score on the training samples is that on the first of them


# Contenders


def ours(problem, seed, change):
    """Return our estimator with the settings of the problem and the changes."""
    make = BackpropClassifier if problem.task == "classification" else BackpropRegressor
    return make(random_state=seed, **{**problem.settings, **change})


def mlp(problem, X, seed, **settings):
    """Return scikit-learn's MLP with the scaling that a user would add."""
    settings["max_iter"] = problem.settings.get("max_iter", 200)
    if problem.task == "amounts":
        return make_pipeline(StandardScaler(), MLPRegressor(loss="poisson", random_state=seed, **settings))
    if sparse.issparse(X):
        return MLPClassifier(random_state=seed, **settings)
    return scaled_mlp(problem.task == "regression", seed, **settings)


def linear(problem, X):
    """Return the linear model of the same loss."""
    loss = problem.settings.get("loss")
    if problem.task == "classification":
        model = LogisticRegression(max_iter=1000)
    elif problem.task == "amounts":
        poisson = PoissonRegressor(alpha=1e-4, max_iter=1000)
        model = poisson if loss == "poisson" else TweedieRegressor(power=loss.power, alpha=1e-4, max_iter=1000)
    else:
        model = HuberRegressor(max_iter=1000) if loss in ("huber", "absolute_error") else Ridge()
    return model if sparse.issparse(X) else make_pipeline(StandardScaler(), model)


def behind_quantiles(problem, seed, change):
    """Return our estimator behind a transformation to normal columns."""
    transformer = QuantileTransformer(output_distribution="normal", random_state=seed)
    return make_pipeline(transformer, ours(problem, seed, change))


def contenders(problem, data, seed, arguments):
    """Return the unfitted estimators by name."""
    mine = partial(ours, problem, seed, arguments.change)
    makers = {
        "ours": mine,
        "MLP": partial(mlp, problem, data.X, seed),
        "MLP stopped": partial(mlp, problem, data.X, seed, early_stopping=True),
        "linear": partial(linear, problem, data.X),
        "constant": DummyClassifier if problem.task == "classification" else DummyRegressor,
    }
    if data.clean_X is not None:
        makers["clean"] = mine
    if any(claim.against == "quantiles" for claim in problem.claims):
        makers["quantiles"] = partial(behind_quantiles, problem, seed, arguments.change)
    return {name: makers[name]() for name in CONTENDERS if name in makers and name in arguments.contenders}


# Metrics


def calibration_error(y, probabilities, classes, n_bins=15):
    """Return the expected calibration error of the predicted class, in bins of equal width."""
    confidence, is_right = probabilities.max(axis=1), classes[probabilities.argmax(axis=1)] == y
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [abs(np.sum(is_right[bins == b] - confidence[bins == b])) for b in range(n_bins)]
    return sum(gaps) / len(y)


def of_probabilities(estimator, X, y):
    """Return the metrics of a classification."""
    probabilities, classes = estimator.predict_proba(X), estimator.classes_
    accuracy = np.mean(estimator.predict(X) == y)
    return {
        "accuracy": accuracy,
        "error": 1 - accuracy,
        "log_loss": metrics.log_loss(y, probabilities, labels=classes),
        "calibration": calibration_error(y, probabilities, classes),
    }


def of_amounts(problem, estimator, X, y):
    """Return the deviance of the problem's loss."""
    loss = problem.settings["loss"]
    power = 1 if loss == "poisson" else loss.power
    return {"deviance": metrics.mean_tweedie_deviance(y, np.maximum(estimator.predict(X), 1e-300), power=power)}


def measure(problem, estimator, X, y):
    """Return the metrics of the task."""
    if problem.task == "classification":
        return of_probabilities(estimator, X, y)
    if problem.task == "amounts":
        return of_amounts(problem, estimator, X, y)
    return {"r2": metrics.r2_score(y, estimator.predict(X))}


def run_seed(name, problem, data, seed, arguments):
    """Return the metrics and seconds of each contender for one seed."""
    found = {}
    for contender, estimator in contenders(problem, data, seed, arguments).items():
        X, y = (data.clean_X, data.clean_y) if contender == "clean" else (data.X, data.y)
        seconds = fit(estimator, X, y, name)
        few = slice(MANY_TRAINING_SAMPLES)
        training = measure(problem, estimator, X[few], y[few])[SHOWN[problem.task][0]]
        of_test = measure(problem, estimator, data.X_test, data.y_test)
        found[contender] = {**of_test, "training": training, "seconds": seconds}
    return found


def run(name, problem, arguments):
    """Return the figures of a problem, lists over the seeds, by contender and metric, or None if data are missing."""
    figures = {}
    for seed in range(arguments.seeds):
        data = problem.load(seed, arguments.data)
        if data is None:
            return None
        for contender, found in run_seed(name, problem, data, seed, arguments).items():
            for metric, value in found.items():
                figures.setdefault(contender, {}).setdefault(metric, []).append(float(value))
    return figures


def add_baseline(figures, earlier, n_seeds):
    """Return the figures with those of an earlier run that are missing, and ours of then as "before"."""
    earlier = {"before" if name == "ours" else name: found for name, found in earlier.items() if name != "before"}
    earlier = {name: {metric: found[metric][:n_seeds] for metric in found} for name, found in earlier.items()}
    return {**earlier, **figures}


# Tables


def shown(value):
    """Return a figure in eight characters."""
    return f"{value:8.4f}" if abs(value) < 100 else f"{value:8.1f}" if abs(value) < 1e5 else f"{value:8.0e}"


def print_problem(name, problem, figures):
    """Print the table of a problem."""
    print(f"\n{name} ({problem.kind}, {problem.role})")
    for metric in (*SHOWN[problem.task], "seconds"):
        means = (shown(np.mean(figures[name][metric])) if name in figures else " " * 8 for name in COLUMNS)
        mine = figures["ours"][metric] if "ours" in figures else [np.nan]
        line = f"  {metric:<12}" + "".join(f"{mean:>12}" for mean in means)
        print(f"{line}   {shown(min(mine)).strip()} to {shown(max(mine)).strip()}")


def badness(figures, contender, metric):
    """Return the mean of a metric of which less is better; no less than a thousandth, for geometric means."""
    values = np.array(figures[contender][metric])
    return max(np.mean(1 - values if metric == "r2" else values), 1e-3)


def compare(figures, metric):
    """Return the ratio of ours to the better MLP, or None if one of them is missing."""
    others = [name for name in ("MLP", "MLP stopped") if name in figures]
    if "ours" not in figures or not others or metric not in figures["ours"]:
        return None
    return badness(figures, "ours", metric) / min(badness(figures, name, metric) for name in others)


def time_ratio(figures):
    """Return the seconds of ours over those of the MLP, the median over the seeds, or None."""
    if "ours" not in figures or "MLP" not in figures:
        return None
    pairs = zip(figures["ours"]["seconds"], figures["MLP"]["seconds"], strict=False)  # a baseline may have fewer seeds
    return np.median([ours / theirs for ours, theirs in pairs])


def print_kinds(results):
    """Print the geometric means of each kind."""
    print("\nOurs over the better MLP, geometric means; seconds over those of MLP")
    print(f"{'':<24}problems     1-R2    error log loss deviance  seconds")
    for kind, role in dict.fromkeys((PROBLEMS[name].kind, PROBLEMS[name].role) for name in results):
        of_kind = [found for name, found in results.items() if PROBLEMS[name][:2] == (kind, role)]
        columns = [[compare(found, metric) for found in of_kind] for metric in ("r2", "error", "log_loss", "deviance")]
        columns.append([time_ratio(found) for found in of_kind])
        known = ([ratio for ratio in column if ratio is not None] for column in columns)
        means = (f"{np.exp(np.mean(np.log(column))):9.2f}" if column else " " * 9 for column in known)
        print(f"{kind + ', ' + role:<24}{len(of_kind):>8}" + "".join(means))


def check(claim, figures):
    """Return what a claim compares, as text, and whether it holds."""
    lower_is_better = claim.metric not in ("r2", "accuracy", "training")
    values = figures["ours"][claim.metric]
    if claim.against is None:
        # a score has to be reached with every seed, an error on average
        worst = np.mean(values) if lower_is_better else min(values)
        holds = worst <= claim.bound if lower_is_better else worst >= claim.bound
        return f"{worst:.4f}, bound {claim.bound}", holds
    mean, other = np.mean(values), np.mean(figures[claim.against][claim.metric])
    text = f"{mean:.4f}, {claim.against} {other:.4f}, {claim.by} "
    if claim.by == "ratio":
        return f"{text}{mean / other:.3f}, bound {claim.bound}", mean <= claim.bound * other
    loss = mean - other if lower_is_better else other - mean
    return f"{text}{loss:.4f}, bound {claim.bound}", loss <= claim.bound


def print_claims(results):
    """Print the claims with their figures, and return those that hold and those that do not."""
    print("\nClaims")
    counts = Counter()
    for name, figures in results.items():
        for claim in PROBLEMS[name].claims:
            if "ours" in figures and (claim.against is None or claim.against in figures):
                text, holds = check(claim, figures)
                counts[holds] += 1
                print(f"{'holds ' if holds else 'MISSED'} {name}: {claim.metric} {text}")
    for name, figures in results.items():
        ratio = time_ratio(figures)
        if ratio is not None:
            counts[ratio <= 1] += 1
            if ratio > 1:
                print(f"MISSED {name}: seconds over those of MLP {ratio:.2f}, bound 1")
    print(f"{counts[True]} hold, {counts[False]} missed")


def arguments_of(parser):
    """Return the parsed arguments."""
    kinds = list(dict.fromkeys(problem.kind for problem in PROBLEMS.values()))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--role", choices=("choose", "report"))
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=[kind for kind in kinds if kind != "table"])
    parser.add_argument("--sets", nargs="+", choices=PROBLEMS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--change", nargs="+", type=changed, default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    arguments.change = dict(arguments.change)
    return arguments


def is_selected(name, arguments):
    """Return whether to run a problem; --sets counts alone."""
    if arguments.sets:
        return name in arguments.sets
    return PROBLEMS[name].kind in arguments.kinds and arguments.role in (None, PROBLEMS[name].role)


def main():
    """Print the table, the means of each kind, and the claims."""
    arguments = arguments_of(report.parser(__doc__))
    versions = report.versions()
    warm_up()
    print(f"{arguments.seeds} seeds; changed: {arguments.change or 'nothing'}")
    print(f"\n{'':<14}" + "".join(f"{name:>12}" for name in COLUMNS) + "   ours")
    results, baseline = {}, json.loads(arguments.baseline.read_text())["results"] if arguments.baseline else {}
    for name in (name for name in PROBLEMS if is_selected(name, arguments)):
        figures = run(name, PROBLEMS[name], arguments)
        if figures is None:
            print(f"\n{name}: data missing, skipped")
            continue
        results[name] = figures = add_baseline(figures, baseline.get(name, {}), arguments.seeds)
        print_problem(name, PROBLEMS[name], figures)
        report.write(arguments.json, versions=versions, change=arguments.change, results=results, warned=WARNED)
    print_kinds(results)
    print_claims(results)
    print_warnings()


if __name__ == "__main__":
    main()
