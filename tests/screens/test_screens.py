"""Pictures of the live screen as text; `make screens` takes them anew (pytest tests/screens --update-screens)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screens.glass import on_stage
from tests.screens.scenes import FOOTERS, SCENES
from voicecli.ui.screen import Look

SHOTS = Path(__file__).with_name("shots")

SIZES = [(80, 24), (160, 48), (40, 12)]

HOW_TO_UPDATE = "the screen has changed; if it should have: make screens"


def held(name: str, shown: str, config: pytest.Config) -> None:
    """Fails where `shown` is not what was held under that name."""
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
        held(f"{name}-{width}x{height}", stage.text(), pytestconfig)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_keys_fit_the_state(width: int, height: int, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    reported = ""
    for name, events in FOOTERS.items():
        with on_stage(width, height, tmp_path / "log") as stage:
            stage.show(*events)
            reported += f"{name}:\n{stage.text().splitlines()[-1]}\n"
    held(f"footers-{width}", reported, pytestconfig)


def test_no_picture_is_left_of_what_is_gone() -> None:
    assert {path.stem for path in SHOTS.iterdir()} == names()


@pytest.mark.parametrize("name", SCENES)
def test_without_colours_the_same_is_reported(name: str, tmp_path: Path) -> None:
    """NO_COLOR, or `ui.theme = none`."""
    with on_stage(80, 24, tmp_path / "log") as coloured, on_stage(80, 24, tmp_path / "log", color_system=None) as plain:
        SCENES[name](coloured)
        SCENES[name](plain)
        assert plain.text() == coloured.text()
        cells = [cell for row in plain.glass.screen.buffer.values() for cell in row.values()]
        assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
        assert any(cell.bold for cell in cells)


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
@pytest.mark.parametrize("color_system", ["standard", "256", "truecolor"])
def test_themes_change_colours_alone(theme: str, color_system: str, tmp_path: Path) -> None:
    look = Look(theme)  # type: ignore[arg-type]
    with (
        on_stage(80, 24, tmp_path / "log") as usual,
        on_stage(80, 24, tmp_path / "log", look, color_system) as themed,
    ):
        SCENES["speaking"](usual)
        SCENES["speaking"](themed)
        assert themed.text() == usual.text()
