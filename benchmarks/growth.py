"""How cost grows with the length of a question, of an answer and of the conversation.

python -m benchmarks.growth                all three tables
python -m benchmarks.growth history        one of: question, answer, history

Model size: `voicecli bench stt --model whisper-base --model whisper-tiny.en`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import urllib.request
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from benchmarks.engines import gguf_file, recognizer, shipped, voice, whisper_model
from benchmarks.report import table
from benchmarks.speech import ANSWERS, ORDERS, QUESTIONS, SENTENCES, spoken
from voicecli.bench.machine import machine
from voicecli.bench.questions import VOICES
from voicecli.bench.stage_tts import speak
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.llamacpp import EmbeddedServer, embedded_server
from voicecli.engines.llm.openai import OpenAiChat, connect
from voicecli.types import LISTEN_RATE_HZ, Message, Pcm, SpeechSegment

ROUNDS = 3
QUESTIONS_S = (2, 3, 6, 9, 12, 16, 21, 27)
ANSWER_SENTENCES = (1, 2, 4, 8)
HISTORY_TOKENS = (100, 500, 1000, 2000, 4000, 8000)
LONG_HISTORY = 4000  # from here on one round: a new prefix takes half a minute
CONTEXT_TOKENS = 8192  # what SmolLM2-135M was trained for


def question_rows() -> list[list[object]]:
    """Decode time of questions that are longer and longer, at the short window and the full one."""
    model = whisper_model(shipped().stt.model)
    windows = {name: recognizer(model, name) for name in ("short", "full")}
    clips = [utterance(seconds) for seconds in QUESTIONS_S]
    rows: list[list[object]] = []
    for clip in clips:
        audio_s = len(clip) / LISTEN_RATE_HZ
        took_s: dict[str, list[float]] = {name: [] for name in windows}
        again = False
        for _ in range(ROUNDS):
            for name, whisper in windows.items():
                began_s = time.perf_counter()
                again |= whisper.transcribe(SpeechSegment(clip, 0.0, audio_s)).redecoded
                took_s[name].append(time.perf_counter() - began_s)
        short_s, full_s = (statistics.median(took_s[name]) for name in windows)
        rows.append([f"{audio_s:.1f}", f"{short_s:.2f}", f"{full_s:.2f}", f"{short_s / full_s:.2f}", again or ""])
    return rows


def utterance(seconds: float) -> Pcm:
    """Return different sentences whose total length is nearest to `seconds`."""
    texts = ("Yes, please.", *QUESTIONS, *SENTENCES, *(text for text, _ in ORDERS))
    if seconds <= 2:
        return spoken(VOICES[0], texts[0])
    clip = np.zeros(0, np.int16)
    for text in texts[1:]:
        longer = np.concatenate([clip, spoken(VOICES[0], text)])
        if len(clip) and len(longer) > (seconds + 0.5) * LISTEN_RATE_HZ or len(longer) > 28 * LISTEN_RATE_HZ:
            break
        clip = longer
    return clip


def answer_rows() -> list[list[object]]:
    """Return first sound and total of longer and longer answers, each synthesized as a whole."""
    streamed = voice(shipped().tts.voice, streaming=True)
    rows: list[list[object]] = []
    for count in ANSWER_SENTENCES:
        made = [speak(streamed, " ".join(ANSWERS[:count])) for _ in range(ROUNDS)]
        audio_s = len(made[0].pcm) / streamed.sample_rate_hz
        first_s, total_s = (
            statistics.median(times) for times in zip(*((one.first_s, one.total_s) for one in made), strict=True)
        )
        rows.append([count, f"{audio_s:.1f}", f"{first_s:.2f}", f"{total_s:.2f}", f"{total_s / audio_s:.2f}"])
    return rows


def history_rows() -> list[list[object]]:
    """Return a row for each length of the conversation: with our options of llama.cpp, and with its defaults."""
    ours = asyncio.run(history_columns())
    with patch("voicecli.engines.llm.llamacpp._suit_cpu"):
        theirs = asyncio.run(history_columns())
    return [[tokens, *one, *other] for tokens, one, other in zip(HISTORY_TOKENS, ours, theirs, strict=True)]


async def history_columns() -> list[list[str]]:
    """Return the first token with a warm and a cold prefix, and the time of each further token, for each length."""
    settings = shipped().llm.model_copy(
        update={"context_tokens": CONTEXT_TOKENS, "max_answer_tokens": 24, "temperature": 0.0, "timeout_s": 120.0}
    )
    rows: list[list[str]] = []
    with embedded_server(gguf_file(), settings) as server:
        async with connect(server.base_url, server.api_key, settings.timeout_s, use_proxy=False) as client:
            model = OpenAiChat(client, server.model, "embedded", settings)
            for tokens in HISTORY_TOKENS:
                messages = conversation(tokens, lambda text: count_tokens(server, text))
                cold, warm = [], []
                for attempt in range(ROUNDS if tokens < LONG_HISTORY else 1):
                    fresh = [Message("system", f"Conversation {tokens}-{attempt}. {messages[0].text}"), *messages[1:]]
                    cold.append(await answer(model, [*fresh, Message("user", QUESTIONS[0])]))
                    warm.append(await answer(model, [*fresh, Message("user", QUESTIONS[1])]))
                known_s, new_s = (statistics.median(one.first_s for one in arm) for arm in (warm, cold))
                token_ms = 1000 * statistics.median(one.token_s for one in (*warm, *cold))
                rows.append([f"{known_s:.2f}", f"{new_s:.2f}", f"{token_ms:.0f}"])
    return rows


def conversation(tokens: int, count: Callable[[str], int]) -> list[Message]:
    """Return a system prompt and turns of at most `tokens` tokens, including a last question."""
    messages = [Message("system", shipped().llm.system_prompt.strip())]
    used = count(messages[0].text) + 60  # the chat's own marks, and the last question
    turn = 0
    while True:
        pair = [
            Message("user", f"{QUESTIONS[turn % len(QUESTIONS)]} That is number {turn}."),
            Message("assistant", " ".join((ANSWERS[turn % len(ANSWERS)], ANSWERS[(turn + 5) % len(ANSWERS)]))),
        ]
        used += sum(count(message.text) + 5 for message in pair)
        if used > tokens:
            return messages
        messages += pair
        turn += 1


def count_tokens(server: EmbeddedServer, text: str) -> int:
    """Count with the model's own tokenizer."""
    request = urllib.request.Request(
        f"{server.base_url.removesuffix('/v1')}/tokenize",
        data=json.dumps({"content": text}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return len(json.load(answer)["tokens"])


@dataclass(frozen=True, slots=True)
class Answer:
    """Times of one answer."""

    first_s: float  # from the request to the first token
    token_s: float  # each further one


async def answer(model: LanguageModel, messages: list[Message]) -> Answer:
    """Time an answer, reading it to its end so that the server is idle afterward."""
    began_s = time.perf_counter()
    async with aclosing(model.reply(messages)) as tokens:
        at_s = [time.perf_counter() async for _ in tokens]
    return Answer(at_s[0] - began_s, (at_s[-1] - at_s[0]) / max(1, len(at_s) - 1))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "what", nargs="*", metavar="question|answer|history", default=["question", "answer", "history"]
    )
    chosen = options.parse_args()
    print(f"Seconds, median of {ROUNDS}; {machine()}")
    if "question" in chosen.what:
        print("\nSpeech-to-text, by length of the question\n")
        print(table(["question s", "short window", "full window", "ratio", "decoded twice"], question_rows()))
    if "answer" in chosen.what:
        print("\nText-to-speech, by length of the answer, synthesized as a whole\n")
        print(table(["sentences", "sound s", "first sound", "total", "total / sound"], answer_rows()))
    if "history" in chosen.what:
        print(f"\nFirst token, by tokens of the conversation (llm.context_tokens = {CONTEXT_TOKENS})\n")
        columns = ["known", "new", "a token, ms"]
        defaults = [f"llama.cpp's defaults: {column}" for column in columns]
        print(table(["tokens, at most", *columns, *defaults], history_rows()))


if __name__ == "__main__":
    main()
