"""A language model that is offered tools in the way that it understands, as one call has shown.

What a chat template or a server says about tools cannot be trusted: llama.cpp reports that Qwen2.5-Coder supports them
and then recognizes none of its calls. So calls are also looked for in the text of the answer, and a model is asked for
one call when nobody waits for it. The result is kept for the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Literal, Protocol, runtime_checkable

from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.engines.llm.call_shapes import WrittenCall
from voicecli.engines.llm.text_calls import TextCallParser
from voicecli.engines.llm.text_tools import as_text
from voicecli.engines.llm.tool_calls import parse_arguments, tokens_of
from voicecli.errors import VoiceCliError
from voicecli.speech_text.think_filter import ThinkFilter
from voicecli.types import Message, Token, ToolCall, ToolSpec

Way = Literal["field", "prompt", "none"]
"""How a model gets the tools: in the request's own field, described in the system prompt, or not at all."""

PROBE_AFTER_S = 1.5
"""Time without a request after which a model is asked for its first call. Words of a question that is being asked are
sent ahead every half a second, so nobody is speaking then."""

MAX_PROBE_CHARS = 200
"""A model that has written this much has not understood that it should call a tool."""

SMALL_TALK = "How are you?"
"""A model that answers this with a call would do so to everything."""


@runtime_checkable
class ChatModel(LanguageModel, CallingModel, Protocol):
    """A client of a server."""


class WayMemory(Protocol):
    """What was learned about models, over all runs."""

    def recall(self, model: str) -> Way | None:
        """Return how a model gets the tools; None if it was never asked."""
        ...

    def keep(self, model: str, way: Way) -> None:
        """Remember it. A file that cannot be written is not an error: the model is asked again next time."""
        ...


class ToolUser:
    """A `CallingModel` over a client that may not recognize its model's calls."""

    def __init__(self, chat: ChatModel, ways: Sequence[Way], memory: WayMemory) -> None:
        """`ways`: to be tried in this order."""
        self.name = chat.name
        self._chat = chat
        self._ways = ways
        self._memory = memory
        self._tools: Sequence[ToolSpec] = ()
        self._refused: Callable[[str], None] = lambda reason: None
        self._way: Way = "none"
        self._is_known = True
        self._latest: Sequence[Message] = ()
        self._probing: asyncio.Task[None] | None = None
        self._calls_made = 0

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """See `CallingModel.offer`."""
        self._tools, self._refused = tools, refused
        known = self._memory.recall(self.name) if tools else "none"
        self._is_known = known is not None
        self._use(known or self._ways[0])

    async def warm(self, messages: Sequence[Message]) -> None:
        """Let the model read the prompt, with the tools in it."""
        self._stop_probing()
        self._latest = messages
        await self._chat.warm(self._as_read(messages))
        self._probe_when_idle()

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer without calls."""
        return tokens_of(self.reply_or_call(messages))

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the answer and the calls. What is written after a call is left out: its result is not known yet."""
        self._stop_probing()
        self._latest = messages
        async with aclosing(self._parts(messages)) as parts:
            async for part in parts:
                if isinstance(part, ToolCall) and not self._is_known:
                    self._learn(self._way)
                yield part
        self._probe_when_idle()

    async def aclose(self) -> None:
        """Close the model's connections."""
        self._stop_probing()
        await self._chat.aclose()

    def _use(self, way: Way) -> None:
        self._way = way
        self._chat.offer(self._tools if way == "field" else (), self._field_refused)
        if way == "none" and self._tools:
            self._refused(f"{self.name} does not call tools")

    def _field_refused(self, reason: str) -> None:
        """Go on to the next way; the client answers the request under way without tools."""
        self._try_next()

    def _try_next(self) -> None:
        rest = self._ways[self._ways.index(self._way) + 1 :] if self._way in self._ways else ()
        if rest:
            self._use(rest[0])
        else:
            self._learn("none")
            self._use("none")

    def _learn(self, way: Way) -> None:
        self._is_known = True
        self._memory.keep(self.name, way)

    def _as_read(self, messages: Sequence[Message]) -> Sequence[Message]:
        return as_text(messages, self._tools) if self._way == "prompt" else messages

    async def _parts(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        parser = TextCallParser(self._tools) if self._way != "none" else TextCallParser(())
        reader = _CallReader(parser, ThinkFilter(), self._new_id)
        async with aclosing(self._chat.reply_or_call(self._as_read(messages))) as parts:
            async for part in parts:
                if isinstance(part, ToolCall) or self._way == "none":
                    yield part
                    continue
                for read in reader.read(part.text):
                    yield read
                if part.at_limit:
                    yield part
                if reader.is_over:
                    return
        for read in reader.rest():
            yield read

    def _new_id(self) -> str:
        self._calls_made += 1
        return f"text_{self._calls_made}"

    def _probe_when_idle(self) -> None:
        if not self._is_known:
            self._probing = asyncio.get_running_loop().create_task(self._probe(), name="probe the model's tool calls")

    def _stop_probing(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    async def _probe(self) -> None:
        """Ask for a call in one way after the other, until one comes. A failure leaves it for later."""
        await asyncio.sleep(PROBE_AFTER_S)
        first = self._way
        try:
            while not self._is_known:
                if await self._understands() or await self._understands():  # tokens are drawn by chance
                    self._learn(self._way)
                elif not self._is_known:  # the server has refused the tools meanwhile
                    self._try_next()
            if self._way != first:
                await self._chat.warm(self._as_read(self._latest))
        except VoiceCliError:
            return

    async def _understands(self) -> bool:
        """Return whether a request for a tool leads to a call, and small talk to none.

        A model that writes calls as text may only copy one from the prompt, so its arguments have to be right.
        """
        request, arguments = probe_of(self._tools)
        call = await self._first_call(request)
        if call is None or call.name not in {tool.name for tool in self._tools}:
            return False
        if self._way == "prompt" and not arguments.items() <= parse_arguments(call.arguments).items():
            return False
        return await self._first_call(SMALL_TALK) is None

    async def _first_call(self, request: str) -> ToolCall | None:
        """Return the call that a request leads to. It follows the latest prompt, which stays cached."""
        chars = 0
        async with aclosing(self._parts([*self._latest[:-1], Message("user", request)])) as parts:
            async for part in parts:
                if isinstance(part, ToolCall):
                    return part
                chars += len(part.text)
                if chars > MAX_PROBE_CHARS:
                    break
        return None


def probe_of(tools: Sequence[ToolSpec]) -> tuple[str, Mapping[str, object]]:
    """Return a request that needs one of the tools, and the arguments that it has to lead to."""
    probes = (tool.probe for tool in tools if tool.probe is not None)
    return next(probes, (f"Use the tool {tools[0].name}.", {}))


class _CallReader:
    """Reads a text stream as tokens and calls; `is_over` once text follows a call."""

    def __init__(self, parser: TextCallParser, thoughts: ThinkFilter, new_id: Callable[[], str]) -> None:
        self._parser = parser
        self._thoughts = thoughts
        self._new_id = new_id
        self._has_called = False
        self.is_over = False

    def read(self, text: str) -> list[Token | ToolCall]:
        """Return what is certain by now; an empty token as a sign of life where that is nothing."""
        return self._read(self._parser.push(self._thoughts.push(text))) or [Token("")]

    def rest(self) -> list[Token | ToolCall]:
        """Return what is left at the end."""
        return self._read([*self._parser.push(self._thoughts.close()), *self._parser.close()])

    def _read(self, parts: Sequence[str | WrittenCall]) -> list[Token | ToolCall]:
        read: list[Token | ToolCall] = []
        for part in parts:
            if isinstance(part, WrittenCall):
                self._has_called = True
                read.append(ToolCall(self._new_id(), part.name, part.arguments))
            elif not self._has_called:
                read.append(Token(part))
            elif any(map(str.isalnum, part)):
                self.is_over = True
                break
        return read
