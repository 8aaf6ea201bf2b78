"""Which build of ggml's CPU back end suits a processor, and how many threads write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.llm.processor import (
    SMALL_MODEL_BYTES,
    VARIANTS,
    Host,
    fastest,
    flags_of,
    refusal,
    variant_of,
    writing_threads,
)

AVX512 = frozenset({"avx2", "avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"})


@pytest.mark.parametrize(
    ("flags", "variant"),
    [
        (frozenset({"avx2"}), None),
        (frozenset({"avx2", "avx_vnni"}), "alderlake"),
        (AVX512, "skylakex"),
        (AVX512 - {"avx512bw"}, None),
        (AVX512 | {"avx512_vnni"}, "cascadelake"),
        (AVX512 | {"avx512_vnni", "avx512vbmi"}, "icelake"),
        (AVX512 | {"avx512_vnni", "avx512_bf16"}, "cooperlake"),
        (AVX512 | {"avx512_vnni", "avx512vbmi", "avx512_bf16"}, "zen4"),
        (AVX512 | {"avx512_vnni", "avx512vbmi", "avx512_bf16", "amx_tile", "amx_int8", "avx_vnni"}, "sapphirerapids"),
    ],
)
def test_a_processor_gets_the_build_that_uses_most_of_it(flags: frozenset[str], variant: str | None) -> None:
    assert Host("Linux", "x86_64", flags).variant == variant


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "x86_64"), ("Linux", "aarch64"), ("Windows", "AMD64")])
def test_elsewhere_xllamacpp_computes(system: str, machine: str) -> None:
    assert Host(system, machine, AVX512).variant is None


@given(st.frozensets(st.sampled_from(sorted({flag for needs in VARIANTS.values() for flag in needs}))))
def test_no_build_needs_what_the_processor_lacks(flags: frozenset[str]) -> None:
    variant = Host("Linux", "x86_64", flags).variant
    assert variant is None or VARIANTS[variant] <= flags


def test_the_flags_are_those_of_the_first_processor() -> None:
    assert flags_of("processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: other\n") == {"fpu", "avx2"}
    assert flags_of("Features\t: asimd\n") == frozenset()


def test_only_a_build_of_the_same_version_is_loaded() -> None:
    assert not refusal("2026.10.11549", "2026.10.11549")
    assert "2026.9 is installed" in refusal("2026.10", "2026.9")


def test_the_highest_score_wins_and_zero_cannot_run() -> None:
    assert fastest({"libggml-cpu-zen4.so": 3, "libggml-cpu-skylakex.so": 1, "libggml-cpu-sapphirerapids.so": 0}) == (
        "libggml-cpu-zen4.so"
    )
    assert fastest({"libggml-cpu-zen4.so": 0}) is None
    assert fastest({}) is None
    assert variant_of("libggml-cpu-zen4.so") == "zen4"


@given(st.integers(1, 64), st.integers(0, 2 * SMALL_MODEL_BYTES))
def test_a_small_model_leaves_the_voice_a_core_and_a_larger_one_takes_all(cores: int, model_bytes: int) -> None:
    threads = writing_threads(cores, model_bytes)
    assert 1 <= threads <= cores
    if cores > 1:
        assert (threads == cores) == (model_bytes > SMALL_MODEL_BYTES)
