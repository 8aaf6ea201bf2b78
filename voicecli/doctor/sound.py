"""Microphone and speaker: which they are, what was heard, and what came back. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.doctor.finding import Finding
from voicecli.doctor.round_trip import Echo

LOUD_DB = -30.0
"""Speech at a headset has about this. Where it is as loud while nobody speaks, no pause will be heard."""

FAINT_DB = -84.0
"""RMS of two units of int16: the gain is at its lowest, or there is a noise gate. Quiet rooms have -75 and more."""

PACE = 0.8
"""Share of real time that a device has to keep."""

SLOW_S = 0.35
"""Sound cards take 0.05 to 0.2 s there and back, Bluetooth more than this; an answer is late by half of it."""

UNTOLD_S = 0.25
"""The echo canceller's bar stays up this long (`audio.echo_guard`), and no echo may come later than that."""

LOUD_ECHO_DB = 0.0
"""An echo as loud as the playback itself: the loudspeaker is right at the microphone, or far too loud."""


@dataclass(frozen=True, slots=True)
class Device:
    """One that would be used."""

    name: str
    host: str  # ALSA, Core Audio, Windows WASAPI, ...
    channels: int
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What the microphone gave."""

    captured_s: float
    waited_s: float
    is_zero: bool  # each sample, to the bit
    level_db: float  # RMS over full scale before anything was played


@dataclass(frozen=True, slots=True)
class Played:
    """What the speaker took."""

    took_s: float  # of sound, silence included
    waited_s: float


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One direction."""

    names: tuple[str, ...]  # all there are
    chosen: Device | None = None  # None: there is none, or not the one that was asked for
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """All of it. None: was not tried."""

    system: str  # Linux, Darwin, Windows
    microphone: DeviceFacts
    speaker: DeviceFacts
    heard: Heard | None = None
    played: Played | None = None
    echo: Echo | None = None
    is_tried: bool = True  # False: the user wanted no sound


def sound_findings(facts: SoundFacts) -> list[Finding]:
    """Microphone, level, speaker, echo: a line that depends on a failed one is left out."""
    lines = [_device("microphone", facts.microphone, "input")]
    if facts.heard:
        lines.append(_level(facts.heard, facts.system, came_back=facts.echo is not None and facts.echo.is_heard))
    lines.append(_speaker(facts))
    if not facts.is_tried:
        lines.append(Finding("level and echo", "skipped", "--no-sound"))
    elif facts.heard and facts.played and not facts.heard.is_zero:
        lines += _echo(facts.echo)
    return lines


def _device(name: str, facts: DeviceFacts, direction: str) -> Finding:
    reported: dict[str, object] = {"devices": list(facts.names), "problem": facts.problem}
    if not facts.names:
        instead = "questions are typed" if direction == "input" else "answers are written"
        advice = "see what is said above of the sound system"
        return Finding(name, "failed", f"there is none, so {instead}", advice, reported)
    if facts.problem or facts.chosen is None:
        return Finding(name, "failed", facts.problem, facts.hint or "voicecli devices", reported)
    device = facts.chosen
    reported |= {"name": device.name, "host": device.host, "channels": device.channels, "rate hz": device.rate_hz}
    others = len(facts.names) - 1
    more = f", {others} more (--{direction}-device)" if others else ""
    return Finding(name, "passed", f"{device.name} ({device.host}), {device.rate_hz:.0f} Hz{more}", facts=reported)


def _level(heard: Heard, system: str, *, came_back: bool) -> Finding:
    reported = {
        "captured s": round(heard.captured_s, 3),
        "waited s": round(heard.waited_s, 3),
        "exact zeros": heard.is_zero,
        "level db": round(heard.level_db, 1),
    }
    if heard.captured_s <= 0:
        return Finding("level", "failed", "the microphone delivers nothing", "is it unplugged, or in use?", reported)
    if heard.is_zero:
        text = f"nothing but exact zeros for {heard.captured_s:.1f} s: no microphone sounds like that"
        return Finding("level", "failed", text, _zeros(system), reported)
    if heard.captured_s < PACE * heard.waited_s:
        text = f"gave {heard.captured_s:.1f} s of sound in {heard.waited_s:.1f} s"
        return Finding("level", "warned", text, "close what keeps the machine busy; try another device", reported)
    if heard.level_db > LOUD_DB:
        advice = "lower the input gain, or find what hums; if somebody spoke just now, try again"
        return Finding("level", "warned", f"{heard.level_db:.0f} dB while nobody speaks: loud", advice, reported)
    if heard.level_db < FAINT_DB and not came_back:
        text = f"{heard.level_db:.0f} dB: hardly anything"
        return Finding(
            "level", "warned", text, "is it muted, or its gain at the lowest? speak, and try again", reported
        )
    return Finding("level", "passed", f"{heard.level_db:.0f} dB while nobody speaks", facts=reported)


def _zeros(system: str) -> str:
    if system == "Darwin":
        return "System Settings > Privacy & Security > Microphone: allow your terminal, then start it anew"
    if system == "Windows":
        return "Settings > Privacy & security > Microphone: let desktop apps use it"
    return "permission, a mute switch, or a source that nothing feeds: pactl list sources, voicecli devices"


def _speaker(facts: SoundFacts) -> Finding:
    line = _device("speaker", facts.speaker, "output")
    if line.state != "passed" or facts.played is None:
        return line
    played = facts.played
    reported = {**line.facts, "took s": round(played.took_s, 3), "waited s": round(played.waited_s, 3)}
    if not PACE < played.took_s / max(played.waited_s, 1e-3) < 1 / PACE:
        text = f"{line.text}: took {played.took_s:.1f} s of sound in {played.waited_s:.1f} s"
        return Finding("speaker", "warned", text, "try again; if it stays, try another: --output-device", reported)
    return Finding("speaker", "passed", f"{line.text}: played a sound", facts=reported)


def _echo(echo: Echo | None) -> list[Finding]:
    if echo is None or not echo.is_heard:
        text = "the sound did not come back"
        advice = "right with headphones; if you heard nothing: volume, mute, --output-device"
        reported = {"share": round(echo.share, 4) if echo else 0.0}
        return [Finding("echo", "skipped", text, advice, reported)]
    return [_round_trip(echo), _loss(echo)]


def _round_trip(echo: Echo) -> Finding:
    reported = {"round trip ms": round(echo.round_trip_s * 1000), "untold ms": round(echo.untold_s * 1000)}
    text = f"{echo.round_trip_s * 1000:.0f} ms from program to speaker to microphone to program"
    if echo.untold_s > UNTOLD_S:
        hidden = f"{text}, {echo.untold_s * 1000:.0f} ms of it untold by the devices: echoes may pass for speech"
        return Finding("round trip", "warned", hidden, "Bluetooth? use a cable, or --barge-in headphones", reported)
    if echo.round_trip_s > SLOW_S:
        advice = "Bluetooth? use a cable, or lower audio.input_latency_s and audio.output_latency_s"
        return Finding("round trip", "warned", f"{text}: slow", advice, reported)
    return Finding("round trip", "passed", text, facts=reported)


def _loss(echo: Echo) -> Finding:
    reported = {"loss db": round(echo.loss_db, 1), "share": round(echo.share, 3)}
    if echo.loss_db < LOUD_ECHO_DB:
        text = f"comes back {-echo.loss_db:.0f} dB louder than it was played"
        return Finding("echo", "warned", text, "lower the volume or the input gain, or part the two", reported)
    return Finding(
        "echo", "passed", f"comes back {echo.loss_db:.0f} dB weaker; the canceller takes it out", facts=reported
    )
