"""What of a streamed answer is written and spoken: no loop, and no sentence without its end. Pure.

The model writes faster than the voice speaks, so a passage that so far only repeats earlier ones can be held back until
it is known to be a refrain or a loop. Text that is new is let through at once.
"""

from __future__ import annotations

from voicecli.events import CutReason
from voicecli.speech_text.chunker import LONG_CLAUSE_CHARS, Strength, clause_ends
from voicecli.speech_text.loops import examine
from voicecli.types import Token

LAST_SHARE = 4
"""In the last quarter of `llm.max_answer_tokens` an answer ends with its sentence: 40 tokens of 160 are one or two."""


class AnswerGuard:
    """Passes on the text of one answer. Stop reading the model once `ending` is set."""

    def __init__(self, most_tokens: int) -> None:
        """`most_tokens`: where the model is made to stop."""
        self.ending: CutReason | None = None
        self._late_tokens = most_tokens - most_tokens // LAST_SHARE
        self._tokens = 0
        self._text = ""
        self._passed_chars = 0
        self._late_chars: int | None = None  # length of the text when the last quarter began
        self._model_stopped = False

    def push(self, token: Token) -> str:
        """Add a token, and return the text that is certain now."""
        self._text += token.text
        self._tokens += bool(token.text)
        self._model_stopped = self._model_stopped or token.at_limit
        if self._late_chars is None and self._tokens >= self._late_tokens:
            self._late_chars = len(self._text)
        repetition = examine(self._text)
        end = repetition.fresh_end
        if repetition.is_loop:
            self.ending = "loop"
        elif self._late_chars is not None:
            end = min(end, self._late_end(self._late_chars))
        return self._pass(end)

    def close(self) -> str:
        """End the answer, and return the rest of its text, as far as it is good."""
        if self._model_stopped and not self.ending:
            self.ending = "length"
        return "" if self.ending else self._pass(len(self._text))

    def _late_end(self, late_chars: int) -> int:
        """Return the end of the first sentence that ends late; before that, the end of the last whole clause."""
        end = 0
        for clause in clause_ends(self._text, is_complete=False, long_clause_chars=LONG_CLAUSE_CHARS):
            end = clause.at
            if end >= late_chars and clause.strength is Strength.SENTENCE:
                self.ending = "length"
                break
        return end

    def _pass(self, end: int) -> str:
        begin, self._passed_chars = self._passed_chars, max(self._passed_chars, end)
        return self._text[begin : self._passed_chars]
