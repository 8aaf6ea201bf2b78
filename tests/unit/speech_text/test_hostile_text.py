"""Text that is meant to hold up the loop: what waits, what is looked at and what is read stay short, whatever comes."""

from __future__ import annotations

import pytest

from voicecli.speech_text import clauses
from voicecli.speech_text.chunker import LONGEST_WORD_CHARS, MAX_PIECE_CHARS, SIGNS_CHARS, TextChunker
from voicecli.speech_text.markdown_blocks import Span, SpeechMarkdownFilter

CHARS = 10_000
MOST_SAID = MAX_PIECE_CHARS + LONGEST_WORD_CHARS + 2 * SIGNS_CHARS
SIGNS = ("-", "- ", "=", ".", ". ", ", ", "(", '"', "—", "。", "! ", ": ", "a.", "A. ", "1:", "a - ")


def rows(sign: str) -> tuple[str, ...]:
    row = sign * (CHARS // len(sign))
    return (row, f"{row}word", f"word {row}", f"{row}word {row}", f"{row[:500]}a{row}b")


@pytest.mark.parametrize("row", ["-", "=", "_ ", "- ", "a -", "a ="])
def test_no_row_of_signs_waits_for_its_end(row: str) -> None:
    mark = row[-1] if row[-1] != " " else row
    speakable = SpeechMarkdownFilter()
    fed, decided = row, 0
    for span in speakable.push(row):
        decided = span.source_end
    for _ in range(1000):
        fed += mark
        for span in speakable.push(mark):
            decided = span.source_end
        assert len(fed) - decided < 450, "a rule of two hundred marks with spaces between them, at most"
    assert decided


@pytest.mark.parametrize("sign", SIGNS)
def test_a_piece_is_short_whatever_it_is_made_of(sign: str) -> None:
    for text in rows(sign):
        said: list[str] = []

        def say(piece: str, said: list[str] = said) -> str:
            said.append(piece)
            return piece

        pieces = TextChunker(say)
        pieces.push(Span(text, len(text)))
        pieces.close()
        while not pieces.exhausted:
            piece = pieces.next_chunk(60)
            assert piece is not None
        assert max(map(len, said), default=0) <= MOST_SAID
        assert "".join(filter(str.isalnum, "".join(said))) == "".join(filter(str.isalnum, text))


def test_who_looks_back_from_a_full_stop_sees_a_bounded_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = clauses._is_abbreviated

    def counted(before: str, next_char: str) -> bool:
        seen.append(len(before))
        return original(before, next_char)

    monkeypatch.setattr(clauses, "_is_abbreviated", counted)
    assert len(list(clauses.clause_ends("A. " * 3000, is_complete=True, long_clause_chars=80))) > 0
    assert len(seen) > 2900
    assert max(seen) <= 100


def test_nobody_looks_for_clauses_where_nothing_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecli.speech_text.chunker.clause_ends", lambda *_: pytest.fail("it looked"))
    pieces = TextChunker()
    pieces.push(Span(". " * 5000, CHARS))
    assert pieces.next_chunk(60) is None
