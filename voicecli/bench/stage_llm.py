"""Measure the first token and the speed of answers, with a cold and a warm prompt prefix (`bench llm`)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from voicecli.bench.environment import Found, begin, conclude, model_digests
from voicecli.bench.questions import QUESTIONS
from voicecli.bench.result import Metric, Result
from voicecli.bench.rounds import Progress, few, in_turns, measured
from voicecli.conversation.history import History
from voicecli.engines.base import LanguageModel
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.llm.select import Narrate, Opened, open_language_model
from voicecli.errors import EngineError
from voicecli.models.store import language_model_file, open_store
from voicecli.settings.model import Settings
from voicecli.types import GgufFile, Message

STAGE = "llm"
COLD, WARM = "cold prefix", "warm prefix"
FIRST_TOKEN = "first token"
PACE = "tokens a second"

MOST_TOKENS = 64
"""Longest answer: enough to measure the speed."""

HELLO = "Hello."
"""Stands for the question while the prefix is prefilled: chat templates need one."""

TALK = (
    ("Hi, what can you do for me?", "I can answer questions, help you to plan your day, and explain things."),
    ("How long does rice take?", "White rice takes about fifteen minutes, brown rice about forty."),
    (
        "And how much water do I need?",
        "Two cups of water for each cup of white rice, and a little more for brown rice.",
    ),
    (
        "Does it keep until tomorrow?",
        "Yes. Cool it down within an hour, keep it in the fridge, and eat it within a day.",
    ),
)
"""The conversation before each question."""

CHUNKS_AS_TOKENS = (
    "each chunk of text from the server counts as one token, so a server that sends several tokens at once seems slower"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer and its times."""

    group: str
    question: str
    text: str
    first_s: float  # from the request to the first token
    tokens: int
    writing_s: float  # from the first token to the last

    @property
    def pace(self) -> float | None:
        """Return tokens per second after the first one; None for a single token."""
        return (self.tokens - 1) / self.writing_s if self.tokens > 1 and self.writing_s > 0 else None


async def measure_llm(settings: Settings, progress: Progress, narrate: Narrate, most: int = len(QUESTIONS)) -> Result:
    """Ask `most` of the built-in questions, each with a prefix new to the server and with one that it has cached.

    The temperature is 0. Raise BackendUnavailable, ModelMissing, EngineError or SettingsError if the model cannot run.
    """
    begun = begin()
    chosen = settings.llm.model_copy(
        update={"temperature": 0.0, "max_answer_tokens": min(MOST_TOKENS, settings.llm.max_answer_tokens)}
    )
    settings = settings.model_copy(update={"llm": chosen})
    questions = [text for text, _ in QUESTIONS[:most]]
    answers: list[Answer] = []
    warm_ups: dict[str, float] = {}
    embedded: list[str] = []
    progress("Loading", 0, 1)
    began_s = time.perf_counter()
    async with opened_model(settings, embedded, narrate) as opened:
        warm_ups["load"] = time.perf_counter() - began_s
        known = talk(settings, "")
        _, warm_ups["first answer"] = await measured(answered(opened.model, known.prompt(HELLO), "", HELLO))
        for turn, question in enumerate(questions):
            progress("Answering", turn, len(questions))
            for group in in_turns((COLD, WARM), turn):
                # A number that no other prompt begins with, so no cache can have it, not even from an earlier run.
                history = known if group == WARM else talk(settings, f"Conversation {begun.at:%d%H%M%S}{turn:02}. ")
                if group == WARM:
                    await opened.model.warm(history.prompt(HELLO))
                answers.append(await answered(opened.model, history.prompt(question), group, question))
    served = {} if embedded else {opened.model.name: ""}
    found = Found(
        f"{len(questions)} questions, each after {len(TALK)} turns of conversation",
        tuple(metric for group in (COLD, WARM) for metric in metrics([one for one in answers if one.group == group])),
        warm_ups=warm_ups,
        doubts=(*few(len(questions), "questions"), *(() if embedded else (CHUNKS_AS_TOKENS,))),
        events=tuple({"group": one.group, "of": one.question, "heard": one.text} for one in answers),
    )
    return conclude(STAGE, begun, settings, model_digests(settings, embedded) | served, found)


@asynccontextmanager
async def opened_model(settings: Settings, embedded: list[str], narrate: Narrate) -> AsyncIterator[Opened]:
    """Open the configured model; append its name to `embedded` if it runs in this process."""
    sleep_while_waiting()

    def gguf(name: str) -> GgufFile:
        file = language_model_file(open_store(settings), settings, name)
        embedded.append(name or file.name)
        return file

    async with open_language_model(settings.llm, gguf, narrate) as opened:
        yield opened


def talk(settings: Settings, before: str) -> History:
    """Return a conversation in progress; `before` precedes its system prompt."""
    history = History(before + settings.llm.system_prompt.strip(), settings.llm.context_tokens)
    for question, answer in TALK:
        history.add(question, answer)
    return history


async def answered(model: LanguageModel, messages: Sequence[Message], group: str, question: str) -> Answer:
    """Ask and time one answer. Raise BackendUnavailable, or EngineError if the answer is empty."""
    began_s = time.perf_counter()
    at_s: list[float] = []
    parts: list[str] = []
    async with aclosing(model.reply(messages)) as tokens:
        async for token in tokens:
            if token.at_limit:
                continue
            at_s.append(time.perf_counter())
            parts.append(token.text)
    if not at_s:
        raise EngineError(f"{model.name} answered nothing to {question!r}", "try another model: --model")
    return Answer(group, question, "".join(parts), at_s[0] - began_s, len(at_s), at_s[-1] - at_s[0])


def metrics(answers: Sequence[Answer]) -> tuple[Metric, ...]:
    """Return the metrics of one group's answers."""
    paced = [(one.question, one.pace) for one in answers if one.pace is not None]
    group = answers[0].group
    return (
        Metric(
            group,
            FIRST_TOKEN,
            "s",
            tuple(one.first_s for one in answers),
            of=tuple(one.question for one in answers),
            stage=STAGE,
        ),
        Metric(
            group, PACE, "1/s", tuple(pace for _, pace in paced), "higher", tuple(question for question, _ in paced)
        ),
    )
