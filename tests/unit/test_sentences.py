"""Where the answer is cut into pieces, and what each piece covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.clauses import ClauseEnd, Strength, clause_ends
from voicecli.conversation.sentences import MAX_PIECE_CHARS, MIN_PIECE_LETTERS, PieceBuffer
from voicecli.conversation.speakable import Span
from voicecli.types import Piece


def as_written(text: str) -> str:
    return text


def buffer(*texts: str, closed: bool = True) -> PieceBuffer:
    """Spans of plain prose, whose source is the text itself."""
    pieces = PieceBuffer(as_written)
    fed = 0
    for text in texts:
        fed += len(text)
        pieces.feed(Span(text, fed))
    if closed:
        pieces.close()
    return pieces


def take_all(pieces: PieceBuffer, budget_chars: int) -> list[Piece]:
    taken = []
    while (piece := pieces.take(budget_chars)) is not None:
        taken.append(piece)
    return taken


def texts(pieces: PieceBuffer, budget_chars: int = MAX_PIECE_CHARS) -> list[str]:
    return [piece.text for piece in take_all(pieces, budget_chars)]


# Clauses


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
        pytest.param(["This has really more than forty characters", "and goes on."], id="conjunction after a long run"),
        pytest.param(["A short run and more."], id="conjunction after a short run"),
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


def test_a_sentence_is_stronger_than_a_clause_is_stronger_than_a_conjunction() -> None:
    ends = clause_ends("A long beginning and then, at last. So", False, 10)
    assert [end.strength for end in ends] == [Strength.CONJUNCTION, Strength.CLAUSE, Strength.SENTENCE]


# Pieces


def test_the_first_piece_is_the_first_clause() -> None:
    pieces = buffer("The answer is simple, I think. It is this one. Isn't it?")
    assert texts(pieces) == ["The answer is simple,", "I think. It is this one. Isn't it?"]


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
def test_the_first_piece_is_short_but_not_tiny(text: str, first: str) -> None:
    piece = buffer(text).take(20)
    assert piece is not None
    assert piece.text == first


def test_nothing_is_taken_before_a_clause_is_complete() -> None:
    pieces = buffer("The answer is", closed=False)
    assert pieces.take(100) is None
    pieces.feed(Span(" simple,", 21))
    assert pieces.take(100) is None
    pieces.feed(Span(" I", 23))
    assert pieces.take(100) == Piece("The answer is simple,", 21)
    assert pieces.take(100) is None


def test_when_closed_the_rest_is_taken_finished_or_not() -> None:
    pieces = buffer("The answer is simple, I", closed=False)
    assert pieces.take(100) == Piece("The answer is simple,", 21)
    pieces.close()
    assert pieces.take(100) == Piece("I", 23)
    assert pieces.take(100) is None


def test_exhausted_means_closed_and_nothing_left_to_say() -> None:
    assert not buffer("", closed=False).exhausted
    assert not buffer("Something", closed=True).exhausted
    assert buffer(" …", closed=True).exhausted


def test_a_line_without_much_to_say_waits() -> None:
    pieces = buffer("Steps.\n", closed=False)
    assert pieces.take(100) is None
    pieces.feed(Span("Whisk the eggs.\n", 23))
    assert pieces.take(100) == Piece("Steps. Whisk the eggs.", 22)


def test_later_pieces_fill_the_budget() -> None:
    text = "First of all, one. " + "Then comes another sentence, here. " * 6
    assert texts(buffer(text), 110)[1] == "one. " + " ".join(["Then comes another sentence, here."] * 3)


def test_a_sentence_end_beyond_half_of_the_budget_is_preferred() -> None:
    text = "First of all, this sentence is over. This one goes on, and on, and on, and never comes to an end at all."
    assert texts(buffer(text), 44)[1] == "this sentence is over."
    assert texts(buffer(text), 36)[1] == "this sentence is over."


def test_an_early_sentence_end_is_not_preferred() -> None:
    text = "First of all, this is it. This one goes on for long, and on, and on, and never comes to an end."
    assert texts(buffer(text), 60)[1] == "this is it. This one goes on for long, and on, and on,"


def test_without_a_natural_end_in_the_second_half_the_last_one_is_taken() -> None:
    text = "First of all, this one was it. This goes on without any mark for very long until its very end."
    assert texts(buffer(text), 60)[1] == "this one was it."


def test_a_clause_beyond_the_budget_is_taken_whole() -> None:
    text = "First of all, this is longer than the budget is. And this is more."
    assert texts(buffer(text), 5)[1:] == ["this is longer than the budget is.", "And this is more."]


def test_a_clause_beyond_the_limit_is_cut_at_a_space() -> None:
    text = "word " * 70
    first, second = take_all(buffer(text), 1000)
    assert first == Piece(("word " * 40).strip(), 199)
    assert second == Piece(("word " * 30).strip(), 350)
    assert texts(buffer(text, closed=False))[0] == first.text


def test_a_single_long_word_stays_whole() -> None:
    word = "x" * 300
    assert texts(buffer(word)) == [word]
    assert texts(buffer(word, " and so it goes on")) == [word, "and so it goes on"]
    assert texts(buffer(word, closed=False)) == []


def test_a_crumb_joins_the_piece_before() -> None:
    assert texts(buffer("The answer is this. Bye!")) == ["The answer is this. Bye!"]
    assert texts(buffer("The answer is this. —")) == ["The answer is this. —"]


def test_what_cannot_be_said_is_left_out_at_the_end() -> None:
    pieces = buffer("The answer is this. So", closed=False)
    assert pieces.take(100) == Piece("The answer is this.", 19)
    pieces = buffer(" … ", "!")
    assert pieces.take(100) is None
    assert pieces.exhausted


def test_the_source_is_exact_within_prose_and_bounded_elsewhere() -> None:
    pieces = PieceBuffer(as_written)
    pieces.feed(Span("It is so here.\n", 20))
    pieces.feed(Span("I've put the code on screen. It is long.\n", 25))
    pieces.feed(Span("Then more of it.", 60))
    pieces.feed(Span("", 70))
    pieces.close()
    assert [piece.source_end for piece in take_all(pieces, 10)] == [19, 20, 70]


def test_pieces_are_said_as_a_person_would() -> None:
    pieces = PieceBuffer()
    pieces.feed(Span("It costs $5 in total.", 21))
    pieces.close()
    assert pieces.take(100) == Piece("It costs five dollars in total.", 21)


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
def test_every_piece_has_something_to_say_and_is_not_too_long(text: str, budget: int) -> None:
    for piece in texts(buffer(text), budget):
        assert any(map(str.isalnum, piece))
        crumb = piece[MAX_PIECE_CHARS:]
        assert sum(map(str.isalnum, crumb)) < MIN_PIECE_LETTERS


@given(_SPEAKABLE, st.lists(st.integers(0, 300)), _BUDGET)
def test_sources_grow_and_reach_the_end(text: str, at: list[int], budget: int) -> None:
    ends = [piece.source_end for piece in take_all(buffer(*chopped(text, at)), budget)]
    assert ends == sorted(ends)
    assert not ends or ends[-1] == len(text)


@given(_SPEAKABLE, st.lists(st.integers(0, 300)), _BUDGET)
def test_it_does_not_matter_how_spans_are_chopped(text: str, at: list[int], budget: int) -> None:
    assert take_all(buffer(*chopped(text, at)), budget) == take_all(buffer(text), budget)


@given(_SPEAKABLE, st.lists(_BUDGET, min_size=1))
def test_pieces_may_be_taken_while_the_text_grows(text: str, budgets: list[int]) -> None:
    pieces = buffer(closed=False)
    taken = []
    for at, char in enumerate(text, start=1):
        pieces.feed(Span(char, at))
        taken.append(pieces.take(budgets[at % len(budgets)]))
    pieces.close()
    said = [piece for piece in [*taken, *take_all(pieces, 50)] if piece is not None]
    assert [word for piece in said for word in piece.text.split() if any(map(str.isalnum, word))] == [
        word for word in text.split() if any(map(str.isalnum, word))
    ]
    assert [piece.source_end for piece in said] == sorted(piece.source_end for piece in said)
