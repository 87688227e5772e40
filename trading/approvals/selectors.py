"""Reads of approvals, and their gate."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.teams.models import Permission
from common.clock import wall_now
from portfolios.access import Asker, reachable
from portfolios.models import Portfolio
from trading.approvals.models import ApprovalState, OrderApproval
from trading.selectors import row_for_user


def approvals() -> QuerySet[OrderApproval]:
    """Return approvals with what showing them needs, newest first."""
    people = ("requested_by__profile", "decided_by__profile")
    return OrderApproval.objects.select_related("portfolio", "instrument__market", *people).order_by("-pk")


def waiting(rows: QuerySet[OrderApproval]) -> QuerySet[OrderApproval]:
    """Return those that can still be decided."""
    return rows.filter(state=ApprovalState.WAITING, expires_at__gt=wall_now())


def approvals_of(portfolio: Portfolio) -> QuerySet[OrderApproval]:
    return approvals().filter(portfolio=portfolio)


def approvals_of_user(user: User) -> QuerySet[OrderApproval]:
    """Return the approvals of all portfolios that the user may see, newest first."""
    return approvals().filter(reachable(user, prefix="portfolio__"))


def approval_for_user(user: Asker, approval_id: UUID | str, may: str = Permission.VIEW) -> OrderApproval:
    """The gate: an approval of a portfolio with which the user may do this; NotFound, or 403 if they may only look."""
    return row_for_user(user, approvals(), approval_id, "approval", may)
