"""What may be asked of Whisper beside the text. Pure."""

from __future__ import annotations

import difflib
import locale
import re
from collections.abc import Callable, Collection, Sequence

from voicecli.errors import SettingsError

_OTHER_LANGUAGE = re.compile(r"[-_](?!en$)[a-z]{2}$")


def is_english_only(model: str) -> bool:
    """Whether a model's name says so. The distilled ones have all languages' tokens and were taught English, unless
    their names end in another language: distil-large-v3-de."""
    name = model.partition(" ")[0].lower()
    return name.endswith(".en") or ("distil" in name and _OTHER_LANGUAGE.search(name) is None)


def known_language(wanted: str, known: Collection[str], model: str) -> str:
    """The language to decode in, or auto. Raises SettingsError that names the nearest of those the model knows."""
    if wanted in known:
        return wanted
    if len(known) == 1:
        if wanted == "auto":
            return next(iter(known))
        hint = "take a model that hears more, such as whisper-base: --stt-model, voicecli download-models --list"
        raise SettingsError(f"{model} hears {', '.join(known)} alone, and {wanted!r} was asked for", hint)
    if wanted == "auto":
        return wanted
    near = nearest(wanted, known)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    raise SettingsError(f"{model} knows no language {wanted!r}", f"{guess}All: {' '.join(sorted(known))}, or auto")


def nearest(wanted: str, known: Collection[str]) -> list[str]:
    """Codes that may be meant: by a locale ("de-AT"), by an English name ("german"), else by their letters."""
    code = locale.normalize(wanted.lower().replace("-", "_")).split("_")[0]
    return [code] if code in known else difflib.get_close_matches(code, sorted(known), n=3, cutoff=0.5)


def hotword_tokens(encode: Callable[[str], list[int]], hotwords: Sequence[str], most: int) -> list[int]:
    """Tokens of the hotwords, up to the first that would make more than `most`: half a name misleads."""
    tokens: list[int] = []
    for hotword in filter(None, map(str.strip, hotwords)):
        more = encode(f" {hotword}")
        if len(tokens) + len(more) > most:
            break
        tokens += more
    return tokens
