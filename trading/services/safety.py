"""The switches: REDUCING and HALTED by scope. A halt also withdraws opens that wait; exits pass in every state."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.realtime import publish
from portfolios.services.books import lock_portfolios
from trading.models import Order, SafetyLevel, SafetySwitch, ScopeKind
from trading.selectors import is_own_scope, is_scope, of_person
from trading.services.withdrawing import withdraw_opens

_ORDERS_OF_SCOPE = {
    # A strategy that is halted emits nothing; what it sent before is its portfolio's.
    ScopeKind.STRATEGY: lambda key: Q(pk__in=[]),
    ScopeKind.PLATFORM: lambda key: Q(),
    ScopeKind.VENUE: lambda key: Q(instrument__exchange__code=key),
    ScopeKind.PORTFOLIO: lambda key: Q(portfolio_id=key),
    ScopeKind.LEAD: lambda key: Q(follow__lead_id=key),
    ScopeKind.FOLLOW: lambda key: Q(follow_id=key),
}
STRICTNESS = (SafetyLevel.ACTIVE, SafetyLevel.REDUCING, SafetyLevel.HALTED)


def halt_platform(*, actor: User, reason: str) -> None:
    """Halt all trading: new exposure is denied from now on, unsent and resting opens are withdrawn; exits pass."""
    set_safety(actor=actor, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason=reason)


def resume_platform(*, actor: User) -> None:
    """Let new exposure pass again."""
    set_safety(actor=actor, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.ACTIVE, reason="")


@transaction.atomic
def set_safety(*, actor: User, scope: ScopeKind, scope_id: str, level: SafetyLevel, reason: str) -> SafetySwitch:
    """Set the level of a scope; the strictest of an order's scopes rules.

    Operators may switch every scope, anybody their own portfolios, follows and themselves; but what an operator or a
    portfolio's limits have made stricter, its owner does not loosen.
    """
    is_own = is_own_scope(actor, scope, scope_id)
    if not (actor.is_staff or is_own):
        raise DomainError("OPERATORS_ONLY", "Only an operator may halt or resume trading.", status=403)
    if not is_scope(scope, scope_id):
        raise DomainError("SCOPE_INVALID", "Name a scope and the id of its object; the platform has none.")
    if scope == ScopeKind.PORTFOLIO:
        # A portfolio before its switch, as the watch over its limits takes the two.
        lock_portfolios([UUID(scope_id)])
    before = next(iter(lock_rows(SafetySwitch.objects.filter(scope=scope, scope_id=scope_id))), None)
    by_operator = before is not None and not actor.is_staff and _is_held(before, actor)
    if before is not None and not actor.is_staff:
        _refuse_to_loosen(before, level, by_operator=by_operator)
    # An owner who makes an operator's switch stricter does not make it theirs.
    set_by = before.set_by if before is not None and by_operator else actor
    facts = {"level": level, "reason": reason, "set_by": set_by, "set_at": wall_now(), "code": "", "until": None}
    switch, _ = SafetySwitch.objects.update_or_create(scope=scope, scope_id=scope_id, defaults=facts)
    if level == SafetyLevel.HALTED:
        mine = of_person(actor, scope_id) if scope == ScopeKind.USER else _ORDERS_OF_SCOPE[scope](scope_id)
        withdraw_opens(Order.objects.filter(mine), code="TRADING_HALTED")
    audit(
        action="safety.set",
        obj=switch,
        actor=actor,
        before={"level": before.level if before else "ACTIVE"},
        after={"level": level, "reason": reason},
    )
    if scope == ScopeKind.PORTFOLIO:
        publish([(f"portfolio:{scope_id}", {"refresh": ["risk"]})])
    return switch


def _is_held(switch: SafetySwitch, actor: User) -> bool:
    """Say whether somebody else, an operator, holds a switch."""
    if switch.level == SafetyLevel.ACTIVE or switch.set_by is None or switch.set_by_id == actor.pk:
        return False
    # Of those who share a portfolio each may undo what another of them did.
    return not is_own_scope(switch.set_by, ScopeKind(switch.scope), switch.scope_id)


def _refuse_to_loosen(switch: SafetySwitch, level: SafetyLevel, *, by_operator: bool) -> None:
    if STRICTNESS.index(level) >= STRICTNESS.index(SafetyLevel(switch.level)):
        return
    if switch.code:
        message = "A limit of this portfolio paused it; wait for the pause to end, or change the limit."
        raise DomainError("PAUSED_BY_LIMIT", message, {"limit": switch.code}, status=409)
    if by_operator:
        message = "An operator did this, and only an operator may undo it."
        raise DomainError("HALTED_BY_OPERATOR", message, status=403)
