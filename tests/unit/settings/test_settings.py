"""Layers of settings, and what is said of the wrong ones."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
from pathlib import Path

import pytest

from voicecli.errors import SettingsError
from voicecli.settings import model
from voicecli.settings.load import keys, load_settings, shipped_values, shown, value_of
from voicecli.settings.model import Settings
from voicecli.speech_text.chunker import SHORT_CLAUSE_CHARS


def origin(key: str, **layers: object) -> tuple[object, str]:
    loaded = load_settings(**layers)  # type: ignore[arg-type]
    return value_of(loaded.settings, key), loaded.origins[key]


def test_each_layer_beats_the_one_below_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[stt]\nmodel = "from-file"\n', encoding="utf8")
    key = "stt.model"
    assert origin(key, environ={}) == ("whisper-base", "default")
    assert origin(key, environ={}, file=file) == ("from-file", str(file))
    assert origin(key, environ={}, file=file, profile="gpu") == ("whisper-large-v3-turbo", "profile gpu")
    env = {"VOICECLI_STT_MODEL": "from-env"}
    assert origin(key, environ=env, file=file, profile="gpu") == ("from-env", "VOICECLI_STT_MODEL")
    assert origin(key, environ=env, flags={key: "from-flag"}) == ("from-flag", "flag")


def test_a_flag_that_was_not_typed_changes_nothing() -> None:
    assert origin("stt.model", environ={}, flags={"stt.model": None}) == ("whisper-base", "default")


def test_the_users_own_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "voicecli").mkdir()
    (tmp_path / "voicecli" / "config.toml").write_text("[tts]\nspeed = 1.3\n", encoding="utf8")
    assert origin("tts.speed", environ={})[0] == 1.3


def test_numbers_and_switches_come_out_of_the_environment() -> None:
    env = {"VOICECLI_LISTEN_END_MS": "900", "VOICECLI_MODELS_OFFLINE": "true", "VOICECLI_TEST_THING": "ignored"}
    loaded = load_settings(environ=env)
    assert (loaded.settings.listen.end_ms, loaded.settings.models.offline) == (900, True)


def test_the_profile_can_come_out_of_the_environment() -> None:
    assert load_settings(environ={"VOICECLI_PROFILE": "gpu"}).settings.stt.device == "cuda"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[stt]\nmodle = 1\n", "unknown setting stt.modle", "stt.model"),
        ("[speech]\nvoice = 1\n", "unknown setting speech.voice", "tts.voice"),
        ("threads = 1\n", "unknown setting threads", "threads"),
        ("[zzz]\nqqq = 1\n", "unknown setting zzz.qqq", "--show-settings"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf8")
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={}, file=file)
    assert message in caught.value.message
    assert str(file) in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"tts.speed": 9}, "tts.speed"),
        ({"stt.device": "tpu"}, "'cpu' or 'cuda'"),
        ({"listen.end_ms": "soon"}, "'soon'"),
    ],
)
def test_a_value_out_of_range_names_key_and_origin(flags: dict[str, object], part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, environ={})
    assert caught.value.message.startswith("flag: ")
    assert part in caught.value.message


def test_a_broken_file_says_where(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[stt\n", encoding="utf8")
    with pytest.raises(SettingsError, match="line 1"):
        load_settings(environ={}, file=file)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings(environ={}, file=tmp_path / "none.toml")


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown profile 'tpu'"):
        load_settings(environ={}, profile="tpu")


def test_the_default_file_holds_every_setting_and_the_profiles_only_known_ones() -> None:
    assert sorted(load_settings(environ={}).origins) == sorted(keys())
    assert isinstance(load_settings(environ={}, profile="cpu").settings, Settings)


def test_each_setting_says_its_default() -> None:
    """The documentation of a field ends with "Default: VALUE." and, where words explain it, "(…)"."""
    tree = ast.parse(inspect.getsource(model))
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    documented = {
        node.name: {
            field.target.id: ast.literal_eval(text.value)
            for field, text in itertools.pairwise(node.body)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    defaults = shipped_values("default.toml")
    for section, kind in sections.items():
        assert isinstance(kind, type)
        texts = documented[kind.__name__]
        assert sorted(texts) == sorted(kind.model_fields)
        for key, text in texts.items():
            _, found, said = " ".join(text.split()).rpartition("Default: ")
            assert found, f"{section}.{key}"
            if "config/default.toml" not in said and said != "none.":
                default = json.dumps(defaults[f"{section}.{key}"])
                assert said.partition(" (")[0].removesuffix(".") == default, f"{section}.{key}"


def test_what_is_said_outside_a_conversation_begins_as_a_conversation_does_by_default() -> None:
    assert load_settings(environ={}).settings.tts.first_chunk_chars == SHORT_CLAUSE_CHARS


def test_a_secret_is_never_shown() -> None:
    loaded = load_settings({"llm.api_key": "hunter2"}, environ={})
    row = next(row for row in loaded.rows() if row[0] == "llm.api_key")
    assert row == ("llm.api_key", '"***"', "flag")
    assert shown(load_settings(environ={}).settings.llm.api_key) == '""'
    assert shown(True) == "true"


@pytest.mark.parametrize("text", ["fr=ff_other,es=em_alex", " fr = ff_other , es=em_alex,"])
def test_a_table_is_changed_entry_by_entry(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[tts.voices]\nde = "af_sky"\nfr = "af_sky"\n', encoding="utf8")
    voices = load_settings(environ={"VOICECLI_TTS_VOICES": text}, file=file).settings.tts.voices
    assert (voices["de"], voices["fr"], voices["es"]) == ("af_sky", "ff_other", "em_alex")
    assert voices["it"] == load_settings(environ={}).settings.tts.voices["it"]


@pytest.mark.parametrize("value", ["ff_siwis", "fr", "fr=a b", 5, ["fr"]])
def test_what_is_no_table_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match=r"tts\.voices"):
        load_settings({"tts.voices": value}, environ={})


def test_a_table_is_shown_as_it_may_be_written() -> None:
    loaded = load_settings({"tts.voices": "fr=ff_other"}, environ={})
    row = next(row for row in loaded.rows() if row[0] == "tts.voices")
    assert "fr=ff_other" in row[1]
    assert row[2] == "flag"
    again = load_settings({"tts.voices": row[1].strip('"')}, environ={})
    assert again.settings.tts.voices == loaded.settings.tts.voices


@pytest.mark.parametrize("phrase", ["", "hi", "a-b c!"])
def test_a_wake_phrase_is_long_enough_to_be_reported_from_other_words(phrase: str) -> None:
    with pytest.raises(SettingsError, match="at least 4 letters"):
        load_settings({"listen.wake_phrase": phrase}, environ={})


def test_while_a_key_is_held_no_end_of_turn_is_judged() -> None:
    def judges(**values: str) -> bool:
        return load_settings({f"listen.{key}": value for key, value in values.items()}).settings.listen.judges_pauses

    assert judges()
    assert judges(mode="wake-phrase")
    assert not judges(mode="push-to-talk")
    assert not judges(endpoint="silence")


def test_tables_of_servers_are_read_and_their_secrets_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[tools.servers.clock]\ncommand = "clock"\nenv = { TOKEN = "hunter2" }\n', encoding="utf8")
    loaded = load_settings(file=file, environ={})
    assert loaded.settings.tools.servers["clock"].env["TOKEN"].get_secret_value() == "hunter2"
    assert ("tools.servers", "clock", str(file)) in loaded.rows()
    assert "hunter2" not in repr(loaded)
    file.write_text(file.read_text() + 'url = "http://x"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(file=file, environ={})
    assert caught.value.message.endswith("either a command or a url, got a table of command, env, url")


def test_a_list_may_come_from_the_environment() -> None:
    allow = load_settings(environ={"VOICECLI_TOOLS_ALLOW": "builtin, clock.get_*"}).settings.tools.allow
    assert allow == ("builtin", "clock.get_*")
