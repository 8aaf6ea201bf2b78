"""What `voicecli doctor` makes of Python, models, memory, a graphics card and a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.doctor.laws import lawful, only, states
from voicecli.doctor.finding import Finding, Group, State, counts, first_to_do, summary
from voicecli.doctor.gpu import GpuFacts, gpu_findings
from voicecli.doctor.models import (
    PROGRAM_BYTES,
    ModelFacts,
    ModelState,
    memory_findings,
    model_findings,
    needed_bytes,
)
from voicecli.doctor.program import PythonFacts, TerminalFacts, llama_finding, python_findings, terminal_findings
from voicecli.types import MemoryFacts

PYTHON = PythonFacts("0.1.0", (3, 12, 1), 64, True, "Linux 6.1 x86_64", {"numpy": "2.0", "onnxruntime": "1.20"}, {})
TERMINAL = TerminalFacts(True, False, "xterm-256color", 80, 24, "utf-8", "truecolor", False)
CARD = GpuFacts(
    wanted_by=("stt.device = cuda",), has_device=True, cards=("RTX 4090, 24564 MiB",), has_driver=True, has_cudnn=True,
    has_cublas=True, has_gpu_build=True, ctranslate2_devices=1, providers=("CUDAExecutionProvider",),
)  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


def group(*found: State) -> Group:
    return Group("title", [Finding(f"{state} {index}", state, "text", "advice") for index, state in enumerate(found)])


def test_the_summary_counts_and_leaves_zeros_out() -> None:
    groups = [group("passed", "failed"), group("passed", "skipped")]
    assert counts(groups) == {"passed": 2, "warned": 0, "failed": 1, "skipped": 1}
    assert summary(groups) == "2 passed, 1 failed, 1 skipped"
    assert summary([group("warned")]) == "0 passed, 1 warned"


@pytest.mark.parametrize(
    ("groups", "first"),
    [
        ([group("passed", "skipped")], None),
        ([group("passed", "warned"), group("warned")], "warned 1"),
        ([group("warned"), group("passed", "failed"), group("failed")], "failed 1"),
    ],
)
def test_one_begins_with_the_first_failure_or_else_the_first_warning(groups: list[Group], first: str | None) -> None:
    found = first_to_do(groups)
    assert (found.name if found else None) == first


def test_a_python_with_all_packages_passes() -> None:
    assert states(python_findings(PYTHON)) == {"Python": "passed", "packages": "passed"}
    assert only(python_findings(PYTHON), "packages").text == "2 are well; onnxruntime 1.20"
    assert only(python_findings(replace(PYTHON, versions={"numpy": "2"})), "packages").text == "1 are well"


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_a_python_that_voicecli_does_not_run_on_fails(version: tuple[int, int, int]) -> None:
    found = only(python_findings(replace(PYTHON, version=version)), "Python")
    assert found.state == "failed"
    assert "3.11" in found.text
    assert "3.14" in found.text


def test_32_bits_are_too_few() -> None:
    assert only(python_findings(replace(PYTHON, bits=32)), "Python").state == "failed"


def test_an_absent_package_is_named_with_its_command() -> None:
    found = only(python_findings(replace(PYTHON, versions={"numpy": "2.0", "soxr": None})), "packages")
    assert (found.state, found.advice) == ("failed", "pip install soxr")


@pytest.mark.parametrize(
    ("why", "cure"),
    [
        ("OSError PortAudio library not found", "libportaudio2"),
        ("crash (Illegal instruction)", "AVX"),
        ("ImportError libgomp.so.1: cannot open shared object file", "libgomp1"),
        ("ImportError undefined symbol", "pip install --force-reinstall numpy"),
    ],
)
def test_a_package_that_does_not_load_has_a_line_and_a_cure(why: str, cure: str) -> None:
    found = only(python_findings(replace(PYTHON, broken={"numpy": why})), "numpy")
    assert found.state == "failed"
    assert why in found.text
    assert cure in found.advice


@pytest.mark.parametrize(
    ("state", "judged", "advice"),
    [
        ("whole", "passed", ""),
        ("own", "passed", ""),
        ("absent", "failed", "voicecli download-models m"),
        ("incomplete", "failed", "voicecli download-models m"),
        ("damaged", "failed", "voicecli download-models --remove m && voicecli download-models m"),
        ("unknown", "failed", "voicecli download-models --list"),
    ],
)
def test_each_state_of_a_model_has_its_advice(state: ModelState, judged: str, advice: str) -> None:
    found = only(model_findings([ModelFacts("m", state, "stt", 10, ("a.bin", "b.bin", "c.bin"))], offline=False), "m")
    assert (found.state, found.advice) == (judged, advice)
    if state in ("incomplete", "damaged"):
        assert "a.bin, b.bin and 1 more" in found.text


def test_bytes_that_nobody_looked_at_are_not_called_right() -> None:
    hashed, quick = model_findings(
        [ModelFacts("a", "whole", size_bytes=2_000_000_000, is_hashed=True), ModelFacts("b", "whole")], offline=False
    )
    assert hashed.text == "2.0 GB, checksum is correct"
    assert "not verified" in quick.text


def test_a_model_that_talk_would_download_is_reported_so() -> None:
    absent = [ModelFacts("m", "absent", "stt")]
    assert "download it first" in only(model_findings(absent, offline=False), "m").text
    assert "download" not in only(model_findings(absent, offline=True), "m").text


def test_the_first_that_lacks_has_the_command_for_all() -> None:
    models = [
        ModelFacts("a", "whole"),
        ModelFacts("b", "absent"),
        ModelFacts("c", "damaged"),
        ModelFacts("d", "absent"),
    ]
    _, first, damaged, last = model_findings(models, offline=False)
    assert first.advice == "voicecli download-models b d"
    assert damaged.advice.endswith("download-models c")
    assert last.advice == "voicecli download-models d"


def test_a_path_is_not_shown_whole() -> None:
    assert [f.name for f in model_findings([ModelFacts("/home/ada/my.gguf", "own", "llm", 5)], offline=False)] == [
        "my.gguf"
    ]


MODELS = [ModelFacts("w", "whole", "stt", 100_000_000), ModelFacts("l", "own", "other", 50_000_000)]


def test_each_model_takes_what_was_measured_of_its_kind() -> None:
    assert needed_bytes([]) == PROGRAM_BYTES
    assert needed_bytes(MODELS) == pytest.approx(PROGRAM_BYTES + 220e6 + 50e6)


@pytest.mark.parametrize(
    ("available", "state"), [(None, "skipped"), (300e6, "failed"), (430e6, "warned"), (8e9, "passed")]
)
def test_memory_is_held_against_the_models(available: float | None, state: str) -> None:
    (found,) = lawful(memory_findings(MemoryFacts(available, 16e9, "the container's limit"), MODELS))
    assert found.state == state
    assert "420 MB" in found.text
    assert available is None or "the container's limit" in found.text


def test_without_a_card_and_a_options_for_one_there_is_one_skipped_word() -> None:
    (found,) = lawful(gpu_findings(GpuFacts()))
    assert (found.state, found.text) == ("skipped", "none found")


def test_a_card_that_works_passes_in_each_line() -> None:
    assert set(states(gpu_findings(CARD)).values()) == {"passed"}


@pytest.mark.parametrize(
    ("change", "line", "part"),
    [
        ({"has_device": False}, "NVIDIA card", "the settings ask for one: stt.device = cuda"),
        ({"has_driver": False}, "NVIDIA card", "libcuda"),
        ({"has_cudnn": False, "has_cublas": False}, "CUDA libraries", "cuDNN 9 and cuBLAS 12 not found"),
        ({"ctranslate2_devices": None, "broken": {"ctranslate2": "no libcudart"}}, "CTranslate2", "no libcudart"),
        ({"ctranslate2_devices": 0}, "CTranslate2", "no CUDA device"),
        ({"providers": ("CPU",), "is_shadowed": True}, "ONNX Runtime", "both installed"),
        ({"providers": ("CPU",), "has_gpu_build": False}, "ONNX Runtime", "is missing"),
        ({"providers": ("CPU",)}, "ONNX Runtime", "available: CPU"),
    ],
)
def test_what_a_card_lacks_fails_where_it_is_wanted_and_is_warned_of_elsewhere(
    change: dict[str, object], line: str, part: str
) -> None:
    facts = replace(CARD, **change)  # type: ignore[arg-type]
    found = only(gpu_findings(facts), line)
    assert found.state == "failed"
    assert part in found.text
    idle = replace(facts, wanted_by=())
    if idle.has_device:
        assert only(gpu_findings(idle), line).state == "warned"


def test_an_idle_card_is_reported_of() -> None:
    found = only(gpu_findings(replace(CARD, wanted_by=(), cards=())), "NVIDIA card")
    assert (found.state, found.text) == ("passed", "found; not used (use it with --profile gpu)")


def test_a_shadow_is_reported_of_without_a_card() -> None:
    assert only(gpu_findings(GpuFacts(is_shadowed=True)), "ONNX Runtime").state == "warned"


def test_a_good_terminal_is_one_line() -> None:
    (found,) = lawful(terminal_findings(replace(TERMINAL, multiplexer="screen")))
    assert (found.state, found.text) == ("passed", "80x24, Unicode, colors: truecolor, in screen")


@pytest.mark.parametrize(
    ("change", "line", "state", "part"),
    [
        ({"is_terminal": False}, "terminal", "skipped", "prints plain lines"),
        ({"is_dumb": True, "term": "dumb"}, "terminal", "warned", "TERM=dumb"),
        ({"encoding": "iso-8859-1"}, "terminal", "warned", "iso-8859-1"),
        ({"encoding": ""}, "terminal", "warned", "the encoding is unknown"),
        ({"is_no_color": True}, "terminal", "passed", "NO_COLOR"),
        ({"colors": None}, "terminal", "passed", "none"),
        ({"columns": 40}, "size", "warned", "40x24"),
        ({"lines": 5}, "size", "warned", "80x5"),
        ({"multiplexer": "tmux", "escape_ms": 500}, "Esc", "warned", "500 ms"),
    ],
)
def test_what_a_terminal_cannot_do_is_said(change: dict[str, object], line: str, state: str, part: str) -> None:
    found = only(terminal_findings(replace(TERMINAL, **change)), line)  # type: ignore[arg-type]
    assert found.state == state
    assert part in found.text


def test_a_quick_escape_is_not_worth_a_line() -> None:
    assert states(terminal_findings(replace(TERMINAL, multiplexer="tmux", escape_ms=10))) == {"terminal": "passed"}


@given(
    st.builds(PythonFacts, system=TEXT, versions=st.dictionaries(TEXT, st.none() | TEXT),
              broken=st.dictionaries(TEXT, TEXT)),
    st.builds(GpuFacts, wanted_by=st.tuples(TEXT), cards=st.tuples(TEXT), providers=st.tuples(TEXT),
              broken=st.dictionaries(TEXT, TEXT)),
    st.builds(TerminalFacts, term=TEXT, encoding=TEXT, multiplexer=TEXT),
    st.lists(st.builds(ModelFacts, name=TEXT.filter(lambda name: "/" not in name), files=st.tuples(TEXT), hint=TEXT),
             min_size=1),
)  # fmt: skip
def test_whatever_the_facts_the_findings_are_lawful(
    python: PythonFacts, gpu: GpuFacts, terminal: TerminalFacts, models: list[ModelFacts]
) -> None:
    for findings in (python_findings(python), gpu_findings(gpu), terminal_findings(terminal)):
        lawful(findings)
    lawful(model_findings(models, offline=False))


def test_the_build_of_llama_cpp_is_named_and_a_faster_one_is_offered() -> None:
    used = llama_finding("zen4", None, "")
    assert (used.state, used.text) == ("passed", "computes with zen4")
    offered = llama_finding("AVX2", "zen4", "")
    assert offered.state == "passed"
    assert "make llama-cpu" in offered.text
    refused = llama_finding("AVX2", "zen4", "it was built from xllamacpp 1, and 2 is installed")
    assert (refused.state, "make llama-cpu" in refused.advice) == ("warned", True)
    assert "built from xllamacpp 1" in refused.text
