"""A decode of Whisper's, and whether to trust it. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

MIN_LOGPROB_GREEDY = -0.3  # below: decode again with a beam; -0.2 would double the repeats without any gain
MIN_LOGPROB = -1.0  # Whisper's own bound (Radford et al. 2022, section 4.5); 46 real utterances stayed above -0.75
MAX_NO_SPEECH = 0.6  # Whisper's own bound ...
MIN_LOGPROB_NO_SPEECH = -0.4  # ... with a stricter one: silence is "you" at 0.91 and -0.49; speech stays below 0.35
MAX_COMPRESSION = 2.4  # Whisper's own sign of a repetition loop
LOOP_TOKENS = 3  # least length of a loop's first round and of its repetition
LOOP_TOKENS_PER_S = 2  # speech has more; hallucinations in noise, such as repeated "Thank you.", have fewer


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decode, before any check."""

    text: str
    tokens: list[int]
    language: str
    logprob: float  # mean over tokens, end token included
    no_speech: float  # probability
    ended: bool  # an end token came before the cap
    language_probability: float = 1.0

    @property
    def compression(self) -> float:
        raw = self.text.encode()
        return len(raw) / len(zlib.compress(raw)) if raw else 0.0

    @property
    def restarted(self) -> bool:
        """Whether the text began again after the end of the speech, as can happen at the short window."""
        return not self.ended or restarts(self.text)

    @property
    def unsure(self) -> bool:
        return self.logprob < MIN_LOGPROB_GREEDY


def restarts(text: str) -> bool:
    """Return whether the text repeats its first three words, or any four words in a row."""
    words = "".join(c for c in text.lower() if c.isalnum() or c.isspace()).split()
    fours = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    head = tuple(words[:3])
    again = len(words) > 5 and any(tuple(words[i : i + 3]) == head for i in range(3, len(words) - 2))
    return again or len(set(fours)) < len(fours)


def without_loops(tokens: list[int], audio_s: float) -> list[int]:
    """Return the tokens before they begin again and repeat to the end; all of them if they do not.

    This is for a decode at the short window that reached its token limit: nobody speaks that fast, and the first round
    is the speech. Of 13 recordings of one order through a sound card, four ended in such loops. Three of these first
    rounds were right in every word; the full window took 0.9 s more, and got a word wrong in all four.
    """
    for length in range(LOOP_TOKENS, len(tokens) - LOOP_TOKENS + 1):
        if tokens[length:] == tokens[:-length]:
            return tokens[:length] if length >= LOOP_TOKENS_PER_S * audio_s else tokens
    return tokens


def rejection_reason(decoded: Decoded) -> str:
    """Return why the text should not count as speech; empty if it should."""
    if decoded.no_speech > MAX_NO_SPEECH and decoded.logprob < MIN_LOGPROB_NO_SPEECH:
        return "no speech"
    if decoded.logprob < MIN_LOGPROB:
        return "low confidence"
    if decoded.compression > MAX_COMPRESSION:
        return "repetition"
    return "" if any(c.isalnum() for c in decoded.text) else "no words"
