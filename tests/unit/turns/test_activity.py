"""Changes that wait until no turn is alive."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from voicecli.turns.activity import IdleChanges


@given(st.lists(st.sampled_from(["change", "look", "busy", "settled"])))
def test_changes_keep_their_order_and_are_made_only_at_rest(actions: list[str]) -> None:
    settled, asked = True, 0
    made: list[int] = []
    rest = IdleChanges(lambda: settled)

    def change(number: int) -> None:
        assert settled
        made.append(number)

    for action in actions:
        if action == "change":
            rest.apply_when_idle(partial(change, asked))
            asked += 1
        elif action == "look":
            rest.apply_if_idle()
        else:
            settled = action == "settled"
    settled = True
    rest.apply_if_idle()
    assert made == list(range(asked))
