"""What streaming adds to the voice's contract, on the real model: early sound, no seams, and a way back."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.defaults import SETTINGS
from tests.words import word_error_rate
from voicecli.audio.resample import resample
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.kokoro.model import CutModel
from voicecli.engines.kokoro.voices import read_voice
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import LISTEN_RATE_HZ, AudioChunk, Pcm, SpeechSegment

pytestmark = pytest.mark.model

LONG = (
    "The quick brown fox jumps over the lazy dog, and then it runs away into the forest to look for something to eat."
)
WHOLE = SETTINGS.tts.model_copy(update={"streaming": False})


@pytest.fixture(scope="module")
def model(model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the model, with nothing kept beside it yet."""
    source = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    folder = tmp_path_factory.mktemp("kokoro")
    return Path(shutil.copy(source, folder))


@pytest.fixture(scope="module")
def voices(model_folder: Callable[[str], Path]) -> Path:
    return model_folder("kokoro-voices")


@pytest.fixture(scope="module")
def first_load(model: Path, voices: Path) -> tuple[Kokoro, list[str]]:
    reported: list[str] = []
    return Kokoro.load(model, voices, SETTINGS.tts, reported.append), reported


@pytest.fixture(scope="module")
def kokoro(first_load: tuple[Kokoro, list[str]]) -> Kokoro:
    return first_load[0]


@pytest.fixture(scope="module")
def audio_chunks(kokoro: Kokoro) -> list[AudioChunk]:
    return list(kokoro.synthesize(LONG))


def joined(audio_chunks: list[AudioChunk]) -> Pcm:
    return np.concatenate([audio_chunk.pcm for audio_chunk in audio_chunks])


def test_the_first_sound_is_a_small_part_of_the_whole(audio_chunks: list[AudioChunk]) -> None:
    assert len(audio_chunks) > 4
    assert len(audio_chunks[0].pcm) < 0.2 * len(joined(audio_chunks))
    shares = [audio_chunk.share for audio_chunk in audio_chunks]
    assert shares == sorted(shares)
    assert [share == 1 for share in shares] == [False] * (len(shares) - 1) + [True]


def test_where_the_machine_keeps_up_the_first_sound_is_short(kokoro: Kokoro, model: Path, voices: Path) -> None:
    keeps_up = CutModel(model, SETTINGS.tts, lambda text: None, clock=lambda: 0.0)
    first = next(keeps_up.voice(read_voice(voices, kokoro.voice), 1.0).say(LONG))
    assert len(first.audio) / kokoro.sample_rate_hz <= 0.6


@pytest.mark.parametrize("text", [LONG, "In the middle of the night, some of them were in the house — 221B, I think."])
def test_every_word_has_an_end_in_its_audio_chunk(kokoro: Kokoro, text: str) -> None:
    ends_s, passed_s = [], 0.0
    for audio_chunk in kokoro.synthesize(text):
        assert audio_chunk.word_ends_s is not None
        length_s = len(audio_chunk.pcm) / kokoro.sample_rate_hz
        assert all(0 <= end_s <= length_s for end_s in audio_chunk.word_ends_s)
        ends_s += [passed_s + end_s for end_s in audio_chunk.word_ends_s]
        passed_s += length_s
    assert len(ends_s) == len(text.split())
    assert ends_s == sorted(ends_s)


def test_words_end_when_they_are_heard_to(kokoro: Kokoro) -> None:
    """The pause after the comma begins with the word before it over, and ends with the next one not begun."""
    text = "Take the bread to the kitchen; and then come back to the table."
    audio_chunks = list(kokoro.synthesize(text))
    pcm = np.abs(joined(audio_chunks).astype(np.int64))
    begins_s = np.cumsum([0, *(len(audio_chunk.pcm) for audio_chunk in audio_chunks)]) / kokoro.sample_rate_hz
    reported = zip(begins_s, audio_chunks, strict=False)
    ends_s = [begin_s + end_s for begin_s, audio_chunk in reported for end_s in audio_chunk.word_ends_s or ()]
    kitchen_s, and_s = ends_s[5], ends_s[6]
    step = kokoro.sample_rate_hz // 100
    loud = pcm[: len(pcm) // step * step].reshape(-1, step).max(axis=1) > 0.02 * pcm.max()
    quiet = [index for index in range(len(loud) - 10) if not loud[index : index + 10].any()]
    pause_s = quiet[0] / 100
    assert kitchen_s == pytest.approx(pause_s, abs=0.12)
    assert and_s > pause_s + 0.1


def test_audio_chunks_join_without_a_jump(audio_chunks: list[AudioChunk]) -> None:
    pcm = joined(audio_chunks).astype(np.int64)
    seams = np.cumsum([len(audio_chunk.pcm) for audio_chunk in audio_chunks])[:-1]
    at_seams = np.abs(pcm[seams] - pcm[seams - 1])
    assert at_seams.max() <= np.quantile(np.abs(np.diff(pcm)), 0.999)


def test_streamed_speech_is_understood_as_well_as_whole_speech(
    audio_chunks: list[AudioChunk], model: Path, voices: Path, model_folder: Callable[[str], Path]
) -> None:
    whisper = Whisper.load(model_folder("whisper-base"), SETTINGS.stt)

    def errors(pcm: Pcm) -> float:
        heard = resample(pcm, 24_000, LISTEN_RATE_HZ)
        return word_error_rate(LONG, whisper.transcribe(SpeechSegment(heard, 0.0, 0.0)).text)

    whole = joined(list(Kokoro.load(model, voices, WHOLE).synthesize(LONG)))
    assert errors(joined(audio_chunks)) <= errors(whole) + 0.05
    assert len(joined(audio_chunks)) == pytest.approx(len(whole), rel=0.1)


def test_an_abandoned_text_chunk_leaves_the_voice_ready(kokoro: Kokoro) -> None:
    list(itertools.islice(kokoro.synthesize(LONG), 1))
    assert joined(list(kokoro.synthesize("Yes."))).any()


def test_preparing_is_reported_and_done_once(first_load: tuple[Kokoro, list[str]], model: Path, voices: Path) -> None:
    assert [text[:9] for text in first_load[1]] == ["Preparing", "Calibrati"]
    reported: list[str] = []
    Kokoro.load(model, voices, SETTINGS.tts, reported.append)
    assert reported == []


def test_damaged_preparations_are_made_again(kokoro: Kokoro, model: Path, voices: Path) -> None:
    (kept,) = (model.parent / "streaming").glob("*/generator.onnx")
    content = kept.read_bytes()
    kept.write_bytes(content[:-1000])
    reported: list[str] = []
    Kokoro.load(model, voices, SETTINGS.tts, reported.append)
    assert [text[:9] for text in reported] == ["Preparing"]
    assert kept.read_bytes() == content


def test_an_export_built_differently_speaks_whole_and_says_so(model: Path, voices: Path, tmp_path: Path) -> None:
    graph = onnx.load(model)
    for node in graph.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = name.replace("/decoder/decoder/decode.3/Div_4_output_0", "columns_by_another_name")
    onnx.save(graph, tmp_path / "other.onnx")
    reported: list[str] = []
    kokoro = Kokoro.load(tmp_path / "other.onnx", voices, SETTINGS.tts, reported.append)
    assert "does not stream" in kokoro.name
    assert "cannot stream" in reported[-1]
    assert [audio_chunk.share for audio_chunk in kokoro.synthesize("Hello there.")] == [1.0]


def test_the_stock_path_is_a_setting(model: Path, voices: Path) -> None:
    kokoro = Kokoro.load(model, voices, WHOLE)
    assert "does not stream" not in kokoro.name
    assert [(audio_chunk.share, audio_chunk.word_ends_s) for audio_chunk in kokoro.synthesize(LONG)] == [(1.0, None)]


@pytest.fixture(scope="module")
def whisper(model_folder: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_folder("whisper-base"), SETTINGS.stt)


@pytest.mark.parametrize("name", ["bm_george", "af_heart:2+bm_george:1"])
def test_a_voice_speaks_at_once_and_streams_once_it_is_prepared(kokoro: Kokoro, whisper: Whisper, name: str) -> None:
    def errors(view: Kokoro) -> float:
        heard = resample(joined(list(view.synthesize(LONG))), 24_000, LISTEN_RATE_HZ)
        return word_error_rate(LONG, whisper.transcribe(SpeechSegment(heard, 0.0, 0.0)).text)

    whole = kokoro.speaking(name, 1.0)
    assert (whole.voice, whole.streams) == (name, False)
    (audio_chunk,) = whole.synthesize(LONG)
    assert audio_chunk.share == 1
    assert len(audio_chunk.word_ends_s or ()) == len(LONG.split())
    assert list(kokoro.preparing(name)) == [1, 2, 3, 4, 5, 6]
    prepared = kokoro.speaking(name, 1.0)
    assert prepared.streams
    assert len(list(prepared.synthesize(LONG))) > 4
    assert not whole.streams, "a view stays as it was made"
    assert list(kokoro.preparing(name)) == []
    assert max(errors(whole), errors(prepared)) <= 0.15


def test_views_share_a_model_and_nothing_else(kokoro: Kokoro) -> None:
    fast = kokoro.speaking("af_heart", 2.0)
    lengths = [len(joined(list(view.synthesize(LONG)))) for view in (kokoro, fast)]
    assert lengths[1] < 0.65 * lengths[0]
    assert (fast.language, kokoro.speaking("af_heart", 1.0, "b").language) == ("en-us", "en-gb")
    assert kokoro.voice in [known.name for known in kokoro.known_voices()]


def test_the_stock_path_has_all_voices_too(model: Path, voices: Path) -> None:
    kokoro = Kokoro.load(model, voices, WHOLE)
    blend = kokoro.speaking("af_heart+bm_george", 1.0)
    sounds = [joined(list(view.synthesize("Hello there."))) for view in (kokoro, blend)]
    assert not np.array_equal(sounds[0], sounds[1])
    assert list(kokoro.preparing("af_heart+bm_george")) == []


@pytest.mark.parametrize("text", ["Paris is the capital.", "The moon is far away.", "To be fair, it is.", "Honey."])
def test_the_voice_begins_at_once_and_without_a_click(kokoro: Kokoro, text: str) -> None:
    """A click of 5 ms before 30 to 60 ms of silence is what the cut before the first sound left behind."""
    pcm = np.concatenate([audio_chunk.pcm for audio_chunk in kokoro.synthesize(text)]).astype(np.float64)
    size = kokoro.sample_rate_hz // 100
    levels_db = 10 * np.log10(np.mean(pcm[: 4 * size].reshape(4, size) ** 2, axis=1) / 32768**2 + 1e-9)
    assert max(levels_db[1:]) > -45
    assert levels_db[0] < max(levels_db[1:])
