"""Speech-to-text with faster-whisper (CTranslate2).

The short window of `encoder` may make the decoder begin again after the end of the speech. If it repeats the same
words, the first round is the text; any other such utterance is decoded again at the full window. A greedy decode that
is unsure of its words is repeated with a beam from the same states, without encoding again. Of 143 phrases in 40
spoken orders, 122 are recognized without that and 126 with it, against 123 by a greedy decode of the full window and
126 by a beam of 5 there; under pink noise at 10 dB it is 124 and 127. One utterance in eleven is decoded again, one
in five under noise, each for about 0.1 s. `voicecli bench stt --baselines` measures the whole recognizer.
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
from voicecli.engines.whisper.decoded import MIN_LOGPROB, Decoded, rejection_reason, without_loops
from voicecli.engines.whisper.encoder import FRAMES_PER_S, Encoded, Encoder
from voicecli.engines.whisper.options import hotword_tokens, is_english_only, known_language
from voicecli.engines.whisper.words import join_words, time_bits, trim_words, without_tail
from voicecli.errors import EngineError, ModelMissing
from voicecli.settings.model import SttSettings
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, TranscribeOptions, Transcript, Word

MAX_THREADS = 4  # more gain little at batch size one (SYSTRAN/faster-whisper#33)
BEAM = 5  # faster-whisper's own; 2 or 3 find two thirds of what 5 finds
PADDING_S = 1.0  # most silence in a segment: 0.4 s before the speech and a pause after it
CONTEXT_TOKENS = 448  # Whisper's text context: half for the prompt, half for the text


def speech_s(segment: SpeechSegment) -> float:
    """Return the length of the speech. The clock times are too short for sound that arrives faster than real time."""
    return max(segment.ended_at_s - segment.started_at_s, segment.audio_s - PADDING_S)


@contextmanager
def wrap_errors(*segments: SpeechSegment) -> Iterator[None]:
    """Raise CTranslate2's errors as EngineError."""
    try:
        yield
    except RuntimeError as error:
        audio_s = sum(segment.audio_s for segment in segments)
        raise EngineError(f"Whisper failed on {audio_s:.1f} s of speech: {error}") from error


class Whisper:
    """A resident Whisper model. All calls block; one worker thread owns it."""

    def __init__(self, model: WhisperModel, settings: SttSettings, name: str) -> None:
        """Raise SettingsError for a language that the model does not know."""
        self.name = name
        self._model = model
        self._language = self._resolve_language(settings.language)
        self._choice: LanguageChoice | None = None  # takes precedence over the language
        self._hotword_prompt: list[int] = []  # tokens that stand for previous text
        self._with_words = False
        self._encoder = Encoder(model, short=settings.window == "short")

    @classmethod
    def load(cls, folder: Path, settings: SttSettings) -> Whisper:
        """Load from a CTranslate2 folder and decode once to warm everything.

        Raise ModelMissing if the folder has no model, EngineError if it cannot run as configured, SettingsError for a
        language that it does not know.
        """
        if not (folder / "model.bin").is_file():
            raise ModelMissing(f"{folder} has no CTranslate2 Whisper model", "voicecli download-models whisper-base")
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
        """Return a view of the same resident model with other options. Hotwords beyond half the context are dropped.

        Raise SettingsError for a language that the model does not know.
        """
        view = copy.copy(self)
        if options.language:
            view._language = self._resolve_language(options.language)
        tokenizer = self._tokenizer("en")  # the language does not matter: only text tokens are used
        hotwords = hotword_tokens(tokenizer.encode, options.hotwords, CONTEXT_TOKENS // 2 - 1)
        view._hotword_prompt = [tokenizer.sot_prev, *hotwords] if hotwords else []
        view._with_words = options.words
        return view

    def with_language_policy(self, choice: LanguageChoice) -> Whisper:
        """Return a view of the same resident model that asks `choice` for the language of each utterance."""
        view = copy.copy(self)
        view._choice = choice
        return view

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Return the final text: greedy at the short window, and again if that restarted or is unsure.

        Raise EngineError on failure.
        """
        pcm = without_tail(segment.pcm)
        with wrap_errors(segment):
            encoded = self._encoder.encode([pcm])
            languages = self._languages(encoded, [segment])
            [first] = [decoded] = self._decode(encoded, languages)
            if not first.restarted and first.unsure and not self._is_noise(first):
                [decoded] = self._decode(encoded, languages, BEAM)
            if decoded.restarted and encoded.short:
                encoded = self._encoder.encode([pcm], short=False)
                [decoded] = self._decode(encoded, languages, 1 if decoded is first else BEAM)
            [words] = self._words(encoded, [decoded], [pcm])
        return replace(_transcript(decoded, segment), redecoded=decoded is not first, words=words)

    def transcribe_all(self, segments: Sequence[SpeechSegment]) -> list[Transcript]:
        """Return the final texts of several utterances, encoded and decoded together. Raise EngineError on failure.

        Those that restarted or are unsure are transcribed again by themselves. This is for a GPU: two cores are as
        quick one by one.
        """
        pcms = [without_tail(segment.pcm) for segment in segments]
        if not pcms:
            return []
        with wrap_errors(*segments):
            encoded = self._encoder.encode(pcms)
            decoded = self._decode(encoded, self._languages(encoded, segments))
            words = self._words(encoded, decoded, pcms)
        return [
            self.transcribe(segment) if one.restarted or one.unsure else replace(_transcript(one, segment), words=its)
            for segment, one, its in zip(segments, decoded, words, strict=True)
        ]

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Return a quick hypothesis about unfinished speech, without text if it restarted. Raise EngineError."""
        with wrap_errors(segment):
            encoded = self._encoder.encode([segment.pcm])
            [decoded] = self._decode(encoded, self._languages(encoded, [segment]))
        if decoded.restarted:
            return Transcript("", decoded.language, segment.audio_s, "restart", provisional=True)
        draft = _transcript(decoded, segment)
        # A final also has words with times, so a draft with text must not replace it.
        return replace(draft, provisional=decoded.unsure or (self._with_words and bool(draft.text)))

    def _decode(self, encoded: Encoded, languages: Sequence[tuple[str, float]], beam: int = 1) -> list[Decoded]:
        tokenizers = [self._tokenizer(language) for language, _ in languages]
        prompts = [[*self._hotword_prompt, *one.sot_sequence, one.no_timestamps] for one in tokenizers]
        length = len(prompts[0])
        most = min(max(encoded.most_tokens), CONTEXT_TOKENS // 2, CONTEXT_TOKENS - length)
        results = self._model.model.generate(
            encoded.states,
            prompts,
            beam_size=beam,
            max_length=max(2 * most, most + length - 1),  # generation stops at half of it, and counts the prompt
            return_scores=True,
            return_no_speech_prob=True,
        )
        lengths_s = [frames / FRAMES_PER_S if encoded.short else math.inf for frames in encoded.frames]
        decodes = zip(results, tokenizers, encoded.most_tokens, lengths_s, strict=True)
        decoded = [
            replace(_decoded(result, tokenizer, min(cap, most), audio_s), language_probability=probability)
            for (result, tokenizer, cap, audio_s), (_, probability) in zip(decodes, languages, strict=True)
        ]
        if not self._hotword_prompt:
            return decoded
        silent = self._no_speech(encoded, [prompt[len(self._hotword_prompt) :] for prompt in prompts])
        return [replace(one, no_speech=no_speech) for one, no_speech in zip(decoded, silent, strict=True)]

    def _no_speech(self, encoded: Encoded, prompts: list[list[int]]) -> list[float]:
        """Return the no-speech probabilities without hotwords, with which they reach 0.94 in clear speech."""
        length = len(prompts[0])  # room for one token, the fewest
        results = self._model.model.generate(
            encoded.states, prompts, beam_size=1, max_length=length, return_no_speech_prob=True
        )
        return [result.no_speech_prob for result in results]

    def _is_noise(self, first: Decoded) -> bool:
        """Return whether this is noise, in which a beam would find a hotword."""
        return bool(self._hotword_prompt) and first.logprob < MIN_LOGPROB

    def _words(self, encoded: Encoded, decoded: Sequence[Decoded], pcms: Sequence[Pcm]) -> list[tuple[Word, ...]]:
        """Return the words of each utterance with their times; none for a rejected text."""
        found: list[tuple[Word, ...]] = [()] * len(decoded)
        accepted = [index for index, one in enumerate(decoded) if self._with_words and not rejection_reason(one)]
        texts = [one.tokens for one in decoded]
        for language in {decoded[index].language for index in accepted}:  # an alignment has one language
            tokenizer = self._tokenizer(language)
            paths = self._model.model.align(encoded.states, tokenizer.sot_sequence, texts, list(encoded.frames))
            for index in accepted:
                if decoded[index].language == language:
                    bits, of_bits = tokenizer.split_tokens_on_unicode(texts[index])
                    spoken = time_bits(bits, of_bits, paths[index].alignments, paths[index].text_token_probs)
                    found[index] = trim_words(join_words(spoken, language), pcms[index])
        return found

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of all languages that the model knows."""
        if not self._model.model.is_multilingual or is_english_only(self.name):
            return ("en",)
        of_model = self._model.hf_tokenizer.get_vocab()  # older models lack some: Cantonese came with large-v3
        return tuple(code for code in self._model.supported_languages if f"<|{code}|>" in of_model)

    def _resolve_language(self, language: str) -> str:
        """Return a language to decode in, or auto. Raise SettingsError if the model does not know it."""
        return known_language(language, self.languages, self.name)

    def _languages(self, encoded: Encoded, segments: Sequence[SpeechSegment]) -> list[tuple[str, float]]:
        """Return the language of each utterance and its probability."""
        wanted = self._choice.wanted if self._choice is not None else self._language
        if wanted != "auto":
            return [(wanted, 1.0)] * len(segments)
        found = []
        for ranking, segment in zip(self._model.model.detect_language(encoded.states), segments, strict=True):
            ranked = [(token.strip("<|>"), probability) for token, probability in ranking]
            found.append(self._choice.choose(ranked, speech_s(segment)) if self._choice is not None else ranked[0])
        return found

    def _tokenizer(self, language: str) -> Tokenizer:
        multilingual = self._model.model.is_multilingual
        return Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)


def _decoded(
    result: ctranslate2.models.WhisperGenerationResult, tokenizer: Tokenizer, most_tokens: int, audio_s: float
) -> Decoded:
    """Convert a result. `audio_s`: infinite if loops should be kept."""
    tokens = result.sequences_ids[0]
    length = len(tokens)
    said = tokens if length < most_tokens else without_loops(tokens, audio_s)
    return Decoded(
        text=tokenizer.decode(said).strip(),
        tokens=said,
        language=tokenizer.language_code,
        logprob=result.scores[0] * length / (length + 1),
        no_speech=result.no_speech_prob,
        ended=len(said) < most_tokens,
    )


def _transcript(decoded: Decoded, segment: SpeechSegment) -> Transcript:
    reason = rejection_reason(decoded)
    text = "" if reason else decoded.text
    probability = decoded.language_probability
    return Transcript(text, decoded.language, segment.audio_s, reason, language_probability=probability)
