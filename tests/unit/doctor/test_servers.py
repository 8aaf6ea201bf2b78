"""What `voicecli doctor` says of the language models, and how it asks them."""

from __future__ import annotations

import asyncio
import socket
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.chat_servers import MODELS, TAGS, Refusal, chat_server, llm_settings, ollama_answer, openai_answer
from tests.contract.language_servers import (
    LLAMA_CPP,
    lm_studio_pages,
    no_usual_ports,
    ollama_model,
    ollama_pages,
    serving,
)
from tests.unit.doctor.laws import lawful, only, states
from voicecli.doctor.probes import servers as probe
from voicecli.doctor.servers import LanguageModelFacts, NearbyServer, ServerFacts, server_findings
from voicecli.engines.llm import look
from voicecli.errors import ModelMissing

WARM = ServerFacts("127.0.0.1:30000", True, "small (127.0.0.1:30000)", limit_s=4, first_s=0.1)
DEAD = ServerFacts("127.0.0.1:30000", True, problem="127.0.0.1:30000 does not answer", hint="start it")


__all__ = ["no_usual_ports"]  # the fixture


def no_file(name: str) -> NoReturn:
    raise ModelMissing("no embedded model")


@pytest.fixture
def nowhere() -> str:
    """Host and port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    ("server", "state", "part"),
    [
        (WARM, "passed", "warm, one token in 0.10 s"),
        (ServerFacts("h", True, "m (h)", limit_s=4, first_s=3.0, again_s=0.2), "passed", "was cold (3.0 s)"),
        (ServerFacts("h", True, "m (h)", limit_s=4, first_s=3.0, again_s=2.0), "warned", "slow, one token takes 2.0 s"),
        (ServerFacts("h", True, "m (h)", limit_s=4, first_s=3.0), "warned", "slow, one token takes 3.0 s"),
        (ServerFacts("h", True, "m (h)", limit_s=4), "warned", "no token within 4 s"),
        (DEAD, "failed", "does not answer"),
        (ServerFacts("h", True, problem="is not Ollama"), "failed", "is not Ollama"),
    ],
)
def test_a_server_that_was_asked_for(server: ServerFacts, state: str, part: str) -> None:
    found = only(server_findings(LanguageModelFacts("openai", server, has_url=True)), "server")
    assert found.state == state
    assert part in found.text


def test_a_long_problem_is_shown_in_part_and_reported_whole() -> None:
    problem = "Ollama has no model (it has: " + "model, " * 40
    found = only(
        server_findings(LanguageModelFacts("ollama", ollama=ServerFacts("h", True, problem=problem))), "Ollama"
    )
    assert len(found.text) < 200
    assert found.facts["problem"] == problem


def test_a_server_without_an_address_fails() -> None:
    assert states(server_findings(LanguageModelFacts("openai"))) == {"server": "failed"}


def test_an_ollama_that_was_asked_for_has_to_answer() -> None:
    assert states(server_findings(LanguageModelFacts("ollama", ollama=DEAD))) == {"Ollama": "failed"}


def test_auto_goes_on_to_the_embedded_model() -> None:
    facts = LanguageModelFacts("auto", DEAD, DEAD, embedded="smollm2", embedded_is_there=True)
    assert states(server_findings(facts)) == {"server": "warned", "Ollama": "skipped", "embedded": "passed"}


def test_auto_without_any_fails_at_the_last() -> None:
    found = only(server_findings(LanguageModelFacts("auto", ollama=DEAD, embedded="smollm2")), "embedded")
    assert found.state == "failed"
    assert "download-models smollm2" in found.advice


def test_the_embedded_model_is_not_needed_behind_a_server() -> None:
    assert states(server_findings(LanguageModelFacts("auto", WARM))) == {"server": "passed", "embedded": "skipped"}


def test_the_embedded_model_by_itself() -> None:
    found = only(server_findings(LanguageModelFacts("embedded", embedded="m", embedded_is_there=True)), "embedded")
    assert found.text == "m, in this process (chosen)"


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
SERVER = st.builds(
    ServerFacts, where=TEXT, model=TEXT, problem=st.just("") | TEXT, hint=st.just("") | TEXT, limit_s=st.just(4.0),
    first_s=st.none() | st.floats(0, 4), again_s=st.none() | st.floats(0, 4),
)  # fmt: skip


@given(st.builds(LanguageModelFacts, server=st.none() | SERVER, ollama=st.just(DEAD) | SERVER, embedded=TEXT))
def test_whatever_the_facts_the_findings_are_lawful(facts: LanguageModelFacts) -> None:
    lawful(server_findings(facts))


def test_the_first_that_answers_is_asked_for_one_token() -> None:
    async def run() -> None:
        async with chat_server(openai_answer("Hi"), pages=MODELS) as server:
            here = f"127.0.0.1:{server.port}"
            facts = await probe._ask(llm_settings(url=f"http://{here}/v1"), "m", no_file, False)
            assert facts.server is not None
            assert (facts.server.model, facts.server.problem, facts.ollama) == (f"small ({here})", "", None)
            assert facts.server.first_s is not None
            assert facts.server.first_s < probe.TOKEN_S
            assert server.chat_bodies[0]["max_tokens"] == 1

    asyncio.run(run())


def test_behind_a_dead_server_ollama_is_asked(nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(ollama_answer("Hi"), pages=TAGS) as server:
            ollama_url = f"http://127.0.0.1:{server.port}"
            facts = await probe._ask(
                llm_settings(url=f"http://{nowhere}/v1", ollama_url=ollama_url), "m", no_file, False
            )
            assert facts.server is not None
            assert facts.server.problem == f"{nowhere} does not answer"
            assert facts.ollama is not None
            assert (facts.ollama.model, facts.ollama.problem) == ("llama3.2 (Ollama)", "")

    asyncio.run(run())


def test_a_slow_model_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "WARM_S", -1.0)

    async def run() -> None:
        async with chat_server(openai_answer("Hi"), openai_answer("Hi"), pages=MODELS) as server:
            facts = await probe.ask_server(llm_settings(backend="openai", url=f"http://127.0.0.1:{server.port}/v1"), 5)
            assert facts.again_s is not None

    asyncio.run(run())


def test_a_model_that_writes_nothing_is_not_awaited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TOKEN_S", 0.2)

    async def run() -> None:
        async with chat_server([None], pages=MODELS) as server:
            facts = await probe.ask_server(llm_settings(backend="openai", url=f"http://127.0.0.1:{server.port}/v1"), 5)
            assert (facts.problem, facts.first_s) == ("", None)

    asyncio.run(run())


def test_a_server_that_accepts_and_is_silent_is_given_up() -> None:
    async def run() -> None:
        left = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # until the client hangs up
            writer.close()
            left.set()

        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            facts = await probe.ask_server(llm_settings(backend="openai", url=url), 0.2)
            assert "did not answer within 0.2 s" in facts.problem
            await left.wait()

    asyncio.run(run())


def test_a_refused_key_is_the_problem() -> None:
    async def run() -> None:
        async with chat_server(Refusal(401, {"error": {"message": "bad key sk-1"}}), pages=MODELS) as server:
            facts = await probe.ask_server(llm_settings(backend="openai", url=f"http://127.0.0.1:{server.port}/v1"), 5)
            assert "refuses the API key" in facts.problem
            assert "sk-1" not in facts.problem

    asyncio.run(run())


def test_each_server_that_is_found_is_named(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    async def run() -> None:
        answers = chat_server(ollama_answer("Hi"), pages=ollama_pages(ollama_model("qwen3:4b", 2.6)))
        async with answers as ollama, serving(("LM Studio", lm_studio_pages(gemma="not-loaded"))) as (ports, _):
            monkeypatch.setattr(look, "USUAL_PORTS", ports)
            url = f"http://127.0.0.1:{ollama.port}"
            facts = await probe._ask(llm_settings(ollama_url=url), "m", no_file, False)
            (port,) = ports
            assert facts.ollama is not None
            assert (facts.ollama.model, facts.ollama.program) == ("qwen3:4b (Ollama)", "Ollama")
            assert facts.nearby == (NearbyServer("LM Studio", f"127.0.0.1:{port}", ("gemma",)),)
            found = only(server_findings(facts), "LM Studio")
            assert found.text == f"127.0.0.1:{port} has 1 language model: gemma"

    asyncio.run(run())


def test_a_server_on_its_usual_port_is_asked_under_its_name(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(openai_answer("Hi"), pages=LLAMA_CPP) as server:
            monkeypatch.setattr(look, "USUAL_PORTS", {server.port: "llama.cpp"})
            facts = await probe._ask(llm_settings(ollama_url=f"http://{nowhere}"), "m", no_file, False)
            assert states(server_findings(facts)) == {
                "llama.cpp": "passed", "embedded": "skipped"
            }  # fmt: skip

    asyncio.run(run())


def test_a_server_without_language_models_is_named_too() -> None:
    found = only(server_findings(LanguageModelFacts("auto", nearby=(NearbyServer("vLLM", "h:1", ()),))), "vLLM")
    assert (found.state, found.text) == ("skipped", "h:1 has no language model")


def test_the_embedded_model_is_not_asked() -> None:
    facts = probe.language_model_facts(llm_settings(backend="embedded"), "m", no_file, embedded_is_there=True)
    assert facts == LanguageModelFacts("embedded", embedded="m", embedded_is_there=True)
