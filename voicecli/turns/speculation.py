"""Whether preparing an answer in a pause pays off: events -> hits, misses and their cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voicecli.events import Event, NothingHeard, SpeechEnded, SpeechPaused, SpeechResumed, Transcribed

PAUSES_KEPT = 8
"""Number of recent pauses for the hit rate: the speaker's current habit counts, not how the conversation began."""

NEWEST_WEIGHT = 0.3
"""Weight of the latest decode in the running mean."""


@dataclass(frozen=True, slots=True)
class Speculation:
    """A fold: `apply` each event in order."""

    hits: int = 0  # answers prepared in a pause that was the end
    misses: int = 0  # and in one that was not
    wasted_s: float = 0.0  # time that went into the latter
    paused_at_s: float | None = None  # the pause under way
    preparing: bool = False  # in it, or in the last one, an answer is prepared
    began_s: float | None = None  # the final decode under way
    ends: tuple[bool, ...] = ()  # of the last pauses, whether each was the end
    decode_s: float = 0.0  # running mean of the final decode, the part of a turn that cannot be stopped

    def apply(self, event: Event) -> Speculation:
        """Return the fold with one more event of the conversation."""
        match event:
            case SpeechPaused(at_s=at_s, preparing=preparing):
                return replace(self, paused_at_s=at_s, preparing=preparing, began_s=at_s if preparing else None)
            case SpeechResumed(at_s=at_s) | NothingHeard(at_s=at_s) if self.paused_at_s is not None:
                over = self._over(was_end=False)
                if not self.preparing:
                    return over
                return replace(over, misses=self.misses + 1, wasted_s=self.wasted_s + at_s - self.paused_at_s)
            case SpeechEnded(at_s=at_s) if self.paused_at_s is not None:
                over = self._over(was_end=True)
                return replace(over, hits=self.hits + 1) if self.preparing else replace(over, began_s=at_s)
            case Transcribed(at_s=at_s) if self.began_s is not None:
                step = NEWEST_WEIGHT if self.decode_s else 1.0
                decode_s = self.decode_s + step * (at_s - self.began_s - self.decode_s)
                return replace(self, decode_s=decode_s, began_s=None)
            case _:
                return self

    def is_worthwhile(self, wait_s: float) -> bool:
        """Return whether to prepare an answer in the next pause; `wait_s` is the time from there to the endpoint.

        A hit saves the decode, as far as it fits into the wait. A miss costs nothing as long as the decode is over
        before a wait is; beyond that, the next decode of the same utterance stands behind it.
        """
        rate = (1 + sum(self.ends)) / (1 + len(self.ends))
        saved_s, lost_s = min(self.decode_s, wait_s), max(0.0, self.decode_s - wait_s)
        return rate * saved_s >= (1 - rate) * lost_s

    def _over(self, *, was_end: bool) -> Speculation:
        return replace(self, paused_at_s=None, ends=(*self.ends, was_end)[-PAUSES_KEPT:])
