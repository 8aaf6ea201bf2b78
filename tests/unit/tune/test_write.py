"""The user's settings file: what is put in, what stays, and what becomes of it when something goes wrong."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from voicecli.errors import SettingsError
from voicecli.settings.load import load_settings
from voicecli.tune.values import PART_OF, Choice, Value
from voicecli.tune.write import chosen_keys, tuned, user_values, write

DATE = "2026-03-01"


def choice(key: str, value: Value, reason: str = "12 ms sooner") -> Choice:
    return Choice(key, value, "default", reason)


def put(text: str, *chosen: Choice) -> str:
    return tuned(text, chosen, PART_OF, DATE)


def test_a_new_file_holds_what_was_chosen_and_why() -> None:
    assert put("", choice("stt.threads", 4), choice("stt.model", "whisper-small"), choice("tts.streaming", False)) == (
        "[stt]\n"
        "threads = 4 # 2026-03-01 voicecli tune: 12 ms sooner\n"
        'model = "whisper-small" # 2026-03-01 voicecli tune: 12 ms sooner\n'
        "\n"
        "[tts]\n"
        "streaming = false # 2026-03-01 voicecli tune: 12 ms sooner\n"
    )


def test_the_users_own_words_stay() -> None:
    mine = '# Mine.\n[tts]\nvoice = "bm_george"  # like my uncle\n\n# How I hear\n[stt]\nlanguage = "de"\n'
    changed = put(mine, choice("stt.model", "whisper-small"))
    assert changed == mine + 'model = "whisper-small" # 2026-03-01 voicecli tune: 12 ms sooner\n'


def test_what_an_earlier_tuning_wrote_gives_way() -> None:
    first = put("[listen]\nend_ms = 800\n", choice("stt.threads", 4), choice("listen.endpoint", "fast"))
    again = put(first, choice("stt.threads", 2, "another reason"))
    assert tomllib.loads(again) == {"listen": {"end_ms": 800}, "stt": {"threads": 2}}
    assert "# 2026-03-01 voicecli tune: another reason" in again
    assert put(again) == "[listen]\nend_ms = 800\n"
    assert put(put("")) == ""


def test_a_section_with_a_word_of_the_user_stays() -> None:
    mine = "[stt]\n# I may try a larger one.\nthreads = 3 # voicecli tune: quicker\n"
    assert put(mine) == "[stt]\n# I may try a larger one.\n"


def test_what_the_user_wrote_gives_way_only_to_something_better() -> None:
    mine = '[stt]\nthreads = 3\n[listen]\nendpoint = "patient" # I am slow\n'
    assert put(mine) == mine
    assert user_values(mine, PART_OF) == {"stt.threads": 3, "listen.endpoint": "patient"}
    assert tomllib.loads(put(mine, choice("stt.threads", 4)))["stt"] == {"threads": 4}
    assert user_values(put(mine, choice("stt.threads", 4)), PART_OF) == {"listen.endpoint": "patient"}


def test_a_file_with_nothing_to_change_is_left_to_the_letter() -> None:
    mine = "\n\n[tts]\nspeed   = 1.2\n\n\n"
    assert put(mine) == mine


def test_other_layouts_of_toml_are_kept() -> None:
    assert put('stt = { language = "de" }\n', choice("stt.threads", 4)) == 'stt = { language = "de", threads = 4}\n'
    dotted = put('stt.language = "de"\n', choice("stt.threads", 4))
    assert tomllib.loads(dotted) == {"stt": {"language": "de", "threads": 4}}


def test_a_reason_stays_on_its_line() -> None:
    assert put("", choice("stt.threads", 4, "two\nlines")).count("\n") == 2


@pytest.mark.parametrize("text", ["stt = 4\n", "[stt\n"])
def test_a_file_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        put(text, choice("stt.threads", 4))


def test_only_what_differs_from_the_defaults_is_chosen() -> None:
    found = [choice("stt.threads", 2), choice("tts.threads", 2)]
    assert chosen_keys(found, {"stt.threads": 2, "tts.threads": 4}) == [found[1]]


def test_the_old_file_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tts]\nspeed = 1.2\n", encoding="utf8")
    path.chmod(0o600)
    written = write(path, "[tts]\nspeed = 1.3\n")
    assert load_settings(environ={}, file=path).settings.tts.speed == 1.3
    assert written.backup == tmp_path / "config.toml.bak"
    assert written.backup.read_text(encoding="utf8") == "[tts]\nspeed = 1.2\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["config.toml", "config.toml.bak"]


def test_a_first_file_makes_its_folder_and_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "voicecli" / "config.toml"
    assert write(path, "[tts]\nspeed = 1.3\n").backup is None
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tts]\nspeed = 1.2\n", encoding="utf8")
    assert not write(path, "[tts]\nspeed = 1.2\n").changed
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    place = tmp_path / "dotfiles.toml"
    place.write_text("[tts]\nspeed = 1.2\n", encoding="utf8")
    link = tmp_path / "config.toml"
    link.symlink_to(place)
    write(link, "[tts]\nspeed = 1.3\n")
    assert link.is_symlink()
    assert place.read_text(encoding="utf8") == "[tts]\nspeed = 1.3\n"


@pytest.mark.parametrize("text", ["[tts]\nspeed = 9\n", "[tts]\nspede = 1\n", "[tts\n"])
def test_what_the_program_could_not_read_never_takes_the_place_of_the_old_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tts]\nspeed = 1.2\n", encoding="utf8")
    with pytest.raises(SettingsError):
        write(path, text)
    assert path.read_text(encoding="utf8") == "[tts]\nspeed = 1.2\n"
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


def test_an_interruption_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[tts]\nspeed = 1.2\n", encoding="utf8")

    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(path, "[tts]\nspeed = 1.3\n")
    assert path.read_text(encoding="utf8") == "[tts]\nspeed = 1.2\n"
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf8")
    with pytest.raises(SettingsError, match="cannot be"):
        write(tmp_path / "file" / "config.toml", "[tts]\nspeed = 1.3\n")


def test_what_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8 text"):
        write(path, "[tts]\nspeed = 1.3\n")
