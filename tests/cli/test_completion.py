"""Tab, as a shell asks for it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import HEAVY

AS_INSTALLED = "import sys; sys.argv[0] = 'voicecli'"
"""The name that the console script has; completion goes by it."""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("voicecli tr", {"transcribe"}),
        ("voicecli bench e", {"endpoint"}),
        ("voicecli talk --endp", {"--endpoint"}),
        ("voicecli talk --endpoint ", {"fast", "balanced", "patient", "silence"}),
        ("voicecli talk --voice bm_", {"bm_daniel", "bm_fable", "bm_george", "bm_lewis"}),
        ("voicecli download-models whisper-t", {"whisper-tiny", "whisper-tiny.en"}),
        ("voicecli replay --stt-model whisper-s", {"whisper-small", "whisper-small.en"}),
    ],
)
def test_commands_options_and_choices_are_completed_without_loading_an_engine(typed: str, offered: set[str]) -> None:
    code = f"""
{AS_INSTALLED}
from voicecli.cli import app
try:
    app()
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    asked = {"_VOICECLI_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert set(outcome.stdout.split()) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_what_is_installed_for_bash_completes(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "voicecli"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom voicecli.cli import main\nmain()\n", encoding="utf8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    session = """
voicecli --install-completion || exit 1
. ~/.bashrc
COMP_WORDS=(voicecli tr); COMP_CWORD=1
_voicecli_completion voicecli
echo "offered: ${COMPREPLY[*]}"
"""
    outcome = subprocess.run(
        ["bash", "--norc", "-c", session],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert outcome.stdout.splitlines()[-1:] == ["offered: transcribe"], outcome.stderr + outcome.stdout
