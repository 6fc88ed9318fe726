"""The fingerprint of the compiled kernel changes when any formula changes, and only then."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skbackprop
from skbackprop._engines import fingerprint

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
        ("activations/_rectifiers.py", "return z * logistic(z)", "return logistic(z) * z"),
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
    for file in ("activations/_rectifiers.py", "_engines/_numba/kernel.py", "_training/trainer.py"):
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
