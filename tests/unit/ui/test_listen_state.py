"""To whom the assistant listens, as the screens tell it."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.ui.test_live_frame import console
from tests.unit.ui.turns import ASKED, READY, TEXT_ONLY, ended, view_of
from voicecli.events import AwakeChanged, Event, HoldChanged, MuteChanged
from voicecli.ui.frame import Scene, frame
from voicecli.ui.line_editor import Line
from voicecli.ui.plain import lines_of
from voicecli.ui.view import ViewModel

BY_KEY = replace(READY, mode="push-to-talk")
BY_PHRASE = replace(READY, mode="wake-phrase", wake_phrase="hey\x1b computer")

HELD, UP = HoldChanged(at_s=1, held=True), HoldChanged(at_s=2, held=False)
AWAKE, ASLEEP = AwakeChanged(at_s=1, awake=True), AwakeChanged(at_s=2, awake=False)


def drawn(scene: Scene, width: int = 80) -> list[str]:
    return [line.plain.rstrip() for line in frame(scene, console(width, 24), width, 24)]


def footer(*events: Event, tapped: bool = False, line: Line | None = None) -> str:
    return drawn(Scene(view_of(*events), line, tapped=tapped))[-1]


def test_the_key_that_fits_the_state_is_shown() -> None:
    assert footer(BY_KEY).startswith(" hold space to talk   t type")
    assert footer(BY_KEY, HELD).startswith(" release space to send")
    assert footer(BY_KEY, HELD, tapped=True).startswith(" space to send")
    assert footer(BY_KEY, HELD, UP).startswith(" hold space to talk")
    assert footer(BY_KEY, MuteChanged(at_s=1, muted=True)).startswith(" m unmute")
    assert "hold space to talk" in footer(BY_KEY, *ASKED, ended())
    assert footer(READY).startswith(" space mute")
    assert footer(BY_PHRASE).startswith(" space mute")


def test_while_something_is_typed_the_space_bar_makes_spaces() -> None:
    assert "hold space to talk" in footer(BY_KEY, line=Line())
    assert "space" not in footer(BY_KEY, line=Line("a", 1))
    assert "space" not in footer(replace(TEXT_ONLY, mode="push-to-talk"), line=Line())


def test_the_state_shows_the_listening_mode() -> None:
    assert view_of(BY_KEY).state == "Ready"
    assert view_of(BY_KEY, HELD).state == "Hearing"
    assert view_of(BY_KEY, HELD, UP).state == "Ready"
    assert view_of(BY_PHRASE).state == "Asleep"
    assert view_of(BY_PHRASE, AWAKE).state == "Listening"
    assert view_of(BY_PHRASE, AWAKE, ASLEEP).state == "Asleep"
    assert view_of(READY).state == "Listening"


def test_while_asleep_the_hint_names_the_wake_phrase() -> None:
    shown = "\n".join(drawn(Scene(view_of(BY_PHRASE))))
    assert "○ Asleep" in shown
    assert 'say "hey\N{REPLACEMENT CHARACTER} computer"' in shown
    assert "\x1b" not in shown
    assert 'say "' not in "\n".join(drawn(Scene(view_of(BY_PHRASE, AWAKE, *ASKED))))


def test_the_welcome_says_how_to_begin() -> None:
    assert any("Hold the space bar" in line for line in drawn(Scene(view_of(BY_KEY))))
    assert any("and your question" in line for line in drawn(Scene(view_of(BY_PHRASE))))
    assert any("Say something" in line for line in drawn(Scene(view_of(READY))))


def test_the_plain_screen_shows_the_listening_mode_too() -> None:
    def reported(*events: Event) -> list[str]:
        view = ViewModel()
        lines: list[str] = []
        for event in events:
            view = view.apply(event)
            lines += lines_of(event, view)
        return lines

    assert reported(BY_KEY, HELD, UP)[-2:] == [
        "Ready (Mic): press Enter to start speaking, and again to send",
        "Listening: press Enter to send",
    ]
    clean = replace(BY_PHRASE, wake_phrase="hey computer")
    assert reported(clean, AWAKE, ASLEEP)[-3:] == [
        'Asleep (Mic): say "hey computer" and your question',
        "(awake)",
        "(asleep)",
    ]
