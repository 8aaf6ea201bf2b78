"""Files as parts, parts as one text: times, reasons and what is reported of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conversation.stage import LoudnessGate
from tests.defaults import LISTEN
from voicecli.app.transcribe import FileTranscript, Unreadable, Withheld, speech_parts, understand
from voicecli.commands.transcribe import fields, plain, print_withheld
from voicecli.engines.whisper.long_audio import WINDOW_S
from voicecli.errors import DeviceError
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, Transcript

FILE = Path("memo.wav")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Recogniser:
    """Half a second a part; the second part is withheld, the third decoded twice."""

    name = "scripted"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._script = [
            Transcript("One.", "en", 1.0),
            Transcript("", "en", 1.0, "repetition"),
            Transcript("Three.", "en", 1.0, redecoded=True),
        ]

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        self._clock.now_s += 0.5
        return self._script.pop(0)

    def draft(self, segment: SpeechSegment) -> Transcript:
        raise AssertionError("files are not drafted")


def loud(seconds: float) -> Pcm:
    return np.full(round(seconds * LISTEN_RATE_HZ), 1000, np.int16)


def quiet(seconds: float) -> Pcm:
    return np.zeros(round(seconds * LISTEN_RATE_HZ), np.int16)


def parts(pcm: Pcm) -> list[SpeechSegment]:
    return speech_parts(pcm, LoudnessGate, LISTEN)


def test_a_long_recording_is_one_text_and_tells_what_was_left_out() -> None:
    clock = Clock()
    pcm = np.concatenate([loud(10), quiet(5), loud(10), quiet(5), loud(10)])
    transcript = understand(FILE, pcm, Recogniser(clock), parts, clock)
    assert transcript == FileTranscript(FILE, "One. Three.", 40.0, 1.5, True, (Withheld(14.0, 26.0, "repetition"),))
    assert transcript.reason == ""
    reported = fields(transcript)
    assert reported["withheld"] == [{"from_s": 14.0, "until_s": 26.0, "reason": "repetition"}]
    assert "reason" not in reported


def test_a_short_clip_is_whole_whatever_the_gate_would_say() -> None:
    pcm = quiet(WINDOW_S)
    (part,) = parts(pcm)
    assert (part.started_at_s, part.ended_at_s, len(part.pcm)) == (0.0, WINDOW_S, len(pcm))


def test_the_last_samples_of_a_long_recording_are_kept() -> None:
    pcm = np.concatenate([quiet(20), loud(20.013)])
    assert sum(len(part.pcm) for part in parts(pcm)) >= 20.013 * LISTEN_RATE_HZ


@pytest.mark.parametrize("samples", [0, 1, 319])
def test_a_clip_shorter_than_any_sound_of_speech_is_no_speech(samples: int) -> None:
    clock = Clock()
    transcript = understand(FILE, quiet(1)[:samples], Recogniser(clock), parts, clock)
    assert (transcript.text, transcript.reason, transcript.decode_s) == ("", "no speech", 0.0)


def test_the_file_is_named_where_there_are_several() -> None:
    transcript = FileTranscript(FILE, "Hello.", 1.0, 0.1, False, ())
    assert plain(transcript, named=False) == "Hello."
    assert plain(transcript, named=True) == "memo.wav: Hello."


def test_a_file_that_gave_nothing_is_reported_in_json_only() -> None:
    lost = Unreadable(FILE, DeviceError("memo.wav is not there"))
    assert plain(lost, named=True) == ""
    assert fields(lost) == {"file": "memo.wav", "error": "memo.wav is not there"}


def test_what_is_withheld_is_reported_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    print_withheld(FileTranscript(FILE, "Hello.", 9.0, 0.1, False, (Withheld(2.0, 4.5, "repetition"),)))
    print_withheld(FileTranscript(FILE, "", 2.0, 0.1, False, (Withheld(0.0, 2.0, "no speech"),)))
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.splitlines() == [
        "memo.wav: no text from 2.0 to 4.5 s: repetition",
        "memo.wav: no text: no speech",
    ]
