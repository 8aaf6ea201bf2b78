"""Where the history is kept: a file for its user alone, and what becomes of a damaged one."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

SQLITE_SUFFIXES = ("-wal", "-shm")
"""What SQLite writes beside its file; the first may hold what is not in the file yet."""

Identity = tuple[int, int]
"""Device and inode: the same path may be another file tomorrow."""


def identity(path: Path) -> Identity | None:
    """Which file is there; None for none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def make_private(path: Path) -> None:
    """An empty file that nobody else can read (mode 0600), unless there is one; then others may not read it any longer.

    A folder that has to be made is the user's alone, too; one that exists is left as it is. SQLite gives the files
    beside it the same mode. Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a folder, /dev/null: not ours to change
            raise OSError(errno.EINVAL, "is no regular file") from None
        if mode & 0o077:
            path.chmod(0o600)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """No other conversation is inside such a block with the same folder. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file, with those beside it, so that it can still be looked at. Raises OSError."""
    name = f"{path.name}.damaged-{now:%Y-%m-%d}"
    number, set_aside_file = 1, path.with_name(name)
    while set_aside_file.exists():
        number += 1
        set_aside_file = path.with_name(f"{name}-{number}")
    for end in (*SQLITE_SUFFIXES, ""):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(set_aside_file.with_name(set_aside_file.name + end))
    return set_aside_file


def damaged_files(path: Path) -> list[Path]:
    """Everything that was set aside earlier."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))
