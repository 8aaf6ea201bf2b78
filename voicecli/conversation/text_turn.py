"""A turn whose answer is given to it as text, bit by bit: without thoughts and markup it becomes pieces for a voice."""

from __future__ import annotations

from voicecli.conversation.turn import Turn
from voicecli.speech_text.markdown_blocks import SpeechMarkdownFilter
from voicecli.speech_text.phrases import PHRASES, SpokenPhrases
from voicecli.speech_text.think_filter import ThinkFilter


class TextTurn:
    """Feed it the text as a language model writes it."""

    def __init__(self, turn: Turn, notices: SpokenPhrases = PHRASES["en"]) -> None:
        """`notices`: what is said in place of code and tables."""
        self.turn = turn
        self._answer = ThinkFilter()
        self._speakable = SpeechMarkdownFilter(notices)

    def write(self, text: str) -> None:
        """Some more; cut anywhere."""
        self._write(self._answer.push(text))

    def close(self) -> None:
        """No more will come."""
        self._write(self._answer.close())
        for span in self._speakable.close():
            self.turn.chunker.push(span)
        self.turn.chunker.close()
        self.turn.more.set()

    def _write(self, text: str) -> None:
        self.turn.written += text
        for span in self._speakable.push(text):
            self.turn.chunker.push(span)
        self.turn.more.set()
