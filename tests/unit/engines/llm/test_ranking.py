"""Which of the models that servers offer is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.llm.offers import Offer, Server
from voicecli.engines.llm.ranking import DEMO_BYTES, Room, best_of, is_demo, largest, pick, too_large

GB = 1_000_000_000
CPU = Room(memory_bytes=12 * GB, cores=4)
OFFER = st.builds(
    Offer,
    name=st.text(min_size=1, max_size=4),
    size_bytes=st.just(0) | st.integers(1, 100 * GB),
    modified_at=st.sampled_from(["", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
    is_loaded=st.booleans(),
    is_remote=st.booleans(),
)
SERVER = st.builds(
    Server,
    program=st.sampled_from(["Ollama", "vLLM"]),
    url=st.just("http://127.0.0.1"),
    protocol=st.sampled_from(["ollama", "openai"]),
    offers=st.lists(OFFER, max_size=4).map(tuple),
)
ROOM = st.builds(
    Room,
    memory_bytes=st.just(0) | st.integers(1, 100 * GB),
    cores=st.integers(1, 64),
    gpu_bytes=st.just(0) | st.integers(1, 80 * GB),
)


def ollama(*offers: Offer) -> Server:
    return Server("Ollama", "http://127.0.0.1:11434", "ollama", offers)


def taken(room: Room, *offers: Offer) -> tuple[str, str]:
    found = best_of(ollama(*offers), room)
    assert found is not None
    return found.offer.name, found.why


TINY, SMALL, MIDDLE, LARGE = (
    Offer("tiny", GB // 5), Offer("small", 2 * GB), Offer("middle", 5 * GB), Offer("large", 20 * GB)
)  # fmt: skip


@pytest.mark.parametrize(
    ("room", "name", "why"),
    [
        (CPU, "middle", "the best of 4 for this machine, 5.0 GB"),
        (replace(CPU, cores=2), "small", "the best of 4 for this machine, 2.0 GB"),
        (replace(CPU, memory_bytes=4 * GB), "small", "the best of 4 for this machine, 2.0 GB"),
        (replace(CPU, memory_bytes=64 * GB, cores=64), "middle", "the best of 4 for this machine, 5.0 GB"),
        (replace(CPU, gpu_bytes=30 * GB), "large", "the best of 4 for this machine, 20.0 GB"),
        (replace(CPU, memory_bytes=0), "middle", "the best of 4 for this machine, 5.0 GB"),
    ],
    ids=["12 GB", "two cores", "4 GB", "many cores", "GPU", "unknown memory"],
)
def test_the_largest_that_the_machine_holds_and_that_outruns_the_voice(room: Room, name: str, why: str) -> None:
    assert taken(room, SMALL, LARGE, TINY, MIDDLE) == (name, why)


def test_a_slow_one_is_better_than_none() -> None:
    slow = Room(memory_bytes=64 * GB, cores=1)
    assert taken(slow, LARGE, MIDDLE) == ("middle", "the quickest of 2, 5.0 GB")
    assert taken(slow, LARGE) == ("large", "its only model; slow on this machine")
    assert taken(CPU, SMALL) == ("small", "its only model")


def test_of_about_equal_ones_the_newest_is_taken_then_the_first() -> None:
    old, new = (replace(SMALL, name=name, modified_at=at) for name, at in (("old", "2025-01"), ("new", "2026-01")))
    assert largest([replace(old, size_bytes=int(2.1 * GB)), new]).name == "new"
    assert largest([replace(old, size_bytes=3 * GB), new]).name == "old"
    assert largest([Offer("b"), Offer("a")]).name == "b"
    assert taken(CPU, Offer("unknown"), Offer("other")) == ("unknown", "the best of 2 for this machine")


def test_what_is_in_memory_comes_first_unless_it_is_a_demo() -> None:
    assert taken(CPU, replace(SMALL, is_loaded=True), MIDDLE) == ("small", "in memory")
    assert taken(CPU, replace(TINY, is_loaded=True), MIDDLE)[0] == "middle"


def test_a_server_with_a_model_in_memory_comes_before_one_without() -> None:
    loaded = Server("vLLM", "http://127.0.0.1:8000/v1", "openai", (Offer("served", is_loaded=True),))
    found = pick([ollama(MIDDLE), loaded], CPU)
    assert found is not None
    assert (found.server, found.is_demo) == (loaded, False)
    demo = Server("vLLM", "", "openai", (replace(TINY, is_loaded=True),))
    beaten = pick([demo, ollama(MIDDLE)], CPU)
    assert beaten is not None
    assert beaten.offer == MIDDLE
    alone = pick([demo], CPU)
    assert alone is not None
    assert alone.is_demo


def test_what_does_not_fit_is_said() -> None:
    tight = Room(memory_bytes=3 * GB, cores=8)
    servers = [ollama(), ollama(SMALL), ollama(LARGE, MIDDLE)]
    assert pick([servers[2]], tight) is None
    assert too_large(servers, tight) == "Ollama's middle needs 6.5 GB of memory, 3.0 GB are free"
    assert too_large(servers[:2], tight) == ""


def test_demos() -> None:
    assert [is_demo(size) for size in (0, 1, DEMO_BYTES - 1, DEMO_BYTES)] == [False, True, True, False]


@given(st.lists(SERVER, max_size=4), ROOM)
def test_whatever_is_offered_the_pick_is_lawful(servers: list[Server], room: Room) -> None:
    found = pick(servers, room)
    here = [offer for server in servers for offer in server.offers if not offer.is_remote]
    if found is None:
        assert not any(room.holds(offer) or offer.is_loaded and not is_demo(offer.size_bytes) for offer in here)
        return
    assert found.offer in found.server.offers
    assert not found.offer.is_remote
    assert found.why
    real = [one for one in here if not is_demo(one.size_bytes)]
    if found.is_demo:
        assert not any(one.is_loaded for one in real)
        assert not any(room.holds(one) and room.is_quick(one) for one in real)
    if not found.offer.is_loaded:
        assert room.holds(found.offer)
        assert not any(one.is_loaded for one in real)
