"""The plain screen: one line for each event, for pipes, logs and screen readers, without colors or cursor movement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from voicecli.conversation.latency import TurnLatency
from voicecli.events import (
    ApprovalRequested,
    Audible,
    AwakeChanged,
    ComponentChanged,
    Event,
    FalseInterruption,
    FramesDropped,
    HoldChanged,
    ModelOffered,
    MuteChanged,
    NothingHeard,
    Notice,
    PlaybackUnderrun,
    Ready,
    SpeechEnded,
    ToolCalled,
    ToolDone,
    Transcribed,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.ui.line_input import LineScreen
from voicecli.ui.terminal.outlet import stderr_to
from voicecli.ui.tool_uses import ToolUse
from voicecli.ui.view import CUT_REASONS, Exchange, ViewModel
from voicecli.ui.waterfall import STAGES, seconds

if TYPE_CHECKING:
    from types import TracebackType


def lines_of(event: Event, view: ViewModel) -> Iterator[str]:
    """Yield the lines for an event, given the view after it."""
    match event:
        case Ready():
            yield from _ready(event)
        case Notice(text=text) | ComponentChanged(message=text):
            yield f"Note: {text}"
        case ModelOffered(text=text):
            yield f"{text} (Enter or yes, or no)"
        case MuteChanged(muted=muted):
            yield "Muted" if muted else "Listening"
        case HoldChanged(held=True):
            yield "Listening: press Enter to send"
        case AwakeChanged(awake=awake):
            yield "(awake)" if awake else "(asleep)"
        case FramesDropped(count=count):
            yield f"Note: {count} microphone frames dropped"
        case NothingHeard(reason=reason):
            yield f"(no words: {reason})" if reason else "(no words)"
        case FalseInterruption(text=text, reason=reason):
            yield f"(ignored: {_flat(text) or reason})"
        case PlaybackUnderrun(gap_s=gap_s):
            yield f"Note: a gap of {seconds(gap_s)} in the answer"
        case _:
            exchange = view.exchange(event.turn)
            if exchange is not None:
                yield from _of_turn(event, exchange)


def _ready(ready: Ready) -> Iterator[str]:
    yield f"Speech-to-text: {ready.stt}"
    yield f"Language model: {ready.llm}" + (f" ({ready.llm_why})" if ready.llm_why else "")
    if ready.demo:
        yield "  a demo model; /model for a better one"
    if ready.tts:
        yield f"Speech: {ready.tts}"
    yield f"Speaker: {ready.speaker or 'none, answers are written'}"
    if not ready.microphone:
        yield "Listening (no microphone: type your question)"
    elif ready.mode == "push-to-talk":
        yield f"Ready ({ready.microphone}): press Enter to start speaking, and again to send"
    elif ready.mode == "wake-phrase":
        yield f'Asleep ({ready.microphone}): say "{ready.wake_phrase}" and your question'
    else:
        yield f"Listening ({ready.microphone})"


def _of_turn(event: Event, exchange: Exchange) -> Iterator[str]:
    match event:
        case UserTyped():
            yield f"You: {_flat(exchange.heard[0])}"
        case SpeechEnded() | Transcribed() if exchange.released and exchange.transcript is not None:
            yield f"You: {_flat(exchange.transcript)}"
        case Audible() if exchange.latency is not None:
            yield latency_line(exchange.latency)
        case ApprovalRequested(call=call) | ToolCalled(call=call) | ToolDone(call=call):
            yield from (use_line(use) for use in exchange.tool_uses if use.call_id == call)
        case TurnDone():
            yield f"Assistant: {_flat(exchange.written)}"
            if exchange.cut is not None:
                yield f"({CUT_REASONS[exchange.cut]})"
        case TurnInterrupted(reopened=True):
            yield "(you went on)"
        case TurnInterrupted():
            yield f"Assistant: {_flat(exchange.answer[0])} [interrupted]"
        case TurnFailed(message=message, hint=hint):
            yield f"Error: {message}"
            if hint:
                yield f"  {hint}"


def use_line(use: ToolUse) -> str:
    """Return the line of a tool call: the request for approval, the call, or its outcome."""
    if use.state == "waiting for approval":
        return f"Allow this tool call? {use.call_text} (yes, always or no)"
    return f"Tool: {use.call_text} = {use.outcome}" if use.outcome else f"Tool: {use.call_text}"


def latency_line(latency: TurnLatency) -> str:
    """Return total and parts, indented: `0.92 s = endpoint 0.20 + stt 0.25 + …`."""
    parts = zip(STAGES, latency.parts, strict=True)
    return f"  {seconds(latency.voice_to_voice_s)} = " + " + ".join(f"{name} {part:.2f}" for (name, _), part in parts)


def _flat(text: str) -> str:
    return " ".join(text.split())


class PlainScreen(LineScreen):
    """Prints a line for each event at once, and asks what is typed."""

    def __init__(self, out: TextIO, input_fd: int | None, stderr_log: Path | None = None) -> None:
        """Redirect stderr, where native libraries write, to `stderr_log` so that it does not break the lines."""
        super().__init__(out, input_fd)
        self._stderr_log = stderr_log
        self._exits = ExitStack()
        self._view = ViewModel()

    def __enter__(self) -> Self:
        if self._stderr_log is not None:
            self._exits.enter_context(stderr_to(self._stderr_log))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        super().__exit__(kind, error, trace)
        self._exits.close()

    def show(self, event: Event) -> None:
        """Print the lines for an event."""
        self._view = self._view.apply(event)
        self._input.observe(event)
        for line in lines_of(event, self._view):
            print(line, file=self._out, flush=True)
