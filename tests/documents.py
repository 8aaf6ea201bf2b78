"""Documents as what they claim: fenced blocks, inline code, links, and the commands that a script consists of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

FENCE = re.compile(r"\s*(```+|~~~+)\s*(\w*)\s*$")
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")
HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

OPERATORS = "|&;<>"
SHELLS = ("sh", "console")
PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Document:
    """One Markdown file; `path` is where its relative links begin."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command of a script."""

    words: tuple[str, ...]
    environ: dict[str, str]  # what is assigned before it

    @property
    def arguments(self) -> tuple[str, ...] | None:
        """Those of `voicecli`; None where another program is called."""
        if self.words and Path(self.words[0]).name == "voicecli":
            return self.words[1:]
        if self.words[1:3] == ("-m", "voicecli"):
            return self.words[3:]
        return None


def all_documents() -> list[Document]:
    """Those of the repository."""
    paths = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    return [Document(path, path.read_text(encoding="utf8")) for path in paths]


def blocks(text: str) -> list[Block]:
    """In their order."""
    return [part for part in _parts(text) if isinstance(part, Block)]


def prose(text: str) -> str:
    """All that is not in a block."""
    return "\n".join(part for part in _parts(text) if isinstance(part, str))


def _parts(text: str) -> Iterator[str | Block]:
    """Lines of prose, and blocks."""
    fence, language, inside = "", "", list[str]()
    for line in text.splitlines():
        found = FENCE.match(line)
        if not fence:
            if found:
                fence, language, inside = found[1], found[2], []
            else:
                yield line
        elif found and found[1] == fence and not found[2]:
            yield Block(language, "\n".join(inside))
            fence = ""
        else:
            inside.append(line)


def spans(text: str) -> list[str]:
    """Inline code of the prose; a paragraph's line ends count as spaces."""
    return [" ".join(span.split()) for paragraph in prose(text).split("\n\n") for span in CODE.findall(paragraph)]


def links(text: str) -> list[str]:
    """Targets, pictures included; what looks like a link inside of code is none."""
    return LINK.findall(CODE.sub("", prose(text)))


def anchors(text: str) -> set[str]:
    """What a link may name of a document, by GitHub's rule: lower case, spaces as hyphens, marks dropped."""
    found: list[str] = []
    for line in prose(text).splitlines():
        if heading := HEADING.match(line):
            words = LINK.sub(lambda link: link[0].split("]")[0].lstrip("!["), heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            found.append(slug)
    return {slug if not (nth := found[:index].count(slug)) else f"{slug}-{nth}" for index, slug in enumerate(found)}


def script(block: Block) -> str:
    """What a reader would type: in a console, what stands after the prompt."""
    if block.language != "console":
        return block.text
    return "\n".join(line.removeprefix(PROMPT) for line in block.text.splitlines() if line.startswith(PROMPT))


def commands(text: str) -> list[Command]:
    """Simple commands of a script, without comments and redirections. Raises ValueError for an open quote."""
    found: list[Command] = []
    for line in text.replace("\\\n", " ").splitlines():
        words: list[str] = []
        lexer = shlex.shlex(line, posix=True, punctuation_chars=OPERATORS)
        lexer.whitespace_split = True
        redirected = False
        for token in lexer:
            if token.startswith(("<", ">")):
                redirected = True
            elif token.startswith(tuple(OPERATORS)):
                found.append(_command(words))
                words = []
            elif redirected:
                redirected = False
            else:
                words.append(token)
        found.append(_command(words))
    return [command for command in found if command.words]


def _command(words: list[str]) -> Command:
    environ: dict[str, str] = {}
    while words and ASSIGNMENT.match(words[0]):
        name, _, value = words[0].partition("=")
        environ[name] = value
        words = words[1:]
    return Command(tuple(words), environ)


def shell_commands(text: str) -> list[Command]:
    """Those of all of a document's scripts."""
    return [command for block in blocks(text) if block.language in SHELLS for command in commands(script(block))]
