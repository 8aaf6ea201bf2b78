"""Fail where a word of the old private vocabulary is left. docs/glossary.md has the words that are used instead.

Usage: python scripts/check_words.py [PATH ...]   (default: voicecli docs config tests)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOTS = ("voicecli", "docs", "config", "tests")
SUFFIXES = frozenset({".py", ".md", ".toml"})


@dataclass(frozen=True, slots=True)
class OldWord:
    """A word that must not appear, and the term to use instead."""

    pattern: re.Pattern[str]
    use: str


def _whole(words: str) -> str:
    """Return a pattern for whole words, also as parts of snake_case and CamelCase names."""
    capital = "|".join(word.capitalize() for word in words.split("|"))
    lower, upper = rf"(?<![A-Za-z])(?:{words})(?![a-z])", rf"(?<![A-Za-z])(?:{words.upper()})(?![A-Za-z])"
    return rf"{lower}|(?<![A-Z])(?:{capital})(?![a-z])|{upper}"


def _old(pattern: str, use: str) -> OldWord:
    return OldWord(re.compile(pattern), use)


OLD_WORDS = (
    _old(_whole("tongue|tongues"), "AnswerLanguage, LanguagePolicy"),
    _old(_whole("repertoire"), "VoiceRegistry"),
    _old(r"\b(Spoken|Unspoken)\(|\bUnspoken\b", "VoiceMatch, NoVoice"),
    _old(_whole("attune|attuned"), "CurrentVoice, select"),
    _old(_whole("ear|ears"), "SpeechInput, ListenState"),
    _old(r"\bSpeechGate\b|\bGuardedGate\b|" + _whole("suspects"), "VoiceActivityDetector, may_be_speech"),
    _old(_whole("stir|stirs|stirred|calm"), "PossibleSpeech, PossibleSpeechEnded"),
    _old(_whole("lull|lulls|lulled"), "EarlyPause, early_decode_ms"),
    _old(_whole("contest|hush|hushed"), "InterruptionCandidate, barge_in_pause_ms"),
    _old(r"\bTalkedOver\b|[Tt]alking over an answer", "FalseInterruption, Barge-in"),
    _old(_whole("starved|starvation"), "PlaybackUnderrun, underrun"),
    _old(r"\bPartChanged\b|\bPieceReady\b|\bToolAsked\b", "ComponentChanged, TextChunkReady, ApprovalRequested"),
    _old(_whole("sentry|unguarded|unwoken"), "WakeGate, OpenGate, HeldUtterance"),
    _old(
        r"\bLeave\b(?= for| to use)|needs_leave|\b[Aa]sks? leave|\b(?:ask|wait|need)(?:s|ed|ing)? (?:for )?leave\b",
        "approval",
    ),
    _old(_whole("wish|wishes|wishing|heeding"), "TranscribeOptions, with_options, with_language_policy"),
    _old(r"\bOwnVoice\b|(?<![a-z])own_voice|my own voice", "SelfEchoFilter, self-echo"),
    _old(_whole("likeness"), "EchoCorrelation"),
    _old(_whole("steadfast|spare"), "FallbackModel, fallback"),
    _old(r"\bRememberedFinals\b", "FinalCache"),
    _old(_whole("keeper|keepers"), "DeviceReconnector, HistoryWriter, TranscriptSink"),
    _old(r"\bLasting[A-Z]|" + _whole("wakefulness") + r"|seen_elsewhere", "Reconnecting…, SleepDetector"),
    _old(_whole("desk"), "CommandDispatcher, DecodeQueueClient"),
    _old(_whole("commanded|commanding"), "CommandContext, app/slash_wiring.py"),
    _old(_whole("witness"), "Observer, PipelineHooks"),
    _old(_whole("drafter|cadence"), "PartialDecoder, PartialSchedule"),
    _old(r"\bHypotheses\b", "StablePrefix"),
    _old(_whole("piece|pieces|stretch|stretches") + r"|\bSpeechChunk\b", "TextChunk, AudioChunk, PlaybackChunk"),
    _old(_whole("apology|apologise|apologises") + r"|\basides\b|\.aside\b|\bdef aside\b", "spoken_error, side_speech"),
    _old(_whole("senses"), "SessionDetectors"),
    _old(r"_seed\b|\bSeed[A-Z]|seed[’']?s? (?:client|protocol|path|server)", "voiceagentguide_ws"),
    _old(_whole("deed|deeds|prices|priced"), "UserAction, latencies"),
    _old(r"_apart\b|\bapart_", "subprocess_run"),
    _old(_whole("told"), "reported, said, shown, passed"),
    _old(r"\bdef _?(?:take|see|feed|tell)\b|[._](?:take|see|feed|tell)\(|\btell: |\btell=", "the domain's verb"),
    _old(
        r"Ways to talk|ways-to-talk|The data's way|When it counts|[Tt]he plain wire|May it\?", "the headings of docs/"
    ),
)
"""Old words, in the order of the data flow, and what replaced them."""


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, old word and replacement for each match in `text`."""
    for number, line in enumerate(text.splitlines(), 1):
        for old in OLD_WORDS:
            for match in old.pattern.finditer(line):
                yield number, match[0], old.use


def files(roots: Iterable[str]) -> Iterator[Path]:
    """Yield the text files below `roots`, this check's own test excepted."""
    for root in map(Path, roots):
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.suffix in SUFFIXES and path.name != "test_check_words.py":
                yield path


def main(roots: list[str]) -> int:
    """Print each finding; return 1 where there is one."""
    found = 0
    for path in files(roots or ROOTS):
        for number, word, use in findings(path.read_text(encoding="utf-8")):
            print(f"{path}:{number}: {word!r}: use {use}")
            found += 1
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
