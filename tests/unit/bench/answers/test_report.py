"""Answers become metrics, counts, a table and a plot."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest

from tests.bench_results import result
from voicecli.bench.answers.grade import CallMade
from voicecli.bench.answers.plot import score_plot, score_points
from voicecli.bench.answers.questions import Question
from voicecli.bench.answers.report import (
    Answered,
    Graded,
    answers_of,
    counts,
    graded,
    listed_changes,
    metrics,
    says_result,
    score,
)
from voicecli.bench.compare import compare
from voicecli.bench.result import ANSWERS, PROCESS, Count, Metric, Result
from voicecli.bench.tables import count_table, measurement_tables
from voicecli.errors import EngineError

KNOWN = Question(category="knowledge", ask="What's the capital of Canada?", any=("ottawa",))
UNKNOWN = Question(category="unknown", ask="Is it raining here?", cannot_know=True)
SPANISH = Question(category="languages", ask="¿Capital de Alemania?", language="es", any=("berlin",))
SUM = Question(category="tools", ask="What's 4812 times 37?", call="calculate", number=178044)
HELLO = Question(category="tools", ask="Good morning!", call="none")
HI, BYE = (Question(category="conversation", ask=text, answered=True) for text in ("Hi!", "Bye!"))
QUESTIONS = (KNOWN, UNKNOWN, SPANISH, SUM, HELLO, HI, BYE)
PRODUCT = (CallMade("calculate", '{"expression": "4812*37"}', "done", "178044"),)


def answers(model: str = "small", tps: float | None = 20.0) -> list[Answered]:
    def of(question: Question, text: str, calls: tuple[CallMade, ...] = (), failed: str = "") -> Answered:
        return Answered(model, question.name, text, calls, 0.2, tps, failed)

    return [
        of(KNOWN, "It is Ottawa."),
        of(UNKNOWN, "Yes, it is raining."),
        of(SPANISH, "Es Berlín."),
        of(SUM, "That is 178,044.", PRODUCT),
        of(HELLO, "Good morning! It is noon.", (CallMade("current_time", "{}", "done", "12:00"),)),
        of(HI, "I am fine, thank you."),
        of(BYE, "I am fine, thank you."),
    ]


def of_models(**found: list[Graded]) -> Result:
    """Return the result of several models."""
    made = result(
        ANSWERS,
        [one for model, mine in found.items() for one in metrics(model, mine)],
        [one for model, mine in found.items() for one in counts(model, mine)],
        [],
    )
    return dataclasses.replace(made, events=tuple(one.as_event() for mine in found.values() for one in mine))


def test_a_score_has_what_was_right_and_what_was_wrong() -> None:
    found = score("small", graded(QUESTIONS, answers()))
    assert (found.right, found.asked, found.invented) == (4, 7, 1)
    assert found.categories["tools"] == (1, 2)
    assert found.categories["conversation"] == (1, 2)
    assert (found.loops, found.markdown, found.wrong_language) == (0, 0, 0)
    assert (found.words, found.first_token_s, found.writing_tps) == (4, 0.2, 20.0)


def test_counts_are_of_those_that_were_asked() -> None:
    mine = list(counts("small", graded(QUESTIONS, answers())))
    found: dict[str, tuple[object, ...]] = {one.name: (one.value, one.out_of, one.better) for one in mine}
    assert found["right"] == (4, 7, "higher")
    assert found["right: languages, es"] == (1, 1, "higher")
    assert found["invented"] == (1, 1, "lower")
    assert found["meaningless"] == (1, 7, "lower")
    assert found["right calls"] == found["results said"] == (1, 1, "higher")
    assert found["false calls"] == (1, 1, "lower")
    only_known = {one.name for one in counts("small", graded([KNOWN], answers()))}
    assert not only_known & {"invented", "right calls", "false calls", "right: tools"}
    no_right_call = graded([SUM], [dataclasses.replace(answers()[3], calls=())])
    assert "results said" not in {one.name for one in counts("small", no_right_call)}


def test_a_result_is_said_by_any_words_unless_a_number_was_asked_for() -> None:
    timer = Question(category="tools", ask="Set a timer for a minute.", call="set_timer", seconds=60)
    call = CallMade("set_timer", '{"minutes": 1}', "done", "The timer is set.")
    said, silent = (graded([timer], [Answered("small", timer.name, text, (call,))])[0] for text in ("It is set.", ""))
    assert says_result(said)
    assert not says_result(silent)
    wrong = dataclasses.replace(answers()[3], text="That is 178.")
    assert not says_result(graded([SUM], [wrong])[0])


def test_an_answer_that_failed_is_wrong_and_has_no_times() -> None:
    failed = Answered("small", KNOWN.name, "It is Ottawa", failed="the server went away")
    (found,) = graded(QUESTIONS, [failed])
    assert (found.grade.right, found.grade.why, found.grade.meaningless) == (False, "the server went away", True)
    first, pace, words = metrics("small", [found])
    assert first.samples == pace.samples == ()
    assert words == Metric("small", "words", "", (0.0,), "neither", (KNOWN.name,))
    assert score("small", [found]).writing_tps is None


def test_the_first_token_after_a_call_is_no_time_of_the_model() -> None:
    first, _, words = metrics("small", graded(QUESTIONS, answers()))
    assert (len(first.samples), len(words.samples)) == (5, 7)
    assert SUM.name not in first.of


def test_each_model_has_its_own_conversation() -> None:
    again = [one for model in ("small", "large") for one in answers(model) if one.question == HI.name]
    assert all(one.grade.right for one in graded(QUESTIONS, again))


def test_answers_are_read_back_from_a_result() -> None:
    made = of_models(small=graded(QUESTIONS, answers()))
    assert answers_of(made) == answers()
    assert graded([KNOWN], answers_of(made)) == graded([KNOWN], answers())


def test_changes_are_named() -> None:
    before = graded(QUESTIONS, answers())
    after = graded(
        QUESTIONS,
        [
            dataclasses.replace(answers()[0], text="It is Toronto."),
            dataclasses.replace(answers()[1], text="I do not know."),
            *answers()[2:],
            answers("large")[0],
        ],
    )
    gained, lost = listed_changes(before, after)
    assert gained == ["unknown: Is it raining here? (small)"]
    assert lost == ["knowledge: What's the capital of Canada? (small)"]


def test_the_table_has_a_column_for_each_model() -> None:
    made = of_models(small=graded(QUESTIONS, answers()), large=graded([KNOWN], answers("large")))
    made = dataclasses.replace(made, counts=(*made.counts, Count(PROCESS, "CPU time", 2.0, unit="s")))
    (table,) = measurement_tables(made)
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.head == ("", "small", "large")
    assert rows["right"] == ("4 of 7", "1 of 1")
    assert rows["right: tools"] == ("1 of 2", "–")
    assert rows["first token, ms"] == ("200", "200")
    process = count_table(made)
    assert process is not None
    assert process.rows == (("CPU time", "2 s"),)
    assert count_table(of_models(small=graded(QUESTIONS, answers()))) is None


def test_a_model_that_answers_more_is_better() -> None:
    bad = [dataclasses.replace(one, text="Tea.", question=f"{one.question}{n}") for n in range(6) for one in answers()]
    questions = [Question(category="knowledge", ask=f"{n}", any=("yes",)) for n in range(30)]
    old = graded(questions, [Answered("small", one.name, "Perhaps.") for one in questions])
    new = graded(questions, [Answered("small", one.name, "Yes.") for one in questions])
    assert graded(questions, bad) == []
    assert compare(of_models(small=old), of_models(small=new)).verdict == "better"


def test_the_plot_has_a_point_for_each_model_with_a_speed() -> None:
    silent = graded(QUESTIONS, answers("silent", None))
    made = of_models(small=graded(QUESTIONS, answers()), silent=silent, large=graded([KNOWN], answers("large", 8.0)))
    assert [(one.name, one.x, round(one.y)) for one in score_points(made)] == [("small", 20.0, 57), ("large", 8.0, 100)]
    drawn = score_plot(made)
    assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    for text in ("1 small: 20 1/s, 57.1 %", "2 large: 8 1/s, 100.0 %", "#1c2024"):
        assert text in drawn
    assert "var(" not in drawn
    with pytest.raises(EngineError, match="nothing to plot"):
        score_plot(of_models(silent=silent))
