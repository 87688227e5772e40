"""Reads of what people own, the gate to a portfolio, and the proof that its books are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.teams.models import Permission
from accounts.teams.selectors import role_forbids
from common.clock import market_times, wall_now
from common.db import Slot
from common.errors import DomainError, NotFound
from common.fields import DecimalSum, canonical
from common.prepared import Prepared
from engine.decimals import ZERO, money
from engine.margin import cross_needs
from markets.gateway.venues import VENUES
from markets.models import Asset, Exchange, Instrument, InstrumentState, MarketKind
from markets.prices import Price, latest_prices, prices_by_id
from markets.selectors import instruments, tradable_instruments
from portfolios.access import Asker, note_role, reachable, user_id_of
from portfolios.delegation_models import Delegation
from portfolios.margin_models import MarginMode
from portfolios.models import (
    OWN_ACCOUNTS,
    AccountBalance,
    AccountMode,
    AccountState,
    Balance,
    EquitySnapshot,
    ExchangeAccount,
    ExchangeAccountUse,
    LedgerAccount,
    LedgerLine,
    Portfolio,
    PortfolioState,
    Position,
    RemainderEntry,
    SnapshotGrain,
)

# Equity that rests on an older price is stale: it opens nothing (model.md 5).
STALE_AFTER = timedelta(seconds=60)


def reachable_by_tokens(user: User) -> list[tuple[UUID, str]]:
    """Return (id, name) of the portfolios that a token of the user's can be limited to."""
    return list(portfolios_of(user).values_list("pk", "name"))


def portfolio_for_user(user: Asker, portfolio_id: UUID | str, may: str = Permission.MANAGE) -> Portfolio:
    """The gate: return a portfolio with which the user may do this (by default: everything that changes its settings).

    NotFound for one that they may not see, 403 ROLE_FORBIDS for one that they may see, and no more. What is done in the
    present request is audited as done by the role that opened it.
    """
    try:
        key = UUID(str(portfolio_id))
    except ValueError:
        raise NotFound("portfolio") from None
    if user_id_of(user) is not None:
        books = Portfolio.objects.select_related("settlement", "owner", "account__exchange").filter(pk=key)
        found = books.filter(reachable(user, may)).first()
        if found is not None:
            note_role(user, found)
            return found
        if may != Permission.VIEW and books.filter(reachable(user)).exists():
            raise role_forbids(may)
    raise NotFound("portfolio")


def portfolios_of(user: User, may: str = Permission.VIEW) -> QuerySet[Portfolio]:
    """Return the portfolios that the user may see, or do this with, that are not closed: own, shared and lent, oldest first."""
    return (
        Portfolio.objects.filter(reachable(user, may))
        .exclude(state=PortfolioState.CLOSED)
        .select_related("settlement", "workspace")
        .order_by("pk")
    )


def delegations_of(portfolio: Portfolio) -> QuerySet[Delegation]:
    """Return what is lent of a portfolio at this moment, newest first."""
    live = portfolio.delegations.filter(ended_at=None, ends_at__gt=wall_now())
    return live.select_related("person__profile", "portfolio").order_by("-pk")


def delegation_of(portfolio: Portfolio, delegation_id: UUID) -> Delegation:
    """Gate: something lent of this portfolio, past the portfolio's own gate."""
    found = delegations_of(portfolio).filter(pk=delegation_id).first()
    if found is None:
        raise NotFound("delegation")
    return found


def parents_for(portfolio: Portfolio) -> QuerySet[Portfolio]:
    """Return the portfolios of which this one could be a sub-account, by name."""
    alike = ("owner", "workspace", "kind", "namespace", "settlement", "account")
    found = Portfolio.objects.filter(
        **{name: getattr(portfolio, f"{name}_id", getattr(portfolio, name)) for name in alike}
    )
    return found.filter(parent=None, cash_is_locked=False).exclude(pk=portfolio.pk).order_by("name")


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
    """Return the portfolios that money can be moved to from this one: its owner's own, or its workspace's of that owner."""
    return (
        Portfolio.objects.filter(owner=portfolio.owner_id, workspace=portfolio.workspace_id)
        .select_related("settlement")
        .order_by("pk")
        .exclude(pk=portfolio.pk)
        .filter(
            state=PortfolioState.OPEN,
            cash_is_locked=False,
            kind=portfolio.kind,
            namespace=portfolio.namespace,
            settlement=portfolio.settlement_id,
            account=portfolio.account_id,
        )
    )


def instruments_for(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return the instruments that the portfolio may open positions in, by exchange and symbol."""
    found = tradable_instruments(portfolio.namespace).filter(market__quote=portfolio.settlement_id)
    # Of perpetuals those that settle in it, too.
    found = found.filter(market__contract__in=("", "PERP"))
    if portfolio.account is not None:
        found = found.filter(exchange=portfolio.account.exchange_id, market__kind=account_kind(portfolio.account))
    return found.filter(pk__in=portfolio.allowed_instruments.values("pk")) if portfolio.is_restricted else found


def account_kind(account: ExchangeAccount) -> MarketKind:
    """Return what portfolios on an account (with its exchange) trade: spot, or perpetuals."""
    venue = VENUES.get(account.exchange.dialect)
    return venue.account_kind if venue else MarketKind.SPOT


def positions_of(portfolio: Portfolio) -> QuerySet[Position]:
    """Return what the portfolio holds or once held, newest first, with what showing it needs."""
    related = ("instrument__market", "instrument__exchange")
    return Position.objects.filter(portfolio=portfolio).select_related(*related).order_by("-pk")


def traded_instruments(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return the instruments that the portfolio has traded, by exchange and symbol."""
    return instruments().filter(pk__in=Position.objects.filter(portfolio=portfolio).values("instrument"))


def balances_of(portfolio: Portfolio) -> QuerySet[Balance]:
    """Return what the portfolio holds or once held of each asset, by code."""
    return Balance.objects.filter(portfolio=portfolio).order_by("asset")


def ledger_of(portfolio: Portfolio) -> QuerySet[LedgerLine]:
    """Return the portfolio's ledger lines, newest first."""
    return LedgerLine.objects.filter(portfolio=portfolio).order_by("-pk")


@dataclass(slots=True)
class Holding:
    """A position at the newest price, in its portfolio's settlement currency; without a price it counts at its cost.

    `value` is quantity x price, below zero for a short: figured once, since all else that is said of it rests on it.
    """

    position: Position
    price: Price | None
    # At which price it is liquidated, all else equal (portfolios/margin.py); None for spot, and where none is.
    liquidation_price: Decimal | None = None
    value: Decimal = field(init=False)

    def __post_init__(self) -> None:
        position, price = self.position, self.price
        self.value = money(position.quantity * price.price) if price else position.cost

    @property
    def side(self) -> str:
        """Return LONG or SHORT of a position on margin, "" of spot and of what is flat."""
        if not (self.position.on_margin and self.position.quantity):
            return ""
        return "LONG" if self.position.quantity > ZERO else "SHORT"

    @property
    def worth(self) -> Decimal:
        """Return what it adds to equity: a coin's value; of a position on margin what it has earned and not realized."""
        return self.unrealized_pnl if self.position.on_margin else self.value

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


def cross_needs_of(held: Iterable[Holding]) -> Decimal:
    """Return what the cross positions among these keep of free cash."""
    crossed = (one for one in held if one.position.margin_mode == MarginMode.CROSS)
    return cross_needs((one.value, one.position.cost, one.position.leverage) for one in crossed)


@dataclass(slots=True)
class Worth:
    """What a portfolio is worth, in its settlement currency. `is_stale`: a price it rests on is missing or too old."""

    cash: Decimal = ZERO
    reserved: Decimal = ZERO
    # What is held is worth, shorts too; and what it adds to equity.
    exposure: Decimal = ZERO
    held_worth: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    unrealized_pnl: Decimal = ZERO
    fees_paid: Decimal = ZERO
    funding_paid: Decimal = ZERO
    insured: Decimal = ZERO
    is_stale: bool = False
    # What is held at the moment, one each.
    holdings: list[Holding] = field(default_factory=list)

    @property
    def free(self) -> Decimal:
        """Return the cash that is neither promised nor set aside, nor needed by cross positions."""
        return self.cash - self.reserved - self.cross_needs

    @property
    def cross_needs(self) -> Decimal:
        """Return what cross positions keep of the cash that is not promised."""
        return cross_needs_of(self.holdings)

    @property
    def equity(self) -> Decimal:
        return self.cash + self.held_worth

    @property
    def profit(self) -> Decimal:
        """Return what was earned, realized or not, after fees and funding: equity less net deposits."""
        return self.realized_pnl + self.unrealized_pnl - self.fees_paid - self.funding_paid + self.insured

    def held(self, instrument_id: UUID) -> Decimal:
        """Return what is held of an instrument, in base units."""
        found = (one.position.quantity for one in self.holdings if one.position.instrument_id == instrument_id)
        return next(found, ZERO)


_POSITION = tuple(one.attname for one in Position._meta.concrete_fields)
_POSITIONS = Prepared(lambda: Position.objects.filter(portfolio_id__among=Slot("portfolios")).values_list(*_POSITION))
_CASH = Prepared(
    lambda: Balance.objects.filter(portfolio_id__among=Slot("portfolios")).values_list(
        "portfolio_id", "asset_id", "amount", "reserved"
    )
)


def worth_of(portfolios: Iterable[Portfolio], prices: Mapping[UUID, Price] | None = None) -> dict[UUID, Worth]:
    """Return the worth of each portfolio at `prices` (instrument id → price; default: the newest), in two statements."""
    books = {one.pk: one for one in portfolios}
    worth = {pk: Worth() for pk in books}
    for pk, asset_id, amount, reserved in _CASH.rows(portfolios=books):
        if asset_id == books[pk].settlement_id:
            worth[pk].cash, worth[pk].reserved = amount, reserved
    positions = [Position.from_db(None, _POSITION, row) for row in _POSITIONS.rows(portfolios=books)]
    known, missing = dict(prices or {}), defaultdict[str, set[UUID]](set)
    for position in positions:
        if position.quantity and position.instrument_id not in known:
            missing[books[position.portfolio_id].namespace].add(position.instrument_id)
    for namespace, wanted in missing.items():
        known |= prices_by_id(namespace, wanted)
    now = market_times(one.namespace for one in books.values())
    for position in positions:
        price = known.get(position.instrument_id)
        _add_position(worth[position.portfolio_id], position, price, now[books[position.portfolio_id].namespace])
    return worth


def _add_position(worth: Worth, position: Position, price: Price | None, now: datetime) -> None:
    worth.realized_pnl += position.realized_pnl
    worth.fees_paid += position.fees_paid
    worth.funding_paid += position.funding_paid
    worth.insured += position.insured
    if position.quantity:
        holding = Holding(position, price)
        worth.holdings.append(holding)
        worth.exposure += abs(holding.value)
        worth.held_worth += holding.worth
        worth.unrealized_pnl += holding.unrealized_pnl
        worth.is_stale |= price is None or now - price.at > STALE_AFTER


def net_deposits(portfolio_ids: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Return deposits and transfers in, less withdrawals and transfers out, of each portfolio: its contributed capital."""
    return dict(Portfolio.objects.filter(pk__in=list(portfolio_ids)).values_list("pk", "net_deposits"))


def equity_curve(book: Portfolio, until: datetime | None = None, limit: int = 2_000) -> list[tuple[datetime, Decimal]]:
    """Return (market time, equity) of the finest snapshots kept, those before `until`: days, then hours, then minutes."""
    snapshots = EquitySnapshot.objects.filter(portfolio=book, **({} if until is None else {"at__lt": until}))
    points: dict[datetime, Decimal] = {}
    for grain in (SnapshotGrain.DAY, SnapshotGrain.HOUR, SnapshotGrain.MINUTE):
        rows = snapshots.filter(grain=grain).order_by("-at").values_list("at", "equity")
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
    """Every balance is the sum of its own lines: what is free to move and what resting orders hold."""
    held = LedgerLine.objects.filter(account__in=OWN_ACCOUNTS).values_list("portfolio_id", "asset_id")
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


# --- exchange accounts ----------------------------------------------------------------------------------------------
def exchange_account_for_user(user: Asker, account_id: UUID | str) -> ExchangeAccount:
    """The gate: return the user's own exchange account, or NotFound for anybody else's and for none."""
    try:
        key = UUID(str(account_id))
    except ValueError:
        raise NotFound("exchange account") from None
    # An account is more than the portfolios on it: a token that is limited to some reaches none.
    if isinstance(user, User) and user.token_portfolios is None:
        found = ExchangeAccount.objects.select_related("exchange", "owner").filter(pk=key, owner_id=user.pk).first()
        if found is not None:
            return found
    raise NotFound("exchange account")


def exchange_accounts_of(user: User) -> QuerySet[ExchangeAccount]:
    """Return the user's exchange accounts, newest first, without the revoked ones."""
    mine = ExchangeAccount.objects.filter(owner=user).exclude(state=AccountState.REVOKED)
    if user.token_portfolios is not None:
        mine = mine.none()
    return mine.select_related("exchange").order_by("-pk")


def uses_of(account: ExchangeAccount) -> QuerySet[ExchangeAccountUse]:
    """Return every use of the account's key, newest first."""
    return ExchangeAccountUse.objects.filter(account=account).order_by("-pk")


def modes_of(exchange: Exchange) -> list[AccountMode]:
    """Return how the exchange can be connected; none where nobody can ask it what a key may do."""
    venue = VENUES.get(exchange.dialect)
    if venue is None or venue.key_report is None:
        return []
    if exchange.is_sandbox:
        return [AccountMode.SANDBOX]
    return [AccountMode.LIVE, AccountMode.SANDBOX] if venue.has_sandbox else [AccountMode.LIVE]


def connectable_exchanges() -> list[tuple[Exchange, list[AccountMode]]]:
    """Return the exchanges at which an account can be connected, by name, with the modes of each."""
    reached = Exchange.objects.exclude(dialect="").order_by("name", "code")
    return [(one, modes) for one in reached if (modes := modes_of(one))]


def connectable_exchange(code: str, mode: str) -> tuple[Exchange, AccountMode]:
    """Return the exchange and the mode; raise DomainError EXCHANGE_NOT_CONNECTABLE or MODE_NOT_OFFERED."""
    modes = {one.code: (one, offered) for one, offered in connectable_exchanges()}
    if code not in modes:
        message = "Accounts of that exchange cannot be connected here; choose another."
        raise DomainError("EXCHANGE_NOT_CONNECTABLE", message, {"field": "exchange"})
    exchange, offered = modes[code]
    if mode not in offered:
        message = f"{exchange.name} can be connected as {' or '.join(one.label.lower() for one in offered)} only."
        raise DomainError("MODE_NOT_OFFERED", message, {"field": "mode"})
    return exchange, AccountMode(mode)


def openable_accounts(user: User) -> list[tuple[ExchangeAccount, Asset, Decimal]]:
    """Return (account, currency, what could go into a new portfolio) of the user's accounts whose key was found good.

    Only currencies that something trades against at the exchange.
    """
    ready = {one.pk: one for one in exchange_accounts_of(user).filter(state=AccountState.READY)}
    quotes = {(exchange.pk, asset.code): asset for exchange, asset in openable_markets()} if ready else {}
    rows = AccountBalance.objects.filter(account__in=ready, remainder__gt=ZERO).order_by("account", "asset")
    return [
        (ready[row.account_id], quotes[key], row.unclaimed)
        for row in rows
        if (key := (ready[row.account_id].exchange_id, row.asset)) in quotes and row.unclaimed > ZERO
    ]


def openable_account(user: User, account_id: UUID | str, settlement_code: str) -> tuple[ExchangeAccount, Asset]:
    """Return the user's account and the currency; NotFound for anybody else's account, DomainError where it holds none."""
    account = exchange_account_for_user(user, account_id)
    for found, asset, _ in openable_accounts(user):
        if (found.pk, asset.code) == (account.pk, settlement_code):
            return found, asset
    message = f"{account.label} has no {settlement_code} that is free there and in no portfolio."
    raise DomainError("NOT_FREE_AT_VENUE", message, {"field": "market"}, status=409)


def account_balances(account: ExchangeAccount) -> list[tuple[AccountBalance, Decimal]]:
    """Return (what the venue holds and the remainder, the sum of the portfolios) of each asset, by code."""
    books = dict(books_of_account(account.pk))
    rows = {row.asset: row for row in AccountBalance.objects.filter(account=account).order_by("asset")}
    return [(row, books.get(asset, ZERO)) for asset, row in rows.items()]


def books_of_account(account_id: UUID) -> dict[str, Decimal]:
    """Return what an account's portfolios hold together, by asset, and of perpetuals by symbol."""
    held = Balance.objects.filter(portfolio__account=account_id).values_list("asset_id")
    on_margin = Position.objects.filter(portfolio__account=account_id).exclude(margin_mode="")
    positions = on_margin.values_list("instrument__gateway_symbol").annotate(total=DecimalSum("quantity"))
    return {**dict(held.annotate(total=DecimalSum("amount"))), **dict(positions)}


def remainder_entries(account: ExchangeAccount) -> QuerySet[RemainderEntry]:
    """Return what changed the account's remainder, newest first."""
    return RemainderEntry.objects.filter(account=account).order_by("-pk")
