"""Identify the compiled kernel of this version of the package, and find it in numba's cache, without importing numba.

numba reuses a cached function as long as the file that defines it is unchanged, even if the functions that it calls
have changed. Therefore the name of the cached function contains a fingerprint of everything that is compiled into it:
the bytecode of the kernel's modules and of all formulas. The fingerprint does not depend on paths, times or comments,
and computing it needs no source files.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import pkgutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import cast

import numpy as np

from .._core.dropout import scalar_bits
from . import _numba
from .formulas import ACTIVATION_ENTRIES, LOSS_ENTRIES, OPTIMIZER_ENTRIES, Entry

#: The folder of the kernel's modules, and the name of the module that defines the cached function.
FOLDER, MODULE = Path(_numba.__file__).parent, "kernel"


def function_name(dtype: np.dtype) -> str:
    """Return the name of the cached function for this dtype."""
    return f"epoch_{np.dtype(dtype).name}_{fingerprint()}"


@cache
def fingerprint() -> str:
    """Return a hexadecimal number that changes when the kernel or any formula in it changes."""
    digest = hashlib.sha256()
    for part in _parts():
        digest.update(repr(part).encode())
    return digest.hexdigest()[:16]


def _parts() -> Iterator[object]:
    for module in pkgutil.iter_modules(_numba.__path__):
        name = f"{_numba.__name__}.{module.name}"
        spec = cast(ModuleSpec, module.module_finder.find_spec(name, None))  # not None: `pkgutil` has just found it
        yield module.name, _constant_parts(cast(InspectLoader, spec.loader).get_code(name))
    yield from _function_parts(scalar_bits)
    for entries in (ACTIVATION_ENTRIES, LOSS_ENTRIES, OPTIMIZER_ENTRIES):
        for entry in entries.values():
            yield from _entry_parts(entry)


def _entry_parts(entry: Entry) -> Iterator[object]:
    for name, formula in entry.formulas.items():
        yield name, formula.positions
        yield from _function_parts(formula.function)


def _function_parts(function: Callable[..., object]) -> Iterator[object]:
    """Yield what determines the result of a function: its code, and the functions and constants that it uses."""
    seen: set[Callable[..., object]] = set()
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        yield _code_parts(current.__code__)
        for name in current.__code__.co_names:
            value = current.__globals__.get(name)
            if isinstance(value, FunctionType):
                waiting.append(value)
            elif not isinstance(value, (type, ModuleType, type(None))) and not callable(value):
                yield name, repr(value)


def _code_parts(code: CodeType) -> tuple[object, ...]:
    constants = (_constant_parts(constant) for constant in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, *constants


def _constant_parts(constant: object) -> object:
    if isinstance(constant, CodeType):
        return _code_parts(constant)
    if isinstance(constant, tuple):
        return tuple(map(_constant_parts, constant))
    if isinstance(constant, frozenset):  # its order differs from process to process
        return sorted(map(repr, constant))
    return repr(constant)


def is_compiled(dtype: np.dtype) -> bool:
    """Return whether numba has the kernel for this dtype in its cache, without importing numba.

    The answer is not cached, because this or another process may compile the kernel at any time.
    """
    python = f"py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    pattern = f"{MODULE}.{function_name(dtype)}-*.{python}.nbi"
    return any(_is_of_this_numba(index) for folder in _cache_folders() for index in folder.glob(pattern))


def _is_of_this_numba(index: Path) -> bool:
    """Return whether the installed version of numba wrote an index file; numba ignores files of other versions."""
    try:
        with index.open("rb") as file:
            return pickle.load(file) == _numba_version()  # the first of the two objects in the file
    except (OSError, EOFError, pickle.UnpicklingError):
        return False


@cache
def _numba_version() -> str | None:
    """Return the version of numba, or None if it is not installed."""
    from importlib import metadata  # which imports much, and is needed only where a cached kernel is found

    try:
        return metadata.version("numba")
    except metadata.PackageNotFoundError:
        return None


def _cache_folders() -> list[Path]:
    """Return the folders that numba looks in: NUMBA_CACHE_DIR if set, else beside the kernel and in the home directory.

    This follows `numba.core.caching`.
    """
    subfolder = f"{FOLDER.name}_{hashlib.sha1(os.path.abspath(FOLDER).encode()).hexdigest()}"
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [Path(named) / subfolder]
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        user_folder = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "numba" / "Cache"
    elif sys.platform == "darwin":
        user_folder = home / "Library" / "Caches" / "numba"
    else:
        user_folder = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "numba"
    return [FOLDER / "__pycache__", user_folder / subfolder]
