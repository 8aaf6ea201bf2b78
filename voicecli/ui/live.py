"""The live screen: redraws a frame when something changed, and turns keys into controls.

Inside its context it owns the terminal (`ui/terminal/`). The end of the conversation is printed to the normal screen
afterwards, so that it is not lost.
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
from voicecli.ui.answer import last_code
from voicecli.ui.dialogue import SCROLL_KEYS, farewell, scroll, whole_dialogue
from voicecli.ui.frame import Scene, conversation_size, frame
from voicecli.ui.line_editor import Line, Palette
from voicecli.ui.screen import Look
from voicecli.ui.terminal.clipboard import osc52
from voicecli.ui.terminal.keys import REPLY, Key, listen
from voicecli.ui.terminal.outlet import stderr_to
from voicecli.ui.terminal.painter import Painter
from voicecli.ui.terminal.space_bar import SpaceBar
from voicecli.ui.terminal.terminal import Terminal, console_of
from voicecli.ui.terminal.theme import (
    QUERY_BACKGROUND,
    in_theme,
    initial_background,
    parse_background,
    should_query_background,
)
from voicecli.ui.view import ViewModel

if TYPE_CHECKING:
    from types import TracebackType

    from voicecli.ui.screen import Controls

FRAME_S = 1 / 12
"""Often enough for a meter that moves ten times a second; a frame blocks the loop for a few milliseconds."""

APPROVALS: dict[Key, Approval] = {"y": "yes", "a": "always", "n": "no"}


class LiveScreen:
    """A `Screen` that draws on a terminal."""

    def __init__(
        self, clock: Clock, log_path: Path, console: Console | None = None, keys_fd: int = 0, look: Look | None = None
    ) -> None:
        self._clock = clock
        self._log_path = log_path
        self._look = look or Look()
        self._console = console or console_of(self._look.theme)
        self._keys_fd = keys_fd
        self._environ = surroundings("COLORFGBG", "TERM")
        self.background = initial_background(self._look.theme, self._environ)
        self._painter = Painter(self._console)
        self._terminal = Terminal(self._console, keys_fd, mouse=self._look.mouse)
        self._exits = ExitStack()
        self.view = ViewModel()
        self.line: Line | None = None
        self.top: int | None = None
        self.message = ""
        self.palette = Palette()
        self._offers: Callable[[str], tuple[Offer, ...]] = lambda line: ()
        self._is_pasting = False
        self._bar = SpaceBar(clock, self._terminal.write)
        self._drawn: tuple[Scene, int, int] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            exits.callback(self._print_farewell)
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

    def _print_farewell(self) -> None:
        for line in farewell(self.view, self._console):
            self._console.print(in_theme(line, self._console, self.background))
        self._terminal.drain()

    def show(self, event: Event) -> None:
        """Apply the event; the next frame shows it."""
        self.view = self.view.apply(event)
        if isinstance(event, SpeechStarted | UserTyped):
            self.message = ""
        if isinstance(event, Ready) and self.view.listen_state.by_key:
            self._bar.start()
        if isinstance(event, Ready) and not event.microphone and self.line is None:
            self.line = Line()

    async def run(self, controls: Controls) -> None:
        """Redraw at a steady pace and handle keys, until cancelled."""
        self._offers = controls.offers
        with (
            self._terminal.on_loop(self._bar.close, self._resume),
            listen(self._keys_fd, lambda key: self.handle_key(key, controls)),
        ):
            if should_query_background(self._look.theme, self._environ):
                self._terminal.write(QUERY_BACKGROUND)
            while True:
                self.draw()
                await asyncio.sleep(FRAME_S)

    def _resume(self) -> None:
        if self.view.listen_state.by_key:
            self._bar.start()
        self._redraw()

    def draw(self) -> None:
        """Paint a frame if it differs from the last one and the terminal has accepted that one."""
        turning = self.view.state in ("Thinking", "Starting")
        tick = int(self._clock() / FRAME_S) if turning else 0
        self._update_palette()
        tapped = self._bar.hold.phase == "tapped"
        scene = Scene(self.view, self.line, tick, self.top, self.message, self.palette, tapped)
        width, height = self._console.size
        if (scene, width, height) == self._drawn or self._terminal.busy:
            return
        self._drawn = (scene, width, height)
        self._painter.paint(frame(scene, self._console, width, height), width, self.background)

    def _redraw(self) -> None:
        """Paint everything with the next frame."""
        self._painter.invalidate()
        self._drawn = None

    def handle_key(self, key: Key, controls: Controls) -> None:
        """Run the action of a key. Esc first stops an answer; only then does it close the typing line."""
        if key in ("paste", "pasted"):
            self._is_pasting = key == "paste"
        elif key.startswith(REPLY):
            self._handle_reply(key.removeprefix(REPLY))
        elif self._is_pasting:
            self.line = (self.line or Line()).handle_key(" " if key in ("enter", "tab") else key)
        elif self._handle_talk_key(key, controls):
            pass
        elif key == "ctrl-c":  # a kitty terminal sends it as a key, not as a signal
            signal.raise_signal(signal.SIGINT)
        elif key == "end of input":
            controls.quit()
        elif key == "ctrl-l":
            self._redraw()
        elif key == "esc" and self.view.is_answering:
            controls.interrupt()
        elif key.startswith(("page-", "wheel-")) or (self.line is None and key in SCROLL_KEYS):
            self._scroll(key)
        elif key == "enter" and self.view.offer and (self.line is None or not self.line.text):
            controls.answer_offer(True)
        elif self.line is None:
            self._command(key, controls)
        else:
            self._edit(key, self.line, controls)

    def _handle_reply(self, reply: str) -> None:
        """Use the background color that the terminal reports, unless the user has set a theme."""
        background = parse_background(reply)
        if background is not None and self._look.theme == "auto" and background != self.background:
            self.background = background
            self._redraw()

    def _handle_talk_key(self, key: Key, controls: Controls) -> bool:
        """Handle a push-to-talk key and return whether it was one. The space bar types a space in a line with text."""
        is_text = key == " " and self.line is not None and bool(self.line.text) and not self._bar.hold.held
        can_talk = self.view.listen_state.by_key and self.view.has_microphone and not is_text
        return can_talk and self._bar.handle_key(key, controls.push)

    def _command(self, key: Key, controls: Controls) -> None:
        match key:
            case "y" | "a" | "n" if self.view.pending_approval is not None:
                controls.answer_approval(APPROVALS[key])
            case "y" | "n" if self.view.offer:
                controls.answer_offer(key == "y")
            case " " | "m" if self.view.has_microphone:
                controls.set_muted(not self.view.muted)
            case "t":
                self.line = Line()
            case "/":
                self.line = Line("/", 1)
            case "e" if text := self.view.last_question:
                self.line = Line(text, len(text))
            case "r" if self.view.can_repeat:
                controls.repeat(self.view.last_answer)
            case "c" | "k":
                self._copy(key)
            case "s":
                self._save()
            case "q" | "ctrl-d":
                controls.quit()

    def _scroll(self, key: Key) -> None:
        width, height = self._console.size
        scene = Scene(self.view, self.line, top=self.top, message=self.message, palette=self.palette)
        cells, lines = conversation_size(scene, self._console, width, height)
        self.top = scroll(self.top, key, len(whole_dialogue(self.view, self._console, cells)), lines)

    def _copy(self, key: Key) -> None:
        """Copy through the terminal, so that it works over SSH too. The terminal does not confirm it."""
        answer = self.view.last_answer
        what, text = ("answer", answer) if key == "c" else ("code", last_code(answer))
        sequence = osc52(text) if text else ""
        if sequence:
            self._terminal.write(sequence)
        self.message = f"{what} copied" if sequence else f"{what} is too long to copy" if text else f"no {what} to copy"

    def _save(self) -> None:
        """Save the last answer in the current folder."""
        text = self.view.last_answer
        try:
            self.message = f"saved: {save_answer(text, Path.cwd()).name}" if text else "no answer to save"
        except OSError as error:
            self.message = f"not saved: {error.strerror}"

    def _update_palette(self) -> None:
        """Get the completions of the line as known now; some are looked up while the user types."""
        self.palette = self.palette.with_offers(self._offers(self.line.text) if self.line is not None else ())

    def _edit(self, key: Key, line: Line, controls: Controls) -> None:
        self._update_palette()
        selected = self.palette.selection()
        match key:
            case "up" | "down":
                self.palette = self.palette.moved(key)
            case "tab":
                self.line = self.palette.completed(line)
            case "enter" if selected is not None and selected.line.endswith(" "):
                self.line = Line(selected.line, len(selected.line))
            case "enter" if selected is not None:
                controls.ask(selected.line)
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
                self.line = line.handle_key(key)


def save_answer(text: str, folder: Path) -> Path:
    """Write a new file `answer-N.md` and return its path. Raise OSError if that fails."""
    number = 1
    while (path := folder / f"answer-{number}.md").exists():
        number += 1
    with path.open("x", encoding="utf8") as file:
        file.write(text.rstrip("\n") + "\n")
    return path
