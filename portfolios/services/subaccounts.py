"""Sub-accounts: portfolios grouped under a parent that limits them; and the value above which an open needs a second person.

The capital limits are held wherever money moves in (cash.py), the two on orders where orders are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit, changes
from accounts.teams.models import Membership, Role
from common.errors import DomainError
from common.fields import is_exact
from engine.decimals import ONE, ZERO
from portfolios.models import Portfolio
from portfolios.services.books import lock_portfolios

MAX_MINUTES = 7 * 24 * 60
_LIMITS = ("max_capital", "max_capital_share", "max_order_value")


@transaction.atomic
def set_sub_account(
    *,
    actor: User,
    portfolio: Portfolio,
    parent: Portfolio,
    max_capital: Decimal | None = None,
    max_capital_share: Decimal | None = None,
    max_order_value: Decimal | None = None,
) -> Portfolio:
    """Make a portfolio a sub-account of another, with limits (settlement currency; the share 0-1 of the group; None: off).

    Both belong to one owner and one workspace and differ in nothing that money must have in common; a group has one level.
    """
    locked = lock_portfolios([portfolio.pk, parent.pk])
    child, above = locked[portfolio.pk], locked[parent.pk]
    alike = ("owner_id", "workspace_id", "kind", "namespace", "settlement_id", "account_id")
    if child.pk == above.pk or any(getattr(child, name) != getattr(above, name) for name in alike):
        message = "Choose another portfolio of the same owner, kind, market and currency as its parent."
        raise DomainError("PARENT_UNFIT", message, {"field": "parent"})
    if above.parent_id is not None or child.sub_accounts.exists():
        message = "A sub-account has none itself: choose a parent that is none."
        raise DomainError("GROUP_TOO_DEEP", message, {"field": "parent"})
    if child.cash_is_locked:
        raise DomainError("CASH_IS_LOCKED", "A competition's portfolio stands by itself.", status=409)
    _check_limits(max_capital, max_capital_share, max_order_value)
    before = Portfolio.objects.get(pk=child.pk)
    child.parent, child.max_capital = above, max_capital
    child.max_capital_share, child.max_order_value = max_capital_share, max_order_value
    child.save(update_fields=["parent", *_LIMITS])
    audit(action="portfolio.sub_account_set", obj=child, actor=actor, **changes(before, child))
    return child


@transaction.atomic
def end_sub_account(*, actor: User, portfolio: Portfolio) -> Portfolio:
    """Let a sub-account stand by itself, without the limits that its parent set."""
    child = lock_portfolios([portfolio.pk])[portfolio.pk]
    if child.parent_id is None:
        return child
    before = Portfolio.objects.get(pk=child.pk)
    child.parent, child.max_capital, child.max_capital_share, child.max_order_value = None, None, None, None
    child.save(update_fields=["parent", *_LIMITS])
    audit(action="portfolio.sub_account_ended", obj=child, actor=actor, **changes(before, child))
    return child


def _check_limits(capital: Decimal | None, share: Decimal | None, order_value: Decimal | None) -> None:
    for name, value in (("max_capital", capital), ("max_order_value", order_value)):
        if value is not None and not (is_exact(value) and ZERO < value <= 1_000_000_000):
            raise DomainError("LIMIT_INVALID", "Enter an amount above zero, or nothing.", {"field": name})
    if share is not None and not (is_exact(share) and ZERO < share <= ONE):
        message = "Enter a share above 0 and at most 1, or nothing."
        raise DomainError("LIMIT_INVALID", message, {"field": "max_capital_share"})


def check_capital(locked: Mapping[UUID, Portfolio], coming: Mapping[UUID, Decimal]) -> None:
    """Refuse money that would lift a sub-account above its limits; called under the locks, before it is booked.

    `coming` is what each portfolio gets (negative: gives). A share is of what the parent and all its sub-accounts have
    contributed together, afterwards.
    """
    for pk, amount in coming.items():
        one = locked[pk]
        if amount <= ZERO or one.parent_id is None:
            continue
        after = one.net_deposits + amount
        if one.max_capital is not None and after > one.max_capital:
            raise _too_much(one, "SUB_ACCOUNT_CAPITAL_LIMIT", one.max_capital - one.net_deposits)
        if one.max_capital_share is not None:
            group = Portfolio.objects.filter(parent=one.parent_id) | Portfolio.objects.filter(pk=one.parent_id)
            held = dict(group.values_list("pk", "net_deposits"))
            total = sum((value + coming.get(key, ZERO) for key, value in held.items()), ZERO)
            if after > one.max_capital_share * total:
                raise _too_much(one, "SUB_ACCOUNT_SHARE_LIMIT", one.max_capital_share * total - one.net_deposits)


def _too_much(portfolio: Portfolio, code: str, room: Decimal) -> DomainError:
    room = max(room, ZERO).quantize(Decimal("0.01"))
    message = f"The limit of this sub-account leaves room for about {room:f} {portfolio.settlement_id}."
    return DomainError(code, message, {"field": "amount", "room": str(room)}, status=409)


@transaction.atomic
def set_approval(*, actor: User, portfolio: Portfolio, above: Decimal | None, minutes: int = 60) -> Portfolio:
    """Have opens by hand that are worth more than `above` wait for a second person, `minutes` long; None: none waits.

    Of workspaces' portfolios only. Whoever manages one makes the limit stricter; only an owner of the workspace loosens it.
    """
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    if locked.workspace_id is None:
        message = "Nobody else could approve: give the portfolio to a workspace first."
        raise DomainError("NO_WORKSPACE", message, status=409)
    if above is not None and not (is_exact(above) and ZERO <= above <= 1_000_000_000):
        raise DomainError("LIMIT_INVALID", "Enter an amount of 0 or more, or nothing.", {"field": "above"})
    if not 1 <= minutes <= MAX_MINUTES:
        raise DomainError("MINUTES_INVALID", f"Enter 1 to {MAX_MINUTES} minutes.", {"field": "minutes"})
    held = locked.approval_above
    looser = held is not None and (above is None or above > held)
    owns = Membership.objects.filter(user=actor, workspace=locked.workspace_id, role=Role.OWNER)
    if looser and not owns.exists():
        raise DomainError("OWNERS_ONLY", "Only an owner of the workspace loosens this limit.", status=403)
    before = Portfolio.objects.get(pk=locked.pk)
    locked.approval_above, locked.approval_minutes = above, minutes
    locked.save(update_fields=["approval_above", "approval_minutes"])
    audit(action="portfolio.approval_set", obj=locked, actor=actor, **changes(before, locked))
    return locked
