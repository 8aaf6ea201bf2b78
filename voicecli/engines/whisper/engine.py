"""Speech-to-text with faster-whisper (CTranslate2).

The short window of `whisper_encoder.py` may lead the decoder to begin again after the end of the speech. Where it does
so in the same words, the first round is the text; any other such decode is done once more at the full window. A greedy
decode that is unsure of its words is read again with a beam from the same states, which costs no encoding. Of 143
phrases in 40 spoken orders, 122 are heard without that and 126 with it, against 123 by a greedy decode of the full
window and 126 by a beam of 5 there; under pink noise at 10 dB it is 124 and 127. One in eleven is read again, one in
five under noise, each for about 0.1 s. `voicecli bench stt --baselines` measures the whole recognizer.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from voicecli.engines import gpu
from voicecli.engines.base import LanguageChoice
from voicecli.engines.cpu import physical_cores
from voicecli.engines.whisper.decoded import MIN_LOGPROB, Decoded, said_once, withheld
from voicecli.engines.whisper.encoder import FRAMES_PER_S, Encoded, Encoder
from voicecli.engines.whisper.options import hears_english_alone, hotword_tokens, known_language
from voicecli.engines.whisper.sound import trimmed, without_tail
from voicecli.engines.whisper.words import joined, timed
from voicecli.errors import EngineError, ModelMissing
from voicecli.settings.model import SttSettings
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, TranscribeOptions, Transcript, Word

MAX_THREADS = 4  # more gain little at batch size one (SYSTRAN/faster-whisper#33)
BEAM = 5  # faster-whisper's own; 2 or 3 find two thirds of what 5 finds
PADDING_S = 1.0  # no segment has more silence: 0.4 s before the speech and a pause after it
CONTEXT_TOKENS = 448  # Whisper's text context: half for what went before, half for the text


def spoken_s(segment: SpeechSegment) -> float:
    """How long the speech is. Sound that comes faster than it was spoken has clock times that do not tell."""
    return max(segment.ended_at_s - segment.started_at_s, segment.audio_s - PADDING_S)


@contextmanager
def failing_on(*segments: SpeechSegment) -> Iterator[None]:
    """CTranslate2's errors as EngineError."""
    try:
        yield
    except RuntimeError as error:
        audio_s = sum(segment.audio_s for segment in segments)
        raise EngineError(f"Whisper failed on {audio_s:.1f} s of speech: {error}") from error


class Whisper:
    """A resident Whisper model. All calls block; one worker thread owns it."""

    def __init__(self, model: WhisperModel, settings: SttSettings, name: str) -> None:
        """Raises SettingsError for a language that the model does not know."""
        self.name = name
        self._model = model
        self._language = self._known(settings.language)
        self._choice: LanguageChoice | None = None  # instead of the language
        self._before: list[int] = []  # prompt tokens that stand for what was said before
        self._tells_words = False
        self._encoder = Encoder(model, short=settings.window == "short")

    @classmethod
    def load(cls, folder: Path, settings: SttSettings) -> Whisper:
        """Load from a CTranslate2 folder and decode once, so that the first utterance finds everything warm.

        Raises ModelMissing when the folder holds no model, EngineError when it cannot run as asked, SettingsError for a
        language that it does not know.
        """
        if not (folder / "model.bin").is_file():
            raise ModelMissing(f"{folder} holds no CTranslate2 Whisper model", "voicecli download-models whisper-base")
        if settings.device == "cuda":
            gpu.preload_libraries()
            gpu.require_cuda("Whisper", ctranslate2.get_cuda_device_count())
        try:
            model = WhisperModel(
                str(folder),
                device=settings.device,
                compute_type=settings.compute_type,
                cpu_threads=settings.threads or physical_cores(MAX_THREADS),
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"Whisper cannot run as {settings.compute_type} on {settings.device}: {error}",
                "voicecli talk --profile cpu, or set stt.device and stt.compute_type",
            ) from error
        whisper = cls(model, settings, f"{folder.name} {settings.compute_type} {settings.device}")
        noise = np.random.default_rng(0).normal(0, 1000, LISTEN_RATE_HZ).astype(np.int16)
        whisper.transcribe(SpeechSegment(noise, 0.0, 1.0))
        return whisper

    def with_options(self, options: TranscribeOptions) -> Whisper:
        """The same resident model, heard with other wishes. Hotwords beyond half of Whisper's context are left out.

        Raises SettingsError for a language that the model does not know.
        """
        view = copy.copy(self)
        if options.language:
            view._language = self._known(options.language)
        tokenizer = self._tokenizer("en")  # any: only the tokens of the text are asked of it
        hotwords = hotword_tokens(tokenizer.encode, options.hotwords, CONTEXT_TOKENS // 2 - 1)
        view._before = [tokenizer.sot_prev, *hotwords] if hotwords else []
        view._tells_words = options.words
        return view

    def with_language_policy(self, choice: LanguageChoice) -> Whisper:
        """The same resident model, which asks for the language of each utterance."""
        view = copy.copy(self)
        view._choice = choice
        return view

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Final text: greedy at the short window, and again where that looks misled or unsure. Raises EngineError."""
        pcm = without_tail(segment.pcm)
        with failing_on(segment):
            encoded = self._encoder.encode([pcm])
            languages = self._languages(encoded, [segment])
            [first] = [decoded] = self._read(encoded, languages)
            if not first.misled and first.unsure and not self._hopeless(first):
                [decoded] = self._read(encoded, languages, BEAM)
            if decoded.misled and encoded.short:
                encoded = self._encoder.encode([pcm], short=False)
                [decoded] = self._read(encoded, languages, 1 if decoded is first else BEAM)
            [words] = self._words(encoded, [decoded], [pcm])
        return replace(_transcript(decoded, segment), redecoded=decoded is not first, words=words)

    def transcribe_all(self, segments: Sequence[SpeechSegment]) -> list[Transcript]:
        """Finals of several utterances, encoded and read in one go. Raises EngineError.

        What looks misled or unsure is transcribed by itself. Meant for a GPU: two cores are as quick one by one.
        """
        pcms = [without_tail(segment.pcm) for segment in segments]
        if not pcms:
            return []
        with failing_on(*segments):
            encoded = self._encoder.encode(pcms)
            decoded = self._read(encoded, self._languages(encoded, segments))
            words = self._words(encoded, decoded, pcms)
        return [
            self.transcribe(segment) if one.misled or one.unsure else replace(_transcript(one, segment), words=its)
            for segment, one, its in zip(segments, decoded, words, strict=True)
        ]

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Quick hypothesis on growing speech; one that looks misled is withheld. Raises EngineError."""
        with failing_on(segment):
            encoded = self._encoder.encode([segment.pcm])
            [decoded] = self._read(encoded, self._languages(encoded, [segment]))
        if decoded.misled:
            return Transcript("", decoded.language, segment.audio_s, "restart", provisional=True)
        draft = _transcript(decoded, segment)
        # A final would have words with times as well, so a draft with text must not be taken for one.
        return replace(draft, provisional=decoded.unsure or (self._tells_words and bool(draft.text)))

    def _read(self, encoded: Encoded, languages: Sequence[tuple[str, float]], beam: int = 1) -> list[Decoded]:
        tokenizers = [self._tokenizer(language) for language, _ in languages]
        prompts = [[*self._before, *one.sot_sequence, one.no_timestamps] for one in tokenizers]
        length = len(prompts[0])
        most = min(max(encoded.most_tokens), CONTEXT_TOKENS // 2, CONTEXT_TOKENS - length)
        results = self._model.model.generate(
            encoded.states,
            prompts,
            beam_size=beam,
            max_length=max(2 * most, most + length - 1),  # it stops at half of it, and where the prompt has used it up
            return_scores=True,
            return_no_speech_prob=True,
        )
        lengths_s = [frames / FRAMES_PER_S if encoded.short else math.inf for frames in encoded.frames]
        decodes = zip(results, tokenizers, encoded.most_tokens, lengths_s, strict=True)
        decoded = [
            replace(_decoded(result, tokenizer, min(cap, most), audio_s), language_probability=probability)
            for (result, tokenizer, cap, audio_s), (_, probability) in zip(decodes, languages, strict=True)
        ]
        if not self._before:
            return decoded
        silent = self._no_speech(encoded, [prompt[len(self._before) :] for prompt in prompts])
        return [replace(one, no_speech=no_speech) for one, no_speech in zip(decoded, silent, strict=True)]

    def _no_speech(self, encoded: Encoded, prompts: list[list[int]]) -> list[float]:
        """As it is without hotwords: after them Whisper finds up to 0.94 in clear speech."""
        length = len(prompts[0])  # room for one token, the fewest
        results = self._model.model.generate(
            encoded.states, prompts, beam_size=1, max_length=length, return_no_speech_prob=True
        )
        return [result.no_speech_prob for result in results]

    def _hopeless(self, first: Decoded) -> bool:
        """Noise, in which a beam would find a hotword."""
        return bool(self._before) and first.logprob < MIN_LOGPROB

    def _words(self, encoded: Encoded, decoded: Sequence[Decoded], pcms: Sequence[Pcm]) -> list[tuple[Word, ...]]:
        """When each word of each utterance was said; none of a text that is withheld."""
        found: list[tuple[Word, ...]] = [()] * len(decoded)
        reported = [index for index, one in enumerate(decoded) if self._tells_words and not withheld(one)]
        texts = [one.tokens for one in decoded]
        for language in {decoded[index].language for index in reported}:  # an alignment is of one language
            tokenizer = self._tokenizer(language)
            paths = self._model.model.align(encoded.states, tokenizer.sot_sequence, texts, list(encoded.frames))
            for index in reported:
                if decoded[index].language == language:
                    bits, of_bits = tokenizer.split_tokens_on_unicode(texts[index])
                    spoken = timed(bits, of_bits, paths[index].alignments, paths[index].text_token_probs)
                    found[index] = trimmed(joined(spoken, language), pcms[index])
        return found

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1, all that the model knows."""
        if not self._model.model.is_multilingual or hears_english_alone(self.name):
            return ("en",)
        of_model = self._model.hf_tokenizer.get_vocab()  # older models lack some: Cantonese came with large-v3
        return tuple(code for code in self._model.supported_languages if f"<|{code}|>" in of_model)

    def _known(self, language: str) -> str:
        """A language to decode in, or auto. Raises SettingsError."""
        return known_language(language, self.languages, self.name)

    def _languages(self, encoded: Encoded, segments: Sequence[SpeechSegment]) -> list[tuple[str, float]]:
        """That of each utterance, and its probability."""
        wanted = self._choice.wanted if self._choice is not None else self._language
        if wanted != "auto":
            return [(wanted, 1.0)] * len(segments)
        found = []
        for ranking, segment in zip(self._model.model.detect_language(encoded.states), segments, strict=True):
            ranked = [(token.strip("<|>"), probability) for token, probability in ranking]
            found.append(self._choice.choose(ranked, spoken_s(segment)) if self._choice is not None else ranked[0])
        return found

    def _tokenizer(self, language: str) -> Tokenizer:
        multilingual = self._model.model.is_multilingual
        return Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)


def _decoded(
    result: ctranslate2.models.WhisperGenerationResult, tokenizer: Tokenizer, most_tokens: int, audio_s: float
) -> Decoded:
    """`audio_s`: infinite where loops are no sign of the short window."""
    tokens = result.sequences_ids[0]
    length = len(tokens)
    said = tokens if length < most_tokens else said_once(tokens, audio_s)
    return Decoded(
        text=tokenizer.decode(said).strip(),
        tokens=said,
        language=tokenizer.language_code,
        logprob=result.scores[0] * length / (length + 1),
        no_speech=result.no_speech_prob,
        ended=len(said) < most_tokens,
    )


def _transcript(decoded: Decoded, segment: SpeechSegment) -> Transcript:
    reason = withheld(decoded)
    text = "" if reason else decoded.text
    probability = decoded.language_probability
    return Transcript(text, decoded.language, segment.audio_s, reason, language_probability=probability)
