"""What trading does to a book: reserve, release, hold, book fills. Each works on a whole batch, in a constant number of statements.

The caller holds the locks of the portfolios concerned (`lock_portfolios`): they guard balances, positions and fill numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from common.clock import wall_now
from common.db import Slot, bulk_update, insert_values, lock_rows, locking
from common.ids import new_id
from common.prepared import Prepared
from engine.decimals import ZERO
from engine.margin import Settled, settle
from engine.positions import PositionState, apply_fill, closed_fraction
from markets.models import Instrument
from portfolios.margin_models import MarginMode
from portfolios.models import Balance, BookingKind, LedgerAccount, LedgerLine, Portfolio, Position


@dataclass(frozen=True, slots=True)
class FillBooking:
    """A fill as the books see it: signed quantity `change` in base units, `price` and `fee` in quote units.

    `release` frees what was promised to it: quote units for a purchase and for any open on margin, base units for a sale.
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


_LOCKED = Prepared(lambda: locking(Portfolio.objects.filter(pk__among=Slot("ids"))))


def lock_portfolios(ids: Iterable[UUID] | QuerySet[Any, Any]) -> dict[UUID, Portfolio]:
    """Lock the portfolios, of which ids or a query of them are given, in primary-key order and return them by id."""
    if isinstance(ids, QuerySet):
        return {one.pk: one for one in lock_rows(Portfolio.objects.filter(pk__in=ids))}
    return {one.pk: one for one in _LOCKED.found(ids=set(ids))}


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
    holdings = Holdings({one.portfolio_id for one in reservations}, {one.asset_id for one in reservations})
    for one in reservations:
        holdings.change(one.portfolio_id, one.asset_id, reserved=one.amount)
    holdings.save()


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount of an asset that a resting order begins to hold (positive) or lets go (negative)."""

    order_id: UUID
    portfolio_id: UUID
    asset_id: str
    amount: Decimal
    happened_at: datetime


def book_holds(holds: Sequence[Hold]) -> None:
    """Write down holds, in one statement: what an order holds moves within the portfolio's own accounts, and back."""
    recorded_at = wall_now()
    lines = []
    for one in holds:
        head, times = (new_id(), BookingKind.HOLD, one.portfolio_id), (one.happened_at, recorded_at, one.order_id)
        for account, amount in ((LedgerAccount.HELD, one.amount), (LedgerAccount.HOLDINGS, -one.amount)):
            lines.append((*head, account, one.asset_id, amount, *times))
    insert_values(LedgerLine, (*_LINE, "order_id"), lines)


def book_fills(
    portfolios: dict[UUID, Portfolio], bookings: Sequence[FillBooking], holdings: Holdings | None = None
) -> dict[UUID, Booked]:
    """Book fills in the given order: balances, positions, ledger and numbers; return what each did, by fill id.

    `holdings` of these portfolios and assets, where they were read and changed before, are saved with them.
    """
    ids = {one.portfolio_id for one in bookings}
    assets = {asset for one in bookings for asset in (one.instrument.market.base_id, one.instrument.market.quote_id)}
    balances = holdings or Holdings(ids, assets)
    positions = _Positions(ids, {one.instrument.pk: one.instrument.is_perpetual for one in bookings})
    lines: list[tuple[object, ...]] = []
    booked: dict[UUID, Booked] = {}
    for one in bookings:
        portfolio = portfolios[one.portfolio_id]
        portfolio.fill_count += 1
        before = positions.row(one).quantity
        if one.instrument.is_perpetual:
            portfolio.uses_margin = True
            lines += _book_on_margin(balances, positions, one, is_insured=portfolio.account_id is None)
        else:
            positions.apply(one)
            _move_balances(balances, one)
            lines += _lines(one)
        after = positions.row(one).quantity
        booked[one.fill_id] = Booked(portfolio.fill_count, closed_fraction(before, one.change), after)
    balances.save()
    positions.save()
    insert_values(LedgerLine, _LINE, lines)
    bulk_update(
        Portfolio, [portfolios[pk] for pk in ids], ["fill_count", *(["uses_margin"] if positions.on_margin else [])]
    )
    return booked


def _book_on_margin(
    balances: Holdings, positions: _Positions, one: FillBooking, *, is_insured: bool
) -> list[tuple[object, ...]]:
    """Move a perpetual's position, its margin and its portfolio's cash by a fill; return the booking, which sums to zero.

    No coins change hands: what was earned or lost comes from the market, and on paper what nothing backs from the insurance
    fund. What a venue's account lost is lost: its wallet says so.
    """
    quote, row = one.instrument.market.quote_id, positions.row(one)
    margin = row.margin
    settled = positions.settle(one)
    if not is_insured:
        settled = replace(settled, cash=settled.cash - settled.insured, insured=ZERO)
    change = row.margin - margin
    balances.change(one.portfolio_id, quote, amount=settled.cash, reserved=change - one.release, may_owe=True)
    # With its last cross position a portfolio is left with no profit that could still stand for what it owes.
    short = ZERO
    if is_insured and row.margin_mode == MarginMode.CROSS and not positions.has_cross(one.portfolio_id):
        short = max(positions.margins(one.portfolio_id) - balances.amount(one.portfolio_id, quote), ZERO)
        balances.change(one.portfolio_id, quote, amount=short)
    insured = settled.insured + short
    row.insured += insured
    sides = (
        (LedgerAccount.HOLDINGS, settled.cash + short - change),
        (LedgerAccount.MARGIN, change),
        (LedgerAccount.MARKET, -settled.realized),
        (LedgerAccount.FEES, one.fee),
        (LedgerAccount.INSURANCE, -insured),
    )
    head, times = (one.fill_id, BookingKind.FILL, one.portfolio_id), (one.happened_at, one.recorded_at)
    # An open on cross margin without a fee moves nothing, and is a booking all the same.
    told = [side for side in sides if side[1]] or [sides[0]]
    return [(*head, account, quote, amount, *times) for account, amount in told]


def _move_balances(balances: Holdings, one: FillBooking) -> None:
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
    owes: bool


_HELD = Prepared(
    lambda: Balance.objects.filter(portfolio_id__among=Slot("portfolios"), asset_id__among=Slot("assets")).values_list(
        "id", "portfolio_id", "asset_id", "amount", "reserved", "owes"
    )
)


class Holdings:
    """What a batch's portfolios hold of its assets: read at once, changed in memory under the portfolios' locks, written at once."""

    def __init__(self, portfolio_ids: set[UUID], asset_ids: set[str]) -> None:
        rows = _HELD.rows(portfolios=portfolio_ids, assets=asset_ids)
        self._rows = {(row[1], row[2]): _BalanceRow(*row) for row in rows}
        self._touched: dict[tuple[UUID, str], _BalanceRow] = {}
        self._withheld: dict[tuple[UUID, str], Decimal] = {}

    def free(self, portfolio_id: UUID, asset_id: str) -> Decimal:
        """Return what is held, not promised and not withheld."""
        row = self._rows.get((portfolio_id, asset_id))
        return row.amount - row.reserved - self._withheld.get((portfolio_id, asset_id), ZERO) if row else ZERO

    def withhold(self, portfolio_id: UUID, asset_id: str, amount: Decimal) -> None:
        """Count less as free: what cross positions need, which no row says."""
        self._withheld[portfolio_id, asset_id] = self._withheld.get((portfolio_id, asset_id), ZERO) + amount

    def amount(self, portfolio_id: UUID, asset_id: str) -> Decimal:
        """Return what is held."""
        row = self._rows.get((portfolio_id, asset_id))
        return row.amount if row else ZERO

    def reserved(self, portfolio_id: UUID, asset_id: str) -> Decimal:
        """Return what is promised."""
        row = self._rows.get((portfolio_id, asset_id))
        return row.reserved if row else ZERO

    def change(
        self,
        portfolio_id: UUID,
        asset_id: str,
        *,
        amount: Decimal = ZERO,
        reserved: Decimal = ZERO,
        may_owe: bool = False,
    ) -> None:
        """Add to what is held, and to what of it is promised. A loss on margin may take what is promised, nothing else."""
        key = (portfolio_id, asset_id)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = _BalanceRow(None, portfolio_id, asset_id, ZERO, ZERO, False)
        row.amount += amount
        row.reserved += reserved
        row.owes |= may_owe
        self._touched[key] = row

    def refuse_overpromised(self) -> None:
        """Raise ValueError, as the database would refuse it, where more is promised than held: a booking might come to owe it."""
        if any(row.reserved > row.amount and not row.owes for row in self._touched.values()):
            raise ValueError("More is promised than is held.")

    def save(self) -> None:
        touched = self._touched.values()
        may_owe = [row for row in touched if row.owes]
        for row in may_owe:
            row.owes = row.amount < row.reserved
        news = [
            (row.portfolio_id, row.asset_id, row.amount, row.reserved, row.owes) for row in touched if row.id is None
        ]
        insert_values(Balance, ("portfolio", "asset", "amount", "reserved", "owes"), news)
        columns = ["amount", "reserved", *(["owes"] if may_owe else [])]
        bulk_update(Balance, [row for row in touched if row.id is not None], columns)


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
    margin_mode: str = ""
    leverage: int = 1
    margin: Decimal = ZERO
    insured: Decimal = ZERO


_STATE = ("quantity", "cost", "realized_pnl", "fees_paid")
_ON_MARGIN = ("margin_mode", "leverage", "margin", "insured")
_OWN = Slot("portfolios")
_POSITIONS = Prepared(
    lambda: Position.objects.filter(portfolio_id__among=_OWN, instrument_id__among=Slot("instruments")).values_list(
        "id", "portfolio_id", "instrument_id", *_STATE
    )
)
_ALL_POSITIONS = Prepared(
    lambda: Position.objects.filter(portfolio_id__among=_OWN).values_list(
        "id", "portfolio_id", "instrument_id", *_STATE, *_ON_MARGIN
    )
)


class _Positions:
    """The position rows of a batch, likewise; where something is traded on margin, all rows of its portfolios."""

    def __init__(self, portfolio_ids: set[UUID], instruments: Mapping[UUID, bool]) -> None:
        self.on_margin = any(instruments.values())
        self._names = (*_STATE, *_ON_MARGIN) if self.on_margin else _STATE
        rows = (
            _ALL_POSITIONS.rows(portfolios=portfolio_ids)
            if self.on_margin
            else _POSITIONS.rows(portfolios=portfolio_ids, instruments=instruments)
        )
        self._rows = {(row[1], row[2]): _PositionRow(*row) for row in rows}
        self._touched: dict[tuple[UUID, UUID], _PositionRow] = {}

    def row(self, one: FillBooking) -> _PositionRow:
        """Return the row that a fill moves, which is stored from then on."""
        key = (one.portfolio_id, one.instrument.pk)
        row = self._touched[key] = self._rows.setdefault(key, _PositionRow(None, *key))
        if one.instrument.is_perpetual and not row.margin_mode:
            row.margin_mode = MarginMode.ISOLATED
        return row

    def apply(self, one: FillBooking) -> None:
        """Move a position of spot by a fill."""
        row = self.row(one)
        _put(row, apply_fill(_state(row), change=one.change, price=one.price, fee=one.fee))

    def settle(self, one: FillBooking) -> Settled:
        """Move a position on margin by a fill, its margin included, and return what that did."""
        row = self.row(one)
        settled = settle(
            _state(row),
            row.margin,
            change=one.change,
            price=one.price,
            fee=one.fee,
            leverage=row.leverage,
            is_isolated=row.margin_mode == MarginMode.ISOLATED,
        )
        _put(row, settled.state)
        row.margin = settled.margin
        return settled

    def has_cross(self, portfolio_id: UUID) -> bool:
        """Say whether a portfolio has a cross position open."""
        mine = (row for row in self._rows.values() if row.portfolio_id == portfolio_id and row.quantity)
        return any(row.margin_mode == MarginMode.CROSS for row in mine)

    def margins(self, portfolio_id: UUID) -> Decimal:
        """Return what a portfolio has set aside for isolated positions."""
        return sum((row.margin for row in self._rows.values() if row.portfolio_id == portfolio_id), ZERO)

    def save(self) -> None:
        touched = self._touched.values()
        news = [
            (row.portfolio_id, row.instrument_id, *(getattr(row, name) for name in (*_STATE, *_ON_MARGIN)), ZERO)
            for row in touched
            if row.id is None
        ]
        names = ("portfolio", "instrument", *_STATE, *_ON_MARGIN, "funding_paid")
        insert_values(Position, names, news)
        bulk_update(Position, [row for row in touched if row.id is not None], self._names)


def _state(row: _PositionRow) -> PositionState:
    return PositionState(row.quantity, row.cost, row.realized_pnl, row.fees_paid)


def _put(row: _PositionRow, state: PositionState) -> None:
    for name in _STATE:
        setattr(row, name, getattr(state, name))
