"""One run of `voicecli talk`: a screen and a conversation, from start to Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from voicecli.app.signals import discard_output, signals, stop_soon
from voicecli.app.slash_wiring import CommandContext, handlers, values
from voicecli.app.upgrade import Upgrade
from voicecli.app.upgrade_wiring import Downloads, make_upgrade
from voicecli.assemble.conversation import assemble
from voicecli.assemble.devices import Files, PipelineHooks
from voicecli.conversation.approval import answer_of
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.latency import TurnLatency, latencies
from voicecli.errors import INTERRUPTED_EXIT_CODE, VoiceCliError, first_of
from voicecli.events import CLOCK, Event, MuteChanged, Notice, Publish
from voicecli.history.log import OpenedHistory, conversation_log
from voicecli.settings.model import Settings
from voicecli.slash.complete import Offer, ValuesOf, offers
from voicecli.slash.dispatcher import CommandDispatcher, Start
from voicecli.types import Approval
from voicecli.ui.open import open_screen
from voicecli.ui.screen import Controls, Look, Screen, ScreenKind

SWITCH_S = 0.001
"""How long one thread keeps Python's lock while another waits. The sound card's callbacks have 10 ms to answer. With
the default of 5 ms, three came too late in a minute of talk on two cores; with this, one in two minutes."""


EVENTS_KEPT = 2000
"""Events of turns that are kept for /latency. An answer has one for each token, and ten a second while it is spoken."""

WRITTEN_HINT = "Send the output to where there is room; voicecli history has what was said, if it is kept."


@dataclass(frozen=True, slots=True)
class Observer:
    """What follows a whole conversation, to record or measure it."""

    hooks: PipelineHooks
    observe: Publish
    controls: Callable[[Controls], Controls]  # wraps those that the user's keys reach


class Session:
    """Connects the user's keys and commands to the conversation, once there is one."""

    def __init__(self) -> None:
        self._conversation: Conversation | None = None
        self._upgrade: Upgrade | None = None
        self._early: list[str] = []
        self._muted = False
        self._turns: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._dispatcher = CommandDispatcher(self, lambda text: self.show(Notice(at_s=CLOCK(), text=text)))
        self._values_of: ValuesOf = lambda name: ()
        self.show: Publish = lambda event: None
        self.quitting = False
        self.unwritten: OSError | None = None  # why the screen cannot be written any more
        self.stop: Callable[[], object] = lambda: None

    def open(self, context: CommandContext, *, upgrades: bool) -> None:
        """Connect to a conversation that is ready, and ask what was typed meanwhile.

        `upgrades`: offer a better language model, if there is one.
        """
        self._conversation = context.conversation
        self._values_of = values(context).of
        self._dispatcher.open(handlers(context), context.start)
        if upgrades:
            self._offer_upgrade(context)
        for text in self._early:
            self._dispatcher.dispatch(text)

    def _offer_upgrade(self, context: CommandContext) -> None:
        switch = context.switches.model
        self._upgrade = make_upgrade(context.settings, switch, context.downloads, self.show)
        if self._upgrade is not None:
            can_answer = sys.stdin is not None and sys.stdin.isatty()
            context.start(self._upgrade.run(can_answer=can_answer, in_use=switch.opened.model.name))

    def controls(self) -> Controls:
        """Return what the user's keys can do."""
        return Controls(
            self._set_muted,
            self._interrupt,
            self._ask,
            self.quit,
            repeat=self._repeat,
            offers=self._offers,
            push=self._push,
            answer_approval=self._grant,
            answer_offer=self._answer_offer,
        )

    def _offers(self, line: str) -> tuple[Offer, ...]:
        return offers(line, self._values_of)

    def _push(self, held: bool) -> None:
        if self._conversation is not None:
            self._conversation.hold_to_talk(held)

    def _set_muted(self, muted: bool) -> None:
        if self._conversation is not None:
            self._conversation.mute(muted)

    def _interrupt(self) -> None:
        if self._conversation is not None:
            self._conversation.interrupt()

    def _repeat(self, answer: str) -> None:
        if self._conversation is not None:
            self._conversation.repeat(answer)

    def _grant(self, answer: Approval) -> None:
        if self._conversation is not None:
            self._conversation.answer_approval(answer)

    def _answer_offer(self, accepted: bool) -> bool:
        return self._upgrade is not None and self._upgrade.answer(accepted)

    def _ask(self, text: str) -> None:
        if self.quitting:  # lines from a pipe are read together, those behind /quit too
            return
        if self._conversation is None:
            self._early.append(text)
        elif (answer := answer_of(text)) is None or not self._takes(answer, self._conversation):
            self._dispatcher.dispatch(text)

    def _takes(self, answer: Approval, conversation: Conversation) -> bool:
        """Give the answer to a tool call that waits for approval, or else to the offer of a better model."""
        return conversation.answer_approval(answer) or self._answer_offer(answer != "no")

    def observe(self, event: Event) -> None:
        """Note what commands show and toggle."""
        if isinstance(event, MuteChanged):
            self._muted = event.muted
        if event.turn is not None:
            self._turns.append(event)

    def toggle_mute(self) -> None:
        """Mute or unmute the microphone."""
        self._set_muted(not self._muted)

    def set_system_prompt(self, system_prompt: str) -> None:
        """Use another system prompt from the next question on."""
        if self._conversation is not None:
            self._conversation.set_system_prompt(system_prompt)

    def latencies(self) -> tuple[TurnLatency, ...]:
        """Return where the time of the recent turns went."""
        return latencies(self._turns)

    def ask(self, text: str) -> None:
        """Ask a typed question."""
        if self._conversation is not None and not self.quitting:
            self._conversation.ask(text)

    def quit(self) -> None:
        """End the run."""
        self.quitting = True
        self.stop()

    def lose_screen(self, error: OSError) -> None:
        """End the run, because the screen cannot be written. No turn fails because of that."""
        if self.unwritten is None:
            self.unwritten = error
            discard_output(sys.stdout.fileno())
            self.stop()

    def exit_code(self) -> int:
        """Return the exit code. Raise BrokenPipeError when the reader has gone, VoiceCliError for a full disk."""
        if isinstance(self.unwritten, BrokenPipeError):
            raise self.unwritten
        if self.unwritten is not None and self.unwritten.errno != errno.EIO:  # which a closed terminal gives
            raise VoiceCliError(f"What happens cannot be written: {self.unwritten.strerror}", WRITTEN_HINT)
        return 0 if self.quitting else INTERRUPTED_EXIT_CODE


def talk(
    settings: Settings,
    files: Files,
    kind: ScreenKind,
    observer: Observer | None = None,
    memory: OpenedHistory | None = None,
) -> int:
    """Talk until the input ends or the user quits. Return the exit code.

    Raise VoiceCliError when the conversation cannot start. A device that goes away later does not end it.
    """
    session = Session()
    sys.setswitchinterval(SWITCH_S)
    look = Look(settings.ui.theme, settings.ui.mouse)
    with open_screen(kind, CLOCK, settings.log_file, look) as screen:
        try:
            asyncio.run(run_session(session, settings, files, screen, observer, memory or OpenedHistory()))
        except asyncio.CancelledError:
            return session.exit_code()
        except ExceptionGroup as group:
            raise first_of(group) from group
    return 0


async def run_session(
    session: Session, settings: Settings, files: Files, screen: Screen, observer: Observer | None, memory: OpenedHistory
) -> None:
    """Run screen and conversation. The screen draws from the start, so that loading is visible."""
    task = asyncio.current_task()
    assert task is not None
    session.stop = task.cancel
    controls, hooks = session.controls(), None
    record = conversation_log(memory, CLOCK)
    if observer is not None:
        controls, hooks = observer.controls(controls), observer.hooks

    def show(event: Event) -> None:
        session.observe(event)
        record.observe(event)  # whatever becomes of the screen
        try:
            screen.show(event)
        except OSError as error:
            session.lose_screen(error)
        if observer is not None:
            observer.observe(event)

    session.show = show
    with signals(lambda: stop_soon(task, lambda: screen.__exit__(None, None, None))):
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(screen.run(controls))]
            if memory.log is not None:
                beside.append(tasks.create_task(memory.log.run(show)))
            if memory.notice:
                show(Notice(at_s=CLOCK(), text=memory.notice))
            assembled = assemble(settings, files, show, hooks, memory.earlier)
            async with assembled as (conversation, switches), jobs() as start:
                downloads = Downloads(settings, show)
                context = CommandContext(settings, conversation, switches, record, show, start, downloads)
                upgrades = files == Files() and observer is None
                asyncio.get_running_loop().call_soon(partial(session.open, context, upgrades=upgrades))  # when it runs
                await conversation.run()
            for one in beside:
                one.cancel()


@asynccontextmanager
async def jobs() -> AsyncIterator[Start]:
    """Run the jobs that commands start; those that are still running end with the block."""
    async with asyncio.TaskGroup() as tasks:
        running = set[asyncio.Task[None]]()

        def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            task = tasks.create_task(work)
            running.add(task)
            task.add_done_callback(running.discard)
            return task

        try:
            yield start
        finally:
            for task in running:
                task.cancel()
