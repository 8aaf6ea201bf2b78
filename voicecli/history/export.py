"""Export a conversation as Markdown, JSON or subtitles. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta, tzinfo

from voicecli.history.records import Exchange, Session
from voicecli.speech_text.subtitles import CUE_S, TimedText, cues, spread, srt

USER, ASSISTANT = "You", "Assistant"

REMARKS = {
    "done": "",
    "interrupted": "interrupted",
    "reopened": "you continued the question",
    "failed": "failed: {trouble}",
    "unanswered": "not answered",
}


def markdown(session: Session, exchanges: Sequence[Exchange], zone: tzinfo | None = None) -> str:
    """Return the questions and what was heard of the answers. Times are in `zone`; None: that of this machine."""
    began_at = session.began_at.astimezone(zone)
    name = "Conversation" if session.id is None else f"Conversation {session.id}"
    parts = [f"# {name}, {began_at:%Y-%m-%d %H:%M}"]
    for exchange in exchanges:
        at = (session.began_at + timedelta(seconds=exchange.asked_from_s)).astimezone(zone)
        day = "" if at.date() == began_at.date() else f"{at:%Y-%m-%d} "
        parts.append(f"**{USER}**, {day}{at:%H:%M:%S}{' (typed)' if exchange.typed else ''}")
        parts.append(exchange.question.strip())
        if paragraphs := answer_of(exchange):
            parts += [f"**{ASSISTANT}**", *paragraphs]
    return "\n\n".join(parts) + "\n"


def transcript(exchanges: Sequence[Exchange]) -> str:
    """Return the conversation as text, without times."""
    parts = [part for one in exchanges for part in (f"{USER}: {one.question.strip()}", *answered(one))]
    return "\n\n".join(parts) + "\n"


def answered(exchange: Exchange) -> Iterator[str]:
    """Yield the paragraphs of the answer; the first names the speaker."""
    for number, text in enumerate(answer_of(exchange)):
        yield text if number else f"{ASSISTANT}: {text}"


def answer_of(exchange: Exchange) -> list[str]:
    """Return the paragraphs of an answer: what was heard, and a remark if that was not all."""
    remark = REMARKS[exchange.outcome].format(trouble=exchange.trouble)
    if exchange.outcome == "interrupted" and not exchange.cut:
        remark = ""
    return [text for text in (exchange.heard.strip(), f"*({remark})*" if remark else "") if text]


def as_json(session: Session, exchanges: Sequence[Exchange]) -> str:
    """Return all fields, complete answers included; times are seconds since the session began."""
    fields = {
        "id": session.id,
        "began_at": session.began_at.isoformat(),
        "exchanges": [asdict(exchange) for exchange in exchanges],
    }
    return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"


def subtitles(exchanges: Sequence[Exchange]) -> str:
    """Return SubRip subtitles on the session's time axis. Text that was not heard is left out."""
    spoken = [cue for exchange in exchanges for cue in (*question_cues(exchange), *answer_cues(exchange))]
    return srt(spoken)


def question_cues(exchange: Exchange) -> Iterator[TimedText]:
    """Yield the cues of a question. A typed one takes no time, so it is shown until the answer begins."""
    until_s = exchange.asked_until_s
    if exchange.typed:
        until_s += CUE_S if exchange.answered_from_s is None else min(CUE_S, exchange.answered_from_s - until_s)
    yield from named(USER, exchange.question, exchange.asked_from_s, until_s)


def answer_cues(exchange: Exchange) -> Iterator[TimedText]:
    """Yield the cues of what was heard of the answer."""
    if exchange.answered_from_s is not None and exchange.answered_until_s is not None:
        yield from named(ASSISTANT, exchange.heard, exchange.answered_from_s, exchange.answered_until_s)


def named(speaker: str, text: str, from_s: float, until_s: float) -> Iterator[TimedText]:
    """Yield the text as cues; the first names the speaker."""
    for number, cue in enumerate(cues(spread(text, from_s, until_s))):
        yield cue if number else TimedText(f"{speaker}: {cue.text}", cue.start_s, cue.end_s)
