"""The benchmark of large data runs, and its model of the time predicts what it was made from."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture
def scaling(monkeypatch):
    """The script, which sets the number of threads in the environment."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    pytest.importorskip("sklearn.callback")  # epochs are timed by a callback
    pytest.importorskip("psutil")
    import scaling

    monkeypatch.setattr(scaling, "ENGINE", "numpy")
    monkeypatch.setattr(scaling, "N_TEST", 500)
    monkeypatch.setattr(scaling, "MODES", {name: mode._replace(engine="numpy") for name, mode in scaling.MODES.items()})
    return scaling


@pytest.fixture
def run(scaling, monkeypatch, capsys, tmp_path):
    """A function that runs a command and returns what it prints and its figures."""

    def run(options):
        path = tmp_path / "figures.json"
        monkeypatch.setattr(sys, "argv", ["scaling.py", "--json", str(path), *options.split()])
        scaling.main()
        return capsys.readouterr().out, json.loads(path.read_text())

    return run


def test_files_have_the_samples_that_are_made(scaling, tmp_path):
    (tmp_path / "sorted").mkdir()
    X_path, y_path = scaling.make_files(tmp_path, 300)
    X, y = np.load(X_path), np.load(y_path)
    assert X.shape == (300, scaling.N_FEATURES)
    assert X.dtype == y.dtype == np.float32
    noise = y - (np.sin(2 * (X[:, 0] - 5) / 3) + (X[:, 1] - 5) * (X[:, 2] - 5) / 9 + (X[:, 3] - 5) / 3)
    assert np.std(noise) == pytest.approx(0.3, abs=0.05)
    X_sorted, y_sorted = map(np.load, scaling.make_files(tmp_path / "sorted", 300, is_sorted=True))
    order = np.argsort(y)
    np.testing.assert_array_equal(y_sorted, y[order])
    np.testing.assert_array_equal(X_sorted[:, :4], X[order][:, :4])


def test_files_of_another_size_are_not_used(scaling, tmp_path):
    scaling.make_files(tmp_path, 300)
    with pytest.raises(ValueError, match=r"has shape \(300, 100\), not \(400, 100\)"):
        scaling.make_files(tmp_path, 400)


def test_memory(run, scaling, monkeypatch, tmp_path):
    def train(arguments, name, epochs):
        paths = scaling.make_files(arguments.folder, arguments.samples)
        scaling.MEMORY_CASES[name](scaling.regressor(epochs=epochs), *paths)
        return dict.fromkeys(("seconds", "processor", "own", "resident"), 1.5) | {"r2": 0.9}

    monkeypatch.setattr(scaling, "in_own_process", train)
    printed, figures = run(f"memory --samples 500 --epochs 1 2 --folder {tmp_path}")
    assert printed.count("| 1.5 | 1.5 | 1.5 | 1.5 | 0.9000 |") == 6
    assert len(figures["results"]) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_one_case(scaling, tmp_path):
    paths = scaling.make_files(tmp_path, 500)
    for name in scaling.MEMORY_CASES:
        figures = scaling.measure_memory(name, 1, paths)
        assert figures["seconds"] > 0
        assert figures["own"] >= 0
        assert figures["r2"] < 1


@pytest.mark.parametrize("n_together", [2, 4, 8])
def test_budget_is_that_of_windows_with_so_many_chunks(scaling, n_together, monkeypatch):
    from skbackprop._core import windows
    from skbackprop._estimators import chunk_shards

    sizes = []

    def concatenate(*arguments):
        window = windows.concatenate(*arguments)
        sizes.append(window.n_samples)
        return window

    monkeypatch.setattr(chunk_shards, "concatenate", concatenate)
    X, y = scaling.make_samples(0, 1600, 20)
    chunks = scaling.from_arrays(X, y, chunk_size=50)
    scaling.regressor().fit_chunks(chunks, memory_budget=scaling.budget_for(n_together, 50, 20))
    assert sizes == [50 * n_together] * (32 // n_together)


def test_sorted(run):
    printed, figures = run("sorted --samples 400 --seeds 2 --epochs 1 --chunk-sizes 20 --windows 2 4 100")
    assert printed.count("| target | 20 |") == 2
    assert printed.count("| column | 20 |") == 2
    two = figures["results"]["target, 20 chunks, 2"]
    assert two["deviation"] == pytest.approx((1 / 2 - 1 / 20) ** 0.5)
    assert len(two["lost"]) == len(two["fit"]) == 2


def test_sorted_file(run, tmp_path):
    (tmp_path / "files").mkdir()
    printed, figures = run(f"sorted-file --samples 500 --epochs 1 --folder {tmp_path / 'files'}")
    assert printed.count("| no |") == 3
    assert figures["results"]["fit"]["r2"] == pytest.approx(figures["results"]["fit_chunks"]["r2"])
    assert not list((tmp_path / "files").iterdir())


def test_model(run, scaling, monkeypatch, tmp_path):
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    monkeypatch.setattr(scaling, "MEASURED", scaling.MEASURED[:3])
    monkeypatch.setattr(scaling, "PREDICTED", scaling.PREDICTED[:1])
    printed, figures = run(f"model --samples 600 --repeats 1 --numbers 5000 --folder {tmp_path}")
    assert [name.split(",")[0] for name in figures["reading"]] == ["from_npy", *["from_parquet"] * 2, "from_csv"]
    assert printed.count("| 100 L-BFGS iterations |") == 2
    assert all(min(costs.values()) >= 0 for costs in figures["costs"].values())


def test_costs_that_made_the_times_are_found(scaling):
    costs = scaling.Costs(0.2, 0.003, 0.0001)
    shapes = scaling.MEASURED
    found = scaling.fit_costs(shapes, [costs.microseconds(*shape) for shape in shapes])
    assert found == pytest.approx(costs)
    assert costs.microseconds(10, (5, 2)) == pytest.approx(0.2 + 0.003 * 17 + 0.0001 * 62)


def test_time_of_a_cluster(scaling):
    cluster = scaling.Cluster(
        4, 8.0, partition_megabytes=1.0, round_seconds=0.5, task_seconds=0.01, client_megabytes=500
    )
    costs, shape = scaling.Costs(1.0, 0.0, 0.0), (100, (9,))
    n_samples = 20_000  # 8 MB, 8 partitions, two on each machine
    sent = 8 * 909 * 12 / 1e9 * 3
    assert cluster.exact_seconds(n_samples, costs, shape) == pytest.approx(0.005 + 0.5 + 8 * 0.01 + sent)
    sequential = cluster.sequential_seconds(n_samples, costs, shape)
    assert sequential == pytest.approx(0.02 + 8 * (0.5 + 0.01) + 8 * 909 * 24 / 1e9 * 3)


def test_costs_of_rounds_that_made_the_times_are_found(scaling):
    rounds = [
        (hidden, n, 0.01 + 0.002 * n + 1e-9 * 12 * n * scaling.n_weights(100, hidden), 0.001 * n)
        for hidden in ((5,), (256, 128))
        for n in (8, 32, 128)
    ]
    here, everywhere = scaling.round_costs(rounds)
    assert here == pytest.approx([0.01, 0.002, 1e-9])
    assert everywhere == pytest.approx([0.01, 0.003, 1e-9])


def test_cluster(run):
    pytest.importorskip("skbackprop.dask", exc_type=ImportError)
    printed, figures = run("cluster --samples 500 --workers 1 --partitions 2 3 --rounds 2 --epochs 2 --no-processes")
    assert "for a round" in printed
    assert set(figures["epochs"]) == {"full batch", "mini-batches, sequential", "mini-batches, average"}


def test_cluster_without_dask_is_skipped(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    printed, figures = run("cluster")
    assert printed.startswith("skipped: ")
    assert figures == {}
