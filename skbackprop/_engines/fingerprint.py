"""Identify the kernel of this version of the package, without importing numba.

A stored kernel may be used only if nothing has changed that is compiled into it. Therefore the name of its file
contains a fingerprint: of the bytecode of the kernel's modules and of all formulas. The fingerprint does not depend on
paths, times or comments, and computing it needs no source files.
"""

from __future__ import annotations

import hashlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, ModuleType
from typing import cast

from .._core.compression import compressed
from .._core.dropout import scalar_bits
from . import _numba
from .formulas import ACTIVATION_ENTRIES, LOSS_ENTRIES, OPTIMIZER_ENTRIES, Entry


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
    yield from _function_parts(compressed)
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
