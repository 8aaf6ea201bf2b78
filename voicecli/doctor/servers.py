"""The language model: a server, Ollama or the embedded model. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.doctor.finding import Finding, State
from voicecli.settings.backends import Backend

WARM_S = 1.0
"""Longest time to the first token of a warm model. SmolLM2-135M with a cached prompt needs up to 0.12 s on two busy
cores, without it up to 2.1 s, and loading a model takes seconds. A slower server gets a second request."""

LONGEST_PROBLEM = 160
"""Characters of a problem that are shown: Ollama's message lists all of its models."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server, after up to two requests for one token."""

    where: str  # host and port
    is_here: bool  # on this machine
    model: str = ""  # name on the screen, host included
    problem: str = ""  # why it cannot be used; empty: it answered
    hint: str = ""
    limit_s: float = 0.0  # timeout of a request
    first_s: float | None = None  # time to the token; None: timeout
    again_s: float | None = None  # second request; None: not needed, or timeout
    program: str = ""  # such as "LM Studio"; empty: unknown


@dataclass(frozen=True, slots=True)
class NearbyServer:
    """A server that was found on this machine and is not used."""

    program: str
    where: str  # host and port
    models: tuple[str, ...]  # its language models


@dataclass(frozen=True, slots=True)
class LanguageModelFacts:
    """The language models that the settings allow. None: not queried, because another one is used."""

    backend: Backend
    server: ServerFacts | None = None  # OpenAI's protocol
    ollama: ServerFacts | None = None
    nearby: tuple[NearbyServer, ...] = ()
    embedded: str = ""  # name of the embedded model
    embedded_is_there: bool = False
    has_url: bool = False

    @property
    def answering(self) -> list[ServerFacts]:
        """The servers that can be used."""
        return [one for one in (self.server, self.ollama) if one and not one.problem]


def server_findings(facts: LanguageModelFacts) -> list[Finding]:
    """Return a finding for each possible back end, in the order in which `auto` tries them."""
    lines = []
    if facts.backend == "openai" and not facts.has_url:
        lines.append(
            Finding("server", "failed", "llm.url is empty", "set it, such as --llm-url http://127.0.0.1:30000/v1")
        )
    if facts.server:
        lines.append(
            _server(facts.server.program or "server", facts.server, "failed" if facts.backend == "openai" else "warned")
        )
    if facts.ollama:
        lines.append(_server("Ollama", facts.ollama, "failed" if facts.backend == "ollama" else "skipped"))
    lines += [_nearby(server) for server in facts.nearby]
    if facts.backend in ("auto", "embedded"):
        lines.append(_embedded(facts))
    return lines


def _nearby(server: NearbyServer) -> Finding:
    count = len(server.models)
    models = f"{count} language model{'' if count == 1 else 's'}" if count else "no language model"
    named = f": {', '.join(server.models)}" if count else ""
    text = truncated(f"{server.where} has {models}{named}")
    return Finding(server.program, "skipped", text, facts={"where": server.where, "models": list(server.models)})


def _server(name: str, facts: ServerFacts, gravity: State) -> Finding:
    reported = {
        "where": facts.where,
        "on this machine": facts.is_here,
        "model": facts.model,
        "first token s": facts.first_s,
        "again s": facts.again_s,
        "problem": facts.problem,
    }
    if facts.problem:
        return Finding(
            name,
            gravity,
            truncated(facts.problem),
            "" if gravity == "skipped" else facts.hint or "see the log of the server",
            reported,
        )
    about = facts.model
    if facts.first_s is None:
        advice = "it may be busy or loading the model: try again in a minute, or raise its keep-alive"
        return Finding(
            name, "warned", f"{about}: connected, but no token within {facts.limit_s:.0f} s", advice, reported
        )
    if facts.first_s <= WARM_S:
        return Finding(name, "passed", f"{about}: warm, one token in {facts.first_s:.2f} s", facts=reported)
    if facts.again_s is not None and facts.again_s <= WARM_S:
        text = f"{about}: was cold ({facts.first_s:.1f} s), now warm: one token in {facts.again_s:.2f} s"
        return Finding(name, "passed", text, facts=reported)
    slow_s = facts.first_s if facts.again_s is None else facts.again_s
    advice = "try a smaller model; the machine may be busy, or the network slow"
    return Finding(name, "warned", f"{about}: slow, one token takes {slow_s:.1f} s", advice, reported)


def truncated(problem: str) -> str:
    """Return the problem, cut to one or two lines."""
    return problem if len(problem) <= LONGEST_PROBLEM else f"{problem[:LONGEST_PROBLEM]}..."


def _embedded(facts: LanguageModelFacts) -> Finding:
    reported = {"model": facts.embedded, "there": facts.embedded_is_there}
    others = facts.answering
    if others:
        return Finding("embedded", "skipped", f"not needed: {others[0].where} answers", facts=reported)
    if not facts.embedded_is_there:
        text = f"nothing else answers, and {facts.embedded} is not fully downloaded"
        advice = f"voicecli download-models {facts.embedded}, or --llm-url URL of a server"
        return Finding("embedded", "failed", text, advice, reported)
    why = "chosen" if facts.backend == "embedded" else "nothing else answers"
    return Finding("embedded", "passed", f"{facts.embedded}, in this process ({why})", facts=reported)
