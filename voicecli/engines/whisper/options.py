"""Check Whisper's options: languages and hotwords. Pure."""

from __future__ import annotations

import difflib
import locale
import re
from collections.abc import Callable, Collection, Sequence

from voicecli.errors import SettingsError

_OTHER_LANGUAGE = re.compile(r"[-_](?!en$)[a-z]{2}$")


def is_english_only(model: str) -> bool:
    """Return whether a model knows only English, by its name.

    The distilled models have the tokens of all languages but were trained on English, unless their names end in
    another language, like distil-large-v3-de.
    """
    name = model.partition(" ")[0].lower()
    return name.endswith(".en") or ("distil" in name and _OTHER_LANGUAGE.search(name) is None)


def known_language(wanted: str, known: Collection[str], model: str) -> str:
    """Return the language to decode in, or auto. Raise SettingsError, with the nearest known ones, if it is unknown."""
    if wanted in known:
        return wanted
    if len(known) == 1:
        if wanted == "auto":
            return next(iter(known))
        hint = "use a model with more languages, such as whisper-base: --stt-model, voicecli download-models --list"
        raise SettingsError(f"{model} knows only {', '.join(known)}, not {wanted!r}", hint)
    if wanted == "auto":
        return wanted
    near = nearest(wanted, known)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    known_codes = " ".join(sorted(known))
    raise SettingsError(f"{model} does not know the language {wanted!r}", f"{guess}All: {known_codes}, or auto")


def nearest(wanted: str, known: Collection[str]) -> list[str]:
    """Return codes that may be meant: by locale ("de-AT"), by English name ("german"), or else by spelling."""
    code = locale.normalize(wanted.lower().replace("-", "_")).split("_")[0]
    return [code] if code in known else difflib.get_close_matches(code, sorted(known), n=3, cutoff=0.5)


def hotword_tokens(encode: Callable[[str], list[int]], hotwords: Sequence[str], most: int) -> list[int]:
    """Return the tokens of whole hotwords, up to the first that would exceed `most`: half a name misleads."""
    tokens: list[int] = []
    for hotword in filter(None, map(str.strip, hotwords)):
        more = encode(f" {hotword}")
        if len(tokens) + len(more) > most:
            break
        tokens += more
    return tokens
