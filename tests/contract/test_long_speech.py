"""Long, whispered and mixed speech, through gate, segmenter and recognizer as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.defaults import LISTEN, SETTINGS
from tests.speech import SENTENCES, clip
from tests.voices import together, whispered
from tests.words import word_error_rate
from voicecli.assemble.devices import make_vad
from voicecli.audio.resample import resample
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.whisper.engine import Whisper
from voicecli.engines.whisper.long_audio import LONGEST_S, LongSpeech
from voicecli.turns.segmenter import Endpoint, Pause, Segmenter
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment

pytestmark = [pytest.mark.model, pytest.mark.timeout(240)]

STORY = """Last summer my sister and I walked along the coast of Portugal.
The first day was easy, because the path was flat and the wind came from behind.
We slept in a small house that belonged to a fisherman and his wife.
In the morning they gave us bread, cheese and very strong coffee.
Then it began to rain, and it did not stop until Thursday evening.
Our shoes were wet and heavy, but nobody wanted to take the bus.
On the fourth day we met a teacher from Berlin who spoke five languages.
She showed us a chapel on a hill that is not on any map.
We found it after two hours, hidden behind some old olive trees.
Inside there was a painting of a ship with seven white sails.
At the end of the week we sat on the beach and counted our coins.
There was just enough money left for the train and three oranges.""".splitlines()


@pytest.fixture(scope="module")
def whisper(model_folder: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_folder("whisper-base"), SETTINGS.stt)


@pytest.fixture(scope="module")
def story(model_folder: Callable[[str], Path]) -> list[Pcm]:
    """Each sentence as sound, without the pause that a voice makes after it: the monologue has no easy cuts."""
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    kokoro = Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts)
    sentences: list[Pcm] = []
    for text in STORY:
        sound = np.concatenate([audio_chunk.pcm for audio_chunk in kokoro.synthesize(text)])
        pcm = resample(sound, kokoro.sample_rate_hz, LISTEN_RATE_HZ)
        loud = np.flatnonzero(np.abs(pcm) > 200)
        sentences.append(pcm[: loud[-1] + LISTEN_RATE_HZ // 20])
    return sentences


def segment(pcm: Pcm) -> SpeechSegment:
    return SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)


def heard(pcm: Pcm, stt: Whisper) -> str:
    """What is understood of a recording with a silent room before and after it."""
    room = np.random.default_rng(0).normal(0, 8, 2 * LISTEN_RATE_HZ).astype(np.int16)
    whole = np.concatenate([room, pcm, room])
    gate, segmenter = make_vad(LISTEN), Segmenter(LISTEN)
    texts: list[str] = []
    latest: SpeechSegment | None = None
    for index in range(len(whole) // FRAME_SAMPLES):
        frame = AudioFrame(whole[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES], index * FRAME_S)
        for item in segmenter.push(frame, gate.is_speech(frame), LISTEN.start_ms):
            if isinstance(item, Pause):
                latest = item.segment
            elif isinstance(item, Endpoint):
                assert latest is not None
                texts.append(stt.transcribe(latest).text)
    assert not segmenter.is_open
    return " ".join(texts)


def test_a_monologue_keeps_the_words_of_its_sentences(whisper: Whisper, story: list[Pcm]) -> None:
    pcm = np.concatenate(story)
    assert len(pcm) / LISTEN_RATE_HZ > 1.4 * LONGEST_S
    alone = word_error_rate(" ".join(STORY), " ".join(whisper.transcribe(segment(one)).text for one in story))
    long = LongSpeech(whisper)
    for until_s in range(5, len(pcm) // LISTEN_RATE_HZ, 5):
        long.draft(segment(pcm[: until_s * LISTEN_RATE_HZ]))
    grown = long.transcribe(segment(pcm))
    assert grown.text == LongSpeech(whisper).transcribe(segment(pcm)).text
    assert grown.settled > 0
    assert word_error_rate(" ".join(STORY), grown.text) <= alone + 0.05


@pytest.mark.parametrize("softer_db", [0, 20])
@pytest.mark.parametrize("path", SENTENCES, ids=lambda path: path.stem)
def test_whispered_words_are_heard(whisper: Whisper, path: Path, softer_db: float) -> None:
    pcm = (whispered(clip(path)) * 10 ** (-softer_db / 20)).astype(np.int16)
    assert word_error_rate(path.with_suffix(".txt").read_text(encoding="utf8"), heard(pcm, whisper)) <= 0.5


@pytest.mark.parametrize("below_db", [0, 15])
@pytest.mark.parametrize("number", range(3))
def test_of_two_people_at_once_the_louder_one_is_heard_or_nobody(
    whisper: Whisper, number: int, below_db: float
) -> None:
    if len(SENTENCES) < 6:
        pytest.skip("needs the recordings that lie beside the checkout")
    path, other = SENTENCES[number], SENTENCES[(number + 2) % 5]  # five of one speaker, equally loud
    text = heard(together(clip(path), clip(other), -below_db), whisper)
    if below_db:
        assert word_error_rate(path.with_suffix(".txt").read_text(encoding="utf8"), text) <= 0.35
    else:
        assert len(text.split()) <= 20  # neither two sentences' worth of words twice nor a loop
