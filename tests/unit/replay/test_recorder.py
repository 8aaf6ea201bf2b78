"""A conversation is kept while it is held, and its microphone is heard again at its own times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from tests.unit.replay.stage import BEGAN_S, FRAMES, REPORTED, TURN, recorded, times
from tests.unit.replay.test_latencies import SEGMENT, Network, Whisper
from voicecli import events
from voicecli.audio.device import NoMicrophone
from voicecli.audio.echo.canceller import PlayedBlock
from voicecli.conversation.parts import Engines
from voicecli.errors import DeviceError
from voicecli.events import Event
from voicecli.replay import virtual_time
from voicecli.replay.bundle import UserAction
from voicecli.replay.recorded_source import MOST_REST_S, RecordedEchoCancellation, RecordedSource
from voicecli.replay.recorder import Recorder
from voicecli.replay.virtual_time import TimedWorker
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, TurnId
from voicecli.ui.screen import Controls


class Ticking:
    """A microphone of three frames."""

    name = "ticking"

    async def frames(self) -> AsyncIterator[AudioFrame]:
        for index in range(3):
            yield AudioFrame(np.full(FRAME_SAMPLES, index, np.int16), 50.0 + index)


def noted(done: list[object]) -> Controls:
    def note(what: str) -> Callable[..., None]:
        return lambda *_: done.append(what)

    return Controls(done.append, note("interrupt"), done.append, note("quit"), push=note("pushed"))


def test_frames_blocks_and_keys_are_kept_with_their_times() -> None:
    now_s = 100.0
    done: list[object] = []
    sounded: list[PlayedBlock] = []
    recorder = Recorder(lambda: now_s, 1)

    async def listen() -> None:
        microphone = recorder.microphone(Ticking())  # type: ignore[arg-type]
        assert microphone.name == "ticking"
        async with microphone:
            for _ in range(2):
                async for _ in microphone.frames():
                    pass

    asyncio.run(listen())
    played = recorder.played(sounded.append)
    assert played is not None
    played(PlayedBlock(np.ones(480, np.int16), 48_000, 101.0))
    played(PlayedBlock(np.ones(0, np.int16), 48_000, 102.0))
    keys = recorder.controls(noted(done))
    keys.set_muted(True)
    keys.set_muted(False)
    keys.interrupt()
    keys.ask("Why?")
    keys.push(True)
    keys.push(False)
    sounds = recorder.sounds()
    kept = sounds.times
    assert done == [True, False, "interrupt", "Why?", "pushed", "pushed"]
    assert len(sounded) == 2
    assert (len(sounds.microphone), len(sounds.echo_free), len(sounds.speaker)) == (6 * FRAME_SAMPLES, 0, 480)
    assert kept.captured_at_s == (50.0, 51.0, 52.0) * 2
    assert kept.arrived_at_s == (100.0,) * 6
    assert (kept.listenings, kept.block_samples, kept.sounds_at_s, kept.echoes) == ((3, 3), (480,), (101.0,), True)
    assert not recorder.stopped
    keys.quit()
    assert (done[-1], recorder.stopped) == ("quit", True)
    did = (("mute",), ("unmute",), ("interrupt",), ("ask", "Why?"), ("hold",), ("let go",))
    assert kept.actions == tuple(UserAction(100.0, *one) for one in did)


def test_without_a_canceller_what_sounds_is_kept_all_the_same() -> None:
    recorder = Recorder(lambda: 0.0, 1)
    played = recorder.played(None)
    assert played is not None
    played(PlayedBlock(np.ones(240, np.int16), 24_000, 1.0))
    sounds = recorder.sounds()
    kept = sounds.times
    assert (len(sounds.speaker), kept.speaker_rate_hz, kept.echoes) == (240, 24_000, False)


def observe_all(recorder: Recorder, reported: list[Event]) -> None:
    for event in reported:
        recorder.observe(event)


def test_it_ends_after_so_many_turns_but_not_while_somebody_speaks() -> None:
    done: list[object] = []
    recorder = Recorder(lambda: 0.0, 1)
    recorder.controls(noted(done))
    started = events.SpeechStarted(at_s=9.0, turn=TURN, started_at_s=9.0)
    observe_all(recorder, [*REPORTED[:-1], events.TurnInterrupted(at_s=8.0, turn=TURN, spoken="", reopened=True)])
    assert (done, recorder.turns_over) == ([], 0)
    observe_all(recorder, [started, REPORTED[-1]])
    assert (done, recorder.turns_over) == (["quit"], 1)


def test_the_next_turn_is_heard_to_its_end() -> None:
    done: list[object] = []
    recorder = Recorder(lambda: 0.0, 1)
    recorder.controls(noted(done))
    second = events.SpeechStarted(at_s=2.0, turn=TurnId(2), started_at_s=2.0)
    observe_all(recorder, [*REPORTED[:-1], second, REPORTED[-1]])
    assert done == []
    observe_all(recorder, [events.NothingHeard(at_s=3.0, turn=TurnId(2), reason="too short")])
    assert done == ["quit"]


def test_levels_are_not_kept() -> None:
    recorder = Recorder(lambda: 0.0, 1)
    recorder.observe(events.LevelMeasured(at_s=1.0, level_db=-40.0))
    assert recorder.events == []
    assert recorder.calls == []


def replayed(settled_after_s: float = 0.0) -> tuple[list[tuple[float, AudioFrame]], list[list[float]]]:
    """Frames of both listenings with the times at which they came, and the blocks that had sounded by each frame."""
    came: list[tuple[float, AudioFrame]] = []
    sounded: list[float] = []
    by_frame: list[list[float]] = []

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        room = RecordedSource(recorded(), clock)
        assert room.echoes
        room.speaker(lambda event: None, lambda block: sounded.append(block.sounds_at_s))
        microphone = room.microphone(lambda: clock() > BEGAN_S + settled_after_s, lambda event: None)
        async with microphone:
            for _ in range(2):
                async for frame in microphone.frames():
                    came.append((clock(), frame))
                    by_frame.append(list(sounded))

    virtual_time.run(main(), BEGAN_S)
    return came, by_frame


def test_a_frame_comes_when_it_came_and_what_sounded_before_it_is_known_by_then() -> None:
    came, by_frame = replayed()
    for index, (at_s, frame) in enumerate(came[:FRAMES]):
        assert frame.captured_at_s == pytest.approx(BEGAN_S + index * FRAME_S)
        assert at_s == pytest.approx(BEGAN_S + index * FRAME_S + 0.03)
        assert np.array_equal(
            frame.pcm, recorded().sounds.microphone[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]
        )
    assert [len(blocks) for blocks in by_frame[:5]] == [4, 6, 8, 10, 10]


def test_behind_the_last_frame_it_is_silent_until_the_conversation_has_settled() -> None:
    came, _ = replayed(settled_after_s=5.0)
    assert not any(frame.pcm.any() for _, frame in came[FRAMES:])
    assert came[-1][0] == pytest.approx(BEGAN_S + 5.0, abs=2 * FRAME_S)


def test_a_room_without_an_echo_needs_nobody_to_be_reported() -> None:
    async def main() -> int:
        room = RecordedSource(recorded(times(echoes=False)), asyncio.get_running_loop().time)
        assert not room.echoes
        room.speaker(lambda event: None, None)
        microphone = room.microphone(lambda: True, lambda event: None)
        return len([frame async for frame in microphone.frames()])

    assert virtual_time.run(main(), BEGAN_S) == 2


def test_nothing_sounded_and_nothing_was_heard() -> None:
    recorder = Recorder(lambda: 0.0, 1)
    with pytest.raises(DeviceError, match="no microphone"):
        recorder.microphone(NoMicrophone())
    sounds = recorder.sounds()
    assert (len(sounds.microphone), len(sounds.speaker), sounds.times.listenings) == (0, 0, ())


def test_what_the_canceller_made_of_it_is_kept_and_given_again() -> None:
    recorder = Recorder(lambda: 0.0, 1)

    async def keep() -> None:
        async for _ in recorder.echo_free(Ticking()).frames():  # type: ignore[arg-type]
            pass

    async def again() -> list[AudioFrame]:
        watch = RecordedEchoCancellation(recorded())
        async with watch.echo_free(Ticking()) as microphone:  # type: ignore[arg-type]
            return [frame for _ in range(10) async for frame in microphone.frames()]

    asyncio.run(keep())
    assert len(recorder.sounds().echo_free) == 3 * FRAME_SAMPLES
    frames = asyncio.run(again())
    known = np.concatenate([frame.pcm for frame in frames[:FRAMES]])
    assert np.array_equal(known, recorded().sounds.echo_free)
    assert [int(frame.pcm[0]) for frame in frames[FRAMES:]] == [1, 2, 0, 1, 2]


def test_what_the_engines_take_is_kept() -> None:
    recorder = Recorder(lambda: 1.0, 1)
    worker = TimedWorker(lambda: 0.0)
    kept = recorder.engines(Engines(Whisper(), Network(), None, None, worker, worker, worker))
    kept.stt.draft(SEGMENT)
    assert [call.name for call in recorder.calls] == ["draft"]


def test_a_turn_that_never_ends_does_not_keep_a_replay_for_ever() -> None:
    came, _ = replayed(settled_after_s=1e9)
    assert came[-1][0] - BEGAN_S == pytest.approx(MOST_REST_S + FRAMES * FRAME_S, abs=0.1)


def test_commands_pass_and_are_no_questions_of_the_recording() -> None:
    done: list[object] = []
    recorder = Recorder(lambda: 100.0, 1)
    keys = recorder.controls(noted(done))
    actions: list[object] = []
    recorder._record_action = actions.append  # type: ignore[method-assign, assignment]
    keys.ask("/new")
    assert actions == []
    keys.ask("//etc?")
    assert [getattr(action, "text", "") for action in actions] == ["/etc?"]
    assert done == ["/new", "//etc?"]
