"""The compiled kernel is kept on disk, found there without numba, and compiled anew when any formula changes."""

import os
import pickle
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import skbackprop
from skbackprop._engines import fingerprint
from tests.engines.plain_kernel import require_compiler
from tests.shared import TRAINS_BRIEFLY

PACKAGE = Path(skbackprop.__file__).parent
PRINT_FINGERPRINT = "from skbackprop._engines.fingerprint import fingerprint; print(fingerprint())"


def run(code, folder, **environment):
    """Return what Python prints, with the package in this folder."""
    environment = os.environ | {"PYTHONPATH": str(folder)} | environment
    return subprocess.check_output([sys.executable, "-c", code], text=True, env=environment, cwd=folder).strip()


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, in a folder of its own."""
    shutil.copytree(PACKAGE, tmp_path / "skbackprop", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def change(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_it_is_the_same_in_every_process_and_folder(copy):
    for seed in ("1", "2"):  # the order of a set depends on it
        assert run(PRINT_FINGERPRINT, copy, PYTHONHASHSEED=seed) == fingerprint.fingerprint()


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("activations.py", "return z * logistic(z)", "return logistic(z) * z"),
        ("_scalar_math.py", "number(-0.5)", "number(-0.25)"),
        ("losses/_regression.py", "constant = y * np.log(y) if y > 0", "constant = y * np.log(y) if y > 1"),
        ("losses/_classification.py", "product = number(0), number(0)", "product = number(0), number(1)"),
        ("optimizers.py", "v[i] = mu * v[i]", "v[i] = mu + v[i]"),
        ("_core/dropout.py", "BITS = 53", "BITS = 52"),
        ("_engines/_numba/kernel.py", "n_updates += 1", "n_updates += 2"),
        ("_engines/_numba/math.py", "SMALLEST, LARGEST = -708.3964185322641", "SMALLEST, LARGEST = -707.0"),
    ],
)
def test_a_changed_formula_changes_it(copy, file, before, after):
    change(copy / "skbackprop" / file, before, after)
    assert run(PRINT_FINGERPRINT, copy) != fingerprint.fingerprint()


def test_comments_times_and_other_files_do_not_change_it(copy):
    for file in ("activations.py", "_engines/_numba/kernel.py", "_training/trainer.py"):
        with (copy / "skbackprop" / file).open("a") as source:
            source.write("\n# a comment\n")
    (copy / "skbackprop" / "_training" / "more.py").write_text("x = 1")
    os.utime(copy / "skbackprop" / "_engines" / "_numba" / "math.py", (0, 0))
    assert run(PRINT_FINGERPRINT, copy) == fingerprint.fingerprint()


def test_it_needs_no_source_files(copy):
    subprocess.check_call([sys.executable, "-m", "compileall", "-q", "-b", str(copy)])
    for source in copy.rglob("*.py"):
        source.unlink()
    assert run(PRINT_FINGERPRINT, copy) == fingerprint.fingerprint()


def installed_numba():
    """Return the version of numba without importing it, because numba keeps the cache folder of that moment."""
    if not find_spec("numba"):
        pytest.skip("numba is not installed")
    return version("numba")


class TestIsCompiled:
    @pytest.fixture
    def index(self, tmp_path, monkeypatch):
        """The path of numba's index file for float32, whose folder is there."""
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        (folder,) = fingerprint._cache_folders()
        folder.mkdir()
        python = f"py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
        return folder / f"kernel.{fingerprint.function_name(np.float32)}-1.{python}.nbi"

    @staticmethod
    def write(path, numba_version):
        path.write_bytes(pickle.dumps(numba_version) + pickle.dumps("and more"))

    def test_for_each_dtype(self, index):
        numba_version = installed_numba()
        assert not fingerprint.is_compiled(np.dtype(np.float32))
        self.write(index, numba_version)
        assert fingerprint.is_compiled(np.dtype(np.float32))
        assert not fingerprint.is_compiled(np.dtype(np.float64))

    def test_not_by_another_version_of_numba_nor_from_a_broken_file(self, index):
        self.write(index, "0.1")
        assert not fingerprint.is_compiled(np.dtype(np.float32))
        index.write_bytes(b"")
        assert not fingerprint.is_compiled(np.dtype(np.float32))

    def test_not_for_other_formulas(self, index, monkeypatch):
        self.write(index, installed_numba())
        monkeypatch.setattr(fingerprint, "fingerprint", lambda: "0123456789abcdef")
        assert not fingerprint.is_compiled(np.dtype(np.float32))

    @TRAINS_BRIEFLY
    def test_it_finds_what_numba_keeps(self):
        """After a fit, in the folder that this process uses."""
        require_compiler()
        X = np.arange(6.0).reshape(3, 2)
        skbackprop.BackpropRegressor(2, engine="numba", max_iter=1, tol=None).fit(X, X[:, 0])
        assert fingerprint.is_compiled(np.dtype(np.float64))
