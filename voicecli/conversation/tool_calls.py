"""The language model asks for tools: leave -> call -> result -> the model goes on, until it has its answer.

A call may change something, so none is made for a turn that may still be thrown away. To cancel the turn is to cancel
the call under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from voicecli.conversation.approval import ToolApproval, question
from voicecli.conversation.turn import ToolRound, Turn
from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.errors import EngineError, ToolError
from voicecli.events import ApprovalRequested, Clock, Publish, ToolCalled, ToolDone, ToolOutcome
from voicecli.speech_text.think_filter import without_thinking
from voicecli.types import Message, Token, ToolCall

MOST_ROUNDS = 6
"""So often a model may ask for tools before it answers: small ones do not always find an end."""

MOST_CALLS = 8
"""At once."""

MOMENT_S = 1.0
"""When a call takes longer and nothing has been said, a word is, once a turn: people wonder whether they were heard."""

LEAVE_S = 30.0
"""Whoever has not answered by then is not there: the tool is not used."""

DENIED = "The user did not allow this call."
TOO_MANY = f"Not made: at most {MOST_CALLS} calls at once."


class Toolbox(Protocol):
    """Tools, by the names that the language model knows them by."""

    def title(self, name: str) -> str:
        """For the user: "set_timer" or "server.tool"."""
        ...

    def needs_approval(self, name: str) -> bool:
        """Whether the user has to be asked before a call."""
        ...

    def allow(self, name: str) -> None:
        """From now on no leave is needed."""
        ...

    async def run(self, call: ToolCall) -> str:
        """What came of it, for the language model. Raises ToolError; cancelling it cancels the call."""
        ...


class ToolCaller:
    """A language model, and the tools that it may ask for."""

    def __init__(self, llm: LanguageModel, tools: Toolbox | None, clock: Clock, publish: Publish) -> None:
        self._llm = llm
        self._tools = tools
        self._clock = clock
        self._publish = publish

    async def reply(self, turn: Turn, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """The answer to `messages`, thoughts left out. Between its tokens the calls are made that it takes.

        Raises what the language model raises, and EngineError when it goes on asking for calls.
        """
        if self._tools is None or not isinstance(self._llm, CallingModel):
            async with aclosing(without_thinking(self._llm.reply(messages))) as tokens:
                async for token in tokens:
                    yield token
            return
        for _ in range(MOST_ROUNDS):
            said, calls = "", list[ToolCall]()
            parts = self._llm.reply_or_call([*messages, *turn.calls_made(aloud=True)])
            async with aclosing(without_thinking(_tokens(parts, calls))) as tokens:
                async for token in tokens:
                    said += token.text
                    yield token
            if not calls:
                return
            if said.strip():
                yield Token("\n\n")  # a paragraph of its own, which is said without waiting for the next
            await self._make(self._tools, turn, ToolRound(said.strip(), tuple(calls)))
        hint = "Ask in other words, or another model: small ones are not good at this."
        raise EngineError(f"{self._llm.name} asked for tools {MOST_ROUNDS} times and gave no answer", hint)

    async def _make(self, tools: Toolbox, turn: Turn, made: ToolRound) -> None:
        await turn.released.wait()
        turn.rounds.append(made)
        turn.calling = True
        turn.more.set()  # the voice has nothing to wait for now
        for at, call in enumerate(made.calls):
            reported = replace(call, id=f"{len(turn.rounds)}.{at + 1}")  # servers count anew with each request
            made.results.append(await self._result(tools, turn, reported) if at < MOST_CALLS else TOO_MANY)
        turn.calling = False

    async def _result(self, tools: Toolbox, turn: Turn, call: ToolCall) -> str:
        began_s = self._clock()

        def done(outcome: ToolOutcome, text: str) -> str:
            now_s, title = self._clock(), tools.title(call.name)
            self._publish(
                ToolDone(
                    at_s=now_s,
                    turn=turn.id,
                    call=call.id,
                    tool=title,
                    outcome=outcome,
                    text=text,
                    took_s=now_s - began_s,
                )
            )
            return text

        try:
            if tools.needs_approval(call.name) and not await self._leave(tools, turn, call):
                return done("denied", DENIED)
            began_s = self._clock()
            return done("done", await self._run(tools, turn, call))
        except ToolError as error:
            return done("failed", error.message)
        except asyncio.CancelledError:
            done("cancelled", "")
            raise

    async def _leave(self, tools: Toolbox, turn: Turn, call: ToolCall) -> bool:
        """Ask the user, on the screen and aloud."""
        title = tools.title(call.name)
        turn.approval = ToolApproval()
        self._publish(
            ApprovalRequested(at_s=self._clock(), turn=turn.id, call=call.id, tool=title, arguments=call.arguments)
        )
        turn.say_beside_answer(question(title))
        try:
            async with asyncio.timeout(LEAVE_S):
                answer = await turn.approval.wait()
        except TimeoutError:
            return False
        finally:
            turn.approval = None
        if answer == "always":
            tools.allow(call.name)
        return answer != "no"

    async def _run(self, tools: Toolbox, turn: Turn, call: ToolCall) -> str:
        title = tools.title(call.name)
        self._publish(ToolCalled(at_s=self._clock(), turn=turn.id, call=call.id, tool=title, arguments=call.arguments))
        moment = asyncio.get_running_loop().call_later(MOMENT_S, _say_moment, turn)
        try:
            return await tools.run(call)
        finally:
            moment.cancel()


def _say_moment(turn: Turn) -> None:
    moment = turn.answer_language.phrases.moment
    if not turn.written.strip() and moment not in turn.side_speech:
        turn.say_beside_answer(moment)


async def _tokens(parts: AsyncGenerator[Token | ToolCall, None], calls: list[ToolCall]) -> AsyncGenerator[Token, None]:
    """The tokens alone; calls are put aside."""
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, ToolCall):
                calls.append(part)
            else:
                yield part
