"""Whose a portfolio is besides its owner: a workspace's, or, for a while, somebody's to whom it is lent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.selectors import access_credential, profile_by_handle
from accounts.services import audit, notify
from accounts.teams.models import Membership, Permission, Role, Workspace
from accounts.teams.selectors import role_forbids
from common.clock import wall_now
from common.errors import DomainError
from common.realtime import interrupt
from portfolios.delegation_models import Delegation, DelegationScope
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.books import lock_portfolios

LONGEST = timedelta(days=365)
MAX_DELEGATIONS = 20
# portfolio -> raises DomainError where something above ties it to its owner.
MoveCheck = Callable[[Portfolio], None]
_checks: list[MoveCheck] = []
# portfolio -> takes away what those knew who may no longer say what becomes of it.
Moved = Callable[[Portfolio], None]
_moved: list[Moved] = []


def register_move_check(check: MoveCheck) -> None:
    """Have a check asked, under the portfolio's lock, before it changes hands between a person and a workspace."""
    if check not in _checks:
        _checks.append(check)


def register_moved(moved: Moved) -> None:
    """Have something done, under the portfolio's lock, when it has changed hands between a person and a workspace."""
    if moved not in _moved:
        _moved.append(moved)


@transaction.atomic
def give_to_workspace(*, actor: User, portfolio: Portfolio, workspace: Workspace) -> Portfolio:
    """Let a workspace have a portfolio of one's own: from now on its roles alone say who may do what."""
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    mine = Membership.objects.select_related("permission_set").filter(user=actor, workspace=workspace).first()
    if mine is None or Permission.MANAGE not in mine.permissions:
        raise role_forbids(Permission.MANAGE)
    if locked.owner_id != actor.pk or locked.workspace_id is not None:
        raise DomainError("NOT_YOUR_PORTFOLIO", "Only a portfolio of your own goes into a workspace.", status=409)
    _check_move(locked)
    locked.workspace = workspace
    locked.save(update_fields=["workspace"])
    _tell_moved(locked)
    told = {"workspace": str(workspace.pk)}
    audit(
        action="portfolio.given_to_workspace",
        obj=locked,
        actor=actor,
        after=told,
        role=mine.role_name,
        workspace_id=workspace.pk,
    )
    return locked


@transaction.atomic
def take_from_workspace(*, actor: User, portfolio: Portfolio) -> Portfolio:
    """Give a portfolio back to its owner: an owner of the workspace does, or the portfolio's, who must manage it there."""
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    workspace = locked.workspace
    if workspace is None:
        return locked
    mine = Membership.objects.select_related("permission_set").filter(user=actor, workspace=workspace).first()
    if mine is None or Permission.MANAGE not in mine.permissions:
        raise role_forbids(Permission.MANAGE)
    if mine.role != Role.OWNER and locked.owner_id != actor.pk:
        message = "Only an owner of the workspace, or who brought the portfolio, takes it out."
        raise DomainError("OWNERS_ONLY", message, status=403)
    _check_move(locked)
    locked.workspace, locked.approval_above = None, None
    locked.save(update_fields=["workspace", "approval_above"])
    _tell_moved(locked)
    told = {"workspace": str(workspace.pk)}
    audit(
        action="portfolio.taken_from_workspace",
        obj=locked,
        actor=actor,
        before=told,
        role=mine.role_name,
        workspace_id=workspace.pk,
    )
    for user_id in workspace.memberships.values_list("user_id", flat=True):
        interrupt(access_credential(user_id))
    return locked


def _tell_moved(locked: Portfolio) -> None:
    for moved in _moved:
        moved(locked)


def _check_move(locked: Portfolio) -> None:
    if locked.state == PortfolioState.CLOSED:
        raise DomainError("PORTFOLIO_NOT_OPEN", "This portfolio is closed.", status=409)
    if locked.cash_is_locked:
        raise DomainError("CASH_IS_LOCKED", "In a competition everybody plays for themselves.", status=409)
    if locked.parent_id is not None or locked.sub_accounts.exists():
        raise DomainError("PORTFOLIO_IS_GROUPED", "Take it out of its group of sub-accounts first.", status=409)
    for check in _checks:
        check(locked)


@transaction.atomic
def lend(*, actor: User, portfolio: Portfolio, handle: str, scope: DelegationScope, ends_at: datetime) -> Delegation:
    """Let a person see, or trade, a portfolio until a moment of wall time, at most a year ahead; it ends by itself."""
    locked, now = lock_portfolios([portfolio.pk])[portfolio.pk], wall_now()
    if not now < ends_at <= now + LONGEST:
        message = "Let it end in the future, and within a year."
        raise DomainError("END_INVALID", message, {"field": "ends_at"})
    if locked.cash_is_locked:
        raise DomainError("CASH_IS_LOCKED", "In a competition everybody plays for themselves.", status=409)
    person = profile_by_handle(handle.strip().lstrip("@")).user
    if person.pk in (actor.pk, locked.owner_id if locked.workspace_id is None else None):
        raise DomainError("SAME_PERSON", "Lend it to somebody else.", {"field": "handle"})
    live = locked.delegations.filter(ended_at=None)
    if live.filter(person=person, ends_at__gt=now).exists():
        message = "They have a right over this portfolio already: take it back first."
        raise DomainError("LENT_ALREADY", message, {"field": "handle"}, status=409)
    end_delegations(live.filter(person=person))
    if live.count() >= MAX_DELEGATIONS:
        raise DomainError("TOO_MANY_DELEGATIONS", f"Lend a portfolio to {MAX_DELEGATIONS} people at most.", status=409)
    made = Delegation.objects.create(portfolio=locked, person=person, scope=scope, given_by=actor, ends_at=ends_at)
    after = {"person": str(person.pk), "scope": scope, "ends_at": ends_at.isoformat()}
    audit(action="portfolio.lent", obj=locked, actor=actor, after=after)
    context = {"portfolio": str(locked.pk), "name": locked.name, "scope": DelegationScope(scope).label.lower()}
    notify(user=person, event="portfolio.lent", context={**context, "until": f"{ends_at:%Y-%m-%d %H:%M} UTC"})
    return made


@transaction.atomic
def take_back(*, actor: User, delegation: Delegation) -> None:
    """End what was lent, at once; a second time changes nothing."""
    if Delegation.objects.filter(pk=delegation.pk, ended_at=None).update(ended_at=wall_now()):
        before = {"person": str(delegation.person_id), "scope": delegation.scope}
        audit(action="portfolio.taken_back", obj=delegation.portfolio, actor=actor, before=before)
        interrupt(access_credential(delegation.person_id))


@transaction.atomic
def end_due_delegations() -> int:
    """Notice what has run out and have its holders' sockets ask anew; the gates count by the moment and need nobody."""
    return end_delegations(Delegation.objects.filter(ended_at=None, ends_at__lte=wall_now()))


def end_delegations(rows: QuerySet[Delegation]) -> int:
    """End these, now or when they ran out before, have their holders' sockets ask anew, and return how many there were."""
    ended, now = 0, wall_now()
    for one in rows.select_related("portfolio").order_by("pk"):
        if Delegation.objects.filter(pk=one.pk, ended_at=None).update(ended_at=min(one.ends_at, now)):
            ended += 1
            before = {"person": str(one.person_id), "scope": one.scope}
            audit(action="portfolio.delegation_ended", obj=one.portfolio, before=before)
            interrupt(access_credential(one.person_id))
    return ended


def refuse_departure(workspace: Workspace, user: User | None) -> None:
    """Keep whoever answers for portfolios of a workspace, or the workspace that has some, until they were taken out."""
    held = Portfolio.objects.filter(workspace=workspace)
    if user is not None:
        held = held.filter(owner=user)
    if names := list(held.order_by("name").values_list("name", flat=True)[:5]):
        message = f"Take these portfolios out of the workspace first: {', '.join(names)}."
        raise DomainError("HOLDS_PORTFOLIOS", message, {"portfolios": names}, status=409)


def end_with_role(workspace: Workspace, user_id: UUID, lost: frozenset[str]) -> None:
    """End what was lent of a workspace's portfolios by somebody who may lend no more, and to somebody who has gone."""
    gone = Q(pk__in=[])
    if Permission.MANAGE in lost:
        gone |= Q(given_by=user_id)
    if Permission.VIEW in lost:
        gone |= Q(person=user_id)
    end_delegations(Delegation.objects.filter(gone, portfolio__workspace=workspace, ended_at=None))
