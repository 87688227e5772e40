"""Newest prices, read from the bus board. Only the feed writes them; no database knows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common.bus import bus
from markets.models import Instrument


@dataclass(frozen=True, slots=True)
class Price:
    """A last price in quote units and the market time at which it was made."""

    price: Decimal
    at: datetime


def board_name(namespace: str) -> str:
    """Return the name of the board that holds a namespace's prices: instrument id → "price|ISO time"."""
    return f"prices:{namespace}"


def latest_prices(instruments: Iterable[Instrument]) -> dict[UUID, Price]:
    """Return the newest price of each instrument that has one, in one board read per namespace.

    Instruments come with their market (as every selector of this app returns them).
    """
    wanted: dict[str, list[Instrument]] = defaultdict(list)
    for instrument in instruments:
        wanted[instrument.market.namespace].append(instrument)
    found: dict[UUID, Price] = {}
    for namespace, members in wanted.items():
        found |= prices_by_id(namespace, (instrument.id for instrument in members))
    return found


def prices_by_id(namespace: str, instrument_ids: Iterable[UUID]) -> dict[UUID, Price]:
    """Return the newest prices of a namespace's instruments, of those that have one."""
    cells = bus().board_get(board_name(namespace), [str(key) for key in instrument_ids])
    return {UUID(key): parse_price(cell) for key, cell in cells.items()}


def plain_prices(namespace: str, instrument_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the newest prices of a namespace's instruments as plain decimal text: for lists that sort thousands."""
    cells = bus().board_get(board_name(namespace), map(str, instrument_ids))
    return {UUID(key): cell.partition("|")[0] for key, cell in cells.items()}


def price_cells(prices: Mapping[str, str], at: datetime) -> dict[str, str]:
    """Return the board's cells for prices (instrument id → plain decimal text) that were all made at `at`."""
    moment = at.isoformat()
    return {key: f"{price}|{moment}" for key, price in prices.items()}


def put_prices(namespace: str, prices: Mapping[str, str], at: datetime) -> None:
    """Write prices on the board without telling anybody; the feed's steps do both (feed.py: apply_step)."""
    bus().board_put(board_name(namespace), price_cells(prices, at))


def parse_price(cell: str) -> Price:
    """Return what one cell of the board says."""
    price, _, moment = cell.partition("|")
    return Price(Decimal(price), datetime.fromisoformat(moment))
