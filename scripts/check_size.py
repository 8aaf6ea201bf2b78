"""Check that files, functions and constructors are small. Print each one that is not, and exit with 1."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_FILE_LINES, MOST_FUNCTION_LINES, MOST_CONSTRUCTOR_PARAMETERS = 400, 40, 6
MEASURED = ("voicecli", "benchmarks")
COMMANDS = Path("voicecli/commands")  # a command's parameters and help text are its interface, so only its body counts


def excesses(path: Path) -> Iterator[str]:
    """Yield one line for each file, function or constructor that is too large."""
    source = path.read_text(encoding="utf8")
    if (lines := source.count("\n")) > MOST_FILE_LINES:
        yield f"{path}: {lines} lines, at most {MOST_FILE_LINES}"
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0].lineno if path.is_relative_to(COMMANDS) else node.lineno
        if path.is_relative_to(COMMANDS) and ast.get_docstring(node) and len(node.body) > 1:
            first = node.body[1].lineno
        length = (node.end_lineno or first) - first + 1
        if length > MOST_FUNCTION_LINES:
            yield f"{path}:{node.lineno} {node.name}: {length} lines, at most {MOST_FUNCTION_LINES}"
        parameters = len(node.args.args) + len(node.args.kwonlyargs) - 1
        if node.name == "__init__" and parameters > MOST_CONSTRUCTOR_PARAMETERS:
            yield f"{path}:{node.lineno} constructor: {parameters} parameters, at most {MOST_CONSTRUCTOR_PARAMETERS}"


def main() -> None:
    """Check all files and exit."""
    found = [line for root in MEASURED for path in sorted(Path(root).rglob("*.py")) for line in excesses(path)]
    print("\n".join(found) or "every file, function and constructor is within its measure")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
