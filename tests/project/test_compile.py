"""Compiling the kernel ahead of time, from Python and from the command line."""

import subprocess
import sys

import pytest

from skbackprop.compile import compile_kernel


@pytest.mark.parametrize("dtypes", ["int64", ["float32", "float16"], ["no_dtype"], [None]])
def test_dtype_that_a_network_cannot_have_is_rejected_before_anything_is_compiled(dtypes):
    with pytest.raises(ValueError, match="compiled for the dtypes"):
        compile_kernel(dtypes)


def test_one_dtype_may_be_a_string(monkeypatch):
    monkeypatch.setattr("skbackprop.compile.is_compiled", lambda dtype: True)
    assert compile_kernel("float64") == {"float64": 0.0}
    assert compile_kernel() == {"float32": 0.0, "float64": 0.0}


def test_command_line_reports_an_unknown_dtype_in_one_line():
    command = [sys.executable, "-m", "skbackprop.compile", "int"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "got 'int'" in result.stderr
    assert "Traceback" not in result.stderr
