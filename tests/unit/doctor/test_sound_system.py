"""What `voicecli doctor` makes of sound servers, containers, WSL and SSH, and how it finds them."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.doctor.laws import lawful, only, states
from voicecli.doctor.probes import sound_system as probe
from voicecli.doctor.sound_system import SystemFacts, system_findings

BARE = SystemFacts("Linux")
CARDS = replace(BARE, cards=("HDA Intel PCH",), access="open")
SERVER = replace(CARDS, pulse_at="unix:/run/pulse", pulse_answers=True, has_pulse_plugin=True)


def test_a_studiotop_passes() -> None:
    facts = replace(SERVER, pulse_name="PulseAudio (on PipeWire 1.0.5)")
    assert set(states(system_findings(facts)).values()) == {"passed"}
    assert only(system_findings(facts), "sound server").text == "PulseAudio (on PipeWire 1.0.5) answers"


@pytest.mark.parametrize("system", ["Darwin", "Windows", "FreeBSD"])
def test_other_systems_have_one_line(system: str) -> None:
    assert len(lawful(system_findings(SystemFacts(system)))) == 2


def test_alsa_by_itself_is_enough() -> None:
    assert states(system_findings(CARDS)) == {"ALSA": "passed", "sound server": "skipped", "environment": "passed"}


def test_no_card_and_no_server_fails() -> None:
    assert only(system_findings(BARE), "ALSA").state == "failed"


def test_a_card_that_may_not_be_opened_fails() -> None:
    found = only(system_findings(replace(CARDS, access="forbidden")), "ALSA")
    assert (found.state, "usermod -aG audio" in found.advice) == ("failed", True)


@pytest.mark.parametrize(
    ("facts", "package"),
    [
        (replace(SERVER, has_pulse_plugin=False), "libasound2-plugins"),
        (replace(CARDS, pipewire_answers=True), "pipewire-alsa"),
    ],
)
def test_a_server_that_alsa_cannot_reach_is_warned_of(facts: SystemFacts, package: str) -> None:
    found = only(system_findings(facts), "ALSA")
    assert (found.state, found.advice) == ("warned", f"apt install {package}")


def test_a_server_without_cards_of_the_kernel_passes() -> None:
    assert "no cards" in only(system_findings(replace(SERVER, cards=())), "ALSA").text


def test_pipewire_without_its_pulse_part() -> None:
    alone = replace(CARDS, pipewire_answers=True)
    assert only(system_findings(alone), "sound server").state == "warned"
    assert only(system_findings(replace(alone, has_pipewire_plugin=True)), "sound server").state == "passed"


def test_a_named_server_that_is_dead_fails() -> None:
    facts = replace(CARDS, pulse_at="tcp:host:4713", pulse_was_named=True)
    found = only(system_findings(facts), "sound server")
    assert (found.state, "tcp:host:4713" in found.text) == ("failed", True)


def test_a_server_that_takes_connections_and_says_nothing_fails() -> None:
    facts = replace(CARDS, pulse_at="unix:/run/pulse", pulse_is_mute=True, pulse_was_named=True)
    found = only(system_findings(facts), "sound server")
    assert (found.state, "does not answer" in found.text) == ("failed", True)
    inside = replace(facts, cards=(), access="absent", container="docker")
    assert only(system_findings(inside), "container").state == "passed", "the server is the failure, not its way in"


@pytest.mark.parametrize("place", ["WSL", "container"])
def test_where_there_can_be_no_card_the_place_is_the_failure(place: str) -> None:
    inside = replace(BARE, is_wsl=True) if place == "WSL" else replace(BARE, container="docker")
    found = states(system_findings(inside))
    assert (found["ALSA"], found[place]) == ("skipped", "failed")
    heard = replace(inside, pulse_answers=True, has_pulse_plugin=True)
    assert states(system_findings(heard))[place] == "passed"


def test_a_container_with_devices_passes() -> None:
    found = only(system_findings(replace(CARDS, container="podman")), "container")
    assert found.text == "podman, with access to /dev/snd"


def test_ssh_carries_no_sound_but_through_a_tunnel() -> None:
    assert only(system_findings(replace(SERVER, is_ssh=True)), "SSH").state == "warned"
    assert only(system_findings(replace(SERVER, is_ssh=True, pulse_was_named=True)), "SSH").state == "passed"


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(st.builds(SystemFacts, st.just("Linux") | TEXT, st.tuples() | st.tuples(TEXT), pulse_at=TEXT, pulse_name=TEXT,
                 container=st.just("") | TEXT))  # fmt: skip
def test_whatever_the_facts_the_findings_are_lawful(facts: SystemFacts) -> None:
    lawful(system_findings(facts))


@pytest.mark.parametrize(
    ("found", "address"),
    [
        ({"PULSE_SERVER": "unix:/tmp/pulse"}, "unix:/tmp/pulse"),
        ({"PULSE_SERVER": "/tmp/pulse"}, "unix:/tmp/pulse"),
        ({"PULSE_SERVER": "{abc}unix:/tmp/pulse tcp:other"}, "unix:/tmp/pulse"),
        ({"PULSE_SERVER": "studio:4713"}, "tcp:studio:4713"),
        ({"PULSE_SERVER": "tcp6:studio"}, "tcp6:studio"),
        ({"PULSE_RUNTIME_PATH": "/run/p", "XDG_RUNTIME_DIR": "/run/x"}, "unix:/run/p/native"),
        ({"XDG_RUNTIME_DIR": "/run/x"}, "unix:/run/x/pulse/native"),
    ],
)
def test_a_pulse_server_is_looked_for_where_its_clients_look(found: dict[str, str], address: str) -> None:
    assert probe.pulse_address(found) == address


def test_without_a_word_on_it_the_server_of_wslg_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "WSLG_SERVER", tmp_path / "PulseServer")
    assert probe.pulse_address({}) == ""
    (tmp_path / "PulseServer").touch()
    assert probe.pulse_address({}) == f"unix:{tmp_path}/PulseServer"


def test_pipewire_has_its_own_address() -> None:
    assert probe.pipewire_address({}) == ""
    assert probe.pipewire_address({"XDG_RUNTIME_DIR": "/run/x"}) == "unix:/run/x/pipewire-0"


def test_sockets_answer_or_do_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/native")
        server.listen()
        assert probe.answers(f"unix:{tmp_path}/native")
    assert not probe.answers(f"unix:{tmp_path}/nothing")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert probe.answers(f"tcp:127.0.0.1:{port}")
    assert not probe.answers(f"tcp:127.0.0.1:{port}")
    assert not probe.answers("")


CARDS_FILE = """ 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7f10000 irq 32
 1 [Headset        ]: USB-Audio - Jabra - Evolve 20
                      GN Netcom A/S at usb-0000:00:14.0-1, full speed
"""


def test_cards_have_the_names_that_the_kernel_gives() -> None:
    assert probe.cards(CARDS_FILE) == ("HDA Intel PCH", "Jabra - Evolve 20")
    assert probe.cards("--- no soundcards ---\n") == ()


def test_access_is_that_to_the_devices_of_sound(tmp_path: Path) -> None:
    assert probe.access(tmp_path) == "absent"
    (tmp_path / "pcmC0D0p").touch()
    assert probe.access(tmp_path) == "open"


def test_plugins_are_found_where_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "libasound_module_pcm_pulse.so").touch()
    assert probe.alsa_plugins(str(tmp_path)) == {"libasound_module_pcm_pulse.so"}
    assert probe.alsa_plugins(str(tmp_path / "none")) == set()


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ("", ""),
        ("Server Name: pulseaudio\nServer Version: 16.1\n", "pulseaudio 16.1"),
        ("Server Name: PulseAudio (on PipeWire 1.0.5)\nServer Version: 15.0.0\n", "PulseAudio (on PipeWire 1.0.5)"),
    ],
)
def test_the_server_is_called_by_its_own_name(info: str, name: str) -> None:
    assert probe.server_name(info) == name


def test_this_machine_can_be_looked_at() -> None:
    lawful(system_findings(probe.system_facts()))
    assert probe.container("systemd-nspawn") == "systemd-nspawn"
