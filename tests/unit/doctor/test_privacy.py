"""What a report for strangers must not hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.doctor.privacy import Private, redacted, redacted_text

ADA = Private("/home/ada", "ada", "adas-laptop", ("gpu.lovelace.example",), ("sk-1234+x",))


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("/home/ada/models/x lacks y", "~/models/x lacks y"),
        ("the user Ada on ADAS-LAPTOP", "the user USER on MACHINE"),
        ("an adapter, adamant", "an adapter, adamant"),
        ("gpu.lovelace.example:8000 does not answer", "SERVER:8000 does not answer"),
        ("key sk-1234+x is refused", "key KEY is refused"),
        ("Grace Hopper's AirPods", "USER's AirPods"),
        ("the one is Ada's AirPods", "the one is USER's AirPods"),
        ("Grace’s iPhone Microphone", "USER's iPhone Microphone"),
        ("install NVIDIA's driver", "install NVIDIA's driver"),
        ("USB Headset: Audio (hw:1,0)", "USB Headset: Audio (hw:1,0)"),
    ],
)
def test_private_words_are_replaced(text: str, reported: str) -> None:
    assert redacted_text(text, ADA) == reported


def test_short_and_common_names_stay() -> None:
    assert redacted_text("root of al at localhost", Private("", "root", "localhost")) == "root of al at localhost"
    assert redacted_text("al", Private(user="al")) == "al"


def test_all_of_a_value_is_looked_through() -> None:
    value = {"a": ["/home/ada", 1, None, True, 2.5], "ada": ("ada",), "o": {"p": object}}
    reported = redacted(value, ADA)
    assert reported == {"a": ["~", 1, None, True, 2.5], "USER": ["USER"], "o": {"p": "<class 'object'>"}}
    json.dumps(reported)


@given(st.text(), st.sampled_from(["/home/ada", "sk-1234+x", "gpu.lovelace.example"]), st.text())
def test_nothing_private_is_left_between_other_signs(before: str, secret: str, after: str) -> None:
    assert secret not in redacted_text(f"{before} {secret} {after}", ADA)
