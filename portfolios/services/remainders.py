"""What an exchange account holds that is in no portfolio: claimed, given back, and compared with what the venue says.

An account's portfolios and its remainder sum to what the venue holds, always: whatever moves one side moves the other
here. Lock order: portfolios first, then the account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit, notify
from common.clock import wall_now
from common.db import bulk_insert, bulk_save, lock_rows
from common.errors import DomainError
from common.fields import canonical
from engine.decimals import ZERO
from markets.gateway.protocol import Balance as VenueBalance
from markets.gateway.protocol import Position as VenuePosition
from portfolios.margin_models import AccountFunding
from portfolios.models import (
    AccountBalance,
    ExchangeAccount,
    Portfolio,
    PortfolioKind,
    RemainderEntry,
    RemainderReason,
)
from portfolios.selectors import books_of_account
from portfolios.services.account_margins import MarginCosts
from portfolios.services.books import lock_portfolios

# An account that agreed with its venue longer ago than this opens nothing: whoever compares them is gone.
RECONCILED_FOR = timedelta(minutes=3)
_HAIR = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Change:
    """What is added to a remainder (negative: taken from it), why, and what it belongs to.

    Of a perpetual's position, also what that adds to what the remainder was opened for.
    """

    asset: str
    amount: Decimal
    reason: RemainderReason
    note: str = ""
    cost: Decimal = ZERO


def lock_account(account_id: UUID) -> ExchangeAccount:
    """Lock an account, with its remainder."""
    return lock_rows(ExchangeAccount.objects.filter(pk=account_id).select_related("owner", "exchange"))[0]


def claim_free(account_id: UUID, asset: str, amount: Decimal) -> None:
    """Lock an account and refuse an amount that is not free there, or that portfolios claim: NOT_FREE_AT_VENUE."""
    lock_account(account_id)
    row = AccountBalance.objects.filter(account=account_id, asset=asset).first()
    unclaimed = max(row.unclaimed, ZERO) if row else ZERO
    if amount > unclaimed:
        message = f"Only {unclaimed.normalize():f} {asset} is free there and in no portfolio; enter that much or less."
        raise DomainError("NOT_FREE_AT_VENUE", message, {"field": "amount", "free": canonical(unclaimed)}, status=409)


def change_remainders(account_id: UUID, changes: Sequence[Change]) -> None:
    """Write down changes of an account's remainder. Inside a transaction; the caller needs no lock."""
    lock_account(account_id)
    rows = _rows(account_id, {one.asset for one in changes})
    for one in changes:
        rows[one.asset].remainder += one.amount
        rows[one.asset].cost += one.cost
    _store(account_id, rows, changes)


Gaps = Mapping[str, Decimal]


@transaction.atomic
def compare_account(
    *,
    account_id: UUID,
    told: Mapping[str, VenueBalance],
    as_of: int,
    seen: Gaps | None = None,
    positions: Sequence[VenuePosition] = (),
) -> Gaps | None:
    """Compare what a venue told with the portfolios and the remainder; return by how much it holds more, by asset.

    A difference that was `seen` at the comparison before is booked into the remainder, and is none any more: {} is
    agreement. `as_of` is `changes_of_account` from before the venue was asked; None where something was booked since, for
    what was told and what is booked then speak of different moments. Tells the owner when portfolios claim more than
    there is, and when positions on margin differ.
    """
    lock_portfolios(Portfolio.objects.filter(account=account_id).values_list("pk", flat=True))
    account = lock_account(account_id)
    if changes_of_account(account_id) != as_of:
        return None
    books = books_of_account(account_id)
    held = set(AccountBalance.objects.filter(account=account_id).values_list("asset", flat=True))
    told = {**told, **{one.symbol: VenueBalance(one.symbol, ZERO, ZERO, one.quantity) for one in positions}}
    rows = _rows(account_id, held | told.keys() | books.keys())
    gaps = _gaps(rows, told, books)
    on_margin = MarginCosts(account, rows, positions)
    gaps = on_margin.without_costs(gaps)
    is_first = account.books_from is None
    if gaps and gaps != seen and not is_first:
        return gaps
    money = {asset: row for asset, row in rows.items() if asset not in on_margin.symbols}
    was_short = {asset for asset, row in money.items() if row.remainder < ZERO}
    unexplained = sorted(gaps.keys() & on_margin.symbols)
    reason = RemainderReason.UNKNOWN
    if is_first or not unexplained:
        reason = _reason(gaps, settlements=_settlements(account_id), is_first=is_first)
    changes = [Change(asset, gap, reason, cost=on_margin.cost_of_gap(asset, gap)) for asset, gap in gaps.items()]
    for one in changes:
        rows[one.asset].remainder += one.amount
        rows[one.asset].cost += one.cost
    _take_reading(rows, told)
    _store(account_id, rows, changes)
    _tell_of_short(account, {asset for asset, row in money.items() if row.remainder < ZERO} - was_short)
    if unexplained and not is_first:
        context = {"label": account.label, "account": str(account.pk), "symbols": ", ".join(unexplained)}
        notify(user=account.owner, event="exchange_account.position_differs", context=context)
    if is_first:
        account.books_from = wall_now()
        account.save(update_fields=["books_from"])
    return {}


def _tell_of_short(account: ExchangeAccount, assets: set[str]) -> None:
    if assets:
        context = {"label": account.label, "account": str(account.pk), "assets": ", ".join(sorted(assets))}
        notify(user=account.owner, event="exchange_account.not_covered", context=context)


def changes_of_account(account_id: UUID) -> int:
    """Return how often what an account holds was changed by us: it grows with each fill, funding and other entry."""
    counts = Portfolio.objects.filter(account=account_id).values_list("fill_count", flat=True)
    entries = RemainderEntry.objects.filter(account=account_id).count()
    return sum(counts) + entries + AccountFunding.objects.filter(account=account_id).count()


def _gaps(
    rows: Mapping[str, AccountBalance], told: Mapping[str, VenueBalance], books: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    gaps = {
        asset: (told[asset].total if asset in told else ZERO) - books.get(asset, ZERO) - row.remainder
        for asset, row in rows.items()
    }
    return {asset: gap for asset, gap in sorted(gaps.items()) if gap}


def _settlements(account_id: UUID) -> set[str]:
    return set(Portfolio.objects.filter(account=account_id).values_list("settlement", flat=True))


def _reason(gaps: Gaps, *, settlements: set[str], is_first: bool) -> RemainderReason:
    """Return what explains differences: only up or only down is money that moved, both at once nobody told us of.

    A venue may tell a fee rounded and take it exactly: a hair of a currency that fees are paid in.
    """
    signs = {gap > ZERO for gap in gaps.values()}
    if is_first:
        return RemainderReason.FIRST
    if gaps.keys() <= settlements and all(abs(gap) <= _HAIR for gap in gaps.values()):
        return RemainderReason.ROUNDING
    if len(signs) != 1:
        return RemainderReason.UNKNOWN
    return RemainderReason.DEPOSIT if signs == {True} else RemainderReason.WITHDRAWAL


def _take_reading(rows: Mapping[str, AccountBalance], told: Mapping[str, VenueBalance]) -> None:
    now = wall_now()
    for asset, row in rows.items():
        one = told.get(asset)
        row.total, row.free, row.read_at = (one.total, one.free, now) if one else (ZERO, ZERO, now)


def _rows(account_id: UUID, assets: set[str]) -> dict[str, AccountBalance]:
    """Return the rows of assets of a locked account; one that there is not yet is empty."""
    found = {row.asset: row for row in AccountBalance.objects.filter(account=account_id, asset__in=assets)}
    now = wall_now()
    return {
        asset: found.get(asset) or AccountBalance(account_id=account_id, asset=asset, read_at=now)
        for asset in sorted(assets)
    }


def _store(account_id: UUID, rows: Mapping[str, AccountBalance], changes: Sequence[Change]) -> None:
    bulk_save(AccountBalance, list(rows.values()), ["total", "free", "remainder", "cost", "read_at"])
    bulk_insert(
        RemainderEntry,
        [
            RemainderEntry(
                account_id=account_id,
                reason=one.reason,
                asset=one.asset,
                amount=one.amount,
                note=one.note,
                at=wall_now(),
            )
            for one in changes
        ],
    )


@transaction.atomic
def set_live_trading(*, actor: User, portfolio: Portfolio, is_on: bool) -> Portfolio:
    """Let a live portfolio open positions with real money, or not. Who calls this has asked for a fresh second factor.

    Raises DomainError NOT_LIVE. Exits pass either way.
    """
    if portfolio.kind != PortfolioKind.LIVE:
        raise DomainError("NOT_LIVE", "Only a live portfolio has this switch: others trade no real money.", status=409)
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    if locked.is_live_trading_on != is_on:
        locked.is_live_trading_on = is_on
        locked.save(update_fields=["is_live_trading_on"])
        audit(action="portfolio.live_trading", obj=locked, actor=actor, after={"is_on": is_on})
    return locked
