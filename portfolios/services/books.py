"""What trading does to a book: reserve, release, book fills. Each works on a whole batch, in a constant number of statements.

The caller holds the locks of the portfolios concerned (`lock_portfolios`): they guard balances, positions and fill numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common.db import bulk_update, insert_values, lock_rows
from engine.decimals import ZERO
from engine.positions import PositionState, apply_fill, closed_fraction
from markets.models import Instrument
from portfolios.models import Balance, BookingKind, LedgerAccount, LedgerLine, Portfolio, Position


@dataclass(frozen=True, slots=True)
class FillBooking:
    """A fill as the books see it: signed quantity `change` in base units, `price` and `fee` in quote units.

    `release` frees what was promised to it: quote units for a purchase, base units for a sale.
    """

    fill_id: UUID
    portfolio_id: UUID
    instrument: Instrument
    change: Decimal
    price: Decimal
    fee: Decimal
    release: Decimal
    happened_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """What a fill did: its number in the portfolio, the part of the position it closed (0–1), and what is held afterwards."""

    number: int
    closed_fraction: Decimal
    held: Decimal


def lock_portfolios(ids: Iterable[UUID]) -> dict[UUID, Portfolio]:
    """Lock the portfolios in primary-key order and return them by id."""
    return {one.pk: one for one in lock_rows(Portfolio.objects.filter(pk__among=set(ids)))}


@dataclass(frozen=True, slots=True)
class Reservation:
    """An amount of an asset to promise (positive) or to release (negative)."""

    portfolio_id: UUID
    asset_id: str
    amount: Decimal


def reserve(reservations: Sequence[Reservation]) -> None:
    """Promise or release amounts on the balance rows; the database refuses to promise what is not there."""
    if not reservations:
        return
    book = _Balances({one.portfolio_id for one in reservations}, {one.asset_id for one in reservations})
    for one in reservations:
        book.change(one.portfolio_id, one.asset_id, reserved=one.amount)
    book.save()


def book_fills(portfolios: dict[UUID, Portfolio], bookings: Sequence[FillBooking]) -> dict[UUID, Booked]:
    """Book fills in the given order: balances, positions, ledger and numbers; return what each did, by fill id."""
    ids = {one.portfolio_id for one in bookings}
    assets = {asset for one in bookings for asset in (one.instrument.market.base_id, one.instrument.market.quote_id)}
    balances = _Balances(ids, assets)
    positions = _Positions(ids, {one.instrument.pk for one in bookings})
    lines: list[tuple[object, ...]] = []
    booked: dict[UUID, Booked] = {}
    for one in bookings:
        portfolio = portfolios[one.portfolio_id]
        portfolio.fill_count += 1
        before, after = positions.apply(one)
        booked[one.fill_id] = Booked(portfolio.fill_count, closed_fraction(before, one.change), after)
        _move_balances(balances, one)
        lines += _lines(one)
    balances.save()
    positions.save()
    insert_values(LedgerLine, _LINE, lines)
    bulk_update(Portfolio, [portfolios[pk] for pk in ids], ["fill_count"])
    return booked


def _move_balances(balances: _Balances, one: FillBooking) -> None:
    market, spent = one.instrument.market, one.change * one.price + one.fee
    # What was promised to this fill is spent now: a purchase promised quote units, a sale base units.
    of_base, of_quote = (ZERO, one.release) if one.change > 0 else (one.release, ZERO)
    balances.change(one.portfolio_id, market.base_id, amount=one.change, reserved=-of_base)
    balances.change(one.portfolio_id, market.quote_id, amount=-spent, reserved=-of_quote)


_LINE = ("booking_id", "kind", "portfolio", "account", "asset", "amount", "happened_at", "recorded_at")


def _lines(one: FillBooking) -> list[tuple[object, ...]]:
    """Return the booking of a fill: both assets change hands with the market, the fee leaves; each asset sums to zero."""
    market, value = one.instrument.market, one.change * one.price
    base, quote = market.base_id, market.quote_id
    sides = (
        (LedgerAccount.HOLDINGS, base, one.change),
        (LedgerAccount.MARKET, base, -one.change),
        (LedgerAccount.HOLDINGS, quote, -value - one.fee),
        (LedgerAccount.MARKET, quote, value),
        (LedgerAccount.FEES, quote, one.fee),
    )
    head, times = (one.fill_id, BookingKind.FILL, one.portfolio_id), (one.happened_at, one.recorded_at)
    return [(*head, account, asset, amount, *times) for account, asset, amount in sides if amount]


@dataclass(slots=True)
class _BalanceRow:
    """A balance as a batch needs it; `id` is None until it is stored. (Instances of the model would cost three times as much.)"""

    id: int | None
    portfolio_id: UUID
    asset_id: str
    amount: Decimal
    reserved: Decimal


class _Balances:
    """The balance rows of a batch: read at once, changed in memory under the portfolios' locks, written at once."""

    def __init__(self, portfolio_ids: set[UUID], asset_ids: set[str]) -> None:
        found = Balance.objects.filter(portfolio_id__among=portfolio_ids, asset_id__in=asset_ids)
        rows = found.values_list("id", "portfolio_id", "asset_id", "amount", "reserved")
        self._rows = {(row[1], row[2]): _BalanceRow(*row) for row in rows}
        self._touched: dict[tuple[UUID, str], _BalanceRow] = {}

    def change(self, portfolio_id: UUID, asset_id: str, *, amount: Decimal = ZERO, reserved: Decimal = ZERO) -> None:
        """Add to what is held, and to what of it is promised."""
        key = (portfolio_id, asset_id)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = _BalanceRow(None, portfolio_id, asset_id, ZERO, ZERO)
        row.amount += amount
        row.reserved += reserved
        self._touched[key] = row

    def save(self) -> None:
        touched = self._touched.values()
        news = [(row.portfolio_id, row.asset_id, row.amount, row.reserved) for row in touched if row.id is None]
        insert_values(Balance, ("portfolio", "asset", "amount", "reserved"), news)
        bulk_update(Balance, [row for row in touched if row.id is not None], ["amount", "reserved"])


@dataclass(slots=True)
class _PositionRow:
    """A position, likewise."""

    id: int | None
    portfolio_id: UUID
    instrument_id: UUID
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees_paid: Decimal = ZERO


_STATE = ("quantity", "cost", "realized_pnl", "fees_paid")


class _Positions:
    """The position rows of a batch, likewise."""

    def __init__(self, portfolio_ids: set[UUID], instrument_ids: set[UUID]) -> None:
        found = Position.objects.filter(portfolio_id__among=portfolio_ids, instrument_id__in=instrument_ids)
        rows = found.values_list("id", "portfolio_id", "instrument_id", *_STATE)
        self._rows = {(row[1], row[2]): _PositionRow(*row) for row in rows}
        self._touched: dict[tuple[UUID, UUID], _PositionRow] = {}

    def apply(self, one: FillBooking) -> tuple[Decimal, Decimal]:
        """Move the position by a fill and return its quantity before and after."""
        key = (one.portfolio_id, one.instrument.pk)
        row = self._touched[key] = self._rows.setdefault(key, _PositionRow(None, *key))
        before = PositionState(row.quantity, row.cost, row.realized_pnl, row.fees_paid)
        after = apply_fill(before, change=one.change, price=one.price, fee=one.fee)
        for name in _STATE:
            setattr(row, name, getattr(after, name))
        return before.quantity, after.quantity

    def save(self) -> None:
        touched = self._touched.values()
        news = [
            (row.portfolio_id, row.instrument_id, *(getattr(row, name) for name in _STATE))
            for row in touched
            if row.id is None
        ]
        insert_values(Position, ("portfolio", "instrument", *_STATE), news)
        bulk_update(Position, [row for row in touched if row.id is not None], _STATE)
