"""Shared parts of the benchmarks: command-line arguments, versions, and the JSON file."""

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "jax", "lightgbm", "catboost", "pytabkit")


def parser(description):
    """Return an argument parser that shows the docstring of the script and accepts --json."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the figures to this file")
    return made


def versions():
    """Return and print the versions of the installed packages and the number of BLAS threads."""
    import skbackprop

    found = {"python": platform.python_version(), "skbackprop": skbackprop.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "number of cores")
    print(", ".join(f"{name} {value}" for name, value in found.items()))
    return found


def write(path, **figures):
    """Write the figures to a file, if a path is given."""
    if path:
        path.write_text(json.dumps(figures, indent=2))
