"""When does speech count as an interruption. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicecli.turns.wake_phrase import WakePhrase
from voicecli.turns.words import words_of

_LISTENING = """
ah aha alright cool course exactly fine get good got great hm hmm huh i indeed interesting it mhm mm mmhm mmhmm mmm nice
oh ok okay of really right see sure true uh uhhuh uhuh uhm um wow yeah yep yes yup
"""
_LISTENING_ELSEWHERE = """
ajá bien bueno claro entiendo sí vale ya daccord oui ouais voilà bene capisco certo già sì va entendi
isso sei sim tá うん ええ そうですね そうですか なるほど はい 好 好的 嗯 对 對 是 是的
"""
BACKCHANNELS = frozenset((_LISTENING + _LISTENING_ELSEWHERE).split())
"""Words of listeners who want the speaker to go on: "mm-hm", "oh I see", "yeah, right", "d'accord", "sì, va bene"."""

MOST_BACKCHANNELS = 4
"""More words than these are a sentence, whatever they are."""

_ORDERS = "stop wait no quiet cancel enough hey hold pause what why sorry pardon skip next again"
_ORDERS_ELSEWHERE = """
alto basta calla espera para perdona arrête arrêtez attends attendez pardon silence aspetta ferma fermati scusa zitto
chega desculpa espere pare ストップ すみません やめて 待って 止まって 停 停下 等一下 等等
"""
ORDERS = frozenset((_ORDERS + _ORDERS_ELSEWHERE).split())
"""Words that one hypothesis is enough for, however short they are: who begins with them wants the word."""

_SILENCING, _COURTESY = "stop wait quiet silence cancel enough pause", "be it now okay please thank thanks you"
SILENCING, COURTESY = frozenset(_SILENCING.split()), frozenset(_COURTESY.split())
"""Orders that count without the wake phrase where there is one, and what may stand beside them."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """How much speech it takes to be heard, and what the answer does meanwhile.

    Speech over an answer makes it softer at once and silent soon, which costs nothing where it was a cough or "mm-hm":
    the answer goes on where it was. Only words end it.
    """

    start_ms: float  # voiced time that makes an utterance while nothing sounds
    pause_ms: float  # ... and while an answer sounds: it falls silent and waits
    interrupt_ms: float  # voiced time and words end the answer
    duck_db: float  # how much softer the answer is while it is only possible that somebody speaks
    allowed: bool = True  # without it the assistant finishes first
    phrase: WakePhrase | None = None  # without these words, or a short order, nothing said over an answer counts

    def required_ms(self, *, answering: bool) -> float:
        """Voiced milliseconds that make an utterance just now; infinite when nothing can interrupt."""
        if not answering:
            return self.start_ms
        return self.pause_ms if self.allowed else math.inf

    def is_called(self, text: str) -> bool:
        """Whether it begins with the wake phrase."""
        return self.phrase is not None and self.phrase.match(text) is not None

    def is_addressed(self, text: str) -> bool:
        """Whether it is said to the assistant."""
        return self.phrase is None or self.is_called(text) or is_stop_command(text)


def is_backchannel(text: str) -> bool:
    """Whether a listener says this without wanting the word."""
    words = words_of(text)
    return 0 < len(words) <= MOST_BACKCHANNELS and BACKCHANNELS.issuperset(words)


def is_stop_word(text: str) -> bool:
    """Whether it begins with a word that wants silence."""
    return ORDERS.issuperset(words_of(text)[:1] or ("",))


def is_stop_command(text: str) -> bool:
    """Whether it wants silence and nothing else: "Stop.", "Please stop it."."""
    words = [word for word in words_of(text) if word not in COURTESY]
    return len(words) == 1 and words[0] in SILENCING


def is_interruption(text: str, *, sure: bool) -> bool:
    """Whether whoever says `text` over an answer wants it to end; `sure`: these words will not change any more."""
    words = words_of(text)
    if not words or is_backchannel(text):
        return False
    return sure or len(words) > 1 or is_stop_word(text)
