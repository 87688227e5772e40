"""Settling profit shares: each Monday 00:00 UTC of market time, and when money leaves, a follow ends or a lead goes.

The rows say what is due, so nobody has to be told: whoever moves market time asks, and a lost call loses nothing. What
is due is written down and never taken: the shares of real money are invoiced.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from common.clock import market_now, wall_now
from common.db import bulk_insert, bulk_update, lock_rows
from common.errors import DomainError
from common.realtime import publish
from engine.copy_accounts.profit_share import (
    DEFAULT_RATIO,
    MAX_RATIO,
    MIN_RATIO,
    divided,
    last_settlement,
    next_settlement,
    scaled,
    settle,
    taken_up,
)
from engine.decimals import ZERO
from portfolios.models import Portfolio, PortfolioKind, PortfolioState
from portfolios.selectors import Worth, worth_of
from portfolios.services.books import lock_portfolios
from trading.copy_accounts.models import HighWaterMark, ProfitShareAccount, ProfitShareSettlement, SettlementCause
from trading.copy_accounts.selectors import basis_of, due_accounts
from trading.models import Follow, FollowState

BATCH = 500
# So long a settlement waits for fresh prices; then it takes the last ones known.
PATIENCE = timedelta(hours=1)


def check_ratio(ratio: Decimal) -> Decimal:
    """Return a profit share that a lead may ask for, or say what is wrong with it."""
    if not ratio.is_finite() or not MIN_RATIO <= ratio <= MAX_RATIO or ratio != round(ratio, 4):
        message = f"Choose a profit share from {MIN_RATIO:.0%} to {MAX_RATIO:.0%} with at most two decimals."
        raise DomainError("PROFIT_SHARE_OUT_OF_RANGE", message, {"field": "profit_share"})
    return ratio


@transaction.atomic
def open_account(*, follow: Follow, ratio: Decimal = DEFAULT_RATIO) -> ProfitShareAccount:
    """Have a follow that has just started share its profit; what its follower lost with this lead before counts on."""
    check_ratio(ratio)
    before = ProfitShareAccount.objects.filter(
        is_open=True,
        follow__follower=follow.follower_id,
        follow__lead=follow.lead_id,
        follow__state=FollowState.STOPPED,
    )
    # A follow that ended a moment ago: its loss is kept before it is taken up.
    ended = list(before.values_list("pk", flat=True))
    settle_accounts(follow_ids=ended, until=follow.started_at, waits=False)
    book = lock_portfolios([follow.portfolio_id])[follow.portfolio_id]
    HighWaterMark.objects.get_or_create(follower_id=follow.follower_id, lead_id=follow.lead_id)
    mark = lock_rows(HighWaterMark.objects.filter(follower=follow.follower_id, lead=follow.lead_id))[0]
    account = ProfitShareAccount(
        follow=follow,
        mark=mark,
        ratio=ratio,
        net_deposits=book.net_deposits,
        settles_at=next_settlement(follow.started_at),
    )
    if mark.stopped_at is not None:
        _take_up(mark, account, book.net_deposits, follow.started_at)
    account.save(force_insert=True)
    return account


def _take_up(mark: HighWaterMark, account: ProfitShareAccount, capital: Decimal, at: datetime) -> None:
    """Lay a kept loss upon the follower's open follows of the lead, by contributed capital (one, as long as a lead is followed once)."""
    assert mark.stopped_at is not None
    loss = taken_up(mark.loss, equity=mark.equity, capital=capital, stopped_at=mark.stopped_at, at=at)
    others = list(ProfitShareAccount.objects.filter(mark=mark, is_open=True).order_by("pk"))
    parts = divided(loss, [capital, *(other.net_deposits for other in others)])
    for bearer, part in zip([account, *others], parts, strict=True):
        bearer.high += part
    bulk_update(ProfitShareAccount, others, ["high"])
    mark.loss, mark.equity, mark.stopped_at = ZERO, ZERO, None
    mark.save(update_fields=["loss", "equity", "stopped_at"])


def settle_due(*, namespace: str, until: datetime) -> int:
    """Settle what has become due in a namespace by a moment of market time; return how many settlements were written."""
    found = due_accounts(namespace, until)
    return sum(
        settle_accounts(follow_ids=found[start : start + BATCH], until=until) for start in range(0, len(found), BATCH)
    )


@transaction.atomic
def settle_accounts(*, follow_ids: Sequence[UUID], until: datetime, waits: bool = True) -> int:
    """Settle those of a batch of accounts that are due, each cause once; return how many settlements were written.

    A constant number of statements. One whose holdings have no fresh price waits for it, unless `waits` is False.
    """
    if not follow_ids:
        return 0
    portfolios = lock_portfolios(Follow.objects.filter(pk__among=follow_ids).values("portfolio_id"))
    rows = ProfitShareAccount.objects.filter(pk__among=follow_ids, is_open=True)
    accounts = lock_rows(rows.select_related("follow__lead__owner", "mark"))
    worth = worth_of(portfolios.values())
    written: list[ProfitShareSettlement] = []
    for account in accounts:
        book = portfolios[account.follow.portfolio_id]
        if waits and _has_to_wait(account, worth[book.pk], until):
            continue
        if (settled := _settle(account, book, worth[book.pk], until)) is not None:
            written.append(settled)
    ended = [account.mark for account in accounts if not account.is_open]
    bulk_insert(ProfitShareSettlement, written)
    fields = [
        "ratio",
        "next_ratio",
        "next_ratio_at",
        "high",
        "net_deposits",
        "settles_at",
        "last_number",
        "is_lead_gone",
        "is_open",
    ]
    bulk_update(ProfitShareAccount, accounts, fields)
    bulk_update(HighWaterMark, ended, ["loss", "equity", "stopped_at"])
    books = {one.account.follow.portfolio_id for one in written}
    publish([(f"portfolio:{pk}", {"refresh": ["profit_share"]}) for pk in sorted(books)])
    return len(written)


def _has_to_wait(account: ProfitShareAccount, worth: Worth, until: datetime) -> bool:
    """Say whether what an account holds cannot be valued yet: never without a price, for a while with an old one."""
    if any(one.price is None for one in worth.holdings):
        return True
    changes_at = account.next_ratio_at or account.settles_at
    since = account.follow.stopped_at or min(changes_at, account.settles_at)
    return worth.is_stale and timedelta(0) <= until - since <= PATIENCE


def _settle(
    account: ProfitShareAccount, book: Portfolio, worth: Worth, until: datetime
) -> ProfitShareSettlement | None:
    """Move an account on by what is due of it, in place; None where only money came in."""
    withdrawn = max(account.net_deposits - book.net_deposits, ZERO)
    account.net_deposits = book.net_deposits
    cause = _cause(account, withdrawn, until)
    if cause is None:
        return None
    basis = basis_of(worth)
    settled = settle(basis.profit, account.high, account.ratio)
    loss = settled.loss
    if cause == SettlementCause.STOP:
        account.is_open = False
        account.mark.loss += loss
        account.mark.equity += worth.equity + withdrawn
        account.mark.stopped_at = account.follow.stopped_at or until
    else:
        loss = scaled(loss, equity=worth.equity + withdrawn, withdrawn=withdrawn)
    account.high = basis.profit + loss
    account.last_number += 1
    ratio = account.ratio
    if account.next_ratio is not None and _changes_share(account, until):
        account.ratio, account.next_ratio, account.next_ratio_at = account.next_ratio, None, None
    key = _key(account, cause, until)
    if until >= account.settles_at:
        account.settles_at = next_settlement(until)
    return ProfitShareSettlement(
        account=account,
        number=account.last_number,
        cause=cause,
        key=key,
        realized_pnl=basis.realized_pnl,
        unrealized_pnl=basis.unrealized_pnl,
        fees=basis.fees,
        funding=basis.funding,
        profit=basis.profit,
        high_before=settled.high_before,
        high_after=account.high,
        ratio=ratio,
        due=settled.due,
        platform_fee=settled.platform_fee,
        equity=worth.equity,
        withdrawn=withdrawn,
        is_hypothetical=book.kind != PortfolioKind.LIVE,
        settled_at=market_now(book.namespace),
        recorded_at=wall_now(),
    )


def _cause(account: ProfitShareAccount, withdrawn: Decimal, until: datetime) -> SettlementCause | None:
    """Return why an account is settled now; where several reasons meet, the one that ends more."""
    lead = account.follow.lead
    if account.follow.state == FollowState.STOPPED:
        return SettlementCause.STOP
    if not account.is_lead_gone and (lead.state == PortfolioState.CLOSED or not lead.owner.is_active):
        account.is_lead_gone = True
        return SettlementCause.LEAD_EXIT
    if withdrawn:
        return SettlementCause.WITHDRAWAL
    if until >= account.settles_at:
        return SettlementCause.WEEK
    return SettlementCause.SHARE if _changes_share(account, until) else None


def _changes_share(account: ProfitShareAccount, until: datetime) -> bool:
    return account.next_ratio_at is not None and until >= account.next_ratio_at


def _key(account: ProfitShareAccount, cause: SettlementCause, until: datetime) -> str:
    if cause == SettlementCause.WEEK:
        return f"WEEK:{last_settlement(until):%Y-%m-%d}"
    repeats = cause in (SettlementCause.WITHDRAWAL, SettlementCause.SHARE)
    return f"{cause}:{account.last_number}" if repeats else cause.value
