"""Time zones of places as people name them."""

from __future__ import annotations

import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.tools.places import PLACES, similar_places, zone_of


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("New York", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("Paris, France", "Europe/Paris"),
        ("S\u00e3o Paulo", "America/Sao_Paulo"),
        ("Z\u00fcrich", "Europe/Zurich"),
        ("Japan", "Asia/Tokyo"),
        ("San Francisco, CA", "America/Los_Angeles"),
        ("Somewhere/Oslo", "Europe/Oslo"),
        ("UTC", "Etc/UTC"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_place(place: str, zone: str | None) -> None:
    assert zone_of(place) == zone


def test_all_zones_exist_and_no_place_is_named_twice() -> None:
    assert PLACES.keys() <= zoneinfo.available_timezones()
    names = [name for names in PLACES.values() for name in names.split(", ")]
    assert len(names) == len(set(names))
    assert all(name == name.casefold().strip() for name in names)


@given(st.text())
def test_every_answer_is_a_zone(place: str) -> None:
    zone = zone_of(place)
    assert zone is None or zone in zoneinfo.available_timezones()
    assert len(similar_places(place)) <= 3


def test_similar_names() -> None:
    assert similar_places("Tokio") == ["Asia/Tokyo"]
