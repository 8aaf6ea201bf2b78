"""What is shown of a tuning."""

from __future__ import annotations

from tests.unit.tune.stage import DEFAULTS, WAITS, answered, ended, heard, trial
from voicecli.tune.report import counts, metrics, plot, rows, summary, untried_lines
from voicecli.tune.rounds import default_arms
from voicecli.tune.search import Found
from voicecli.tune.values import Choice, Samples, Trial, Untried


def found(*trials: Trial) -> Found:
    """The defaults and some trials."""
    arms = default_arms(DEFAULTS)
    measured: dict[object, Samples] = {
        arms["hearing"]: heard([0.3] * 4, [1, 0, 0, 1]),
        arms["answering"]: answered([0.5] * 4),
        arms["ending"]: ended([0.45] * 4, cut=1),
    }
    for one in trials:
        measured |= {one.rival: one.before, one.arm: one.after}
    return Found(arms, WAITS, measured, list(trials))  # type: ignore[arg-type]


def test_arms_are_shown_as_if_they_had_been_measured_at_one_time() -> None:
    busy = trial("stt.model", "tiny", heard([0.6] * 4, [1, 0, 0, 1]), heard([0.2] * 4, [2, 0, 2, 0]))
    first, second = rows(found(busy), "hearing")
    assert (first.cells, first.chosen) == (("tiny", "100", "0.03", "10.0 %", "700"), False)
    assert (second.cells, second.chosen) == (("base", "300", "0.10", "5.0 %", "880"), True)


def test_an_arm_is_named_by_what_differs() -> None:
    more = trial("llm.threads", 2, answered([0.5] * 4), answered([0.4] * 4))
    windows = trial("tts.streaming", False, answered([0.5] * 4), answered([0.9] * 4))
    longer = trial("tts.first_chunk_chars", 80, answered([0.5] * 4), answered([0.6] * 4))
    reported = [row.cells for row in rows(found(more, windows, longer), "answering")]
    assert [cells[0] for cells in reported] == [
        "2 llm threads, in windows, first chunk 16",
        "1 llm thread, in windows, first chunk 16",
        "1 llm thread, in windows, first chunk 80",
        "1 llm thread, whole chunks, first chunk 16",
    ]
    assert reported[1][1:] == ("100", "40", "500", "0.50", "880")


def test_the_end_of_a_turn_tells_who_was_cut_off() -> None:
    fast = trial("listen.endpoint", "fast", ended([0.45] * 4, cut=1), ended([0.3] * 4, cut=2))
    assert [row.cells for row in rows(found(fast), "ending")] == [
        ("fast", "300", "2 of 4", "880"),
        ("balanced", "450", "1 of 4", "880"),
    ]


def test_alone_the_default_has_no_name_and_unknown_words_no_rate() -> None:
    arms = default_arms(DEFAULTS)
    alone = Found(arms, WAITS, {arms["hearing"]: heard([0.3] * 3, words=0)})
    assert rows(alone, "hearing")[0].cells == ("the default", "300", "0.10", "–", "880")
    assert plot(alone) == []
    assert rows(found(), "ending")[0].cells[0] == "the default"


def test_the_plot_puts_quick_to_the_left_and_right_words_down() -> None:
    before = heard([0.3] * 4, [1, 0, 0, 1])
    tiny = trial("stt.model", "tiny", before, heard([0.1] * 4, [2, 0, 2, 0]))
    small = trial("stt.model", "small", before, heard([0.9] * 4))
    same = trial("stt.model", "other", before, before)
    drawn = plot(found(tiny, small, same))
    lines = drawn[1:9]
    assert lines[0].startswith(" 10.0 %")
    assert lines[0].index("a") < lines[4].index("b") < lines[7].index("d")
    assert lines[4].index("c") == lines[4].index("b") + 1  # two arms at one place are both seen
    assert drawn[10].endswith("900 ms")
    assert drawn[11:] == [
        f"{'':7}  {mark} {name}" for mark, name in zip("abcd", ("tiny", "base", "other", "small"), strict=True)
    ]


def test_a_plot_without_any_error_is_flat() -> None:
    before = heard([0.3] * 4)
    trials = [trial("stt.model", name, before, heard([s] * 4)) for name, s in (("tiny", 0.1), ("small", 0.9))]
    drawn = plot(found(*trials))
    assert [line[9:].strip() != "" for line in drawn[1:9]] == [False] * 7 + [True]


def test_each_value_is_reported_with_its_reason() -> None:
    one = found()
    one.choices = [
        Choice("stt.threads", 4, 2, "90 ms sooner"),
        Choice("tts.streaming", True, True, "no better: false: 10 ms later; other"),
    ]
    one.first_waits = WAITS
    one.waits = WAITS.having("hearing", 0.2)
    assert summary(one, one.choices[:1]) == [
        "voice-to-voice latency, estimated: 880 ms with the defaults, 780 ms as chosen",
        "* stt.threads = 4",
        "      90 ms sooner",
        "  tts.streaming = true (default)",
        "      no better: false: 10 ms later",
        "      other",
    ]
    assert summary(found(), [Choice("stt.model", "a", "b", "why")])[:2] == [
        "voice-to-voice latency, estimated: 880 ms",
        '* stt.model = "a"',
    ]


def test_what_was_not_tried_is_reported() -> None:
    one = found()
    one.untried = [Untried("stt.threads", 4, "the time limit was reached")]
    assert untried_lines(one, ("whisper-small", "whisper-tiny")) == [
        "not tried: stt.threads = 4 (the time limit was reached)",
        "not installed: whisper-small, whisper-tiny; add one with voicecli download-models NAME",
    ]
    assert untried_lines(found(), ()) == []


def test_all_samples_are_kept() -> None:
    kept = {(one.group.partition(":")[0], one.name): one.samples for one in metrics(found())}
    assert kept["hearing", "final"] == (0.3,) * 4
    assert kept["answering", "first token"] == (0.1,) * 4
    assert kept["answering", "tokens per second"] == (40.0,) * 4
    assert kept["ending", "wait after the end of speech"] == (0.45,) * 4
    counted = {one.name: (one.value, one.out_of) for one in counts(found())}
    assert counted == {"word errors": (2, 40), "cut off": (1, 4)}
