"""What passes between those who watch a scanner and the one process that scans: two boards, read by everybody.

Scanners are wanted for a while and say what they found last. The figures are floats: nothing settles on them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict

from common.bus import bus
from common.clock import wall_now
from common.errors import NotFound
from markets.models import Exchange, Instrument, SourceKind

WANTED, FOUND = "scanners-wanted", "scanners-found"
# Longer than a page that stays open lets pass between two renewals (common/realtime.py: KEEP_SECONDS).
WANTED_SECONDS = 60.0
# What was found longer ago than this is shown as such.
STALE_SECONDS = 15.0
# Over how many of the newest minutes a move is measured.
WINDOWS = (5, 15, 60)


class Scanner(StrEnum):
    """The scanners there are, by their names in addresses and topics."""

    SPREADS = "spreads"
    TRIANGLES = "triangles"
    MOVERS = "movers"


class Leg(TypedDict):
    """One trade of an opportunity; `side` is BUY or SELL (the base)."""

    side: str
    instrument: str
    market: str
    exchange: str
    exchange_name: str


class Opportunity(TypedDict):
    """What pays after taker fees if every leg is traded at once, or (a near miss) what comes nearest to it.

    `size`, what goes in, and `profit` are in units of `asset`; `quantity` is in base units of a spread's market; None for
    a near miss, as are age and decay. `age_ms` is for how long each scan has found it; `shrunk_ratio` what it has lost of
    its best profit; `half_life_ms` in how long it loses half, going on like that (None: it does not shrink).
    """

    key: str
    namespace: str
    kind: str
    legs: list[Leg]
    asset: str
    size: float | None
    quantity: float | None
    profit: float | None
    profit_bps: float
    age_ms: int | None
    shrunk_ratio: float | None
    half_life_ms: int | None


class Window(TypedDict):
    """An instrument over the newest minutes: the move, how many times its usual move that is, and the same of its volume.

    None where nothing is usual yet.
    """

    change_ratio: float
    score: float | None
    volume_multiple: float | None


class Mover(TypedDict):
    """An instrument that was looked at; `windows` by their length in minutes, `turnover` (quote units) of the last hour."""

    key: str
    namespace: str
    kind: str
    instrument: str
    market: str
    exchange: str
    exchange_name: str
    quote: str
    price: float
    turnover: float
    windows: dict[str, Window]


class Found(TypedDict):
    """What one scan found, best first. `looked_at` counts books or instruments, `fresh` those that could be used."""

    at: str
    rows: list[Any]
    nearest: Opportunity | None
    looked_at: int
    fresh: int


def known_scanner(name: str) -> Scanner:
    """Return a scanner by its name; raise NotFound for any other."""
    if name not in Scanner.__members__.values():
        raise NotFound("scanner")
    return Scanner(name)


def want(names: Sequence[str]) -> None:
    """Have these scanners run for a while from now."""
    until = (wall_now() + timedelta(seconds=WANTED_SECONDS)).isoformat()
    if wanted := {str(known_scanner(name)): until for name in names}:
        bus().board_put(WANTED, wanted)


def wanted_scanners() -> set[Scanner]:
    """Return the scanners that somebody watches now."""
    now = wall_now()
    cells = bus().board_get(WANTED)
    return {Scanner(name) for name, until in cells.items() if datetime.fromisoformat(until) > now}


def put_found(scanner: Scanner, found: Found) -> None:
    """Write down what a scan found, for everybody."""
    bus().board_put(FOUND, {str(scanner): json.dumps(found, separators=(",", ":"))})


def latest_found(scanner: Scanner) -> Found | None:
    """Return what a scanner found last, however long ago; None where it never ran."""
    cell = bus().board_get(FOUND, [str(scanner)]).get(str(scanner))
    found: Found | None = None if cell is None else json.loads(cell)
    return found


def is_stale(found: Found) -> bool:
    """Return whether the scanner that found this no longer looks."""
    return wall_now() - datetime.fromisoformat(found["at"]) > timedelta(seconds=STALE_SECONDS)


def kind_of(exchange: Exchange) -> str:
    """Return what is to be said of an exchange's prices: SANDBOX, SIMULATED, REPLAY, or "" for real ones."""
    if exchange.is_sandbox:
        return "SANDBOX"
    return "" if exchange.source_kind == SourceKind.REAL else str(exchange.source_kind)


def leg(side: str, instrument: Instrument) -> Leg:
    """Return one trade of an opportunity."""
    return Leg(
        side=side,
        instrument=str(instrument.pk),
        market=str(instrument.market),
        exchange=instrument.exchange.code,
        exchange_name=instrument.exchange.name,
    )
