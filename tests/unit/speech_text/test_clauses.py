"""Where a text may be cut, and when that is certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.clauses import ClauseEnd, Strength, clause_ends


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
