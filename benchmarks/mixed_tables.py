"""Scores and times on data frames with strings, categories, dates and missing values, compared with gradient boosting.

    python benchmarks/mixed_tables.py --data DIR --rdatasets DIR [--sets NAME ...] [--folds 3] [--contenders NAME ...]
                                      [--json FILE]

The DIR of --data contains a file NAME/NAME.csv.gz for adult and bike_sharing, as for defaults.py. That of --rdatasets
is a checkout of https://github.com/vincentarelbundock/Rdatasets, which has the other tables in csv/PACKAGE/NAME.csv.
TABLES lists all; missing tables are skipped. The options of docs/guide/tables.md were chosen on those in CHOSEN_ON, and
the others report on it.

Contenders, all with the number of the fold as `random_state`, one thread, in turn on the same shuffled folds:

    default      skrub.tabular_pipeline(BackpropRegressor()) or BackpropClassifier()
    NAME         the same with one of the CHANGES to its steps, which are set by `set_params`
    options      all options of docs/guide/tables.md at once: no scaler, 100 numbers per string, circular dates,
                 binned spikes
    ensemble     skrub.tabular_pipeline(BackpropEnsembleRegressor()) or BackpropEnsembleClassifier()
    ensemble, options
                 the same with the options
    boosting     skrub.tabular_pipeline(HistGradientBoosting...(categorical_features="from_dtype"))
    boosting alone
                 HistGradientBoosting...(categorical_features="from_dtype") on the same frame without skrub: strings as
                 categories, dates as numbers, without the columns of more than 255 categories, which it refuses

Report: means over the folds, with standard errors, of the area under the ROC curve or the R2; mean seconds of `fit`,
with the encoding, and of the predictions of the test samples; columns that the model is given.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy loads its BLAS, and for the gradient boosting

import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import report
from contenders import warm_up
from defaults import error_of_mean, splitter
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler
from skrub import DatetimeEncoder, GapEncoder, MinHashEncoder, StringEncoder, tabular_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder

MAX_CATEGORIES = 255  # of HistGradientBoosting


class Table(NamedTuple):
    """A table, its target, and what is made of it.

    Attributes
    ----------
    target : str
        The column to predict.
    positive : str or None
        The value of the target that is the positive class, or None for a regression.
    drop : tuple of str
        Columns that are no inputs: identifiers, weights of a survey, and what is known only after the target.
    dates : tuple of str
        Columns of dates, which gradient boosting alone gets as numbers.
    package : str or None
        The R package of a table of Rdatasets.
    n_samples : int or None
        How many samples are drawn of a large table.
    """

    target: str
    positive: str | None = None
    drop: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    package: str | None = None
    n_samples: int | None = None


AFTER_THE_LOAN = ("balance", "paid_total", "paid_principal", "paid_interest", "paid_late_fees", "loan_status")
GIVES_THE_RATE = ("grade", "sub_grade", "installment")
CHOSEN_ON = ("bike_sharing", "tate_text", "wa_churn", "adult")
TABLES = {
    "bike_sharing": Table("cnt", drop=("instant", "casual", "registered"), dates=("dteday",), n_samples=8000),
    "tate_text": Table("year", drop=("id",), package="modeldata"),
    "wa_churn": Table("churn", "Yes", package="modeldata"),
    "adult": Table("income", ">50K", drop=("fnlwgt", "split"), n_samples=15_000),
    "hotel_rates": Table("lead_time", dates=("arrival_date",), package="modeldata", n_samples=8000),
    "loans_full_schema": Table("interest_rate", drop=AFTER_THE_LOAN + GIVES_THE_RATE, package="openintro"),
    "comics": Table("align", "Good", package="openintro", n_samples=8000),
}


# Contenders


def network(regression, seed):
    return (BackpropRegressor if regression else BackpropClassifier)(random_state=seed)


def ensemble(regression, seed):
    return (BackpropEnsembleRegressor if regression else BackpropEnsembleClassifier)(random_state=seed)


def boosting(regression, seed):
    made = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return made(categorical_features="from_dtype", random_state=seed)


def one_hot(min_frequency):
    return OneHotEncoder(handle_unknown="ignore", min_frequency=min_frequency, sparse_output=False)


def high(encoder):
    """Return a change of the encoder of columns with many categories."""
    return {"tablevectorizer__high_cardinality": encoder}


def numbers(encoder):
    """Return a change of the encoder of numbers, without the scaler."""
    return {"squashingscaler": "passthrough", "tablevectorizer__numeric": encoder}


def dates(periodic, **parameters):
    """Return a change of the encoder of dates."""
    return {"tablevectorizer__datetime": DatetimeEncoder(periodic_encoding=periodic, **parameters)}


def bins(n_bins, strategy="kmeans", with_numbers=False):
    """Return an encoder of numbers as one-hot bins."""
    binning = KBinsDiscretizer(
        n_bins, encode="onehot-dense", strategy=strategy, quantile_method="averaged_inverted_cdf", random_state=0
    )
    binned = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), binning)
    return make_union("passthrough", binned) if with_numbers else binned


def binned_spikes(X):
    """Return a change for columns of numbers that mostly have one value, such as 0, and many others."""
    spikes = [name for name in X.select_dtypes("number") if X[name].nunique() > 20 and share_of_mode(X[name]) > 0.5]
    return {"tablevectorizer__specific_transformers": [(bins(40), spikes)] if spikes else []}


def share_of_mode(column):
    return column.value_counts(normalize=True).iloc[0]


UNSCALED = {"squashingscaler": "passthrough"}
OPTIONS = {**UNSCALED, **high(StringEncoder(n_components=100, random_state=0)), **dates("circular", add_weekday=True)}
CHANGES = {
    "default": {},
    "unscaled": UNSCALED,
    "StandardScaler": {"squashingscaler": StandardScaler()},
    "StringEncoder 10": high(StringEncoder(n_components=10, random_state=0)),
    "StringEncoder 100": high(StringEncoder(n_components=100, random_state=0)),
    "GapEncoder": high(GapEncoder(n_components=10)),
    "MinHashEncoder": high(MinHashEncoder()),
    "one-hot": high(one_hot(10)),
    "one-hot below 255": {"tablevectorizer__cardinality_threshold": MAX_CATEGORIES},
    "dates as numbers": dates(None),
    "circular dates": dates("circular"),
    "circular dates, weekday": dates("circular", add_weekday=True),
    "spline dates, weekday": dates("spline", add_weekday=True),
    "no indicator": {"simpleimputer__add_indicator": False},
    "median": {"simpleimputer__strategy": "median"},
    "bins 20": numbers(bins(20)),
    "bins 40": numbers(bins(40)),
    "bins 80": numbers(bins(80)),
    "quantile bins 40": numbers(bins(40, "quantile")),
    "numbers, bins 20": numbers(bins(20, with_numbers=True)),
    "numbers, bins 40": numbers(bins(40, with_numbers=True)),
    "piecewise 16": {"squashingscaler": PiecewiseLinearEncoder()},
    "piecewise 32": {"squashingscaler": PiecewiseLinearEncoder(32)},
    "options": OPTIONS,
}


def contender(name, table, X, seed):
    """Return an unfitted pipeline."""
    regression = table.positive is None
    if name == "boosting":
        return tabular_pipeline(boosting(regression, seed))
    if name == "boosting alone":
        return boosting(regression, seed)
    if name == "ensemble":
        return tabular_pipeline(ensemble(regression, seed))
    if name == "ensemble, options":
        return tabular_pipeline(ensemble(regression, seed)).set_params(**OPTIONS, **binned_spikes(X))
    spikes = binned_spikes(X) if name == "options" else {}
    return tabular_pipeline(network(regression, seed)).set_params(**CHANGES[name], **spikes)


def as_categories(X, dates):
    """Return the frame with dates as numbers and strings as categories, without columns of too many categories."""
    X = X.copy()
    for name in dates:
        X[name] = pd.to_datetime(X[name]).astype("datetime64[s]").astype("int64")
    for name in X.select_dtypes(exclude="number"):
        X[name] = X[name].astype("category")
    return X.drop(columns=[name for name in X.select_dtypes("category") if X[name].nunique() > MAX_CATEGORIES])


CONTENDERS = (*CHANGES, "ensemble", "ensemble, options", "boosting", "boosting alone")
COMPARED = ("default", "options", "ensemble", "boosting", "boosting alone")


# Data


def read(name, arguments):
    """Return the data frame of inputs and y, or None if the file is missing."""
    table = TABLES[name]
    frame = read_file(name, arguments.data) if table.package is None else read_package(name, arguments.rdatasets)
    if frame is None:
        return None
    frame = frame.dropna(subset=[table.target])
    if table.n_samples:
        frame = frame.sample(table.n_samples, random_state=0)
    target = frame[table.target]
    y = target.to_numpy(float) if table.positive is None else (target == table.positive).to_numpy(int)
    return frame.drop(columns=[table.target, *table.drop]).reset_index(drop=True), y


def read_file(name, folder):
    """Return the table from a folder of data sets, or None."""
    path = folder and folder / name / f"{name}.csv.gz"
    return pd.read_csv(path) if path and path.is_file() else None


def read_package(name, folder):
    """Return the table of an R package from a checkout of Rdatasets, or None."""
    path = folder and folder / "csv" / TABLES[name].package / f"{name}.csv"
    return pd.read_csv(path, index_col=0, low_memory=False) if path and path.is_file() else None


# Report


def measure(model, table, X, y, train, test):
    """Return the score on the test samples, the seconds of fit and predictions, and the columns of the encoded X."""
    start = time.perf_counter()
    model.fit(X.iloc[train], y[train])
    fitted = time.perf_counter()
    if table.positive is None:
        score = r2_score(y[test], model.predict(X.iloc[test]))
    else:
        score = roc_auc_score(y[test], model.predict_proba(X.iloc[test])[:, 1])
    last = model[-1] if hasattr(model, "steps") else model
    return score, fitted - start, time.perf_counter() - fitted, last.n_features_in_


def run(name, X, y, arguments):
    """Print the figures of a table and return them."""
    table, found = TABLES[name], {}
    alone = as_categories(X, table.dates)
    for fold, (train, test) in enumerate(splitter(table.positive is None, arguments.folds).split(X, y)):
        for made in arguments.contenders:
            if made == "boosting alone" and alone.empty:
                continue
            model = contender(made, table, X, fold)
            frame = alone if made == "boosting alone" else X
            found.setdefault(made, []).append(measure(model, table, frame, y, train, test))
    role = "chosen on" if name in CHOSEN_ON else "reported on"
    measured = "R2" if table.positive is None else "AUC"
    print(f"\n{name} ({role}), {len(X)} samples, {X.shape[1]} columns, {measured}")
    for made, figures in found.items():
        scores, fits, predictions, columns = np.transpose(figures)
        shown = f"{scores.mean():.4f} +- {error_of_mean(scores):.4f}"
        print(
            f"  {made:<24}{shown}{fits.mean():9.2f} s{predictions.mean():8.3f} s{columns.mean():8.0f} columns",
            flush=True,
        )
    return found


def main():
    """Print the figures of every table."""
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rdatasets", type=Path)
    parser.add_argument("--sets", nargs="+", choices=TABLES, default=list(TABLES), metavar="NAME")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=COMPARED, metavar="NAME")
    arguments = parser.parse_args()
    results = {"versions": report.versions(), "tables": {}}
    data = {name: found for name in arguments.sets if (found := read(name, arguments)) is not None}
    print("missing, skipped:", sorted(set(arguments.sets) - set(data)) or "none")
    warm_up()
    for name, (X, y) in data.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results["tables"][name] = run(name, X, y, arguments)
        report.write(arguments.json, **results)


if __name__ == "__main__":
    main()
