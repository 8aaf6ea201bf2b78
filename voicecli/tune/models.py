"""What is there to be tuned: the models on disk, and the defaults as they come out on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voicecli.engines.cpu import physical_cores
from voicecli.errors import ModelMissing
from voicecli.models.manifest import Model
from voicecli.models.store import ModelStore
from voicecli.settings.load import value_of
from voicecli.settings.model import Settings
from voicecli.tune.values import PART_OF, Value

ENGLISH = (".en",)
"""Ends of the names of models that know no other language."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Names of models, the smallest first."""

    stt: tuple[str, ...]
    tts: tuple[str, ...]
    others: tuple[str, ...]  # that could be tried if they were downloaded


def installed(store: ModelStore, language: str, own: tuple[str, ...] = ()) -> Installed:
    """Recognisers for a language, and voices; `own`: models that the user's settings name, perhaps folders of theirs.

    Raises ModelMissing where there is no recogniser or no voice.
    """
    fit = [one for one in store.manifest.model if language in ("en", "auto") or not one.name.endswith(ENGLISH)]
    there: dict[str, list[str]] = {"stt": [], "tts": []}
    others = []
    for model in sorted(fit, key=megabytes):
        if model.kind in there and store.is_complete(model.name):
            there[model.kind].append(model.name)
        elif model.kind in there:
            others.append(model.name)
    there["stt"] += [name for name in own if Path(name).expanduser().is_dir()]
    for kind, names in there.items():
        if not names:
            raise ModelMissing(f"no {kind} model is on disk, so there is nothing to tune", "voicecli download-models")
    return Installed(tuple(there["stt"]), tuple(there["tts"]), tuple(others))


def megabytes(model: Model) -> float:
    """Its size, as far as it is known."""
    return (model.size_bytes or 0) / 1e6 or float(model.approx_mb or 0)


def defaults_here(settings: Settings, there: Installed) -> dict[str, Value]:
    """The tuned settings before anything is tuned: threads as they come out, models that are on disk."""
    from voicecli.engines.kokoro.model import MAX_THREADS as MOST_TTS
    from voicecli.engines.llm.llamacpp import default_threads
    from voicecli.engines.whisper.engine import MAX_THREADS as MOST_STT

    values: dict[str, Value] = {key: plain(value_of(settings, key)) for key in PART_OF}
    threads = {
        "stt.threads": physical_cores(MOST_STT),
        "tts.threads": physical_cores(MOST_TTS),
        "llm.threads": default_threads(),
    }
    values |= {key: values[key] or count for key, count in threads.items()}
    if values["stt.model"] not in there.stt:
        values["stt.model"] = there.stt[0]
    if values["tts.model"] not in there.tts:
        values["tts.model"] = there.tts[0]
    return values


def plain(value: object) -> Value:
    assert isinstance(value, Value)
    return value
