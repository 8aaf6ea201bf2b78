"""Another language for the recogniser, from the next utterance on."""

from __future__ import annotations

from typing import Protocol, Self

from voicecli.conversation.rest import Rest
from voicecli.engines.base import SpeechToText, Worker
from voicecli.engines.switchable import SwitchableRecogniser
from voicecli.types import Wish


class Polyglot(SpeechToText, Protocol):
    """A resident recogniser with several languages."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1."""
        ...

    def wishing(self, wish: Wish) -> Self:
        """A view of the same model. Raises SettingsError for a language that it does not know."""
        ...


class LanguageSwitch:
    """The languages of one resident model; nothing is loaded anew."""

    def __init__(
        self, recogniser: Polyglot, switchable: SwitchableRecogniser, worker: Worker, rest: Rest, language: str
    ) -> None:
        """`language`: that is heard now, or auto."""
        self.language = language
        self._recogniser = recogniser
        self._switchable = switchable
        self._worker = worker
        self._rest = rest

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that can be heard."""
        return self._recogniser.languages

    async def take(self, language: str) -> None:
        """Hear another language, or auto. Raises SettingsError with the nearest ones."""
        view = await self._worker.run(self._recogniser.wishing, Wish(language))
        self.language = language
        self._rest.do(lambda: self._switchable.take(view))
