"""Transcripts as OpenAI's API tells them. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence

from voicecli.server.stt.recordings import Heard
from voicecli.speech_text.subtitles import TimedText, cues, spread

SEEK_S = 0.01
"""A frame of Whisper's input, in which `seek` counts."""


def text_of(heard: Sequence[Heard]) -> str:
    """All that was said."""
    return " ".join(one.transcript.text for one in heard if one.transcript.text)


def language_of(heard: Sequence[Heard]) -> str:
    """Of the first words; of nothing at all if there are none."""
    return next((one.transcript.language for one in heard if one.transcript.text), "")


def words_of(one: Heard) -> list[TimedText]:
    """The words of a part in the recording's time; where the recogniser told no times they are estimated."""
    begin_s, segment = one.part.begin_s, one.part.segment
    if words := one.transcript.words:
        return [TimedText(word.text, begin_s + word.start_s, begin_s + word.end_s) for word in words]
    return spread(one.transcript.text, segment.started_at_s, segment.ended_at_s)


def cues_of(heard: Sequence[Heard]) -> list[TimedText]:
    """What is read at once. No cue goes on over the end of a part."""
    return [cue for one in heard for cue in cues(words_of(one))]


def usage(audio_s: float) -> dict[str, object]:
    """What a client would be billed for elsewhere."""
    return {"type": "duration", "seconds": round(audio_s, 2)}


def short(heard: Sequence[Heard], audio_s: float) -> dict[str, object]:
    """response_format json."""
    return {"text": text_of(heard), "usage": usage(audio_s)}


def verbose(heard: Sequence[Heard], audio_s: float, granularities: Collection[str]) -> dict[str, object]:
    """response_format verbose_json, with `words`, `segments` or both."""
    timed: dict[str, object] = {}
    if "segment" in granularities or not granularities:
        timed["segments"] = [_segment(number, cue) for number, cue in enumerate(cues_of(heard))]
    if "word" in granularities:
        timed["words"] = [_word(word) for one in heard for word in words_of(one)]
    return {
        "task": "transcribe",
        "language": language_of(heard),
        "duration": round(audio_s, 2),
        "text": text_of(heard),
        **timed,
        "usage": usage(audio_s),
    }


def _word(word: TimedText) -> dict[str, object]:
    return {"word": word.text, "start": round(word.start_s, 2), "end": round(word.end_s, 2)}


def _segment(number: int, cue: TimedText) -> dict[str, object]:
    """Zeros where clients look for doubt: what is in doubt is withheld, not sent (docs/compatibility.md)."""
    raw = cue.text.encode()
    return {
        "id": number,
        "seek": round(cue.start_s / SEEK_S),
        "start": round(cue.start_s, 2),
        "end": round(cue.end_s, 2),
        "text": cue.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 3),
        "no_speech_prob": 0.0,
    }


def event(said: dict[str, object]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n"
