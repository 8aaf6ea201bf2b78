from __future__ import annotations

import pytest

from tests.conversation.stage import Talk


@pytest.fixture
def talk() -> Talk:
    return Talk()
