"""A process that goes on learning does not grow: benchmarks/long_run.py in small."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._training import state as _state
from tests.shared import ENGINES

if not find_spec("psutil"):
    pytest.skip("psutil is not installed", allow_module_level=True)

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from long_run import long_run

#: Less than what the loss curves would take if nothing of them were forgotten, and than a network kept of each fit.
SLACK = 2**19


@ENGINES
def test_memory_is_flat_after_warm_up_and_no_file_or_thread_is_left(engine, monkeypatch):
    monkeypatch.setattr(_state, "KEPT_EPOCHS", 500)
    *_, warm = long_run(n_samples=4_000, n_fits=20, n_rounds=2, engine=engine)
    *_, end = long_run(n_samples=20_000, n_fits=60, n_rounds=2, engine=engine)
    assert end.memory - warm.memory < SLACK
    assert end.files == warm.files
    assert end.threads == warm.threads


def test_a_stream_forgets_its_oldest_losses_and_fit_none(monkeypatch):
    monkeypatch.setattr(_state, "KEPT_EPOCHS", 10)
    X, y = np.arange(6.0).reshape(-1, 1), np.arange(6.0)
    network = BackpropRegressor((), optimizer="gd", max_iter=30, tol=None, random_state=0).fit(X, y)
    curve = network.loss_curve_
    assert len(curve) == 30
    for n_calls in range(1, 25):
        last = network.loss_curve_[-5:]
        network.partial_fit(X, y)
        assert 10 <= len(network.loss_curve_) < 20
        assert network.loss_curve_[-6:-1] == last
        assert network.n_iter_ == 30 + n_calls
