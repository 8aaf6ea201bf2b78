"""What runs on Windows only in WSL says so."""

from __future__ import annotations

import pytest

from voicecli.app.platform import require_unix
from voicecli.errors import SettingsError


@pytest.mark.parametrize("platform", ["linux", "darwin", "freebsd14"])
def test_unix_is_enough(platform: str) -> None:
    require_unix("voicecli talk", platform)


def test_windows_is_reported_what_to_do() -> None:
    with pytest.raises(SettingsError, match="voicecli talk does not run on Windows directly") as reported:
        require_unix("voicecli talk", "win32")
    assert "WSL" in reported.value.hint
