"""The words in which node types are declared: common ports, and how many candles an average remembers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.strategy.types import Kind, Numbers, Port

MAX_PERIOD = 10_000
TALIB = "TA-Lib"

# What weighs less than 4e-11 of a value is forgotten: (1 − 2/(n+1))^(12 n) and (1 − 1/n)^(24 n) are both about that.
EXPONENTIAL_PERIODS = 12
WILDER_PERIODS = 24


@dataclass(frozen=True, slots=True)
class Part:
    """The compute of a node type that is one output of a function with several: evaluation calls `of` once for all."""

    of: Callable[..., tuple[Any, ...]]
    index: int

    def __call__(self, context: Any, **ports: Any) -> Any:
        return self.of(context, **ports)[self.index]


def series(name: str = "series", doc: str = "the values") -> Port:
    """Declare an input of numbers."""
    return Port(name, Kind.SERIES, doc)


def condition(name: str = "condition", doc: str = "yes or no") -> Port:
    """Declare an input of yes and no."""
    return Port(name, Kind.CONDITION, doc)


def period(
    name: str = "period", default: int | None = None, minimum: int = 2, doc: str = "candles", maximum: int = MAX_PERIOD
) -> Port:
    """Declare a number of candles."""
    return Port(name, Kind.NUMBER, doc, default, minimum, maximum, integer=True)


def number(name: str, default: float | None, minimum: float, maximum: float, doc: str) -> Port:
    """Declare a single number."""
    return Port(name, Kind.NUMBER, doc, default, minimum, maximum)


def choice(name: str, choices: tuple[str, ...], doc: str, default: str | None = None) -> Port:
    """Declare a word out of a list."""
    return Port(name, Kind.CHOICE, doc, default, choices=choices)


def window(name: str = "period", offset: int = -1) -> Callable[[Numbers], int]:
    """Return the warm-up of what needs `period` + 1 + offset values."""
    return lambda numbers: int(numbers[name]) + offset


def exponential(numbers: Numbers) -> int:
    """Return how long an exponential average of `period` remembers."""
    return EXPONENTIAL_PERIODS * int(numbers["period"])


def wilder(numbers: Numbers) -> int:
    """Return how long Wilder's average of `period` remembers."""
    return WILDER_PERIODS * int(numbers["period"])


def forgetting(weight: float, share: float = 1e-10) -> int:
    """Return after how many values an average of this weight has forgotten all but `share`."""
    return math.ceil(math.log(share) / math.log(1.0 - weight))
