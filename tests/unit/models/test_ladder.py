"""Which language model is chosen for a machine: laws on any catalogue, and the rungs of the shipped one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents import ROOT
from voicecli.models.ladder import (
    ANY_LANGUAGE,
    SPEAKING_TPS,
    Choice,
    Machine,
    Speed,
    assess,
    beside_voice_tps,
    choose,
    gigabytes,
    needed_bytes,
    rungs,
)
from voicecli.models.manifest import Manifest, Model
from voicecli.printable import size_text

SHIPPED = Manifest.load().model
DEMO, SMALL, EVERYDAY = "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"
GB = 1_000_000_000
HERE = {DEMO: Speed(162, 54), SMALL: Speed(70, 19.5), EVERYDAY: Speed(37, 8.5)}
"""As measured on two cores with two threads."""


def language_model(name: str, file_mb: int = 500, memory_mb: int = 700, **facts: object) -> Model:
    file = {"name": f"{name}.gguf", "size": file_mb * 1_000_000, "sha256": "0" * 64}
    described = {"parameters_b": 1.0, "languages": ("en",), "context_tokens": 4096, "memory_mb": memory_mb, **facts}
    source = {"kind": "hub", "origin": f"me/{name}@abc", "files": [file]}
    return Model.model_validate(
        {"name": name, "kind": "llm", "license": "MIT", "about": "made up", "source": [source], **described}
    )


@st.composite
def catalogues(draw: st.DrawFn) -> list[Model]:
    count = draw(st.integers(0, 6))
    return [
        language_model(
            f"m{at}",
            draw(st.integers(10, 8000)),
            draw(st.integers(10, 12000)),
            languages=tuple(draw(st.sets(st.sampled_from(["en", "de"]), min_size=1))),
            score=draw(st.none() | st.integers(0, 60)),
        )
        for at in range(count)
    ]


machines = st.builds(Machine, st.integers(0, 30 * GB), st.integers(1, 64), st.integers(0, 30 * GB))
tokens = st.floats(0.1, 1000)
names = st.sets(st.sampled_from([f"m{at}" for at in range(6)]))
speeds = st.dictionaries(st.sampled_from([f"m{at}" for at in range(6)]), st.builds(Speed, tokens, tokens))
languages = st.sampled_from(["en", "de", ANY_LANGUAGE])


def rung(models: list[Model], language: str, model: Model | None) -> int:
    return rungs(models, language).index(model) if model else -1


@given(catalogues(), machines, speeds, names, languages)
def test_what_is_chosen_fits_or_nothing_is(
    models: list[Model], machine: Machine, measured: dict[str, Speed], installed: set[str], language: str
) -> None:
    found = choose(models, machine, measured, installed, language)
    fits = {model.name: assess(model, models, machine, measured).fits for model in models}
    assert (found.use is None) == (not any(fits[model.name] for model in models if model.name in installed))
    if found.use:
        assert fits[found.use.name]
        assert found.use.name in installed
        assert found.why.startswith(f"{found.use.name}: ")
    order = [rung(models, language, model) for model in found.candidates]
    assert order == sorted(order, reverse=True)
    assert all(place > rung(models, language, found.use) for place in order)
    assert all(fits[model.name] and model.name not in installed for model in found.candidates)
    assert found.better == (found.candidates[0] if found.candidates else None)
    assert "\n" not in found.why + found.why_better


@given(
    catalogues(),
    machines,
    st.tuples(st.integers(0, 20 * GB), st.integers(0, 32), st.integers(0, 20 * GB)),
    st.floats(1, 10),
    speeds,
    names,
    languages,
)
def test_more_memory_or_speed_never_leads_to_a_worse_rung(
    models: list[Model],
    machine: Machine,
    more: tuple[int, int, int],
    faster: float,
    measured: dict[str, Speed],
    installed: set[str],
    language: str,
) -> None:
    larger = Machine(machine.free_memory_bytes + more[0], machine.cores + more[1], machine.gpu_memory_bytes + more[2])
    quicker = {name: Speed(one.reading_tps * faster, one.writing_tps * faster) for name, one in measured.items()}
    before = choose(models, machine, measured, installed, language)
    after = choose(models, larger, quicker, installed, language)
    assert rung(models, language, after.use) >= rung(models, language, before.use)

    def best(found: Choice) -> int:
        return max(rung(models, language, found.use), rung(models, language, found.better))

    assert best(after) >= best(before)


@given(catalogues(), machines, speeds)
def test_what_fits_writes_faster_than_the_voice_speaks(
    models: list[Model], machine: Machine, measured: dict[str, Speed]
) -> None:
    for model in models:
        found = assess(model, models, machine, measured)
        if found.fits and found.basis != "gpu":
            assert beside_voice_tps(found.speed, machine.cores) >= SPEAKING_TPS


@pytest.mark.parametrize(
    ("machine", "better"),
    [
        (Machine(1 * GB, 2), None),
        (Machine(2 * GB, 2), SMALL),
        (Machine(2 * GB, 1), SMALL),
        (Machine(16 * GB, 1), SMALL),
        (Machine(3 * GB, 2), EVERYDAY),
        (Machine(16 * GB, 2), EVERYDAY),
        (Machine(16 * GB, 4), EVERYDAY),
        (Machine(7 * GB, 8), EVERYDAY),
        (Machine(8 * GB, 6), "qwen3.5-4b"),
        (Machine(32 * GB, 16), "qwen3.5-4b"),
        (Machine(4 * GB, 4, 6 * GB), "qwen3.5-4b"),
        (Machine(4 * GB, 4, 10 * GB), "qwen3.5-9b"),
    ],
)
def test_the_rung_of_a_machine_where_nothing_was_measured(machine: Machine, better: str | None) -> None:
    found = choose(SHIPPED, machine, {}, {DEMO}, "en")
    assert (found.better.name if found.better else None) == better


def test_the_demo_alone_foretells_the_larger_ones_within_a_fifth() -> None:
    for name in (SMALL, EVERYDAY):
        model = next(model for model in SHIPPED if model.name == name)
        found = assess(model, SHIPPED, Machine(8 * GB, 2), {DEMO: HERE[DEMO]})
        assert found.basis == "scaled"
        assert found.speed.writing_tps == pytest.approx(HERE[name].writing_tps, rel=0.2)
        assert found.speed.reading_tps == pytest.approx(HERE[name].reading_tps, rel=0.2)


def test_the_measured_model_of_the_nearest_size_counts() -> None:
    small, large = language_model("small", 100), language_model("large", 4000)
    between = language_model("between", 3000)
    measured = {"small": Speed(1000, 1000), "large": Speed(10, 4)}
    found = assess(between, [small, between, large], Machine(8 * GB, 4), measured)
    assert found.speed.writing_tps == pytest.approx(4 * 4100 / 3100)


def test_its_own_speed_beats_what_is_foretold() -> None:
    slow = HERE | {EVERYDAY: Speed(37, 3.0)}
    found = choose(SHIPPED, Machine(8 * GB, 2), slow, set(HERE), "en")
    assert found.use
    assert found.use.name == SMALL
    assert found.why.endswith("; qwen2.5-coder-1.5b-instruct would write only 3.0 tokens a second")


def test_a_model_that_reads_too_slowly_is_passed_over() -> None:
    found = choose(SHIPPED, Machine(8 * GB, 2), HERE | {EVERYDAY: Speed(5, 8.5)}, {EVERYDAY}, "en")
    assert found.use is None
    assert found.why.endswith("qwen2.5-coder-1.5b-instruct would begin an answer after 3.5 s")


def test_what_is_a_little_slow_is_used_where_it_is_and_not_downloaded() -> None:
    slowish = HERE | {EVERYDAY: Speed(10, 8.5)}
    here = choose(SHIPPED, Machine(8 * GB, 2), slowish, {DEMO, EVERYDAY}, "en")
    assert here.use
    assert here.use.name == EVERYDAY
    absent = choose(SHIPPED, Machine(8 * GB, 2), slowish, {DEMO}, "en")
    assert absent.better
    assert absent.better.name == SMALL


def test_the_reason_is_one_line() -> None:
    found = choose(SHIPPED, Machine(5_200_000_000, 2), HERE, set(HERE), "en")
    assert found.why == f"{EVERYDAY}: the best of 3 that fit 5.2 GB free; writes about 8 tokens a second here"
    assert found.why_better == "nothing better is known that this machine can run"


def test_less_memory_leads_to_another_rung_and_is_said() -> None:
    found = choose(SHIPPED, Machine(2_200_000_000, 2), HERE, set(HERE), "en")
    assert found.why == (
        f"{SMALL}: the best of 2 that fit 2.2 GB free; writes about 20 tokens a second here; {EVERYDAY} needs 2.4 GB"
    )


def test_an_estimate_is_called_one() -> None:
    found = choose(SHIPPED, Machine(4 * GB, 2), {}, {DEMO}, "en")
    assert found.why == (
        f"{DEMO}: the only one here that fits 4.0 GB free; "
        "writes about 52 tokens a second here (estimated from the cores)"
    )
    assert found.why_better == (
        f"{EVERYDAY}: 56 of 60 questions right, 21 now; writes about 8 tokens a second here (estimated from the cores)"
    )
    measured = choose(SHIPPED, Machine(4 * GB, 2), {DEMO: HERE[DEMO]}, {DEMO}, "en")
    assert measured.why_better.endswith("writes about 9 tokens a second here (estimated)")


def test_nothing_installed_is_said() -> None:
    found = choose(SHIPPED, Machine(4 * GB, 2), {}, set(), "en")
    assert (found.use, found.why) == (None, "no language model is installed")
    assert found.why_better.startswith(f"{EVERYDAY}: 56 of 60 questions right; ")


def test_too_little_memory_for_any_is_said() -> None:
    found = choose(SHIPPED, Machine(GB, 2), {}, {DEMO}, "en")
    assert (found.use, found.why) == (None, f"no language model here fits 1.0 GB free: {DEMO} needs 1.2 GB")


def test_a_model_that_was_not_scored_counts_by_its_size() -> None:
    found = choose(SHIPPED, Machine(16 * GB, 8), HERE | {EVERYDAY: Speed(100, 20)}, {EVERYDAY}, "en")
    assert (
        found.why_better
        == "qwen3.5-4b: 4 billion parameters, 1.54 now; writes about 9 tokens a second here (estimated)"
    )
    empty = choose(SHIPPED, Machine(16 * GB, 8), {}, set(), "en")
    assert empty.why_better.startswith("qwen3.5-4b: 4 billion parameters; ")


def test_a_model_that_the_user_has_downloaded_is_used_without_a_score() -> None:
    found = choose(SHIPPED, Machine(8 * GB, 2), HERE, {DEMO, "qwen3.5-2b"}, "en")
    assert found.use
    assert found.use.name == "qwen3.5-2b"


def test_the_language_comes_before_the_rung() -> None:
    english = language_model("english", score=50)
    german = language_model("german", languages=("de",), score=20)
    ask = choose([german, english], Machine(8 * GB, 2), {}, {"german", "english"}, "de")
    assert ask.use == german
    only = choose([german, english], Machine(8 * GB, 2), {}, {"english"}, "de")
    assert (only.use, only.better) == (english, german)
    assert only.why.endswith("; knows no German")
    any_language = choose([german, english], Machine(8 * GB, 2), {}, {"english"}, ANY_LANGUAGE)
    assert (any_language.use, any_language.better) == (english, None)


def test_a_score_is_not_compared_with_none() -> None:
    unscored, scored = language_model("unscored"), language_model("scored", score=40)
    found = choose([unscored, scored], Machine(8 * GB, 2), {}, {"unscored"}, "en")
    assert found.why_better.startswith("scored: 40 of 60 questions right; ")


def test_a_gpu_is_said_and_its_own_measure_counts_there_too() -> None:
    machine = Machine(4 * GB, 4, 6 * GB)
    found = choose(SHIPPED, machine, {}, {EVERYDAY}, "en")
    assert found.why == f"{EVERYDAY}: the only one here that fits 4.0 GB free; runs on the GPU"
    slow = choose(SHIPPED, machine, {EVERYDAY: Speed(30, 2)}, {EVERYDAY}, "en")
    assert slow.use is None


def test_where_no_hub_is_reached_the_registries_have_the_next_rung() -> None:
    found = choose(SHIPPED, Machine(16 * GB, 8), {}, {DEMO}, "en")
    assert found.better
    assert found.better.kinds == ("hub",)
    assert [model.name for model in found.from_registries] == [EVERYDAY, SMALL]


def test_a_model_without_a_pinned_size_counts_by_what_is_known() -> None:
    (source,) = language_model("new").source
    unpinned = source.model_copy(update={"files": (source.files[0].model_copy(update={"size": None, "sha256": None}),)})
    by_name = {"approx": language_model("approx", approx_mb=2000), "memory": language_model("memory", memory_mb=2000)}
    for name, model in by_name.items():
        unknown = model.model_copy(update={"source": (unpinned,)})
        known = language_model(name, 2000)
        machine = Machine(8 * GB, 2)
        assert assess(unknown, [], machine, {}).speed == assess(known, [], machine, {}).speed


class TestShipped:
    models = rungs(SHIPPED, "en")

    def test_scores_rise_along_the_ladder(self) -> None:
        scores = [model.score for model in self.models if model.score is not None]
        assert scores == sorted(scores)
        assert len(scores) >= 3

    def test_a_score_means_that_the_registries_have_it(self) -> None:
        assert all({"pypi", "npm"} & set(model.kinds) for model in self.models if model.score is not None)

    def test_every_language_model_is_pinned_by_digest(self) -> None:
        for model in self.models:
            for source in model.source:
                assert "@main" not in source.origin
                assert all(file.sha256 for file in source.files)

    def test_what_comes_from_a_registry_brings_its_license(self) -> None:
        for model in self.models:
            for source in model.source:
                if source.kind == "pypi":
                    assert "LICENSE" in {file.name for file in source.files}

    def test_memory_is_more_than_the_file(self) -> None:
        assert all(model.memory_mb * 1_000_000 > (model.size_bytes or 0) for model in self.models)

    def test_the_demo_needs_the_least(self) -> None:
        assert self.models[0].default
        assert min(needed_bytes(model) for model in self.models) == needed_bytes(self.models[0])

    def test_a_larger_machine_keeps_the_measured_speeds(self) -> None:
        found = assess(self.models[0], SHIPPED, replace(Machine(8 * GB, 2), cores=64), HERE)
        assert found.speed == HERE[DEMO]

    def test_the_document_has_a_row_for_each_with_its_facts(self) -> None:
        lines = (ROOT / "docs/language-models.md").read_text(encoding="utf8").splitlines()
        rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
        listed = {cells[0]: cells[1:] for cells in rows if len(cells) == 8}
        assert list(listed) == [model.name for model in self.models]
        for model in self.models:
            score = "–" if model.score is None else str(model.score)
            languages = "English" if model.languages == ("en",) else str(len(model.languages))
            sizes = [size_text(model.size_bytes or 0), gigabytes(needed_bytes(model))]
            assert listed[model.name][:6] == [f"{model.parameters_b:g}", *sizes, languages, score, model.license]
