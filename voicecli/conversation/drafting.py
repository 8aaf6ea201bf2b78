"""Partial transcripts: the growing audio is decoded again and again while the user speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecli.conversation.partials import Hypotheses
from voicecli.engines.base import SpeechToText, Worker
from voicecli.types import SpeechSegment


async def draft(
    stt: SpeechToText,
    worker: Worker,
    so_far: Callable[[], SpeechSegment | None],
    interval_s: float,
    tell: Callable[[Hypotheses], None],
) -> None:
    """Draft every `interval_s` until cancelled.

    Finals come first: a draft begins only in the middle of speech and with the engine idle, so that it is over, or
    nearly so, when the pause that asks for the final has been noticed.
    """
    hypotheses = Hypotheses()
    while True:
        await asyncio.sleep(interval_s)
        segment = so_far()
        if segment is None or not worker.idle:
            continue
        transcript = await worker.run(stt.draft, segment)
        if transcript.text:
            hypotheses = hypotheses.heard(transcript.text)
            tell(hypotheses)
