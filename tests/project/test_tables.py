"""Data frames with strings, categories, dates and missing values, encoded by skrub: what docs/guide/tables.md says."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from tests.shared import BOTH, TRAINS_BRIEFLY

skrub = pytest.importorskip("skrub")

BRIEF = {"max_iter": 20, "tol": None, "random_state": 0}


def mixed_table(n_samples=300, seed=0):
    """Return a table with a column of each kind, and a target that depends on all of them."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 730, n_samples), unit="D")
    cities = np.array([f"{name}{suffix}" for name in ("north", "south", "east") for suffix in range(20)])
    table = pd.DataFrame(
        {
            "size": rng.normal(size=n_samples),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n_samples)),
            "city": rng.choice(cities, n_samples),
            "sold": days.strftime("%Y-%m-%d"),
            "date": days,
            "text_of_numbers": rng.normal(size=n_samples).round(2).astype(str),
        }
    )
    y = table["size"] + 2.0 * (table["kind"] == "a") + 3.0 * table["city"].str.startswith("north")
    y += 2 * np.cos(2 * np.pi * days.day_of_year / 365)
    for position, name in enumerate(table):
        table.loc[position::11, name] = None
    return table, y.to_numpy()


@pytest.fixture
def table():
    return mixed_table()


def target(estimator, y):
    """Return the target of a regression, or labels that are strings."""
    return y if estimator is BackpropRegressor else np.where(y > np.median(y), "high", "low")


@BOTH
def test_tabular_pipeline_learns_from_each_kind_of_column(estimator, table):
    X, y = table
    model = skrub.tabular_pipeline(estimator(random_state=0))
    scores = cross_val_score(model, X, target(estimator, y), cv=3)
    assert scores.mean() > (0.6 if estimator is BackpropRegressor else 0.8)


@BOTH
def test_tabular_pipeline_adds_an_imputer_and_a_scaler(estimator):
    """The page says which steps there are, and leaves out the scaler by its name."""
    steps = skrub.tabular_pipeline(estimator()).named_steps
    assert list(steps) == ["tablevectorizer", "simpleimputer", "squashingscaler", estimator.__name__.lower()]
    assert steps["simpleimputer"].add_indicator
    assert steps["tablevectorizer"].datetime.periodic_encoding


@BOTH
@TRAINS_BRIEFLY
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_new_samples_may_have_other_categories_and_missing_values(estimator, table):
    X, y = table
    model = skrub.tabular_pipeline(estimator(**BRIEF)).fit(X, target(estimator, y))
    new = X.head(20).astype({"kind": object})
    new.loc[0, ["kind", "city", "sold"]] = ["d", "a new city", "1999-12-31"]
    new.loc[1] = None
    new.loc[2, "size"] = 1e6
    predictions = model.predict(new)
    assert predictions.shape == (20,)
    assert not pd.isna(predictions).any()


@BOTH
@TRAINS_BRIEFLY
def test_data_frames_of_polars_give_the_same(estimator, table):
    polars = pytest.importorskip("polars")
    X, y = table
    X = X.drop(columns=["kind", "city"])  # whose categories polars may order otherwise
    model = skrub.tabular_pipeline(estimator(**BRIEF))
    expected = clone(model).fit(X, target(estimator, y)).predict(X)
    names = {name: X[name].to_list() for name in X if name != "date"}
    frame = polars.DataFrame({**names, "date": X["date"].dt.to_pydatetime()}, strict=False, nan_to_null=True)
    frame = frame.select(list(X))
    predicted = model.fit(frame, target(estimator, y)).predict(frame)
    if estimator is BackpropRegressor:
        np.testing.assert_allclose(predicted, expected, rtol=1e-3, atol=1e-3)
    else:
        assert np.mean(predicted == expected) > 0.99


@TRAINS_BRIEFLY
def test_parameters_of_the_network_are_searched_and_the_pipeline_is_pickled(table):
    X, y = table
    model = skrub.tabular_pipeline(BackpropRegressor(**BRIEF))
    search = GridSearchCV(model, {"backpropregressor__hidden_layer_sizes": [(), (20,)]}, cv=2).fit(X, y)
    assert search.best_estimator_[-1].hidden_layer_sizes in [(), (20,)]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    loaded = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(loaded.predict(X), search.predict(X))


@pytest.mark.parametrize("ensemble", [BackpropEnsembleRegressor, BackpropEnsembleClassifier])
@TRAINS_BRIEFLY
def test_an_ensemble_learns_from_a_mixed_table(ensemble, table):
    X, y = table
    regression = ensemble is BackpropEnsembleRegressor
    network = (BackpropRegressor if regression else BackpropClassifier)(max_iter=5, tol=None)
    model = skrub.tabular_pipeline(ensemble(network, n_estimators=2, candidates=None, random_state=0))
    labels = y if regression else y > np.median(y)
    assert len(model.fit(X, labels).predict(X)) == len(X)


@BOTH
@pytest.mark.parametrize("name", ["kind", "city", "sold", "date", "size"])
def test_a_network_alone_names_the_column_and_what_to_do(estimator, name, table):
    X, y = table
    with pytest.raises((TypeError, ValueError), match=rf"'{name}'.*skrub.*docs/guide/tables\.md"):
        estimator().fit(X[[name]].assign(complete=1.0), target(estimator, y))
