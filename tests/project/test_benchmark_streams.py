"""The streams of the benchmark of online learning, and how it scores what is predicted before it is learned."""

import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from problems import streams as problems
from problems.streams import KINDS, STREAMS, Stream

GENERATED = [name for name, problem in STREAMS.items() if "river" not in problem.kind]


@pytest.fixture
def script(monkeypatch):
    """The script, which sets the number of threads in the environment."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    import streams

    streams.WARNED.clear()
    return streams


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "river" not in kind])
def test_each_kind_has_streams_to_choose_on_and_streams_to_report(kind):
    assert {problem.role for problem in STREAMS.values() if problem.kind == kind} == {"choose", "report"}


def test_names_are_unique():
    assert len(STREAMS) == sum(map(len, KINDS.values()))


def assert_samples_fit_together(stream):
    assert len(stream.X) == len(stream.y)
    assert np.isfinite(stream.X).all()
    assert np.isfinite(stream.y).all()
    assert len(stream.y) % stream.chunk == 0
    for part in stream.parts.values():
        assert 0 < part.start < part.stop <= len(stream.y)
    if stream.is_classification:
        assert set(stream.y) == set(range(stream.y.max() + 1))


@pytest.mark.parametrize("name", GENERATED)
def test_samples_fit_together(name):
    assert_samples_fit_together(STREAMS[name].load(0))


@pytest.mark.parametrize("name", GENERATED)
def test_a_seed_stands_for_one_draw(name):
    first, again, other = (STREAMS[name].load(seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert (first.X != other.X).any()


@pytest.mark.parametrize("name", [name for name in GENERATED if STREAMS[name].kind == "unit"])
def test_units_change_in_the_middle_and_nothing_else_does(name):
    stream = STREAMS[name].load(0)
    base = (
        problems.noisy_friedman
        if "friedman" in name
        else problems.LABELS
        if stream.is_classification
        else problems.normal
    )
    X, y = base(np.random.default_rng(0), 6000)
    np.testing.assert_array_equal(stream.y, y)
    np.testing.assert_array_equal(stream.X[:3000], X[:3000])
    is_changed = (stream.X[3000:] != X[3000:]).all(axis=0)
    assert is_changed.sum() == (2 if "friedman" in name else 5 if name.endswith("all") else 1)
    np.testing.assert_array_equal(stream.X[:, ~is_changed], X[:, ~is_changed])
    assert stream.parts["next 10"] == slice(3000, 3010)


def test_errors_of_a_growing_target_are_relative_to_the_target_without_the_trend():
    stream = STREAMS["growing_target"].load(0)
    assert stream.scale < stream.y.std() / 5


def test_concept_changes_gradually():
    before = problems.normal(np.random.default_rng(0), 6000)[0]
    is_new = (before != STREAMS["gradual_concept"].load(0).X).any(axis=1)
    shares = [is_new[part].mean() for part in (slice(2000), slice(2000, 3000), slice(3000, 4000), slice(4000, 6000))]
    assert shares == pytest.approx([0, 0.25, 0.75, 1], abs=0.05)


def test_streams_of_river_are_none_without_river(monkeypatch):
    monkeypatch.setattr(problems, "find_spec", lambda name: None)
    assert STREAMS["Phishing"].load(0) is None
    assert STREAMS["sea"].load(0) is None


def test_dates_and_texts_become_numbers():
    samples = [
        ({"date": datetime(2020, 1, 31, 6), "kind": "b", "size": 2}, {"first": 1.5, "second": 7.0}),
        ({"date": datetime(2020, 2, 1, 18), "kind": "a", "size": 3}, {"first": 2.5, "second": 8.0}),
    ]
    stream = problems.from_river(samples)
    assert stream.X.tolist() == [[0, 1, 4, 6, 0, 1, 2], [1.5, 2, 5, 18, 1, 0, 3]]
    assert stream.y.tolist() == [1.5, 2.5]


@pytest.mark.parametrize("name", [name for name, problem in STREAMS.items() if "river" in problem.kind])
def test_streams_of_river(name):
    pytest.importorskip("river")
    stream = STREAMS[name].load(0)
    assert stream is not None
    assert_samples_fit_together(stream)


class Recorder:
    """A contender that notes what it is asked, and predicts the number of samples that it has learned."""

    classes = None

    def __init__(self, n_valid=np.inf):
        self.calls, self.n_learned, self.n_valid = [], 0, n_valid

    def prepare(self, X):
        return X

    def learn(self, X, y):
        if self.n_learned >= self.n_valid:
            raise ValueError("overflow")
        self.calls.append(("learn", X[:, 0].tolist()))
        self.n_learned += len(y)

    def predict(self, X):
        self.calls.append(("predict", X[:, 0].tolist()))
        return np.full((len(X), 1), self.n_learned)


@pytest.fixture
def counted():
    """A stream whose target is the number of samples before."""
    numbers = np.arange(40.0)
    return Stream(numbers[:, None], numbers, {"last quarter": slice(30, 40)})


def test_each_sample_is_predicted_before_it_is_learned(script, counted):
    recorder = Recorder()
    predictions, _ = script.predict_then_learn(recorder, counted)
    assert recorder.calls[:3] == [("learn", [0]), ("predict", [1]), ("learn", [1])]
    assert recorder.calls[-2:] == [("predict", [39]), ("learn", [39])]
    assert script.scores(counted, predictions) == {"error": {"whole": 0, "last quarter": 0}}


def test_chunks_are_predicted_before_they_are_learned(script, counted):
    recorder = Recorder()
    predictions, _ = script.predict_then_learn(recorder, counted._replace(chunk=20))
    assert [call for call, _ in recorder.calls] == ["learn", "predict", "learn"]
    assert np.isnan(predictions[:20]).all()
    assert (predictions[20:] == 20).all()


def test_errors_are_relative(script, counted):
    predictions = np.full((40, 1), 1.0) + counted.y[:, None]
    assert script.scores(counted, predictions)["error"]["whole"] == pytest.approx(1 / counted.y.std())
    assert script.scores(counted._replace(scale=0.5), predictions)["error"]["last quarter"] == pytest.approx(2)


def test_contender_that_raises_has_failed_from_there_on(script, counted):
    predictions, _ = script.predict_then_learn(Recorder(n_valid=35), counted)
    assert np.isfinite(predictions[1:35]).all()
    found = script.scores(counted, predictions)["error"]
    assert found == {"whole": np.inf, "last quarter": np.inf}
    assert script.shown(found["whole"]).strip() == "fail"


def test_classes_are_scored_once_there_are_two(script):
    y = np.repeat([0, 1], 20)
    stream = Stream(y[:, None], y, {})
    assert script.first_scored(stream) == 21
    assert script.first_scored(stream._replace(y=y[::-1] * (np.arange(40) > 1))) == 10
    found = script.scores(stream, np.tile([0.25, 0.75], (40, 1)))
    assert found == {"error": {"whole": 0}, "log loss": {"whole": pytest.approx(-np.log(0.75))}}


def test_errors_are_compared_for_the_seeds_that_both_have(script):
    parts = {"ours": [1.0, 3.0], "MLP": [2.0]}
    figures = {name: {"error": {"whole": values, "last third": values[:1]}} for name, values in parts.items()}
    assert script.ratios(figures, "ours") == [0.5, 0.5]


@pytest.fixture
def run(script, monkeypatch, capsys, tmp_path):
    """A function that runs the benchmark on short streams and returns what it prints."""
    short = {name: STREAMS[name].load(0) for name in ("stationary", "stationary_labels")}
    for name, stream in short.items():
        stream = problems.plain(stream.X[:60], stream.y[:60])
        monkeypatch.setitem(STREAMS, name, STREAMS[name]._replace(load=lambda seed, stream=stream: stream))

    def run(options):
        selection = (
            f"--sets stationary stationary_labels --seeds 1 --change engine='numpy' --json {tmp_path / 'figures'}"
        )
        monkeypatch.setattr(sys, "argv", ["streams.py", *selection.split(), *options])
        script.main()
        return capsys.readouterr().out

    return run


def test_the_benchmark_runs_its_contenders(run):
    printed = run([])
    for name in ("ours", "ours sgd", "MLP", "MLP target", "SGD", "constant"):
        assert printed.count(f"\n  {name:<36}") == (1 if name == "MLP target" else 3)
    assert "fail" not in printed
    assert "better / worse of 2" in printed


def test_a_baseline_stands_in_for_contenders_that_do_not_run(run, tmp_path):
    assert "better / worse" not in run(["--contenders", "MLP"])
    (tmp_path / "figures").rename(tmp_path / "earlier")
    printed = run(["--contenders", "ours", "--baseline", str(tmp_path / "earlier")])
    assert printed.count("\n  MLP ") == 3
    assert "better / worse of 2" in printed
