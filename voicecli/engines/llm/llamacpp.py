"""The embedded language model: llama.cpp's server inside this process, on the loopback interface.

It speaks OpenAI's protocol, so `openai.OpenAiChat` is its client as for any other server.
"""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli.engines.cpu import physical_cores
from voicecli.engines.llm.cpu_backend import use_fastest
from voicecli.engines.llm.processor import OWN, CpuBackend, writing_threads
from voicecli.errors import EngineError, ModelMissing, import_advice

try:
    import xllamacpp
except ImportError as error:
    raise EngineError(
        f"The embedded llama.cpp does not load: {error}", import_advice("xllamacpp", str(error))
    ) from error

if TYPE_CHECKING:
    from voicecli.settings.model import LlmSettings

GGUF_MAGIC = b"GGUF"

MAX_THREADS = 8
"""Writing tokens is bound by memory, not arithmetic; more threads would only wait for each other."""

CPU_BATCH = 64
"""Prompt tokens in one batch. As quick as llama.cpp's default of 512, but without flash attention and in a full context
64 need 15 MB more and 512 need 88 MB more. A prefill that is canceled there ends after half a second."""

FIRST_TOKEN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server."""

    base_url: str
    api_key: str = field(repr=False)  # random, because other users of the machine can reach the port
    model: str
    cpu: CpuBackend = CpuBackend(OWN)  # what computes, where the GPU does not


@contextmanager
def embedded_server(gguf: Path, settings: LlmSettings) -> Iterator[EmbeddedServer]:
    """Load `gguf` and serve it for the length of the block. Blocks for a second or more: call it off the event loop.

    Raise ModelMissing if there is no GGUF file at the path, EngineError if llama.cpp cannot use it.
    """
    _check_file(gguf)
    api_key = secrets.token_urlsafe(32)
    cpu = use_fastest() if settings.gpu_layers == 0 else CpuBackend(OWN)
    try:
        server = xllamacpp.Server(_params(gguf, api_key, settings))
    except RuntimeError as error:
        hint = "The file may be damaged or too large for this machine; voicecli download-models --verify checks it."
        raise EngineError(f"llama.cpp cannot load {gguf}", hint=hint) from error
    running = EmbeddedServer(f"{server.listening_address}/v1", api_key, gguf.stem, cpu=cpu)
    try:
        _check_chat(running)
        yield running
    finally:
        del server  # its destructor stops the threads and frees the model


def _check_file(gguf: Path) -> None:
    hint = "voicecli download-models downloads the default; --model selects another."
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
    params.n_parallel = 1  # a single conversation uses the whole context and cache
    params.cache_prompt = True
    params.cache_ram_mib = 0  # by default 8 GB of finished prompts, useful only for returning conversations
    params.port = 0  # any free one, of the loopback interface
    params.api_keys = [api_key]
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = -1  # llama.cpp logs to stderr, across the screen
    _share_cores(params, settings.threads or default_threads(gguf.stat().st_size))
    if settings.gpu_layers == 0:
        _suit_cpu(params)
    return params


def _share_cores(params: xllamacpp.CommonParams, threads: int) -> None:
    """Let speech synthesis go first: the user is waiting for it, while the model writes far ahead of the voice.

    Write on `threads` threads at low priority and without spinning: beside a model that writes without pause, 25
    phonemes of Kokoro took 1.2 to 1.5 s instead of 2.0 to 2.4 (0.8 alone; two cores, SmolLM2-135M). Read the prompt on
    all cores: that happens between listening and speaking, when nothing else runs.
    """
    params.cpuparams.n_threads = threads
    params.cpuparams.poll = 0
    params.cpuparams.priority = xllamacpp.ggml_sched_priority.GGML_SCHED_PRIO_LOW
    params.cpuparams_batch.n_threads = max(threads, physical_cores(MAX_THREADS))
    params.cpuparams_batch.poll = 0


def _suit_cpu(params: xllamacpp.CommonParams) -> None:
    """Disable flash attention, llama.cpp's default for GPUs, so that long conversations stay quick on a CPU.

    After 2800 tokens, writing a token took 40 ms with it and 23 without (11 to 12 at the start); reading a question of
    14 tokens took 198 ms with it and 118 to 135 without. Reading all 2800 tokens takes a quarter longer without it (two
    cores, SmolLM2-135M). A Q8_0 cache would be quicker still, but models whose head size is no multiple of 32 then
    write nonsense or crash.

    Read the file instead of mapping it: on a CPU llama.cpp keeps a second copy of most weights in the order it likes,
    and the mapped first one stays in memory beside it. Qwen2.5-Coder-1.5B took 1310 MiB so and 1899 mapped, and wrote
    as fast.
    """
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.n_ubatch = params.n_batch = CPU_BATCH


def _check_chat(server: EmbeddedServer) -> None:
    """Ask for one token, because a file that loads may still be unable to chat. Raise EngineError if it fails.

    Also, a server that is stopped before its first request never ends (xllamacpp 2026.10).
    """
    question = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    try:
        _ask(server, f"{server.base_url}/chat/completions", json.dumps(question).encode())
    except urllib.error.HTTPError as error:
        with error:
            found = error.read().decode(errors="replace")
        raise EngineError(f"llama.cpp cannot chat with {server.model}: {found}") from error
    except OSError as error:
        raise EngineError(f"llama.cpp loaded {server.model} but does not answer: {error}") from error


def _ask(server: EmbeddedServer, url: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, body, headers), timeout=FIRST_TOKEN_TIMEOUT_S) as answer:
        read: bytes = answer.read()
    return read


def default_threads(model_bytes: int) -> int:
    """Return how many threads write where the settings name none; from 1 to `MAX_THREADS`."""
    return min(MAX_THREADS, writing_threads(physical_cores(MAX_THREADS + 1), model_bytes))
