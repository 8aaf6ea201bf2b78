"""Which settings leave the machine, and which ones a replay has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.defaults import SETTINGS
from voicecli.bench.environment import SettingValue
from voicecli.errors import SettingsError
from voicecli.replay.redacted_settings import MACHINE_KEYS, redacted_settings, replay_settings, without_folders
from voicecli.settings.load import as_environ, keys, load_settings, parsed, value_of
from voicecli.settings.model import Settings


def changed(**sections: dict[str, object]) -> Settings:
    dumped = SETTINGS.model_dump()
    for section, values in sections.items():
        dumped[section] |= values
    return Settings.model_validate(dumped)


def test_no_secret_no_address_and_no_folder_is_kept() -> None:
    secret = changed(
        llm={"api_key": "sk-123", "url": "http://me:secret@inside:8000/v1", "model": "/home/me/llm/a.gguf"},
        audio={"input_device": "Jane's headset"},
        models={"dir": "/home/me/models"},
        stt={"model": "C:\\Users\\me\\whisper"},
        tools={"servers": {"mail": {"command": "mail", "env": {"TOKEN": "tok-456"}}}},
    )
    kept = redacted_settings(secret, prompt=False)
    reported = repr(kept)
    for word in ("sk-123", "tok-456", "secret", "inside", "home", "Jane", "Users", "helpful"):
        assert word not in reported
    assert (kept["llm.model"], kept["stt.model"]) == ("a.gguf", "whisper")
    assert str(kept["llm.system_prompt"]).endswith("characters")
    assert set(kept) == set(keys()) - MACHINE_KEYS


def test_with_consent_the_prompt_is_kept() -> None:
    assert "friendly" in str(redacted_settings(SETTINGS, prompt=True)["llm.system_prompt"])


def test_a_name_with_a_slash_is_no_path() -> None:
    assert without_folders("qwen/qwen3-4b") == "qwen/qwen3-4b"
    assert without_folders("a prompt\n/of/two/lines") == "a prompt\n/of/two/lines"


def test_a_replay_has_the_recorded_settings_this_machines_places_and_what_was_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOICECLI_LLM_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("VOICECLI_LISTEN_END_MS", "900")
    reported: list[str] = []
    recorded: dict[str, SettingValue] = {
        "listen.endpoint": "fast",
        "llm.temperature": 0.9,
        "llm.url": "http://else:1",
        "old.key": 1,
    }
    settings = replay_settings(recorded, {"stt.language": "de", "tts.voice": None}, reported.append)
    assert settings.listen.endpoint == "fast"
    assert settings.llm.url == "http://127.0.0.1:9/v1"
    assert settings.listen.end_ms == SETTINGS.listen.end_ms
    assert (settings.llm.temperature, settings.llm.seed, settings.tts.streaming) == (0.0, 7, False)
    assert (settings.stt.language, settings.tts.voice) == ("de", SETTINGS.tts.voice)
    assert reported == ["Ignored settings that this version does not know: old.key"]


def test_a_temperature_that_is_asked_for_is_taken() -> None:
    assert replay_settings({}, {"llm.temperature": 0.8}, print).llm.temperature == 0.8


def test_a_recorded_path_is_not_looked_for_on_this_machine(tmp_path: Path) -> None:
    assert replay_settings({"stt.model": str(tmp_path)}, {}, print).stt.model == tmp_path.name


def test_a_recorded_value_that_is_none_is_reported_to_be_the_recordings() -> None:
    with pytest.raises(SettingsError, match="recording: stt.threads"):
        replay_settings({"stt.threads": "many"}, {}, print)


def test_assignments_of_the_command_line_are_checked() -> None:
    assert parsed(["listen.pause_ms = 150", "llm.model=a=b"]) == {"listen.pause_ms": "150", "llm.model": "a=b"}
    with pytest.raises(SettingsError, match=r"section\.key=value"):
        parsed(["listen.pause_ms"])
    with pytest.raises(SettingsError) as refused:
        parsed(["listen.pause=150"])
    assert "listen.pause_ms" in refused.value.hint


def test_another_process_gets_the_same_settings() -> None:
    flags = {"listen.pause_ms": 150, "llm.prefill": False, "audio.input_device": "", "stt.model": None}
    environ = as_environ(flags)
    assert environ["VOICECLI_LLM_PREFILL"] == "false"
    assert not any(name in os.environ for name in environ)
    theirs, ours = load_settings({}, environ=environ), load_settings(flags, environ={})
    assert all(value_of(theirs.settings, key) == value_of(ours.settings, key) for key in flags)
