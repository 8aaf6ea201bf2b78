"""Limits of `--fail-over`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench_results import RECORDINGS, result, speech_to_text
from voicecli.bench.limits import FIGURES, Limit, exceeded, parse_limit, parse_limits
from voicecli.bench.result import Metric
from voicecli.errors import SettingsError

WAITS = result(
    "voice to voice",
    [
        Metric("quiet", "voice to voice", "s", (0.5, 0.6, 0.9), of=RECORDINGS[:3]),
        Metric("noise", "voice to voice", "s", (0.5, 2.0)),
        Metric("noise", "tokens", "1/s", (90.0, 100.0), better="higher"),
        Metric("noise", "nothing", "s", ()),
    ],
    [],
    [],
)


def test_a_limit_is_of_voice_to_voice_unless_it_names_another() -> None:
    assert parse_limit("p95=900") == Limit("p95=900", "", "voice to voice", "p95", 900)
    assert parse_limit(" WER = 12.5") == Limit(" WER = 12.5", "", "WER", "mean", 12.5)
    assert parse_limit("noise 10 dB:first sound:p50=400").group == "noise 10 dB"
    assert parse_limit("a:b:c:worst=1").group == "a:b"


@pytest.mark.parametrize(
    "text", ["", "p95", "p95=", "p95=slow", "p95=-1", "p95=nan", "p96=900", "quiet:p95=9", "a:b:wer=1"]
)
def test_a_wrong_limit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_limits([text])
    assert "p95=900" in caught.value.hint


@given(st.sampled_from(FIGURES), st.floats(0, 1e6), st.text("abc ", min_size=1).filter(str.strip))
def test_what_was_typed_is_what_is_checked(figure: str, most: float, name: str) -> None:
    found = parse_limit(f"g:{name}:{figure}={most!r}")
    assert (found.group, found.name, found.figure, found.bound) == ("g", name.strip(), figure, most)


def test_only_exceeded_limits_are_reported() -> None:
    reported = list(exceeded(WAITS, parse_limits(["p50=600", "worst=899", "noise:voice to voice:p95=1000"])))
    assert reported == [
        "voice to voice, quiet: worst is 900 ms, the limit is 899 ms",
        "voice to voice, noise: p95 is 2000 ms, the limit is 1000 ms",
    ]


def test_if_higher_is_better_a_lower_figure_exceeds_the_limit() -> None:
    assert list(exceeded(WAITS, parse_limits(["noise:tokens:worst=90"]))) == []
    assert list(exceeded(WAITS, parse_limits(["noise:tokens:worst=91"]))) == [
        "tokens, noise: worst is 90 1/s, the limit is 91 1/s"
    ]


def test_word_errors_are_a_mean_in_percent() -> None:
    assert list(exceeded(speech_to_text(), parse_limits(["wer=99"]))) == []
    assert "WER, whisper-tiny.en: mean is" in next(exceeded(speech_to_text(), parse_limits(["wer=1"])))


def test_a_limit_on_what_was_not_measured_is_an_error_that_names_what_was() -> None:
    with pytest.raises(SettingsError, match="was not measured") as caught:
        list(exceeded(WAITS, parse_limits(["noise:nothing:p50=1"])))
    assert caught.value.hint == "measured: quiet:voice to voice, noise:voice to voice, noise:tokens"
    with pytest.raises(SettingsError) as caught:
        list(exceeded(result("llm", [], [], []), parse_limits(["p50=1"])))
    assert caught.value.hint == "measured: nothing"
