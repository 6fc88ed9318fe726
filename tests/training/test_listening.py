"""What `verbose` shows, and whom observers hear of."""

import re
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._training import observers as _listening
from skbackprop._training.observers import ObserverList, TrainingObserver, VerbosePrinter
from skbackprop._training.state import TrainingState
from tests.shared import BOTH, FEW, announce, data

LINE = (
    r"epoch (?P<epoch>\d+) of (?P<last>\d+): loss [\d.e+-]+(, validation [\d.e+-]+)?, rate [\d.e+-]+, "
    r"[\d,]+ rows/s, \d+ s left"
)


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_line_after_the_first_pass_and_after_the_last(estimator, early_stopping, capsys):
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
def test_a_call_of_partial_fit_is_a_line(estimator, capsys):
    X, y = data(estimator)
    network = estimator(5, verbose=1, **FEW)
    for _ in range(3):
        network.partial_fit(X, y, **announce(estimator))
    lines = [re.fullmatch(LINE, line) for line in capsys.readouterr().out.splitlines()]
    assert [line["epoch"] for line in lines] == ["1", "2", "3"]


def test_lines_come_about_every_second_and_know_the_time_left(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(_listening.time, "perf_counter", lambda: now)
    lines = VerbosePrinter(n_rows=300_000, last_iter=10)
    state = TrainingState(np.zeros(1), np.zeros((0, 1)), None, loss_curve=[0.5], learning_rate=0.01)
    for state.n_iter in range(1, 8):
        now += 0.4
        lines.on_epoch_end(state)
    lines.close(state)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1 of 10: loss 0.5, rate 0.01, 750,000 rows/s, 4 s left",
        "epoch 4 of 10: loss 0.5, rate 0.01, 750,000 rows/s, 2 s left",
        "epoch 7 of 10: loss 0.5, rate 0.01, 750,000 rows/s, 1 s left",
    ]


@pytest.mark.skipif(not find_spec("rich"), reason="rich is not installed")
@BOTH
def test_a_bar_ends_with_the_training(estimator, capsys):
    X, y = data(estimator)
    estimator(5, verbose=2, **FEW).fit(X, y)
    assert "4/4" in capsys.readouterr().out


def test_a_bar_without_rich_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ImportError, match=r"pip install 'skbackprop\[progress\]', or use verbose=1"):
        BackpropRegressor(5, verbose=2, **FEW).fit(*data(BackpropRegressor))


def test_each_pass_is_told_of_once_to_everyone_and_any_of_them_may_end_it():
    class Ear(TrainingObserver):
        def __init__(self, ends=False):
            self.heard, self.ends = [], ends

        def on_epoch_begin(self, state):
            self.heard.append(f"before {state.n_iter}")

        def on_epoch_end(self, state):
            self.heard.append(f"after {state.n_iter}")
            return self.ends

    first, second = Ear(ends=True), Ear()
    observers, state = ObserverList([first, second]), TrainingState(np.zeros(1), np.zeros((0, 1)), None)
    wishes = []
    for state.n_iter, name in ((0, "before"), (1, "after"), (0, "before"), (1, "after"), (1, "before"), (2, "after")):
        wishes.append(getattr(observers, f"{name}_pass")(state))
    assert first.heard == second.heard == ["before 0", "after 1", "before 1", "after 2"]
    assert wishes == [None, True, None, False, None, True]
