"""Languages by their ISO 639-1 codes, as Whisper names them. Pure."""

from __future__ import annotations

_NAMES = """
af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, bn Bengali,
bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, el Greek, en English,
es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French, gl Galician, gu Gujarati, ha Hausa,
haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian Creole, hu Hungarian, hy Armenian, id Indonesian,
is Icelandic, it Italian, ja Japanese, jw Javanese, ka Georgian, kk Kazakh, km Khmer, kn Kannada, ko Korean, la Latin,
lb Luxembourgish, ln Lingala, lo Lao, lt Lithuanian, lv Latvian, mg Malagasy, mi Maori, mk Macedonian, ml Malayalam,
mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese, ne Nepali, nl Dutch, nn Nynorsk, no Norwegian, oc Occitan,
pa Punjabi, pl Polish, ps Pashto, pt Portuguese, ro Romanian, ru Russian, sa Sanskrit, sd Sindhi, si Sinhala,
sk Slovak, sl Slovenian, sn Shona, so Somali, sq Albanian, sr Serbian, su Sundanese, sv Swedish, sw Swahili, ta Tamil,
te Telugu, tg Tajik, th Thai, tk Turkmen, tl Tagalog, tr Turkish, tt Tatar, uk Ukrainian, ur Urdu, uz Uzbek,
vi Vietnamese, yi Yiddish, yo Yoruba, yue Cantonese, zh Chinese
"""
NAMES: dict[str, str] = dict(entry.split(maxsplit=1) for entry in " ".join(_NAMES.split()).split(", "))
"""English names, by code."""

_OF_VOICES = {"en-us": "en", "en-gb": "en", "fr-fr": "fr", "pt-br": "pt", "cmn": "zh"}
"""Codes by espeak's names, if they differ."""

_OF_LETTERS = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt", "z": "zh"}

UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages that are written without spaces between words."""


def name_of(code: str) -> str:
    """Return the English name of a language, such as "German" for "de"; return an unknown code unchanged."""
    return NAMES.get(code, code)


def language_of_name(voice: str) -> str:
    """Return the language code of a Kokoro voice by its name, or of a blend by its first voice: "ef_dora" -> "es".

    A name without a prefix counts as English.
    """
    return _OF_LETTERS.get(voice[:1], "en") if voice[2:3] == "_" else "en"


def code_of(language: str) -> str:
    """Return the code of a voice's language: "pt-br" -> "pt", "cmn" -> "zh"."""
    return _OF_VOICES.get(language, language)
