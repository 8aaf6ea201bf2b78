"""The embedded language model: llama.cpp's own server in this process, on the loopback interface.

It speaks OpenAI's protocol, so `openai_chat` talks to it as to any other server.
"""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import xllamacpp

from voicecli.engines.cpu import physical_cores
from voicecli.errors import EngineError, ModelMissing

if TYPE_CHECKING:
    from voicecli.settings.model import LlmSettings

GGUF_MAGIC = b"GGUF"

MAX_THREADS = 8
"""Writing a token waits for memory, not for arithmetic; more threads only wait for each other."""

CPU_BATCH = 64
"""Tokens that are read at a time: as quick as llama.cpp's 512, which without flash attention need 88 MB more in a full
context, and 64 need 15. Reading ahead that is given up ends after half a second there, not after all of it."""

FIRST_TOKEN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server."""

    base_url: str
    api_key: str = field(repr=False)  # random: other users of the machine can reach the port, too
    model: str
    knows_tools: bool = False  # its chat template does


@contextmanager
def embedded_server(gguf: Path, settings: LlmSettings) -> Iterator[EmbeddedServer]:
    """Load `gguf` and serve it until the block is left. Blocks for a second or more: call it off the event loop.

    Raises ModelMissing when there is no GGUF file at the path, EngineError when llama.cpp cannot use it.
    """
    _check_file(gguf)
    api_key = secrets.token_urlsafe(32)
    try:
        server = xllamacpp.Server(_params(gguf, api_key, settings))
    except RuntimeError as error:
        hint = "The file may be damaged, or the model too large for this machine; voicecli download-models verifies it."
        raise EngineError(f"llama.cpp cannot load {gguf}", hint=hint) from error
    running = EmbeddedServer(f"{server.listening_address}/v1", api_key, gguf.stem)
    try:
        _check_chat(running)
        yield replace(running, knows_tools=_supports_tools(running))
    finally:
        del server  # its destructor stops the threads and frees the model


def _check_file(gguf: Path) -> None:
    hint = "voicecli download-models fetches the default; llm.embedded_model names another."
    try:
        with gguf.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise ModelMissing(f"No language model at {gguf} ({error.strerror})", hint=hint) from error
    if magic != GGUF_MAGIC:
        raise ModelMissing(f"{gguf} is not a GGUF file", hint=hint)


def _params(gguf: Path, api_key: str, settings: LlmSettings) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.model_alias = {gguf.stem}
    params.n_gpu_layers = settings.gpu_layers
    params.n_ctx = settings.context_tokens
    params.n_parallel = 1  # one conversation: the whole context and cache are its own
    params.cache_prompt = True
    params.cache_ram_mib = 0  # copies of finished prompts, 8 GB by default, for conversations that never come back
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [api_key]
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = -1  # llama.cpp writes on stderr, across the screen
    _share_cores(params, settings.threads or default_threads())
    if settings.gpu_layers == 0:
        _suit_cpu(params)
    return params


def _share_cores(params: xllamacpp.CommonParams, threads: int) -> None:
    """Let speech synthesis go first: it has a listener, while the model writes far ahead of the voice.

    Writing takes `threads` at low priority and without spinning: beside a model that writes without pause, 25 phonemes
    of Kokoro took 1.2 to 1.5 s instead of 2.0 to 2.4 (0.8 alone; two cores, SmolLM2-135M). Reading the prompt takes all
    cores: it happens between hearing and speaking, when nothing else is at work.
    """
    params.cpuparams.n_threads = threads
    params.cpuparams.poll = 0
    params.cpuparams.priority = xllamacpp.ggml_sched_priority.GGML_SCHED_PRIO_LOW
    params.cpuparams_batch.n_threads = max(threads, physical_cores(MAX_THREADS))
    params.cpuparams_batch.poll = 0


def _suit_cpu(params: xllamacpp.CommonParams) -> None:
    """Make a long conversation cost little more than a new one.

    Flash attention, llama.cpp's default, is for GPUs: at the end of 2800 tokens writing one took 40 ms, and 11 to 12 at
    the start; without it 23. Reading a question of 14 tokens there took 198 ms; without it 118 to 135. All 2800 anew
    take a quarter longer (two cores, SmolLM2-135M). A cache in Q8_0 would be quicker still, but makes nonsense of
    models whose heads are no multiple of 32, or stops the program.
    """
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.n_ubatch = params.n_batch = CPU_BATCH


def _check_chat(server: EmbeddedServer) -> None:
    """Have it write one token: a file that loads may still lack what a chat needs.

    Also, a server that is stopped before it has taken up its work never ends (xllamacpp 2026.10).
    """
    question = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    try:
        _ask(server, f"{server.base_url}/chat/completions", json.dumps(question).encode())
    except urllib.error.HTTPError as error:
        with error:
            found = error.read().decode(errors="replace")
        raise EngineError(f"llama.cpp cannot chat with {server.model}: {found}") from error
    except OSError as error:
        raise EngineError(f"llama.cpp has loaded {server.model} and does not answer: {error}") from error


def _supports_tools(server: EmbeddedServer) -> bool:
    """Whether the model's chat template can tell of tools: where it cannot, llama.cpp passes over them in silence."""
    try:
        properties = json.loads(_ask(server, f"{server.base_url.removesuffix('/v1')}/props"))
    except (OSError, ValueError):
        return False
    return bool(properties.get("chat_template_caps", {}).get("supports_tools"))


def _ask(server: EmbeddedServer, url: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, body, headers), timeout=FIRST_TOKEN_TIMEOUT_S) as answer:
        read: bytes = answer.read()
    return read


def default_threads() -> int:
    """All physical cores but one, which is left for hearing and speaking; one at least, `MAX_THREADS` at most."""
    return max(1, physical_cores(MAX_THREADS + 1) - 1)
