"""Which engine trains, and what is said when the one that is asked for cannot."""

import logging
import subprocess
import sys

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._engines import numba_engine
from skbackprop._engines.selection import ENGINES
from tests.engines.plain_kernel import require_compiler
from tests.shared import TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY

NO_WARNINGS = "import warnings; warnings.simplefilter('ignore')"


def run(code):
    """Return what Python prints."""
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


@pytest.fixture
def compiled_before(monkeypatch):
    """Let the kernel count as compiled."""
    pytest.importorskip("numba")
    monkeypatch.setattr(numba_engine, "is_compiled", lambda dtype: True)


def fitted(X, **params):
    return BackpropRegressor(4, tol=None, **params).fit(X, X[:, 0])


def test_engines_are_found_by_their_names():
    assert {name: engine.name for name, engine in ENGINES.items()} == {"numba": "numba", "numpy": "numpy"}


def test_importing_the_package_does_not_import_numba():
    assert run("import sys, skbackprop._engines.selection; print('numba' in sys.modules)") == "False"


def test_auto_trains_short_fits_by_numpy_and_long_ones_by_numba(compiled_before, rng, monkeypatch):
    X = rng.normal(size=(5_000, 5))
    assert fitted(X, max_iter=1).engine_ == "numpy"
    assert fitted(X, max_iter=40).engine_ == "numba"
    monkeypatch.setattr(numba_engine, "is_compiled", lambda dtype: False)
    assert fitted(X, max_iter=40).engine_ == "numpy"
    monkeypatch.setattr(numba_engine, "COMPILE_SECONDS", 0.05)
    assert fitted(X, max_iter=40).engine_ == "numba"


def test_fit_and_partial_fit_choose_the_same(compiled_before, rng):
    X = rng.normal(size=(5_000, 5))
    network = BackpropRegressor(4, max_iter=40, tol=None)
    assert network.fit(X, X[:, 0]).engine_ == "numba"
    assert network.partial_fit(X, X[:, 0]).engine_ == "numba"


def test_without_numba_auto_is_numpy_and_asking_for_numba_says_what_to_install():
    said = run(f"""
import sys
{NO_WARNINGS}
sys.modules["numba"] = None
from skbackprop import BackpropRegressor
from skbackprop._engines import numba_engine
numba_engine.LOAD_SECONDS = numba_engine.COMPILE_SECONDS = 0
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
print(BackpropRegressor(2, max_iter=1, tol=None).fit(X, y).engine_)
try:
    BackpropRegressor(2, engine="numba").fit(X, y)
except ImportError as error:
    print(error)
""").splitlines()
    assert said == [
        "numpy",
        "engine='numba' is not available: it needs numba: pip install 'skbackprop[numba]'. "
        "Use engine='auto' or 'numpy'.",
    ]


def test_where_numba_cannot_keep_its_kernel_auto_is_numpy():
    pytest.importorskip("numba")
    said = run(f"""
{NO_WARNINGS}
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = []
for kind in CacheImpl.__subclasses__():
    kind._locator_classes = []
from skbackprop import BackpropRegressor
from skbackprop._engines import numba_engine
numba_engine.LOAD_SECONDS = numba_engine.COMPILE_SECONDS = 0
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
print(BackpropRegressor(2, max_iter=1, tol=None).fit(X, y).engine_)
try:
    BackpropRegressor(2, engine="numba").fit(X, y)
except ImportError as error:
    print(error)
""").splitlines()
    assert said[0] == "numpy"
    assert "engine='numba' is not available: cannot cache function" in said[1]


@pytest.mark.parametrize("is_compiled", [False, True])
def test_waiting_for_the_compiler_is_announced_once(is_compiled, monkeypatch, caplog):
    require_compiler()
    monkeypatch.setattr(numba_engine, "is_compiled", lambda dtype: is_compiled)
    numba_engine._announce_compilation.cache_clear()
    X = np.arange(6.0).reshape(3, 2)
    with caplog.at_level(logging.WARNING, logger="skbackprop"):
        for _ in range(2):
            BackpropRegressor(2, engine="numba", max_iter=1, tol=None).fit(X, X[:, 0])
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (not is_compiled)
    assert all("python -m skbackprop.compile" in message and "float64" in message for message in said)
