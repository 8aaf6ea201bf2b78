"""Each claim of a document that the program can contradict: commands, options, settings, targets, files, links."""

from __future__ import annotations

import ast
import contextlib
import fnmatch
import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main

from tests.documents import ROOT, Command, Document, anchors, blocks, commands, links, shell_commands, spans
from voicecli.cli import app
from voicecli.errors import SettingsError
from voicecli.settings.load import environ_layers, keys, load_settings
from voicecli.settings.model import Settings

SECTIONS = "|".join(Settings.model_fields)
KEY = re.compile(rf"(?<![\w./-])((?:{SECTIONS})\.[a-z_]+)\b(?!\.[a-z])")
VARIABLE = re.compile(r"\bVOICECLI_[A-Z0-9][A-Z0-9_]*")
OPTION = re.compile(r"--[a-z][a-z-]*")
FILE = re.compile(r"[\w*./-]+\.(?:py|toml|sh|yaml)")
ASSIGNED = re.compile(r"VOICECLI_\w+=\S+ ")
SUFFIXES = (".json", ".toml", ".py", ".txt", ".wav", ".zip", ".md")

FOREIGN_OPTIONS = frozenset(
    {"--cut", "--device", "--gpu-memory-utilization", "--http-host", "--mem-fraction-static", "--require-card"}
    | {"--require-models", "--api-key", "--offload", "--jinja", "--tool-call-parser", "--enable-auto-tool-choice"}
)
"""Of other programs: SGLang, vLLM, Ray, Docker, pytest, and our own benchmarks."""

FOREIGN_FILES = frozenset({"server.py", "config.toml", "compose.override.yaml"})
"""VoiceAgentGuide's server, and files of the user's own."""

KNOWN_VARIABLES = frozenset({"VOICECLI_PROFILE"})
"""Beside those of settings, of options and of compose.yaml."""


class CommandLine:
    """The real command line with its bodies taken out: it parses, and runs nothing."""

    def __init__(self) -> None:
        self._root: Any = typer.main.get_command(app)
        self.parameters: list[Any] = []
        self.helps: dict[tuple[str, ...], str] = {}
        self._hollow(self._root, ())

    def _hollow(self, command: Any, name: tuple[str, ...]) -> None:
        command.callback = lambda **_: None
        for parameter in command.params:
            if parameter.callback is not None:  # --version and --install-completion do their work there, and end
                parameter.callback = leave
        self.parameters += command.params
        for inner_name, inner in getattr(command, "commands", {}).items():
            self.helps[(*name, inner_name)] = inner.help or ""
            self._hollow(inner, (*name, inner_name))

    @property
    def options(self) -> set[str]:
        return {name for one in self.parameters for name in (*one.opts, *one.secondary_opts)} | {"--help"}

    @property
    def variables(self) -> set[str]:
        """Those that an option takes its value from."""
        named = [one.envvar for one in self.parameters if one.envvar]
        return {name for names in named for name in ([names] if isinstance(names, str) else names)}

    def complaint(self, arguments: tuple[str, ...], *, is_mention: bool = False) -> str:
        """Why they would be refused; empty where they are not. Prose may mention a command without its arguments."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                self._root.main(args=list(arguments), prog_name="voicecli", standalone_mode=False)
            except Exception as error:  # Typer brings a copy of click: its classes have no public name
                if is_mention and type(error).__name__ == "MissingParameter":
                    return ""
                return str(getattr(error, "format_message", error.__str__)())
        return ""


def leave(context: Any, parameter: Any, value: Any) -> Any:
    """In place of an option that does its work as soon as it is read."""
    return context.exit() if value else value


def complaints(document: Document, line: CommandLine) -> list[str]:
    """All that is not so."""
    checks = (command_complaints, option_complaints, setting_complaints, file_complaints, link_complaints)
    return [complaint for check in checks for complaint in check(document, line)] + [*data_complaints(document)]


def mentioned_commands(document: Document) -> Iterator[Command]:
    """Inline code that begins like one."""
    for span in spans(document.text):
        if span.startswith(("voicecli ", "make ", "python ")) or ASSIGNED.match(span):
            yield from commands(span)


def command_complaints(document: Document, line: CommandLine) -> Iterator[str]:
    """Of voicecli, make and Python."""
    written = [(command, False) for command in shell_commands(document.text)]
    for command, is_mention in (*written, *((command, True) for command in mentioned_commands(document))):
        reported = " ".join(command.words)
        if command.arguments and (why := line.complaint(command.arguments, is_mention=is_mention)):
            yield f"{reported}: {why}"
        yield from environ_complaints(command.environ)
        if command.words[0] == "make":
            targets = [word for word in command.words[1:] if not word.startswith("-") and "=" not in word]
            yield from (f"{reported}: no target {target}" for target in targets if target not in make_targets())
        if command.words[0].startswith("python") and not is_there(command.words[1:]):
            yield f"{reported}: there is no such module or file"


def environ_complaints(environ: Mapping[str, str]) -> Iterator[str]:
    """Values that the settings refuse; what the shell works out is not known here."""
    literal = {name: value for name, value in environ.items() if "$" not in value}
    if environ_layers(literal):
        try:
            load_settings(environ=literal)
        except SettingsError as error:
            yield error.message


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def is_there(words: tuple[str, ...]) -> bool:
    """Return whether Python could run it; modules of other packages are assumed to exist."""
    match words:
        case ("-m", module, *_):
            path = ROOT / module.replace(".", "/")
            ours = module.split(".")[0] in ("benchmarks", "tests", "voicecli")
            return not ours or path.is_dir() or path.with_suffix(".py").is_file()
        case (file, *_) if file.endswith(".py"):
            return (ROOT / file).is_file()
    return True


def option_complaints(document: Document, line: CommandLine) -> Iterator[str]:
    """Options that stand alone in the prose."""
    for span in spans(document.text):
        if (name := OPTION.match(span)) and name[0] not in line.options | FOREIGN_OPTIONS:
            yield f"{span}: no command has this option"


def setting_complaints(document: Document, line: CommandLine) -> Iterator[str]:
    """Keys and variables."""
    scripts = [block.text for block in blocks(document.text) if block.language in ("sh", "console")]
    for text in (*spans(document.text), *scripts):
        for key in KEY.findall(text):
            if key not in keys() and not key.endswith(SUFFIXES):
                yield f"{key}: no such setting"
    composed = set(VARIABLE.findall((ROOT / "compose.yaml").read_text(encoding="utf8")))
    for name in sorted(set(VARIABLE.findall(document.text)) - KNOWN_VARIABLES - line.variables - composed):
        layers = environ_layers({name: ""})
        if not layers or not set(layers[0][1]) <= set(keys()):
            yield f"{name}: no such variable"


def file_complaints(document: Document, line: CommandLine) -> Iterator[str]:
    """Source files by any ending of their path: `audio/echo.py`, `engines/kokoro_*.py`."""
    there = named_files()
    for span in spans(document.text):
        if FILE.fullmatch(span) and span not in FOREIGN_FILES and not any(ends_with(path, span) for path in there):
            yield f"{span}: no such file"


def ends_with(path: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(f"/{path}", f"*/{pattern}")


def named_files() -> list[str]:
    """Files of the repository that may be named, as seen from its root."""
    folders = ("voicecli", "tests", "benchmarks", "scripts", "config", "docs", "examples", "docker")
    inside = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path.relative_to(ROOT).as_posix() for path in (*ROOT.iterdir(), *inside)]


def link_complaints(document: Document, line: CommandLine) -> Iterator[str]:
    """Relative ones, with their anchors."""
    for target in links(document.text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = document.path.parent / name if name else document.path
        if name and not path.exists():
            yield f"{target}: leads nowhere"
        elif anchor and anchor not in anchors(path.read_text(encoding="utf8") if name else document.text):
            yield f"{target}: has no such heading"


def data_complaints(document: Document) -> Iterator[str]:
    """TOML is a settings file; JSON and Python have to be such."""
    for block in blocks(document.text):
        try:
            match block.language:
                case "toml":
                    with tempfile.TemporaryDirectory() as folder:
                        (file := Path(folder, "config.toml")).write_text(block.text, encoding="utf8")
                        load_settings(file=file, environ={})
                case "json":
                    json.loads(block.text)
                case "python":
                    ast.parse(block.text)
        except SettingsError as error:
            yield error.message
        except (ValueError, SyntaxError) as error:
            yield f"{block.language}: {error}"
