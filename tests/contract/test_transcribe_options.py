"""What a session may ask of the resident recognizer, on the real model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from faster_whisper import WhisperModel

from tests.defaults import SETTINGS
from tests.speech import NOISE, SENTENCES, SPOKEN, clip
from tests.words import word_error_rate
from voicecli.audio.resample import resample
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.whisper.engine import Whisper
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.errors import SettingsError
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, TranscribeOptions, Transcript

pytestmark = pytest.mark.model

LEAD_S = 0.5
NAMES = "Please call Siobhan Kowalczyk tomorrow."
STORY = "The first day was easy, because the path was flat and the wind came from behind."
SAID_EARLIER_S = (
    0.1  # a word's end by Whisper against the voice's own: 0.03 s in the middle, 0.12 s at a sentence's end
)


@pytest.fixture(scope="module")
def kokoro(model_folder: Callable[[str], Path]) -> Kokoro:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    return Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts)


@pytest.fixture(scope="module")
def model(model_folder: Callable[[str], Path]) -> WhisperModel:
    return WhisperModel(str(model_folder("whisper-base")), device="cpu", compute_type="int8", cpu_threads=2)


@pytest.fixture(scope="module")
def whisper(model: WhisperModel) -> Whisper:
    return Whisper(model, SETTINGS.stt, "whisper-base")


@pytest.fixture(scope="module")
def full(model: WhisperModel) -> Whisper:
    return Whisper(model, SETTINGS.stt.model_copy(update={"window": "full"}), "whisper-base")


@pytest.fixture(params=["whisper", "full"])
def either(request: pytest.FixtureRequest) -> Whisper:
    """The recognizer with its short window, and with the full one."""
    found: Whisper = request.getfixturevalue(request.param)
    return found


def segment(pcm: Pcm) -> SpeechSegment:
    return SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)


def spoken(kokoro: Kokoro, text: str) -> tuple[Pcm, list[float]]:
    """A sentence after some silence, and when each of its words ends by the voice's own account."""
    silence = np.zeros(round(LEAD_S * LISTEN_RATE_HZ), np.int16)
    sound, ends_s = np.zeros(0, np.int16), list[float]()
    for audio_chunk in kokoro.synthesize(text):
        begin_s = LEAD_S + len(sound) / kokoro.sample_rate_hz
        ends_s += [begin_s + end_s for end_s in audio_chunk.word_ends_s or ()]
        sound = np.concatenate([sound, audio_chunk.pcm])
    return np.concatenate([silence, resample(sound, kokoro.sample_rate_hz, LISTEN_RATE_HZ)]), ends_s


def assert_words_fit(transcript: Transcript) -> None:
    assert [word.text for word in transcript.words] == transcript.text.split()
    times = [at_s for word in transcript.words for at_s in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= transcript.audio_s
    assert all(0 < word.probability <= 1 for word in transcript.words)


def test_words_end_when_the_voice_says_that_they_do(kokoro: Kokoro, either: Whisper) -> None:
    pcm, ends_s = spoken(kokoro, STORY)
    transcript = either.with_options(TranscribeOptions(words=True)).transcribe(segment(pcm))
    assert_words_fit(transcript)
    assert len(transcript.words) == len(ends_s)
    assert transcript.words[0].start_s == pytest.approx(LEAD_S, abs=0.15)
    differences = [abs(word.end_s - end_s) for word, end_s in zip(transcript.words, ends_s, strict=True)]
    assert median(differences) <= SAID_EARLIER_S
    assert max(differences) <= 0.3


@pytest.mark.parametrize("path", [*SPOKEN[:6], *SENTENCES[:3]], ids=lambda path: path.stem)
def test_words_lie_in_the_sound_and_where_faster_whisper_finds_them(
    model: WhisperModel, either: Whisper, path: Path
) -> None:
    pcm = clip(path)
    transcript = either.with_options(TranscribeOptions(words=True)).transcribe(segment(pcm))
    assert transcript.text == either.transcribe(segment(pcm)).text
    assert_words_fit(transcript)
    power = np.cumsum(pcm.astype(np.float64) ** 2)
    first, last = (round(at_s * LISTEN_RATE_HZ) for at_s in (transcript.words[0].start_s, transcript.words[-1].end_s))
    assert power[last - 1] - power[first] >= 0.85 * power[-1]
    segments, _ = model.transcribe(pcm.astype(np.float32) / 32768, language="en", beam_size=1, word_timestamps=True)
    theirs = {word.word.strip(): word.end for each in segments for word in each.words or ()}
    both = [abs(word.end_s - theirs[word.text]) for word in transcript.words if word.text in theirs]
    assert len(both) >= len(transcript.words) // 2
    assert median(both) <= 0.04


def test_words_are_reported_on_finals_alone_and_no_such_draft_passes_for_one(kokoro: Kokoro, whisper: Whisper) -> None:
    pcm, _ = spoken(kokoro, STORY)
    draft, telling = (
        whisper.draft(segment(pcm)),
        whisper.with_options(TranscribeOptions(words=True)).draft(segment(pcm)),
    )
    assert (telling.text, telling.words, telling.provisional) == (draft.text, (), True)
    assert whisper.transcribe(segment(pcm)).words == ()


@pytest.mark.parametrize("seconds", [0.02, 0.3, 2])
def test_a_text_that_is_withheld_has_no_words(whisper: Whisper, seconds: float) -> None:
    noise = np.random.default_rng(2).normal(0, 300, round(seconds * LISTEN_RATE_HZ)).astype(np.int16)
    transcript = whisper.with_options(TranscribeOptions(words=True)).transcribe(segment(noise))
    assert (transcript.text, transcript.words) == ("", ())


def test_words_of_long_speech_are_those_of_the_whole(kokoro: Kokoro, whisper: Whisper) -> None:
    (names, names_s), (story, story_s) = spoken(kokoro, NAMES), spoken(kokoro, STORY)
    pcm, ends_s = np.concatenate([names, story]), [len(names) / LISTEN_RATE_HZ + end_s for end_s in story_s]
    with_options = whisper.with_options(TranscribeOptions(hotwords=("Siobhan", "Kowalczyk"), words=True))
    transcript = LongSpeech(with_options, longest_s=5.0).transcribe(segment(pcm))
    assert transcript.settled
    assert_words_fit(transcript)
    assert len(transcript.words) == len(names_s) + len(ends_s)
    assert transcript.words[-1].end_s == pytest.approx(ends_s[-1], abs=0.3)


def test_hotwords_are_heard_as_they_are_written(model_folder: Callable[[str], Path], whisper: Whisper) -> None:
    """Three voices: on one CPU or another, a draft of one of them may be unsure and wrong, and says so."""
    file, voices = next(model_folder("kokoro-v1.0-int8").glob("*.onnx")), model_folder("kokoro-voices")
    with_options, sure = whisper.with_options(TranscribeOptions(hotwords=("Siobhan", "Kowalczyk"))), 0
    for voice in ("bm_george", "am_michael", "af_bella"):
        pcm, _ = spoken(Kokoro.load(file, voices, SETTINGS.tts.model_copy(update={"voice": voice})), NAMES)
        assert "Kowalczyk" not in whisper.transcribe(segment(pcm)).text
        assert word_error_rate(NAMES, with_options.transcribe(segment(pcm)).text) == 0
        draft = with_options.draft(segment(pcm))
        assert draft.provisional or "Kowalczyk" in draft.text
        sure += not draft.provisional
        assert "Kowalczyk" not in whisper.transcribe(segment(pcm)).text
    assert sure >= 2


def test_hotwords_beyond_whispers_context_leave_room_for_the_text(kokoro: Kokoro, whisper: Whisper) -> None:
    pcm, _ = spoken(kokoro, STORY)
    many = ("Siobhan", "Kowalczyk") * 100
    assert (
        word_error_rate(STORY, whisper.with_options(TranscribeOptions(hotwords=many)).transcribe(segment(pcm)).text)
        <= 0.2
    )


@pytest.mark.parametrize("path", SENTENCES, ids=lambda path: path.stem)
def test_hotwords_that_are_not_said_leave_clear_speech_alone(whisper: Whisper, path: Path) -> None:
    text = (
        whisper.with_options(TranscribeOptions(hotwords=("Siobhan", "Kowalczyk"))).transcribe(segment(clip(path))).text
    )
    assert word_error_rate(path.with_suffix(".txt").read_text(encoding="utf8"), text) <= 0.35


@pytest.mark.parametrize("path", NOISE, ids=lambda path: path.stem)
def test_no_hotword_is_heard_in_noise(whisper: Whisper, path: Path) -> None:
    assert (
        whisper.with_options(TranscribeOptions(hotwords=("Siobhan", "Kowalczyk"))).transcribe(segment(clip(path))).text
        == ""
    )


@pytest.mark.parametrize("pcm", [np.zeros(32_000, np.int16), np.random.default_rng(2).normal(0, 300, 32_000)])
def test_no_hotword_is_heard_in_silence(whisper: Whisper, pcm: Pcm) -> None:
    with_options = whisper.with_options(TranscribeOptions(hotwords=("Siobhan", "Kowalczyk")))
    assert with_options.transcribe(segment(pcm.astype(np.int16))).text == ""


def test_the_language_is_detected_where_that_is_wished(kokoro: Kokoro, whisper: Whisper) -> None:
    pcm, _ = spoken(kokoro, STORY)
    assert whisper.with_options(TranscribeOptions(language="auto")).transcribe(segment(pcm)).language == "en"
    assert whisper.with_options(TranscribeOptions(language="auto")).draft(segment(pcm)).language == "en"
    assert whisper.with_options(TranscribeOptions(language="de")).transcribe(segment(pcm)).language == "de"
    assert whisper.with_options(TranscribeOptions()).transcribe(segment(pcm)) == whisper.transcribe(segment(pcm))


def test_a_language_that_the_model_lacks_is_refused(model: WhisperModel, whisper: Whisper) -> None:
    with pytest.raises(SettingsError) as caught:
        whisper.with_options(TranscribeOptions(language="german"))
    assert "did you mean de?" in caught.value.hint
    with pytest.raises(SettingsError, match="yue"):  # Cantonese came with large-v3
        whisper.with_options(TranscribeOptions(language="yue"))
    with pytest.raises(SettingsError, match="klingon"):
        Whisper(model, SETTINGS.stt.model_copy(update={"language": "klingon"}), "whisper-base")


@pytest.mark.timeout(240)
def test_several_utterances_in_one_go_are_what_each_is_by_itself(kokoro: Kokoro, full: Whisper) -> None:
    spoken_, silence = [spoken(kokoro, text)[0] for text in (NAMES, STORY)], np.zeros(LISTEN_RATE_HZ, np.int16)
    segments = [segment(pcm) for pcm in (spoken_[0], silence, spoken_[1])]
    with_options = full.with_options(TranscribeOptions(words=True))
    assert with_options.transcribe_all(segments) == [with_options.transcribe(one) for one in segments]
    assert with_options.transcribe_all([]) == []


@pytest.mark.parametrize("language", ["en", "auto"])
def test_several_utterances_at_the_short_window_keep_their_words(whisper: Whisper, language: str) -> None:
    segments = [segment(clip(path)) for path in [*SENTENCES[:3], SPOKEN[0]] if isinstance(path, Path)]
    with_options = whisper.with_options(TranscribeOptions(language, words=True))
    for one, alone in zip(with_options.transcribe_all(segments), map(with_options.transcribe, segments), strict=True):
        assert word_error_rate(alone.text, one.text) <= 0.2
        assert (one.language, one.audio_s) == ("en", alone.audio_s)
        assert_words_fit(one)
