"""Play a conversation on the screens, without a microphone, a model or a speaker.

python scripts/screen_demo.py                                    play the built-in conversation on the live screen
python scripts/screen_demo.py --ui plain                         the same on the plain screen
python scripts/screen_demo.py --svg shot.svg --size 160x48 --at 23.2
python scripts/screen_demo.py --events run.jsonl --svg shot.svg  a recorded conversation instead
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from voicecli.events import (
    Audible,
    Event,
    LevelMeasured,
    MuteChanged,
    PartialHeard,
    Ready,
    SpeechEnded,
    SpeechPaused,
    SpeechStarted,
    SpokenUpTo,
    Synthesized,
    TextChunkReady,
    TokenArrived,
    Transcribed,
    TurnDone,
    TurnInterrupted,
)
from voicecli.types import TurnId
from voicecli.ui.frame import Scene, frame
from voicecli.ui.jsonl import event_of
from voicecli.ui.open import open_screen
from voicecli.ui.picture import picture
from voicecli.ui.screen import Controls, ScreenKind
from voicecli.ui.view import ViewModel

TALK = (
    (
        "What is the tallest mountain in the solar system?",
        "Olympus Mons, on Mars. It is a shield volcano that rises about 22 kilometres above the plain around it, "
        "roughly two and a half times the height of Everest above the sea.",
        1.0,
    ),
    (
        "And could I climb it?",
        "The slope is gentle, about five degrees, so it would be a long walk rather than a climb. "
        "The trouble is the air: there is hardly any, and the summit reaches above most of it.",
        0.62,
    ),
    (
        "How do I count the lines of all Python files in a folder?",
        "You can do it with one command:\n\n```\nfind . -name '*.py' | xargs wc -l\n```\n\n"
        "The last line is the **total**. Files with spaces in their names need `-print0` and `xargs -0`.",
        1.0,
    ),
    (
        "Thanks. One more thing, what should I cook tonight with eggs, spinach and some old bread?",
        "Make a savoury bread pudding. Tear the bread, fold in wilted spinach, pour beaten eggs with a little milk "
        "over it and bake it for half an hour. Some cheese on top would not hurt, and it is better still the next day.",
        1.0,
    ),
)
"""Question, answer, and the share of the answer that is played before the user interrupts."""

STAGE_TIMES = (
    (0.21, 0.24, 0.18, 0.09, 0.21),
    (0.24, 0.19, 0.15, 0.11, 0.18),
    (0.23, 0.31, 0.22, 0.12, 0.26),
    (0.2, 0.26, 0.16, 0.1, 0.19),
)
"""Pause, stt, first token, first chunk and tts of each turn of TALK, in seconds."""


def built_in() -> Iterator[Event]:
    """Yield the events of TALK with the input levels, in order of time."""
    spoken = list(_spoken())
    voiced = [
        (a.at_s, b.at_s)
        for a in spoken
        if isinstance(a, SpeechStarted)
        for b in spoken
        if isinstance(b, SpeechPaused) and b.turn == a.turn
    ]
    levels = [
        LevelMeasured(at_s=tick / 10, level_db=_level(tick, any(start <= tick / 10 < end for start, end in voiced)))
        for tick in range(1, int(spoken[-1].at_s * 10) + 20)
    ]
    yield from sorted([*spoken, *levels], key=lambda event: event.at_s)


def _level(tick: int, is_voiced: bool) -> float:
    wave = abs(math.sin(tick * 1.7) * math.sin(tick * 0.45))
    return -44.0 + 30 * wave if is_voiced else -62.0 + 6 * wave


def _spoken() -> Iterator[Event]:
    yield Ready(
        at_s=0.0,
        microphone="Jabra Link 380",
        speaker="Jabra Link 380",
        stt="whisper small.en",
        llm="qwen3 1.7b",
        llm_why="runs inside voicecli, no server needed",
        tts="kokoro af_heart",
    )
    now_s = 1.0
    for number, ((question, answer, heard), stages) in enumerate(zip(TALK, STAGE_TIMES, strict=True), start=1):
        turn = TurnId(number)
        asked = list(_asked(turn, now_s, question, stages))
        yield from asked
        answered = list(_answered(turn, asked[-1].at_s, answer, heard, stages))
        yield from answered
        now_s = answered[-1].at_s + (0.1 if heard < 1 else 1.2)


def _asked(turn: TurnId, now_s: float, question: str, stages: tuple[float, ...]) -> Iterator[Event]:
    yield SpeechStarted(at_s=now_s, turn=turn, started_at_s=now_s - 0.1)
    words = question.split()
    for count in range(1, len(words) + 1):
        stable = max(count - 2, 0)
        now_s += 0.24
        yield PartialHeard(
            at_s=now_s, turn=turn, stable=" ".join(words[:stable]), unstable=" ".join(words[stable:count]).lower()
        )
    ended_s, now_s = now_s, now_s + stages[0]
    yield SpeechPaused(at_s=now_s, turn=turn, ended_at_s=ended_s, preparing=True)
    yield Transcribed(at_s=now_s + stages[1], turn=turn, text=question, language="en", audio_s=ended_s)
    yield SpeechEnded(at_s=now_s + stages[1] + 0.06, turn=turn, ended_at_s=ended_s)


def _answered(turn: TurnId, now_s: float, answer: str, heard: float, stages: tuple[float, ...]) -> Iterator[Event]:
    _, _, token_s, text_chunk_s, tts_s = stages
    now_s += token_s
    tokens = [answer[start : start + 4] for start in range(0, len(answer), 4)]
    marks: list[Event] = [
        TokenArrived(at_s=now_s + 0.03 * index, turn=turn, text=text) for index, text in enumerate(tokens)
    ]
    first = answer.index(".") + 1
    marks.append(TextChunkReady(at_s=now_s + text_chunk_s, turn=turn, text=answer[:first], source_end=first))
    marks.append(Synthesized(at_s=now_s + text_chunk_s + tts_s, turn=turn, text=answer[:first], audio_s=1.4, share=1.0))
    audible_s = now_s + text_chunk_s + tts_s + 0.03
    marks.append(Audible(at_s=audible_s, turn=turn))
    spoken = int(len(answer) * heard)
    ends = [end for end in range(1, spoken) if answer[end].isspace()] + [spoken]
    marks += [SpokenUpTo(at_s=audible_s + 0.055 * end, turn=turn, source_end=end) for end in ends]
    over_s = audible_s + 0.055 * spoken + 0.1
    yield from sorted((mark for mark in marks if mark.at_s < over_s), key=lambda event: event.at_s)
    yield (
        TurnDone(at_s=over_s, turn=turn, spoken=answer)
        if heard == 1
        else TurnInterrupted(at_s=over_s, turn=turn, spoken=answer[:spoken], reopened=False)
    )


async def play(events: list[Event], ui: ScreenKind, speed: float) -> None:
    """Show each event at its time, `speed` times faster."""
    start_s = time.monotonic()
    log_path = Path(tempfile.gettempdir(), "screen_demo.log")
    with open_screen(ui, lambda: (time.monotonic() - start_s) * speed, log_path) as screen:
        quitting = asyncio.Event()
        controls = Controls(
            set_muted=lambda muted: screen.show(MuteChanged(at_s=0, muted=muted)),
            interrupt=lambda: None,
            ask=lambda _: None,
            quit=quitting.set,
        )

        async def show_events() -> None:
            for event in events:
                await asyncio.sleep(max((event.at_s - events[0].at_s) / speed - (time.monotonic() - start_s), 0))
                screen.show(event)
            await asyncio.sleep(2)
            quitting.set()

        async with asyncio.TaskGroup() as group:
            running = [group.create_task(screen.run(controls)), group.create_task(show_events())]
            await quitting.wait()
            for task in running:
                task.cancel()


def main() -> None:
    """Play the events, or render one frame."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ui", choices=["live", "plain", "jsonl"], default="live")
    options.add_argument("--events", type=Path, help="play this file of JSON lines instead")
    options.add_argument("--speed", type=float, default=1.0)
    options.add_argument("--at", type=float, help="seconds after the first event at which the picture is taken")
    options.add_argument("--size", default="100x30", help="width x height of the picture, in cells")
    options.add_argument("--svg", type=Path, help="write a picture and end")
    options.add_argument("--text", action="store_true", help="print one frame as text and end")
    chosen = options.parse_args()
    events = [event_of(line) for line in chosen.events.read_text().splitlines()] if chosen.events else list(built_in())
    if not (chosen.svg or chosen.text):
        asyncio.run(play(events, chosen.ui, chosen.speed))
        return
    view = ViewModel()
    for event in events:
        if chosen.at is None or event.at_s - events[0].at_s <= chosen.at:
            view = view.apply(event)
    width, height = map(int, chosen.size.split("x"))
    if chosen.svg:
        chosen.svg.write_text(picture(Scene(view), width, height, "voicecli talk"))
    else:
        console = Console(width=width, height=height)
        console.print(*frame(Scene(view), console, width, height), sep="\n")


if __name__ == "__main__":
    main()
