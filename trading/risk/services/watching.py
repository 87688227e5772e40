"""The watch over what is open: marks are moved, broken limits set a portfolio to REDUCING, and what has passed is undone.

It looks at whole sets of portfolios. What breaks a limit is rare, and takes that portfolio's lock for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.services import audit, notify
from common.clock import market_now, market_times, wall_now
from common.db import bulk_update
from common.fields import canonical
from common.realtime import publish
from engine.decimals import money
from engine.risk.marks import moved
from engine.risk.watching import Breach, breach_of
from portfolios.models import Portfolio
from portfolios.selectors import Worth, worth_of
from portfolios.services.books import lock_portfolios
from trading.codes import limit_in_words
from trading.models import SafetyLevel, SafetySwitch, ScopeKind
from trading.risk.correlations import measure_correlations
from trading.risk.facts import held_of, limits_of, marks_of
from trading.risk.models import RiskProfile, RiskState
from trading.risk.services.memory import set_marks

# So many portfolios are locked at a time: orders wait for none of them long.
BATCH = 500
_MARKS = ("day", "day_equity", "week_equity", "peak_equity", "net_deposits")


@transaction.atomic
def watch_portfolios(*, portfolio_ids: Iterable[UUID]) -> list[UUID]:
    """Look at those of the portfolios that have limits, as prices stand now; return the ids of those that break one.

    A constant number of statements, and some for each portfolio whose state changes.
    """
    wanted = RiskProfile.objects.filter(portfolio_id__among=list(portfolio_ids)).values_list("portfolio_id", flat=True)
    portfolios = lock_portfolios(wanted)
    if not portfolios:
        return []
    profiles = RiskProfile.objects.filter(portfolio_id__among=portfolios).select_related("state").order_by("pk")
    worth = worth_of(portfolios.values())
    now = market_times(one.namespace for one in portfolios.values())
    switches = _switches(portfolios)
    states, broken = [], []
    for profile in profiles:
        portfolio = portfolios[profile.portfolio_id]
        at, mine = now[portfolio.namespace], worth[profile.portfolio_id]
        if any(one.price is None for one in mine.holdings):
            continue  # valued at its cost it would make losses and heights that never were; an old price is still one
        breach = _look(profile, portfolio, mine, at, switches.get(str(portfolio.pk)))
        states.append(profile.state)
        broken += [profile.portfolio_id] if breach else []
    bulk_update(RiskState, states, _MARKS)
    return broken


def _switches(portfolio_ids: Iterable[UUID]) -> dict[str, SafetySwitch]:
    keys = [str(pk) for pk in portfolio_ids]
    return {one.scope_id: one for one in SafetySwitch.objects.filter(scope=ScopeKind.PORTFOLIO, scope_id__in=keys)}


def _look(
    profile: RiskProfile, portfolio: Portfolio, worth: Worth, at: datetime, switch: SafetySwitch | None
) -> Breach | None:
    marks = moved(marks_of(profile.state), at, worth.equity, portfolio.net_deposits)
    is_ours = switch is not None and switch.level != SafetyLevel.ACTIVE and bool(switch.code)
    if switch is not None and is_ours and switch.until is not None and switch.until <= at:
        # After a cool-down the height counts anew: the old one would break the limit again at once.
        marks = replace(marks, peak_equity=worth.equity)
        end_pause(switch, portfolio)
        is_ours = False
    set_marks(profile.state, marks)
    breach = breach_of(limits_of(profile), marks, at, worth.equity, held_of(worth))
    if breach is not None and not is_ours:
        _pause(portfolio, breach, switch)
    return breach


def _pause(portfolio: Portfolio, breach: Breach, switch: SafetySwitch | None) -> None:
    """Set a portfolio to REDUCING until the breach's pause is over, and tell its owner; a stricter switch stays as it is."""
    if switch is not None and switch.level != SafetyLevel.ACTIVE:
        return
    words = limit_in_words(breach.code)
    facts = {
        "level": SafetyLevel.REDUCING,
        "reason": words,
        "set_by": None,
        "set_at": wall_now(),
        "code": breach.code,
        "until": breach.until,
    }
    made, _ = SafetySwitch.objects.update_or_create(
        scope=ScopeKind.PORTFOLIO, scope_id=str(portfolio.pk), defaults=facts
    )
    figures = {"value": canonical(money(breach.value)), "limit": canonical(money(breach.limit))}
    audit(action="risk.paused", obj=made, after={"level": made.level, "code": breach.code, **figures})
    context = {
        "portfolio": str(portfolio.pk),
        "name": portfolio.name,
        "words": words,
        "until": f"{breach.until:%Y-%m-%d %H:%M} UTC",
    }
    notify(user=portfolio.owner, event="risk.paused", context=context)
    publish([(f"portfolio:{portfolio.pk}", {"refresh": ["risk"]})])


def end_pause(switch: SafetySwitch, portfolio: Portfolio) -> None:
    """Undo what a broken limit did to a portfolio; caller holds its lock."""
    before = {"level": switch.level, "code": switch.code}
    switch.level, switch.reason, switch.code, switch.until = SafetyLevel.ACTIVE, "", "", None
    switch.save(update_fields=["level", "reason", "code", "until"])
    audit(action="risk.resumed", obj=switch, before=before, after={"level": switch.level})
    publish([(f"portfolio:{portfolio.pk}", {"refresh": ["risk"]})])


def watch_namespace(*, namespace: str) -> list[UUID]:
    """Look at every portfolio of a namespace that has limits; return those that break one."""
    profiles = RiskProfile.objects.filter(portfolio__namespace=namespace).order_by("portfolio_id")
    found = list(profiles.values_list("portfolio_id", flat=True))
    return [
        pk
        for start in range(0, len(found), BATCH)
        for pk in watch_portfolios(portfolio_ids=found[start : start + BATCH])
    ]


def watch_all() -> None:
    """Look at every portfolio that has limits, market by market, and renew what is known of how assets move together."""
    profiles = RiskProfile.objects
    for namespace in sorted(set(profiles.values_list("portfolio__namespace", flat=True))):
        related = profiles.filter(portfolio__namespace=namespace, limits__has_key="max_correlated_share")
        if related.exists():
            measure_correlations(namespace, market_now(namespace))
        watch_namespace(namespace=namespace)
