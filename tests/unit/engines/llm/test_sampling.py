from __future__ import annotations

from tests.contract.chat_servers import llm_settings
from voicecli.engines.llm.sampling import TEMPERATURE, penalty_field, with_sampling
from voicecli.types import Sampling

OPEN = llm_settings(temperature=-1.0, repeat_penalty=0.0)


def test_what_is_left_open_suits_the_model() -> None:
    settings = with_sampling(OPEN, Sampling(0.0, 1.1))
    assert (settings.temperature, settings.repeat_penalty) == (0.0, 1.1)
    settings = with_sampling(OPEN, Sampling())
    assert (settings.temperature, settings.repeat_penalty) == (TEMPERATURE, 1.0)


def test_what_the_user_has_set_wins() -> None:
    settings = with_sampling(llm_settings(temperature=0.0, repeat_penalty=1.0), Sampling(0.7, 1.2))
    assert (settings.temperature, settings.repeat_penalty) == (0.0, 1.0)


def test_a_server_gets_the_penalty_only_where_it_does_something() -> None:
    assert penalty_field(with_sampling(OPEN, Sampling())) == penalty_field(OPEN) == {}
    assert penalty_field(with_sampling(OPEN, Sampling(None, 1.1))) == {"repeat_penalty": 1.1}
