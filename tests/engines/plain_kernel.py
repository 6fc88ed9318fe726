"""A pytest plugin that runs the kernel as plain Python, for coverage to see: ``pytest -p tests.engines.plain_kernel``.

What numba makes of the kernel no tool can follow.
"""

import os

import pytest


def pytest_configure(config):
    """Switch numba off before anything imports it."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"


def require_compiler():
    """Skip a test about compiled functions where numba compiles nothing."""
    if pytest.importorskip("numba").config.DISABLE_JIT:
        pytest.skip("NUMBA_DISABLE_JIT is set")
