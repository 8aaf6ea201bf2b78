"""A terminal that takes nothing makes nobody wait."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screens.glass import Glass, on_stage
from tests.screens.scenes import HERE, SPOKEN, long_talk
from tests.unit.ui.turns import ONE, token
from voicecli.events import LevelMeasured
from voicecli.ui.terminal.outlet import SAFE_BYTES, Outlet

MUCH = "x" * 100_000


@pytest.fixture
def glass() -> Iterator[Glass]:
    glass = Glass(80, 24)
    yield glass
    glass.close()


def read_all(glass: Glass, outlet: Outlet) -> None:
    while glass.look() or outlet.busy:
        outlet.flush()


def test_unsent_output_is_kept_in_order(glass: Glass) -> None:
    outlet = Outlet(glass.program)
    outlet.write(MUCH)
    outlet.flush()
    assert outlet.busy
    outlet.write("the end")
    outlet.flush()
    read_all(glass, outlet)
    assert glass.raw.decode() == MUCH + "the end"
    outlet.close()
    outlet.close()


def test_other_descriptors_of_the_terminal_still_block(glass: Glass) -> None:
    outlet = Outlet(glass.program)
    assert outlet.isatty()
    assert os.get_blocking(glass.program)
    outlet.close()


def test_a_terminal_of_another_user_is_written_to_in_small_parts(glass: Glass, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int) -> str:
        raise PermissionError

    monkeypatch.setattr(os, "ttyname", refuse)
    outlet = Outlet(glass.program)
    outlet.write(MUCH)
    outlet.flush()
    assert outlet.busy
    assert outlet._max_bytes == SAFE_BYTES
    read_all(glass, outlet)
    assert glass.raw.decode() == MUCH
    outlet.close()


def test_a_terminal_that_is_gone_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    glass = Glass(80, 24)
    outlet = Outlet(glass.program)
    glass.close()
    outlet.write(MUCH)
    outlet.flush()
    assert not outlet.busy
    outlet.close()


def test_what_waits_is_sent_by_the_loop(glass: Glass) -> None:
    outlet = Outlet(glass.program)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def read() -> None:
            glass.look()
            if glass.raw.endswith(b"end"):
                done.set()

        with outlet.on_loop():
            outlet.write(MUCH + "end")
            outlet.flush()
            assert outlet.busy
            loop.add_reader(glass.person, read)
            await done.wait()
            loop.remove_reader(glass.person)
        assert not outlet.busy

    asyncio.run(main())
    outlet.close()


def test_drain_has_a_timeout(glass: Glass) -> None:
    outlet = Outlet(glass.program)
    outlet.write(MUCH)
    outlet.drain(timeout_s=0.0)
    assert outlet.busy
    outlet.close()


def test_a_screen_that_is_not_read_drops_frames_and_ends_with_the_last(tmp_path: Path) -> None:
    """A blocked write would hang this test: the person looks only when all was said."""
    with on_stage(80, 24, tmp_path / "log") as stage:
        stage.show(HERE, *long_talk())
        for tick in range(2000):
            stage.show(LevelMeasured(at_s=30 + tick / 10, level_db=-60.0 + tick % 50), *SPOKEN[:1])
            stage.live.draw()
        assert stage.outlet.busy
        stage.show(*SPOKEN, token("The very last word.", ONE))
        kept = len(stage.outlet._waiting)
        stage.live.draw()
        assert len(stage.outlet._waiting) == kept, "nothing is added to what is not taken"
        assert "The very last word." in stage.text()


@pytest.mark.parametrize("sizes", [[(40, 12), (160, 48), (80, 24)], [(160, 48), (20, 6)]])
def test_a_resize_in_the_middle_of_an_answer_garbles_nothing(sizes: list[tuple[int, int]], tmp_path: Path) -> None:
    with on_stage(80, 24, tmp_path / "log") as stage:
        stage.show(HERE, *long_talk(), *SPOKEN[:5])
        stage.text()
        for width, height in sizes:
            for _ in range(40):
                stage.show(token("many more words "))
                stage.live.draw()
            stage.glass.resize(width, height)
            stage.live.draw()  # at the size that was: the program has not noticed yet
            stage.settle()
            stage.console.size = (width, height)
            seen = stage.text()
            with on_stage(width, height, tmp_path / "log") as fresh:
                fresh.live.view = stage.live.view
                assert seen == fresh.text()


def test_a_word_of_an_answer_costs_a_few_lines_and_not_a_screen(tmp_path: Path) -> None:
    with on_stage(80, 24, tmp_path / "log") as stage:
        stage.show(HERE, *long_talk(), *SPOKEN[:6])
        stage.text()
        whole = len(stage.glass.raw)
        stage.show(token("word "))
        stage.text()
        assert 0 < len(stage.glass.raw) - whole < 200
