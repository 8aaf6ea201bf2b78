"""Text that is meant to hold up the loop: what waits, what is looked at and what is read stay short, whatever comes."""

from __future__ import annotations

import pytest

from voicecli.speech_text import chunker
from voicecli.speech_text.chunker import LONGEST_WORD_CHARS, MAX_TEXT_CHUNK_CHARS, SIGNS_CHARS, TextChunker
from voicecli.speech_text.markdown_blocks import Span, SpeechMarkdownFilter

CHARS = 10_000
MOST_SAID = MAX_TEXT_CHUNK_CHARS + LONGEST_WORD_CHARS + 2 * SIGNS_CHARS
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
def test_a_text_chunk_is_short_whatever_it_is_made_of(sign: str) -> None:
    for text in rows(sign):
        said: list[str] = []

        def say(text_chunk: str, said: list[str] = said) -> str:
            said.append(text_chunk)
            return text_chunk

        text_chunks = TextChunker(say)
        text_chunks.push(Span(text, len(text)))
        text_chunks.close()
        while not text_chunks.exhausted:
            text_chunk = text_chunks.next_chunk(60)
            assert text_chunk is not None
        assert max(map(len, said), default=0) <= MOST_SAID
        assert "".join(filter(str.isalnum, "".join(said))) == "".join(filter(str.isalnum, text))


def test_looking_back_from_a_period_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = chunker._is_abbreviated

    def counted(before: str, next_char: str) -> bool:
        seen.append(len(before))
        return original(before, next_char)

    monkeypatch.setattr(chunker, "_is_abbreviated", counted)
    assert len(list(chunker.clause_ends("A. " * 3000, is_complete=True, long_clause_chars=80))) > 0
    assert len(seen) > 2900
    assert max(seen) <= 100


def test_nobody_looks_for_clauses_where_nothing_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecli.speech_text.chunker.clause_ends", lambda *_: pytest.fail("it looked"))
    text_chunks = TextChunker()
    text_chunks.push(Span(". " * 5000, CHARS))
    assert text_chunks.next_chunk(60) is None
