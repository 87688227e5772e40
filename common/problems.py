"""The codes that a refusal can have: the list that is gathered from the source by tools/problem_codes.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Relative, so that it leads to the platform that refused.
ADDRESS = "/api/v1/problems/"


@dataclass(frozen=True, slots=True)
class Known:
    """A code, the HTTP status that it comes with, and what to do; … stands for a fact of the case."""

    code: str
    status: int
    sentence: str


@cache
def known_problems() -> dict[str, Known]:
    found = json.loads((Path(__file__).parent / "problem_codes.json").read_text())
    return {code: Known(code, **facts) for code, facts in found.items()}


def type_of(code: str) -> str:
    """Return the address that explains a code (the `type` of RFC 9457)."""
    return f"{ADDRESS}{code}/"
