"""A better model is offered, downloaded while the conversation goes on, and takes over between two turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.defaults import SETTINGS
from tests.unit.engines.llm.test_switch import Model as Answering
from tests.unit.models.stage import manifest, model, pinned, serving, sha256, source
from voicecli.app.model_fetch import ModelFetch, Notes
from voicecli.app.upgrade import Outside, Upgrade
from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.switch import ModelSwitch, model_switch
from voicecli.errors import EngineError, ModelMissing
from voicecli.events import (
    ComponentChanged,
    Event,
    ModelDownload,
    ModelOffered,
    Notice,
    OfferAnswered,
    TurnDone,
    UserTyped,
)
from voicecli.models.download import ModelReady, OnEvent, Progress
from voicecli.models.download_process import download_beside
from voicecli.models.ladder import Choice
from voicecli.models.manifest import Manifest, Model
from voicecli.models.upgrade import Memory
from voicecli.settings.model import LlmSettings, UpgradeMode
from voicecli.turns.activity import Activity, IdleChanges
from voicecli.types import Message, TurnId

WEIGHTS = bytes(range(256)) * 1024


def known(*sizes: int) -> Manifest:
    """Models m0, m1, ... of these sizes in bytes, the best first."""
    return manifest(
        *(
            model(f"m{number}", source("hub", f"me/m{number}@1", pinned("a", b"x" * size)))
            for number, size in enumerate(sizes)
        )
    )


@dataclass
class World:
    """What an upgrade finds and does; `failing` cannot be downloaded."""

    models: Sequence[Model] = known(100).model
    failing: Collection[str] = ()
    free: int = 10_000_000_000
    trouble: Exception | None = None
    downloaded: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    remembered: list[Memory] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    now_s: float = 0.0

    async def choose(self, without: Collection[str]) -> Choice:
        left = [one for one in self.models if one.name not in without]
        return Choice(None, "", left[0] if left else None, f"{left[0].name}: better" if left else "")

    async def download(self, model: Model, on_event: OnEvent) -> None:
        if model.name in self.failing:
            raise ModelMissing(f"{model.name} could not be downloaded:\n  hub: gone")
        for second in range(8):
            self.now_s += 0.5
            on_event(Progress(model.name, "a", "download", 10 * second, 100))
        on_event(ModelReady(model.name, "hub", 100))
        self.downloaded.append(model.name)

    async def take_over(self, name: str) -> str:
        if self.trouble is not None:
            raise self.trouble
        self.taken.append(name)
        return name

    def remember(self, memory: Memory) -> None:
        self.remembered.append(memory)

    def upgrade(self, wanted: UpgradeMode = "ask", memory: Memory | None = None) -> Upgrade:
        clock, show = lambda: self.now_s, self.events.append
        fetch = ModelFetch(self.download, Notes(memory or Memory(), self.remember), show, clock)
        return Upgrade(Outside(self.choose, lambda: self.free, self.take_over), fetch, wanted, show, clock)

    def run(self, wanted: UpgradeMode = "ask", memory: Memory | None = None, answer: bool | None = None) -> None:
        """Run to the end; `answer` the offer, or nobody can be asked."""

        async def main() -> None:
            upgrade = self.upgrade(wanted, memory)
            assert not upgrade.answer(True), "nothing was asked"
            task = asyncio.create_task(upgrade.run(can_answer=answer is not None, in_use="tiny"))
            await settled()
            if answer is not None:
                upgrade.answer(answer)
            await task

        asyncio.run(main())

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def said(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_yes_downloads_and_switches() -> None:
    world = World()
    world.run(answer=True)
    assert (world.downloaded, world.taken) == (["m0"], ["m0"])
    assert [type(event) for event in world.events][:2] == [ModelOffered, OfferAnswered]
    assert world.remembered[0] == Memory(accepted="m0")
    (changed,) = world.of(ComponentChanged)
    assert isinstance(changed, ComponentChanged)
    assert (changed.name, changed.message) == ("m0", "m0 is here and answers from the next question on.")
    assert [event.state for event in world.of(ModelDownload) if isinstance(event, ModelDownload)][-2:] == [
        "loading",
        "over",
    ]


def test_no_is_remembered_and_downloads_nothing() -> None:
    world = World()
    world.run(answer=False)
    assert world.remembered == [Memory(refused="m0")]
    assert (world.downloaded, world.of(ModelDownload)) == ([], [])
    again = World()
    again.run(memory=world.remembered[0], answer=True)
    assert again.events == []


def test_the_offer_is_answered_once() -> None:
    async def main() -> tuple[bool, bool]:
        upgrade = World().upgrade()
        task = asyncio.create_task(upgrade.run(can_answer=True, in_use="tiny"))
        await settled()
        answers = upgrade.answer(False), upgrade.answer(True)
        await task
        return answers

    assert asyncio.run(main()) == (True, False)


def test_auto_asks_nobody() -> None:
    world = World()
    world.run("auto")
    assert (world.taken, world.of(ModelOffered)) == (["m0"], [])


def test_where_nobody_can_be_asked_one_line_says_how() -> None:
    world = World()
    world.run()
    (line,) = world.said()
    assert "voicecli download-models m0" in line
    assert "llm.upgrade = auto" in line
    assert world.downloaded == []


def test_nothing_better_is_nothing_said() -> None:
    world = World(models=())
    world.run("auto")
    assert world.events == []


def test_the_speed_is_kept_for_the_next_question() -> None:
    world = World()
    world.run("auto")
    (memory,) = world.remembered
    assert memory.bytes_per_s == pytest.approx(20)


def test_a_memory_that_cannot_be_written_is_said_and_stops_nothing() -> None:
    world = World()

    def refuse(memory: Memory) -> None:
        raise OSError(28, "No space left on device")

    world.remember = refuse  # type: ignore[method-assign]
    world.run("auto")
    assert world.taken == ["m0"]
    assert world.said() == ["This cannot be remembered: No space left on device."]


def test_progress_is_shown_once_a_second() -> None:
    world = World()
    world.run("auto")
    shown = [event.at_s for event in world.of(ModelDownload) if isinstance(event, ModelDownload)]
    assert shown[1:-3] == [0.5, 1.5, 2.5, 3.5][: len(shown[1:-3])]


@pytest.mark.parametrize(
    ("sizes", "failing", "taken"),
    [
        ((100, 50, 20), ["m0"], ["m1"]),
        ((100, 50, 20), ["m0", "m1"], ["m2"]),
        ((100, 50), ["m0", "m1"], []),
        ((100, 200), ["m0"], []),  # larger than what the user has agreed to
    ],
)
def test_after_a_failure_the_next_candidate_is_tried(
    sizes: tuple[int, ...], failing: list[str], taken: list[str]
) -> None:
    world = World(known(*sizes).model, failing)
    world.run(answer=True)
    assert world.taken == taken
    assert "m0 could not be downloaded: hub: gone" in world.said()


def test_without_the_memory_for_it_the_small_one_stays() -> None:
    (large,) = (one.model_copy(update={"memory_mb": 1900}) for one in known(100).model)
    world = World([large], free=800_000_000)
    world.run("auto")
    assert world.taken == []
    (line,) = world.said()
    assert line.startswith("m0 is downloaded, but needs 1.9 GB of memory and 800 MB are free: tiny stays.")


def test_a_model_that_cannot_be_loaded_ends_nothing() -> None:
    world = World(trouble=EngineError("llama.cpp cannot load m0", "It may be damaged."))
    world.run("auto")
    assert world.said() == ["llama.cpp cannot load m0. It may be damaged. tiny stays in use."]
    assert world.of(ComponentChanged) == []


class Conversation:
    """A switch between scripted models, and turns that are asked of it."""

    def __init__(self) -> None:
        self.activity = Activity()
        self.changes = IdleChanges(self.activity.is_idle)
        self.said: list[Message] = []
        self.warmed: list[list[str]] = []

    @asynccontextmanager
    async def open(self, settings: LlmSettings) -> AsyncIterator[Opened]:
        yield Opened(Answering(settings.model), "", 4096, backend="embedded", asked=settings.model)

    async def prepare(self, opened: Opened) -> None:
        self.warmed.append([message.text for message in self.said])

    def begin_turn(self, number: int) -> None:
        self._happened(UserTyped(at_s=0, turn=TurnId(number), text="?"))

    async def end_turn(self, number: int, switch: ModelSwitch) -> str:
        self.said.append(Message("user", f"question {number}"))
        answer = "".join([token.text async for token in switch.model.reply(self.said)])
        self.said.append(Message("assistant", answer))
        self._happened(TurnDone(at_s=0, turn=TurnId(number), spoken=answer))
        return answer

    def _happened(self, event: Event) -> None:
        self.activity.observe(event)
        self.changes.apply_if_idle()


def test_the_conversation_goes_on_during_a_slow_download_and_the_switch_waits_for_the_end_of_a_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_model = manifest(model("big", source("hub", "me/big@abc", pinned("a.bin", WEIGHTS)))).find("big")

    async def main() -> list[str]:
        conversation, world, begun = Conversation(), World([hub_model]), asyncio.Event()

        async def download(model: Model, on_event: OnEvent) -> None:
            def note(event: object) -> None:
                on_event(event)  # type: ignore[arg-type]
                begun.set()

            await download_beside(model, tmp_path, note)

        async with model_switch(conversation.open, conversation.prepare, conversation.changes) as switch:
            await switch.begin(SETTINGS.llm.model_copy(update={"model": "tiny"}))

            async def take_over(name: str) -> str:
                return (await switch.switch(SETTINGS.llm.model_copy(update={"model": name}))).model.name

            world.download, world.take_over = download, take_over  # type: ignore[method-assign]
            task = asyncio.create_task(world.upgrade("auto").run(can_answer=False, in_use="tiny"))
            await begun.wait()
            answers = []
            for number in (1, 2):
                conversation.begin_turn(number)
                answers.append(await conversation.end_turn(number, switch))
            assert not task.done()
            conversation.begin_turn(3)
            web.go_on.set()
            await task
            answers.append(await conversation.end_turn(3, switch))
            conversation.begin_turn(4)
            answers.append(await conversation.end_turn(4, switch))
            assert conversation.warmed[-1] == ["question 1", "tiny0 tiny1 ", "question 2", "tiny0 tiny1 "]
        return answers

    with serving() as web:
        web.hub_file("me/big", "abc", "a.bin", WEIGHTS, {"X-Linked-Etag": f'"{sha256(WEIGHTS)}"'})
        web.hold_at = 1000
        monkeypatch.setenv("HF_ENDPOINT", web.base)
        assert asyncio.run(main()) == ["tiny0 tiny1 "] * 3 + ["big0 big1 "]
