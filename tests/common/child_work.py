"""What the children of tests/common/test_child.py do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Progress = Callable[[float], None]


class Refused(Exception):
    """An error with facts, as services of ours raise them."""

    def __init__(self, code: str, message: str, place: str) -> None:
        super().__init__(message)
        self.code, self.place = code, place


def warm_up() -> None:
    """Nothing is compiled here."""


def halve(progress: Progress, values: Any) -> Any:
    progress(0.25)
    progress(0.75)
    return values / 2


def identity(progress: Progress) -> int:
    return os.getpid()


def modules(progress: Progress) -> list[str]:
    return [name for name in ("django", "celery") if name in sys.modules]


def refuse(progress: Progress) -> None:
    raise Refused("TOO_STEEP", "Take a flatter one.", "3:4")


def fail_to_open(progress: Progress) -> None:
    raise OSError("no such file")


def spin(progress: Progress) -> None:
    """Hold the interpreter's lock in one call, as a compiled kernel does."""
    sum(range(100_000_000_000))


def take(progress: Progress, mebibytes: int) -> int:
    return int(np.ones(mebibytes << 17).sum())


def crash(progress: Progress) -> None:
    os.abort()
