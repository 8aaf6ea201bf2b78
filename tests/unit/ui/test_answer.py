"""Answers in a pipe and on a terminal, and which Markdown blocks are settled while a text grows."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Sequence

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console
from rich.markdown import Markdown

from voicecli.replay import virtual_time
from voicecli.ui.answer import MarkdownAnswer, PlainAnswer, open_answer, settled_chars

ANSWER = """# Trains

The **first** one leaves at `9:05`. It is a long sentence, so that it has to go over more than one line of the screen.

1. Buy a ticket
2. Board

```python
for train in trains:
    print(train.leaves_at)
```

| Train | Leaves |
|---|---|
| 1 | 9:05 |
| 2 | 10:05 |

> That is all.
"""
STORY = "\n\n".join(f"Paragraph {number}: " + "words and more words " * 9 for number in range(30))
CODE = "Code:\n\n```\n" + "\n".join(f"line {number}" for number in range(60)) + "\n```\n\nThat was it."


class Terminal:
    """A terminal of 60 by 12 cells with all that has scrolled out of it."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.console = Console(file=self.out, width=60, height=12, force_terminal=True, color_system="standard")

    def lines(self) -> list[str]:
        screen = pyte.HistoryScreen(60, 12, history=2000, ratio=0.5)
        write = pyte.Stream(screen).feed
        write(self.out.getvalue().replace("\n", "\r\n"))
        past = ["".join(row[column].data for column in range(60)) for row in screen.history.top]
        return [line.rstrip() for line in [*past, *screen.display]]


def stripped(lines: Sequence[str]) -> list[str]:
    """Without the empty lines at the end."""
    return list(reversed([*itertools.dropwhile(lambda line: not line, reversed(lines))]))


def solid(lines: Sequence[str]) -> list[str]:
    """Without empty lines: between two blocks there may be one where Rich would put none."""
    return [line for line in lines if line]


def at_once(text: str) -> list[str]:
    terminal = Terminal()
    terminal.console.print(Markdown(text))
    return solid(terminal.lines())


def grown(text: str, step: int, notes_at: Sequence[int] = ()) -> Terminal:
    """The terminal after an answer that came `step` characters at a time, fifty times a second."""
    terminal = Terminal()

    async def main() -> None:
        page = MarkdownAnswer(terminal.console, terminal.out)
        for at in range(0, len(text), step):
            page.write(text[at : at + step])
            if at in notes_at:
                page.note(f"note at {at}")
            await asyncio.sleep(0.02)
        page.close()
        page.close()

    virtual_time.run(main())
    return terminal


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize("text", [ANSWER, STORY, CODE], ids=["answer", "story", "code"])
def test_an_answer_is_whole_at_the_end_and_no_line_is_there_twice(text: str, step: int) -> None:
    assert solid(grown(text, step).lines()) == at_once(text)


def test_a_note_stands_above_what_still_changes() -> None:
    lines = solid(grown(ANSWER, 1, notes_at=[40]).lines())
    assert lines.count("note at 40") == 1
    assert [line for line in lines if line != "note at 40"] == at_once(ANSWER)


def test_an_answer_is_visible_before_it_is_complete() -> None:
    terminal = Terminal()

    async def main() -> None:
        page = MarkdownAnswer(terminal.console, terminal.out)
        page.write("One")
        assert "One" in terminal.lines()
        page.write(" more")
        await asyncio.sleep(0.2)
        assert "One more" in terminal.lines()
        page.write("\n\n\nTwo")
        await asyncio.sleep(0.2)
        assert stripped(terminal.lines()) == ["One more", "", "Two"]
        page.close()

    virtual_time.run(main())
    assert stripped(terminal.lines()) == ["One more", "", "Two"]


def test_a_key_that_was_echoed_leaves_no_trace() -> None:
    terminal = Terminal()

    async def main() -> None:
        page = MarkdownAnswer(terminal.console, terminal.out)
        page.write("One")
        terminal.out.write("^C")
        page.close()

    virtual_time.run(main())
    assert stripped(terminal.lines()) == ["One"]


def test_control_sequences_of_a_model_are_removed() -> None:
    assert "\x1b]0;" not in grown("\x1b]0;title\x07 text", 1).out.getvalue()


def test_a_pipe_gets_the_text_as_it_is_and_an_end_of_line() -> None:
    out, err = io.StringIO(), io.StringIO()
    page = open_answer(out, err, silent=False)
    for part in ("# One\n", "", "**two**"):
        page.write(part)
    page.note("beside it")
    page.close()
    page.close()
    assert out.getvalue() == "# One\n**two**\n"
    assert err.getvalue() == "beside it\n"


def test_an_empty_answer_is_no_line() -> None:
    out = io.StringIO()
    PlainAnswer(out, out).close()
    assert out.getvalue() == ""


def test_a_silent_answer_writes_only_notes() -> None:
    out, err = io.StringIO(), io.StringIO()
    page = open_answer(out, err, silent=True)
    page.write("text")
    page.note("beside it")
    page.close()
    assert (out.getvalue(), err.getvalue()) == ("", "beside it\n")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("term", "kind"), [("xterm-256color", MarkdownAnswer), ("dumb", PlainAnswer)])
def test_only_a_terminal_that_can_draw_is_drawn_on(term: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    assert type(open_answer(Tty(), io.StringIO(), silent=False)) is kind


TEXTS = (
    "A line,\nand the same paragraph.\n\nAnother one.\n",
    "Heading\n=======\n\ntext\n---\nmore\n",
    "- one\n- two\n\n  still two\n\n- three\n\nA paragraph.\n",
    "1. one\n2. two\n10. ten\ntext\n\nEnd.\n",
    "Before\n```python\nx = 1\n\n\ny = 2\n```\nAfter\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter\n\n| c |\n",
    "> quoted\nlazily\n\n***bold***\n\n***\n\n    code\n\ntext",
    "para\n***bold and italic*** goes on\n\nEnd.\n",
)


def drawn(text: str) -> str:
    return str(MarkdownIt().enable(["table", "strikethrough"]).render(text))


@pytest.mark.parametrize("text", TEXTS)
def test_settled_blocks_never_change_and_never_come_back(text: str) -> None:
    settled = 0
    for length in range(len(text) + 1):
        now = settled_chars(text[:length])
        assert now >= settled
        assert now <= length
        settled = now
        assert drawn(text[:settled]) + drawn(text[settled:]) == drawn(text), text[:settled]
    assert settled > 0


@given(st.lists(st.sampled_from([*"ab*-#>|`=1. \n", "```\n", "\n\n", "- ", "|-|\n"]), max_size=24).map("".join))
def test_settled_blocks_never_change_for_any_markup(text: str) -> None:
    for length in range(len(text) + 1):
        settled = settled_chars(text[:length])
        assert drawn(text[:settled]) + drawn(text[settled:]) == drawn(text), text[:settled]


def test_a_text_without_an_end_of_line_is_open() -> None:
    assert settled_chars("") == 0
    assert settled_chars("One sentence") == 0
    assert settled_chars("One.\n\nTwo") == 0
    assert settled_chars("One.\n\nTwo\n") == len("One.\n\n")
