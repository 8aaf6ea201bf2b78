"""Where the answer is cut into text chunks, and how much of it each one covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.chunker import (
    LONGEST_WORD_CHARS,
    MAX_TEXT_CHUNK_CHARS,
    MIN_TEXT_CHUNK_LETTERS,
    ClauseEnd,
    Strength,
    TextChunker,
    clause_ends,
    count_written_words,
)
from voicecli.speech_text.markdown_blocks import Span, SpeechMarkdownFilter
from voicecli.types import TextChunk


def as_written(text: str) -> str:
    return text


def buffer(*texts: str, closed: bool = True) -> TextChunker:
    """Spans of plain prose, whose source is the text itself."""
    text_chunks = TextChunker(as_written)
    fed = 0
    for text in texts:
        fed += len(text)
        text_chunks.push(Span(text, fed))
    if closed:
        text_chunks.close()
    return text_chunks


def take_all(text_chunks: TextChunker, budget_chars: int) -> list[TextChunk]:
    taken = []
    while (text_chunk := text_chunks.next_chunk(budget_chars)) is not None:
        taken.append(text_chunk)
    return taken


def texts(text_chunks: TextChunker, budget_chars: int = MAX_TEXT_CHUNK_CHARS) -> list[str]:
    return [text_chunk.text for text_chunk in take_all(text_chunks, budget_chars)]


def test_the_first_chunk_is_the_first_clause() -> None:
    text_chunks = buffer("The answer is simple, I think. It is this one. Isn't it?")
    assert texts(text_chunks) == ["The answer is simple,", "I think. It is this one. Isn't it?"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        pytest.param("Yes. That is so. There is more.", "Yes. That is so.", id="short sentence"),
        pytest.param("Sure, why not? There is more.", "Sure, why not?", id="short clause"),
        pytest.param("Yes.", "Yes.", id="nothing else comes"),
        pytest.param("This is what I would have said of it and no more.",
                     "This is what I would have said of it and no more.", id="conjunction too early"),
        pytest.param("This is what I would have said of such a thing and no more is known.",
                     "This is what I would have said of such a thing", id="conjunction"),
    ],
)  # fmt: skip
def test_the_first_chunk_is_short_but_not_tiny(text: str, first: str) -> None:
    text_chunk = buffer(text).next_chunk(20)
    assert text_chunk is not None
    assert text_chunk.text == first


def test_nothing_is_taken_before_a_clause_is_complete() -> None:
    text_chunks = buffer("The answer is", closed=False)
    assert text_chunks.next_chunk(100) is None
    text_chunks.push(Span(" simple,", 21))
    assert text_chunks.next_chunk(100) is None
    text_chunks.push(Span(" I", 23))
    assert text_chunks.next_chunk(100) == TextChunk("The answer is simple,", 21, (3, 10, 13, 21))
    assert text_chunks.next_chunk(100) is None


def test_when_closed_the_rest_is_taken_finished_or_not() -> None:
    text_chunks = buffer("The answer is simple, I", closed=False)
    assert text_chunks.next_chunk(100) == TextChunk("The answer is simple,", 21, (3, 10, 13, 21))
    text_chunks.close()
    assert text_chunks.next_chunk(100) == TextChunk("I", 23, (23,))
    assert text_chunks.next_chunk(100) is None


def test_exhausted_means_closed_and_nothing_left_to_say() -> None:
    assert not buffer("", closed=False).exhausted
    assert not buffer("Something", closed=True).exhausted
    assert buffer(" …", closed=True).exhausted


def test_a_line_without_much_to_say_waits() -> None:
    text_chunks = buffer("Steps.\n", closed=False)
    assert text_chunks.next_chunk(100) is None
    text_chunks.push(Span("Whisk the eggs.\n", 23))
    assert text_chunks.next_chunk(100) == TextChunk("Steps. Whisk the eggs.", 22, (6, 12, 16, 22))


def test_later_text_chunks_fill_the_budget() -> None:
    text = "First of all, one. " + "Then comes another sentence, here. " * 6
    assert texts(buffer(text), 110)[1] == "one. " + " ".join(["Then comes another sentence, here."] * 3)


def test_a_sentence_end_beyond_half_of_the_budget_is_preferred() -> None:
    text = "First of all, this sentence is over. This one goes on, and on, and on, and never comes to an end at all."
    assert texts(buffer(text), 44)[1] == "this sentence is over."
    assert texts(buffer(text), 36)[1] == "this sentence is over."


def test_an_early_sentence_end_is_not_preferred() -> None:
    text = "First of all, this one was it. This goes on for long, and on, and on, and never comes to an end."
    assert texts(buffer(text), 60)[1] == "this one was it. This goes on for long, and on, and on,"


def test_without_a_natural_end_in_the_second_half_the_last_one_is_taken() -> None:
    text = "First of all, this one was it. Then unmarked words run along quite very long, never ending here."
    assert texts(buffer(text), 60)[1] == "this one was it."


def test_a_clause_beyond_the_budget_is_cut_before_a_phrase_but_not_for_a_short_rest() -> None:
    text = "First of all, this goes on without any mark for quite a long time until its very end has come."
    assert texts(buffer(text), 40)[1:] == [
        "this goes on without any mark",
        "for quite a long time",
        "until its very end has come.",
    ]
    assert texts(buffer("First of all, this is longer than the budget by it."), 20)[1:] == [
        "this is longer than the budget by it."
    ]


def test_the_first_chunk_does_not_wait_for_the_end_of_a_long_clause() -> None:
    text = "I can certainly help you with that question about the weather"
    unfinished = TextChunker()
    unfinished.push(Span(text, len(text)))
    text_chunk = unfinished.next_chunk(0)
    assert text_chunk is not None
    assert text_chunk.text == "I can certainly help you"


def test_the_first_chunk_may_be_longer_where_that_costs_no_time() -> None:
    text = "The distance between the earth and the moon is about as far as nine times around the equator."

    def first(chars: int) -> str:
        return texts(begun(text, chars))[0]

    assert first(10) == "The distance"
    assert first(16) == "The distance between the earth"
    assert first(40) == "The distance between the earth and the moon is"
    assert first(200) == text


def test_later_text_chunks_do_not_heed_the_length_of_the_first() -> None:
    words = "It is far away. The distance between the earth and the moon is about as far as nine times around it."
    cut = [texts(begun(words, chars), 20)[1:] for chars in (10, 16, 200)]
    assert cut[0] == cut[1] == cut[2]


def begun(text: str, first_chunk_chars: int) -> TextChunker:
    text_chunks = TextChunker(as_written, first_chunk_chars)
    text_chunks.push(Span(text, len(text)))
    text_chunks.close()
    return text_chunks


def test_a_clause_beyond_the_budget_is_taken_whole() -> None:
    text = "First of all, this is longer than the budget is. And this is more."
    assert texts(buffer(text), 5)[1:] == ["this is longer than the budget is.", "And this is more."]


def test_a_clause_beyond_the_limit_is_cut_at_a_space() -> None:
    text = "word " * 70
    first, second = take_all(buffer(text), 1000)
    assert first == TextChunk(("word " * 40).strip(), 199, tuple(range(4, 200, 5)))
    assert second == TextChunk(("word " * 30).strip(), 350, (*range(204, 349, 5), 350))
    assert texts(buffer(text, closed=False))[0] == first.text


def test_a_single_long_word_stays_whole() -> None:
    word = "x" * 300
    assert texts(buffer(word)) == [word]
    assert texts(buffer(word, " and so it goes on")) == [word, "and so it goes on"]
    assert texts(buffer(word, closed=False)) == []


@pytest.mark.parametrize("after", ["", " and more words."])
def test_what_is_longer_than_any_word_is_cut(after: str) -> None:
    text_chunks = texts(buffer("x" * 1000 + after))
    assert max(map(len, text_chunks)) <= LONGEST_WORD_CHARS
    assert "".join(text_chunks).count("x") == 1000
    silent = texts(buffer("—" * 1000 + after + " end"))
    assert "".join(silent).endswith("end")


def test_a_crumb_joins_the_text_chunk_before() -> None:
    assert texts(buffer("The answer is this. Bye!")) == ["The answer is this. Bye!"]
    assert texts(buffer("The answer is this. —")) == ["The answer is this. —"]


def test_what_cannot_be_said_is_left_out_at_the_end() -> None:
    text_chunks = buffer("The answer is this. So", closed=False)
    assert text_chunks.next_chunk(100) == TextChunk("The answer is this.", 19, (3, 10, 13, 19))
    text_chunks = buffer(" … ", "!")
    assert text_chunks.next_chunk(100) is None
    assert text_chunks.exhausted


def test_the_source_is_exact_within_prose_and_bounded_elsewhere() -> None:
    text_chunks = TextChunker(as_written)
    text_chunks.push(Span("It is so here.\n", 20))
    text_chunks.push(Span("I've put the code on screen. It is long.\n", 25))
    text_chunks.push(Span("Then more of it.", 60))
    text_chunks.push(Span("", 70))
    text_chunks.close()
    assert [text_chunk.source_end for text_chunk in take_all(text_chunks, 10)] == [19, 20, 70]


def test_text_chunks_are_said_as_a_person_would() -> None:
    text_chunks = TextChunker()
    text_chunks.push(Span("It costs $5 in total.", 21))
    text_chunks.close()
    assert text_chunks.next_chunk(100) == TextChunk("It costs five dollars in total.", 21, (2, 8, 8, 11, 14, 21))


def test_a_word_between_marks_has_its_own_end() -> None:
    text_chunks = TextChunker(as_written)
    speakable = SpeechMarkdownFilter()
    written = "It is **noon** now, see [the clock](http://clock.example) there.\n"
    for span in [*speakable.push(written), *speakable.close()]:
        text_chunks.push(span)
    text_chunks.close()
    text_chunk, *_ = take_all(text_chunks, 100)
    said = [written[:end] for end in text_chunk.word_ends]
    assert said[:4] == ["It", "It is", "It is **noon", "It is **noon** now,"]


_WORDS = st.sampled_from(
    ["a", "Some", "words", "Dr.", "3.14", "1,000", "e.g.", "and", "longer,", "end.", "What?!", "—", "…", "好。"]
)
_SPACES = st.sampled_from([" ", " ", " ", "\n", "  "])
_SPEAKABLE = st.lists(st.tuples(_WORDS, _SPACES), max_size=80).map(lambda words: "".join(map("".join, words)))
_BUDGET = st.integers(1, 300)


def chopped(text: str, at: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(min(edge, len(text)) for edge in at)})
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@given(_SPEAKABLE, _BUDGET)
def test_nothing_is_lost_nor_said_twice(text: str, budget: int) -> None:
    expected = " ".join(text.split()) if any(map(str.isalnum, text)) else ""
    assert " ".join(texts(buffer(text), budget)) == expected


@given(_SPEAKABLE, _BUDGET)
def test_every_text_chunk_has_something_to_say_and_is_not_too_long(text: str, budget: int) -> None:
    for text_chunk in texts(buffer(text), budget):
        assert any(map(str.isalnum, text_chunk))
        crumb = text_chunk[MAX_TEXT_CHUNK_CHARS:]
        assert sum(map(str.isalnum, crumb)) < MIN_TEXT_CHUNK_LETTERS


@given(_SPEAKABLE, st.lists(st.integers(0, 300)), _BUDGET)
def test_sources_grow_and_reach_the_end(text: str, at: list[int], budget: int) -> None:
    ends = [text_chunk.source_end for text_chunk in take_all(buffer(*chopped(text, at)), budget)]
    assert ends == sorted(ends)
    assert not ends or ends[-1] == len(text)


@given(_SPEAKABLE, st.lists(st.integers(0, 300)), _BUDGET)
def test_it_does_not_matter_how_spans_are_chopped(text: str, at: list[int], budget: int) -> None:
    assert take_all(buffer(*chopped(text, at)), budget) == take_all(buffer(text), budget)


@given(_SPEAKABLE, st.lists(_BUDGET, min_size=1))
def test_text_chunks_may_be_taken_while_the_text_grows(text: str, budgets: list[int]) -> None:
    text_chunks = buffer(closed=False)
    taken = []
    for at, char in enumerate(text, start=1):
        text_chunks.push(Span(char, at))
        taken.append(text_chunks.next_chunk(budgets[at % len(budgets)]))
    text_chunks.close()
    said = [text_chunk for text_chunk in [*taken, *take_all(text_chunks, 50)] if text_chunk is not None]
    assert [word for text_chunk in said for word in text_chunk.text.split() if any(map(str.isalnum, word))] == [
        word for word in text.split() if any(map(str.isalnum, word))
    ]
    assert [text_chunk.source_end for text_chunk in said] == sorted(text_chunk.source_end for text_chunk in said)


@given(_SPEAKABLE, _BUDGET)
def test_each_word_has_an_end_in_the_source(text: str, budget: int) -> None:
    begin = 0
    for text_chunk in take_all(buffer(text), budget):
        assert len(text_chunk.word_ends) == len(text_chunk.text.split())
        ends = [begin, *text_chunk.word_ends, text_chunk.source_end]
        assert ends == sorted(ends)
        for word, end in zip(text_chunk.text.split()[:-1], text_chunk.word_ends, strict=False):
            assert text[:end].endswith(word)
        begin = text_chunk.source_end


def clauses(text: str, *, is_complete: bool = True, long_clause_chars: int = 40) -> list[str]:
    """The text, cut at every end."""
    edges = [0, *dict.fromkeys(end.at for end in clause_ends(text, is_complete, long_clause_chars))]
    return [text[a:b].strip() for a, b in zip(edges, edges[1:], strict=False)]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(["Yes,", "I do;", "look:", "it works.", "Really?", "Sure!", "Well…", "Bye"], id="marks"),
        pytest.param(["Well —", "maybe –", "or -", "not at all"], id="dashes"),
        pytest.param(["It is 3 - 2"], id="minus"),
        pytest.param(["She said \"no,\"", "then (quietly.)", "“Yes!”", "Fine."], id="closing quotes and brackets"),
        pytest.param(["What?!", "No way..."], id="runs of marks"),
        pytest.param(["He has 1,000.5 of them at 12:30.", "Good."], id="numbers"),
        pytest.param(["See a.b.com/x?y=1,2 now.", "Good."], id="addresses"),
        pytest.param(["Dr. Smith and Mrs. J. R. R. Jones vs. St. John."], id="names"),
        pytest.param(["See No. 5 of Jan. 3."], id="abbreviations before digits"),
        pytest.param(["No.", "I do not."], id="no is a word"),
        pytest.param(["Fruit, ", "e.g. apples, ", "i.e. approx. five etc. are here."], id="abbreviations in a clause"),
        pytest.param(["Come at 5 p.m.", "We eat then."], id="abbreviation that ends a sentence"),
        pytest.param(["In the U.S. Army at U.S. Bank."], id="dotted acronym"),
        pytest.param(["Take vitamin C.", "Then rest."], id="letter that ends a sentence"),
        pytest.param(["So do I.", "You too."], id="I is no initial"),
        pytest.param(["Use npm. it works."], id="small letter after a full stop"),
        pytest.param(["Well...", "maybe."], id="small letter after an ellipsis"),
        pytest.param(["Stop!", "he said."], id="small letter after an exclamation"),
        pytest.param(["One", "two", "three"], id="lines"),
        pytest.param(["等等，", "好。", "「对！」", "吗"], id="chinese"),
        pytest.param(["नमस्ते।", "आप कैसे हैं?", "राम ने कहा॥", "हाँ"], id="hindi"),
        pytest.param(["¡Hola!", "¿Qué tal?", "¡Bien!", "«¿Y tú?»", "Vale."], id="marks that open a sentence"),
        pytest.param(["La Sra. Ruiz y el Sig. Rossi."], id="names in other languages"),
        pytest.param(
            ["This has really more than forty characters", "and goes on for a while longer."],
            id="phrase after a long run",
        ),
        pytest.param(["This has really more than forty characters and goes on."], id="short phrase after a long run"),
        pytest.param(["A short run and more."], id="phrase after a short run"),
    ],
)  # fmt: skip
def test_clauses_end_where_a_reader_would_breathe(parts: list[str]) -> None:
    glue = {"One": "\n", "等等，": ""}.get(parts[0], " ")
    parts = [part.strip() for part in parts]
    assert clauses(glue.join(parts)) == parts


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        pytest.param("It is 3.", [], id="maybe a decimal"),
        pytest.param("It is 3. ", [], id="maybe a list"),
        pytest.param("It is 3. S", [8], id="a sentence"),
        pytest.param('It is. "', [], id="a quote may go on small"),
        pytest.param('It is. "A', [6], id="a quoted sentence"),
        pytest.param("It is 1,", [], id="maybe thousands"),
        pytest.param("Well, ", [5], id="comma and space"),
        pytest.param("Is it?", [], id="maybe ?!"),
        pytest.param("It is.\n", [6, 7], id="the line is over"),
        pytest.param("Well —", [], id="maybe a longer dash"),
        pytest.param("Well – ", [], id="maybe a minus"),
        pytest.param("好。", [], id="maybe a closing quote"),
    ],
)
def test_an_end_counts_as_soon_as_it_is_certain(text: str, ends: list[int]) -> None:
    assert [end.at for end in clause_ends(text, False, 40)] == ends


_TEXT = st.lists(
    st.sampled_from(["a", "Word", "and", "Dr", "5", "e.g", "I", *".,?!—-\"()好。", " ", " ", "\n"])
).map("".join)  # fmt: skip


@given(_TEXT, st.integers(0, 60))
def test_no_text_to_come_moves_an_end(text: str, seen: int) -> None:
    def ends(text: str, is_complete: bool) -> list[ClauseEnd]:
        return list(clause_ends(text, is_complete, 10))

    early = ends(text[:seen], False)
    assert ends(text, False)[: len(early)] == early
    assert ends(text, True)[: len(early)] == early


def test_a_sentence_is_stronger_than_a_clause_is_stronger_than_a_phrase() -> None:
    ends = clause_ends("A long beginning and then what was expected, at last. So", False, 10)
    assert [end.strength for end in ends] == [Strength.PHRASE, Strength.CLAUSE, Strength.SENTENCE]


@pytest.mark.parametrize("text", ["「本当！？」はい", "はい｡いいえ", "ठीक है।।फिर"])
def test_a_row_of_marks_ends_one_sentence(text: str) -> None:
    ends = list(clause_ends(text, True, 40))
    assert [end.strength for end in ends] == [Strength.SENTENCE] * 2


def test_a_mark_that_opens_is_not_what_follows() -> None:
    """A small letter after it goes on with the sentence, as it does without the mark."""
    (first, *_) = clause_ends("¡Vaya! ¿de verdad? Sí.", True, 40)
    assert first.strength is Strength.CLAUSE


WORDS = st.lists(st.sampled_from(["the", "a", "of", "three", "pounds", "£3", "tea"]), max_size=12)


@pytest.mark.parametrize(
    ("written", "spoken", "expected"),
    [
        ("It costs £3 now.", "It costs three pounds now.", [1, 2, 2, 3, 4]),
        ("See you on 3 May 2024 then.", "See you on the third of May twenty twenty-four then.", None),
        ("A-B and C", "A B and C", [0, 1, 2, 3]),
        ("one two * three", "one two three", [1, 2, 4]),
        ("Dr Who", "Doctor Who", [1, 2]),
        ("tea ***", "tea", [2]),
        ("***", "", []),
    ],
)
def test_words_that_differ_count_when_all_of_them_are_said(
    written: str, spoken: str, expected: list[int] | None
) -> None:
    covered = count_written_words(written.split(), spoken.split())
    assert covered == expected if expected is not None else covered[2] == 3 and covered[-2:] == [6, 7]


@given(WORDS)
def test_the_same_words_cover_each_other(words: list[str]) -> None:
    assert count_written_words(words, words) == list(range(1, len(words) + 1))


@given(WORDS, WORDS)
def test_the_voice_never_goes_back_and_covers_all_at_its_end(written: list[str], spoken: list[str]) -> None:
    covered = count_written_words(written, spoken)
    assert len(covered) == len(spoken)
    assert covered == sorted(covered)
    assert not covered or (covered[0] >= 0 and covered[-1] == len(written))
