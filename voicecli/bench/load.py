"""Clients that speak to a speech-to-text server all at once, each at the pace of a microphone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import numpy as np

from voicecli.bench.clients import Client, Kind, Reply
from voicecli.bench.load_report import Heard, Said, Session
from voicecli.bench.speech import Utterance
from voicecli.bench.wire import Gone, Wire
from voicecli.errors import BackendUnavailable
from voicecli.types import FRAME_S, FRAME_SAMPLES, Pcm

NOISE_DB = -75.0
"""RMS over full scale of what a microphone hears when nobody speaks."""

HANG_S = 0.5
"""After the end of speech, a client that finds the end itself has found it."""

EARLY_S = 0.5
"""So long before the true end a final still counts: a server may take the last soft sound for silence."""

READY_S = 30.0
"""Longest wait for the server's greeting, and for a message to be taken."""

LEAVE_S = 2.0
"""Longest wait for the server to close after the last message."""

Connect = Callable[[str], AbstractAsyncContextManager[Wire]]
"""Takes a path."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the clients speak."""

    utterances: int  # of each client, one after the other
    apart_s: float = 0.37  # between the beginnings of two clients: few of them end at the same moment
    least_s: float = 1.5  # silence after the end of speech
    wait_s: float = 8.0  # for a final, after the end of speech
    rest_s: float = 2.0  # before the first client: a server may work on for those who have left


async def load(
    connect: Connect, make: Callable[[], Client], spoken: Sequence[Utterance], clients: int, pace: Pace
) -> list[Session]:
    """So many clients, through all that they have to say. Raises BackendUnavailable where there is no server."""
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(Speaker(number, make(), pace).run(connect, share(spoken, number, pace.utterances)))
            for number in range(clients)
        ]
    return [task.result() for task in running]


def share(spoken: Sequence[Utterance], number: int, most: int) -> list[Utterance]:
    """What one of the clients says: the next ones after its neighbour's, from the start again at the end."""
    return [spoken[(number * most + index) % len(spoken)] for index in range(most)]


class Speaker:
    """One client: says its utterances and keeps what comes back."""

    def __init__(self, number: int, client: Client, pace: Pace) -> None:
        self._number = number
        self._client = client
        self._pace = pace
        self._clock = asyncio.get_running_loop().time
        self._noise = np.random.default_rng(number)
        self._replies: list[tuple[float, Reply]] = []
        self._came = asyncio.Event()
        self._gone: Gone | None = None

    async def run(self, connect: Connect, spoken: Sequence[Utterance]) -> Session:
        """Connect, speak, and leave. Raises BackendUnavailable where there is no server, or none for this client."""
        await asyncio.sleep(self._number * self._pace.apart_s)
        try:
            async with connect(self._client.path) as wire, asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(self._hear(wire))
                said = await self._speak(wire, spoken)
                lost = str(self._gone or "")
                await self._leave(wire, hearing)
        except Gone as gone:
            if not gone.busy:
                raise BackendUnavailable(
                    f"the server does not take the connection: {gone}", "--protocol, --api-key"
                ) from gone
            return Session(refused=str(gone))
        refusals = [reply.text for _, reply in self._replies if reply.kind == "refused"]
        if refusals or (self._gone and self._gone.busy and not any(one.finals or one.partials for one in said)):
            return Session(refused=refusals[0] if refusals else str(self._gone))
        return Session(tuple(said), lost=lost)

    async def _speak(self, wire: Wire, spoken: Sequence[Utterance]) -> list[Said]:
        if self._client.hello:
            await self._send(wire, self._client.hello)
        if self._client.greets and not self._gone:
            await self._greeting()
        said: list[Said] = []
        for one in spoken:
            if self._gone or self._any("refused"):
                return said
            said.append(await self._say(wire, one))
        return said

    async def _leave(self, wire: Wire, hearing: asyncio.Task[None]) -> None:
        """Say goodbye, and let the server close: only then is its place free."""
        if self._client.goodbye and not (self._gone or self._any("refused")):
            await self._send(wire, self._client.goodbye)
            await asyncio.wait((hearing,), timeout=LEAVE_S)
        hearing.cancel()

    async def _greeting(self) -> None:
        try:
            async with asyncio.timeout(READY_S):
                await self._came.wait()
        except TimeoutError:
            self._gone = Gone(0, f"no greeting within {READY_S:.0f} s")

    async def _say(self, wire: Wire, spoken: Utterance) -> Said:
        """One utterance, and then silence until its final or for as long as one is waited for."""
        self._client.begin()
        self._replies.clear()
        began_s = self._clock()
        ends_s = began_s + spoken.voiced_until_s
        frames: list[Pcm] = []
        late_s, whole = 0.0, False
        while not self._gone and not self._over(self._clock() - ends_s):
            due_s = began_s + (len(frames) + 1) * FRAME_S
            await asyncio.sleep(max(0.0, due_s - self._clock()))
            late_s = max(late_s, self._clock() - due_s)
            frames.append(self._frame(spoken.pcm, len(frames)))
            await self._send(wire, self._client.frame(frames[-1]))
            if not whole and self._clock() - ends_s >= HANG_S:
                whole = True
                await self._send(wire, self._client.whole(np.concatenate(frames)))
        heard = [(reply.kind, Heard(at_s - ends_s, reply.text)) for at_s, reply in self._replies]
        return Said(
            name=spoken.name,
            voiced_s=spoken.voiced_until_s - spoken.voiced_from_s,
            audio_s=len(frames) * FRAME_S,
            partials=tuple(one for kind, one in heard if kind == "partial"),
            finals=tuple(one for kind, one in heard if kind == "final"),
            answered=any(kind == "final" and one.at_s >= -EARLY_S for kind, one in heard),
            slots=spoken.slots,
            late_s=late_s,
            trouble="; ".join(one.text for kind, one in heard if kind == "failed"),
        )

    def _over(self, silence_s: float) -> bool:
        """Whether nothing more is to be waited for, so long after the end of speech."""
        if silence_s < self._pace.least_s:
            return False
        since_s = self._clock() - silence_s - EARLY_S
        ended = any(reply.kind in ("final", "failed") and at_s >= since_s for at_s, reply in self._replies)
        return silence_s >= self._pace.wait_s or (ended and not self._client.owed)

    def _frame(self, pcm: Pcm, index: int) -> Pcm:
        """20 ms of the recording; after it, of noise."""
        frame = pcm[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]
        noise = self._noise.normal(0, 32768 * 10 ** (NOISE_DB / 20), FRAME_SAMPLES - len(frame))
        return np.concatenate([frame, np.rint(noise).astype(np.int16)])

    async def _send(self, wire: Wire, message: str | bytes) -> None:
        """Nothing where there is nothing to send; an end of the session is noted."""
        if not message:
            return
        try:
            async with asyncio.timeout(READY_S):
                await wire.send(message)
        except TimeoutError:
            self._gone = self._gone or Gone(0, f"nothing was taken for {READY_S:.0f} s")
        except Gone as gone:
            self._gone = self._gone or gone

    async def _hear(self, wire: Wire) -> None:
        """Note replies until the session ends."""
        try:
            while True:
                if (reply := self._client.read(await wire.receive())) is not None:
                    self._replies.append((self._clock(), reply))
                    self._came.set()
        except Gone as gone:
            self._gone = self._gone or gone
            self._came.set()

    def _any(self, kind: Kind) -> bool:
        return any(reply.kind == kind for _, reply in self._replies)
