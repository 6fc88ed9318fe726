"""The data that defaults are chosen on: roles, shapes and seeds, and what the benchmark makes of the scores."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from problems import KINDS, PROBLEMS, Claim, tables

WITHOUT_FILES = [name for name, problem in PROBLEMS.items() if not problem.needs_files]
#: Functions on a grid, which is the same for each seed, and those without random parameters.
ON_A_GRID = ("frequency_response", "sine", "resonances", "sine_mixture")
FIXED = ("frequency_response", "sine")


@pytest.fixture
def kinds(monkeypatch):
    """The script, which sets the number of threads in the environment."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    import kinds

    monkeypatch.setattr(kinds, "warm_up", lambda: None)
    return kinds


def equal(a, b):
    return (a != b).nnz == 0 if sparse.issparse(a) else (a == b).all()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_problems_to_choose_on_and_problems_to_report(kind):
    assert {problem.role for problem in PROBLEMS.values() if problem.kind == kind} == {"choose", "report"}


def test_names_are_unique():
    assert len(PROBLEMS) == sum(map(len, KINDS.values()))


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_samples_fit_together(name):
    problem, data = PROBLEMS[name], PROBLEMS[name].load(0, None)
    assert data.X.shape[1] == data.X_test.shape[1]
    assert (data.X.shape[0], data.X_test.shape[0]) == (len(data.y), len(data.y_test))
    assert np.isfinite(data.X.data if sparse.issparse(data.X) else data.X).all()
    assert np.isfinite(data.y).all()
    assert data.y.std() > 0
    if problem.task == "classification":
        assert set(data.y_test) <= set(data.y) == set(range(data.y.max() + 1))
    if problem.task == "amounts":
        assert data.y.min() == 0
        assert "loss" in problem.settings


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_a_seed_stands_for_one_draw(name):
    first, again, other = (PROBLEMS[name].load(seed, None) for seed in (0, 0, 1))
    assert equal(first.X, again.X)
    assert equal(first.y, again.y)
    assert equal(first.X, other.X) == (name in ON_A_GRID)
    assert equal(first.y, other.y) == (name in FIXED)


@pytest.mark.parametrize("name", [name for name in WITHOUT_FILES if PROBLEMS[name].kind == "heavy tails"])
def test_few_samples_have_outliers(name):
    data = PROBLEMS[name].load(0, None)
    if data.clean_X is not None:
        is_changed = (data.clean_X != data.X).any(axis=1) | (data.y != data.clean_y)
        assert 1 <= is_changed.sum() <= len(data.y) / 100


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if problem.needs_files])
def test_missing_tables_are_none(name, tmp_path):
    assert PROBLEMS[name].load(0, None) is None
    assert PROBLEMS[name].load(0, tmp_path) is None


@pytest.fixture
def folder(tmp_path, rng):
    """A folder with a small table of numbers and text columns, named as adult."""
    pandas = pytest.importorskip("pandas")
    columns = {"age": rng.integers(20, 60, 50), "sex": ["f", "m"] * 25, "fnlwgt": 1.5, "split": "train"}
    (tmp_path / "adult").mkdir()
    table = pandas.DataFrame({**columns, "income": ["high"] * 20 + ["low"] * 30})
    table.to_csv(tmp_path / "adult" / "adult.csv.gz", index=False)
    return tmp_path


def test_numeric_columns_of_a_table(folder):
    X, y = tables.load("adult", folder)
    assert X.shape == (50, 1)
    assert np.bincount(y).tolist() == [20, 30]


def test_categories_of_a_table_are_encoded(folder):
    data = tables.encoded("adult", 0, folder, n_train=30, drop=("split",))
    assert data.X.shape == (30, 4)  # two categories, age and fnlwgt
    assert set(np.unique(data.X[:, :2])) == {0, 1}
    assert data.X[:, 2].max() > 19
    as_csr = tables.encoded("adult", 0, folder, n_train=30, as_csr=True)
    assert sparse.issparse(as_csr.X)
    assert as_csr.X_test.shape == (20, 3)


def test_calibration_error(kinds):
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    y = np.array([0] * 8 + [1] * 2 + [1] * 3 + [0] * 7)
    assert kinds.calibration_error(y, probabilities, np.array([0, 1])) == pytest.approx((0.1 + 0.3) / 2)


@pytest.mark.parametrize(
    ("claim", "values", "holds"),
    [
        (Claim("r2", 0.95), [0.96, 0.95], True),
        (Claim("r2", 0.95), [1.0, 0.94], False),  # every seed counts
        (Claim("calibration", 0.03), [0.01, 0.04], True),  # the mean counts
        (Claim("log_loss", 1.03, "MLP stopped", "ratio"), [0.51], True),
        (Claim("log_loss", 1.03, "MLP stopped", "ratio"), [0.52], False),
        (Claim("accuracy", 0.03, "MLP stopped"), [0.48], True),
        (Claim("accuracy", 0.03, "MLP stopped"), [0.46], False),
    ],
)
def test_claims(claim, values, holds, kinds):
    other = {claim.metric: [0.5]}
    assert kinds.check(claim, {"ours": {claim.metric: values}, "MLP stopped": other})[1] == holds


@pytest.fixture
def run(kinds, monkeypatch, capsys, tmp_path):
    """A function that runs the benchmark for two epochs and returns what it prints."""

    def run(options):
        selection = f"--sets parity_4 rare_counts --seeds 1 --json {tmp_path / 'figures'}"
        monkeypatch.setattr(sys, "argv", f"kinds.py {selection} --change max_iter=2 engine='numpy' {options}".split())
        kinds.main()
        return capsys.readouterr().out

    return run


def test_the_benchmark_prints_its_claims(run):
    printed = run("--contenders ours linear")
    assert "MISSED parity_4: training" in printed
    assert "rare_counts: deviance" in printed


def test_a_baseline_stands_in_for_contenders_that_do_not_run(run, tmp_path):
    assert "linear" not in run("--contenders ours").split("Claims")[1]
    run("--contenders ours linear")
    (tmp_path / "figures").rename(tmp_path / "earlier")
    printed = run(f"--contenders ours --baseline {tmp_path / 'earlier'}")
    accuracies = next(line for line in printed.splitlines() if "accuracy" in line).split()
    assert len(accuracies) == 7  # the name, ours, linear, before, and the range of ours
    assert "linear" in printed.split("Claims")[1]
