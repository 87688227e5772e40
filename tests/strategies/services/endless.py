"""What a child does that never comes to an end: it tells of half of the work, then holds the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def warm_up() -> None:
    """Nothing is compiled here."""


def backtest(progress: Callable[[float], None], *args: Any) -> None:
    progress(0.5)
    sum(range(100_000_000_000))
