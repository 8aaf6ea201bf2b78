"""Devices disappear during a turn and come back: the conversation goes on, and nothing that was said is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.card.program import Program
from tests.card.storyteller import Storyteller
from voicecli.bench.virtual_card import MODULES, SPEAKER, Env, VirtualCard, control, daemon, wait_until_up
from voicecli.events import Audible, ComponentChanged, Ready, Transcribed, TurnDone

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(180)]

BACK_S = 2.5
"""Two seconds from the return of a device to its use, and half of one for a busy machine and the lines on the pipe."""

AWAKE_S = 30.0
"""From the moment when a sound server goes on: each attempt that it kept waiting ends first, then some fail."""


@pytest.fixture
def lone(card: VirtualCard) -> Iterator[Env]:
    """Start a sound server with one sink, which the microphone hears: without the sink there is no device."""
    with daemon((("module-null-sink", f"sink_name={SPEAKER}"),)) as env:
        yield env


@pytest.fixture
def talk(lone: Env) -> Iterator[Program]:
    with ExitStack() as stack:
        teller = stack.enter_context(Storyteller())
        options = ("--ui", "jsonl", "--llm", "openai", "--llm-url", teller.url, "--barge-in", "off", "--offline")
        program = stack.enter_context(Program(lone, *options))
        program.await_event(Ready)
        yield program


def unload(env: Env) -> None:
    lines = control(env, "list", "short", "modules").splitlines()
    for module in [line.split()[0] for line in lines if SPEAKER in line]:
        control(env, "unload-module", module)


def load(env: Env) -> None:
    control(env, "load-module", "module-null-sink", f"sink_name={SPEAKER}")


def changes(program: Program, after: int) -> list[tuple[str, str]]:
    found = [event for event in program.events(after) if isinstance(event, ComponentChanged)]
    return [(event.component, event.condition) for event in found]


def await_changes(program: Program, after: int, *wanted: tuple[str, str], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not set(wanted) <= set(changes(program, after)):
        assert time.monotonic() < deadline_s, f"{wanted} was not reported: {changes(program, after)}"
        time.sleep(0.02)


def test_an_answer_outlives_the_sound_module_and_the_next_is_heard(lone: Env, talk: Program) -> None:
    asked = len(talk.events())
    talk.press("Tell me a story.\n")
    after, _ = talk.await_event(Audible, after=asked)
    unload(lone)
    await_changes(talk, asked, ("speaker", "unavailable"), ("microphone", "unavailable"), timeout_s=2)
    _, done = talk.await_event(TurnDone, after=after, timeout_s=20)
    assert isinstance(done, TurnDone)
    assert done.spoken.strip().endswith(("ships.", "meat.", "run again.", "meadow.", "plain."))
    came = len(talk.events())
    load(lone)
    await_changes(talk, came, ("speaker", "ok"), ("microphone", "ok"), timeout_s=BACK_S)
    talk.press("Another one.\n")
    after, _ = talk.await_event(Audible, after=came)
    talk.await_event(TurnDone, after=after, timeout_s=30)


def test_an_answer_goes_on_by_voice_where_it_was_when_the_module_is_back_at_once(lone: Env, talk: Program) -> None:
    asked = len(talk.events())
    talk.press("Tell me a story.\n")
    after, audible = talk.await_event(Audible, after=asked)
    time.sleep(1)
    unload(lone)
    time.sleep(0.5)
    load(lone)
    after, done = talk.await_event(TurnDone, after=after, timeout_s=30)
    assert done.at_s - audible.at_s > 5  # all of it was spoken: a story takes six seconds
    assert not [event for event in talk.events(asked) if isinstance(event, Audible)][1:]


def test_the_sound_server_dies_and_starts_again(lone: Env, talk: Program) -> None:
    pid_file = Path(lone["PULSE_RUNTIME_PATH"], "pid")
    asked = len(talk.events())
    talk.press("Tell me a story.\n")
    talk.await_event(Audible, after=asked)
    subprocess.run(["kill", "-9", pid_file.read_text().strip()], check=True)
    pid_file.unlink()  # while the fixture has not waited for the dead one, it passes for alive
    await_changes(talk, asked, ("speaker", "unavailable"), ("microphone", "unavailable"), timeout_s=2)
    talk.await_event(TurnDone, after=asked, timeout_s=20)
    came = len(talk.events())
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--log-target=stderr"]
    for module in (("module-native-protocol-unix",), *MODULES[:1]):
        command += ["-L", " ".join(module)]
    with subprocess.Popen(command, env=lone, stderr=subprocess.DEVNULL) as server:
        try:
            assert wait_until_up(lone, server)
            await_changes(talk, came, ("speaker", "ok"), ("microphone", "ok"), timeout_s=BACK_S)
            talk.press("Another one.\n")
            talk.await_event(Audible, after=came)
        finally:
            server.terminate()


def test_a_hanging_sound_server_holds_up_neither_questions_nor_quitting(lone: Env, talk: Program) -> None:
    pid = Path(lone["PULSE_RUNTIME_PATH"], "pid").read_text().strip()
    asked = len(talk.events())
    subprocess.run(["kill", "-STOP", pid], check=True)
    try:
        await_changes(talk, asked, ("speaker", "unavailable"), ("microphone", "unavailable"), timeout_s=8)
        talk.press("Tell me a story.\n")
        talk.await_event(TurnDone, after=asked, timeout_s=20)
    finally:
        subprocess.run(["kill", "-CONT", pid], check=True)
    await_changes(talk, asked, ("speaker", "ok"), ("microphone", "ok"), timeout_s=AWAKE_S)


def test_an_utterance_that_the_microphone_breaks_off_is_answered(
    card: VirtualCard, spoken: Callable[[str], Path]
) -> None:
    with daemon(MODULES[1:]) as env, Storyteller() as teller:
        options = ("--ui", "jsonl", "--llm", "openai", "--llm-url", teller.url, "--barge-in", "off", "--offline")
        with Program(env, *options) as program:
            program.await_event(Ready)
            words = "Please tell me everything that you know about the capital of France and its many bridges."
            heard = len(program.events())
            with subprocess.Popen(["paplay", "--latency-msec=30", str(spoken(words))], env=env) as player:
                time.sleep(3)
                for line in reversed(control(env, "list", "short", "modules").splitlines()):
                    if "voicecli_" in line:
                        control(env, "unload-module", line.split()[0])
                player.wait()
            _, event = program.await_event(Transcribed, after=heard, timeout_s=10)
            assert isinstance(event, Transcribed)
            assert "tell me" in event.text.lower()
            program.await_event(TurnDone, after=heard, timeout_s=20)
