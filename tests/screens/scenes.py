"""What is shown and pressed before somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.screens.glass import Stage
from tests.unit.ui.turns import (
    ONE,
    READY,
    TEXT_ONLY,
    TWO,
    audible,
    ended,
    partial,
    paused,
    spoken_up_to,
    started,
    token,
)
from tests.unit.ui.turns import transcribed as words
from voicecli.events import (
    AnswerReplayed,
    ComponentChanged,
    Event,
    LevelMeasured,
    ModelDownload,
    ModelOffered,
    MuteChanged,
    Notice,
    TurnDone,
    TurnInterrupted,
    UserTyped,
)
from voicecli.slash.commands import help_text
from voicecli.types import TurnId

ANSWER = """\
Three cities, and how to count them:

| City | Country | People |
|---|---|---:|
| Paris | France | 2,100,000 |
| Lyon | France | 520,000 |
| Ghent | Belgium | 270,000 |

```python
for city in ("Paris", "Lyon", "Ghent"):
    print(city)
```

That is **all** there is to it.
"""

HERE = replace(
    READY,
    microphone="Jabra Link 380",
    speaker="Jabra Link 380",
    stt="whisper-base int8 cpu",
    llm="smollm2-135m-instruct",
    tts="kokoro-v1.0-int8 af_heart",
    llm_why="runs inside voicecli, no server needed",
)

SPOKEN: tuple[Event, ...] = (
    started(),
    partial("How high is", "the tower?"),
    paused(),
    words("How high is the tower?"),
    ended(),
    token("It is 330 metres high, "),
    token("as of today."),
    audible(),
)

WHOLE: tuple[Event, ...] = (*SPOKEN, TurnDone(at_s=6, turn=ONE, spoken=""))


def levels() -> list[Event]:
    return [LevelMeasured(at_s=tick / 10, level_db=-60.0 + 2 * tick) for tick in range(24)]


def long_talk() -> list[Event]:
    """Twenty exchanges."""
    events: list[Event] = []
    for number in range(1, 21):
        turn = TurnId(100 + number)
        events += [
            UserTyped(at_s=number, turn=turn, text=f"Question {number}?"),
            token(f"Answer {number}.", turn),
            TurnDone(at_s=number + 0.5, turn=turn, spoken=""),
        ]
    return events


def starting(stage: Stage) -> None:
    stage.show(Notice(at_s=0, text="Loading the models…", passing=True))


def first(stage: Stage) -> None:
    stage.show(HERE, *levels())


def hearing(stage: Stage) -> None:
    stage.show(HERE, *levels(), *SPOKEN[:2])


def speaking(stage: Stage) -> None:
    stage.show(HERE, *levels(), *SPOKEN, spoken_up_to(10))


def code_and_table(stage: Stage) -> None:
    asked = (UserTyped(at_s=1, turn=ONE, text="Which cities are there?"), token(ANSWER), audible(at_s=1.9))
    stage.show(HERE, *levels(), *asked, TurnDone(at_s=9, turn=ONE, spoken=""))


def scrolled_back(stage: Stage) -> None:
    stage.show(HERE, *levels(), *long_talk())
    stage.press("page-up", "wheel-up")


QUESTION = (
    "Get qwen2.5-coder-1.5b-instruct while we talk? 1.1 GB, 4 min at the speed of the last download; "
    "51 of 60 questions right, 21 now; writes about 8 tokens a second here (estimated)"
)


def offered(stage: Stage) -> None:
    offer = ModelOffered(at_s=1, name="qwen2.5-coder-1.5b-instruct", text=QUESTION)
    stage.show(replace(HERE, demo=True), *levels(), offer)


def downloading(stage: Stage) -> None:
    done = ModelDownload(
        at_s=7,
        name="qwen2.5-coder-1.5b-instruct",
        state="downloading",
        done_bytes=480_000_000,
        total_bytes=1_117_320_768,
        left_s=360.0,
    )
    stage.show(replace(HERE, demo=True), *levels(), *WHOLE, done)


def problems(stage: Stage) -> None:
    unavailable = ComponentChanged(
        at_s=7, component="speaker", condition="unavailable", name="", message="The speaker Jabra Link 380 is gone."
    )
    stage.show(HERE, *levels(), *WHOLE, unavailable)


def help_of_commands(stage: Stage) -> None:
    stage.show(HERE, *levels(), Notice(at_s=1, text=help_text()))


def typing_without_devices(stage: Stage) -> None:
    stage.show(replace(HERE, microphone="", speaker=""))
    stage.press(*"What is 漢字?", "left", "left")


SCENES: dict[str, Callable[[Stage], None]] = {
    "starting": starting,
    "first": first,
    "hearing": hearing,
    "speaking": speaking,
    "code-and-table": code_and_table,
    "scrolled-back": scrolled_back,
    "offered": offered,
    "downloading": downloading,
    "problems": problems,
    "help": help_of_commands,
    "typing": typing_without_devices,
}

FOOTERS: dict[str, tuple[Event, ...]] = {
    "starting": (),
    "listening": (HERE,),
    "hearing": (HERE, *SPOKEN[:2]),
    "thinking": (HERE, *SPOKEN[:-1]),
    "speaking": (HERE, *SPOKEN),
    "answered": (HERE, *WHOLE),
    "interrupted": (HERE, *SPOKEN, TurnInterrupted(at_s=5, turn=ONE, spoken="It is", reopened=False)),
    "repeating": (HERE, *WHOLE, AnswerReplayed(at_s=7, turn=TWO, text="It is"), audible(TWO, 7.1)),
    "muted": (HERE, *WHOLE, MuteChanged(at_s=7, muted=True)),
    "no microphone": (TEXT_ONLY,),
}
