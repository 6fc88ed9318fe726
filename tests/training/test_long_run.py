"""Memory, files and threads do not grow while a process trains: benchmarks/long_run.py with fewer samples."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from skbackprop._training import state as _state
from tests.shared import ENGINES

if not find_spec("psutil"):
    pytest.skip("psutil is not installed", allow_module_level=True)

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from long_run import long_run

#: Less memory than the loss curves would take if no loss were dropped, or one network for each fit.
SLACK = 2**19


@ENGINES
def test_memory_files_and_threads_do_not_grow(engine, monkeypatch):
    monkeypatch.setattr(_state, "KEPT_EPOCHS", 500)
    *_, warm = long_run(n_samples=4_000, n_fits=20, n_rounds=2, engine=engine)
    *_, end = long_run(n_samples=20_000, n_fits=60, n_rounds=2, engine=engine)
    assert end.memory - warm.memory < SLACK
    assert end.files <= warm.files
    assert end.threads <= warm.threads
