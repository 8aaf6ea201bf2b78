"""Arithmetic as it is written, by Python's own parser and a list of what is allowed; nothing is evaluated. Pure."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from voicecli.errors import ToolError

Number = int | float

MOST_CHARS = 200
MOST_BITS = 4096
"""Of a power: beyond it nobody wants the digits, and a machine would be busy with them for minutes."""

MOST_FACTORIAL = 170
"""Its factorial is the last that fits into a float."""

MOST_DIGITS = 15
"""Of an integer that is told whole; of other numbers 12 are told."""

SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**", "²": "**2", "³": "**3"})

BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) * max(1.0, math.log2(abs(base) or 1)) > MOST_BITS:
        raise ToolError("That power is too large")
    power = base**exponent
    if isinstance(power, complex):
        raise ToolError("The result is not a real number")
    return power


def _factorial(number: Number) -> Number:
    if number != int(number) or not 0 <= number <= MOST_FACTORIAL:
        raise ToolError(f"factorial takes a whole number from 0 to {MOST_FACTORIAL}")
    return math.factorial(int(number))


def _round(number: Number, digits: Number = 0) -> Number:
    return round(number, int(digits)) if digits else round(number)


FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "log10", "floor", "ceil", "hypot")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: getattr(math, name) for name in ("degrees", "radians", "gcd", "lcm")},
    "abs": abs,
    "min": min,
    "max": max,
    "round": _round,
    "pow": _power,
    "factorial": _factorial,
}
"""Angles are in radians, as in Python's math."""


def calculate(expression: str) -> str:
    """The value, as text. Raises ToolError with what is wrong."""
    if len(expression) > MOST_CHARS:
        raise ToolError(f"The expression is longer than {MOST_CHARS} characters")
    try:
        tree = ast.parse(expression.strip().translate(SIGNS), mode="eval")
        return shown(_value(tree.body))
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolError(f"{expression!r} is not arithmetic, such as (2 + 3) * sqrt(16) / 100") from None
    except ZeroDivisionError:
        raise ToolError("That divides by zero") from None
    except OverflowError:
        raise ToolError("The result is too large") from None
    except (TypeError, ValueError) as error:
        raise ToolError(f"It cannot be calculated: {error}") from None


def shown(number: Number) -> str:
    """Without the noise of binary fractions."""
    if isinstance(number, int) and abs(number) < 10**MOST_DIGITS:
        return str(number)
    number = float(number)
    if not math.isfinite(number):
        raise OverflowError
    if number.is_integer() and abs(number) < 10**MOST_DIGITS:
        return str(int(number))
    return f"{number:.12g}"


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return BINARY[type(op)](_value(left), _value(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](_value(operand))
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*map(_value, arguments))
        case _:
            known = ", ".join([*FUNCTIONS, *CONSTANTS])
            raise ToolError(f"{ast.unparse(node)!r} is not known here; there are + - * / // % ** and {known}")
