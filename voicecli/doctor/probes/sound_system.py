"""Collect facts about sound servers, ALSA cards and plug-ins, and the environment of this process."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sysconfig
from pathlib import Path

from voicecli.doctor.sound_system import Access, SystemFacts
from voicecli.engines.machine import output_of, read
from voicecli.settings.load import surroundings

WSLG_SERVER = Path("/mnt/wslg/PulseServer")
PULSE_PORT = 4713
ANSWER_S = 1.0


def system_facts() -> SystemFacts:
    """Return facts about the sound system. Open no device, only sockets, which are closed at once."""
    found = surroundings(
        "PULSE_SERVER", "PULSE_RUNTIME_PATH", "XDG_RUNTIME_DIR", "PIPEWIRE_RUNTIME_DIR", "ALSA_PLUGIN_DIR", "container",
        "SSH_CONNECTION", "SSH_TTY", "WSL_DISTRO_NAME",
    )  # fmt: skip
    pulse_at = pulse_address(found)
    accepts = answers(pulse_at)
    info = output_of("pactl", "info") if accepts else ""
    is_mute = accepts and not info and shutil.which("pactl") is not None
    plugins = alsa_plugins(found.get("ALSA_PLUGIN_DIR", ""))
    return SystemFacts(
        system=platform.system(),
        cards=cards(read(Path("/proc/asound/cards"))),
        access=access(Path("/dev/snd")),
        has_pulse_plugin="libasound_module_pcm_pulse.so" in plugins,
        has_pipewire_plugin="libasound_module_pcm_pipewire.so" in plugins,
        pulse_at=pulse_at,
        pulse_was_named="PULSE_SERVER" in found,
        pulse_answers=accepts and not is_mute,
        pulse_is_mute=is_mute,
        pulse_name=server_name(info),
        pipewire_answers=answers(pipewire_address(found)),
        is_wsl="WSL_DISTRO_NAME" in found or "microsoft" in platform.release().lower(),
        container=container(found.get("container", "")),
        is_ssh="SSH_CONNECTION" in found or "SSH_TTY" in found,
    )


def pulse_address(found: dict[str, str]) -> str:
    """Return the address that PulseAudio clients try first: "unix:PATH" or "tcp:HOST:PORT"; empty if there is none."""
    if named := found.get("PULSE_SERVER"):
        first = re.sub(r"^\{[^}]*\}", "", named.split()[0])  # "{machine id}" restricts an entry to that machine
        if first.startswith("/"):
            return f"unix:{first}"
        return first if first.startswith(("unix:", "tcp")) else f"tcp:{first}"
    if runtime := found.get("PULSE_RUNTIME_PATH"):
        return f"unix:{runtime}/native"
    if runtime := found.get("XDG_RUNTIME_DIR"):
        return f"unix:{runtime}/pulse/native"
    return f"unix:{WSLG_SERVER}" if WSLG_SERVER.exists() else ""


def pipewire_address(found: dict[str, str]) -> str:
    """Return the address of PipeWire's own protocol; empty if there is none."""
    runtime = found.get("PIPEWIRE_RUNTIME_DIR") or found.get("XDG_RUNTIME_DIR")
    return f"unix:{runtime}/pipewire-0" if runtime else ""


def answers(address: str) -> bool:
    """Return whether something accepts a connection at the address."""
    kind, _, rest = address.partition(":")
    if not rest:
        return False
    try:
        if kind == "unix":
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
                end.settimeout(ANSWER_S)
                end.connect(rest)
            return True
        host, _, port = rest.rpartition(":") if rest.rpartition(":")[2].isdecimal() else (rest, "", str(PULSE_PORT))
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_S):
            return True
    except OSError:
        return False


def server_name(info: str) -> str:
    """Return the name of the server in the output of `pactl info`, with its version if the name has none."""
    name = re.search(r"^Server Name: (.+)$", info, re.MULTILINE)
    version = re.search(r"^Server Version: (.+)$", info, re.MULTILINE)
    if not name:
        return ""
    return f"{name[1]} {version[1]}" if name[1] == "pulseaudio" and version else name[1]


def cards(listed: str) -> tuple[str, ...]:
    """Return the names in /proc/asound/cards, from lines such as " 0 [PCH   ]: HDA-Intel - HDA Intel PCH"."""
    return tuple(re.findall(r"^ *\d+ \[.*?\]: .*? - (.+)$", listed, re.MULTILINE))


def access(folder: Path) -> Access:
    """Return the access of this process to the capture and playback devices in /dev/snd."""
    files = sorted(folder.glob("pcm*"))
    if not files:
        return "absent"
    return "open" if all(os.access(file, os.R_OK | os.W_OK) for file in files) else "forbidden"


def alsa_plugins(named: str) -> set[str]:
    """Return the file names of the ALSA plug-ins in the folders that its library searches."""
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    folders = [named] if named else [f"/usr/lib/{triplet}/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib"]
    return {file.name for folder in folders for file in Path(folder).glob("*.so")}


def container(named: str) -> str:
    """Return the kind of container; empty outside of one. systemd sets the variable `container`."""
    if named:
        return named
    for mark, kind in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman")):
        if Path(mark).exists():
            return kind
    groups = read(Path("/proc/1/cgroup"))
    return next((kind for kind in ("kubepods", "docker", "lxc", "containerd") if kind in groups), "")
