"""How long Kokoro's windows are, and when its sound may begin: as soon as it can go on without a gap. Pure.

Lengths are in columns of 12.5 ms; `rtf` is the real-time factor, the seconds that a second of sound takes to compute;
`ahead` is the sound that is computed and not yet heard, once it is audible.
"""

from __future__ import annotations

CONTEXT_COLUMNS = 4  # columns on either side of a window; twice as many change nothing that can be measured
LEAD_COLUMNS = 8  # kept of the silence before the first token: a first consonant begins up to 70 ms early
MIN_WINDOW, MAX_WINDOW = 32, 128  # of a window that is computed while those before it sound
FIRST_WINDOW, NEXT_WINDOW, WINDOW_STEP = 24, 12, 4  # of one that is waited for: the least, and how lengths differ
ENOUGH_AHEAD = 80  # ahead: on a machine that cannot keep up at all, more than a second of sound is not waited for
SAFETY = 0.8  # of the time that a window plays, what may go into computing the next
RTF_MARGIN = 1.15  # than was learnt: windows of one text differ by about a tenth


def may_sound(begin: int, ahead: float, columns: int, rtf: float) -> bool:
    """Whether all from `begin` on will be there before what is ahead ends, or enough has been waited for."""
    while ahead < ENOUGH_AHEAD and begin < columns:
        end = window_end(begin, next_window(ahead, rtf), columns)
        left = ahead - (end - begin + 2 * CONTEXT_COLUMNS) * rtf * RTF_MARGIN
        if left < 0:
            return False
        begin, ahead = end, left + end - begin
    return True


def awaited_window(begin: int, ahead: float, columns: int, rtf: float) -> int:
    """The shortest after which it may sound: the least on a machine that keeps up."""
    least, most = (NEXT_WINDOW, ENOUGH_AHEAD) if begin else (FIRST_WINDOW + LEAD_COLUMNS, ENOUGH_AHEAD + LEAD_COLUMNS)
    for length in range(least, most, WINDOW_STEP):
        end = window_end(begin, length, columns)
        if may_sound(end, ahead + end - begin, columns, rtf):
            return length
    return most


def next_window(ahead: float, rtf: float) -> int:
    """Columns that are computed in less time than `ahead` takes to play."""
    return min(MAX_WINDOW, max(MIN_WINDOW, int(SAFETY * ahead / rtf) - 2 * CONTEXT_COLUMNS))


def window_end(begin: int, length: int, columns: int) -> int:
    """Where a window ends. A short rest neither stays behind nor comes along, which would take too long: both halve."""
    rest = columns - begin
    if rest <= length:
        return columns
    return begin + (min(length, rest // 2) if rest < length + MIN_WINDOW else length)
