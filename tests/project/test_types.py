"""What a type checker makes of a program that uses the package."""

import re
from pathlib import Path

import pytest

import skbackprop

mypy = pytest.importorskip("mypy.api")

PROGRAM = """
import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.optimizers import Adam
from skbackprop.schedules import SCHEDULES, Cosine

X, y = np.ones((5, 2)), np.ones(5)
reveal_type(BackpropRegressor().fit(X, y))
reveal_type(BackpropClassifier().fit(X, y))
reveal_type(BackpropRegressor().partial_fit(X, y))
reveal_type(BackpropClassifier().partial_fit(X, y))
reveal_type(BackpropRegressor().fit(X, y).n_iter_)
reveal_type(Cosine().rates(np.arange(3), 10))
reveal_type(Adam().set_params(beta_1=0.5))
reveal_type(SCHEDULES["cosine"])
BackpropRegressor().fit(X, y, sample_weights=None)
"""


def test_methods_keep_their_types_for_users_of_mypy(tmp_path, monkeypatch):
    # One test for the whole program, because mypy takes seconds.
    monkeypatch.setenv("MYPYPATH", str(Path(skbackprop.__file__).parents[1]))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    options = ["--config-file=", f"--cache-dir={tmp_path}", "--follow-imports=silent", "--ignore-missing-imports"]
    printed, errors, _ = mypy.run([*options, str(program)])
    assert not errors
    revealed = [name.rpartition(".")[2] for name in re.findall(r'Revealed type is "([\w.]+)', printed)]
    assert revealed == [
        "BackpropRegressor",
        "BackpropClassifier",
        "BackpropRegressor",
        "BackpropClassifier",
        "int",
        "ndarray",
        "Adam",
        "Schedule",
    ]
    (mistake,) = re.findall(r"error: (.*)", printed)
    assert mistake.startswith('Unexpected keyword argument "sample_weights" for "fit"')
