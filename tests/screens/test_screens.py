"""Snapshots of the live screen as text; `make screens` updates them (pytest tests/screens --update-screens)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screens.glass import on_stage
from tests.screens.scenes import FOOTERS, SCENES
from voicecli.ui.screen import Look

SHOTS = Path(__file__).with_name("shots")

SIZES = [(80, 24), (160, 48), (40, 12)]

HOW_TO_UPDATE = "the screen has changed; if it should have: make screens"


def check_snapshot(name: str, shown: str, config: pytest.Config) -> None:
    """Fail if `shown` differs from the snapshot of that name."""
    path = SHOTS / f"{name}.txt"
    if config.getoption("--update-screens"):
        path.write_text(shown, encoding="utf8")
    assert path.is_file(), HOW_TO_UPDATE
    assert shown == path.read_text(encoding="utf8"), HOW_TO_UPDATE


def names() -> set[str]:
    shots = {f"{name}-{width}x{height}" for name in SCENES for width, height in SIZES}
    return shots | {f"footers-{width}" for width, _ in SIZES}


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("name", SCENES)
def test_the_screen_is_as_it_was(
    name: str, width: int, height: int, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    with on_stage(width, height, tmp_path / "log") as stage:
        SCENES[name](stage)
        check_snapshot(f"{name}-{width}x{height}", stage.text(), pytestconfig)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_keys_fit_the_state(width: int, height: int, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    footers = ""
    for name, events in FOOTERS.items():
        with on_stage(width, height, tmp_path / "log") as stage:
            stage.show(*events)
            footers += f"{name}:\n{stage.text().splitlines()[-1]}\n"
    check_snapshot(f"footers-{width}", footers, pytestconfig)


def test_every_snapshot_belongs_to_a_scene() -> None:
    assert {path.stem for path in SHOTS.iterdir()} == names()


@pytest.mark.parametrize("name", SCENES)
def test_without_colors_the_text_is_the_same(name: str, tmp_path: Path) -> None:
    """NO_COLOR, or `ui.theme = none`."""
    with on_stage(80, 24, tmp_path / "log") as colored, on_stage(80, 24, tmp_path / "log", color_system=None) as plain:
        SCENES[name](colored)
        SCENES[name](plain)
        assert plain.text() == colored.text()
        cells = [cell for row in plain.glass.screen.buffer.values() for cell in row.values()]
        assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
        assert any(cell.bold for cell in cells)


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
@pytest.mark.parametrize("color_system", ["standard", "256", "truecolor"])
def test_themes_change_only_colors(theme: str, color_system: str, tmp_path: Path) -> None:
    look = Look(theme)  # type: ignore[arg-type]
    with (
        on_stage(80, 24, tmp_path / "log") as usual,
        on_stage(80, 24, tmp_path / "log", look, color_system) as themed,
    ):
        SCENES["speaking"](usual)
        SCENES["speaking"](themed)
        assert themed.text() == usual.text()
