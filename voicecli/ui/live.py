"""The live screen: redraws a frame when something changed, and turns keys into controls.

While it is up it owns the terminal (`ui/terminal.py`). What was said is printed to the normal screen afterwards, so
that it is not lost.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Console

from voicecli.events import Clock, Event, Ready, SpeechStarted, UserTyped
from voicecli.settings.load import surroundings
from voicecli.slash.complete import Offer
from voicecli.types import Approval
from voicecli.ui.dialogue import whole_dialogue
from voicecli.ui.drawn_blocks import last_code
from voicecli.ui.farewell import farewell
from voicecli.ui.frame import Scene, conversation_size, frame
from voicecli.ui.latest import can_repeat, last_answer, last_question, save_answer
from voicecli.ui.palette import Palette
from voicecli.ui.screen import Look
from voicecli.ui.scrolling import SCROLL_KEYS, scrolled
from voicecli.ui.terminal.clipboard import osc52
from voicecli.ui.terminal.editor import Line
from voicecli.ui.terminal.keys import ANSWER, Key, listen
from voicecli.ui.terminal.painter import Painter
from voicecli.ui.terminal.space_bar import SpaceBar
from voicecli.ui.terminal.stderr import stderr_to
from voicecli.ui.terminal.terminal import Terminal, console_of
from voicecli.ui.terminal.theme import ASK_BACKGROUND, answered_background, background_of, in_theme, is_worth_asking
from voicecli.ui.view import ViewModel

if TYPE_CHECKING:
    from types import TracebackType

    from voicecli.ui.screen import Controls

FRAME_S = 1 / 12
"""Often enough for a meter that moves ten times a second; a frame costs a few milliseconds of the loop."""


GRANTS: dict[Key, Approval] = {"y": "yes", "a": "always", "n": "no"}


class LiveScreen:
    """A `Screen` on a terminal."""

    def __init__(
        self, clock: Clock, log_path: Path, console: Console | None = None, keys_fd: int = 0, look: Look | None = None
    ) -> None:
        self._clock = clock
        self._log_path = log_path
        self._look = look or Look()
        self._console = console or console_of(self._look.theme)
        self._keys_fd = keys_fd
        self._environ = surroundings("COLORFGBG", "TERM")
        self.background = background_of(self._look.theme, self._environ)
        self._painter = Painter(self._console)
        self._terminal = Terminal(self._console, keys_fd, mouse=self._look.mouse)
        self._exits = ExitStack()
        self.view = ViewModel()
        self.line: Line | None = None
        self.top: int | None = None
        self.reported = ""
        self.palette = Palette()
        self._offers: Callable[[str], tuple[Offer, ...]] = lambda line: ()
        self._is_pasting = False
        self._bar = SpaceBar(clock, self._terminal.write)
        self._drawn: tuple[Scene, int, int] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            exits.callback(self._part)
            exits.enter_context(stderr_to(self._log_path))
            exits.enter_context(self._terminal)
            exits.callback(self._bar.close)
            self.draw()
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._exits.close()

    def _part(self) -> None:
        for line in farewell(self.view, self._console):
            self._console.print(in_theme(line, self._console, self.background))
        self._terminal.drain()

    def show(self, event: Event) -> None:
        """Fold the event in; the next frame shows it."""
        self.view = self.view.apply(event)
        if isinstance(event, SpeechStarted | UserTyped):
            self.reported = ""
        if isinstance(event, Ready) and self.view.listen_state.by_key:
            self._bar.begin()
        if isinstance(event, Ready) and not event.microphone and self.line is None:
            self.line = Line()

    async def run(self, controls: Controls) -> None:
        """Redraw at a steady pace and pass keys on, until cancelled."""
        self._offers = controls.offers
        with (
            self._terminal.on_loop(self._bar.close, self._come_back),
            listen(self._keys_fd, lambda key: self.press(key, controls)),
        ):
            if is_worth_asking(self._look.theme, self._environ):
                self._terminal.write(ASK_BACKGROUND)
            while True:
                self.draw()
                await asyncio.sleep(FRAME_S)

    def _come_back(self) -> None:
        if self.view.listen_state.by_key:
            self._bar.begin()
        self._redraw()

    def draw(self) -> None:
        """Paint a frame, if it would differ from the one that is up, and if the terminal has taken that one."""
        turning = self.view.state in ("Thinking", "Starting")
        tick = int(self._clock() / FRAME_S) if turning else 0
        self._offer()
        tapped = self._bar.hold.phase == "tapped"
        scene = Scene(self.view, self.line, tick, self.top, self.reported, self.palette, tapped)
        width, height = self._console.size
        if (scene, width, height) == self._drawn or self._terminal.busy:
            return
        self._drawn = (scene, width, height)
        self._painter.paint(frame(scene, self._console, width, height), width, self.background)

    def _redraw(self) -> None:
        """All of it, with the next frame."""
        self._painter.forget()
        self._drawn = None

    def press(self, key: Key, controls: Controls) -> None:
        """Do what a key means now. Esc first of all stops an answer; only then does it leave the typing line."""
        if key in ("paste", "pasted"):
            self._is_pasting = key == "paste"
        elif key.startswith(ANSWER):
            self._take_answer(key.removeprefix(ANSWER))
        elif self._is_pasting:
            self.line = (self.line or Line()).press(" " if key in ("enter", "tab") else key)
        elif self._talks(key, controls):
            pass
        elif key == "ctrl-c":  # as a signal, where the terminal tells it as a key
            signal.raise_signal(signal.SIGINT)
        elif key == "end of input":
            controls.quit()
        elif key == "ctrl-l":
            self._redraw()
        elif key == "esc" and self.view.is_answering:
            controls.interrupt()
        elif key.startswith(("page-", "wheel-")) or (self.line is None and key in SCROLL_KEYS):
            self._scroll(key)
        elif self.line is None:
            self._command(key, controls)
        else:
            self._edit(key, self.line, controls)

    def _take_answer(self, answer: str) -> None:
        """The terminal tells its background: it is the user's word that counts more."""
        background = answered_background(answer)
        if background is not None and self._look.theme == "auto" and background != self.background:
            self.background = background
            self._redraw()

    def _talks(self, key: Key, controls: Controls) -> bool:
        """Take a key of push-to-talk. The space bar makes a space where something is being typed."""
        is_text = key == " " and self.line is not None and bool(self.line.text) and not self._bar.hold.held
        able = self.view.listen_state.by_key and self.view.has_microphone and not is_text
        return able and self._bar.press(key, controls.push)

    def _command(self, key: Key, controls: Controls) -> None:
        match key:
            case "y" | "a" | "n" if self.view.asked is not None:
                controls.grant(GRANTS[key])
            case " " | "m" if self.view.has_microphone:
                controls.set_muted(not self.view.muted)
            case "t":
                self.line = Line()
            case "/":
                self.line = Line("/", 1)
            case "e" if text := last_question(self.view):
                self.line = Line(text, len(text))
            case "r" if can_repeat(self.view):
                controls.repeat(last_answer(self.view))
            case "c" | "k":
                self._copy(key)
            case "s":
                self._save()
            case "q" | "ctrl-d":
                controls.quit()

    def _scroll(self, key: Key) -> None:
        width, height = self._console.size
        scene = Scene(self.view, self.line, top=self.top, reported=self.reported, palette=self.palette)
        cells, lines = conversation_size(scene, self._console, width, height)
        self.top = scrolled(self.top, key, len(whole_dialogue(self.view, self._console, cells)), lines)

    def _copy(self, key: Key) -> None:
        """Through the terminal, so that it works over SSH too. It never says whether it has obeyed."""
        answer = last_answer(self.view)
        what, text = ("answer", answer) if key == "c" else ("code", last_code(answer))
        order = osc52(text) if text else ""
        if order:
            self._terminal.write(order)
        self.reported = f"{what} copied" if order else f"{what} is too long to copy" if text else f"no {what} to copy"

    def _save(self) -> None:
        """Where the program was started."""
        text = last_answer(self.view)
        try:
            self.reported = f"saved: {save_answer(text, Path.cwd()).name}" if text else "no answer to save"
        except OSError as error:
            self.reported = f"not saved: {error.strerror}"

    def _offer(self) -> None:
        """What the line may become, by what is known now: some of it is looked for while one types."""
        self.palette = self.palette.with_offers(self._offers(self.line.text) if self.line is not None else ())

    def _edit(self, key: Key, line: Line, controls: Controls) -> None:
        self._offer()
        picked = self.palette.picked()
        match key:
            case "up" | "down":
                self.palette = self.palette.moved(key)
            case "tab":
                self.line = self.palette.completed(line)
            case "enter" if picked is not None and picked.line.endswith(" "):
                self.line = Line(picked.line, len(picked.line))
            case "enter" if picked is not None:
                controls.ask(picked.line)
                self.line, self.top = Line(), None
            case "esc":
                self.line = None
            case "ctrl-d" if not line.text:
                controls.quit()
            case "enter":
                if text := line.text.strip():
                    controls.ask(text)
                    self.top = None
                self.line = Line()
            case _:
                self.line = line.press(key)
