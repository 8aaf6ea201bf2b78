"""A calculator for the language model: simpleeval with arithmetic alone, and bounds on what is computed. Pure."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from simpleeval import FeatureNotAvailable, InvalidExpression, SimpleEval  # type: ignore[import-untyped]

from voicecli.errors import ToolError

Number = int | float

MAX_CHARS = 200
MAX_POWER_BITS = 4096
"""The largest power, in bits. Nobody wants more digits, and computing them would keep a machine busy for minutes."""

MAX_FACTORIAL = 170
"""The largest number whose factorial fits into a float."""

MAX_DIGITS = 15
"""An integer of up to 15 digits is written in full; other numbers have 12 significant digits."""

SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**", "²": "**2", "³": "**3"})

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) * max(1.0, math.log2(abs(base) or 1)) > MAX_POWER_BITS:
        raise ToolError("That power is too large")
    power = base**exponent
    if isinstance(power, complex):
        raise ToolError("The result is not a real number")
    return power


def _factorial(number: Number) -> Number:
    if number != int(number) or not 0 <= number <= MAX_FACTORIAL:
        raise ToolError(f"factorial takes a whole number from 0 to {MAX_FACTORIAL}")
    return math.factorial(int(number))


OPERATORS: Mapping[type[ast.AST], Callable[..., Number]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv},
    **{ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: _power},
    **{ast.UAdd: operator.pos, ast.USub: operator.neg},
}

FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "log10", "floor", "ceil", "hypot")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: getattr(math, name) for name in ("degrees", "radians", "gcd", "lcm")},
    **{"abs": abs, "min": min, "max": max, "pow": _power, "factorial": _factorial},
    "round": lambda number, digits=0: round(number, int(digits)) if digits else round(number),
}
"""Angles are in radians, as in Python's math."""


def _number(node: ast.Constant) -> Number:
    if type(node.value) not in (int, float):
        raise FeatureNotAvailable
    return node.value  # type: ignore[return-value]


def _constant(node: ast.Name) -> Number:
    if node.id not in CONSTANTS:
        raise FeatureNotAvailable
    return CONSTANTS[node.id]


def _evaluate(tree: ast.expr) -> Number:
    evaluator = SimpleEval(dict(OPERATORS), dict(FUNCTIONS))
    allowed = {kind: evaluator.nodes[kind] for kind in (ast.BinOp, ast.UnaryOp, ast.Call)}
    evaluator.nodes = allowed | {ast.Constant: _number, ast.Name: _constant}
    value: Number = evaluator.eval("", tree)
    return value


def calculate(expression: str) -> str:
    """Return the value as text. Raise ToolError if the expression is refused or has no value."""
    if len(expression) > MAX_CHARS:
        raise ToolError(f"The expression is longer than {MAX_CHARS} characters")
    try:
        tree = ast.parse(expression.strip().translate(SIGNS), mode="eval")
        return _formatted(_evaluate(tree.body))
    except InvalidExpression:
        known = ", ".join([*FUNCTIONS, *CONSTANTS])
        raise ToolError(f"{expression!r} is not supported; there are + - * / // % ** and {known}") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolError(f"{expression!r} is not arithmetic, such as (2 + 3) * sqrt(16) / 100") from None
    except ZeroDivisionError:
        raise ToolError("That divides by zero") from None
    except OverflowError:
        raise ToolError("The result is too large") from None
    except (TypeError, ValueError) as error:
        raise ToolError(f"It cannot be calculated: {error}") from None


def _formatted(number: Number) -> str:
    """Return the number without the rounding noise of binary fractions. Raise OverflowError if it is not finite."""
    if isinstance(number, int) and abs(number) < 10**MAX_DIGITS:
        return str(number)
    number = float(number)
    if not math.isfinite(number):
        raise OverflowError
    if number.is_integer() and abs(number) < 10**MAX_DIGITS:
        return str(int(number))
    return f"{number:.12g}"
