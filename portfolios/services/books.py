"""What trading does to a book: reserve, release, book fills. Each works on a whole batch, in a constant number of statements.

The caller holds the locks of the portfolios concerned (`lock_portfolios`): they guard balances, positions and fill numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common.db import bulk_insert, bulk_save, bulk_update, lock_rows
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
    return {one.pk: one for one in lock_rows(Portfolio.objects.filter(pk__in=set(ids)))}


@dataclass(frozen=True, slots=True)
class Reservation:
    """An amount of an asset to promise (positive) or to release (negative)."""

    portfolio_id: UUID
    asset_id: str
    amount: Decimal


def reserve(reservations: Sequence[Reservation]) -> None:
    """Promise or release amounts on the balance rows; the database refuses to promise what is not there."""
    book = _Balances({one.portfolio_id for one in reservations}, {one.asset_id for one in reservations})
    for one in reservations:
        book.row(one.portfolio_id, one.asset_id).reserved += one.amount
        book.touch(one.portfolio_id, one.asset_id)
    book.save()


def book_fills(portfolios: dict[UUID, Portfolio], bookings: Sequence[FillBooking]) -> dict[UUID, Booked]:
    """Book fills in the given order: balances, positions, ledger and numbers; return what each did, by fill id."""
    ids = {one.portfolio_id for one in bookings}
    assets = {asset for one in bookings for asset in (one.instrument.market.base_id, one.instrument.market.quote_id)}
    balances = _Balances(ids, assets)
    positions = _Positions(ids, {one.instrument.pk for one in bookings})
    lines: list[LedgerLine] = []
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
    bulk_insert(LedgerLine, lines)
    bulk_update(Portfolio, [portfolios[pk] for pk in ids], ["fill_count"])
    return booked


def _move_balances(balances: _Balances, one: FillBooking) -> None:
    market = one.instrument.market
    base, quote = balances.row(one.portfolio_id, market.base_id), balances.row(one.portfolio_id, market.quote_id)
    base.amount += one.change
    quote.amount -= one.change * one.price + one.fee
    # What was promised to this fill is spent now: a purchase promised quote units, a sale base units.
    (quote if one.change > 0 else base).reserved -= one.release
    balances.touch(one.portfolio_id, market.base_id)
    balances.touch(one.portfolio_id, market.quote_id)


def _lines(one: FillBooking) -> list[LedgerLine]:
    """Return the booking of a fill: both assets change hands with the market, the fee leaves; each asset sums to zero."""
    market, value = one.instrument.market, one.change * one.price
    sides = [
        (LedgerAccount.HOLDINGS, market.base_id, one.change),
        (LedgerAccount.MARKET, market.base_id, -one.change),
        (LedgerAccount.HOLDINGS, market.quote_id, -value - one.fee),
        (LedgerAccount.MARKET, market.quote_id, value),
        (LedgerAccount.FEES, market.quote_id, one.fee),
    ]
    return [
        LedgerLine(
            booking_id=one.fill_id,
            kind=BookingKind.FILL,
            portfolio_id=one.portfolio_id,
            account=account,
            asset_id=asset,
            amount=amount,
            happened_at=one.happened_at,
            recorded_at=one.recorded_at,
        )
        for account, asset, amount in sides
        if amount
    ]


class _Balances:
    """The balance rows of a batch: read at once, changed in memory under the portfolios' locks, written at once."""

    def __init__(self, portfolio_ids: set[UUID], asset_ids: set[str]) -> None:
        rows = Balance.objects.filter(portfolio_id__in=portfolio_ids, asset_id__in=asset_ids)
        self._rows = {(row.portfolio_id, row.asset_id): row for row in rows}
        self._touched: set[tuple[UUID, str]] = set()

    def row(self, portfolio_id: UUID, asset_id: str) -> Balance:
        key = (portfolio_id, asset_id)
        if key not in self._rows:
            self._rows[key] = Balance(portfolio_id=portfolio_id, asset_id=asset_id, amount=ZERO, reserved=ZERO)
        return self._rows[key]

    def touch(self, portfolio_id: UUID, asset_id: str) -> None:
        self._touched.add((portfolio_id, asset_id))

    def save(self) -> None:
        bulk_save(Balance, [self._rows[key] for key in self._touched], ["amount", "reserved"])


class _Positions:
    """The position rows of a batch, likewise."""

    def __init__(self, portfolio_ids: set[UUID], instrument_ids: set[UUID]) -> None:
        rows = Position.objects.filter(portfolio_id__in=portfolio_ids, instrument_id__in=instrument_ids)
        self._rows = {(row.portfolio_id, row.instrument_id): row for row in rows}
        self._touched: dict[tuple[UUID, UUID], Position] = {}

    def apply(self, one: FillBooking) -> tuple[Decimal, Decimal]:
        """Move the position by a fill and return its quantity before and after."""
        key = (one.portfolio_id, one.instrument.pk)
        row = self._rows.setdefault(key, Position(portfolio_id=key[0], instrument_id=key[1]))
        before = PositionState(row.quantity, row.cost, row.realized_pnl, row.fees_paid)
        after = apply_fill(before, change=one.change, price=one.price, fee=one.fee)
        row.quantity, row.cost, row.realized_pnl, row.fees_paid = (
            after.quantity,
            after.cost,
            after.realized_pnl,
            after.fees_paid,
        )
        self._touched[key] = row
        return before.quantity, after.quantity

    def save(self) -> None:
        bulk_save(Position, list(self._touched.values()), ["quantity", "cost", "realized_pnl", "fees_paid"])
