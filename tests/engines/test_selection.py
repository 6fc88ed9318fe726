"""Which engine trains, and what is said when the one that is asked for cannot."""

import subprocess
import sys

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._engines import numba_engine
from skbackprop._engines.selection import ENGINES, PREFERRED, numpy_seconds
from skbackprop._estimators.configuration import build_config
from skbackprop._estimators.parameters import choose_max_iter
from skbackprop.losses import LOSSES
from tests.engines.plain_kernel import require_compiler
from tests.shared import TRAINS_BRIEFLY

pytestmark = TRAINS_BRIEFLY

NO_WARNINGS = "import warnings; warnings.simplefilter('ignore')"


def run(code):
    """Return what Python prints."""
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


@pytest.fixture
def stored(monkeypatch):
    """Let the kernel count as stored."""
    pytest.importorskip("numba")
    monkeypatch.setattr(numba_engine, "find_files", lambda function, dtype: ["a file"])


@pytest.fixture
def is_loaded(stored):
    """Let this process have the kernel for float64 too."""
    require_compiler()
    numba_engine.load_kernel(np.dtype(np.float64))


def fitted(X, **params):
    return BackpropRegressor(4, tol=None, **params).fit(X, X[:, 0])


def test_engines_are_found_by_their_names():
    assert {name: engine.name for name, engine in ENGINES.items()} == {"numba": "numba", "numpy": "numpy"}


def test_importing_the_package_neither_imports_numba_nor_looks_for_the_kernel():
    said = run("""
import os, sys
import sklearn.base, sklearn.utils.validation, sklearn.metrics, sklearn.model_selection
os.path.expanduser = os.listdir = None
import skbackprop._engines.selection, skbackprop._estimators.regressor
print("numba" in sys.modules)
""")
    assert said == "False"


def test_auto_trains_short_fits_by_numpy_and_long_ones_by_numba(monkeypatch, rng, is_loaded):
    X = rng.normal(size=(5_000, 5))
    assert fitted(X, max_iter=1).engine_ == "numpy"
    assert fitted(X, max_iter=40).engine_ == "numba"
    monkeypatch.setattr(numba_engine, "find_files", lambda function, dtype: [])
    assert fitted(X, max_iter=40).engine_ == "numpy"
    monkeypatch.setattr(numba_engine, "COMPILE_SECONDS", 0.05)
    assert fitted(X, max_iter=40).engine_ == "numba"


def test_fit_and_partial_fit_choose_the_same(is_loaded, rng):
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


@pytest.mark.parametrize(
    ("params", "n_samples", "engine"),
    [
        ({}, 1, "numpy"),  # a stream of single samples must not wait for numba
        ({}, 20, "numpy"),
        ({}, 150, "numba"),
        ({"max_iter": 50, "hidden_layer_sizes": 20}, 426, "numba"),  # one of many fits of a search
        ({"max_iter": 10}, 150, "numpy"),
        ({"solver": "batch"}, 426, "numba"),
    ],
)
def test_small_fits_by_numba_only_if_they_take_longer_than_a_moment(params, n_samples, engine, stored, rng):
    X = rng.normal(size=(n_samples, 30))
    network = BackpropRegressor(**params)
    data = Dataset(X, X[:, :1])
    max_iter = choose_max_iter(network.max_iter, network._auto_epochs, n_samples)
    config = build_config(network, data, LOSSES["squared_error", "identity"], max_iter)
    assert PREFERRED.is_worth_it(data, numpy_seconds(config, data)) == (engine == "numba")
