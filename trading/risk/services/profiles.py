"""Setting a portfolio's limits: a ready-made profile, figures of one's own, or none. Audited; it takes effect at once."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import market_now, wall_now
from common.errors import DomainError
from common.realtime import publish
from engine.risk.limits import PROFILES, LimitError, Limits, Profile, limits_data, limits_from, loosened, profile_of
from engine.risk.marks import first_marks
from engine.risk.watching import breach_of
from markets.models import Instrument
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from portfolios.services.books import lock_portfolios
from trading.models import SafetyLevel, SafetySwitch, ScopeKind
from trading.risk.facts import held_of, limits_of, marks_of, profiles_of
from trading.risk.models import RiskProfile, RiskState
from trading.risk.services.memory import set_marks, settled_now
from trading.risk.services.watching import end_pause


def choose_profile(*, actor: User, portfolio: Portfolio, profile: Profile) -> RiskProfile:
    """Give a portfolio the limits of a ready-made profile; they stay as they are now, whatever the profile becomes later."""
    if profile not in PROFILES:
        raise DomainError("PROFILE_UNKNOWN", "Choose conservative, balanced or aggressive; or set limits one by one.")
    return _set(actor, portfolio, PROFILES[profile])


def set_limits(*, actor: User, portfolio: Portfolio, limits: Mapping[str, object]) -> RiskProfile:
    """Give a portfolio limits of its owner's own: all of them; what is left out or None is off."""
    try:
        wanted = limits_from(limits)
    except LimitError as error:
        raise DomainError("LIMIT_INVALID", error.message, {"field": error.field}) from error
    _refuse_unknown_symbols(portfolio, wanted)
    return _set(actor, portfolio, wanted)


def _refuse_unknown_symbols(portfolio: Portfolio, limits: Limits) -> None:
    for field, symbols in (("allowed", limits.allowed), ("denied", limits.denied)):
        found = Instrument.objects.filter(market__namespace=portfolio.namespace, symbol__in=symbols)
        if missing := symbols - set(found.values_list("symbol", flat=True)):
            raise DomainError("LIMIT_INVALID", f"Nothing called {min(missing)} is traded there.", {"field": field})


@transaction.atomic
def _set(actor: User, portfolio: Portfolio, limits: Limits) -> RiskProfile:
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    known = profiles_of([locked.pk]).get(locked.pk)
    before = limits_of(known) if known else Limits()
    data = limits_data(limits)
    made, _ = RiskProfile.objects.update_or_create(
        portfolio=locked, defaults={"name": profile_of(limits), "limits": data, "changed_at": wall_now()}
    )
    made.state = known.state if known else _first_state(made, locked)
    _resume_if_met(made, locked, limits)
    after = {"profile": made.name, "limits": data, "loosened": loosened(before, limits)}
    earlier = {"profile": known.name, "limits": limits_data(before)} if known else None
    audit(action="risk.changed", obj=locked, actor=actor, before=earlier, after=after)
    publish([(f"portfolio:{locked.pk}", {"refresh": ["risk"]})])
    return made


def _first_state(profile: RiskProfile, portfolio: Portfolio) -> RiskState:
    state = RiskState(profile=profile, settled=settled_now(portfolio.pk))
    equity = worth_of([portfolio])[portfolio.pk].equity
    set_marks(state, first_marks(market_now(portfolio.namespace), equity, portfolio.net_deposits))
    state.save(force_insert=True)
    return state


def _resume_if_met(profile: RiskProfile, portfolio: Portfolio, limits: Limits) -> None:
    """End a pause of the limits' own making, where they would not make it any more."""
    switch = _own_pause(portfolio.pk)
    if switch is None:
        return
    worth, now = worth_of([portfolio])[portfolio.pk], market_now(portfolio.namespace)
    if breach_of(limits, marks_of(profile.state), now, worth.equity, held_of(worth)) is None:
        end_pause(switch, portfolio)


def _own_pause(portfolio_id: UUID) -> SafetySwitch | None:
    found = SafetySwitch.objects.filter(scope=ScopeKind.PORTFOLIO, scope_id=str(portfolio_id))
    return found.exclude(level=SafetyLevel.ACTIVE).exclude(code="").first()


@transaction.atomic
def drop_limits(*, actor: User, portfolio: Portfolio) -> None:
    """Take all limits off a portfolio; what was remembered for them is forgotten, and their pause ends."""
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    known = profiles_of([locked.pk]).get(locked.pk)
    if known is None:
        return
    if (switch := _own_pause(locked.pk)) is not None:
        end_pause(switch, locked)
    before = {"profile": known.name, "limits": known.limits}
    known.delete()
    audit(action="risk.changed", obj=locked, actor=actor, before=before, after={"profile": None})
    publish([(f"portfolio:{locked.pk}", {"refresh": ["risk"]})])
