"""Reads of profit shares: which are due, and what a follow owes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import CharField, DateTimeField, F, Q, QuerySet

from common.db import Slot
from common.fields import DecimalSum
from common.prepared import Prepared
from engine.copy_accounts.profit_share import Basis, settle
from engine.decimals import ZERO
from portfolios.models import PortfolioKind, PortfolioState
from portfolios.selectors import Worth, worth_of
from trading.copy_accounts.models import ProfitShareAccount, ProfitShareSettlement
from trading.models import Follow, FollowState

_LEAD_LEFT = Q(is_lead_gone=False) & (
    Q(follow__lead__state=PortfolioState.CLOSED) | Q(follow__lead__owner__is_active=False)
)


def _due() -> QuerySet[ProfitShareAccount, Any]:
    moved = ~Q(net_deposits=F("follow__portfolio__net_deposits"))
    ended = Q(follow__state=FollowState.STOPPED)
    late = Q(settles_at__lte=Slot("until", DateTimeField()))
    changes = Q(next_ratio_at__lte=Slot("until", DateTimeField()))
    found = ProfitShareAccount.objects.filter(
        late | moved | ended | changes | _LEAD_LEFT,
        is_open=True,
        follow__portfolio__namespace=Slot("namespace", CharField()),
    )
    return found.order_by("pk").values_list("pk")


_DUE = Prepared(_due)


def due_accounts(namespace: str, until: datetime) -> list[UUID]:
    """Return the open accounts of a namespace that something is to be settled of: a week, an end, a movement of money, another share."""
    return [pk for (pk,) in _DUE.rows(namespace=namespace, until=until)]


def basis_of(worth: Worth) -> Basis:
    """Return what a follow's books say of its profit; what the insurance fund bore of a loss was none of it."""
    return Basis(worth.realized_pnl + worth.insured, worth.unrealized_pnl, worth.fees_paid, worth.funding_paid)


def dues_of(follow_ids: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Return all that was ever settled of each of these follows; those with nothing are left out."""
    rows = ProfitShareSettlement.objects.filter(account__among=list(follow_ids)).order_by()
    return dict(rows.values_list("account").annotate(total=DecimalSum("due")))


@dataclass(frozen=True, slots=True)
class ProfitShare:
    """How a follow stands with its lead. `accrued` is what a settlement now would make due: it falls again with the profit."""

    account: ProfitShareAccount
    settled: Decimal
    accrued: Decimal
    loss: Decimal
    is_hypothetical: bool


def profit_share_of(follow: Follow) -> ProfitShare | None:
    """Return a follow's profit share (read with its portfolio) as prices stand now; None where it owes none."""
    account = ProfitShareAccount.objects.filter(follow=follow).first()
    if account is None:
        return None
    basis = basis_of(worth_of([follow.portfolio])[follow.portfolio_id])
    now = settle(basis.profit, account.high, account.ratio)
    return ProfitShare(
        account=account,
        settled=dues_of([follow.pk]).get(follow.pk, ZERO),
        accrued=now.due if account.is_open else ZERO,
        loss=now.loss if account.is_open else ZERO,
        is_hypothetical=follow.portfolio.kind != PortfolioKind.LIVE,
    )


def settlements_of(follow: Follow) -> QuerySet[ProfitShareSettlement]:
    """Return a follow's settlements, newest first."""
    return ProfitShareSettlement.objects.filter(account=follow.pk).order_by("-number")
