"""Microphone and speaker: the chosen devices, the input level and the echo. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.doctor.finding import Finding
from voicecli.doctor.round_trip import Echo

LOUD_DB = -30.0
"""About the level of speech into a headset. If silence is as loud, pauses cannot be detected."""

FAINT_DB = -84.0
"""RMS of two int16 units: the gain is at its minimum, or there is a noise gate. Quiet rooms have -75 dB and more."""

MIN_PACE = 0.8
"""Smallest acceptable speed of a device, as a share of real time."""

SLOW_S = 0.35
"""Sound cards have a round trip of 0.05 to 0.2 s, Bluetooth more than this. Half of it delays each answer."""

HIDDEN_LATENCY_S = 0.25
"""Longest delay of an echo that the echo canceller's level gate covers (`audio.echo`)."""

LOUD_ECHO_DB = 0.0
"""An echo as loud as the playback: the loudspeaker is next to the microphone, or much too loud."""


@dataclass(frozen=True, slots=True)
class ChosenDevice:
    """The device that a conversation would use."""

    name: str
    host: str  # ALSA, Core Audio, Windows WASAPI, ...
    channels: int
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Capture:
    """What the microphone delivered."""

    captured_s: float
    waited_s: float
    is_zero: bool  # every sample is exactly zero
    level_db: float  # RMS level in dB of full scale, before the playback


@dataclass(frozen=True, slots=True)
class Playback:
    """What the speaker played."""

    took_s: float  # seconds of sound fetched, silence included
    waited_s: float


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """The devices of one direction."""

    names: tuple[str, ...]  # all devices of the direction
    chosen: ChosenDevice | None = None  # None: there is no device, or not the configured one
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """Facts about both directions. None: not tested."""

    system: str  # Linux, Darwin, Windows
    microphone: DeviceFacts
    speaker: DeviceFacts
    heard: Capture | None = None
    played: Playback | None = None
    echo: Echo | None = None
    is_tried: bool = True  # False: the user passed --no-sound


def sound_findings(facts: SoundFacts) -> list[Finding]:
    """Return findings about microphone, level, speaker and echo; leave out those that depend on a failed one."""
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
        instead = "you can only type questions" if direction == "input" else "answers are only shown"
        advice = "see the findings about the sound system above"
        return Finding(name, "failed", f"none found, so {instead}", advice, reported)
    if facts.problem or facts.chosen is None:
        return Finding(name, "failed", facts.problem, facts.hint or "voicecli devices", reported)
    device = facts.chosen
    reported |= {"name": device.name, "host": device.host, "channels": device.channels, "rate hz": device.rate_hz}
    others = len(facts.names) - 1
    more = f"; {others} more (choose with --{direction}-device)" if others else ""
    return Finding(name, "passed", f"{device.name} ({device.host}), {device.rate_hz:.0f} Hz{more}", facts=reported)


def _level(heard: Capture, system: str, *, came_back: bool) -> Finding:
    reported = {
        "captured s": round(heard.captured_s, 3),
        "waited s": round(heard.waited_s, 3),
        "exact zeros": heard.is_zero,
        "level db": round(heard.level_db, 1),
    }
    if heard.captured_s <= 0:
        return Finding(
            "level", "failed", "the microphone delivers nothing", "check that it is plugged in and not in use", reported
        )
    if heard.is_zero:
        text = f"only exact zeros for {heard.captured_s:.1f} s, which no working microphone delivers"
        return Finding("level", "failed", text, _zeros(system), reported)
    if heard.captured_s < MIN_PACE * heard.waited_s:
        text = f"captured {heard.captured_s:.1f} s of sound in {heard.waited_s:.1f} s"
        return Finding(
            "level", "warned", text, "close programs that keep the machine busy, or try another device", reported
        )
    if heard.level_db > LOUD_DB:
        advice = "lower the input gain, or remove the source of noise; if somebody spoke just now, try again"
        return Finding("level", "warned", f"{heard.level_db:.0f} dB during silence, which is loud", advice, reported)
    if heard.level_db < FAINT_DB and not came_back:
        text = f"{heard.level_db:.0f} dB, which is almost nothing"
        return Finding("level", "warned", text, "check mute and input gain, then speak and try again", reported)
    return Finding("level", "passed", f"{heard.level_db:.0f} dB during silence", facts=reported)


def _zeros(system: str) -> str:
    if system == "Darwin":
        return "System Settings > Privacy & Security > Microphone: allow your terminal, then restart it"
    if system == "Windows":
        return "Settings > Privacy & security > Microphone: let desktop apps use it"
    return "check permissions, the mute switch and the chosen source: pactl list sources, voicecli devices"


def _speaker(facts: SoundFacts) -> Finding:
    line = _device("speaker", facts.speaker, "output")
    if line.state != "passed" or facts.played is None:
        return line
    played = facts.played
    reported = {**line.facts, "took s": round(played.took_s, 3), "waited s": round(played.waited_s, 3)}
    if not MIN_PACE < played.took_s / max(played.waited_s, 1e-3) < 1 / MIN_PACE:
        text = f"{line.text}: played {played.took_s:.1f} s of sound in {played.waited_s:.1f} s"
        return Finding(
            "speaker",
            "warned",
            text,
            "try again; if it happens again, choose another one with --output-device",
            reported,
        )
    return Finding("speaker", "passed", f"{line.text}: played a sound", facts=reported)


def _echo(echo: Echo | None) -> list[Finding]:
    if echo is None or not echo.is_heard:
        text = "the microphone did not pick up the sound"
        advice = "expected with headphones; if you heard nothing, check volume, mute and --output-device"
        reported = {"share": round(echo.share, 4) if echo else 0.0}
        return [Finding("echo", "skipped", text, advice, reported)]
    return [_round_trip(echo), _loss(echo)]


def _round_trip(echo: Echo) -> Finding:
    reported = {
        "round trip ms": round(echo.round_trip_s * 1000),
        "hidden latency ms": round(echo.hidden_latency_s * 1000),
    }
    text = f"{echo.round_trip_s * 1000:.0f} ms from playback to capture"
    if echo.hidden_latency_s > HIDDEN_LATENCY_S:
        hidden_ms = echo.hidden_latency_s * 1000
        hidden = f"{text}, {hidden_ms:.0f} ms of it not reported by the devices: echoes may sound like speech"
        return Finding(
            "round trip", "warned", hidden, "if it is Bluetooth, use a cable, or --barge-in headphones", reported
        )
    if echo.round_trip_s > SLOW_S:
        advice = "if it is Bluetooth, use a cable, or lower audio.input_latency_s and audio.output_latency_s"
        return Finding("round trip", "warned", f"{text}, which is slow", advice, reported)
    return Finding("round trip", "passed", text, facts=reported)


def _loss(echo: Echo) -> Finding:
    reported = {"loss db": round(echo.loss_db, 1), "share": round(echo.share, 3)}
    if echo.loss_db < LOUD_ECHO_DB:
        text = f"{-echo.loss_db:.0f} dB louder than the playback"
        return Finding(
            "echo", "warned", text, "lower the volume or the input gain, or move speaker and microphone apart", reported
        )
    return Finding(
        "echo",
        "passed",
        f"{echo.loss_db:.0f} dB weaker than the playback; the echo canceller removes it",
        facts=reported,
    )
