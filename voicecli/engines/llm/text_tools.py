"""Tools for a model that gets them in its prompt and writes calls into its answer. Pure.

Calls are shown as a programmer writes them: 8 tokens instead of 29 for the same as JSON in tags (SmolLM2's vocabulary).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voicecli.engines.llm.text_calls import parameter_names
from voicecli.engines.llm.tool_calls import parse_arguments
from voicecli.types import Message, ToolCall, ToolSpec

RULES = (
    "If a request needs a tool, write only its call, as in the examples, with the values of the request and nothing "
    "that the user did not say. Answer all other questions yourself, in plain words, and never mention tools."
)

PLAIN = (
    ("How long should I brew tea?", "Brew it for three to five minutes."),
    ("Thank you!", "You are welcome."),
)
"""Requests without a call, so that a model does not learn from the examples that every request needs one."""

RESULT_RULE = "Answer me with it in one short spoken sentence."


NO_EXAMPLES = "A call looks like this: tool_name(parameter=value)"


def description(tools: Sequence[ToolSpec]) -> str:
    """Return the tools for the system prompt: what they do and how they are called."""
    signatures = "\n".join(f"{tool.name}({', '.join(_parameters(tool))}): {_about(tool)}" for tool in tools)
    rules = RULES if any(tool.examples for tool in tools) else f"{RULES}\n{NO_EXAMPLES}"
    return f"You have these tools:\n{signatures}\n\n{rules}"


def example_turns(tools: Sequence[ToolSpec]) -> Iterator[Message]:
    """Yield a conversation in which the tools are called.

    As turns they weigh as much as the example turns of a model, among which are answers such as "I don't know": written
    into the system prompt, Qwen2.5-Coder-1.5B made 17 of 23 calls, as turns 23 (`voicecli bench answers --only tools`).
    """
    calls = [(request, written(tool.name, values)) for tool in tools for request, values in tool.examples]
    for request, answer in [*calls, *PLAIN] if calls else ():
        yield Message("user", request)
        yield Message("assistant", answer)


def as_text(messages: Iterable[Message], tools: Sequence[ToolSpec]) -> list[Message]:
    """Rewrite a conversation for a model that knows no messages of tools: calls and results become text."""
    plain: list[Message] = []
    for message in messages:
        if message.role == "system":
            plain.append(replace(message, text=f"{message.text}\n\n{description(tools)}"))
            plain += example_turns(tools)
        elif message.calls:
            calls = [message.text, *(written(call.name, parse_arguments(call.arguments)) for call in message.calls)]
            plain.append(Message("assistant", "\n".join(filter(None, calls))))
        elif message.role == "user" and plain and plain[-1].role == "user":
            plain[-1] = replace(plain[-1], text=f"{plain[-1].text}\n{message.text}")  # templates take no two in a row
        elif message.role != "tool":
            plain.append(message)
        elif plain and plain[-1].text.endswith(RESULT_RULE):
            plain[-1] = replace(plain[-1], text=f"{plain[-1].text.removesuffix(RESULT_RULE)}{_result(message)}")
        else:
            plain.append(Message("user", _result(message)))
    return plain


def written(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as text."""
    return f"{name}({', '.join(f'{key}={_literal(value)}' for key, value in arguments.items())})"


def _parameters(tool: ToolSpec) -> Iterator[str]:
    """Yield the parameters: their names where examples show the values, otherwise also their types."""
    properties = tool.parameters.get("properties")
    for name in parameter_names(tool):
        schema = properties.get(name) if isinstance(properties, Mapping) and not tool.examples else None
        kind = _kind(schema) if isinstance(schema, Mapping) else ""
        yield f"{name}: {kind}" if kind else name


def _kind(schema: Mapping[str, Any]) -> str:
    if isinstance(schema.get("enum"), list):
        return " | ".join(map(_literal, schema["enum"]))
    kind = schema.get("type")
    return kind if isinstance(kind, str) else ""


def _about(tool: ToolSpec) -> str:
    return " ".join(tool.description.split())


def _result(message: Message) -> str:
    call = message.answers or ToolCall("", "tool", "{}")
    return f"Result of {written(call.name, parse_arguments(call.arguments))}: {message.text}\n{RESULT_RULE}"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
