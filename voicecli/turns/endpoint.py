"""How long a silence must be to end the user's turn. Pure: it has no clock and no model.

Three facts decide: how the speech sounded (a probability), what was said (cues in the transcript), and how long this
user's pauses have been. Together they make a wait between the bounds of the selected mode.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicecli.settings.model import EndpointMode
from voicecli.types import Transcript


@dataclass(frozen=True, slots=True)
class EndpointBounds:
    """Silence in ms.

    On two CPU cores the answer is ready some 550 ms after the last voiced sample, so a shorter wait gains little there.
    """

    shortest_ms: float  # after speech that is certainly complete
    longest_ms: float  # after speech that is certainly not complete


MODES: dict[EndpointMode, EndpointBounds] = {
    "fast": EndpointBounds(300, 1000),
    "balanced": EndpointBounds(450, 1600),
    "patient": EndpointBounds(700, 1900),
}

SOUND = 0.3
"""Weight of the model's odds. It takes half of all stops in mid-sentence for an end, and rates most true ends above
0.95 (docs/turn-taking.md)."""

OPEN, UNMARKED, CLOSED = 0.25, 0.5, 1.0
"""Odds that the user is done, by the words: an open end, an end without any mark, a closed one. Whisper puts a period
after nearly everything, so a period proves little; its absence counts."""

NEVER_LAST = re.compile(
    r"\b(a|an|the|and|but|or|nor|because|if|unless|whether|while|although|my|your|our|their|its|i'm|um|uh|er|erm|hmm|every"
    r"|very)\W*$"
)
"""English words that no sentence ends with."""

SELDOM_LAST = re.compile(r"\b(to|of|for|with|from|at|into|about|than|as|is|are|was|were|i|would|could|should)\W*$")
"""English words that questions end with, and little else."""

FIRST_PAUSE_MS = 600.0
"""Assumed mean pause before any was heard: about that of the pauses above 200 ms in eot-bench."""

NEWEST_WEIGHT = 0.2
"""Weight of the latest pause in the running mean."""

REACH = 2.2
"""A silence of this many times the user's mean pause is hardly a pause. Pauses are distributed about exponentially: one
in nine is longer than 2.2 means."""

WENT_ON_S = 1.5
"""Speech that begins this soon after an endpoint continues what was cut off: nobody reacts to an answer so quickly."""


@dataclass(frozen=True, slots=True)
class PauseStatistics:
    """The user's own pauses: the silences that were not an end."""

    mean_ms: float = FIRST_PAUSE_MS

    def with_pause(self, silence_ms: float) -> PauseStatistics:
        """Return the statistics with one more pause, after which the user continued."""
        return PauseStatistics(self.mean_ms + NEWEST_WEIGHT * (min(silence_ms, WENT_ON_S * 1000) - self.mean_ms))


def wait_ms(
    bounds: EndpointBounds, probability: float, transcript: Transcript | None, pauses: PauseStatistics
) -> float:
    """Return the silence in ms that ends the turn, within `bounds`; `transcript` is None while no words are known."""
    odds = SOUND * (text_odds(transcript) if transcript is not None else 1.0)
    going_on = (1 - probability) / (odds * probability + 1 - probability)
    middle_ms = (bounds.shortest_ms + bounds.longest_ms) / 2
    longest_ms = min(bounds.longest_ms, max(middle_ms, REACH * pauses.mean_ms))
    return min(longest_ms, bounds.shortest_ms + going_on * (longest_ms - bounds.shortest_ms))


def text_odds(transcript: Transcript) -> float:
    """Return the odds, by the words, that the user is done. Marks count in every language, words in English."""
    text = transcript.text.rstrip("\"'”’) ")
    if not text or text.endswith(("...", "…", ",", "-", "–", "—", ":")):
        return OPEN
    if transcript.language == "en":
        words = text.lower()
        if NEVER_LAST.search(words) or (SELDOM_LAST.search(words) and not words.endswith("?")):
            return OPEN
    return CLOSED if text.endswith((".", "!", "?", "。", "！", "？")) else UNMARKED
