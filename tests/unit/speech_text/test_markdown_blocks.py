"""Markdown becomes what a voice can say, however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.markdown_blocks import Span, SpeechMarkdownFilter
from voicecli.speech_text.markdown_inline import plain
from voicecli.speech_text.phrases import PHRASES

ENGLISH, FRENCH = PHRASES["en"], PHRASES["fr"]
CODE_NOTICE, TABLE_NOTICE, FORMULA_NOTICE = ENGLISH.code, ENGLISH.table, ENGLISH.formula

CASES = [
    # Emphasis
    pytest.param("**bold** and *italic*, __x__ and _y_.", "bold and italic, x and y.", id="emphasis"),
    pytest.param("***both*** and **a *nested* one**", "both and a nested one", id="nested emphasis"),
    pytest.param("snake_case, 2*3, 2**3 and a * b", "snake_case, 2*3, 2**3 and a * b", id="no emphasis"),
    pytest.param("这是**重要**的", "这是重要的", id="emphasis without spaces"),
    pytest.param("**never closed", "never closed", id="unclosed emphasis"),
    pytest.param("~~old~~ new, ~5", "old new, ~5", id="strike"),
    pytest.param(r"\*no\* and 3 \< 4", "*no* and 3 < 4", id="escapes"),
    # Code
    pytest.param("Run `git status` now.", "Run git status now.", id="wordlike code"),
    pytest.param("Call `print()`.", "Call print.", id="call"),
    pytest.param("Run `curl -X POST http://x | jq .[]`.", "Run the code on screen.", id="unspeakable code"),
    pytest.param("The `...` operator", "The the code on screen operator", id="code without words"),
    pytest.param("Write ``a`b`` here", "Write the code on screen here", id="code with ticks inside"),
    pytest.param("A `lost tick\nand more", "A lost tick and more", id="unclosed code"),
    pytest.param("An `x|y`` number", "An x|y number", id="ticks that do not match"),
    pytest.param("Odd ```ticks", "Odd ticks", id="ticks in a line"),
    pytest.param(
        "So:\n```python\n# x\n\nprint(1)\n```\nDone.", f"So:\n{CODE_NOTICE}\nDone.", id="fenced code"
    ),
    pytest.param("~~~\n```\n~~~\nDone.", f"{CODE_NOTICE}\nDone.", id="fence within a fence"),
    pytest.param("See\n\n```\nnever closed", f"See.\n{CODE_NOTICE}\n", id="unclosed fence"),
    pytest.param("- x:\n  ```sh\n  ls\n  ```\n- y", f"x:\n{CODE_NOTICE}\ny.\n", id="fence in a list"),
    pytest.param("``two ticks\nare none", "two ticks are none", id="two ticks at the beginning of a line"),
    # Blocks
    pytest.param("# Title\n\nText.", "Title.\nText.", id="heading"),
    pytest.param("## Really?\nText.", "Really?\nText.", id="heading with a mark of its own"),
    pytest.param("Title\n===\nText.", "Title.\nText.", id="underlined heading"),
    pytest.param("#hashtag", "#hashtag", id="no heading"),
    pytest.param("You need\n- milk\n- **two** eggs!\n  * salt,", "You need.\nmilk.\ntwo eggs!\nsalt,\n", id="bullets"),
    pytest.param("1. one\n2) two\n3. three.", "one.\ntwo.\nthree.\n", id="numbered list"),
    pytest.param("1. one\n   1. one\n   2. two\n2. two", "one.\none.\ntwo.\ntwo.\n", id="list in a list"),
    pytest.param("42. That is it.", "42. That is it.", id="an answer is no item"),
    pytest.param("- [ ] do\n- [x] done\n- [a](b)", "do.\ndone.\na.\n", id="tasks"),
    pytest.param("3.14 is pi\n1998 was it\n12 eggs", "3.14 is pi 1998 was it 12 eggs", id="numbers are no items"),
    pytest.param("-5 is less\n*so* it is\n**bold**", "-5 is less so it is bold", id="marks that open no item"),
    pytest.param("> one\n> two\n\nthree", "one two.\nthree", id="quote"),
    pytest.param("One\n\n---\n\n***\ntwo", "One.\ntwo", id="rules"),
    pytest.param("See:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone.", f"See:\n{TABLE_NOTICE}\nDone.", id="table"),
    pytest.param("| a |\ntext\n| b |", f"{TABLE_NOTICE}\ntext.\n{TABLE_NOTICE}\n", id="two tables"),
    # Lines
    pytest.param("One\ntwo", "One two", id="wrapped line"),
    pytest.param("A pond\nA frog\n“Splash!”\nSilence", "A pond, A frog, “Splash!” Silence", id="verse"),
    pytest.param("**Name**: Bob\n**Age**: 5", "Name: Bob, Age: 5", id="one fact a line"),
    pytest.param("One\n\n\ntwo", "One.\ntwo", id="paragraphs"),
    pytest.param("One:\n\n(two).\n\n“Three.”\n\nfour", "One:\n(two).\n“Three.”\nfour", id="sentences that end"),
    pytest.param("One\r\n\r\ntwo\r\nthree", "One.\ntwo three", id="carriage returns"),
    pytest.param("One\n**", "One", id="line that holds nothing but marks"),
    pytest.param("  one \t two  ", "one two", id="white space"),
    pytest.param("", "", id="nothing"),
    pytest.param("🎉\n", "", id="nothing to say"),
    # Links
    pytest.param("See [the **docs**](https://x.y/z_(a) \"t\").", "See the docs.", id="link"),
    pytest.param("![a cat](cat.png) sits", "a cat sits", id="image"),
    pytest.param("[![badge](a.svg)](b) ok", "badge ok", id="image in a link"),
    pytest.param("[your name] and [x", "[your name] and [x", id="brackets"),
    pytest.param("See https://docs.python.org/3/x?a=1.", "See docs.python.org.", id="url"),
    pytest.param("(www.foo.com/x), http://me:pw@h.org:80", "(foo.com), h.org", id="urls"),
    pytest.param("<https://a.org/b>", "a.org", id="url in angle brackets"),
    pytest.param("http and https:// and www.", "http and https:// and www.", id="no url"),
    pytest.param("Write to me_x@a-b.org!", "Write to me_x@a-b.org!", id="mail address"),
    pytest.param("Water[1] boils [2, 3].[^note] So【4†a】!", "Water boils. So!", id="footnotes"),
    # HTML
    pytest.param("<b>bold</b><br>x <!-- no -->y<p class='a'>z</p>", "bold x y z", id="tags"),
    pytest.param("if a < b or x<y or <5 or >= 3", "if a < b or x<y or <5 or >= 3", id="comparisons"),
    pytest.param("Hello <your name>!", "Hello your name!", id="placeholder"),
    pytest.param("AT&amp;T R&D &nbsp; &copy; &#233; &x; a&b", "AT&T R&D © é &x; a&b", id="entities"),
    # Signs
    pytest.param("Great 🎉! Hi 👋🏽 there 👨‍👩‍👧 and 🇩🇪 ✅.", "Great! Hi there and.", id="emoji"),
    pytest.param("1️⃣ Open\n2️⃣ Close\n🍎 Apples", "Open.\nClose.\nApples.\n", id="emoji as bullets"),
    pytest.param("Press 5️⃣ or #️⃣ now", "Press or now", id="keycaps"),
    pytest.param("a -> b => c", "a → b → c", id="arrows"),
    pytest.param("well -- yes--no, --force, 1--2", "well — yes—no, --force, 1--2", id="dashes"),
    # Formulas
    pytest.param("$E = mc^2$ costs $5, $x or $y.", "E equals mc squared costs $5, $x or $y.", id="dollars"),
    pytest.param(
        r"\(\frac{a}{b} \times \pi\), $a_1 + b^{10} - \sqrt{2}$",
        "a over b times pi, a sub 1 plus b to the power of 10 minus the square root of 2",
        id="simple formulas",
    ),
    pytest.param(r"so $\sum_{i} \int x$ is", "so the formula on screen is", id="hard formula"),
    pytest.param("So\n$$\nx = 1\n$$\nfor", f"So.\n{FORMULA_NOTICE}\nfor", id="display"),
    pytest.param("So \\[ y \\] all", f"So.\n{FORMULA_NOTICE}\nall", id="display in brackets"),
    pytest.param("$$x$$\nand", f"{FORMULA_NOTICE}\nand", id="display in a line"),
    pytest.param("costs 5$", "costs 5$", id="dollar at the end"),
]  # fmt: skip


def spans(feeds: list[str]) -> list[Span]:
    speakable = SpeechMarkdownFilter()
    return [*(span for text in feeds for span in speakable.push(text)), *speakable.close()]


def said(feeds: list[str]) -> str:
    return "".join(span.text for span in spans(feeds))


def cut(text: str, at: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(min(edge, len(text)) for edge in at)})
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_what_is_written_is_said_plainly(written: str, spoken: str) -> None:
    assert said([written]) == spoken


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_it_may_come_character_by_character(written: str, spoken: str) -> None:
    assert said(list(written)) == spoken


_FRAGMENT = st.sampled_from(
    [
        "a", "B", "word", "5", "12", ".", ",", "!", ":", "?", "(", ")", "[", "]", "](", "[1]", "![", "*", "**",
        "***", "_", "__", "~", "~~", "`", "``", "```", "~~~", "#", "##", "|", "-", "--", "->", "=>", "=", "==",
        "+", "<", ">", "<b>", "</b>", "<br>", "<!--", "-->", "&", "&amp;", "&#", ";", "$", "$$", "\\", "\\(",
        "\\)", "\\[", "\\]", "^2", "\\frac{a}{b}", "https://", "http", "www.", "a.b/c", "1.", "2)", "[x]", "🎉",
        "1️⃣", "🇩🇪", "é", "【", "】", "•",
        " ", " ", "\n", "\n", "\n\n", "\t", "\n- ", "\n1. ", "\n```\n", "\n| ",
    ]
)  # fmt: skip
_MARKDOWN = st.lists(_FRAGMENT, max_size=25).map("".join)


@given(_MARKDOWN, st.lists(st.integers(0, 100)))
def test_cuts_do_not_matter(written: str, at: list[int]) -> None:
    assert said(cut(written, at)) == said([written])


@given(_MARKDOWN, st.lists(st.integers(0, 100)))
def test_sources_grow_with_the_text_and_end_with_it(written: str, at: list[int]) -> None:
    speakable = SpeechMarkdownFilter()
    fed = covered = 0
    for text in cut(written, at):
        fed += len(text)
        for span in speakable.push(text):
            assert covered <= span.source_end <= fed
            covered = span.source_end
    rest = speakable.close()
    ends = [covered, *(span.source_end for span in rest)]
    assert ends == sorted(ends)
    assert ends[-1] == len(written)


_WORD = st.text("abcdefghijklmnopqrstuvwxyzABCÄéß", min_size=1).filter(
    lambda word: not word.startswith(("www", "http"))
)
_PROSE = st.lists(st.tuples(_WORD, st.sampled_from(["", ",", ".", "?", ":", ";", "…"])), min_size=1).map(
    lambda words: " ".join(word + mark for word, mark in words)
)


@given(_PROSE, st.lists(st.integers(0, 100)))
def test_prose_passes_unchanged(written: str, at: list[int]) -> None:
    assert said(cut(written, at)) == written


@given(_PROSE)
def test_source_of_prose_is_exact(written: str) -> None:
    position = 0
    for span in spans(list(written)):
        position += len(span.text)
        assert span.source_end == position


def test_prose_is_not_held_back() -> None:
    speakable = SpeechMarkdownFilter()
    assert speakable.push("The") == [Span("The", 3)]
    assert speakable.push(" cat") == [Span(" cat", 7)]
    assert speakable.push(" **sat") == [Span(" sat", 13)]


@pytest.mark.parametrize("opening", ["`", "``", "[", "![", "[a](", "<b ", "<!--", "$x", "\\(", "【", "&", "**", "h"])
def test_an_open_mark_holds_the_text_to_the_end_of_the_line_at_most(opening: str) -> None:
    speakable = SpeechMarkdownFilter()
    speakable.push(f"So {opening}then all this\n")
    assert "".join(span.text for span in speakable.push("and")).endswith(" and")


@pytest.mark.parametrize("opening", ["`", "[", "<b ", "$x", "\\(", "【"])
def test_an_open_mark_holds_a_bounded_text(opening: str) -> None:
    speakable = SpeechMarkdownFilter()
    spans = speakable.push(f"So {opening}{'and so on ' * 100}")
    assert sum(len(span.text) for span in spans) > 700


@pytest.mark.parametrize("opening", ["[a ", "[a](b (c ", "`a ", "<b x ", "$x ", "\\(x ", "&a", "* ", "- ", "~"])
def test_many_open_marks_take_no_time(opening: str) -> None:
    assert said([opening * 200, "\nDone"])  # the time limit of the test is the claim


def test_a_span_covers_what_was_dropped_before_it() -> None:
    assert spans(["a **b** 🎉 c"])[-2:] == [Span(" c", 11), Span("", 11)]


def test_plain_takes_the_marks_out_of_a_line() -> None:
    assert plain("**a** `b` [c](d) &amp; 5", ENGLISH) == "a b c & 5"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Voici :\n```sh\nls\n```\nFini.", f"Voici :\n{FRENCH.code}\nFini."),
        ("| a |\n|---|\n| 1 |\n", f"{FRENCH.table}\n"),
        ("$$x$$\net", f"{FRENCH.formula}\net"),
        ("Tapez `curl -X POST http://x | jq .[]`.", "Tapez le code à l'écran."),
        ("soit [le `a|[]` ici](http://x) ou", "soit le le code à l'écran ici ou"),
        ("où $x^2 + 1$ et $n$", "où la formule à l'écran et n"),
        ("- नमस्ते।\n- हाँ", "नमस्ते।\nहाँ.\n"),
        ("**「はい。」**\n\n# 次", "「はい。」\n次.\n"),
    ],
)
def test_not_an_english_word_is_put_into_another_language(written: str, said: str) -> None:
    speakable = SpeechMarkdownFilter(FRENCH)
    spans = [*speakable.push(written), *speakable.close()]
    assert "".join(span.text for span in spans) == said
