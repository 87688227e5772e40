"""Money in, out and between a user's own portfolios. Every movement is a booking whose lines sum to zero."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.selectors import check_limit
from accounts.services import audit
from common.clock import market_now, wall_now
from common.db import bulk_insert, lock_rows
from common.errors import DomainError
from common.fields import canonical
from common.ids import deterministic_id, new_id
from common.realtime import publish
from engine.decimals import ZERO
from markets.models import Asset, Exchange, Instrument, SourceKind
from portfolios.models import (
    Balance,
    BookingKind,
    ExchangeAccount,
    LedgerAccount,
    LedgerLine,
    Portfolio,
    PortfolioKind,
    PortfolioState,
    RemainderReason,
)
from portfolios.selectors import worth_of
from portfolios.services.remainders import Change, change_remainders, claim_free
from portfolios.services.subaccounts import check_capital

MAX_AMOUNT = Decimal(1_000_000_000)
# As much of a caller's own name for a movement as doors take.
MAX_KEY = 64
# A portfolio, the account on the far side, and the signed amount that the portfolio gets.
_Movement = tuple[Portfolio, LedgerAccount, Decimal]
_KINDS = {
    SourceKind.SIMULATED: PortfolioKind.SIMULATED,
    SourceKind.REPLAY: PortfolioKind.PAPER,
    SourceKind.REAL: PortfolioKind.PAPER,
}


# What a purchase on a venue may cost above the price it was judged at: its promise, and the bound it is sent with.
LIVE_SLIPPAGE_BPS = Decimal(50)


def kind_of(exchange: Exchange) -> PortfolioKind:
    """Return what a book on an exchange's prices is, and is called wherever it is shown."""
    return PortfolioKind.SANDBOX if exchange.is_sandbox else _KINDS[SourceKind(exchange.source_kind)]


def open_portfolio(
    *,
    owner: User,
    name: str,
    exchange: Exchange,
    settlement: Asset,
    amount: Decimal,
    audited: bool = True,
    only_instruments: Sequence[Instrument] | None = None,
    cash_is_locked: bool = False,
    account: ExchangeAccount | None = None,
    workspace_id: UUID | None = None,
) -> Portfolio:
    """Open a book on an exchange's namespace and fund it with `amount` of the settlement currency (may be 0).

    It is play money, or with an `account` what that holds at the exchange and no other portfolio claims.
    `only_instruments` restricts what it may trade; with `cash_is_locked` its money stays as it is from then on.
    """
    name = name.strip()
    if not name or len(name) > 80:
        raise DomainError("NAME_INVALID", "Give the portfolio a name of 1 to 80 characters.")
    if amount:
        check_amount(amount)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        mine = Portfolio.objects.filter(owner=owner).exclude(state=PortfolioState.CLOSED)
        check_limit(owner, "portfolios", mine.count())
        if mine.filter(name=name).exists():
            raise DomainError("NAME_TAKEN", f"You already have a portfolio named {name!r}; choose another name.")
        portfolio = Portfolio.objects.create(
            owner=owner,
            workspace_id=workspace_id,
            name=name,
            **_backing(exchange, account),
            namespace=exchange.namespace,
            settlement=settlement,
            is_restricted=only_instruments is not None,
            cash_is_locked=cash_is_locked,
            opened_at=market_now(exchange.namespace),
        )
        if only_instruments:
            portfolio.allowed_instruments.set(only_instruments)
        Balance.objects.create(portfolio=portfolio, asset=settlement)
        if amount:
            _claim(portfolio, amount)
            _book(new_id(), BookingKind.DEPOSIT, [(portfolio, LedgerAccount.EXTERNAL, amount)])
        if audited:
            audit(
                action="portfolio.opened", obj=portfolio, actor=owner, after={"name": name, "amount": canonical(amount)}
            )
    return portfolio


def _backing(exchange: Exchange, account: ExchangeAccount | None) -> dict[str, Any]:
    """Return what a book is by who fills its orders."""
    if account is None:
        return {"kind": kind_of(exchange)}
    return {"kind": PortfolioKind(account.mode), "account": account, "slippage_bps": LIVE_SLIPPAGE_BPS}


def _claim(portfolio: Portfolio, amount: Decimal) -> None:
    """Take from an account's remainder what its portfolio gets (negative: give back); nothing where there is no account."""
    if portfolio.account_id is None:
        return
    if amount > 0:
        claim_free(portfolio.account_id, portfolio.settlement_id, amount)
    change_remainders(
        portfolio.account_id,
        [Change(portfolio.settlement_id, -amount, RemainderReason.PORTFOLIO, str(portfolio.pk))],
    )


def deposit(*, actor: User, portfolio: Portfolio, amount: Decimal, key: str | None = None) -> Portfolio:
    """Put money in: play money, or what the portfolio's exchange account holds and no other portfolio claims.

    `key` is the caller's own name for this movement: the same key again moves nothing.
    """
    return _move_external(actor, portfolio, check_amount(amount), BookingKind.DEPOSIT, key)


def withdraw(*, actor: User, portfolio: Portfolio, amount: Decimal, key: str | None = None) -> Portfolio:
    """Take money out, up to what is free: of an exchange account's portfolio it goes to what no portfolio claims.

    `key` as for a deposit.
    """
    return _move_external(actor, portfolio, -check_amount(amount), BookingKind.WITHDRAWAL, key)


def _move_external(actor: User, portfolio: Portfolio, amount: Decimal, kind: BookingKind, key: str | None) -> Portfolio:
    if portfolio.kind == PortfolioKind.LIVE and portfolio.account_id is None:
        raise DomainError("LIVE_MONEY_STAYS_AT_THE_VENUE", "Move the money of a live portfolio at its exchange.")
    with transaction.atomic():
        locked = _lock_open([portfolio.pk])[portfolio.pk]
        booking, movements = _booking_id(locked, key), [(locked, LedgerAccount.EXTERNAL, amount)]
        if _is_booked(booking, kind, movements):
            return locked
        if amount > ZERO:
            _refuse_others_account(actor, locked)
        check_capital({locked.pk: locked}, {locked.pk: amount})
        _claim(locked, amount)
        _book(booking, kind, movements)
        audit(action=f"portfolio.{kind.lower()}", obj=locked, actor=actor, after={"amount": canonical(amount)})
    publish([(f"portfolio:{portfolio.pk}", {"refresh": ["summary", "ledger"]})])
    return locked


def _refuse_others_account(actor: User, portfolio: Portfolio) -> None:
    """What an account holds outside of portfolios is its owner's own, whoever manages one of its portfolios."""
    if portfolio.account is not None and portfolio.account.owner_id != actor.pk:
        message = "Only the owner of the exchange account puts in what no portfolio claims of it."
        raise DomainError("NOT_YOUR_ACCOUNT", message, status=403)


def transfer(*, actor: User, source: Portfolio, target: Portfolio, amount: Decimal, key: str | None = None) -> UUID:
    """Move free cash between two portfolios of one owner that share kind, namespace and settlement currency.

    Returns the booking's id; `key` (the source's) as for a deposit.
    """
    amount = check_amount(amount)
    if source.pk == target.pk:
        raise DomainError("SAME_PORTFOLIO", "Choose two different portfolios.")
    if (source.owner_id, source.workspace_id) != (target.owner_id, target.workspace_id):
        raise DomainError(
            "NOT_YOUR_PORTFOLIO", "Money moves between your own portfolios, or those of one workspace and owner."
        )
    if (source.kind, source.namespace, source.settlement_id) != (target.kind, target.namespace, target.settlement_id):
        raise DomainError(
            "PORTFOLIOS_DIFFER", "Both portfolios must be of one kind, trade one market and settle in one currency."
        )
    if source.account_id != target.account_id:
        raise DomainError("ACCOUNTS_DIFFER", "Move money between accounts at their exchanges.")
    with transaction.atomic():
        locked = _lock_open([source.pk, target.pk])
        booking, sides = _booking_id(source, key), ((locked[source.pk], -amount), (locked[target.pk], amount))
        movements = [(portfolio, LedgerAccount.TRANSFER, change) for portfolio, change in sides]
        if _is_booked(booking, BookingKind.TRANSFER, movements):
            return booking
        check_capital(locked, {source.pk: -amount, target.pk: amount})
        _book(booking, BookingKind.TRANSFER, movements)
        audit(
            action="portfolio.transfer",
            obj=source,
            actor=actor,
            after={"to": str(target.pk), "amount": canonical(amount)},
        )
    publish([(f"portfolio:{one.pk}", {"refresh": ["summary", "ledger"]}) for one in (source, target)])
    return booking


def check_amount(amount: Decimal) -> Decimal:
    """Return an amount that a person may move, or say what is wrong with it."""
    if not amount.is_finite() or amount <= 0:
        raise DomainError("AMOUNT_NOT_POSITIVE", "Enter an amount above zero.")
    if amount > MAX_AMOUNT:
        raise DomainError("AMOUNT_TOO_LARGE", f"Enter at most {MAX_AMOUNT:,}.")
    if amount != round(amount, 8):
        raise DomainError("AMOUNT_TOO_FINE", "Enter at most eight decimals.")
    return amount


def check_free(portfolio: Portfolio, amount: Decimal) -> None:
    """Say beforehand what taking an amount out of a portfolio would be refused for: more than is free."""
    _refuse_uncovered(portfolio, worth_of([portfolio])[portfolio.pk].free, amount)


def _refuse_uncovered(portfolio: Portfolio, free: Decimal, taken: Decimal) -> None:
    if taken > max(free, ZERO):
        message = f"Only {max(free, ZERO).normalize():f} {portfolio.settlement_id} is free; enter that much or less."
        raise DomainError("INSUFFICIENT_BALANCE", message, {"free": str(free)})


def _lock_open(ids: list[UUID]) -> dict[UUID, Portfolio]:
    locked = {one.pk: one for one in lock_rows(Portfolio.objects.filter(pk__in=ids))}
    if any(one.state != PortfolioState.OPEN for one in locked.values()):
        raise DomainError(
            "PORTFOLIO_NOT_OPEN", "This portfolio is frozen or closed; its money does not move.", status=409
        )
    if any(one.cash_is_locked for one in locked.values()):
        message = "A competition's portfolio keeps the capital it started with; use another portfolio."
        raise DomainError("CASH_IS_LOCKED", message, status=409)
    return locked


def _booking_id(portfolio: Portfolio, key: str | None) -> UUID:
    """Return a new booking's id, or the one that the caller's key stands for in this portfolio."""
    return UUID(deterministic_id("cash", portfolio.pk, key)) if key else new_id()


def _is_booked(booking: UUID, kind: BookingKind, movements: Sequence[_Movement]) -> bool:
    """Say whether these movements of locked portfolios are booked under this id; raise KEY_REUSED where others are."""
    held = LedgerLine.objects.filter(booking_id=booking, account=LedgerAccount.HOLDINGS)
    booked = set(held.values_list("kind", "portfolio_id", "amount"))
    if booked and booked != {(kind, portfolio.pk, amount) for portfolio, _, amount in movements}:
        message = "This key already names another movement of money; choose a new key."
        raise DomainError("KEY_REUSED", message, status=409)
    return bool(booked)


def _book(booking: UUID, kind: BookingKind, movements: Sequence[_Movement]) -> None:
    """Book signed movements of locked portfolios' settlement currency against a far account."""
    recorded_at = wall_now()
    lines: list[LedgerLine] = []
    for portfolio, far_account, amount in movements:
        balance = Balance.objects.get(portfolio=portfolio, asset=portfolio.settlement_id)
        free = worth_of([portfolio])[portfolio.pk].free if portfolio.uses_margin else balance.free
        _refuse_uncovered(portfolio, free, -amount)
        balance.amount += amount
        balance.owes = balance.owes and balance.amount < balance.reserved
        balance.save(update_fields=["amount", "owes"])
        portfolio.net_deposits += amount
        portfolio.save(update_fields=["net_deposits"])
        happened_at = market_now(portfolio.namespace)
        lines += [
            _line(booking, kind, portfolio, account, change, happened_at, recorded_at)
            for account, change in ((LedgerAccount.HOLDINGS, amount), (far_account, -amount))
        ]
    bulk_insert(LedgerLine, lines)


def _line(
    booking: UUID,
    kind: BookingKind,
    portfolio: Portfolio,
    account: LedgerAccount,
    amount: Decimal,
    happened_at: datetime,
    recorded_at: datetime,
) -> LedgerLine:
    return LedgerLine(
        booking_id=booking,
        kind=kind,
        portfolio_id=portfolio.pk,
        account=account,
        asset_id=portfolio.settlement_id,
        amount=amount,
        happened_at=happened_at,
        recorded_at=recorded_at,
    )
