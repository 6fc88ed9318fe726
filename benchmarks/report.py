"""What every benchmark says of itself: the versions and the number of threads, printed and in its JSON."""

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "jax")


def parser(description):
    """Return an argument parser that shows the script's docstring and has --json."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the figures to this file")
    return made


def versions():
    """Return and print the versions of what is installed, and the BLAS threads."""
    import skbackprop

    found = {"python": platform.python_version(), "skbackprop": skbackprop.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "as many as there are cores")
    print(", ".join(f"{name} {value}" for name, value in found.items()))
    return found


def write(path, **figures):
    """Write the figures to a file, if one was asked for."""
    if path:
        path.write_text(json.dumps(figures, indent=2))
