"""A session's replies as events of OpenAI's Realtime API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from voicecli.server.stt.protocol import Failure, Final, Partial, Reply, SpeechEnded, SpeechStarted

TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Events:
    """One connection's events, numbered, on their way."""

    def __init__(self, session: str, send: Callable[[str], None], *, flat: bool) -> None:
        self.session = session
        self.flat = flat
        """The older shape of events, for clients that ask for it."""
        self.last_item: str | None = None
        self._send = send
        self._events = 0
        self._items = 0

    def say(self, kind: str, **fields: object) -> None:
        """An event of this type."""
        self._events += 1
        said = {"type": kind, "event_id": f"event_{self.session}_{self._events}", **fields}
        self._send(json.dumps(said, ensure_ascii=False))

    def error(self, code: str, message: str) -> None:
        """Something that ends no utterance."""
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": None}
        self.say("error", error=error)

    def new_item(self) -> str:
        """A name for an utterance."""
        self._items += 1
        return f"item_{self.session}_{self._items}"


@dataclass(slots=True)
class Item:
    """An utterance that has no final yet."""

    name: str
    started: bool = False  # its beginning was told
    committed: bool = False
    reported: str = ""  # of its words


class Items:
    """The utterances of one listener, whose audio begins at `began_s` of the connection's."""

    def __init__(self, events: Events, began_s: float) -> None:
        self._events = events
        self._began_s = began_s
        self._open: dict[int, Item] = {}
        self.answered = 0
        """Utterances that are over and done with."""

    def tell(self, reply: Reply) -> None:
        """Each utterance ends in one `completed` or one `failed`."""
        match reply:
            case SpeechStarted(utterance=utterance, at_s=at_s):
                item = self._item(utterance)
                item.started = True
                self._say("input_audio_buffer.speech_started", item, audio_start_ms=self._ms(at_s))
            case Partial(utterance=utterance, stable=stable):
                self._delta(self._item(utterance), stable)
            case SpeechEnded(utterance=utterance, at_s=at_s):
                item = self._item(utterance)
                if item.started:
                    self._say("input_audio_buffer.speech_stopped", item, audio_end_ms=self._ms(at_s))
                self._commit(item)
            case Final(utterance=utterance, reason="cancelled"):
                self._fail(self._close(utterance), "cancelled", "input_audio_buffer.clear came before its end")
            case Final(utterance=utterance):
                self._complete(self._close(utterance), reply)
            case Failure(utterance=int() as utterance, code=code, message=message):
                self._fail(self._close(utterance), code, message)
            case Failure(code="nothing_to_flush"):
                self._events.error("input_audio_buffer_commit_empty", "the buffer holds no speech to commit")
            case Failure(code=code, message=message):
                self._events.error(code, message)

    def _item(self, utterance: int) -> Item:
        return self._open.setdefault(utterance, Item(self._events.new_item()))

    def _close(self, utterance: int) -> Item:
        item = self._item(utterance)
        del self._open[utterance]
        self.answered += 1
        return item

    def _ms(self, at_s: float) -> int:
        return round(1000 * (self._began_s + at_s))

    def _say(self, kind: str, item: Item, **fields: object) -> None:
        self._events.say(kind, item_id=item.name, **fields)

    def _commit(self, item: Item) -> None:
        previous, self._events.last_item = self._events.last_item, item.name
        item.committed = True
        self._say("input_audio_buffer.committed", item, previous_item_id=previous)
        content = [{"type": "input_audio", "transcript": None}]
        said = {
            "id": item.name,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": content,
        }
        for kind in ("created",) if self._events.flat else ("added", "done"):
            self._events.say(f"conversation.item.{kind}", previous_item_id=previous, item=said)

    def _delta(self, item: Item, text: str) -> None:
        """What a client has was sent for good: words that take some of it back come with `completed` alone."""
        if text.startswith(item.reported) and len(text) > len(item.reported):
            self._say(f"{TRANSCRIPTION}.delta", item, content_index=0, delta=text[len(item.reported) :])
            item.reported = text

    def _complete(self, item: Item, final: Final) -> None:
        if not item.committed:  # too short to be speech after all
            self._commit(item)
        self._delta(item, final.text)
        usage = {"type": "duration", "seconds": final.audio_s}
        self._say(f"{TRANSCRIPTION}.completed", item, content_index=0, transcript=final.text, usage=usage)

    def _fail(self, item: Item, code: str, message: str) -> None:
        error = {"type": "transcription_error", "code": code, "message": message, "param": None}
        self._say(f"{TRANSCRIPTION}.failed", item, content_index=0, error=error)
