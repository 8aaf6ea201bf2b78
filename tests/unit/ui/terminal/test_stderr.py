"""File descriptor 2 goes to the log while the screen is up, whoever writes to it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from voicecli.ui.terminal.outlet import STDERR_FD, stderr_to


@pytest.fixture
def native_write() -> ctypes.CDLL:
    """libc, as a native library would use it."""
    return ctypes.CDLL(None)


def test_native_libraries_write_to_the_log(
    tmp_path: Path, native_write: ctypes.CDLL, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "deep" / "voicecli.log"
    with stderr_to(log):
        native_write.write(STDERR_FD, b"ALSA lib pcm.c\n", 15)
    os.write(STDERR_FD, b"after\n")
    assert log.read_text() == "ALSA lib pcm.c\n"
    assert capfd.readouterr().err == "after\n"


def test_the_log_grows_and_errors_restore_the_descriptor(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "voicecli.log"
    log.write_text("before\n")

    def fail() -> None:
        with stderr_to(log):
            os.write(STDERR_FD, b"inside\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    os.write(STDERR_FD, b"after\n")
    assert log.read_text() == "before\ninside\n"
    assert capfd.readouterr().err == "after\n"


def test_a_log_that_cannot_be_opened_leaves_the_descriptor_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IsADirectoryError), stderr_to(tmp_path):
        raise AssertionError("must not get here")
    os.write(STDERR_FD, b"after\n")
    assert capfd.readouterr().err == "after\n"
