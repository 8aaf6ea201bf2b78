"""Turn events into exchanges. Pure.

An answer is prepared while the user may still continue, so a resumed utterance resets its draft. An exchange is over
when its turn is over and its words are known; for a turn that was interrupted early they come later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from voicecli.conversation.history import whole_words
from voicecli.events import (
    Audible,
    ComponentChanged,
    Event,
    NothingHeard,
    PartialHeard,
    Ready,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpokenUpTo,
    TokenArrived,
    Transcribed,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.history.records import Exchange, Outcome
from voicecli.types import TurnId


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended."""

    outcome: Outcome
    heard: str
    at_s: float
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An exchange in progress. Times are of the conversation's clock."""

    asked_from_s: float
    asked_until_s: float
    typed: bool = False
    released: bool = False  # the utterance has ended
    words: str = ""  # the latest partial transcript, in case recognition fails
    question: str = ""
    language: str = ""
    answer: str = ""
    spoken_end: int = 0  # characters of the answer that were heard
    answered_from_s: float | None = None
    ending: Ending | None = None  # set when its turn is over

    def apply(self, event: Event) -> Draft:
        """Return the draft with one more event of its turn."""
        match event:
            case PartialHeard(stable=stable, unstable=unstable):
                return replace(self, words=" ".join(f"{stable} {unstable}".split()))
            case SpeechPaused(ended_at_s=ended_at_s):
                return replace(self._continued(), asked_until_s=ended_at_s)
            case SpeechResumed():
                return self._continued()
            case SpeechEnded(ended_at_s=ended_at_s):
                return replace(self, asked_until_s=ended_at_s, released=True)
            case Transcribed(text=text, language=language) if not self.typed:
                return replace(self, question=text, language=language, answer="", spoken_end=0)
            case _:
                return self._answered(event)

    @property
    def is_withdrawn(self) -> bool:
        return self.ending is not None and self.ending.outcome == "unanswered"

    def heard_so_far(self, *, voiced: bool) -> str:
        """Return what was heard of the answer, to a tenth of a second, the interval of progress events."""
        return whole_words(self.answer, self.spoken_end) if voiced else self.answer

    def _continued(self) -> Draft:
        return replace(self, released=False, question="", language="", answer="", spoken_end=0, answered_from_s=None)

    def _answered(self, event: Event) -> Draft:
        match event:
            case TokenArrived(text=text):
                return replace(self, answer=self.answer + text)
            case Audible(at_s=at_s) if self.answered_from_s is None:
                return replace(self, answered_from_s=at_s)
            case SpokenUpTo(source_end=source_end):
                return replace(self, spoken_end=max(self.spoken_end, source_end))
            case _:
                return self


@dataclass(frozen=True, slots=True)
class ExchangeFold:
    """`apply` each event in order; `ended` only grows at its end."""

    origin_s: float  # clock time of the session's beginning
    ended: tuple[Exchange, ...] = ()
    drafts: Mapping[TurnId, Draft] = field(default_factory=dict)
    llm: str = ""
    voiced: bool = True  # answers are spoken

    def apply(self, event: Event) -> ExchangeFold:
        """Return the fold with one more event."""
        match event:
            case Ready(llm=llm, speaker=speaker):
                return replace(self, llm=llm, voiced=bool(speaker))
            case ComponentChanged(component="model", name=llm) if llm:
                return replace(self, llm=llm)
            case UserTyped(at_s=at_s, turn=turn, text=text) if turn is not None:
                typed = Draft(asked_from_s=at_s, asked_until_s=at_s, typed=True, released=True, question=text)
                return self._with(turn, typed)
            case SpeechStarted(turn=turn, started_at_s=started_at_s) if turn is not None:
                return self._with(turn, Draft(asked_from_s=started_at_s, asked_until_s=started_at_s))
            case _ if event.turn is not None and event.turn in self.drafts:
                return self._of_turn(event, event.turn, self.drafts[event.turn])
            case _:
                return self

    def closed(self, at_s: float) -> ExchangeFold:
        """Return the fold at the end of the conversation: open exchanges end with what happened so far."""
        fold = self
        for turn, draft in self.drafts.items():
            said = replace(draft, question=draft.question or draft.words)
            if draft.ending is None and draft.released:
                heard = draft.heard_so_far(voiced=self.voiced)
                said = replace(said, ending=Ending("interrupted", heard, at_s))
            elif draft.ending is None:
                said = replace(said, ending=Ending("unanswered", "", at_s))
            fold = fold._with(turn, said)
        return replace(fold, drafts={})

    def knows(self, event: Event) -> bool:
        """Return whether the event belongs to an open turn of this fold."""
        return event.turn in self.drafts

    def split(self, origin_s: float, earlier: tuple[Exchange, ...] = ()) -> tuple[ExchangeFold, ExchangeFold]:
        """Return this fold, and that of a new session after `earlier`, which gets the unfinished utterance."""
        said = {turn: draft for turn, draft in self.drafts.items() if not draft.released and draft.ending is None}
        rest = {turn: draft for turn, draft in self.drafts.items() if turn not in said}
        return replace(self, drafts=rest), replace(self, origin_s=origin_s, ended=earlier, drafts=said)

    def _of_turn(self, event: Event, turn: TurnId, draft: Draft) -> ExchangeFold:
        match event:
            case TurnDone(at_s=at_s, spoken=spoken):
                return self._over(turn, draft, Ending("done", spoken, at_s))
            case TurnInterrupted(at_s=at_s, reopened=True):
                return self._over(turn, draft, Ending("reopened", "", at_s))
            case TurnInterrupted(at_s=at_s, spoken=spoken):
                return self._over(turn, draft, Ending("interrupted", spoken, at_s))
            case TurnFailed(at_s=at_s, stage=stage, message=message):
                ending = Ending("failed", draft.heard_so_far(voiced=self.voiced), at_s, f"{stage}: {message}")
                said = replace(draft, question=draft.question or draft.words)
                return self._over(turn, said, ending) if said.question else self._without(turn)
            case NothingHeard(at_s=at_s):
                return self._withdrawn(turn, replace(draft, words="", ending=Ending("unanswered", "", at_s)))
            case _:
                return self._with(turn, draft.apply(event))

    def _over(self, turn: TurnId, draft: Draft, ending: Ending) -> ExchangeFold:
        return self._with(turn, replace(draft, ending=ending))

    def _withdrawn(self, turn: TurnId, draft: Draft) -> ExchangeFold:
        """Keep only the latest withdrawn draft: noise, or speech that was still being decoded when text was typed."""
        waiting = {key: one for key, one in self.drafts.items() if not one.is_withdrawn}
        return replace(self, drafts=waiting)._with(turn, draft)

    def _with(self, turn: TurnId, draft: Draft) -> ExchangeFold:
        if draft.ending is None or not draft.question:
            return replace(self, drafts={**self.drafts, turn: draft})
        return replace(self._without(turn), ended=(*self.ended, self._exchange(draft, draft.ending)))

    def _without(self, turn: TurnId) -> ExchangeFold:
        return replace(self, drafts={key: draft for key, draft in self.drafts.items() if key != turn})

    def _exchange(self, draft: Draft, ending: Ending) -> Exchange:
        begins_s = draft.asked_until_s if draft.answered_from_s is None else draft.answered_from_s
        heard = bool(ending.heard.strip())
        return Exchange(
            draft.question,
            draft.typed,
            draft.language,
            draft.answer,
            ending.heard,
            ending.outcome,
            ending.trouble,
            self.llm if draft.answer else "",
            draft.asked_from_s - self.origin_s,
            draft.asked_until_s - self.origin_s,
            begins_s - self.origin_s if heard else None,
            max(ending.at_s, begins_s) - self.origin_s if heard else None,
        )
