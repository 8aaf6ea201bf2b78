"""Stand-ins where a machine has no microphone or no speaker: the conversation goes on in writing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from voicecli.types import AudioFrame


class NoMicrophone:
    """Never hears anything; questions are typed."""

    name = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to give back."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        await asyncio.Event().wait()
        yield AudioFrame(NotImplemented, 0.0)
