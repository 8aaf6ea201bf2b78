"""A better language model: whether to ask for it, what to say, how far its download is. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from voicecli.events import DownloadState
from voicecli.models.download import DownloadEvent, Finished, ModelReady, Progress, SourceSkipped
from voicecli.models.manifest import Model, SourceKind
from voicecli.printable import duration_text, size_text
from voicecli.settings.model import UpgradeMode

Step = Literal["nothing", "ask", "tell", "get"]
"""What to do about a better model: nothing, ask whether to get it, tell how it is got, get it."""

SPEED_WINDOW_S = 20.0
"""The speed of a download is that of the last so many seconds, as networks are seldom steady for longer."""

SPEED_AFTER_S = 3.0
"""Time after which a download's speed is known: the first seconds are connections and package clients that start."""

ALMOST = 0.99
"""Largest share that is shown before all files are there: packages are not quite as large as what they hold."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered between conversations."""

    refused: str = ""  # the model that the user did not want
    accepted: str = ""  # the model that the user wanted; a download that was interrupted goes on without a question
    bytes_per_s: float | None = None  # of the last long download


def next_step(wanted: UpgradeMode, better: str, memory: Memory, *, can_answer: bool) -> Step:
    """Return what to do about the better model; `can_answer`: there is somebody who can be asked."""
    if wanted == "never":
        return "nothing"
    if wanted == "auto" or memory.accepted == better:
        return "get"
    if memory.refused == better:
        return "nothing"
    return "ask" if can_answer else "tell"


def within_reach(models: Collection[Model], hosts: Collection[SourceKind]) -> list[Model]:
    """Return the models that can be downloaded from `hosts`, whose own clients know where they are."""
    return [model for model in models if set(model.kinds) & set(hosts)]


def question(model: Model, why: str, memory: Memory) -> str:
    """Return the question for the user's leave, with the time if a speed was measured."""
    return f"Get {model.name} while we talk? {described(model, memory)}; {reason(model, why)}"


def suggestion(model: Model, why: str, memory: Memory) -> str:
    """Return the line for a conversation in which nobody can be asked."""
    how = f"voicecli download-models {model.name}, or llm.upgrade = auto"
    return f"{model.name} would answer better ({described(model, memory)}; {reason(model, why)}): {how}"


def reason(model: Model, why: str) -> str:
    """Return the ladder's reason without the name of the model, which has just been said."""
    return why.removeprefix(f"{model.name}: ")


def described(model: Model, memory: Memory) -> str:
    """Return size and, where a speed was measured, time: "1.1 GB, about 4 min"."""
    size_bytes = model_bytes(model)
    if not memory.bytes_per_s:
        return size_text(size_bytes)
    time = duration_text(size_bytes / memory.bytes_per_s)
    return f"{size_text(size_bytes)}, {time} at the speed of the last download"


def model_bytes(model: Model) -> int:
    """Return the size of a model, which is only about right where no source names it."""
    return model.size_bytes or (model.approx_mb or 0) * 1_000_000


def no_room(name: str, needed_bytes: float, free_bytes: float, in_use: str) -> str:
    """Return the sentence for a model that is there and does not fit beside the conversation."""
    return (
        f"{name} is downloaded, but needs {size_text(needed_bytes)} of memory and {size_text(free_bytes)} are free: "
        f"{in_use} stays. The next start takes {name} if there is room."
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a download is."""

    state: DownloadState
    done_bytes: int
    total_bytes: int
    left_s: float | None


@dataclass(slots=True)
class Tally:
    """Adds up the progress of a model's files or packages, and measures the speed."""

    total_bytes: int
    _items: dict[str, int] = field(default_factory=dict)
    _state: DownloadState = "downloading"
    _gained: deque[tuple[float, int]] = field(default_factory=deque)  # time, bytes received until then
    _received: int = 0
    _unpacked: int = 0
    _began_at_s: float | None = None

    def add(self, event: DownloadEvent, at_s: float) -> None:
        """Take in the next event."""
        match event:
            case Progress(doing="unpack", done_bytes=done):
                self._state, self._unpacked = "unpacking", done
            case Progress(item=item, done_bytes=done):
                self._state = "downloading"
                self._count(item, done, at_s)
            case SourceSkipped():  # the next source begins anew
                self._items.clear()
            case ModelReady():
                self._state = "loading"
            case Finished():  # pragma: no branch
                pass

    def _count(self, item: str, done_bytes: int, at_s: float) -> None:
        """Count what an item gained; what is there at its first report may be an earlier run's."""
        before = self._items.get(item, done_bytes)
        self._items[item] = done_bytes
        self._began_at_s = at_s if self._began_at_s is None else self._began_at_s
        self._received += max(0, done_bytes - before)
        self._gained.append((at_s, self._received))
        while at_s - self._gained[0][0] > SPEED_WINDOW_S:
            self._gained.popleft()

    def bytes_per_s(self) -> float | None:
        """Return the speed of the last seconds; None while it is not known."""
        if self._began_at_s is None:
            return None
        (first_s, first), (last_s, last) = self._gained[0], self._gained[-1]
        if last_s - self._began_at_s < SPEED_AFTER_S or last_s == first_s or last == first:
            return None
        return (last - first) / (last_s - first_s)

    def average_bytes_per_s(self) -> float | None:
        """Return the speed of the whole download; None if it was too short to tell."""
        if self._began_at_s is None or (took_s := self._gained[-1][0] - self._began_at_s) < SPEED_AFTER_S:
            return None
        return self._received / took_s or None

    def standing(self) -> Standing:
        """Return how far the download is now."""
        if self._state == "loading":
            return Standing("loading", self.total_bytes, self.total_bytes, None)
        if self._state == "unpacking":
            return Standing("unpacking", min(self._unpacked, self.total_bytes), self.total_bytes, None)
        done = min(sum(self._items.values()), round(ALMOST * self.total_bytes))
        speed = self.bytes_per_s()
        return Standing("downloading", done, self.total_bytes, (self.total_bytes - done) / speed if speed else None)
