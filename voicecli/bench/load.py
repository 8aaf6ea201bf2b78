"""Run clients that speak to a speech-to-text server at the same time, each at the pace of a microphone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import numpy as np

from voicecli.bench.load_client import Client, Reply, SessionClosed, Transport
from voicecli.bench.load_report import Session, TimedText, UtteranceResult
from voicecli.bench.speech import Utterance
from voicecli.errors import BackendUnavailable
from voicecli.types import FRAME_S, FRAME_SAMPLES, Pcm

NOISE_DB = -75.0
"""RMS over full scale of a microphone's noise while nobody speaks."""

END_DETECTION_S = 0.5
"""A client that detects the end of speech itself does so this long after it."""

EARLY_FINAL_S = 0.5
"""A final counts up to this long before the true end: a server may take the last soft sound for silence."""

READY_TIMEOUT_S = 30.0
"""Longest wait for the server's "ready", and for it to accept a message."""

CLOSE_TIMEOUT_S = 2.0
"""Longest wait for the server to close the session after the last message."""

Connect = Callable[[str], AbstractAsyncContextManager[Transport]]
"""Opens a session at a path."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the clients speak."""

    utterances: int  # of each client, one after the other
    stagger_s: float = 0.37  # between the starts of two clients, so that few of them end at the same moment
    min_silence_s: float = 1.5  # after the end of speech
    final_timeout_s: float = 8.0  # after the end of speech
    rest_s: float = 2.0  # before the first client: a server may still work for those that have left


async def load(
    connect: Connect, make: Callable[[], Client], spoken: Sequence[Utterance], clients: int, pace: Pace
) -> list[Session]:
    """Run `clients` clients until each has said all its utterances.

    Raise BackendUnavailable if there is no server that speaks the clients' protocol.
    """
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(LoadClient(number, make(), pace).run(connect, share(spoken, number, pace.utterances)))
            for number in range(clients)
        ]
    return [task.result() for task in running]


def share(spoken: Sequence[Utterance], number: int, count: int) -> list[Utterance]:
    """Return the utterances of client `number`: those after its neighbor's, wrapping around at the end."""
    return [spoken[(number * count + index) % len(spoken)] for index in range(count)]


class LoadClient:
    """One client: says its utterances and records the replies."""

    def __init__(self, number: int, client: Client, pace: Pace) -> None:
        self._number = number
        self._client = client
        self._pace = pace
        self._clock = asyncio.get_running_loop().time
        self._noise = np.random.default_rng(number)
        self._replies: list[tuple[float, Reply]] = []
        self._replied = asyncio.Event()
        self._closed: SessionClosed | None = None

    async def run(self, connect: Connect, spoken: Sequence[Utterance]) -> Session:
        """Connect, speak and disconnect. Raise BackendUnavailable if the server does not take such a client."""
        await asyncio.sleep(self._number * self._pace.stagger_s)
        try:
            async with connect(self._client.path) as transport, asyncio.TaskGroup() as tasks:
                receiving = tasks.create_task(self._receive(transport))
                results = await self._speak(transport, spoken)
                lost = str(self._closed or "")
                await self._disconnect(transport, receiving)
        except SessionClosed as closed:
            if not closed.busy:
                raise BackendUnavailable(
                    f"the server rejects the connection: {closed}", "check --url and --api-key"
                ) from closed
            return Session(refused=str(closed))
        refusals = [reply.text for _, reply in self._replies if reply.kind == "refused"]
        if refusals or (self._closed and self._closed.busy and not any(one.finals or one.partials for one in results)):
            return Session(refused=refusals[0] if refusals else str(self._closed))
        return Session(tuple(results), lost=lost)

    async def _speak(self, transport: Transport, spoken: Sequence[Utterance]) -> list[UtteranceResult]:
        if self._client.first_message:
            await self._send(transport, self._client.first_message)
        if self._client.waits_for_ready and not self._closed:
            await self._wait_until_ready()
        results: list[UtteranceResult] = []
        for one in spoken:
            if self._closed or self._is_refused():
                return results
            results.append(await self._say(transport, one))
        return results

    async def _disconnect(self, transport: Transport, receiving: asyncio.Task[None]) -> None:
        """Send the last message and let the server close: only then is its place free."""
        if self._client.last_message and not (self._closed or self._is_refused()):
            await self._send(transport, self._client.last_message)
            await asyncio.wait((receiving,), timeout=CLOSE_TIMEOUT_S)
        receiving.cancel()

    async def _wait_until_ready(self) -> None:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._replied.wait()
        except TimeoutError:
            self._closed = SessionClosed(0, f"not ready within {READY_TIMEOUT_S:.0f} s")

    async def _say(self, transport: Transport, spoken: Utterance) -> UtteranceResult:
        """Say one utterance, then send noise until its final comes or the timeout is over."""
        self._client.begin_utterance()
        self._replies.clear()
        began_s = self._clock()
        ends_s = began_s + spoken.voiced_until_s
        frames: list[Pcm] = []
        late_s, end_detected = 0.0, False
        while not self._closed and not self._is_over(self._clock() - ends_s):
            due_s = began_s + (len(frames) + 1) * FRAME_S
            await asyncio.sleep(max(0.0, due_s - self._clock()))
            late_s = max(late_s, self._clock() - due_s)
            frames.append(self._frame(spoken.pcm, len(frames)))
            await self._send(transport, self._client.encode_frame(frames[-1]))
            if not end_detected and self._clock() - ends_s >= END_DETECTION_S:
                end_detected = True
                await self._send(transport, self._client.encode_utterance(np.concatenate(frames)))
        texts = [(reply.kind, TimedText(at_s - ends_s, reply.text)) for at_s, reply in self._replies]
        return UtteranceResult(
            name=spoken.name,
            voiced_s=spoken.voiced_until_s - spoken.voiced_from_s,
            audio_s=len(frames) * FRAME_S,
            partials=tuple(one for kind, one in texts if kind == "partial"),
            finals=tuple(one for kind, one in texts if kind == "final"),
            answered=any(kind == "final" and one.at_s >= -EARLY_FINAL_S for kind, one in texts),
            slots=spoken.slots,
            late_s=late_s,
            errors="; ".join(one.text for kind, one in texts if kind == "failed"),
        )

    def _is_over(self, silence_s: float) -> bool:
        """Return whether to stop waiting, `silence_s` after the end of speech."""
        if silence_s < self._pace.min_silence_s:
            return False
        since_s = self._clock() - silence_s - EARLY_FINAL_S
        ended = any(reply.kind in ("final", "failed") and at_s >= since_s for at_s, reply in self._replies)
        return silence_s >= self._pace.final_timeout_s or (ended and not self._client.awaits_final)

    def _frame(self, pcm: Pcm, index: int) -> Pcm:
        """Return 20 ms of the recording; after its end, of noise."""
        frame = pcm[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]
        noise = self._noise.normal(0, 32768 * 10 ** (NOISE_DB / 20), FRAME_SAMPLES - len(frame))
        return np.concatenate([frame, np.rint(noise).astype(np.int16)])

    async def _send(self, transport: Transport, message: str | bytes) -> None:
        """Send a message unless it is empty; note the end of the session."""
        if not message:
            return
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await transport.send(message)
        except TimeoutError:
            self._closed = self._closed or SessionClosed(0, f"no message accepted for {READY_TIMEOUT_S:.0f} s")
        except SessionClosed as closed:
            self._closed = self._closed or closed

    async def _receive(self, transport: Transport) -> None:
        """Record replies until the session ends."""
        try:
            while True:
                if (reply := self._client.parse(await transport.receive())) is not None:
                    self._replies.append((self._clock(), reply))
                    self._replied.set()
        except SessionClosed as closed:
            self._closed = self._closed or closed
            self._replied.set()

    def _is_refused(self) -> bool:
        return any(reply.kind == "refused" for _, reply in self._replies)
