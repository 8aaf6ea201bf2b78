"""One decode of Whisper's, and whether it should be believed. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

MIN_LOGPROB_GREEDY = -0.3  # below: read again with a beam; at -0.2 twice as many are, for nothing gained
MIN_LOGPROB = -1.0  # Whisper's own bound (Radford et al. 2022, section 4.5); 46 real utterances stayed above -0.75
MAX_NO_SPEECH = 0.6  # Whisper's own bound ...
MIN_LOGPROB_NO_SPEECH = -0.4  # ... with a stricter one: silence is "you" at 0.91 and -0.49; speech stays below 0.35
MAX_COMPRESSION = 2.4  # Whisper's own sign of a repetition loop
LOOP_TOKENS = 3  # so many have to come again, after so many
LOOP_TOKENS_PER_S = 2  # speech has more; what is found in noise, such as "Thank you." over and over, has less


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decode, before any gate."""

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
        """It began again after the end of the speech, as the short window makes the decoder do."""
        return not self.ended or restarts(self.text)

    @property
    def unsure(self) -> bool:
        return self.logprob < MIN_LOGPROB_GREEDY


def restarts(text: str) -> bool:
    """Whether the text begins again: its first three words, or any four words in a row, stand in it twice."""
    words = "".join(c for c in text.lower() if c.isalnum() or c.isspace()).split()
    fours = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    head = tuple(words[:3])
    again = len(words) > 5 and any(tuple(words[i : i + 3]) == head for i in range(3, len(words) - 2))
    return again or len(set(fours)) < len(fours)


def without_loops(tokens: list[int], audio_s: float) -> list[int]:
    """The tokens up to where they begin anew and go on in the same way to their end; all where they do not.

    For a decode at the short window that has come to its cap: nobody speaks so fast, and the first round is what was
    said. Of 13 askings of one order through a sound card four ended in such loops. Three of these first rounds were
    right in every word; the full window took 0.9 s more, and got a word wrong in all four.
    """
    for length in range(LOOP_TOKENS, len(tokens) - LOOP_TOKENS + 1):
        if tokens[length:] == tokens[:-length]:
            return tokens[:length] if length >= LOOP_TOKENS_PER_S * audio_s else tokens
    return tokens


def rejection_reason(decoded: Decoded) -> str:
    """Why the text should not count as speech; empty when it should."""
    if decoded.no_speech > MAX_NO_SPEECH and decoded.logprob < MIN_LOGPROB_NO_SPEECH:
        return "no speech"
    if decoded.logprob < MIN_LOGPROB:
        return "low confidence"
    if decoded.compression > MAX_COMPRESSION:
        return "repetition"
    return "" if any(c.isalnum() for c in decoded.text) else "no words"
