"""Which speech over an answer interrupts it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicecli.turns.wake_phrase import WakePhrase
from voicecli.turns.words import words_of

_BACKCHANNELS_ENGLISH = """
ah aha alright cool course exactly fine get good got great hm hmm huh i indeed interesting it mhm mm mmhm mmhmm mmm nice
oh ok okay of really right see sure true uh uhhuh uhuh uhm um wow yeah yep yes yup
"""
_BACKCHANNELS_ELSEWHERE = """
ajá bien bueno claro entiendo sí vale ya daccord oui ouais voilà bene capisco certo già sì va entendi
isso sei sim tá うん ええ そうですね そうですか なるほど はい 好 好的 嗯 对 對 是 是的
"""
BACKCHANNELS = frozenset((_BACKCHANNELS_ENGLISH + _BACKCHANNELS_ELSEWHERE).split())
"""Words of listeners who want the speaker to continue: "mm-hm", "oh I see", "yeah, right", "d'accord", "va bene"."""

MOST_BACKCHANNELS = 4
"""More words than this are a sentence, not a backchannel."""

_STOP_WORDS_ENGLISH = "stop wait no quiet cancel enough hey hold pause what why sorry pardon skip next again"
_STOP_WORDS_ELSEWHERE = """
alto basta calla espera para perdona arrête arrêtez attends attendez pardon silence aspetta ferma fermati scusa zitto
chega desculpa espere pare ストップ すみません やめて 待って 止まって 停 停下 等一下 等等
"""
STOP_WORDS = frozenset((_STOP_WORDS_ENGLISH + _STOP_WORDS_ELSEWHERE).split())
"""Words that interrupt as soon as one hypothesis begins with them, however short it is."""

_SILENCING, _COURTESY = "stop wait quiet silence cancel enough pause", "be it now okay please thank thanks you"
SILENCING, COURTESY = frozenset(_SILENCING.split()), frozenset(_COURTESY.split())
"""Stop commands that count without the wake phrase, and the polite words that may accompany them."""


MOST_WORDS_PER_S = 6.0
"""Beyond the first word. Quick speech has four to five words a second. Whisper made "I don't know" of a quarter of a
second of noise over an answer (tests/card/test_echo.py on a busy machine)."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """How much speech makes an utterance, and what the answer does meanwhile.

    Speech over an answer lowers it at once and pauses it soon. After a cough or a "mm-hm" it resumes where it was. Only
    words end it.
    """

    start_ms: float  # voiced time that makes an utterance while nothing sounds
    pause_ms: float  # ... while an answer sounds; the answer then pauses
    interrupt_ms: float  # voiced time that, with words, ends the answer
    duck_db: float  # how much the answer is lowered while speech is only possible
    allowed: bool = True  # False: an answer cannot be interrupted by voice
    phrase: WakePhrase | None = None  # over an answer, only speech with this phrase or a stop command counts

    def required_ms(self, *, answering: bool) -> float:
        """Return the voiced milliseconds that make an utterance now; infinite when nothing can interrupt."""
        if not answering:
            return self.start_ms
        return self.pause_ms if self.allowed else math.inf

    def is_called(self, text: str) -> bool:
        """Return whether a text begins with the wake phrase."""
        return self.phrase is not None and self.phrase.match(text) is not None

    def is_addressed(self, text: str) -> bool:
        """Return whether a text is meant for the assistant."""
        return self.phrase is None or self.is_called(text) or is_stop_command(text)


def is_backchannel(text: str) -> bool:
    """Return whether a listener says this without wanting to speak."""
    words = words_of(text)
    return 0 < len(words) <= MOST_BACKCHANNELS and BACKCHANNELS.issuperset(words)


def is_stop_word(text: str) -> bool:
    """Return whether a text begins with a word that asks for silence."""
    return STOP_WORDS.issuperset(words_of(text)[:1] or ("",))


def is_stop_command(text: str) -> bool:
    """Return whether a text asks for silence and nothing else: "Stop.", "Please stop it."."""
    words = [word for word in words_of(text) if word not in COURTESY]
    return len(words) == 1 and words[0] in SILENCING


def is_too_fast(text: str, voiced_s: float) -> bool:
    """Return whether nobody can say these words in `voiced_s`, so that a recognizer has made them up."""
    return len(words_of(text)) > 1 + MOST_WORDS_PER_S * voiced_s


def is_interruption(text: str, *, sure: bool) -> bool:
    """Return whether `text` over an answer is meant to end it. `sure`: these words will not change any more."""
    words = words_of(text)
    if not words or is_backchannel(text):
        return False
    return sure or len(words) > 1 or is_stop_word(text)
