"""A pytest plugin that runs the kernel as plain Python, for coverage to see: ``pytest -p tests.engines.plain_kernel``.

What numba makes of the kernel no tool can follow.
"""

import os


def pytest_configure(config):
    """Switch numba off before anything imports it."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
