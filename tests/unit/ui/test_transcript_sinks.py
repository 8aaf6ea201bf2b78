"""Dictated words: where they go, and what a terminal shows meanwhile."""

from __future__ import annotations

import io

import pyte
import pytest

from tests.defaults import SETTINGS
from voicecli.app.dictate import Dictating, session_of
from voicecli.commands.dictate import models_of
from voicecli.errors import EngineError
from voicecli.server.stt.protocol import Failure, Final, Partial, SpeechEnded, SpeechStarted, Timings
from voicecli.ui.transcript_sinks import BufferSink, ClipboardSink, DictationScreen, FileSink, open_transcript


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_utterance_is_a_line_at_once() -> None:
    out = io.StringIO()
    words = FileSink(out, joined=False)
    words.put("One.")
    assert out.getvalue() == "One.\n"
    words.put("Two.")
    words.close()
    assert out.getvalue() == "One.\nTwo.\n"


def test_a_paragraph_grows_and_ends_in_a_line_end() -> None:
    out = io.StringIO()
    words = FileSink(out, joined=True)
    words.close()
    assert out.getvalue() == ""
    words.put("One.")
    words.put("Two.")
    assert out.getvalue() == "One. Two."
    words.close()
    words.close()
    assert out.getvalue() == "One. Two.\n"


def test_a_paragraph_on_a_terminal_comes_at_the_end() -> None:
    out = io.StringIO()
    words = BufferSink(out)
    words.put("One.")
    words.put("Two.")
    assert out.getvalue() == ""
    words.close()
    words.close()
    assert out.getvalue() == "One. Two.\n"


@pytest.mark.parametrize(
    ("out", "err", "joined", "kind"),
    [
        (Tty(), Tty(), True, BufferSink),
        (Tty(), io.StringIO(), True, FileSink),
        (io.StringIO(), Tty(), True, FileSink),
        (Tty(), Tty(), False, FileSink),
    ],
)
def test_only_a_paragraph_between_changing_words_is_held(
    out: io.StringIO, err: io.StringIO, joined: bool, kind: type
) -> None:
    assert type(open_transcript(out, err, joined=joined)) is kind


def test_the_clipboard_holds_all_and_its_ways_are_reported_once() -> None:
    copied: list[str] = []
    err = io.StringIO()

    def copy(text: str) -> tuple[list[str], list[str]]:
        copied.append(text)
        return ["xclip"], ["the terminal: too long"] if len(copied) > 1 else []

    words = ClipboardSink(copy, err, joined=False)
    for text in ("One.", "Two.", "Three."):
        words.put(text)
    words.close()
    assert copied == ["One.", "One.\nTwo.", "One.\nTwo.\nThree."]
    assert err.getvalue() == "Copied via xclip\nNot copied via the terminal: too long\n"


def test_a_clipboard_that_takes_nothing_is_an_error() -> None:
    with pytest.raises(EngineError, match="copying to the clipboard failed: xclip: no display") as caught:
        ClipboardSink(lambda _: ([], ["xclip: no display"]), io.StringIO(), joined=True).put("One.")
    assert "--output" in caught.value.hint


class Screen:
    """A dictation whose stdout and stderr are one terminal of 40 by 6 cells."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, shows_words: bool = False) -> None:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "40")
        monkeypatch.setenv("LINES", "6")
        self.err = Tty()
        self.kept = self.err if not shows_words else io.StringIO()
        self.page = DictationScreen(self.err, [FileSink(self.kept, joined=False)], shows_words=shows_words)

    def lines(self) -> list[str]:
        screen = pyte.Screen(40, 6)
        write = pyte.Stream(screen).feed
        write(self.err.getvalue().replace("\n", "\r\n"))
        return [line.rstrip() for line in screen.display if line.strip()]


def test_words_change_in_place_and_stay_once_when_they_are_final(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch)
    screen.page.note("Listening (Mic)")
    screen.page.hear("", "")
    assert screen.lines() == ["Listening (Mic)", "…"]
    screen.page.hear("", "What is")
    screen.page.hear("What is", "the capitol of a country, however far away")
    assert screen.lines() == ["Listening (Mic)", "What is the capitol of a country,", "however far away …"]
    assert "\x1b[1mWhat is" in screen.err.getvalue()
    screen.page.finish("What is the capital?", "")
    assert screen.lines() == ["Listening (Mic)", "What is the capital?"]
    screen.page.hear("", "And")
    screen.page.pause()
    screen.page.close()
    assert screen.lines() == ["Listening (Mic)", "What is the capital?"]


def test_words_that_go_elsewhere_stay_on_the_screen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, shows_words=True)
    screen.page.finish("One.", "")
    assert screen.lines() == ["One."]
    assert screen.kept.getvalue() == "One.\n"


def test_what_held_no_words_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch)
    screen.page.finish("", "low confidence")
    screen.page.finish("", "")
    assert screen.lines() == ["(no words: low confidence)", "(no words)"]


def test_without_a_terminal_stderr_has_only_notes() -> None:
    out, err = io.StringIO(), io.StringIO()
    page = DictationScreen(err, [FileSink(out, joined=False)], shows_words=True)
    assert not page.live
    page.note("Listening (Mic)")
    page.hear("", "What")
    page.finish("What?", "")
    page.close()
    assert (out.getvalue(), err.getvalue()) == ("What?\n", "Listening (Mic)\n")


class Heard:
    """A page that records its calls."""

    live = True

    def __init__(self) -> None:
        self.reported: list[str] = []

    def note(self, text: str) -> None:
        self.reported.append(f"note {text}")

    def hear(self, stable: str, unstable: str) -> None:
        self.reported.append(f"{stable}|{unstable}")

    def pause(self) -> None:
        self.reported.append("pause")

    def finish(self, text: str, reason: str) -> None:
        self.reported.append(f"={text}{reason}")

    def close(self) -> None:
        raise AssertionError("the run closes it")


def utterance(number: int, text: str, from_s: float = 1.0, until_s: float = 2.0, reason: str = "") -> list[object]:
    timings = Timings(queue_ms=0, decode_ms=100, after_end_ms=100)
    return [
        SpeechStarted(utterance=number, at_s=from_s),
        Partial(utterance=number, stable="a", unstable="b"),
        SpeechEnded(utterance=number, at_s=until_s),
        Final(utterance=number, text=text, language="en", audio_s=1.0, reason=reason, timings=timings),
    ]


def reported(*events: object, once: bool = False) -> tuple[Dictating, list[str]]:
    page = Heard()
    dictating = Dictating(page, once=once)
    for event in events:
        dictating.hear(event)  # type: ignore[arg-type]
    return dictating, page.reported


def test_a_session_is_shown_as_it_goes() -> None:
    dictating, page = reported(*utterance(1, "One."), *utterance(2, "", 3.0, 4.0, "no speech"))
    assert page == ["|", "a|b", "=One.", "|", "a|b", "=no speech"]
    assert dictating.words


def test_too_short_speech_is_removed_from_the_screen() -> None:
    begun, _, _, final = utterance(1, "", reason="too short")
    dictating, page = reported(begun, final)
    assert page == ["|", "pause"]
    assert not dictating.words


def test_once_is_over_with_the_first_words() -> None:
    wordless, words, late = utterance(1, ""), utterance(2, "Two.", 3.0, 4.0), utterance(3, "Three.", 5.0, 6.0)
    assert reported(*wordless, *words, *late, once=True)[1] == ["|", "a|b", "=", "|", "a|b", "=Two."]


def test_an_utterance_that_could_not_be_decoded_is_reported_and_the_next_one_goes_on() -> None:
    broken = Failure(utterance=1, code="engine", message="it broke")
    _, page = reported(*utterance(1, "")[:2], broken, *utterance(2, "Two.", 3.0, 4.0))
    assert page == ["|", "a|b", "=it broke", "|", "a|b", "=Two."]


def test_a_session_hears_as_the_settings_say() -> None:
    assert session_of(SETTINGS, partials=True).endpoint == SETTINGS.listen.endpoint
    assert session_of(SETTINGS, partials=True).partials
    hasty = SETTINGS.model_copy(update={"listen": SETTINGS.listen.model_copy(update={"end_ms": 100})})
    assert session_of(hasty, partials=False).silence_ms == 250


def test_a_model_for_the_end_of_a_turn_is_needed_only_where_it_decides() -> None:
    assert models_of(SETTINGS) == [SETTINGS.stt.model, SETTINGS.listen.endpoint_model]
    silence = SETTINGS.model_copy(update={"listen": SETTINGS.listen.model_copy(update={"endpoint": "silence"})})
    assert models_of(silence) == [SETTINGS.stt.model]
