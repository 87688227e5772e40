"""The switches: REDUCING and HALTED by scope. A halt also withdraws what was not sent; exits pass in every state."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.errors import DomainError
from trading.models import Order, SafetyLevel, SafetySwitch, ScopeKind
from trading.services.withdrawing import withdraw_unsent_opens

_ORDERS_OF_SCOPE = {
    # A strategy that is halted emits nothing; what it sent before is its portfolio's.
    ScopeKind.STRATEGY: lambda key: Q(pk__in=[]),
    ScopeKind.PLATFORM: lambda key: Q(),
    ScopeKind.VENUE: lambda key: Q(instrument__exchange__code=key),
    ScopeKind.USER: lambda key: Q(portfolio__owner_id=key),
    ScopeKind.PORTFOLIO: lambda key: Q(portfolio_id=key),
    ScopeKind.LEAD: lambda key: Q(follow__lead_id=key),
    ScopeKind.FOLLOW: lambda key: Q(follow_id=key),
}


def halt_platform(*, actor: User, reason: str) -> None:
    """Halt all trading: new exposure is denied from now on, unsent opens are withdrawn; exits pass."""
    set_safety(actor=actor, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason=reason)


def resume_platform(*, actor: User) -> None:
    """Let new exposure pass again."""
    set_safety(actor=actor, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.ACTIVE, reason="")


@transaction.atomic
def set_safety(*, actor: User, scope: ScopeKind, scope_id: str, level: SafetyLevel, reason: str) -> SafetySwitch:
    """Set the level of a scope. Only operators may; the strictest of an order's scopes rules."""
    if not actor.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may halt or resume trading.", status=403)
    if scope not in _ORDERS_OF_SCOPE or (scope == ScopeKind.PLATFORM) != (scope_id == ""):
        raise DomainError("SCOPE_INVALID", "Name a scope and the id of its object; the platform has none.")
    before = SafetySwitch.objects.select_for_update(no_key=True).filter(scope=scope, scope_id=scope_id).first()
    switch, _ = SafetySwitch.objects.update_or_create(
        scope=scope,
        scope_id=scope_id,
        defaults={"level": level, "reason": reason, "set_by": actor, "set_at": wall_now()},
    )
    if level == SafetyLevel.HALTED:
        withdraw_unsent_opens(Order.objects.filter(_ORDERS_OF_SCOPE[scope](scope_id)), code="TRADING_HALTED")
    audit(
        action="safety.set",
        obj=switch,
        actor=actor,
        before={"level": before.level if before else "ACTIVE"},
        after={"level": level, "reason": reason},
    )
    return switch
