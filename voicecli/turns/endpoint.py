"""How long must a silence be before the user is taken to be done? Pure: it has no clock and no model.

Three things speak to it: how the speech sounded (a probability), what was said (cues in the transcript), and how long
this user's pauses have been. All of them together are a wait between the bounds of the chosen mode.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicecli.settings.model import EndpointMode
from voicecli.types import Transcript


@dataclass(frozen=True, slots=True)
class EndpointBounds:
    """Silence in ms. On two CPU cores the answer is ready some 550 ms after the last voiced sample: there, a wait that
    is shorter than that gains little."""

    shortest_ms: float  # after speech that is surely complete
    longest_ms: float  # after speech that surely is not


MODES: dict[EndpointMode, EndpointBounds] = {
    "fast": EndpointBounds(300, 1000),
    "balanced": EndpointBounds(450, 1600),
    "patient": EndpointBounds(700, 1900),
}

SOUND = 0.3
"""Weight of the model's odds: it takes half of all stops in mid-sentence for an end, and of most true ends it is surer
than 0.95 (docs/turn-taking.md)."""

OPEN, MUTE, CLOSED = 0.25, 0.5, 1.0
"""Odds of being done, by the words: an open end, an end without any mark, a closed one. Whisper puts a full stop after
nearly everything, so a stop proves little and what counts is its absence."""

NEVER_LAST = re.compile(
    r"\b(a|an|the|and|but|or|nor|because|if|unless|whether|while|although|my|your|our|their|its|i'm|um|uh|er|erm|hmm|every"
    r"|very)\W*$"
)
"""English words that no sentence ends with."""

SELDOM_LAST = re.compile(r"\b(to|of|for|with|from|at|into|about|than|as|is|are|was|were|i|would|could|should)\W*$")
"""English words that questions end with, and little else."""

FIRST_PAUSE_MS = 600.0
"""What a user's pauses are taken to be like before any was heard: about the mean of those above 200 ms in eot-bench."""

NEWEST_WEIGHT = 0.2
"""Of the latest pause in the running mean."""

REACH = 2.2
"""Times the user's mean pause: what lies beyond is hardly a pause of theirs. Pauses are spread about as exponentials
are, of which one in nine is longer than 2.2 means."""

WENT_ON_S = 1.5
"""Speech that begins so soon after an endpoint goes on with what was cut off; nobody judges an answer that quickly."""


@dataclass(frozen=True, slots=True)
class PauseStatistics:
    """What the user's own pauses are like: those that were no end."""

    mean_ms: float = FIRST_PAUSE_MS

    def with_pause(self, silence_ms: float) -> PauseStatistics:
        """With one more pause, after which the user went on."""
        return PauseStatistics(self.mean_ms + NEWEST_WEIGHT * (min(silence_ms, WENT_ON_S * 1000) - self.mean_ms))


def wait_ms(
    bounds: EndpointBounds, probability: float, transcript: Transcript | None, pauses: PauseStatistics
) -> float:
    """Silence after which the user is done, always within `bounds`; `transcript` is None while no words are known."""
    odds = SOUND * (text_odds(transcript) if transcript is not None else 1.0)
    going_on = (1 - probability) / (odds * probability + 1 - probability)
    middle_ms = (bounds.shortest_ms + bounds.longest_ms) / 2
    longest_ms = min(bounds.longest_ms, max(middle_ms, REACH * pauses.mean_ms))
    return min(longest_ms, bounds.shortest_ms + going_on * (longest_ms - bounds.shortest_ms))


def text_odds(transcript: Transcript) -> float:
    """What the words make of the odds that the user is done. Marks count in every language, words in English."""
    text = transcript.text.rstrip("\"'”’) ")
    if not text or text.endswith(("...", "…", ",", "-", "–", "—", ":")):
        return OPEN
    if transcript.language == "en":
        words = text.lower()
        if NEVER_LAST.search(words) or (SELDOM_LAST.search(words) and not words.endswith("?")):
            return OPEN
    return CLOSED if text.endswith((".", "!", "?", "。", "！", "？")) else MUTE
