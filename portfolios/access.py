"""Who may do what with a portfolio: its owner everything, a workspace's members what their roles say, others what was lent.

A workspace's portfolio is not its owner's any more than anybody else's: the role alone opens it. `reachable` is the one
place where this is said; every gate and list is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import DateTimeField, Field, Q, QuerySet, UUIDField

from accounts.models import User
from accounts.requests import act_as
from accounts.teams.models import ROLE_PERMISSIONS, Permission, Role
from accounts.teams.selectors import membership_of, workspaces_with
from common.clock import wall_now
from portfolios.delegation_models import SCOPES_WITH, Delegation
from portfolios.models import Portfolio

Asker = User | AnonymousUser | None
OWN, LENT = "owner", "delegate"
REACH_FIELDS: dict[str, Field[Any, Any]] = {"asker": UUIDField(), "now": DateTimeField()}


def user_id_of(user: Asker) -> UUID | None:
    return user.pk if user is not None and user.is_authenticated else None


def token_reach(user: Asker, path: str = "portfolio") -> Q:
    """Return what narrows rows to the portfolios that the user's token may reach; without such a token, nothing."""
    reach = user.token_portfolios if isinstance(user, User) else None
    return Q() if reach is None else Q(**{f"{path}__in": reach})


def reachable(user: Asker, may: str = Permission.VIEW, prefix: str = "") -> Q:
    """Return the condition for portfolios with which the person may do this, by the token that they may have come with.

    `prefix` leads from a row to its portfolio.
    """
    return Q(pk__in=[]) if user_id_of(user) is None else reachable_by(reach_of(user), may, prefix)


def reach_of(user: Asker) -> dict[str, Any]:
    """Return what `reachable_by` asks of somebody who is signed in: who, when, and by a limited token of which portfolios."""
    reach = user.token_portfolios if isinstance(user, User) else None
    return {"asker": user_id_of(user), "now": wall_now()} | ({} if reach is None else {"reach": reach})


def reachable_by(given: Mapping[str, Any], may: str = Permission.VIEW, prefix: str = "") -> Q:
    """Return the condition of `reachable`, of the values of `reach_of` or of slots for them (REACH_FIELDS)."""
    asker = given["asker"]
    own = Portfolio.objects.filter(owner_id=asker, workspace=None).order_by().values_list("pk", flat=True)
    shared = Portfolio.objects.filter(workspace_id__in=workspaces_with(asker, may)).order_by()
    others = [shared.values_list("pk", flat=True)] + ([lent_to(asker, may, given["now"])] if may in SCOPES_WITH else [])
    # Each by an index of its own. As alternatives of one condition PostgreSQL takes them to hold for half of all portfolios,
    # and walks back through everybody's orders for the newest of somebody who has few: 1.9 s instead of 0.2 ms of a million.
    path = prefix.removesuffix("__") or "pk"
    found = Q(**{f"{path}__in": own.union(*others)})
    return found & Q(**{f"{path}__among": given["reach"]}) if "reach" in given else found


def lent_to(user_id: UUID, may: str, now: datetime) -> QuerySet[Delegation, UUID]:
    """Return the ids of the portfolios that are lent to a person then, for this; for use as a subquery."""
    found = Delegation.objects.filter(person_id=user_id, scope__in=SCOPES_WITH[may], ended_at=None, ends_at__gt=now)
    return found.order_by().values_list("portfolio_id", flat=True)


def permissions_of(user: Asker, portfolio: Portfolio) -> tuple[str, frozenset[str]]:
    """Return as what a person stands to a portfolio ("" as nothing), and what that lets them do.

    A member to whom more is lent than their role gives may do both, and is told of as who has the loan.
    """
    user_id = user_id_of(user)
    if user_id is None or not isinstance(user, User):
        return "", frozenset()
    if portfolio.workspace_id is None and portfolio.owner_id == user_id:
        return OWN, ROLE_PERMISSIONS[Role.OWNER]
    held = membership_of(user, portfolio.workspace_id) if portfolio.workspace_id else None
    by_role = held.permissions if held else frozenset[str]()
    lent = Delegation.objects.filter(portfolio=portfolio, person_id=user_id, ended_at=None, ends_at__gt=wall_now())
    scope = lent.values_list("scope", flat=True).first()
    by_loan = frozenset(name for name, scopes in SCOPES_WITH.items() if scope in scopes)
    if held is not None and by_loan <= by_role:
        return held.role_name, by_role
    return (LENT if by_loan else ""), by_role | by_loan


def note_role(user: Asker, portfolio: Portfolio) -> None:
    """Note for the audit as what the person acts; of one's own portfolio, or of a workspace's, without a statement more."""
    if portfolio.workspace_id is None and portfolio.owner_id == user_id_of(user):
        act_as(OWN)
        return
    act_as(permissions_of(user, portfolio)[0], portfolio.workspace_id)
