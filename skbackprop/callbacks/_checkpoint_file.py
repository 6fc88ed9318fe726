"""The file of a `Checkpoint`: an estimator as joblib stores it, and at its end a mark of this package.

joblib and pickle read up to the end of the estimator, so ``joblib.load`` reads such a file like any other. The mark
tells that this package has written the file, all of it, and that it is undamaged.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import joblib

#: What the mark begins with; the checksum of all bytes before it follows.
MARK = b"\nskbackprop checkpoint 1 "
#: Length of the mark: the checksum has eight hexadecimal digits.
MARK_LENGTH = len(MARK) + 8
#: Number of bytes whose checksum is computed at a time.
CHUNK_BYTES = 2**20


def write(path: Path, value: Any) -> None:
    """Replace a checkpoint by another, or leave it as it is if there is an error.

    If `path` is a symbolic link, the file that it points to is replaced.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.skbackprop-part")
    try:
        with open(part, "w+b") as file:
            joblib.dump(value, file)
            length = file.tell()
            file.seek(0)
            checksum = _checksum(file, length)
            file.seek(length)
            file.write(MARK + b"%08x" % checksum)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except OSError as error:
        error.add_note(f"The checkpoint {path} could not be written; if there was one before, it is unchanged.")
        raise
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> Any:
    """Return what is stored in a checkpoint.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a checkpoint, or damaged. Nothing in it has then been executed.
    """
    reason = why_not_a_checkpoint(path)
    if reason is not None:
        raise ValueError(f"{path} is not a checkpoint that training can be resumed from: {reason}.")
    return joblib.load(path)


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
    if not target.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} of the checkpoint {path} does not exist.")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"The folder {path.parent} of the checkpoint {path} cannot be written to.")
    if target.exists() and not is_marked(target):
        raise FileExistsError(
            f"{path} exists and is not a checkpoint of skbackprop, so it is not replaced: choose another path, or "
            "delete it."
        )


def is_marked(path: Path) -> bool:
    """Return whether this package has written a file, whether or not it is damaged."""
    return path.is_file() and _mark(path).startswith(MARK)


def why_not_a_checkpoint(path: Path) -> str | None:
    """Return why a file is not a valid checkpoint, or None if it is one."""
    if not path.exists():
        raise FileNotFoundError(f"The checkpoint {path} does not exist: nothing has been written yet.")
    if not path.is_file():
        return "it is a folder"
    length = path.stat().st_size
    if not length:
        return "it is empty"
    mark = _mark(path)
    if not mark.startswith(MARK):
        return "it was not written by Checkpoint, or only in part"
    with open(path, "rb") as file:
        checksum = _checksum(file, length - MARK_LENGTH)
    return None if mark.endswith(b"%08x" % checksum) else "it is damaged, as its checksum shows"


def _mark(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - MARK_LENGTH))
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
