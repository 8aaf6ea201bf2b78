"""What the three screens have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from voicecli.events import Event
from voicecli.slash.complete import Offer
from voicecli.types import Approval

ScreenKind = Literal["auto", "live", "plain", "jsonl"]
Theme = Literal["auto", "light", "dark", "none"]


@dataclass(frozen=True, slots=True)
class Look:
    """What the user wishes of the live screen."""

    theme: Theme = "auto"
    mouse: bool = False  # the wheel comes as reports of the mouse, which takes its buttons from the terminal


@dataclass(frozen=True, slots=True)
class Controls:
    """What a user can do to a conversation. All return at once."""

    set_muted: Callable[[bool], None]
    interrupt: Callable[[], None]
    ask: Callable[[str], None]  # a typed question, or a command that begins with a slash
    quit: Callable[[], None]
    repeat: Callable[[str], None] = lambda _: None  # say this earlier answer again, if nothing else is going on
    offers: Callable[[str], tuple[Offer, ...]] = lambda line: ()  # what a line that is being typed may become
    push: Callable[[bool], None] = lambda held: None  # the key of push-to-talk
    grant: Callable[[Approval], object] = lambda answer: None  # whether a tool may be used that leave is asked for


class Screen(Protocol):
    """Shows events, and turns keys or lines into `Controls`. Used as a context: the terminal is its own inside."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, event: Event) -> None:
        """Take note of an event. Returns at once; call it on the loop's thread."""
        ...

    async def run(self, controls: Controls) -> None:
        """Redraw and read the user's input until cancelled. Quitting goes through `controls.quit`."""
        ...
