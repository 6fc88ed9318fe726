"""Compiling the kernel ahead of time, from Python and from the command line."""

import subprocess
import sys

import numpy as np
import pytest

from skbackprop._engines.kernel_cache import KernelCache, find_files
from skbackprop.compile import compile_kernel
from tests.engines.plain_kernel import require_compiler


@pytest.mark.parametrize("dtypes", ["int64", ["float32", "float16"], ["no_dtype"], [None]])
def test_dtype_that_a_network_cannot_have_is_rejected_before_anything_is_compiled(dtypes):
    with pytest.raises(ValueError, match="compiled for the dtypes"):
        compile_kernel(dtypes)


@pytest.fixture
def compiled(monkeypatch):
    """Dtypes that are compiled here, in place of the kernel."""
    dtypes = {}

    def load_kernel(dtype):
        dtypes.setdefault(dtype.name, KernelCache("epoch", dtype))
        return dtypes[dtype.name]

    monkeypatch.setattr("skbackprop.compile.load_kernel", load_kernel)
    monkeypatch.setattr("skbackprop.compile.load_forward", lambda dtype, may_compile: None)
    monkeypatch.setattr("skbackprop.compile.forget_kernels", lambda: None)
    return dtypes


def test_one_dtype_may_be_a_string(compiled):
    assert compile_kernel("float64") == {"float64": 0.0}
    assert list(compiled) == ["float64"]
    assert compile_kernel() == {"float32": 0.0, "float64": 0.0}


def test_seconds_are_those_of_the_compiler(compiled):
    compiled["float32"] = KernelCache("epoch", np.dtype(np.float32))
    compiled["float32"].was_compiled = True
    seconds = compile_kernel()
    assert seconds["float32"] > 0
    assert seconds["float64"] == 0


def test_what_cannot_be_stored_is_an_error(compiled):
    compiled["float32"] = KernelCache("epoch", np.dtype(np.float32))
    compiled["float32"].failure = "no space left"
    with pytest.raises(OSError, match="no space left"):
        compile_kernel("float32")


def test_without_the_compiler_it_says_why(compiled):
    compiled["float32"] = None
    with pytest.raises(ImportError, match="NUMBA_DISABLE_JIT switches the compiler off: unset it"):
        compile_kernel("float32")


def test_the_stored_kernel_is_found_and_a_damaged_one_is_compiled_again(monkeypatch):
    """By a process that had loaded it before, too."""
    require_compiler()
    compile_kernel("float64")
    assert compile_kernel("float64") == {"float64": 0.0}
    (path, *_) = find_files("epoch", np.dtype(np.float64))
    whole = path.read_bytes()
    attempts = []

    def compile_in_no_time(*arguments):
        attempts.append(arguments)
        path.write_bytes(whole)
        raise RuntimeError("compiled")

    monkeypatch.setattr("numba.core.dispatcher._FunctionCompiler.compile", compile_in_no_time)
    path.write_bytes(whole[:-1])
    try:
        with pytest.raises(RuntimeError, match="compiled"):
            compile_kernel("float64")
    finally:
        path.write_bytes(whole)
    assert len(attempts) == 1
    assert compile_kernel("float64") == {"float64": 0.0}


def test_command_line_reports_an_unknown_dtype_in_one_line():
    command = [sys.executable, "-m", "skbackprop.compile", "int"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "got 'int'" in result.stderr
    assert "Traceback" not in result.stderr
