"""Recordings in the supported layouts, and the built-in questions."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.defaults import LISTEN, SETTINGS
from voicecli.audio.files.wav import read_clip
from voicecli.bench.corpus import Recording, load_corpus, read, recordings
from voicecli.bench.questions import QUESTIONS, TIMES, VOICES, asked, spoken_questions, write_clip
from voicecli.bench.speech import LEAD_S, TAIL_S
from voicecli.bench.wer import found_slots
from voicecli.errors import SettingsError
from voicecli.types import LISTEN_RATE_HZ, Pcm

SILENCE = np.zeros(LISTEN_RATE_HZ // 2, np.int16)


def never(text: str) -> None:
    pytest.fail(text)


def put(folder: Path, *names: str) -> Path:
    """Sound files without speech."""
    for name in names:
        write_clip(folder / name, SILENCE)
    return folder


def test_a_plain_folder_has_texts_and_slots_beside_its_files(tmp_path: Path) -> None:
    put(tmp_path, "b.wav", "a.WAV", "anna/c.wav")
    (tmp_path / "b.txt").write_text("Good morning.\n", encoding="utf-8-sig")
    (tmp_path / "slots.json").write_text('{"a.WAV": ["latte", "milk"], "anna/c.wav": []}')
    assert recordings(tmp_path) == [
        Recording(tmp_path / "a.WAV", "a.WAV", slots=("latte", "milk")),
        Recording(tmp_path / "anna" / "c.wav", "anna/c.wav", speaker="anna"),
        Recording(tmp_path / "b.wav", "b.wav", "Good morning."),
    ]


def test_librispeech_has_the_texts_of_a_chapter_in_one_file(tmp_path: Path) -> None:
    chapter = put(tmp_path / "84" / "121123", "84-121123-0000.flac", "84-121123-0001.flac")
    (chapter / "84-121123.trans.txt").write_text("84-121123-0000 GO DO YOU HEAR\n84-121123-0001 BUT IN LESS\n")
    assert [(one.name, one.text, one.speaker) for one in recordings(tmp_path)] == [
        ("84/121123/84-121123-0000.flac", "GO DO YOU HEAR", "84"),
        ("84/121123/84-121123-0001.flac", "BUT IN LESS", "84"),
    ]


def test_commands_and_sentences_are_read_and_noise_beside_them_is_not(tmp_path: Path) -> None:
    put(tmp_path, "commands/x.wav", "sentences/y.wav", "noise/fan.wav")
    (tmp_path / "commands" / "slots.json").write_text('{"x.wav": ["latte"]}')
    (tmp_path / "sentences" / "y.txt").write_text("It is late.")
    assert [(one.name, one.text, one.slots, one.speaker) for one in recordings(tmp_path)] == [
        ("commands/x.wav", "", ("latte",), ""),
        ("sentences/y.wav", "It is late.", (), ""),
    ]


def test_a_folder_without_speech_is_refused_and_each_file_is_named(tmp_path: Path) -> None:
    put(tmp_path, "quiet.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF0000WAVE")
    narrated: list[str] = []
    with pytest.raises(SettingsError, match="no recording with speech in"):
        load_corpus(tmp_path, SETTINGS, narrated.append)
    assert len(narrated) == 1
    assert "no speech in quiet.wav" in narrated[0]
    assert "broken.wav cannot be read as sound" in narrated[0]


def test_many_skipped_files_are_counted(tmp_path: Path) -> None:
    narrated: list[str] = []
    put(tmp_path, *(f"{number}.wav" for number in range(5)))
    assert not list(read(recordings(tmp_path), LISTEN, narrated.append))
    assert narrated == ["Skipped: no speech in 0.wav; no speech in 1.wav; no speech in 2.wav and 2 more"]


def test_of_many_recordings_the_same_few_are_used_and_that_is_narrated(tmp_path: Path) -> None:
    narrated: list[str] = []
    put(tmp_path, *(f"{number}.wav" for number in range(5)))
    with pytest.raises(SettingsError, match="no recording with speech"):
        load_corpus(tmp_path, SETTINGS, narrated.append, 3)
    assert narrated[0] == "3 of 5 recordings, the same in every run (--most N)"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("slots.json", b'{"a.wav": "latte"}', "slots.json is not JSON of file -> phrases"),
        ("slots.json", b"[1", "slots.json is not JSON of file -> phrases"),
        ("a.txt", b"caf\xe9", "a.txt is not UTF-8 text"),
    ],
)
def test_an_invalid_file_beside_recordings_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    put(tmp_path, "a.wav")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        load_corpus(tmp_path, SETTINGS, never)


def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere is not a folder"):
        load_corpus(tmp_path / "nowhere", SETTINGS, never)


def test_each_question_comes_once_before_any_comes_again_and_then_by_another_voice() -> None:
    said = asked()
    first, again = said[: len(QUESTIONS)], said[len(QUESTIONS) :]
    assert [text for _, text, _ in first] == [text for _, text, _ in again] == [text for text, _ in QUESTIONS]
    assert {voice for voice, _, _ in first} == set(VOICES)
    assert all(one[0] != other[0] for one, other in zip(first, again, strict=True))


def test_the_phrases_of_a_question_occur_in_it() -> None:
    assert all(found_slots(phrases, text) == len(phrases) for text, phrases in QUESTIONS)


@pytest.mark.model
def test_a_flac_file_of_librispeech_is_heard_with_its_true_ends(spoken: Callable[[str], Path], tmp_path: Path) -> None:
    pcm = read_clip(spoken("Go, do you hear?"))
    file = tmp_path / "84" / "121123" / "84-121123-0000.flac"
    file.parent.mkdir(parents=True)
    silence = np.zeros(2 * LISTEN_RATE_HZ, np.int16)
    write_flac(file, np.concatenate([silence, pcm, silence]))
    (file.parent / "84-121123.trans.txt").write_text("84-121123-0000 GO DO YOU HEAR\n")
    (one,) = load_corpus(tmp_path, SETTINGS, never).said
    assert (one.text, one.speaker) == ("GO DO YOU HEAR", "84")
    assert one.voiced_from_s == pytest.approx(LEAD_S)
    assert one.voiced_until_s - one.voiced_from_s <= len(pcm) / LISTEN_RATE_HZ + 0.1
    assert len(one.pcm) / LISTEN_RATE_HZ == pytest.approx(one.voiced_until_s + TAIL_S, abs=0.01)


def write_flac(file: Path, pcm: Pcm) -> None:
    with av.open(str(file), "w") as sound:
        stream = sound.add_stream("flac", rate=LISTEN_RATE_HZ)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.rate = LISTEN_RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            sound.mux(packet)


@pytest.mark.model
@pytest.mark.timeout(180)
def test_the_built_in_questions_are_spoken_once_and_kept(
    model_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicecli.bench.questions.QUESTIONS", QUESTIONS[:1])
    (tmp_path / "models").mkdir()
    for name in (SETTINGS.tts.model, "kokoro-voices"):
        (tmp_path / "models" / name).symlink_to(model_folder(name))
    there = SETTINGS.models.model_copy(update={"dir": str(tmp_path / "models")})
    settings = SETTINGS.model_copy(update={"models": there})
    narrated: list[str] = []
    corpus = load_corpus(None, settings, narrated.append)
    assert narrated[0] == f"Kokoro is speaking {TIMES} questions; this happens once…"
    assert corpus.synthetic
    assert [(one.name, one.speaker, one.text) for one in corpus.said] == [
        (f"{voice}/{number:02}.wav", voice, "What is the capital of France?")
        for number, voice in enumerate(VOICES[:TIMES], 1)
    ]
    assert all(0 < one.voiced_from_s < one.voiced_until_s <= len(one.pcm) / LISTEN_RATE_HZ for one in corpus.said)
    folder = spoken_questions(settings, never)
    assert json.loads((folder / "slots.json").read_text())["am_michael/01.wav"] == ["capital", "france"]
    one = load_corpus(None, settings, never, 1)
    assert (one.reported, one.said[0].name) == (f"1 of {corpus.reported}", "am_michael/01.wav")
    assert corpus.first(1).reported == one.reported
    assert corpus.first(2) is corpus
    with wave.open(str(folder / "am_michael" / "01.wav")) as sound:
        assert sound.getframerate() == LISTEN_RATE_HZ
