"""A pipeline under Pipecat's own runner, and all frames that went through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pipecat.frames.frames import EndFrame, Frame
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.workers.runner import WorkerRunner


class Seen(BaseObserver):
    """Each frame once, in the order in which it was first pushed."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.changed = asyncio.Event()

    async def on_push_frame(self, data: FramePushed) -> None:
        if data.first_push:
            self.frames.append(data.frame)
            self.changed.set()

    def of(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if type(frame) is kind]

    async def until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def run(processors: Sequence[Any], within_s: float = 10.0) -> AsyncIterator[tuple[PipelineWorker, Seen]]:
    """Run a pipeline; at the end of the block send an EndFrame and wait until it finishes.

    Raise TimeoutError if the block takes longer.
    """
    seen = Seen()
    worker = PipelineWorker(
        Pipeline(list(processors)),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        observers=[seen],
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run())
        try:
            async with asyncio.timeout(within_s):
                yield worker, seen
        except BaseException:
            await worker.cancel()  # the runner outlives a mere cancellation of its task
            raise
        await worker.queue_frame(EndFrame())
