"""The compiled kernel on disk: one file for each function, dtype, Python, numba and kind of CPU.

numba's own cache unpickles and runs whatever its files contain, so a damaged file raises any error or crashes the
process. Here, nothing is unpickled before a checksum over the whole file and the key of its content have been verified.
A file that cannot be used counts as absent, and the next compilation replaces it.

The first line of a file is the SHA-256 digest of the rest, the second line is the key, and what follows is the pickled
result of numba's compiler. The name contains everything that is known without importing numba, which takes a second or
longer on a slow disk, so `find_files` does not import it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import secrets
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from .fingerprint import fingerprint

logger = logging.getLogger("skbackprop")

#: The folder of the package whose ``__pycache__`` holds the kernel if it is writable.
FOLDER = Path(__file__).parent
SUFFIX = ".kernel"
REMEDY = "run python -m skbackprop.compile"


class KernelNotFoundError(RuntimeError):
    """No file has the compiled kernel, and compiling it is not worth its time."""


class DamagedFileError(ValueError):
    """A file is not what was written, or its content is for another key."""


def find_files(function: str, dtype: np.dtype) -> list[Path]:
    """Return the files of this function, dtype, Python, numba and source, of any CPU, without importing numba.

    Parameters
    ----------
    function : str
        Name of an entry function of the kernel.
    dtype : numpy.dtype

    Raises
    ------
    OSError
        If there is none and a folder cannot be read for another reason than that it does not exist.
    """
    prefix = _prefix(function, dtype)
    found: list[Path] = []
    failure: OSError | None = None
    for folder in cache_folders():
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            failure = failure or error
            continue
        for name in (name for name in names if name.startswith(prefix) and name.endswith(SUFFIX)):
            if name.startswith(f"numba{_numba_version()}-", len(prefix)):
                found.append(folder / name)
    if failure is not None and not found:
        raise failure
    return found


def cache_folders() -> list[Path]:
    """Return the folders that may have the kernel, in the order in which they are tried.

    That is the folder which NUMBA_CACHE_DIR names, if it is set, else ``__pycache__`` and the user's cache folder.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [Path(named) / "skbackprop"]
    folders = [FOLDER / "__pycache__"]
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        user_folder = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        user_folder = home / "Library" / "Caches"
    else:
        user_folder = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    if user_folder.is_absolute():  # without a home folder, "~" remains
        folders.append(user_folder / "skbackprop")
    return folders


def read_payload(path: Path, key: bytes | None = None) -> bytes:
    """Return the verified payload of a file.

    Parameters
    ----------
    path : Path
    key : bytes or None
        What the file must have been written for; None accepts every key.

    Raises
    ------
    OSError
        If the file cannot be read.
    DamagedFileError
        If the digest or the key differs.
    """
    digest, _, rest = path.read_bytes().partition(b"\n")
    if digest != _digest(rest):
        raise DamagedFileError(f"{path} is damaged")
    written_for, _, payload = rest.partition(b"\n")
    if key is not None and written_for != key:
        raise DamagedFileError(f"{path} is of another kernel")
    return payload


def write_payload(name: str, key: bytes, payload: bytes) -> None:
    """Write a file, whole or not at all, into the first folder that takes it.

    Raises
    ------
    OSError
        If no folder takes it.
    """
    rest = key + b"\n" + payload
    failures = []
    for folder in cache_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(folder / name, _digest(rest) + b"\n" + rest)
            return
        except OSError as error:
            failures.append(str(error))
    raise OSError("; ".join(failures))


def _write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary file and rename it, so that no process ever reads half a file."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class KernelCache:
    """Where numba's dispatcher looks for a compiled function, instead of `numba.core.caching.FunctionCache`.

    Parameters
    ----------
    function : str
        Name of the entry function.
    dtype : numpy.dtype

    Attributes
    ----------
    may_compile : bool
        Whether numba compiles the function if no file has it; else, KernelNotFoundError is raised.
    was_compiled : bool
        Whether the function was compiled in this process.
    failure : str or None
        Why the compiled function could not be stored.
    """

    cache_path = None  # of numba's interface, for a single folder

    def __init__(self, function: str, dtype: np.dtype):
        self._function = function
        self._dtype = dtype
        self.may_compile = True
        self.was_compiled = False
        self.failure: str | None = None

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled function from the first file that has it, or None to compile it."""
        from numba.core.compiler import CompileResult

        target_context.refresh()
        cpu = target_context.codegen().magic_tuple()
        failures = []
        for path in self._find_files(_file_name(self._function, self._dtype, cpu)):
            try:
                payload = read_payload(path, _key(signature, cpu))
                return CompileResult._rebuild(target_context, *pickle.loads(payload))
            except Exception as error:  # unpickling raises anything
                failures.append(str(error) or repr(error))
        if not self.may_compile:
            raise KernelNotFoundError("; ".join(failures) or "the kernel was compiled for another kind of CPU")
        logger.warning(
            "Compiling the numba kernel for %s, which takes about half a minute. The result is kept for later "
            "processes; to compile ahead of time, run: python -m skbackprop.compile",
            self._dtype,
        )
        self.was_compiled = True
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Write the compiled function to a file; a failure is a warning, because the function is in memory."""
        from numba.core.serialize import dumps

        cpu = result.codegen.magic_tuple()
        name, key = _file_name(self._function, self._dtype, cpu), _key(signature, cpu)
        try:
            write_payload(name, key, dumps(result._reduce()))
        except Exception as error:
            self.failure = (
                f"The compiled kernel cannot be stored, so every process compiles it again: {error}. Set "
                f"NUMBA_CACHE_DIR to a writable folder with enough space, and {REMEDY}."
            )
            warnings.warn(self.failure, RuntimeWarning, stacklevel=2)

    def _find_files(self, name: str) -> list[Path]:
        try:
            return [path for path in find_files(self._function, self._dtype) if path.name == name]
        except OSError:
            if not self.may_compile:
                raise
            return []

    def enable(self) -> None:
        """Do nothing; a part of numba's interface."""

    disable = flush = enable


def _prefix(function: str, dtype: np.dtype) -> str:
    python = f"py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    return f"{function}_{np.dtype(dtype).name}_{fingerprint()}.{python}."


def _file_name(function: str, dtype: np.dtype, cpu: tuple) -> str:
    """Return the name of a file; `cpu` is what numba calls its magic tuple: platform, CPU and its features."""
    digest = hashlib.sha256(repr(cpu).encode()).hexdigest()[:12]
    return f"{_prefix(function, dtype)}numba{_numba_version()}-{digest}{SUFFIX}"


def _key(signature: Any, cpu: tuple) -> bytes:
    """Return a line that says what a file is for, including what its name abbreviates."""
    import numba

    return repr((numba.__version__, fingerprint(), cpu, str(signature))).encode()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


@cache
def _numba_version() -> str | None:
    """Return the version of numba, or None if it is not known."""
    from importlib import metadata  # which imports much, and is needed only where a kernel is found or stored

    try:
        return metadata.version("numba")
    except metadata.PackageNotFoundError:
        return None


def stored(jit: Callable[[Any], Any], function: FunctionType, dtype: np.dtype) -> Any:
    """Return an entry function of the kernel, compiled by `jit`, such that it is stored.

    With NUMBA_DISABLE_JIT, it remains a plain function.
    """
    name = function.__name__
    function.__qualname__ = f"{name}_{np.dtype(dtype).name}"  # becomes a symbol, which must differ between dtypes
    compiled = jit(function)
    if compiled is not function:
        compiled._cache = KernelCache(name, dtype)
    return compiled
