"""Convert text to the phonemes that Kokoro was trained on.

espeak is the phonemizer for all languages except Japanese and Chinese; those use hexgrad's misaki, which the model was
trained with. It comes with the extra `languages`.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import warnings
from collections.abc import Callable
from functools import lru_cache

from kokoro_onnx.tokenizer import Tokenizer

from voicecli.errors import EngineError
from voicecli.languages import code_of

Phonemize = Callable[[str], str]

EXTRA = "languages"
EXTRA_HINT = f"pip install 'voicecli[{EXTRA}]' (Python 3.12 or older: misaki does not support later versions)"

NEEDED = {
    "ja": ("misaki", "fugashi", "jaconv", "mojimoji", "unidic_lite"),
    "zh": ("misaki", "cn2an", "jieba", "ordered_set", "pypinyin"),
}
"""Modules that must be importable, by ISO 639-1 code."""

ENGLISH = ("en-us", "en-gb")

TIE = "^"
TIED = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
}  # fmt: skip
"""Pairs of sounds that are one symbol of Kokoro's (misaki 0.9.4, espeak.py)."""

MARKS = str.maketrans({"«": "“", "»": "”", "।": ".", "॥": ".", "。": ".", "、": ",", "，": ",", "！": "!", "？": "?"})

_LATIN = re.compile(r"([A-Za-z][A-Za-z']*(?:[ -][A-Za-z][A-Za-z']*)*)")


def missing_packages(language: str) -> tuple[str, ...]:
    """Return the packages that a language needs and that are not installed. `language`: ISO or espeak's name."""
    return tuple(name for name in NEEDED.get(code_of(language), ()) if importlib.util.find_spec(name) is None)


def phonemizer(language: str, tokenizer: Tokenizer) -> Phonemize:
    """Return the phonemizer of a language (espeak's name). This is quick: its data is loaded with the first text.

    The phonemizer raises EngineError on failure, and leaves out sounds that Kokoro has no symbol for.
    """
    known = tokenizer.known
    if language in ENGLISH:  # as kokoro-onnx reads it

        def phonemize(text: str) -> str:
            return str(tokenizer.phonemize(text, language))

    elif code_of(language) in NEEDED:  # misaki cannot read Latin letters in them

        def phonemize(text: str) -> str:
            bits = [bit for bit in _LATIN.split(text) if bit.strip()]
            return " ".join(
                str(tokenizer.phonemize(bit, ENGLISH[0]) if _LATIN.fullmatch(bit) else known(_reader(language)(bit)))
                for bit in bits
            )

    else:

        def phonemize(text: str) -> str:
            return str(known(_reader(language)(text)))

    def careful(text: str) -> str:
        try:
            return " ".join(phonemize(text).split())
        except (
            RuntimeError,
            AssertionError,
            KeyError,
            IndexError,
            ValueError,
        ) as error:  # misaki asserts
            raise EngineError(f"{text!r} cannot be pronounced: {error or type(error).__name__}") from error

    return careful


@lru_cache(maxsize=len(NEEDED) + 8)
def _reader(language: str) -> Phonemize:
    if language == "ja":
        return _japanese()
    return _chinese() if language == "cmn" else _by_espeak(language)


def _by_espeak(language: str) -> Phonemize:
    """Return espeak as a phonemizer, without the flags that it sets around foreign words."""
    from phonemizer.backend import EspeakBackend

    quiet = logging.getLogger(f"{__name__}.espeak")
    quiet.setLevel(logging.ERROR)  # it warns of each foreign word
    backend = EspeakBackend(
        language, preserve_punctuation=True, with_stress=True, tie=TIE, language_switch="remove-flags", logger=quiet
    )

    def phonemize(text: str) -> str:
        lines = backend.phonemize([text.translate(MARKS)])
        said = lines[0] if lines else ""
        for tied, symbol in TIED.items():
            said = said.replace(tied, symbol)
        return said.replace(TIE, "").replace("-", "")

    return phonemize


def _japanese() -> Phonemize:
    with warnings.catch_warnings(action="ignore"):  # about escapes in its strings, each time it is compiled
        from misaki.cutlet import Cutlet

    cutlet = Cutlet()

    def phonemize(text: str) -> str:
        said, _ = cutlet(text)
        return str(said)

    return phonemize


def _chinese() -> Phonemize:
    with warnings.catch_warnings(action="ignore"):
        import jieba
        from misaki.zh import ZHG2P

    jieba.setLogLevel(logging.ERROR)  # it logs to stderr that it loads its dictionary
    chinese = ZHG2P()

    def phonemize(text: str) -> str:
        said, _ = chinese(text)
        return str(said)

    return phonemize
