"""One frame of the live screen: a scene and a size in, lines out. Pure.

header         engines and devices
dialogue       left; beside it, where there is room, the latency panel
status         state, input level, problems
latency        in two lines, where there is no room for the panel
input          the typing line and its completions
keys           those that do something now
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from voicecli.events import Ready
from voicecli.printable import duration_text, printable
from voicecli.ui.dialogue import INDENT, USER_MARK, dialogue, whole_dialogue
from voicecli.ui.line_editor import Line, Palette, palette_lines
from voicecli.ui.view import QUIET_DB, State, ViewModel
from voicecli.ui.waterfall import compact, panel

PANEL_WIDTH = 58
PANEL_FROM_WIDTH = 130
PANEL_FROM_HEIGHT = 20
COMPACT_FROM_HEIGHT = 16
AIRY_FROM_HEIGHT = 7
MARGIN = 1
GUTTER = " │  "
METER_CELLS = 24
STATE_CELLS = 13
OFFER_MARK, DOWNLOAD_MARK = "▼ ", "↓ "
OFFER_LINES = 3
COMMON_SUFFIX = "-instruct"
DEMO_HINT = "demo model; /model for a better one"
MICROPHONE_LABEL, SPEAKER_LABEL, BOTH_LABEL = "mic ", "  ·  speaker ", "mic and speaker "

LOUD_DB, FLOOR_DB = -12.0, -60.0
"""Input level at which the meter is full, and empty: loud speech at a headset, and a quiet room."""

LEVEL_MARKS = "▁▂▃▄▅▆▇█"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

STATE_STYLES: dict[State, str] = {
    "Starting": "dim",
    "Ready": "green",
    "Listening": "green",
    "Hearing": "cyan",
    "Thinking": "magenta",
    "Speaking": "blue",
    "Muted": "red",
    "Asleep": "dim",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a frame depends on besides its size."""

    view: ViewModel
    line: Line | None = None  # the typing line; None while not typing
    tick: int = 0  # turns the spinner
    top: int | None = None  # the first visible line of the conversation; None follows the end
    message: str = ""  # the result of the last key
    palette: Palette = Palette()
    tapped: bool = False  # the push-to-talk key is up but counts as held


def frame(scene: Scene, console: Console, width: int, height: int) -> list[Text]:
    """Return exactly `height` lines, none wider than `width` cells."""
    inner = max(width - 2 * MARGIN, 1)
    wide = _is_wide(width, height)
    top, bottom = _edges(scene, console, width, height)
    room = height - len(top) - len(bottom)
    middle = (_wide_middle if wide else _middle)(scene, console, inner, room) if room > 0 else []
    lines = [*top, *middle, *bottom] if room >= 0 else bottom[-height:]
    return [_fitted(line, width) for line in _filled(lines, height)]


def conversation_size(scene: Scene, console: Console, width: int, height: int) -> tuple[int, int]:
    """Return the cells and lines that a frame has for the conversation."""
    top, bottom = _edges(scene, console, width, height)
    room = max(height - len(top) - len(bottom), 0)
    inner = max(width - 2 * MARGIN, 1)
    cells = inner - PANEL_WIDTH - len(GUTTER) if _is_wide(width, height) else inner
    return cells, room if room < AIRY_FROM_HEIGHT else room - 2


def _is_wide(width: int, height: int) -> bool:
    return width >= PANEL_FROM_WIDTH and height >= PANEL_FROM_HEIGHT


def _edges(scene: Scene, console: Console, width: int, height: int) -> tuple[list[Text], list[Text]]:
    """Return the lines above and below the conversation."""
    inner, wide = max(width - 2 * MARGIN, 1), _is_wide(width, height)
    edge = inner - PANEL_WIDTH - len(GUTTER) + 1 if wide else inner
    high = height >= COMPACT_FROM_HEIGHT
    header = _header(scene.view, console, inner, lines=2 if high else 1)
    top = [*header, _rule(inner, edge, "┬")]
    offer = _offer(scene.view, console, inner)[: OFFER_LINES if high else 1]
    bottom = [_rule(inner, edge, "┴"), *_problems(scene.view), *offer, _status(scene, inner)]
    if scene.view.latencies and height >= COMPACT_FROM_HEIGHT and not wide:
        bottom += compact(scene.view.comparable_latencies, inner)
    if scene.line is not None:
        bottom += [_input(scene.line, inner), *palette_lines(scene.palette, height)]
    return top, [*bottom, _keys(scene, inner)]


def _problems(view: ViewModel) -> list[Text]:
    """Return one line for all components that are unavailable or replaced, the latest first."""
    messages = "  ".join(" ".join(one.message.split()) for one in reversed(view.problems))
    return [Text(f"▲ {messages}", "yellow")] if messages else []


def _offer(view: ViewModel, console: Console, width: int) -> list[Text]:
    """Return the question whether a better model may be downloaded."""
    return list(Text(f"{OFFER_MARK}{view.offer}", "cyan").wrap(console, width)) if view.offer else []


def _filled(lines: list[Text], height: int) -> list[Text]:
    return lines + [Text() for _ in range(height - len(lines))]


def _rule(width: int, edge: int, mark: str) -> Text:
    """Return a line across the screen, with `mark` at the edge of the panel."""
    return Text(("─" * edge + mark + "─" * width)[:width], "dim")


def _middle(scene: Scene, console: Console, width: int, height: int) -> list[Text]:
    if not scene.view.entries:
        lines = _welcome(scene.view, console, width)[:height]
    elif height < AIRY_FROM_HEIGHT:
        lines = _visible(scene, console, width, height)
    else:
        lines = [Text(), *_visible(scene, console, width, height - 2)]
    if scene.view.entries and not scene.view.exchanges:
        lines = [*lines, *_indented(Text(_choice(scene.view), "dim"), console, width)][:height]
    return _filled(lines, height)


def _visible(scene: Scene, console: Console, width: int, height: int) -> list[Text]:
    if scene.top is None:
        return dialogue(scene.view, console, width, height)
    lines = whole_dialogue(scene.view, console, width)
    top = min(scene.top, max(len(lines) - height, 0))
    return lines[top : top + height]


def _wide_middle(scene: Scene, console: Console, width: int, height: int) -> list[Text]:
    """Return the conversation with the latency panel beside it."""
    left_width = width - PANEL_WIDTH - len(GUTTER)
    view = scene.view
    left = _middle(scene, console, left_width, height)
    drawn = (
        panel(view.comparable_latencies, view.speculation, PANEL_WIDTH, height - 1) if view.latencies else _no_latency()
    )
    right = _filled([Text(), *drawn], height)
    return [_beside(one, other, left_width) for one, other in zip(left, right, strict=True)]


def _no_latency() -> list[Text]:
    return [Text("Latency", "bold"), Text(), Text("Shown here with the first answer.", "dim")]


def _beside(left: Text, right: Text, left_width: int) -> Text:
    joined = left.copy()
    joined.truncate(left_width, pad=True)
    return Text.assemble(joined, (GUTTER, "dim"), right)


def _welcome(view: ViewModel, console: Console, width: int) -> list[Text]:
    if view.ready is None:
        text = "Getting ready …"
    elif view.has_microphone:
        text = view.listen_state.welcome
    else:
        text = "There is no microphone. Type your question and press Enter."
    welcome = Text(f"\n{text}\n", "dim")
    return _indented(welcome.append(_choice(view)), console, width)


def _choice(view: ViewModel) -> str:
    """Return which language model answers and why, on a line of its own; empty if there is no reason."""
    return f"\n{view.ready.llm}: {view.ready.llm_why}" if view.ready is not None and view.ready.llm_why else ""


def _indented(text: Text, console: Console, width: int) -> list[Text]:
    return [Text.assemble(INDENT, line) for line in text.wrap(console, max(width - len(INDENT), 1))]


def _header(view: ViewModel, console: Console, width: int, lines: int) -> list[Text]:
    """Return engines, devices and a download under way; the engines take at most `lines` lines."""
    name = Text.assemble(("voicecli", "bold"), (_download(view), "dim"))
    if view.ready is None:
        return [name]
    ready = view.ready
    engines = Text(" → ", "dim").join(Text(engine) for engine in (ready.stt, ready.llm, ready.tts) if engine)
    one_line = _justified(Text.assemble(name, "   ", engines), _devices(ready, width), width)
    if one_line is not None:
        return [one_line]
    first = _justified(name, _devices(ready, width - name.cell_len - 2), width)
    if lines == 1:
        engines.truncate(width, overflow="ellipsis")
    return [name if first is None else first, *engines.wrap(console, width, overflow="ellipsis")[:lines]]


def _download(view: ViewModel) -> str:
    """Return what is downloaded and how far it is: "   ↓ qwen2.5-coder-1.5b 43 %, 6 min"."""
    download = view.download
    if download is None:
        return ""
    share = f"{100 * download.done_bytes // max(download.total_bytes, 1)} %"
    how_far = {
        "downloading": share if download.left_s is None else f"{share}, {duration_text(download.left_s)}",
        "unpacking": f"unpacking {share}",
    }.get(download.state, "loading")
    return f"   {DOWNLOAD_MARK}{printable(download.name).removesuffix(COMMON_SUFFIX)} {how_far}"


def _devices(ready: Ready, width: int) -> Text:
    """Return microphone and speaker; long names are cut, so that both keep a share of `width`."""
    microphone, speaker = Text(ready.microphone or "none"), Text(ready.speaker or "none")
    if ready.microphone and ready.microphone == ready.speaker:
        microphone.truncate(max(width - len(BOTH_LABEL), 1), overflow="ellipsis")
        return Text.assemble((BOTH_LABEL, "dim"), microphone)
    room = max(width - len(MICROPHONE_LABEL) - len(SPEAKER_LABEL), 2)
    microphone.truncate(max(room - speaker.cell_len, room // 2), overflow="ellipsis")
    speaker.truncate(room - microphone.cell_len, overflow="ellipsis")
    return Text.assemble((MICROPHONE_LABEL, "dim"), microphone, (SPEAKER_LABEL, "dim"), speaker)


def _status(scene: Scene, width: int) -> Text:
    view = scene.view
    state = view.state
    mark = (
        SPINNER[scene.tick % len(SPINNER)]
        if state in ("Thinking", "Starting")
        else "○"
        if state in ("Muted", "Asleep")
        else "●"
    )
    left = Text.assemble((f"{mark} {state}".ljust(STATE_CELLS), f"bold {STATE_STYLES[state]}"))
    message = [Text(scene.message, "dim")] if scene.message else []
    remarks = [*message, *_remarks(view)]
    right = Text("   ").join([*remarks, Text(DEMO_HINT, "dim")] if view.is_demo else remarks)
    if view.is_demo and STATE_CELLS + 2 + right.cell_len > width:  # what has just happened goes first
        right = Text("   ").join(remarks)
    if view.has_microphone and view.ready is not None:
        cells = min(width - STATE_CELLS - right.cell_len - 2, METER_CELLS)
        left.append_text(Text("microphone off", "dim") if view.muted else _meter(view.levels_db, cells))
    both = _justified(left, right, width)
    return left if both is None else both


def _remarks(view: ViewModel) -> list[Text]:
    remark = "repeating the last answer" if view.repeat is not None else view.remark
    remarks = [Text(text, "dim") for text in (remark, view.listen_state.hint) if text]
    if view.underrun_gaps:
        remarks.append(Text(_counted(view.underrun_gaps, "gap") + " in answers", "yellow"))
    if view.dropped_frames:
        remarks.append(Text(_counted(view.dropped_frames, "frame") + " dropped", "yellow"))
    return remarks


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _meter(levels_db: tuple[float, ...], cells: int) -> Text:
    """Return the input level of the last seconds, newest at the right."""
    text = Text()
    for level_db in ((QUIET_DB,) * cells + levels_db)[-cells:] if cells > 0 else ():
        share = min(max((level_db - FLOOR_DB) / (LOUD_DB - FLOOR_DB), 0.0), 1.0)
        mark = LEVEL_MARKS[round(share * (len(LEVEL_MARKS) - 1))]
        text.append(mark, "dim" if mark == LEVEL_MARKS[0] else "green" if share < 1 else "yellow")
    return text


def _input(line: Line, width: int) -> Text:
    """Return the typing line with its cursor; a long line is cut at its start to keep the cursor visible."""
    room = max(width - cell_len(USER_MARK) - 1, 1)
    start = 0
    while start < line.cursor and cell_len(line.text[start : line.cursor]) > room:
        start += 1
    at = line.text[line.cursor : line.cursor + 1] or " "
    return Text.assemble(
        (USER_MARK, "bold cyan"),
        line.text[start : line.cursor],
        (at, "reverse"),
        line.text[line.cursor + 1 :],
    )


def _keys(scene: Scene, width: int) -> Text:
    """Return the keys that do something now; the rarer ones only where there is room."""
    view = scene.view
    busy = view.is_answering
    if view.pending_approval is not None and scene.line is None:
        return _named([("y", "allow"), ("a", "always"), ("n", "refuse"), ("esc", "interrupt"), ("ctrl-c", "quit")])
    keys: list[tuple[str, str]] = [("esc", "interrupt")] if busy else []
    offered = bool(view.offer) and (scene.line is None or not scene.line.text)
    if offered:
        keys += [("enter", "yes"), ("n", "no") if scene.line is None else ("n enter", "no")]
    more = [("end", "newest")] if scene.top is not None else []
    if scene.line is not None:
        talk = view.listen_state.by_key and view.has_microphone and not scene.line.text
        keys += (
            view.listen_state.keys(muted=view.muted, tapped=scene.tapped)
            if talk
            else [("enter", "send")] * (not offered)
        )
        keys += [] if busy else [("esc", "stop typing")]
        more += [("tab", "complete"), ("↑↓", "choose")] if scene.palette.offers else []
    else:
        if view.has_microphone and view.state != "Starting":
            keys += view.listen_state.keys(muted=view.muted, tapped=scene.tapped)
        keys.append(("t", "type"))
        more.append(("/", "menu"))
        if not busy and view.last_answer:
            more += [("r", "play")] if view.can_repeat else []
            more += [("c", "copy"), ("s", "save"), ("e", "edit")]
    quitting = ("ctrl-c", "quit")
    while (more or keys) and _named([*keys, *more, quitting]).cell_len > width:
        (more or keys).pop()
    return _named([*keys, *more, quitting])


def _named(keys: list[tuple[str, str]]) -> Text:
    return Text("   ").join(Text.assemble((key, "bold"), (f" {job}", "dim")) for key, job in keys)


def _justified(left: Text, right: Text, width: int) -> Text | None:
    """Return both on one line, at its two ends; None if there is no room."""
    gap = width - left.cell_len - right.cell_len
    return None if gap < 2 else Text.assemble(left, " " * gap, right)


def _fitted(line: Text, width: int) -> Text:
    fitted = Text(" " * MARGIN, no_wrap=True).append_text(line)
    fitted.truncate(width, overflow="ellipsis" if width > 1 else "crop")
    return fitted
