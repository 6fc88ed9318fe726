"""The file of a `Checkpoint`: an estimator as joblib stores it, after a header and before a mark of this package.

The header is a string that pickle reads and drops, and pickle stops at the end of the estimator, so ``joblib.load``
reads such a file like any other. The mark tells that this package has written the file, all of it, and that it is
undamaged. The header tells the same of a temporary file that was not completed.

A checkpoint is written to a temporary file beside it, which then replaces it. A process that is killed meanwhile leaves
its temporary file. The next fit removes it if nobody writes to it: a process that writes holds a lock, which ends with
the process. Where there are no such locks, on Windows and some network file systems, temporary files are left alone.
"""

from __future__ import annotations

import os
import pickle
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import joblib

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: A pickle that puts a string on the stack and drops it.
HEADER = pickle.PROTO + b"\x04" + pickle.SHORT_BINUNICODE + b"\x15skbackprop checkpoint" + pickle.POP
#: What the mark begins with; the checksum of all bytes before it follows.
MARK = b"\nskbackprop checkpoint 1 "
#: Length of the mark: the checksum has eight hexadecimal digits.
MARK_LENGTH = len(MARK) + 8
#: Number of bytes whose checksum is computed at a time.
CHUNK_BYTES = 2**20
#: Number of characters of the name of the checkpoint in that of a temporary file. File systems allow 255 bytes.
NAME_LENGTH = 50


def write(path: Path, value: Any) -> None:
    """Replace a checkpoint by another, or leave it as it is if there is an error.

    If `path` is a symbolic link, the file that it points to is replaced.

    Raises
    ------
    FileNotFoundError, PermissionError, FileExistsError
        As `check_replaceable`, which is called immediately before the file is replaced, too.
    """
    target = Path(os.path.realpath(path))
    try:
        check_replaceable(path)
        with _temporary_file(target) as file, _locked(file):
            _dump(value, file)
            file.close()  # Windows does not rename open files
            check_replaceable(target)
            os.replace(file.name, target)
    except OSError as error:
        error.add_note(f"The checkpoint {path} could not be written; if there was one before, it is unchanged.")
        raise


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote this checkpoint."""
    target = Path(os.path.realpath(path))
    prefix, suffix = _temporary_name(target)
    name = re.compile(f"{re.escape(prefix)}[0-9a-f]{{16}}{re.escape(suffix)}")
    try:
        files = [file for file in target.parent.iterdir() if name.fullmatch(file.name)]
    except PermissionError:  # one may write to the folder, but not list it
        return
    for file in files:
        with suppress(OSError):  # such as that of another user, or one that its process has just renamed
            _remove_if_abandoned(file)


def read(path: Path) -> Any:
    """Return what is stored in a checkpoint.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a checkpoint, or damaged. Nothing in it has then been executed.
    """
    reason = _why_not_a_file(path)
    if reason is None:
        with open(path, "rb") as file:  # once, because another process may replace it
            reason = _why_not_a_checkpoint(file)
            if reason is None:
                file.seek(0)
                return joblib.load(file)
    raise ValueError(f"{path} is not a checkpoint that training can be resumed from: {reason}.")


def check_replaceable(path: Path) -> None:
    """Raise an error if a checkpoint at this path could not be written, or would replace the file of another program.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    PermissionError
        If no file can be created in the folder.
    FileExistsError
        If there is something else at the path.
    """
    target = Path(os.path.realpath(path))
    folder = target.parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"The folder {folder} of the checkpoint {path} does not exist.")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"The folder {folder} of the checkpoint {path} cannot be written to.")
    if os.path.lexists(target) and not _is_marked(target):
        raise FileExistsError(
            f"{path} exists and is not a checkpoint of skbackprop, so it is not replaced: choose another path, or "
            "delete it."
        )


def _is_marked(path: Path) -> bool:
    """Return whether this package has written a file, whether or not it is damaged."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return _mark(file).startswith(MARK)


def _why_not_a_file(path: Path) -> str | None:
    """Return why there is no regular file at a path, or None if there is one."""
    if not path.exists():
        raise FileNotFoundError(f"The checkpoint {path} does not exist: nothing has been written yet.")
    if path.is_dir():
        return "it is a folder"
    return None if path.is_file() else "it is a device or a pipe"


def _why_not_a_checkpoint(file: IO[bytes]) -> str | None:
    """Return why a file is not a valid checkpoint, or None if it is one."""
    length = file.seek(0, os.SEEK_END)
    if not length:
        return "it is empty"
    mark = _mark(file)
    if not mark.startswith(MARK):
        return "it was not written by Checkpoint, or only in part"
    file.seek(0)
    checksum = _checksum(file, length - MARK_LENGTH)
    return None if mark.endswith(b"%08x" % checksum) else "it is damaged, as its checksum shows"


@contextmanager
def _temporary_file(target: Path) -> Iterator[IO[bytes]]:
    """Create a file beside another one with its permissions, and remove it at the end if it is still there."""
    path = target.with_name(secrets.token_hex(8).join(_temporary_name(target)))
    permissions = _permissions(target)
    mode = 0o666 if permissions is None else permissions
    with open(path, "x+b", opener=partial(os.open, mode=mode)) as file:
        try:
            if permissions is not None:  # the umask may have taken some away
                path.chmod(permissions)
            yield file
        finally:
            with suppress(OSError):  # as on a full disk
                file.close()
            with suppress(OSError):
                path.unlink()


def _temporary_name(target: Path) -> tuple[str, str]:
    """Return what is before and after the random digits in the name of a temporary file."""
    return f".{target.name[:NAME_LENGTH]}.", ".skbackprop-part"


def _permissions(path: Path) -> int | None:
    """Return the permissions of a file, or None if there is none."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


@contextmanager
def _locked(file: IO[bytes]) -> Iterator[None]:
    """Hold a lock on a file, also after it has been closed."""
    if fcntl is None:
        yield
        return
    descriptor = os.dup(file.fileno())
    try:
        with suppress(OSError):  # the file system may have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_if_abandoned(path: Path) -> None:
    """Remove a temporary file with our header, or raise OSError if a process writes to it."""
    if fcntl is None or path.is_symlink() or not path.is_file():
        return
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if file.read(len(HEADER)) == HEADER:  # which is written after the lock has been taken
            path.unlink()


def _dump(value: Any, file: IO[bytes]) -> None:
    """Write the header, the value and the mark to a new file, and wait until they are on the disk."""
    file.write(HEADER)
    file.flush()
    joblib.dump(value, file)
    length = file.tell()
    file.seek(0)
    checksum = _checksum(file, length)
    file.seek(length)
    file.write(MARK + b"%08x" % checksum)
    file.flush()
    os.fsync(file.fileno())


def _mark(file: IO[bytes]) -> bytes:
    """Return the last bytes of a file."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - MARK_LENGTH))
    return file.read()


def _checksum(file: Any, length: int) -> int:
    """Return the checksum of the next bytes of a file."""
    checksum = 0
    while length > 0:
        part = file.read(min(CHUNK_BYTES, length))
        if not part:
            break
        checksum = zlib.crc32(part, checksum)
        length -= len(part)
    return checksum
