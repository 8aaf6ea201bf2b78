"""What servers list, read as offers of language models."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.language_servers import (
    EMBEDDING,
    LLAMA_CPP,
    OWN_SPEECH,
    VLLM,
    lm_studio_pages,
    ollama_model,
    ollama_pages,
    openai_pages,
)
from voicecli.engines.llm.offers import (
    Offer,
    Server,
    is_language_model,
    lm_studio_offers,
    ollama_offers,
    openai_offers,
    program_of,
    served_offers,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "id", "model", "size", "modified_at", "details", "family", "capabilities", "remote_host", "object", "owned_by",
    "meta", "status", "value", "type", "state", "max_model_len", "loaded_context_length",
)  # fmt: skip
ENTRY = st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from(["model", "llm", "qwen3:4b"]), max_size=8)
LISTING = JSON | st.fixed_dictionaries({}, optional={"data": st.lists(ENTRY | JSON), "models": st.lists(ENTRY | JSON)})


@given(LISTING, LISTING)
def test_an_odd_listing_gives_named_language_models_or_nothing(one: Any, other: Any) -> None:
    listings = (ollama_offers(one, other), lm_studio_offers(one), openai_offers(one), served_offers(one))
    for offer in (offer for offers in listings if offers for offer in offers):
        assert offer.name
        assert offer.size_bytes >= 0
        assert offer.context_tokens >= 0
        assert is_language_model(offer.name) or one
    assert program_of(one, "usual")


def listed(pages: dict[str, Any], path: str) -> Any:
    return pages[path]


def test_ollamas_models_without_the_embedding_and_with_what_is_in_memory() -> None:
    pages = ollama_pages(EMBEDDING, ollama_model("llama3.2", 2.0), ollama_model("qwen3:4b", 2.6), loaded=("qwen3:4b",))
    offers = ollama_offers(listed(pages, "/api/tags"), listed(pages, "/api/ps"))
    assert offers is not None
    assert [(one.name, one.size_bytes, one.is_loaded) for one in offers] == [
        ("llama3.2", 2_000_000_000, False),
        ("qwen3:4b", 2_600_000_000, True),
    ]
    assert offers[0].modified_at.startswith("2026-05-04")
    assert ollama_offers({"error": "x"}, None) is None
    assert ollama_offers("<html>", None) is None


@pytest.mark.parametrize(
    ("model", "is_there", "is_remote"),
    [
        (ollama_model("llava:7b", 4.7, family="llama", capabilities=["completion", "vision"]), True, False),
        (ollama_model("mystery", 0.3, capabilities=["embedding"]), False, False),
        (ollama_model("mystery", 0.3, family="bert"), False, False),
        (ollama_model("all-minilm", 0.05, family=""), False, False),
        (ollama_model("mystery", 0.3, capabilities=[]), True, False),
        ({"model": "bare"}, True, False),
        ({"name": "no model"}, False, False),
        (ollama_model("gpt-oss:120b-cloud", 0.0), True, True),
        (ollama_model("kimi:cloud", 0.0), True, True),
        (ollama_model("gpt-oss:20b", 0.0, remote_host="https://ollama.com"), True, True),
    ],
    ids=lambda value: value.get("model", "none") if isinstance(value, dict) else "",
)
def test_one_of_ollamas_models(model: dict[str, Any], is_there: bool, is_remote: bool) -> None:
    offers = ollama_offers({"models": [model]}, {"models": "odd"})
    assert offers is not None
    assert [offer.is_remote for offer in offers] == ([is_remote] if is_there else [])


def test_lm_studio_lists_embeddings_first() -> None:
    pages = lm_studio_pages(gemma_3_4b="loaded", qwen3_8b="not-loaded")
    details = pages["/api/v0/models"]
    details["data"][1] |= {"loaded_context_length": 8192, "type": "vlm"}
    assert lm_studio_offers(details) == (
        Offer("gemma-3-4b", is_loaded=True, context_tokens=8192),
        Offer("qwen3-8b"),
    )
    assert lm_studio_offers(pages["/v1/models"]) is None
    assert lm_studio_offers({"error": "Unexpected endpoint"}) is None


def test_llama_cpp_tells_the_size_and_vllm_the_context() -> None:
    (own,) = openai_offers(LLAMA_CPP["/v1/models"]) or ()
    assert (own.size_bytes, own.is_loaded) == (2_500_000_000, True)
    (served,) = openai_offers(VLLM["/v1/models"]) or ()
    assert served.context_tokens == 4096


def test_llama_cpps_router_tells_which_model_is_in_memory() -> None:
    waiting = openai_pages("a", status={"value": "unloaded"})["/v1/models"]
    ready = openai_pages("a", status={"value": "loaded"})["/v1/models"]
    assert [offers[0].is_loaded for offers in (served_offers(waiting), served_offers(ready))] == [False, True]


@pytest.mark.parametrize(
    "page",
    [OWN_SPEECH["/v1/models"], {"data": []}, {"data": [{"id": "Volvo"}]}, {"data": [{"object": "model"}]}, [], None],
    ids=["our own", "empty", "cars", "without names", "list", "none"],
)
def test_what_is_no_server_of_language_models(page: Any) -> None:
    assert openai_offers(page) is None


def test_programs_are_known_by_the_owner_or_else_by_the_port() -> None:
    assert program_of(LLAMA_CPP["/v1/models"], "vLLM") == "llama.cpp"
    assert program_of(openai_pages("a", owned_by="sglang")["/v1/models"], "vLLM") == "SGLang"
    assert program_of(openai_pages("a")["/v1/models"], "Jan") == "Jan"


@pytest.mark.parametrize(
    "name",
    ["qwen3:4b", "Qwen/Qwen2.5-7B-Instruct", "llama-3.2-3b-instruct", "gemma3n:e4b", "hf.co/a/b-GGUF:Q4_K_M", "llava"],
)
def test_names_of_language_models(name: str) -> None:
    assert is_language_model(name)


@pytest.mark.parametrize(
    "name",
    ["nomic-embed-text", "bge-m3", "Qwen3-Embedding-0.6B", "jina-reranker-v2", "Systran/faster-whisper-small",
     "kokoro-v1.0", "hexgrad/Kokoro-82M", "openai/clip-vit", "mmproj-model-f16", "llama-guard3", "all-MiniLM-L6-v2",
     "intfloat/e5-large", "tts-1-hd", "glm-ocr"],
)  # fmt: skip
def test_names_of_others(name: str) -> None:
    assert not is_language_model(name)


def test_an_offer_is_found_with_and_without_the_usual_tag() -> None:
    server = Server("Ollama", "", "ollama", (Offer("llama3.2"), Offer("qwen3:4b")))
    assert server.offer("llama3.2:latest") == server.offer("llama3.2") == Offer("llama3.2")
    assert server.offer("qwen3") is None
