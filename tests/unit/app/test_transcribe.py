"""Files are cut into parts, and parts become one text: times, reasons, and what is reported about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conversation.stage import LoudnessGate
from tests.defaults import LISTEN
from voicecli.app.transcribe import FileTranscript, Unreadable, Withheld, speech_parts, transcribe_clip
from voicecli.audio.files.cutting import Part
from voicecli.commands.transcribe import fields, plain, print_withheld
from voicecli.engines.base import DECODE_WINDOW_S
from voicecli.errors import DeviceError
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, Transcript

FILE = Path("memo.wav")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Recognizer:
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


def parts(pcm: Pcm) -> list[Part]:
    return speech_parts(pcm, LoudnessGate, LISTEN)


def test_a_long_recording_is_one_text_and_what_was_left_out_is_reported() -> None:
    clock = Clock()
    pcm = np.concatenate([loud(10), quiet(5), loud(10), quiet(5), loud(10)])
    transcript = transcribe_clip(FILE, pcm, Recognizer(clock), parts, clock)
    assert transcript == FileTranscript(FILE, "One. Three.", 40.0, 1.5, True, (Withheld(14.0, 26.0, "repetition"),))
    assert transcript.reason == ""
    reported = fields(transcript)
    assert reported["withheld"] == [{"from_s": 14.0, "until_s": 26.0, "reason": "repetition"}]
    assert "reason" not in reported


def test_a_short_clip_is_whole_whatever_the_detector_would_say() -> None:
    pcm = quiet(DECODE_WINDOW_S)
    (part,) = parts(pcm)
    assert (part.begin_s, part.segment.audio_s, len(part.segment.pcm)) == (0.0, DECODE_WINDOW_S, len(pcm))


def test_the_last_samples_of_a_long_recording_are_kept() -> None:
    pcm = np.concatenate([quiet(20), loud(20.013)])
    assert sum(len(part.segment.pcm) for part in parts(pcm)) >= 20.013 * LISTEN_RATE_HZ


@pytest.mark.parametrize("samples", [0, 1, 319])
def test_a_clip_shorter_than_any_sound_of_speech_is_no_speech(samples: int) -> None:
    clock = Clock()
    transcript = transcribe_clip(FILE, quiet(1)[:samples], Recognizer(clock), parts, clock)
    assert (transcript.text, transcript.reason, transcript.decode_s) == ("", "no speech", 0.0)


def test_the_file_is_named_where_there_are_several() -> None:
    transcript = FileTranscript(FILE, "Hello.", 1.0, 0.1, False, ())
    assert plain(transcript, named=False) == "Hello."
    assert plain(transcript, named=True) == "memo.wav: Hello."


def test_a_file_that_gave_nothing_is_reported_in_json_only() -> None:
    lost = Unreadable(FILE, DeviceError("memo.wav does not exist"))
    assert plain(lost, named=True) == ""
    assert fields(lost) == {"file": "memo.wav", "error": "memo.wav does not exist"}


def test_what_is_withheld_is_reported_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    print_withheld(FileTranscript(FILE, "Hello.", 9.0, 0.1, False, (Withheld(2.0, 4.5, "repetition"),)))
    print_withheld(FileTranscript(FILE, "", 2.0, 0.1, False, (Withheld(0.0, 2.0, "no speech"),)))
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.splitlines() == [
        "memo.wav: no text from 2.0 to 4.5 s: repetition",
        "memo.wav: no text: no speech",
    ]
