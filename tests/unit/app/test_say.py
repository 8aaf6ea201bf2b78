"""Saying a text: the text chunks of an answer, the file that comes of it, the times."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.conversation.stage import CHAR_S, ToneTts
from tests.defaults import SETTINGS
from voicecli.app.say import SpeechTimes, answer_with, say_text, speak
from voicecli.audio.files.wav import FileSpeaker
from voicecli.commands.say import text_of
from voicecli.errors import DeviceError, EngineError, SettingsError
from voicecli.replay import virtual_time
from voicecli.replay.virtual_time import TimedWorker
from voicecli.types import PlaybackChunk, TurnId

S_PER_CALL = 0.2


def say(text: str, voice: ToneTts, path: Path) -> SpeechTimes:
    async def main() -> SpeechTimes:
        clock = asyncio.get_running_loop().time
        async with FileSpeaker(path, lead_s=8.0) as recording:
            return await speak(answer_with(text), voice, TimedWorker(lambda *_: S_PER_CALL), recording, clock)

    return virtual_time.run(main())


def test_a_text_is_said_like_an_answer(tmp_path: Path) -> None:
    voice = ToneTts()
    said = say("# Trains\n\nThe **first** one leaves at 9:05.\n\n```\ncode\n```\n", voice, tmp_path / "a.wav")
    assert " ".join(voice.spoken) == "Trains. The first one leaves at nine oh five. I've put the code on screen."
    assert said.first_audio_s == pytest.approx(S_PER_CALL)
    assert said.total_s == pytest.approx(2 * S_PER_CALL * len(voice.spoken))
    assert said.audio_s == pytest.approx(sum(map(len, voice.spoken)) * CHAR_S, abs=0.01)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.getnframes() == round(said.audio_s * 24_000)
        assert set(np.frombuffer(file.readframes(file.getnframes()), np.int16)) == {500}, "chunks join without a gap"


def test_a_failing_voice_keeps_its_message(tmp_path: Path) -> None:
    failing = ToneTts(errors={"Hello": EngineError("Kokoro failed", "try another")})
    with pytest.raises(EngineError, match="Kokoro failed") as caught:
        say("Hello there, you.", failing, tmp_path / "a.wav")
    assert caught.value.hint == "try another"
    with pytest.raises(EngineError, match="RuntimeError: broken"):
        say("Hello there, you.", ToneTts(errors={"Hello": RuntimeError("broken")}), tmp_path / "a.wav")


@pytest.mark.parametrize("text", ["", " \n", "🎉", "---"])
def test_a_text_without_words_is_refused_before_anything_is_opened(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can be spoken"):
        say_text(text, SETTINGS, tmp_path / "a.wav", print)
    assert not (tmp_path / "a.wav").exists()


def test_words_are_joined_and_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert text_of(["Hello", "there"]) == "Hello there"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(SettingsError, match="no text to speak"):
        text_of([])


def test_a_file_speaker_plays_one_turn_and_cannot_hold_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with FileSpeaker(tmp_path / "a.wav", lead_s=8.0) as recording:
            with pytest.raises(ValueError, match="cannot hold a turn"):
                recording.begin(TurnId(1), held=True)
            recording.begin(TurnId(1), held=False)
            recording.release(TurnId(1))
            for turn in (TurnId(1), TurnId(2)):
                recording.play(PlaybackChunk(turn, np.ones(12_000, np.int16), 24_000, 1))
            recording.flush()
            recording.play(PlaybackChunk(TurnId(1), np.ones(12_000, np.int16), 24_000, 1))
            await recording.drained()
            assert recording.heard_s() == 0.5

    asyncio.run(main())


def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    async def main() -> None:
        async with FileSpeaker(tmp_path / "absent" / "a.wav", lead_s=8.0):
            raise AssertionError("opened")

    with pytest.raises(DeviceError, match="cannot be written: No such file"):
        asyncio.run(main())
