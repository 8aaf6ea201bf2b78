"""The history file on disk: private to its user, and set aside if damaged."""

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
"""Suffixes of SQLite's other files; the first may hold data that is not in the main file yet."""

Identity = tuple[int, int]
"""Device and inode, because a path may refer to another file later."""


def identity(path: Path) -> Identity | None:
    """Return the identity of a file; None if there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def make_private(path: Path) -> None:
    """Create an empty file that only its owner can read (mode 0600); restrict an existing one to its owner.

    A new folder is private, too; an existing one is not changed. SQLite gives its other files the same mode. Raise
    OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a folder, /dev/null: not ours to change
            raise OSError(errno.EINVAL, "is not a regular file") from None
        if mode & 0o077:
            path.chmod(0o600)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on the folder inside the block. Raise OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file and SQLite's other files, so that the user can recover data. Raise OSError."""
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
    """Return the files that were set aside."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))
