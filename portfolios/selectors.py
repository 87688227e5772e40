"""Reads of what people own, the gate to a portfolio, and the proof that its books are right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts.models import User
from common.clock import market_times
from common.errors import DomainError, NotFound
from common.fields import DecimalSum, canonical
from engine.decimals import ZERO, money
from markets.models import Asset, Exchange, Instrument, InstrumentState
from markets.prices import Price, latest_prices
from markets.selectors import instruments, tradable_instruments
from portfolios.models import (
    Balance,
    EquitySnapshot,
    LedgerAccount,
    LedgerLine,
    Portfolio,
    PortfolioState,
    Position,
    SnapshotGrain,
)

# Equity that rests on an older price is stale: it opens nothing (model.md 5).
STALE_AFTER = timedelta(seconds=60)


def portfolio_for_user(user: User | AnonymousUser | None, portfolio_id: UUID | str) -> Portfolio:
    """The gate: return the user's own portfolio, or NotFound for anybody else's and for none."""
    try:
        key = UUID(str(portfolio_id))
    except ValueError:
        raise NotFound("portfolio") from None
    if user is not None and user.is_authenticated:
        found = Portfolio.objects.select_related("settlement", "owner").filter(pk=key, owner_id=user.pk).first()
        if found is not None:
            return found
    raise NotFound("portfolio")


def portfolios_of(user: User) -> QuerySet[Portfolio]:
    """Return the user's portfolios that are not closed, oldest first."""
    return (
        Portfolio.objects.filter(owner=user)
        .exclude(state=PortfolioState.CLOSED)
        .select_related("settlement")
        .order_by("pk")
    )


def openable_markets() -> list[tuple[Exchange, Asset]]:
    """Return (exchange, settlement currency) of every book that could be opened: something trades against that there."""
    active = Instrument.objects.filter(state=InstrumentState.ACTIVE).order_by("exchange__name", "market__quote")
    pairs = list(active.values_list("exchange", "market__quote").distinct())
    exchanges = Exchange.objects.in_bulk({exchange for exchange, _ in pairs})
    assets = Asset.objects.in_bulk({asset for _, asset in pairs})
    return [(exchanges[exchange], assets[asset]) for exchange, asset in pairs]


def openable_market(exchange_code: str, settlement_code: str) -> tuple[Exchange, Asset]:
    """Return the exchange and the currency by their codes; raise DomainError where nothing trades so."""
    for exchange, settlement in openable_markets():
        if (exchange.code, settlement.code) == (exchange_code, settlement_code):
            return exchange, settlement
    message = "Nothing is traded on that exchange against that currency; choose another pair."
    raise DomainError("MARKET_UNKNOWN", message, {"field": "market"})


def transfer_targets(portfolio: Portfolio) -> QuerySet[Portfolio]:
    """Return the owner's other portfolios that money can be moved to from this one."""
    return (
        portfolios_of(portfolio.owner)
        .exclude(pk=portfolio.pk)
        .filter(
            state=PortfolioState.OPEN,
            cash_is_locked=False,
            kind=portfolio.kind,
            namespace=portfolio.namespace,
            settlement=portfolio.settlement_id,
        )
    )


def instruments_for(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return the instruments that the portfolio may open positions in, by exchange and symbol."""
    found = tradable_instruments(portfolio.namespace).filter(market__quote=portfolio.settlement_id)
    return found.filter(pk__in=portfolio.allowed_instruments.values("pk")) if portfolio.is_restricted else found


def positions_of(portfolio: Portfolio) -> QuerySet[Position]:
    """Return what the portfolio holds or once held, newest first, with what showing it needs."""
    related = ("instrument__market", "instrument__exchange")
    return Position.objects.filter(portfolio=portfolio).select_related(*related).order_by("-pk")


def traded_instruments(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return the instruments that the portfolio has traded, by exchange and symbol."""
    return instruments().filter(pk__in=Position.objects.filter(portfolio=portfolio).values("instrument"))


def ledger_of(portfolio: Portfolio, account: str | None = None) -> QuerySet[LedgerLine]:
    """Return the portfolio's ledger lines, newest first, of one account or of all."""
    lines = LedgerLine.objects.filter(portfolio=portfolio).order_by("-pk")
    return lines if account is None else lines.filter(account=account)


@dataclass(frozen=True, slots=True)
class Holding:
    """A position at the newest price, in its portfolio's settlement currency; without a price it counts at its cost."""

    position: Position
    price: Price | None

    @property
    def value(self) -> Decimal:
        cost: Decimal = self.position.cost
        return money(self.position.quantity * self.price.price) if self.price else cost

    @property
    def unrealized_pnl(self) -> Decimal:
        unrealized: Decimal = self.value - self.position.cost
        return unrealized

    @property
    def average_price(self) -> Decimal | None:
        """Return the average opening price, None when flat."""
        quantity = self.position.quantity
        return money(self.position.cost / quantity) if quantity else None


def holdings(positions: Iterable[Position]) -> list[Holding]:
    """Return positions (with their instruments and markets) at the newest prices, in their order."""
    held = list(positions)
    prices = latest_prices(one.instrument for one in held)
    return [Holding(one, prices.get(one.instrument_id)) for one in held]


def holdings_of(portfolio: Portfolio) -> list[Holding]:
    """Return what the portfolio holds now, by symbol."""
    held = positions_of(portfolio).exclude(quantity=ZERO).order_by("instrument__symbol", "pk")
    return holdings(held)


@dataclass(slots=True)
class Worth:
    """What a portfolio is worth, in its settlement currency. `is_stale`: a price it rests on is missing or too old."""

    cash: Decimal = ZERO
    reserved: Decimal = ZERO
    exposure: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees_paid: Decimal = ZERO
    is_stale: bool = False
    # What is held at the moment, one each.
    holdings: list[Holding] = field(default_factory=list)

    @property
    def free(self) -> Decimal:
        return self.cash - self.reserved

    @property
    def equity(self) -> Decimal:
        return self.cash + self.exposure

    @property
    def unrealized_pnl(self) -> Decimal:
        return self.exposure - self.cost

    @property
    def profit(self) -> Decimal:
        """Return what was earned, realized or not, after fees: equity less net deposits."""
        return self.realized_pnl + self.unrealized_pnl - self.fees_paid


def worth_of(portfolios: Iterable[Portfolio], prices: Mapping[UUID, Price] | None = None) -> dict[UUID, Worth]:
    """Return the worth of each portfolio at `prices` (instrument id → price; default: the newest), in three statements."""
    books = {one.pk: one for one in portfolios}
    worth = {pk: Worth() for pk in books}
    balances = Balance.objects.filter(portfolio_id__among=books)
    for pk, asset_id, amount, reserved in balances.values_list("portfolio_id", "asset_id", "amount", "reserved"):
        if asset_id == books[pk].settlement_id:
            worth[pk].cash, worth[pk].reserved = amount, reserved
    positions = list(Position.objects.filter(portfolio_id__among=books))
    held = {one.instrument_id for one in positions if one.quantity}
    known = dict(prices or {})
    if missing := held - known.keys():
        known |= latest_prices(Instrument.objects.filter(pk__in=missing).select_related("market"))
    now = market_times(one.namespace for one in books.values())
    for position in positions:
        price = known.get(position.instrument_id)
        _add_position(worth[position.portfolio_id], position, price, now[books[position.portfolio_id].namespace])
    return worth


def _add_position(worth: Worth, position: Position, price: Price | None, now: datetime) -> None:
    worth.realized_pnl += position.realized_pnl
    worth.fees_paid += position.fees_paid
    worth.cost += position.cost
    if position.quantity:
        holding = Holding(position, price)
        worth.holdings.append(holding)
        worth.exposure += holding.value
        worth.is_stale |= price is None or now - price.at > STALE_AFTER


def net_deposits(portfolio_ids: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Return deposits and transfers in, less withdrawals and transfers out, of each portfolio: its contributed capital."""
    return dict(Portfolio.objects.filter(pk__in=list(portfolio_ids)).values_list("pk", "net_deposits"))


def equity_curve(portfolio: Portfolio, limit: int = 2_000) -> list[tuple[datetime, Decimal]]:
    """Return (time, equity) of the finest snapshots kept, oldest first: days, then hours, then minutes, without overlap."""
    points: dict[datetime, Decimal] = {}
    for grain in (SnapshotGrain.DAY, SnapshotGrain.HOUR, SnapshotGrain.MINUTE):
        rows = (
            EquitySnapshot.objects.filter(portfolio=portfolio, grain=grain).order_by("-at").values_list("at", "equity")
        )
        points |= dict(rows[:limit])
    return sorted(points.items())[-limit:]


@dataclass(frozen=True, slots=True)
class BookError:
    """A place where the books disagree with themselves."""

    check: str
    portfolio_id: UUID | None
    detail: str


def ledger_sums_zero() -> list[BookError]:
    """Every booking sums to zero per portfolio and asset."""
    sums = LedgerLine.objects.values_list("booking_id", "portfolio_id", "asset_id").annotate(total=DecimalSum("amount"))
    return [
        BookError("ledger_sums_zero", portfolio_id, f"booking {booking_id} leaves {canonical(total)} {asset_id}")
        for booking_id, portfolio_id, asset_id, total in sums.iterator()
        if total
    ]


def balances_equal_entries() -> list[BookError]:
    """Every balance is the sum of its holdings' lines."""
    held = LedgerLine.objects.filter(account=LedgerAccount.HOLDINGS).values_list("portfolio_id", "asset_id")
    proved = {
        (portfolio_id, asset_id): total for portfolio_id, asset_id, total in held.annotate(total=DecimalSum("amount"))
    }
    kept = {(row.portfolio_id, row.asset_id): row.amount for row in Balance.objects.all()}
    return [
        BookError(
            "balances_equal_entries",
            key[0],
            f"{key[1]}: balance {canonical(kept.get(key, ZERO))}, entries {canonical(proved.get(key, ZERO))}",
        )
        for key in proved.keys() | kept.keys()
        if proved.get(key, ZERO) != kept.get(key, ZERO)
    ]


def net_deposits_equal_entries() -> list[BookError]:
    """Every portfolio's net deposits are what its far accounts gave."""
    far = LedgerLine.objects.filter(account__in=[LedgerAccount.EXTERNAL, LedgerAccount.TRANSFER])
    proved = {pk: -total for pk, total in far.values_list("portfolio_id").annotate(total=DecimalSum("amount"))}
    return [
        BookError(
            "net_deposits_equal_entries",
            pk,
            f"net deposits {canonical(kept)}, entries {canonical(proved.get(pk, ZERO))}",
        )
        for pk, kept in Portfolio.objects.values_list("pk", "net_deposits")
        if kept != proved.get(pk, ZERO)
    ]
