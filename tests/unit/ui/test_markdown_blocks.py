"""What is settled of a growing Markdown text stays as it was drawn, whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from voicecli.ui.blocks import settled_chars

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
def test_so_it_is_for_any_marks(text: str) -> None:
    for length in range(len(text) + 1):
        settled = settled_chars(text[:length])
        assert drawn(text[:settled]) + drawn(text[settled:]) == drawn(text), text[:settled]


def test_a_text_without_an_end_of_line_is_open() -> None:
    assert settled_chars("") == 0
    assert settled_chars("One sentence") == 0
    assert settled_chars("One.\n\nTwo") == 0
    assert settled_chars("One.\n\nTwo\n") == len("One.\n\n")
