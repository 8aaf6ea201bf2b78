"""What every test may ask for: real models, and an environment without the developer's own settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from tests.defaults import SETTINGS
from voicecli.errors import ModelMissing
from voicecli.models.manifest import Manifest
from voicecli.models.store import ModelStore

pytest_plugins = ["tests.card.fixtures"]

# The same examples each time, and as long as they take: a red run is about the change at hand, not about chance or
# a busy machine. New ones:
# make check ARGS="--hypothesis-profile=default", or the same with make test.
hypothesis_settings.register_profile("same", derandomize=True, deadline=None)
hypothesis_settings.load_profile("same")


# pytest-xdist sets these in its workers, and programs that tests start would take them for the size of their terminal.
for variable in ("COLUMNS", "LINES"):
    os.environ.pop(variable, None)

# A shell has what it starts in the background ignore Ctrl-C, and programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-models", action="store_true", help="a missing model is a failure, not a skip")
    parser.addoption("--require-card", action="store_true", help="a missing PulseAudio is a failure, not a skip")
    parser.addoption("--update-screens", action="store_true", help="take the pictures of tests/screens anew")


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own settings file, history and environment stay out."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in os.environ:
        if name.startswith("VOICECLI_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def model_folder(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Folder of a model by its name in the manifest; skips where it is not on disk."""
    store = ModelStore(SETTINGS.models_dir, Manifest.load())

    def folder(name: str) -> Path:
        try:
            return store.path(name)
        except ModelMissing as error:
            if pytestconfig.getoption("--require-models"):
                raise
            pytest.skip(f"{error.message}: make test downloads it")

    return folder
