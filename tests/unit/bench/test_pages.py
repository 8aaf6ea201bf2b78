"""Results as Markdown, HTML and plots."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench_results import World, result, speech_to_text, voice_to_voice
from voicecli.bench import plots
from voicecli.bench.compare import compare
from voicecli.bench.html_page import html_page
from voicecli.bench.markdown import escaped, markdown
from voicecli.bench.peers import document, read_peers
from voicecli.bench.result import Count, Metric, Result, TurnRecord
from voicecli.bench.tables import count_table, figures, measurement_tables, when
from voicecli.errors import SettingsError

PEERS = Path("docs/peers.toml")
EVIL = "<script>alert(1)</script> & \"'|`*"
DRAWING = r'<svg class="(?:plot|chart)".*?</svg>'
VOID = {"meta", "br", "input", "link", "img"}


class Page(HTMLParser):
    """Checks that all tags are closed, and collects tags and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        parse = self.feed
        parse(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def evil() -> Result:
    """Return a result in which all free text is markup."""
    turn = TurnRecord(
        EVIL, EVIL, (0.7, 0, 0, 0, 0.1, 0), ((0, 0.7), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.8), (0.8, 0.8))
    )
    return dataclasses.replace(
        result(EVIL, [Metric(EVIL, EVIL, EVIL, (1.0, 2.0), stage=EVIL)], [Count(EVIL, EVIL, 1, 2, EVIL)], []),
        turns=(dataclasses.replace(turn, heard=EVIL, answer=EVIL),),
        settings={EVIL: EVIL},
        models={EVIL: EVIL},
        corpus=EVIL,
        doubts=(EVIL,),
        taken_at=EVIL,
        warm_ups={EVIL: 1.0},
    )


def everything() -> list[str]:
    old = voice_to_voice(World(seed=1, scenarios=("quiet",)))
    new = voice_to_voice(World(seed=2, scenarios=("quiet",), slow={"tts": 1.4}))
    changed = dataclasses.replace(new, corpus=EVIL)
    few = result("llm", [Metric("a", "first token", "s", (0.1, 0.2), stage="llm")], [], [])
    empty = dataclasses.replace(result("llm", [], [], []), settings={})
    return [
        html_page(new),
        html_page(changed, compare(old, changed)),
        html_page(old, compare(old, old)),
        html_page(speech_to_text()),
        html_page(evil(), compare(evil(), evil())),
        html_page(few),
        html_page(empty, compare(empty, empty)),
    ]


def test_a_page_is_complete_and_needs_no_other_file() -> None:
    for text in everything():
        page = Page(text)
        assert "script" not in page.tags
        assert all(link.startswith("#") for link in page.links)
        assert "@import" not in text
        assert not re.search(r"url\((?!#)", text)
        assert not re.search(r"https?://", text)


def test_a_page_has_a_waterfall_for_each_turn_and_describes_each_drawing_in_words() -> None:
    made = voice_to_voice(World(seed=2, scenarios=("quiet",)))
    text = html_page(made)
    assert text.startswith("<!doctype html>")
    assert text.count("<details>") == len(made.turns)
    assert text.count("<desc>From the last word to the first sound") == len(made.turns) + 1
    assert "what is &lt;b&gt;that&lt;/b&gt;?" in text
    assert "quiet: 16 samples, p50 " in text
    drawings = re.findall(DRAWING, text, re.DOTALL)
    assert len(drawings) == len(made.turns) + 1 + 2
    assert all('role="img"' in one and "<title>" in one and "<desc>" in one for one in drawings)


def test_drawings_are_well_formed_and_have_no_color_of_their_own() -> None:
    for text in everything():
        for drawing in re.findall(DRAWING, text, re.DOTALL):
            ElementTree.fromstring(drawing)
            assert not re.search(r"#[0-9a-f]{6}", drawing)


def test_a_page_is_the_same_for_the_same_result() -> None:
    assert html_page(speech_to_text()) == html_page(speech_to_text())


def test_a_missing_library_is_reported_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecli.bench.html_page.find_spec", lambda name: None if name == "matplotlib" else name)
    with pytest.raises(SettingsError, match="--html needs matplotlib") as caught:
        html_page(speech_to_text())
    assert caught.value.hint == "pip install 'voicecli[bench]'"


def test_word_errors_are_plotted_against_speed_where_several_models_have_both() -> None:
    made = speech_to_text()
    assert "Word errors against speed" in html_page(made)
    one = dataclasses.replace(made, metrics=tuple(m for m in made.metrics if m.group == "whisper-base"))
    assert "Word errors against speed" not in html_page(one)


def test_a_comparison_shows_its_sentence_and_folds_what_is_the_same() -> None:
    old = voice_to_voice(World(seed=1, scenarios=("quiet",)))
    new = voice_to_voice(World(seed=2, scenarios=("quiet",), slow={"tts": 1.4}))
    found = compare(old, dataclasses.replace(new, corpus="others"))
    text = html_page(new, found)
    assert found.sentence in text
    assert 'class="verdict worse"' in text
    assert "corpus: 16 made-up questions, now others" in text
    assert re.search(r"\d+ the same</span></summary>", text)
    alike = html_page(old, compare(old, old))
    assert re.search(r"All \d+ metrics and counts are the same</span></summary>", alike)


def test_the_ticks_of_a_waterfall_are_round_and_end_beyond_all() -> None:
    assert plots.ticks_s(0.71) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    for most in (0.0, 0.003, 1.0, 1.01, 47.0, 1234.5):
        ticks = plots.ticks_s(most)
        assert ticks[0] == 0
        assert ticks[-1] >= most
        assert 2 <= len(ticks) <= 6


def test_dots_that_would_touch_are_stacked() -> None:
    assert plots.stack([10, 10.2, 11, 20, 9.9], 1.0) == [0, 1, 0, 0, 2]


def test_zeros_are_drawn_too() -> None:
    assert "a: 2 samples, p50 0 ms, p95 0 ms" in plots.strips("t", [("a", (0.0, 0.0))], "s")
    assert "0 ms, 0.0 %" in plots.scatter("t", [plots.Point("a", 0.0, 0.0)], ("s", "%"), ("x", "y"))


def test_a_name_that_matplotlib_has_no_letters_for_is_kept_as_text() -> None:
    assert "今日$x$" in plots.strips("t", [("今日$x$", (1.0, 2.0))], "s")


def test_markdown_has_every_table_and_no_text_is_markup() -> None:
    old = voice_to_voice(World(seed=1, scenarios=("quiet",)))
    text = markdown(voice_to_voice(World(seed=2, scenarios=("quiet",), slow={"tts": 1.4})), compare(old, old))
    for head in ("# Voice to voice", "## Compared", "## Counts", "## Where the wait went", "## How it was measured"):
        assert f"\n{head}" in f"\n{text}"
    assert "**same**" in text
    assert "<meanwhile" not in text.replace("\\<meanwhile", "")
    widths = [
        line.replace("\\|", "").count("|")
        for line in markdown(evil(), compare(old, old)).splitlines()
        if line[:1] == "|"
    ]
    assert set(widths) <= {3, 6, 10}
    changed = dataclasses.replace(old, seed=2)
    assert "- seed: 1, now 2" in markdown(changed, compare(old, changed))


def test_text_stays_text_in_markdown() -> None:
    assert escaped("a|b\n*c* `d`") == r"a\|b \*c\* \`d\`"
    assert markdown(result("llm", [], [], [])).startswith("# Language model\n")


def test_a_metric_without_samples_has_dashes_and_an_invalid_time_stays_as_it_is() -> None:
    assert figures(Metric("a", "b", "s", ()))[:2] == ("0", "–")
    assert when(dataclasses.replace(evil(), taken_at="yesterday")) == "yesterday"
    assert next(measurement_tables(speech_to_text())).rows[1][0] == "whisper-base"
    table = count_table(result("llm", [], [Count("a", "x", 1), Count("b", "y", 2)], []))
    assert table is not None
    assert table.rows == (("x", "1", "–"), ("y", "–", "2"))


def test_the_page_of_benchmarks_compares_us_with_the_peers() -> None:
    made = voice_to_voice(World(scenarios=("quiet",)))
    stop = Metric("quiet", "barge-in", "s", (0.2, 0.25, 0.3))
    text = document(
        [dataclasses.replace(made, metrics=(*made.metrics, stop))], read_peers(PEERS), "voicecli bench docs a.json"
    )
    rows = [line for line in text.splitlines() if line.startswith("| voicecli 0.1.0, quiet")]
    assert rows[0].split(" | ")[3:] == ["16 of 16", "250", "–", "812", "4.20 |"]
    assert "| Pipecat 1.14.0 | 6250 † | 9250 † | 13 of 13 | 350 | 3.4 | 840 | 19 |" in text
    assert "    voicecli bench docs a.json" in text
    assert "† A memory sampler" in text
    assert "## Voice to voice" in text
    without = document([speech_to_text()], None, "voicecli bench docs b.json")
    assert "Other programs" not in without


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"peer = 1", "is not a file of peers: peer"), (b"[[peer", "is not TOML"), (b"\xff", "is not TOML")],
)
def test_an_invalid_file_of_peers_is_reported(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "peers.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        read_peers(path)
    with pytest.raises(SettingsError, match="cannot read"):
        read_peers(tmp_path / "none.toml")
