"""Observers: the lines and the progress bar of `verbose`, and how often observers are called."""

import re
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._training import observers as _observers
from skbackprop._training.observers import ObserverList, TrainingObserver, VerbosePrinter
from skbackprop._training.state import TrainingState
from tests.shared import BOTH, FEW, announce, data

LINE = (
    r"epoch (?P<epoch>\d+) of (?P<last>\d+): loss [\d.e+-]+(, validation [\d.e+-]+)?, learning rate [\d.e+-]+, "
    r"[\d,]+ samples/s, \d+ s left"
)


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_fit_prints_a_line_after_the_first_and_the_last_epoch(estimator, early_stopping, capsys):
    X, y = data(estimator)
    network = estimator(5, verbose=1, early_stopping=early_stopping, **FEW).fit(X, y)
    lines = [re.fullmatch(LINE, line) for line in capsys.readouterr().out.splitlines()]
    assert [line["epoch"] for line in lines] == ["1", "4"]
    assert all((line[3] is not None) == early_stopping for line in lines)
    network.set_params(warm_start=True).fit(X, y)
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "epoch 5 of 8",
        "epoch 8 of 8",
    ]


@BOTH
def test_verbose_partial_fit_prints_a_line_for_each_call(estimator, capsys):
    X, y = data(estimator)
    network = estimator(5, verbose=1, **FEW)
    for _ in range(3):
        network.partial_fit(X, y, **announce(estimator))
    lines = [re.fullmatch(LINE, line) for line in capsys.readouterr().out.splitlines()]
    assert [line["epoch"] for line in lines] == ["1", "2", "3"]


def test_lines_are_printed_about_every_second_with_the_time_left(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(_observers.time, "perf_counter", lambda: now)
    printer = VerbosePrinter(n_samples=300_000, last_iter=10)
    state = TrainingState(np.zeros(1), np.zeros((0, 1)), None, loss_curve=[0.5], learning_rate=0.01)
    for state.n_iter in range(1, 8):
        now += 0.4
        printer.on_epoch_end(state)
    printer.close(state)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1 of 10: loss 0.5, learning rate 0.01, 750,000 samples/s, 4 s left",
        "epoch 4 of 10: loss 0.5, learning rate 0.01, 750,000 samples/s, 2 s left",
        "epoch 7 of 10: loss 0.5, learning rate 0.01, 750,000 samples/s, 1 s left",
    ]


@pytest.mark.skipif(not find_spec("rich"), reason="rich is not installed")
@BOTH
def test_progress_bar_ends_with_the_training(estimator, capsys):
    X, y = data(estimator)
    estimator(5, verbose=2, **FEW).fit(X, y)
    assert "4/4" in capsys.readouterr().out


def test_progress_bar_without_rich_raises_with_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ImportError, match=r"pip install 'skbackprop\[progress\]', or use verbose=1"):
        BackpropRegressor(5, verbose=2, **FEW).fit(*data(BackpropRegressor))


class Recorder(TrainingObserver):
    """Records each call, and asks to stop or not."""

    def __init__(self, stops=False):
        self.calls = []
        self.stops = stops

    def on_epoch_begin(self, state):
        self.calls.append(("begin", state.n_iter))

    def on_epoch_end(self, state):
        self.calls.append(("end", state.n_iter))
        return self.stops

    def close(self, state):
        self.calls.append(("close", state.n_iter))


def test_repeated_epoch_is_reported_once_to_every_observer_and_any_may_stop():
    first, second = Recorder(stops=True), Recorder()
    observers = ObserverList([first, second])
    state = TrainingState(np.zeros(1), np.zeros((0, 1)), None)
    answers = []
    for name, n_iter in (("begin", 0), ("end", 1), ("begin", 0), ("end", 1), ("begin", 1), ("end", 2)):
        state.n_iter = n_iter
        answers.append(getattr(observers, f"on_epoch_{name}")(state))
    observers.close(state)
    assert first.calls == second.calls == [("begin", 0), ("end", 1), ("begin", 1), ("end", 2), ("close", 2)]
    assert answers == [None, True, None, False, None, True]
