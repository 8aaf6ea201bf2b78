"""What all tables of the settings have in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]

_ENTRY = re.compile(r"(?P<key>[a-z]{2,3})\s*=\s*(?P<value>[^,=\s]+)")


def as_table(value: object) -> object:
    """A table that is written as text: "fr=ff_siwis,es=em_alex". Anything else stays as it is. Raises ValueError."""
    if not isinstance(value, str):
        return value
    entries = [_ENTRY.fullmatch(part.strip()) for part in value.split(",") if part.strip()]
    if any(entry is None for entry in entries):
        raise ValueError("a table is written key=value,key=value")
    return {entry["key"]: entry["value"] for entry in entries if entry is not None}


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
