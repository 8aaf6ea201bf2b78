"""Bytes, messages, doors and limits."""

from __future__ import annotations

import asyncio
import contextlib
from typing import get_args

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from voicecli.errors import SettingsError
from voicecli.server.access import Access, AccessMiddleware, check_binding
from voicecli.server.sessions import Full, Metrics, Sessions, capacity
from voicecli.server.stt.protocol import (
    Cancel,
    Flush,
    ProtocolError,
    SampleFormat,
    SampleReader,
    Start,
    Stop,
    parse_request,
)
from voicecli.server.websocket import RateLimit


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8), st.sampled_from(get_args(SampleFormat)))
def test_samples_do_not_hang_on_where_messages_end(data: bytes, cuts: list[int], sample_format: SampleFormat) -> None:
    whole = SampleReader(sample_format).read(data)
    reader, edges = SampleReader(sample_format), [0, *sorted(cuts), len(data)]
    parts = [reader.read(data[begin:end]) for begin, end in zip(edges, edges[1:], strict=False)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_floats_are_clipped_and_what_is_no_number_is_silent() -> None:
    samples = np.array([0, 1, -1, 2, -2, np.nan, np.inf, -np.inf], "<f4")
    assert SampleReader("f32le").read(samples.tobytes()).tolist() == [0, 32767, -32767, 32767, -32767, 0, 32767, -32767]


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"type":"start"}', Start()),
        ('{"type":"start","sample_rate_hz":8000}', Start(sample_rate_hz=8000)),
        ('{"type":"start","hotwords":["Kokoro"]}', Start(hotwords=("Kokoro",))),
        ('{"type":"flush"}', Flush(type="flush")),
        ('{"type":"cancel"}', Cancel(type="cancel")),
        ('{"type":"stop"}', Stop(type="stop")),
    ],
)  # fmt: skip
def test_messages(text: str, request_: object) -> None:
    assert parse_request(text) == request_


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "JSON"),
        ("[]", "message"),
        ('{"type":"begin"}', "start"),
        ('{"type":"start","sample_rate_hz":7999}', "sample_rate_hz"),
        ('{"type":"start","format":"mp3"}', "format"),
        ('{"type":"start","langauge":"en"}', "langauge"),
        ('{"type":"flush","now":true}', "now"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(text: str, named: str) -> None:
    with pytest.raises(ProtocolError, match=named) as caught:
        parse_request(text)
    assert caught.value.code == "bad_message"


@given(st.text(max_size=60))
def test_any_text_is_a_request_or_a_protocol_error(text: str) -> None:
    with contextlib.suppress(ProtocolError):
        parse_request(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_this_machine_needs_no_key(host: str) -> None:
    check_binding(host, Access(), insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "a-machine.example"])
def test_others_need_one_or_an_open_door(host: str) -> None:
    with pytest.raises(SettingsError, match="no key") as caught:
        check_binding(host, Access(), insecure=False)
    assert "--insecure" in caught.value.hint
    check_binding(host, Access("key"), insecure=False)
    check_binding(host, Access(), insecure=True)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("authorization", "Bearer abc", 204),
        ("authorization", "bearer  abc ", 204),
        ("x-api-key", "abc", 204),
        ("sec-websocket-protocol", "voicecli, voicecli-key.abc", 204),
        ("authorization", "Basic abc", 401),
        ("x-api-key", "abcd", 401),
    ],
)
def test_where_a_key_may_be(header: str, value: str, status: int) -> None:
    async def request() -> int:
        app = AccessMiddleware(Response(status_code=204), Access("abc"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
            return (await client.get("/v1/models", headers={header: value})).status_code

    assert asyncio.run(request()) == status


@pytest.mark.parametrize(("final_s", "sessions"), [(0.1, 20), (0.2, 10), (0.25, 8), (1.5, 1), (9.0, 1)])
def test_as_many_sessions_as_finals_fit_in_two_seconds(final_s: float, sessions: int) -> None:
    assert capacity(final_s) == sessions


def test_who_is_one_too_many_is_refused_until_somebody_leaves() -> None:
    sessions = Sessions(1, Metrics())
    with sessions.slot():
        with pytest.raises(Full, match="all 1 sessions"), sessions.slot():
            pass
        assert sessions.active == 1
    with sessions.slot():
        pass


@given(st.lists(st.floats(0, 0.2), max_size=300))
def test_nobody_sends_more_than_a_second_s_worth_beyond_the_rate(gaps_s: list[float]) -> None:
    now_s = 0.0
    rate_limit, allowed = RateLimit(10, lambda: now_s), 0
    for gap_s in gaps_s:
        now_s += gap_s
        if not rate_limit.allow():
            break
        allowed += 1
    assert allowed <= 10 + 10 * now_s + 1e-6
    assert allowed == len(gaps_s) or allowed >= 10
