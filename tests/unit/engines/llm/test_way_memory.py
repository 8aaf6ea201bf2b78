"""What was learned about models, in a file."""

from __future__ import annotations

from pathlib import Path

from voicecli.engines.llm.way_memory import MEASURED, WayFile, ways_file


def test_what_was_kept_is_recalled(tmp_path: Path) -> None:
    memory = WayFile(tmp_path / "new" / "ways.json")
    assert memory.recall("small") is None
    memory.keep("small", "prompt")
    memory.keep("large", "field")
    assert [WayFile(tmp_path / "new" / "ways.json").recall(name) for name in ("small", "large", "other")] == [
        "prompt", "field", None,
    ]  # fmt: skip


def test_models_that_were_measured_are_known_from_the_start(tmp_path: Path) -> None:
    memory = WayFile(tmp_path / "ways.json")
    assert {name: memory.recall(name) for name in MEASURED} == MEASURED
    memory.keep("smollm2-135m-instruct", "prompt")
    assert memory.recall("smollm2-135m-instruct") == "prompt"


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "ways.json"
    for text in ("{", "[]", '{"small": "sideways"}', '{"small": 1}'):
        file.write_text(text)
        assert WayFile(file).recall("small") is None
    WayFile(file).keep("small", "none")
    assert WayFile(file).recall("small") == "none"


def test_a_file_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    WayFile(tmp_path / "file" / "ways.json").keep("small", "none")


def test_it_lies_with_the_users_data() -> None:
    assert ways_file().name == "tool_calls.json"
