"""Memory, files and threads do not grow while a process trains: benchmarks/long_run.py with fewer samples."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.shared import ENGINES

if not find_spec("psutil"):
    pytest.skip("psutil is not installed", allow_module_level=True)

ROOT = Path(__file__).parents[2]
#: Less memory than the loss curves would take if no loss were dropped, or one network for each fit.
SLACK = 2**19
#: In a process of its own, because files and threads of other tests may close meanwhile.
RUN = """
import json, sys
from long_run import long_run
from skbackprop._training import state

state.KEPT_EPOCHS = 500
*_, warm = long_run(n_samples=4_000, n_fits=20, n_rounds=2, engine=sys.argv[1])
*_, end = long_run(n_samples=20_000, n_fits=60, n_rounds=2, engine=sys.argv[1])
print(json.dumps([warm, end]))
"""


@ENGINES
def test_memory_files_and_threads_do_not_grow(engine):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])}
    command = [sys.executable, "-c", RUN, engine]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout
    warm, end = json.loads(printed)
    assert end[0] - warm[0] < SLACK
    assert end[1:] == warm[1:]
