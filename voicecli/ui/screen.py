"""The protocol of the live, plain and JSON Lines screens."""

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
    """Settings of the live screen."""

    theme: Theme = "auto"
    mouse: bool = False  # ask for mouse events, so that the wheel scrolls; text is then selected with Shift


@dataclass(frozen=True, slots=True)
class Controls:
    """The actions of a user on a conversation. All return at once."""

    set_muted: Callable[[bool], None]
    interrupt: Callable[[], None]
    ask: Callable[[str], None]  # a typed question or a slash command
    quit: Callable[[], None]
    repeat: Callable[[str], None] = lambda _: None  # speak this earlier answer again, if nothing else is going on
    offers: Callable[[str], tuple[Offer, ...]] = lambda line: ()  # completions of the typed line
    push: Callable[[bool], None] = lambda held: None  # the push-to-talk key
    answer_approval: Callable[[Approval], object] = lambda answer: None  # reply to a tool that needs approval
    answer_offer: Callable[[bool], object] = lambda accepted: (
        None
    )  # reply to the offer of a better model, if there is one


class Screen(Protocol):
    """Shows events, and turns keys or lines into `Controls`. A context manager: inside, it owns the terminal."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, event: Event) -> None:
        """Handle an event and return at once. Call it on the loop's thread."""
        ...

    async def run(self, controls: Controls) -> None:
        """Redraw and read the user's input until cancelled. Quit through `controls.quit`."""
        ...
