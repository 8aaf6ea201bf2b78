"""The shapes in which language models write a tool call: JSON, functions as in Python, and tags. Pure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Parameters = Mapping[str, Sequence[str]]
"""The names of the tools that were offered, each with those of its parameters in order."""

MAX_MISSING_BRACES = 3
"""Small models forget closing braces; so many are added."""

_NAME_KEYS = ("name", "tool", "tool_name", "function")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_OTHER_KEYS = frozenset({"type", "id"})
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_SEPARATORS = " \t\r\n,;"

_TAG = re.compile(r"</?(?:tool_call|function_call|tools)>")
_FUNCTION_TAG = re.compile(r"<function=([\w.-]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER_TAG = re.compile(r"<parameter=([\w.-]+)>\s*(.*?)\s*</parameter>", re.DOTALL)
_BROKEN_NAME = re.compile(r"""\s*\{\s*["'](?:name|tool|function)["']\s*:\s*["']([\w.-]+)["']""")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as a model wrote it."""

    name: str
    arguments: str  # a JSON object; what the model wrote instead, where it is none


def closing_index(text: str) -> int | None:
    """Return the index after the bracket that closes the first one; None if it is still open.

    Brackets within quotation marks do not count.
    """
    open_brackets: list[str] = []
    quote, escaped = "", False
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in "\"'":
            quote = character
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return at + 1
    return None


def calls_in_json(text: str, offered: Parameters, *, tagged: bool) -> tuple[WrittenCall, ...]:
    """Return the calls that an object or a list holds; none if any part of it is no call.

    `tagged`: it is marked as a call, so its name may be unknown: the model then learns that it is.
    """
    value = _loaded(text)
    if value is None:
        broken = _BROKEN_NAME.match(text)
        return (WrittenCall(broken[1], text.strip()),) if broken and (tagged or broken[1] in offered) else ()
    calls = [_call(one, offered, tagged=tagged) for one in _objects(value)]
    return tuple(call for call in calls if call) if calls and all(calls) else ()


def calls_in_function(text: str, offered: Parameters) -> tuple[WrittenCall, ...]:
    """Return the call that is written as a function, such as `set_timer(minutes=5)`; none if it is something else."""
    name, parenthesis, arguments_text = text.strip().partition("(")
    if name not in offered:
        return ()
    try:
        function = ast.parse(f"f{parenthesis}{arguments_text}", mode="eval").body  # a tool's name may hold a hyphen
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    assert isinstance(function, ast.Call), "a name and a closed parenthesis"
    if len(function.args) > len(offered[name]) or any(keyword.arg is None for keyword in function.keywords):
        return (WrittenCall(name, text.strip()),)
    arguments = dict(zip(offered[name], map(_literal, function.args), strict=False))
    arguments |= {str(keyword.arg): _literal(keyword.value) for keyword in function.keywords}
    return (WrittenCall(name, _dumped(arguments)),)


def calls_in_block(text: str, offered: Parameters, *, tagged: bool) -> tuple[WrittenCall, ...]:
    """Return the calls in a tagged or fenced block, one after the other; none if anything else is in it."""
    if functions := _FUNCTION_TAG.findall(text):
        return tuple(WrittenCall(name, _dumped(_parameters(inside))) for name, inside in functions)
    calls: list[WrittenCall] = []
    rest = _TAG.sub("", text).strip(_SEPARATORS)
    while rest:
        bracket = re.search(r"[{\[(]", rest)
        begin = bracket.start() if bracket else 0
        length = closing_index(rest[begin:])
        item = rest[: begin + length] if length else rest
        found = calls_in_json(item, offered, tagged=tagged) if item[0] in "{[" else calls_in_function(item, offered)
        if not found:
            return ()
        calls += found
        rest = rest[len(item) :].strip(_SEPARATORS)
    return tuple(calls)


def _loaded(text: str) -> Any:
    """Return the JSON value, also of Python's notation and without its last braces; None if it is none."""
    for braces in range(MAX_MISSING_BRACES + 1):
        try:
            return json.loads(text + "}" * braces)
        except (ValueError, RecursionError):
            continue
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _objects(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    yield from value if isinstance(value, list) else [value]


def _call(value: Any, offered: Parameters, *, tagged: bool) -> WrittenCall | None:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name_key = next((key for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if name_key is None:
        return None
    name = value[name_key]
    arguments_key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if name not in offered and not (tagged or _is_exact(value, name)):
        return None
    if arguments_key is None:
        rest = {key: one for key, one in value.items() if key != name_key and key not in _OTHER_KEYS}
        return WrittenCall(name, _dumped(rest))
    return WrittenCall(name, _as_object(value[arguments_key]))


def _is_exact(value: Mapping[str, Any], name: str) -> bool:
    """Return whether an object is a call by its form alone: a model that makes up a tool learns that there is none."""
    is_form = value.keys() == {"name", "arguments"} and isinstance(value["arguments"], dict)
    return is_form and _IDENTIFIER.fullmatch(name) is not None


def _as_object(arguments: Any) -> str:
    if arguments is None or arguments == "":
        return "{}"
    return arguments if isinstance(arguments, str) else _dumped(arguments)


def _parameters(inside: str) -> dict[str, Any]:
    return {name: _value(text) for name, text in _PARAMETER_TAG.findall(inside)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _literal(node: ast.expr) -> Any:
    """Return the value of an argument; its text where it is no literal, such as `3 * 4` and a word without quotes."""
    try:
        value = ast.literal_eval(node)
        json.dumps(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return ast.unparse(node)
    return value


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
