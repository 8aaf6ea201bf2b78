"""How a model gets its tools: found out by one call, when nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from voicecli.engines.llm.text_tools import description
from voicecli.engines.llm.tool_use import MAX_PROBE_CHARS, PROBE_AFTER_S, SMALL_TALK, ToolUser, Way, probe_of
from voicecli.errors import BackendUnavailable
from voicecli.replay import virtual_time
from voicecli.types import Message, Token, ToolCall, ToolSpec

LOOK = ToolSpec(
    "look", "Looks.", {"properties": {"at": {"type": "number"}}}, (("Look!", {}),), ("Look there.", {"at": 1})
)
SYSTEM = Message("system", "Be brief.")
ASKED = [SYSTEM, Message("user", "What is there?")]
HELLO = [SYSTEM, Message("user", "Hello.")]
CALLED = ToolCall("text_1", "look", '{"at": 1}')
FIELD_CALL = ToolCall("c1", "look", '{"at": 1, "long": true}')
Part = str | Token | ToolCall | Exception


@dataclass
class FakeChat:
    """Answers from a script, one entry a request; what it was asked and what it was offered then."""

    script: list[Sequence[Part]] = field(default_factory=list)
    name: str = "small"
    refuses: str = ""
    asked: list[tuple[str, Sequence[Message]]] = field(default_factory=list)
    closed: bool = False
    cancelled: int = 0
    tools: Sequence[ToolSpec] = ()
    refused: Callable[[str], None] = lambda reason: None

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        self.tools, self.refused = tools, refused

    async def warm(self, messages: Sequence[Message]) -> None:
        self.asked.append(("warm", messages))

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        raise AssertionError("replies go through reply_or_call")

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        self.asked.append(("field" if self.tools else "plain", messages))
        if self.refuses and self.tools:
            self.tools = ()
            self.refused(self.refuses)
        try:
            for part in self.script.pop(0):
                await asyncio.sleep(0.1)
                if isinstance(part, Exception):
                    raise part
                yield Token(part) if isinstance(part, str) else part
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Memory:
    ways: dict[str, Way] = field(default_factory=dict)

    def recall(self, model: str) -> Way | None:
        return self.ways.get(model)

    def keep(self, model: str, way: Way) -> None:
        self.ways[model] = way


@dataclass
class Scene:
    chat: FakeChat
    memory: Memory
    model: ToolUser
    refused: list[str] = field(default_factory=list)

    async def reply(self, messages: Sequence[Message] = ASKED) -> list[Token | ToolCall]:
        return [part async for part in self.model.reply_or_call(messages) if part != Token("")]


def run(
    act: Callable[[Scene], Awaitable[None]],
    *script: Sequence[Part],
    ways: Sequence[Way] = ("prompt", "field"),
    known: Way | None = None,
    tools: Sequence[ToolSpec] = (LOOK,),
    refuses: str = "",
) -> Scene:
    chat, memory = FakeChat(list(script), refuses=refuses), Memory({"small": known} if known else {})
    scene = Scene(chat, memory, ToolUser(chat, ways, memory))

    async def hold() -> None:
        scene.model.offer(tools, scene.refused.append)
        await act(scene)
        await scene.model.aclose()

    virtual_time.run(hold())
    return scene


async def wait() -> None:
    await asyncio.sleep(PROBE_AFTER_S + 5)


def test_a_call_in_the_text_is_made_and_what_follows_it_is_left_out() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.reply() == [Token("Well. "), CALLED]
        assert scene.chat.cancelled == 1

    scene = run(act, ["Well. ", "look(", "at=1)", "\n", "It is noon.", "more"])
    ((way, messages),) = scene.chat.asked
    assert way == "plain"
    assert messages[0].text == f"Be brief.\n\n{description([LOOK])}"
    assert scene.memory.ways == {"small": "prompt"}


def test_thoughts_hold_no_calls() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.reply() == [Token("No.")]

    run(act, ["<think>", "look(at=1)\n", "</think>", "No."], known="prompt")


def test_every_token_is_a_sign_of_life() -> None:
    async def act(scene: Scene) -> None:
        assert [part async for part in scene.model.reply_or_call(ASKED)] == [Token(""), CALLED]

    run(act, ["look(at=1)"], known="prompt")


def test_an_answer_that_was_stopped_says_so() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.reply() == [Token("Well. "), Token("", at_limit=True)]

    run(act, ["Well. ", Token("", at_limit=True)], known="prompt")


def test_a_plain_reply_has_no_calls() -> None:
    async def act(scene: Scene) -> None:
        assert "".join([token.text async for token in scene.model.reply(ASKED)]) == "Well. "

    run(act, ["Well. ", "look(at=1)"], known="prompt")


class TestKnownModels:
    def test_by_field(self) -> None:
        async def act(scene: Scene) -> None:
            assert await scene.reply() == [Token("Look: "), FIELD_CALL]
            await wait()

        scene = run(act, ["Look: ", FIELD_CALL], known="field")
        assert scene.chat.asked == [("field", ASKED)]

    def test_without_tools(self) -> None:
        async def act(scene: Scene) -> None:
            assert await scene.reply() == [Token("look(at=1)")]
            await wait()

        scene = run(act, ["look(at=1)"], known="none")
        assert scene.chat.asked == [("plain", ASKED)]
        assert scene.refused == ["small does not call tools"]

    def test_without_an_offer_nothing_is_asked_or_refused(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()

        scene = run(act, tools=())
        assert scene.chat.asked == [("warm", HELLO)]
        assert scene.refused == []


class TestProbe:
    def test_is_made_when_nobody_waits_and_kept(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            assert len(scene.chat.asked) == 1
            await wait()

        scene = run(act, ["look(at=1)"], ["I am fine."])
        assert [way for way, _ in scene.chat.asked] == ["warm", "plain", "plain"]
        assert scene.chat.asked[2][1][-1:] == [Message("user", SMALL_TALK)]
        assert scene.chat.asked[1][1][-1:] == [Message("user", "Look there.")]
        assert scene.chat.asked[1][1][:-1] == scene.chat.asked[0][1][:-1]  # the cached prefix
        assert scene.memory.ways == {"small": "prompt"}
        assert scene.refused == []

    def test_tries_the_next_way_and_reads_the_prompt_again(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()
            assert await scene.reply() == [FIELD_CALL]

        scene = run(act, ["What?"], ["Hm."], [FIELD_CALL], ["Fine."], [FIELD_CALL])
        assert [way for way, _ in scene.chat.asked] == ["warm", "plain", "plain", "field", "field", "warm", "field"]
        assert scene.chat.asked[5][1] == HELLO
        assert scene.memory.ways == {"small": "field"}

    def test_finds_that_a_model_calls_nothing(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()

        long = ["x" * MAX_PROBE_CHARS, "y", "z"]
        other = [ToolCall("c", "other", "{}")]
        scene = run(act, long, long[:], other, other)
        assert scene.memory.ways == {"small": "none"}
        assert scene.refused == ["small does not call tools"]
        assert scene.chat.asked[-1] == ("warm", HELLO)
        assert scene.chat.tools == ()

    def test_does_not_trust_a_model_that_copies_or_calls_in_small_talk(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()

        scene = run(act, ["look()"], ["look()"], [FIELD_CALL], ["look()"], [FIELD_CALL], ["look()"])
        assert scene.refused == ["small does not call tools"]

    def test_gives_a_second_chance(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()

        assert run(act, ["It is noon."], ["look(at=1)"], ["Fine."]).memory.ways == {"small": "prompt"}

    def test_says_once_that_a_server_refuses(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()

        scene = run(act, ["Hm."], ["Hm."], ["Hm."], ["Hm."], refuses="no parser")
        assert scene.refused == ["small does not call tools"]

    def test_takes_any_call_of_a_server_that_recognizes_calls(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()

        scene = run(act, [ToolCall("c", "look", "{}")], ["Fine."], ways=("field", "prompt"))
        assert scene.memory.ways == {"small": "field"}

    def test_never_delays_an_answer(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await asyncio.sleep(PROBE_AFTER_S + 0.25)
            now = asyncio.get_running_loop().time()
            assert await scene.reply() == [Token("Hi.")]
            assert asyncio.get_running_loop().time() - now < 0.15
            assert scene.memory.ways == {}
            await wait()

        scene = run(act, ["a", "b", "c", "d"], ["Hi."], ["look(at=1)"], ["Fine."])
        assert scene.chat.cancelled == 1
        assert scene.memory.ways == {"small": "prompt"}
        assert scene.chat.asked[-1][1][-1] == Message("user", SMALL_TALK)

    def test_is_not_made_while_the_question_is_sent_ahead(self) -> None:
        async def act(scene: Scene) -> None:
            for _ in range(10):
                await scene.model.warm(HELLO)
                await asyncio.sleep(PROBE_AFTER_S / 3)

        scene = run(act)
        assert {way for way, _ in scene.chat.asked} == {"warm"}

    def test_is_made_later_after_a_failure(self) -> None:
        async def act(scene: Scene) -> None:
            await scene.model.warm(HELLO)
            await wait()
            assert scene.memory.ways == {}
            await scene.model.warm(HELLO)
            await wait()

        scene = run(act, [BackendUnavailable("gone")], ["look(at=1)"], ["Fine."])
        assert scene.memory.ways == {"small": "prompt"}

    def test_asks_for_a_tool_by_name_where_none_has_a_request(self) -> None:
        assert probe_of([ToolSpec("weigh", "", {})]) == ("Use the tool weigh.", {})
        assert probe_of([ToolSpec("weigh", "", {}), LOOK]) == LOOK.probe


def test_a_server_that_refuses_the_field_gets_the_prompt() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.reply() == [Token("Hello.")]
        assert await scene.reply() == [CALLED]

    scene = run(act, ["Hello."], ["look(at=1)"], ways=("field", "prompt"), refuses="no parser")
    assert [way for way, _ in scene.chat.asked] == ["field", "plain"]
    assert scene.memory.ways == {"small": "prompt"}
    assert scene.refused == []


def test_a_server_that_is_known_to_take_the_field_and_refuses_it_has_no_tools() -> None:
    async def act(scene: Scene) -> None:
        assert await scene.reply() == [Token("Hello.")]

    scene = run(act, ["Hello."], known="field", refuses="no parser")
    assert scene.memory.ways == {"small": "none"}
    assert scene.refused == ["small does not call tools"]


def test_closing_ends_the_probe() -> None:
    async def act(scene: Scene) -> None:
        await scene.model.warm(HELLO)

    assert run(act).chat.closed
