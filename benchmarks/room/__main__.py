"""One barge-in as it goes: an answer sounds, somebody talks over it, and every event is printed with its time.

python -m benchmarks.room                                 echo 10 dB below the playback, 120 ms late
python -m benchmarks.room --echo -20 --delay-ms 250       another room
python -m benchmarks.room --no-canceller                  as `audio.echo = "off"` is
python -m benchmarks.room --set listen.min_interrupt_ms=160 --wav out.wav     other settings; what the microphone heard

Times are seconds from the first voiced sample of the user; the level is the loudspeaker's, every 100 ms.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import numpy as np

from benchmarks.room.acoustics import Room
from benchmarks.room.scenes import barge_ins
from benchmarks.room.scores import STEP_S, levels_db, score
from benchmarks.room.sounds import voiced_clip
from benchmarks.room.stage import Cast, Set, play, settings_with
from benchmarks.room.story import Story
from benchmarks.speech import recordings, speech_option
from voicecli.assemble.devices import make_vad
from voicecli.events import Event, SpokenUpTo, TokenArrived

UNTOLD = (TokenArrived, SpokenUpTo)


def timeline(story: Story) -> list[str]:
    """Events and the loudspeaker's level, in order, from the user's first voiced sample."""
    zero_s = story.said[0].from_s if story.said else story.record.began_s
    lines = [(event.at_s, reported(event)) for event in story.events if not isinstance(event, UNTOLD)]
    lines += [(span.from_s, "-- the user speaks") for span in story.said]
    lines += [(span.until_s, "-- the user is silent") for span in story.said]
    every = round(0.1 / STEP_S)
    levels = levels_db(story.record)
    for index in range(0, len(levels) - every, every):
        loudest = float(np.max(levels[index : index + every]))
        at_s = story.record.began_s + index * STEP_S
        lines.append((at_s, f"{'':60}{loudest:5.0f} dB {'#' * max(0, round((loudest + 60) / 2))}"))
    return [f"{at_s - zero_s:7.2f}  {text}" for at_s, text in sorted(lines)]


def reported(event: Event) -> str:
    """Name and what it says."""
    values = [f"{one.name}={getattr(event, one.name)!r}" for one in fields(event) if one.name not in ("at_s", "turn")]
    return f"{event.turn or '':>2} {type(event).__name__} {' '.join(values)}"


def setting(text: str) -> tuple[str, str]:
    """section.key=value."""
    key, is_set, value = text.partition("=")
    if not is_set:
        raise argparse.ArgumentTypeError(f"{text} is not section.key=value")
    return key, value


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speech_option(options)
    options.add_argument("--echo", type=float, default=-10.0, metavar="DB", help="echo over playback, %(default)s dB")
    options.add_argument("--delay-ms", type=float, default=120.0, help="%(default)s")
    options.add_argument("--after", type=float, default=2.5, metavar="S", help="of the answer, %(default)s")
    options.add_argument("--clip", type=int, default=0, help="which recording, from 0")
    options.add_argument("--no-canceller", action="store_true")
    options.add_argument("--set", type=setting, action="append", default=[], metavar="SECTION.KEY=VALUE")
    options.add_argument("--wav", type=Path, help="write what the microphone heard")
    chosen = options.parse_args()
    settings = settings_with(dict(chosen.set))
    one = recordings(chosen.speech)[chosen.clip]
    clip = voiced_clip(one.name, one.pcm, make_vad(settings.listen))
    if clip is None:
        options.error(f"{one.name} holds no speech")
    where = Set(Room(chosen.delay_ms / 1000, chosen.echo), settings, echo=not chosen.no_canceller)
    story = play(Cast.load(), where, barge_ins([clip], chosen.after))
    print("\n".join(timeline(story)))
    print(score(story))


if __name__ == "__main__":
    main()
