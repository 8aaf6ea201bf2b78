"""Rank the language models that the servers of this machine offer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voicecli.engines.llm.offers import Offer, Server

GB = 1e9

CONTEXT_BYTES, PER_BYTE = 500_000_000, 1.2
"""Memory that a model needs: this much, and this times its file. Qwen2.5-Coder-1.5B needs 1.9 GB for 1.1 GB, 0.5B
0.6 GB for 0.5 GB (peak memory of the whole program, two cores)."""

BYTES_PER_CORE = 1_300_000_000
"""Largest model that writes faster than it is spoken, for each core: Qwen2.5-Coder-1.5B (1.1 GB) writes 8.5 tokens a
second on two cores, and Kokoro speaks 3.7."""

MOST_CORES = 8
"""More cores than these write no faster: they wait for the memory."""

DEMO_BYTES = 400_000_000
"""A smaller model knows too little to be worth asking: SmolLM2-135M has 98 MB."""

NEAR = 0.9
"""Models of at least this share of the largest are as good; the newest of them is taken."""


@dataclass(frozen=True, slots=True)
class Room:
    """What this machine has for a language model."""

    memory_bytes: int  # free; 0: unknown
    cores: int
    gpu_bytes: int = 0  # free on the GPU; 0: none, or unknown

    def holds(self, offer: Offer) -> bool:
        """Return whether the model fits into the memory; one of unknown size does."""
        most = max(self.memory_bytes, self.gpu_bytes)
        return not most or not offer.size_bytes or _needed_bytes(offer) <= most

    def is_quick(self, offer: Offer) -> bool:
        """Return whether the model writes faster than it is spoken."""
        on_gpu = self.gpu_bytes and _needed_bytes(offer) <= self.gpu_bytes
        return bool(on_gpu) or offer.size_bytes <= BYTES_PER_CORE * min(self.cores, MOST_CORES)


@dataclass(frozen=True, slots=True)
class Pick:
    """The model that is taken, and why."""

    server: Server
    offer: Offer
    why: str

    @property
    def is_demo(self) -> bool:
        """Whether it is too small to be worth asking."""
        return is_demo(self.offer.size_bytes)


def is_demo(size_bytes: int) -> bool:
    """Return whether a model of this size knows too little to be worth asking; one of unknown size does not."""
    return 0 < size_bytes < DEMO_BYTES


def pick(servers: Sequence[Server], room: Room) -> Pick | None:
    """Return the best model: one in memory, or else the best of the first server that has one; None: there is none.

    A model in the cloud is never picked: what the user says stays on this machine unless they name it.
    """
    picks = [found for server in servers if (found := best_of(server, room))]
    in_order = sorted(picks, key=lambda found: (found.is_demo, not found.offer.is_loaded))  # stable: then as listed
    return next(iter(in_order), None)


def best_of(server: Server, room: Room) -> Pick | None:
    """Return the best model of one server, with the reason; None if none is for this machine."""
    here = [offer for offer in server.offers if not offer.is_remote]
    if loaded := [offer for offer in here if offer.is_loaded and not is_demo(offer.size_bytes)]:
        return Pick(server, largest(loaded), "in memory")
    fitting = [offer for offer in here if room.holds(offer)]
    if not fitting:
        return None
    quick = [offer for offer in fitting if room.is_quick(offer)]
    real = [offer for offer in quick if not is_demo(offer.size_bytes)]
    chosen = largest(real or quick) if quick else min(fitting, key=lambda offer: offer.size_bytes)
    return Pick(server, chosen, _why(chosen, here, is_quick=bool(quick)))


def largest(offers: Iterable[Offer]) -> Offer:
    """Return the largest model; among those of about its size the newest, and then the first."""
    known = list(offers)
    most = max(offer.size_bytes for offer in known)
    return max((one for one in known if one.size_bytes >= NEAR * most), key=lambda one: one.modified_at)


def _why(chosen: Offer, here: Sequence[Offer], *, is_quick: bool) -> str:
    if len(here) == 1:
        return "its only model" if is_quick else "its only model; slow on this machine"
    size = f", {chosen.size_bytes / GB:.1f} GB" if chosen.size_bytes else ""
    return f"the best of {len(here)} for this machine{size}" if is_quick else f"the quickest of {len(here)}{size}"


def too_large(servers: Sequence[Server], room: Room) -> str:
    """Return a sentence about servers of which no model fits into the memory; empty if there are none."""
    for server in servers:
        here = [offer for offer in server.offers if not offer.is_remote]
        if here and not any(room.holds(offer) for offer in here):
            least = min(here, key=_needed_bytes)
            most = max(room.memory_bytes, room.gpu_bytes)
            return (
                f"{server.program}'s {least.name} needs {_needed_bytes(least) / GB:.1f} GB of memory, "
                f"{most / GB:.1f} GB are free"
            )
    return ""


def _needed_bytes(offer: Offer) -> float:
    return CONTEXT_BYTES + PER_BYTE * offer.size_bytes
