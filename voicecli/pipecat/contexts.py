"""Which of Pipecat's audio contexts an utterance of the server speaks for. Pure.

The server counts utterances by their first texts, so both sides count alike; it takes one text at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class Contexts:
    """Of one connection."""

    _contexts: dict[int, str] = field(default_factory=dict)  # utterances that are not over
    _begun: int = 0
    _written: int = 0  # the utterance whose text is not at its end; 0: none

    def write(self, context: str) -> bool:
        """Some text of a context comes next. Whether the text of another one has to be ended before."""
        other = self._written != 0 and self.of(self._written) != context
        if not self._written or other:
            self._begun += 1
            self._written = self._begun
            self._contexts[self._begun] = context
        return other

    def end(self, context: str) -> bool:
        """A context is written. Whether the server has to be told."""
        if not self._written or self.of(self._written) not in (context, None):
            return False
        self._written = 0
        return True

    def of(self, utterance: int) -> str | None:
        """None where nobody wants to hear it any more."""
        return self._contexts.get(utterance)

    def over(self, utterance: int) -> str | None:
        """An utterance has been spoken, or has failed. The context that is complete with it."""
        context = self._contexts.pop(utterance, None)
        return None if context in self._contexts.values() else context

    def drop(self, context: str) -> Literal["cancel", "end", ""]:
        """A context was interrupted. What to tell the server, which cancels all that is not over or nothing."""
        dropped = [utterance for utterance, of in self._contexts.items() if of == context]
        for utterance in dropped:
            del self._contexts[utterance]
        writing = self._written in dropped
        if dropped and not self._contexts:
            self._written = 0
            return "cancel"
        if writing:
            self._written = 0
            return "end"
        return ""
