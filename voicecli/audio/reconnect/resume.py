"""What a speaker was given of one answer, so that another may go on with it where the first broke off. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from voicecli.types import PlaybackChunk, TurnId


@dataclass(slots=True)
class PlaybackState:
    """One turn's sound. It is kept until the next turn begins."""

    turn: TurnId
    held: bool
    db: float = 0.0
    finished: bool = False
    over: bool = False  # flushed: nothing more may sound
    written: bool = False  # no speaker in time: what is left is read, not heard
    before_s: float = 0.0  # heard over speakers that have gone
    chunks: list[PlaybackChunk] = field(default_factory=list)

    @property
    def queued_s(self) -> float:
        """Length of all that was given."""
        return sum(chunk.audio_s for chunk in self.chunks)

    @property
    def left_s(self) -> float:
        """Length of what was not heard, while no speaker has it."""
        return max(0.0, self.queued_s - self.before_s)

    def rest(self) -> list[PlaybackChunk]:
        """What was not heard over the speakers that have gone; the first chunk begins at the very sample."""
        rest, skip_s = [], self.before_s
        for chunk in self.chunks:
            heard = min(len(chunk.pcm), round(skip_s * chunk.sample_rate_hz))
            skip_s = max(0.0, skip_s - chunk.audio_s)
            if heard < len(chunk.pcm):
                rest.append(replace(chunk, pcm=chunk.pcm[heard:]))
        return rest
