"""The figures, comparisons and files of the benchmark of ensembles."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from problems import tables


@pytest.fixture
def ensembles(monkeypatch):
    """The script, which sets the number of threads in the environment."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    import ensembles

    monkeypatch.setattr(ensembles, "warm_up", lambda names: None)
    return ensembles


@pytest.fixture
def folder(tmp_path, rng):
    """A folder with a small table of numbers and text columns with missing text, named as adult."""
    pandas = pytest.importorskip("pandas")
    columns = {"age": rng.integers(20, 60, 50), "sex": ["f", "m"] * 25, "fnlwgt": 1.5, "split": "train"}
    columns["country"] = ["here", "there", None, "here", "there"] * 10
    (tmp_path / "adult").mkdir()
    table = pandas.DataFrame({**columns, "income": ["high"] * 20 + ["low"] * 30})
    table.to_csv(tmp_path / "adult" / "adult.csv.gz", index=False)
    return tmp_path


def test_missing_text_is_a_category(folder):
    X, y = tables.load_encoded("adult", folder)
    assert X.shape == (50, 6)  # two categories, two and the missing one, age
    assert X.dtype == float
    assert X[:, :5].sum(axis=0).tolist() == [25, 25, 20, 20, 10]
    assert X[:, 5].min() >= 20
    assert np.bincount(y).tolist() == [20, 30]


def test_other_tables_are_those_of_load(tmp_path):
    for encoded, loaded in zip(tables.load_encoded("wine", None), tables.load("wine", None), strict=True):
        assert np.array_equal(encoded, loaded)
    assert tables.load_encoded("adult", tmp_path) is None
    assert tables.load_encoded("adult", None) is None


def test_later_results_count(ensembles):
    first = {"wine": {"ours": {"0": {"error": 0.1}, "1": {"error": 0.2}}}}
    second = {"wine": {"ours": {"1": {"error": 0.3}}, "HistGB": {"0": {"error": 0.4}}}, "digits": {}}
    merged = ensembles.merge(first, second)
    assert merged["wine"] == {"ours": {"0": {"error": 0.1}, "1": {"error": 0.3}}, "HistGB": {"0": {"error": 0.4}}}
    assert first["wine"]["ours"]["1"] == {"error": 0.2}


def test_contenders_are_compared_on_the_folds_that_both_have_run(ensembles):
    of_table = {"a": {"0": {"error": 0.1}, "1": {"error": 0.2}}, "b": {"1": {"error": 0.3}, "2": {"error": 0.4}}}
    assert ensembles.paired(of_table, "error", ("a", "b")).tolist() == [[0.2], [0.3]]
    assert ensembles.paired(of_table, "rmse", ("a", "b")) is None
    assert ensembles.paired(of_table, "error", ("a", "c")) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1, 0.2, 0.3], "better"), ([0.3, 0.4, 0.5], "worse"), ([0.1, 0.5, 0.3], "within"), ([0.2, 0.3, 0.4], "within")],
)
def test_verdict(values, expected, ensembles):
    assert ensembles.verdict(np.array(values), np.array([0.2, 0.3, 0.4])) == expected


def test_ranks_are_averaged_over_tables_and_ties(ensembles):
    means = {"wine": np.array([0.1, 0.2, 0.3]), "digits": np.array([0.2, 0.1, 0.2])}
    assert ensembles.mean_ranks(means).tolist() == [1.75, 1.5, 2.75]


def test_geometric_mean(ensembles):
    assert ensembles.geometric_mean([0.5, 2.0, 8.0]) == pytest.approx(2.0)
    assert ensembles.ratio("error", 0.0, 0.002) == 0.5
    assert ensembles.ratio("rmse", 0.0002, 0.0001) == 2


def test_rmse_of_several_outputs_is_relative(ensembles):
    class Constant:
        def predict(self, X):
            return np.tile([1.0, 10.0], (len(X), 1))

    y = np.array([[0.0, 0.0], [2.0, 20.0]])
    assert ensembles.of_regression(Constant(), np.zeros((2, 1)), y)["rmse"] == pytest.approx(1)
    assert ensembles.contender("HistGB", True, 0, 2).estimator.random_state == 0


def test_a_run_is_continued_and_reported(ensembles, monkeypatch, capsys, tmp_path):
    def run(options):
        monkeypatch.setattr(sys, "argv", ["ensembles.py", *options.split()])
        ensembles.main()
        return capsys.readouterr().out

    selection = f"--sets wine --contenders HistGB ExtraTrees --json {tmp_path / 'figures'}"
    assert run(f"{selection} --folds 1").count("wine, fold 0") == 2
    printed = run(f"{selection} --folds 2")
    assert "wine, fold 0" not in printed
    assert printed.count("wine, fold 1") == 2
    assert "(2 of 5 folds)" in run(f"--merge {tmp_path / 'figures'}")
