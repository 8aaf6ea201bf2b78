"""What the stages make of what the engines do. The engines are scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.contract.chat_servers import MODELS, chat_server, openai_answer, openai_delta
from tests.defaults import SETTINGS
from voicecli.bench import stage_llm, stage_stt, stage_tts
from voicecli.bench.load_report import (
    ResourceUse,
    Session,
    TimedText,
    UtteranceResult,
    counts,
    doubts,
    metrics,
    summarize,
)
from voicecli.bench.result import Count, Metric, Result
from voicecli.bench.speech import Utterance
from voicecli.bench.stage_llm import COLD, FIRST_TOKEN, PACE, WARM, measure_llm
from voicecli.errors import EngineError
from voicecli.settings.load import load_settings
from voicecli.types import LISTEN_RATE_HZ, AudioChunk, Message, SpeechSegment, Token, Transcript

SECOND = np.zeros(LISTEN_RATE_HZ, np.int16)
ORDER = Utterance("order.wav", SECOND, 0.3, 0.9, ("latte", "milk"))
QUESTION = Utterance("question.wav", SECOND, 0.3, 0.9, text="How far is the moon?")


class ScriptedStt:
    """Hears what the script says; an utterance is never the one before it."""

    name = "scripted"

    def __init__(self, *transcripts: Transcript) -> None:
        self._transcripts = list(transcripts)
        self.began_s: list[float] = []

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        assert segment.started_at_s not in self.began_s
        self.began_s.append(segment.started_at_s)
        return self._transcripts.pop(0)

    def draft(self, segment: SpeechSegment) -> Transcript:
        raise AssertionError("nobody asks for a draft")


def test_finals_are_timed_and_counted_where_what_was_said_is_known() -> None:
    stt = ScriptedStt(
        Transcript("A latte, please.", "en", 1.0, redecoded=True), Transcript("How far's the moon", "en", 1.0)
    )
    heard = [stage_stt.transcribe(stt.transcribe, one, number) for number, one in enumerate((ORDER, QUESTION))]
    final, ratio, wer = stage_stt.metrics("whisper-base", heard)
    assert wer == Metric("whisper-base", "WER", "%", (0.0,), of=("question.wav",))
    assert (final.name, final.unit, final.stage) == ("final after the end of speech", "s", "stt")
    assert final.of == ("order.wav", "question.wav")
    assert final.samples == ratio.samples  # each recording lasts a second
    assert stage_stt.counts("whisper-base", heard) == [
        Count("whisper-base", "without a text", 0, 2),
        Count("whisper-base", "decoded twice", 1, 2, better="neither"),
        Count("whisper-base", "word errors", 0, 5, "words"),
        Count("whisper-base", "phrases heard", 1, 2, better="higher"),
    ]
    assert stage_stt.event("whisper-base", heard[1]) == {
        "group": "whisper-base",
        "of": "question.wav",
        "said": "How far is the moon?",
        "heard": "How far's the moon",
    }


def test_without_texts_and_phrases_nothing_is_said_of_them() -> None:
    silent = replace(QUESTION, text="")
    heard = [stage_stt.transcribe(ScriptedStt(Transcript("", "en", 1.0, "no speech")).transcribe, silent, 1)]
    names = {one.name: one.value for one in stage_stt.counts("whisper-base", heard)}
    assert names == {"without a text": 1, "decoded twice": 0}
    assert len(stage_stt.metrics("whisper-base", heard)) == 2


class ScriptedVoice:
    """Yield an audio chunk of a tenth of a second for each word."""

    name = "scripted"
    sample_rate_hz = 24_000
    voice = "af_heart"
    language = "en-us"
    streams = True

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        words = text.split()
        for number, _ in enumerate(words, 1):
            yield AudioChunk(np.ones(2400, np.int16), number / len(words))


def test_a_sentence_has_a_first_sound_before_its_whole() -> None:
    spoken = stage_tts.speak(ScriptedVoice(), "It is late.")
    assert spoken.audio_s == pytest.approx(0.3)
    assert 0 < spoken.first_s < spoken.total_s
    first, ratio, wer, sound = stage_tts.metrics("1 s", [spoken], [stage_tts.RoundTrip("It is late.", "Is late.")])
    assert wer.samples[0] == pytest.approx(100 / 3)
    assert (first.samples, first.stage, first.of) == ((spoken.first_s,), "tts", ("It is late.",))
    assert ratio.samples == (spoken.total_s / spoken.audio_s,)
    assert sound.better == "neither"


def test_word_errors_of_a_sentence_count_once_however_often_it_was_spoken() -> None:
    takes = [stage_tts.speak(ScriptedVoice(), text) for text in ("It is late.", "Good morning.", "It is late.")]
    stt = ScriptedStt(Transcript("It is eight.", "en", 1.0), Transcript("Good morning.", "en", 1.0))
    heard = stage_tts.round_trip(stt, takes, 24_000)
    assert heard == [
        stage_tts.RoundTrip("It is late.", "It is eight."),
        stage_tts.RoundTrip("Good morning.", "Good morning."),
    ]
    assert heard[0].event("1 s") == {"group": "1 s", "of": "It is late.", "heard": "It is eight."}
    assert stage_tts.errors("1 s", heard) == Count("1 s", "round-trip word errors", 1, 5, "words")


def test_a_voice_is_named_where_there_are_several() -> None:
    assert stage_tts.group_of("af_heart", "3 s", ["af_heart"]) == "3 s"
    assert stage_tts.group_of("af_heart", "3 s", ["af_heart", "bm_george"]) == "af_heart, 3 s"


class ScriptedModel:
    """Streams its words."""

    name = "scripted"

    def __init__(self, *words: str) -> None:
        self._words = words

    async def warm(self, messages: Sequence[Message]) -> None:
        raise AssertionError("nobody asks for it here")

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        for word in self._words:
            yield Token(word)

    async def aclose(self) -> None:
        """Nothing to give back."""


def test_the_pace_is_that_after_the_first_token() -> None:
    answer = replace(asyncio.run(stage_llm.answered(ScriptedModel("It ", "is ", "late."), [], WARM, "When?")))
    assert (answer.text, answer.tokens) == ("It is late.", 3)
    assert replace(answer, writing_s=0.5).pace == 4.0
    one_token = asyncio.run(stage_llm.answered(ScriptedModel("Yes."), [], WARM, "Is it?"))
    first, pace = stage_llm.metrics([replace(answer, writing_s=0.5), one_token])
    assert (first.of, first.stage, len(first.samples)) == (("When?", "Is it?"), "llm", 2)
    assert pace == Metric(WARM, PACE, "1/s", (4.0,), "higher", ("When?",))


def test_an_answer_without_a_token_is_an_error() -> None:
    with pytest.raises(EngineError, match="answered nothing to 'When\\?'"):
        asyncio.run(stage_llm.answered(ScriptedModel(), [], COLD, "When?"))


def test_a_cold_prefix_was_never_seen_and_a_warm_one_was_all_but_the_question() -> None:
    answer, sent_ahead = openai_answer("It ", "is."), [openai_delta(content="H"), None]

    async def scene() -> tuple[Result, list[Any]]:
        # The first answer; then cold and warm, and warm and cold.
        chats = [answer, answer, sent_ahead, answer, sent_ahead, answer, answer]
        async with chat_server(*chats, pages=MODELS) as server:
            flags = {"llm.backend": "openai", "llm.url": f"http://127.0.0.1:{server.port}/v1", "llm.temperature": 0.9}
            settings = load_settings(flags, environ={}).settings
            return await measure_llm(settings, lambda step, done, total: None, pytest.fail, 2), server.chat_bodies

    result, bodies = asyncio.run(scene())
    assert {body["temperature"] for body in bodies} == {0.0}
    systems = [body["messages"][0]["content"] for body in bodies]
    first, cold, ahead, warm, ahead_again, warm_again, cold_again = systems
    assert first == ahead == warm == ahead_again == warm_again
    assert len({first.split()[0], "Conversation"}) == 2
    assert cold.startswith("Conversation ")
    assert cold_again.startswith("Conversation ")
    assert cold.split()[1] != cold_again.split()[1]
    assert bodies[2]["messages"][:-1] == bodies[3]["messages"][:-1]
    assert result.settings["llm.temperature"] == 0.0
    assert result.models == {f"small ({result.settings['llm.url']})": ""}
    assert [len(result.samples(group, FIRST_TOKEN)) for group in (COLD, WARM)] == [2, 2]
    assert any("counts as one token" in doubt for doubt in result.doubts)
    assert set(result.warm_ups) == {"load", "first answer"}


def test_clients_are_a_group_of_a_result() -> None:
    final = UtteranceResult(
        "a.wav", 1.0, 2.0, finals=(TimedText(0.3, "A latte."),), answered=True, slots=("latte", "milk")
    )
    silent = UtteranceResult("b.wav", 1.0, 2.0)
    sessions = [Session((final, silent)), Session(refused="full")]
    found = summarize(sessions, ResourceUse(cpu_s=2.0, wall_s=4.0, rss_start_mb=1.0, rss_peak_mb=2.0, others_cpu_s=4.0))
    final_metric, settled, partial = metrics(2, sessions)
    assert final_metric == Metric(
        "2 clients", "final after the end of speech", "s", (0.3,), of=("a.wav",), stage="serve-stt"
    )
    assert settled.samples == (0.3,)
    assert partial.samples == ()
    assert {one.name: (one.value, one.out_of) for one in counts(found, sessions)} == {
        "clients refused": (1, 2),
        "sessions lost": (0, 2),
        "without a final": (1, 2),
        "phrases heard": (1, 2),
        "partials per second": (0, None),
        "CPU time per second of audio": (0.5, None),
        "cores": (0.5, None),
        "peak memory": (2.0, None),
    }
    assert "used 1.0 of 2 cores" in doubts([found], 2)[0]


def test_less_is_reported_of_an_unknown_server() -> None:
    late = UtteranceResult("a.wav", 1.0, 2.0, late_s=0.4)
    found = summarize([Session((late,))], None)
    assert [one.name for one in counts(found, [Session((late,))])] == [
        "clients refused",
        "sessions lost",
        "without a final",
        "partials per second",
    ]
    assert metrics(1, [Session((late,))])[0].group == "1 client"
    unknown, slow = doubts([found], 2)
    assert "not known" in unknown
    assert "sent audio up to 0.40 s late" in slow


def test_every_installed_whisper_is_measured_after_that_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr("voicecli.models.store.ModelStore.is_complete", lambda store, name: name == "whisper-tiny.en")
    there = SETTINGS.models.model_copy(update={"dir": str(tmp_path)})
    found = stage_stt.installed_models(SETTINGS.model_copy(update={"models": there}))
    assert found == ["whisper-base", "whisper-tiny.en"]
