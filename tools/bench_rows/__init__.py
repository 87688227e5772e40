"""The numbers we promise, one small function each. A module of this package registers its rows with @row.

@row("replay", what="20,000 candles, 100 followers, PostgreSQL", unit="s", target=at_most(180), services=True)
def replay(environment: Mapping[str, str]) -> Measurement:
    return Measurement([timed(...) for _ in range(3)])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Measurement:
    """What one row measured, in the row's unit: a value per repetition, and the peer or limit of the same run."""

    values: Sequence[float]
    peer: float | None = None
    # One line under the table, for what does not fit into a number.
    note: str = ""

    @property
    def median(self) -> float:
        """Return the middle of the repetitions, which one noisy neighbour does not move."""
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        """Return measured / peer; None without a peer."""
        return self.median / self.peer if self.peer else None


@dataclass(frozen=True)
class Target:
    """The promise: a bound on the median itself or on its ratio to the peer."""

    bound: float
    sense: Literal["at most", "at least"]
    of: Literal["median", "ratio"] = "median"

    def is_met(self, measurement: Measurement) -> bool:
        """Compare; a promised ratio without a peer to measure against is not met."""
        measured = measurement.ratio if self.of == "ratio" else measurement.median
        if measured is None:
            return False
        return measured <= self.bound if self.sense == "at most" else measured >= self.bound


def at_most(bound: float, of: Literal["median", "ratio"] = "median") -> Target:
    """Promise no more than this."""
    return Target(bound, "at most", of)


def at_least(bound: float, of: Literal["median", "ratio"] = "median") -> Target:
    """Promise no less than this."""
    return Target(bound, "at least", of)


Measure = Callable[[Mapping[str, str]], Measurement]


@dataclass(frozen=True)
class Row:
    """One line of the table. `measure` gets the environment for the commands it starts."""

    name: str
    what: str
    unit: str
    target: Target
    measure: Measure
    services: bool
    # Too long for every day: measured only when it is named.
    only_by_name: bool


ROWS: dict[str, Row] = {}


def row(
    name: str, *, what: str, unit: str, target: Target, services: bool = False, only_by_name: bool = False
) -> Callable[[Measure], Measure]:
    """Register a row; `services` asks for a PostgreSQL and a Redis that care for the disk as in production."""

    def register(measure: Measure) -> Measure:
        if name in ROWS:
            raise ValueError(f"Two bench rows are called {name}.")
        ROWS[name] = Row(name, what, unit, target, measure, services, only_by_name)
        return measure

    return register
