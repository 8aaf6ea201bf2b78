"""The language model calls tools: approval -> call -> result -> the model continues, until it has its answer.

A call may change something, so none is made for a turn that may still be discarded. Cancelling the turn cancels the
call under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from voicecli.conversation.approval import ToolApproval, question
from voicecli.conversation.claims import claims_action
from voicecli.conversation.parts import Toolbox
from voicecli.conversation.turn import ToolRound, Turn
from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.errors import EngineError, ToolError
from voicecli.events import ApprovalRequested, Clock, Publish, ToolCalled, ToolDone, ToolOutcome
from voicecli.speech_text.think_filter import without_thinking
from voicecli.types import Message, Token, ToolCall

MOST_ROUNDS = 4
"""How often a model may ask for tools before it answers. Small ones do not always stop."""

MOST_FAILURES = 2
"""Rounds with a call that failed: a model may correct one, and then answers without it."""

MOST_CALLS = 8
"""Most calls at once."""

MOMENT_S = 1.0
"""If a call takes longer and nothing was said yet, say "One moment.", once a turn: silence makes people wonder."""

APPROVAL_TIMEOUT_S = 30.0
"""Without an answer for this long, the tool is not used."""

DENIED = "The user did not allow this call."
TOO_MANY = f"Not made: at most {MOST_CALLS} calls at once."
NO_MORE_CALLS = "Call no more tools. Answer me in one short spoken sentence."
CALL_FIRST = "You called no tool, so nothing was done. Write only the call that my request needs."
NOT_DONE = "Sorry, that was not done."
"""Said where an answer claims an action and no call could be had for it."""


class ToolCaller:
    """A language model and the tools that it may call."""

    def __init__(self, llm: LanguageModel, tools: Toolbox | None, clock: Clock, publish: Publish) -> None:
        self._llm = llm
        self._tools = tools
        self._clock = clock
        self._publish = publish

    async def reply(self, turn: Turn, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Yield the answer to `messages`, without thoughts, and make the calls that it asks for.

        Raise what the language model raises, and EngineError when it keeps asking for calls.
        """
        tools = self._tools
        if tools is not None and (known := tools.answer(turn.user.text, turn.answer.language.language)):
            yield Token(known[0])
            await self._make(tools, turn, ToolRound("", (known[1],)))
        elif tools is None or not isinstance(self._llm, CallingModel):
            async with aclosing(without_thinking(self._llm.reply(messages))) as tokens:
                async for token in tokens:
                    yield token
        else:
            async with aclosing(self._with_calls(_Rounds(tools, turn, self._llm, messages))) as tokens:
                async for token in tokens:
                    yield token

    async def _with_calls(self, rounds: _Rounds) -> AsyncGenerator[Token, None]:
        turn = rounds.turn
        while not rounds.are_over:
            async for token in rounds.next():
                yield token
            if rounds.are_repeated:
                break
            if rounds.calls:
                if rounds.said.strip():
                    yield Token("\n\n")  # end the paragraph, so that it is said without waiting for the next one
                await self._make(rounds.tools, turn, ToolRound(rounds.said.strip(), tuple(rounds.calls)))
            elif turn.tools.has_succeeded or not claims_action(rounds.said, turn.user.text, rounds.tools.names):
                return
            elif await rounds.asks_for_call():
                await self._make(rounds.tools, turn, ToolRound(rounds.said.strip(), tuple(rounds.calls)))
                if not turn.tools.made[-1].has_failed:
                    return  # what was said is true now
                yield Token("\n\n")
            else:
                yield Token(f"\n\n{NOT_DONE}")
                return
        async for token in rounds.last():
            yield token
        if not rounds.said.strip():
            hint = "Ask in other words, or another model: small ones are not good at this."
            raise EngineError(f"{self._llm.name} asked for tools again and again and gave no answer", hint)

    async def _make(self, tools: Toolbox, turn: Turn, made: ToolRound) -> None:
        await turn.released.wait()
        turn.tools.made.append(made)
        turn.tools.is_calling = True
        turn.answer.wake_voice()  # the next text depends on a tool
        for at, call in enumerate(made.calls):
            call = replace(call, id=f"{len(turn.tools.made)}.{at + 1}")  # servers restart their ids with each request
            made.results.append(await self._result(tools, turn, call) if at < MOST_CALLS else TOO_MANY)
        turn.tools.is_calling = False

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
            if tools.needs_approval(call.name) and not await self._is_approved(tools, turn, call):
                return done("denied", DENIED)
            began_s = self._clock()
            return done("done", await self._run(tools, turn, call))
        except ToolError as error:
            turn.tools.made[-1].has_failed = True
            return done("failed", error.message)
        except asyncio.CancelledError:
            done("cancelled", "")
            raise

    async def _is_approved(self, tools: Toolbox, turn: Turn, call: ToolCall) -> bool:
        """Ask the user, on the screen and aloud, and return whether the call may be made."""
        title = tools.title(call.name)
        approval = turn.tools.approval = ToolApproval()
        self._publish(
            ApprovalRequested(at_s=self._clock(), turn=turn.id, call=call.id, tool=title, arguments=call.arguments)
        )
        turn.answer.say_beside(question(title))
        try:
            async with asyncio.timeout(APPROVAL_TIMEOUT_S):
                answer = await approval.wait()
        except TimeoutError:
            return False
        finally:
            turn.tools.approval = None
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


class _Rounds:
    """The requests of one turn to a model that may call tools, and what came of the latest."""

    def __init__(self, tools: Toolbox, turn: Turn, llm: CallingModel, messages: Sequence[Message]) -> None:
        self.tools = tools
        self.turn = turn
        self.said = ""
        self.calls: list[ToolCall] = []
        self._llm = llm
        self._messages = messages

    @property
    def are_over(self) -> bool:
        """Whether the model has to answer now, without more calls."""
        made = self.turn.tools.made
        failed = sum(one.has_failed for one in made)
        return len(made) >= MOST_ROUNDS or failed >= MOST_FAILURES

    @property
    def are_repeated(self) -> bool:
        """Whether all calls of the latest answer were already made in this turn, with success."""
        made = {(call.name, call.arguments) for one in self.turn.tools.made if not one.has_failed for call in one.calls}
        return bool(self.calls) and all((call.name, call.arguments) in made for call in self.calls)

    async def next(self) -> AsyncGenerator[Token, None]:
        """Ask for the answer; `said` and `calls` tell what it was."""
        async with aclosing(self._ask(self.turn.tools.messages(aloud=True))) as tokens:
            async for token in tokens:
                yield token

    async def last(self) -> AsyncGenerator[Token, None]:
        """Ask for the answer, and ignore calls."""
        asked = [*self.turn.tools.messages(aloud=True), Message("user", NO_MORE_CALLS)]
        async with aclosing(self._ask(asked)) as tokens:
            async for token in tokens:
                yield token

    async def asks_for_call(self) -> bool:
        """Ask for the call that the answer claims to have been made. What is said with it is not heard."""
        claimed = self.said
        made = self.turn.tools.messages(aloud=True)
        async with aclosing(self._ask([*made, Message("assistant", claimed), Message("user", CALL_FIRST)])) as tokens:
            async for _ in tokens:
                pass
        self.said = claimed
        return bool(self.calls)

    async def _ask(self, more: Sequence[Message]) -> AsyncGenerator[Token, None]:
        self.said, self.calls = "", []
        parts = self._llm.reply_or_call([*self._messages, *more])
        async with aclosing(without_thinking(_tokens(parts, self.calls))) as tokens:
            async for token in tokens:
                self.said += token.text
                yield token


def _say_moment(turn: Turn) -> None:
    answer, moment = turn.answer, turn.answer.language.phrases.moment
    if not answer.written.strip() and moment not in answer.side_speech:
        answer.say_beside(moment)


async def _tokens(parts: AsyncGenerator[Token | ToolCall, None], calls: list[ToolCall]) -> AsyncGenerator[Token, None]:
    """Yield the tokens; collect the calls."""
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, ToolCall):
                calls.append(part)
            else:
                yield part
