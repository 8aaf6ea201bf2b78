"""Good and bad answers for each kind of rule."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.bench.answers.grade import CallMade, Grade, grade
from voicecli.bench.answers.questions import Question, read_battery

CAPITAL = Question(ask="What's the capital of Canada?", any=("ottawa",), none=("it is toronto",))
SUM = Question(ask="What is seventeen times three?", number=51)
MILES = Question(ask="How many miles are ten kilometers?", number=6.2, within=0.3)
CATS = Question(ask="What are my cats called?", all=("tiger", "luna"))
ONE_WORD = Question(ask="One word: the color of snow?", any=("white",), max_words=2)
WEATHER = Question(ask="Is it raining here?", cannot_know=True, none=("it is (currently )?rain",))
JOKE = Question(ask="Tell me a joke.", min_words=4, answered=True)
SPANISH = Question(ask="¿Cuánto es ocho por siete?", language="es", number=56)
TRANSLATION = Question(ask="Translate into French: thank you.", language="", any=("merci",))
CHINESE = Question(ask="中国的首都是哪里？", language="zh", any=("北京",))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (CAPITAL, "It's Ottawa."),
        (SUM, "Seventeen times three is fifty-one."),
        (SUM, "17 × 3 = 51"),
        (MILES, "About 6.21 miles."),
        (MILES, "A little more than six point two."),
        (CATS, "They are called Tiger and Luna."),
        (ONE_WORD, "White."),
        (WEATHER, "I can’t see the weather where you are."),
        (WEATHER, "I don't have access to that."),
        (JOKE, "Why did the chicken cross the road? To get away."),
        (SPANISH, "Ocho por siete es cincuenta y seis."),
        (SPANISH, "Es 56."),
        (TRANSLATION, "Thank you is merci beaucoup."),
        (CHINESE, "中国的首都是北京。"),
    ],
)
def test_a_good_answer_is_right(question: Question, answer: str) -> None:
    found = grade(question, answer)
    assert found.right, found.why
    assert not found.meaningless
    assert not found.invented


@pytest.mark.parametrize(
    ("question", "answer", "why"),
    [
        (CAPITAL, "It is Toronto.", "none of ottawa"),
        (CAPITAL, "It is Toronto, not Ottawa.", "with it is toronto"),
        (CAPITAL, "", "meaningless"),
        (CAPITAL, "What's the capital of Canada?", "meaningless"),
        (CAPITAL, "La capital de Canadá es Ottawa y está en el sur.", "not in en"),
        (CAPITAL, "Ottawa is what you want. " * 5, "loop"),
        (CAPITAL, 'Ottawa. {"name": "calculate", "arguments": {}}', "a call is written into it"),
        (SUM, "It is 510.", "without the number 51"),
        (MILES, "About seven miles.", "without the number 6.2"),
        (CATS, "One is called Tiger.", "without luna"),
        (ONE_WORD, "Snow is usually white.", "more than 2 words"),
        (WEATHER, "No, the sky is clear.", "invented"),
        (WEATHER, "I can't be sure, but it is currently raining.", "with it is (currently )?rain"),
        (JOKE, "Ha ha.", "fewer than 4 words"),
        (JOKE, "As an AI, I am not able to tell jokes.", "declined"),
        (SPANISH, "Eight times seven is the same as 56.", "not in es"),
        (SPANISH, "Es cincuenta y siete.", "without the number 56"),
    ],
)
def test_a_bad_answer_is_wrong_for_its_reason(question: Question, answer: str, why: str) -> None:
    found = grade(question, answer)
    assert not found.right
    assert found.why == why


def test_what_is_wrong_is_counted_beside_the_grade() -> None:
    assert grade(WEATHER, "Yes, it is raining.").invented
    assert grade(WEATHER, "I don't know, but it is raining.").invented
    assert grade(CAPITAL, "**Ottawa**") == Grade(right=True, markdown=True, words=1)
    assert grade(CAPITAL, "La ciudad de Ottawa es la capital del país.").wrong_language
    assert grade(SUM, "It is 51. set_timer").written_call


def test_an_earlier_answer_again_says_nothing() -> None:
    again = "I can help you with many things."
    assert grade(JOKE, again, earlier=[again]).meaningless
    assert not grade(JOKE, "Yes, it is.", earlier=["Yes, it is."]).meaningless


def made(tool: str, outcome: str = "done", result: str = "", **arguments: object) -> CallMade:
    return CallMade(tool, json.dumps(arguments), outcome, result)


TIMER = Question(ask="Set a timer for twelve minutes.", call="set_timer", seconds=720)
CAKE = Question(ask="Set an hour for the cake.", call="set_timer", seconds=3600, label=".*cake")
HERE = Question(ask="What time is it?", call="current_time", here=True)
TOKYO = Question(ask="What time is it in Tokyo?", call="current_time", place=".*tokyo")
PRODUCT = Question(ask="What's 4812 times 37?", call="calculate", number=178044)
BREAD = Question(ask="Stop the bread timer.", call="cancel_timer", label=".*bread")
NOTHING = Question(ask="How are you?", call="none")


@pytest.mark.parametrize(
    ("question", "calls"),
    [
        (TIMER, [made("set_timer", minutes=12)]),
        (TIMER, [made("set_timer", minutes="10", seconds=120, label="12 minute timer")]),
        (TIMER, [made("set_timer", "failed", minutes="x"), made("set_timer", minutes=12)]),
        (TIMER, [made("list_timers"), made("set_timer", minutes=12, label="twelve minutes")]),
        (CAKE, [made("set_timer", hours=1, label="Cake")]),
        (HERE, [made("current_time")]),
        (HERE, [made("current_time", zone=None)]),
        (HERE, [made("current_time", place="here")]),
        (TOKYO, [made("current_time", zone="Asia/Tokyo")]),
        (TOKYO, [made("current_time", place="Tokyo, Japan")]),
        (PRODUCT, [made("calculate", result="178044", expression="4812*37")]),
        (BREAD, [made("cancel_timer", label="bread timer")]),
        (NOTHING, []),
    ],
)
def test_the_right_call_is_right(question: Question, calls: list[CallMade]) -> None:
    found = grade(question, "Here you are.", calls)
    assert found.right, found.why


@pytest.mark.parametrize(
    ("question", "calls", "why"),
    [
        (TIMER, [], "did not call set_timer"),
        (TIMER, [made("set_timer", "failed", minutes=12)], "did not call set_timer"),
        (TIMER, [made("set_timer", minutes=10)], "a timer of 600 s, not 720 s"),
        (TIMER, [made("set_timer", minutes="soon")], "a timer of 0 s, not 720 s"),
        (TIMER, [CallMade("set_timer", "[12", "done", "")], "a timer of 0 s, not 720 s"),
        (TIMER, [CallMade("set_timer", "[12]", "done", "")], "a timer of 0 s, not 720 s"),
        (TIMER, [made("set_timer", minutes=12, label="tea")], "the label 'tea' was not said"),
        (TIMER, [made("set_timer", minutes=12)] * 2, "called set_timer 2 times"),
        (TIMER, [made("set_timer", minutes=12), made("cancel_timer")], "called cancel_timer"),
        (CAKE, [made("set_timer", hours=1)], "the label '' is not .*cake"),
        (HERE, [made("current_time", zone="Asia/Tokyo")], "the time in 'asia tokyo', not here"),
        (TOKYO, [made("current_time")], "the time in '', not in .*tokyo"),
        (PRODUCT, [made("calculate", result="49")], "calculated '49', not 178044"),
        (BREAD, [made("cancel_timer", label="tea")], "the label 'tea' is not .*bread"),
        (NOTHING, [made("current_time")], "called current_time"),
    ],
)
def test_a_wrong_call_is_wrong_for_its_reason(question: Question, calls: list[CallMade], why: str) -> None:
    found = grade(question, "Here you are.", calls)
    assert not found.right
    assert found.why == why
    assert found.false_call == (question is NOTHING)


def test_after_a_call_nothing_needs_to_be_said() -> None:
    assert grade(TIMER, "", [made("set_timer", minutes=12)]).right


@given(
    st.sampled_from(read_battery()),
    st.text(max_size=200),
    st.lists(st.builds(CallMade, st.sampled_from(["set_timer", "calculate"]), st.text(), st.just("done"), st.text())),
)
def test_grading_never_raises(question: Question, answer: str, calls: list[CallMade]) -> None:
    found = grade(question, answer, calls, [answer])
    assert found.right == (not found.why)


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know what you had for breakfast.",
        "I'm sorry, but I don't have access to real-time weather data.",
        "As an AI, I can't see outside your window.",
        "I can't tell you that, because I don't know where you are.",
        "I'm not able to check the weather. Please look outside.",
        "You haven't said your sister's name.",
        "I have no way of knowing that.",
        "That depends on where you live. Which city are you in?",
        "I'd need to know your location first.",
        "I don’t know, since you did not say.",
        "Sorry, I wasn't given that.",
        "I cannot answer that without more information.",
        "I'm afraid I have no information about last night's match.",
        "Only you can know that.",
        "I don't have eyes, so I can't see your shirt.",
        "Could you tell me which match you mean?",
        "It's impossible for me to know what you ate.",
        "I don't currently have that information.",
        "Unfortunately I am unable to access your bank account.",
        "You should check a weather app for that.",
        "I can't know that.",
        "I lack access to live news.",
        "My knowledge does not include current events.",
    ],
)
def test_who_says_that_it_cannot_be_known_invents_nothing(answer: str) -> None:
    assert not grade(WEATHER, answer).invented


@pytest.mark.parametrize(
    "answer",
    [
        "It is sunny and warm today.",
        "You had scrambled eggs and toast.",
        "The home team won three to one.",
        "Your sister's name is Emily.",
        "The weather will be nice, so take your sunglasses.",
        "Yes, it is.",
        "You can't go wrong with pancakes.",
        "You have a red shirt, which suits you.",
        "I know that you slept well.",
        "The traffic is heavy, so you should start early.",
    ],
)
def test_who_claims_something_has_invented_it(answer: str) -> None:
    assert grade(WEATHER, answer).invented
