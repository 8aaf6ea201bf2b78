"""ALSA, PulseAudio and PipeWire, also inside WSL, containers and SSH. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicecli.doctor.finding import Finding

Access = Literal["absent", "forbidden", "open"]

PULSE_INTO_CONTAINER = (
    "docker run -v $XDG_RUNTIME_DIR/pulse/native:/tmp/pulse -e PULSE_SERVER=unix:/tmp/pulse, or --device /dev/snd"
)


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """The sound system of this machine, and the environment of this process."""

    system: str  # Linux, Darwin, Windows
    cards: tuple[str, ...] = ()  # as the kernel names them
    access: Access = "absent"  # to /dev/snd
    has_pulse_plugin: bool = False  # the ALSA plug-in through which PortAudio reaches PulseAudio
    has_pipewire_plugin: bool = False  # the ALSA plug-in for PipeWire
    pulse_at: str = ""  # address at which a PulseAudio server was probed
    pulse_was_named: bool = False  # PULSE_SERVER is set
    pulse_answers: bool = False
    pulse_is_mute: bool = False  # it accepts connections, but does not answer pactl
    pulse_name: str = ""  # PulseAudio, or PulseAudio (on PipeWire 1.0.5); empty: unknown
    pipewire_answers: bool = False
    is_wsl: bool = False
    container: str = ""  # docker, podman, ...
    is_ssh: bool = False

    @property
    def has_server(self) -> bool:
        return self.pulse_answers or self.pipewire_answers


def system_findings(facts: SystemFacts) -> list[Finding]:
    """Return findings about the sound system and the environment; only Linux has a choice of sound systems."""
    if facts.system != "Linux":
        names = {"Darwin": "Core Audio", "Windows": "WASAPI"}
        return [Finding(names.get(facts.system, facts.system), "passed", "part of the system"), *_environments(facts)]
    return [_alsa(facts), _server(facts), *_environments(facts)]


def _alsa(facts: SystemFacts) -> Finding:
    reported = {
        "cards": list(facts.cards),
        "/dev/snd": facts.access,
        "pulse plug-in": facts.has_pulse_plugin,
        "pipewire plug-in": facts.has_pipewire_plugin,
    }
    if facts.has_server and not _reaches_server(facts):
        text = "a sound server runs, but ALSA lacks its plug-in, so voicecli cannot use it"
        package = "libasound2-plugins" if facts.pulse_answers else "pipewire-alsa"
        return Finding("ALSA", "warned", text, f"apt install {package}", reported)
    if facts.has_server:
        cards = f"{len(facts.cards)} cards" if facts.cards else "no cards"
        return Finding("ALSA", "passed", f"{cards}, and a plug-in for the sound server", facts=reported)
    if not facts.cards and (facts.is_wsl or facts.container):
        return Finding("ALSA", "skipped", "no sound card is visible in this environment", facts=reported)
    if not facts.cards:
        advice = "plug one in, load its driver, or start a sound server"
        return Finding("ALSA", "failed", "the kernel lists no sound card", advice, reported)
    if facts.access != "open":
        text = f"{len(facts.cards)} cards, but access to /dev/snd is {facts.access}"
        return Finding("ALSA", "failed", text, "sudo usermod -aG audio $USER, then log in again", reported)
    return Finding("ALSA", "passed", "; ".join(facts.cards), facts=reported)


def _reaches_server(facts: SystemFacts) -> bool:
    by_pulse = facts.pulse_answers and facts.has_pulse_plugin
    return by_pulse or (facts.pipewire_answers and facts.has_pipewire_plugin)


def _server(facts: SystemFacts) -> Finding:
    reported = {
        "looked at": facts.pulse_at,
        "from PULSE_SERVER": facts.pulse_was_named,
        "PulseAudio's protocol": facts.pulse_answers,
        "PipeWire's own": facts.pipewire_answers,
        "name": facts.pulse_name,
    }
    if facts.pulse_answers:
        return Finding(
            "sound server", "passed", f"{facts.pulse_name or 'PulseAudio or PipeWire'} answers", facts=reported
        )
    if facts.pulse_is_mute:
        advice = "restart it with pulseaudio -k, or systemctl --user restart pipewire pipewire-pulse"
        text = f"{facts.pulse_at} accepts connections but does not answer: it hangs or denies access"
        return Finding("sound server", "failed", text, advice, reported)
    if facts.pulse_was_named:
        text = f"PULSE_SERVER is {facts.pulse_at}, but nothing answers there"
        return Finding("sound server", "failed", text, "start that server, or unset PULSE_SERVER", reported)
    if facts.pipewire_answers:
        if facts.has_pipewire_plugin:
            return Finding("sound server", "passed", "PipeWire answers", facts=reported)
        text = "PipeWire runs without its PulseAudio server"
        return Finding("sound server", "warned", text, "systemctl --user start pipewire-pulse", reported)
    alone = "ALSA is used directly, by one program at a time" if facts.cards else "no PulseAudio and no PipeWire"
    return Finding("sound server", "skipped", f"not running: {alone}", facts=reported)


def _environments(facts: SystemFacts) -> list[Finding]:
    lines = []
    if facts.is_wsl:
        lines.append(_wsl(facts))
    if facts.container:
        lines.append(_container(facts))
    if facts.is_ssh:
        lines.append(_ssh(facts))
    return lines or [Finding("environment", "passed", "not in WSL, a container or SSH")]


def _wsl(facts: SystemFacts) -> Finding:
    if facts.pulse_answers:
        return Finding("WSL", "passed", "Windows plays the sound through WSLg's server")
    text = "WSLg's sound server does not answer"
    advice = "in Windows, run wsl --update, then wsl --shutdown; PULSE_SERVER must be unix:/mnt/wslg/PulseServer"
    return Finding("WSL", "failed", text, advice)


def _container(facts: SystemFacts) -> Finding:
    reported = {"kind": facts.container}
    if facts.pulse_answers or facts.access == "open":
        through = "a sound server" if facts.pulse_answers else "/dev/snd"
        return Finding("container", "passed", f"{facts.container}, with access to {through}", facts=reported)
    if facts.pulse_is_mute:
        return Finding("container", "passed", f"{facts.container}, with the socket of a sound server", facts=reported)
    text = f"{facts.container}: no access to /dev/snd or a sound server"
    return Finding("container", "failed", text, PULSE_INTO_CONTAINER, reported)


def _ssh(facts: SystemFacts) -> Finding:
    if facts.pulse_answers and facts.pulse_was_named:
        return Finding("SSH", "passed", "sound goes to the server in PULSE_SERVER")
    text = "SSH carries no sound: these are the devices of the remote machine, not of yours"
    advice = "run voicecli on your machine and its servers here, or tunnel PulseAudio (docs/troubleshooting.md)"
    return Finding("SSH", "warned", text, advice)
