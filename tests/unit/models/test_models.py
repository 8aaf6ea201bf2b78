"""The manifest, and what of it counts as being on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.models.stage import manifest, model, pinned, sha256, source
from voicecli.errors import ModelMissing, SettingsError
from voicecli.models.manifest import Manifest
from voicecli.models.store import DIGESTS_FILE, ModelStore

WEIGHTS = b"weights of a tiny model"
LICENCE = b"do what you like"
TINY = model("tiny", source("pypi", "tiny==1.0", pinned("a.bin", WEIGHTS), pinned("LICENSE", LICENCE)), default=True)
TWO_CONVERSIONS = model(
    "twice",
    source("hub", "me/twice@main", pinned("a.bin", b"one conversion"), pinned("words.txt", b"words")),
    source("pypi", "twice==1.0", pinned("a.bin", b"another one"), pinned("words.json", b"{}")),
)
FROM_HUB = model("unpinned", source("hub", "me/unpinned@main", '{ name = "a.bin" }'))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", manifest(TINY, TWO_CONVERSIONS, FROM_HUB))


def put(store: ModelStore, name: str, **files: bytes) -> Path:
    folder = store.folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file.replace("_", ".")).write_bytes(content)
    return folder


class TestShippedManifest:
    def test_names_every_model_that_the_settings_may_refer_to(self) -> None:
        shipped = Manifest.load()
        for name in (
            *("whisper-tiny", "whisper-tiny.en", "whisper-base", "whisper-small", "whisper-small.en"),
            *("whisper-medium", "whisper-large-v3", "whisper-large-v3-turbo", "distil-whisper-medium.en"),
            *("kokoro-v1.0-int8", "kokoro-v1.0-fp16", "kokoro-v1.0-fp32", "kokoro-voices"),
            *("smollm2-135m-instruct", "smart-turn-v3.2"),
        ):
            assert shipped.find(name).name == name

    def test_the_defaults_make_a_conversation_and_come_from_package_registries_alone(self) -> None:
        defaults = Manifest.load().defaults()
        assert {one.kind for one in defaults} == {"stt", "tts", "voices", "llm", "turn"}
        for one in defaults:
            assert {"pypi", "npm"} & set(one.kinds), f"{one.name} needs a hub"

    def test_pins_what_the_registries_hold(self) -> None:
        shipped = Manifest.load()
        digests = {f.sha256 for one in shipped.model for s in one.source for f in s.files if s.kind in ("pypi", "npm")}
        assert {
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        } <= digests

    def test_holds_54_voices_of_one_shape(self) -> None:
        voices = [f for f in Manifest.load().find("kokoro-voices").source[-1].files if f.name.endswith(".bin")]
        assert len(voices) == 54
        assert {voice.size for voice in voices} == {510 * 1 * 256 * 4}

    def test_has_a_size_for_every_model(self) -> None:
        assert all(one.size_bytes or one.approx_mb for one in Manifest.load().model)


class TestManifest:
    def test_an_unknown_name_suggests_the_nearest(self) -> None:
        with pytest.raises(SettingsError) as caught:
            Manifest.load().find("whisper-bsae")
        assert "whisper-bsae" in caught.value.message
        assert "did you mean whisper-base?" in caught.value.hint

    @pytest.mark.parametrize("name", ["../a.bin", "a/b.bin", "..", ".hidden", "a\\\\b", "a.bin.part", ""])
    def test_refuses_a_file_name_that_could_leave_its_folder_or_pass_for_unfinished(self, name: str) -> None:
        with pytest.raises(ValueError, match="plain file name"):
            manifest(model("m", source("hub", "me/m@main", f'{{ name = "{name}" }}')))

    def test_refuses_a_package_file_without_a_digest(self) -> None:
        with pytest.raises(ValueError, match="needs size and sha256"):
            manifest(model("m", source("pypi", "m==1", '{ name = "a.bin", size = 3 }')))

    def test_refuses_an_origin_without_a_version(self) -> None:
        with pytest.raises(ValueError, match="names no version"):
            manifest(model("m", source("npm", "@scope/m", pinned("a.bin", WEIGHTS))))

    def test_refuses_a_key_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="sha265"):
            manifest(model("m", source("hub", "me/m@main", '{ name = "a.bin", sha265 = "0" }')))

    def test_a_part_may_come_from_another_package(self) -> None:
        line = pinned("a.bin", WEIGHTS, "one==1:in/one.bin", "in/two.bin")
        (only,) = manifest(model("m", source("pypi", "two==2", line))).find("m").source
        parts = [(part.origin, part.path) for part in only.parts(only.files[0])]
        assert parts == [("one==1", "in/one.bin"), ("two==2", "in/two.bin")]


class TestStore:
    def test_gives_the_folder_of_a_complete_model(self, store: ModelStore) -> None:
        folder = put(store, "tiny", a_bin=WEIGHTS, LICENSE=LICENCE)
        assert store.path("tiny") == folder
        assert store.state("tiny") == "installed"
        store.verify("tiny")

    def test_says_what_is_absent_and_how_to_get_it(self, store: ModelStore) -> None:
        with pytest.raises(ModelMissing, match="tiny is not installed") as caught:
            store.path("tiny")
        assert caught.value.hint == "voicecli download-models tiny"
        put(store, "tiny", a_bin=WEIGHTS)
        with pytest.raises(ModelMissing, match="lacks LICENSE in"):
            store.path("tiny")
        assert store.state("tiny") == "incomplete"

    @given(cut=st.integers(min_value=0, max_value=len(WEIGHTS) - 1))
    def test_a_truncated_file_never_counts(self, tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
        store = ModelStore(tmp_path_factory.mktemp("cut"), manifest(TINY))
        put(store, "tiny", a_bin=WEIGHTS[:cut], LICENSE=LICENCE)
        assert not store.is_complete("tiny")

    def test_a_part_file_never_counts(self, store: ModelStore) -> None:
        put(store, "tiny", a_bin_part=WEIGHTS, LICENSE=LICENCE)
        assert not store.is_complete("tiny")

    def test_verify_names_a_file_of_the_right_size_with_wrong_bytes(self, store: ModelStore) -> None:
        put(store, "tiny", a_bin=WEIGHTS.upper(), LICENSE=LICENCE)
        assert store.is_complete("tiny"), "sizes alone cannot tell"
        with pytest.raises(ModelMissing, match=r"wrong bytes in a\.bin$"):
            store.verify("tiny")

    def test_files_of_two_sources_do_not_add_up_to_a_model(self, store: ModelStore) -> None:
        put(store, "twice", a_bin=b"one conversion", words_json=b"{}")
        assert not store.is_complete("twice")
        put(store, "twice", words_txt=b"words")
        assert store.is_complete("twice")

    def test_an_unpinned_file_counts_by_what_its_hub_said(self, store: ModelStore) -> None:
        folder = put(store, "unpinned", a_bin=WEIGHTS)
        assert not store.is_complete("unpinned"), "nobody has vouched for it"
        unpinned = store.manifest.find("unpinned")
        store.record(unpinned, unpinned.source[0].files[0], sha256(WEIGHTS))
        store.verify("unpinned")
        (folder / "a.bin").write_bytes(WEIGHTS.upper())
        with pytest.raises(ModelMissing, match=r"wrong bytes in a\.bin"):
            store.verify("unpinned")

    def test_a_damaged_record_vouches_for_nothing(self, store: ModelStore) -> None:
        folder = put(store, "unpinned", a_bin=WEIGHTS)
        for text in ("{", "[]", '{"a.bin": 3}', '{"a.bin": {"size": 23, "sha256": "short"}}'):
            (folder / DIGESTS_FILE).write_text(text)
            assert not store.is_complete("unpinned")

    def test_remove_takes_the_model_and_leaves_its_neighbours(self, store: ModelStore) -> None:
        put(store, "tiny", a_bin=WEIGHTS, b_bin_part=b"half")
        put(store, "twice", a_bin=b"another one", words_json=b"{}")
        assert store.remove("tiny")
        assert store.state("tiny") == "absent"
        assert store.is_complete("twice")
        assert not store.remove("tiny"), "there was nothing left"

    def test_remove_of_a_linked_model_leaves_what_it_links_to(self, store: ModelStore, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "a.bin").write_bytes(WEIGHTS)
        store.root.mkdir()
        store.folder("tiny").symlink_to(elsewhere)
        assert store.remove("tiny")
        assert (elsewhere / "a.bin").exists()

    def test_remove_takes_a_file_that_stands_where_the_folder_should(self, store: ModelStore) -> None:
        store.root.mkdir()
        store.folder("tiny").write_text("in the way")
        assert store.state("tiny") == "incomplete"
        assert store.remove("tiny")
        assert store.state("tiny") == "absent"

    def test_an_unknown_name_is_a_mistake_in_the_settings(self, store: ModelStore) -> None:
        for ask in (store.path, store.is_complete, store.verify, store.remove):
            with pytest.raises(SettingsError, match="tinny"):
                ask("tinny")
