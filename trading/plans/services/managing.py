"""What an owner does with a plan: begin it, pause it, go on, stop it. Each refuses what cannot be, and changes nothing then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import market_now
from common.errors import DomainError
from common.ids import new_id
from engine.decimals import ZERO, floor_to_step, money
from engine.matching.types import Kind
from engine.plans.kinds import PlanKind, checked, plan_of
from engine.plans.preview import Preview, preview
from engine.plans.storing import stored
from engine.plans.types import SELL, PlanError, Wish
from engine.plans.types import Plan as PurePlan
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.books import Holdings
from trading.codes import explain
from trading.models import Order
from trading.plans.models import UNFINISHED_PLAN, Plan, PlanState
from trading.plans.pure import grid_of
from trading.plans.selectors import kinds_for
from trading.plans.services.moving import CLOSING_KEY, PLAN_STOPPED, Moving, OnItsWay, locked_plan
from trading.risk.services.log import keeping_refusals
from trading.services.orders import lock_by_hand, refuse_foreign, refuse_what_cannot_be

# Of one portfolio at a time.
MOST_PLANS = 20
# What must be there whole when they begin, though it is sent in parts.
_IN_PARTS = (PlanKind.TWAP, PlanKind.ICEBERG)


def make_plan(
    portfolio: Portfolio, instrument: Instrument, kind: PlanKind, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], PurePlan[Any]]:
    """Return checked settings and the plan of them; refuse settings that make none, or none in this portfolio."""
    refuse_foreign(portfolio, instrument)
    grid = grid_of(instrument)
    try:
        found = checked(kind, settings, grid)
        plan = plan_of(kind, found, grid)
    except PlanError as error:
        code = error.code if error.field else f"PLAN_{error.code}_INVALID"
        field = error.field or error.code.lower()
        raise DomainError(code, error.message, {"field": _FIELDS.get(field, field)}) from error
    if portfolio.account_id is not None and (kind not in kinds_for(portfolio) or "limit_price" in found):
        message = (
            "On an exchange account only plans of market orders run so far: DCA, TWAP and scheduled, without a limit."
        )
        raise DomainError("PLAN_NOT_ON_ACCOUNT", message, {"field": "kind"})
    return found, plan


# The setting that a rule about several of them is shown at.
_FIELDS = {"range": "lower", "steps": "most_steps", "spent": "most_spent"}


def preview_plan(
    *, portfolio: Portfolio, instrument: Instrument, kind: PlanKind, settings: Mapping[str, Any]
) -> Preview:
    """Return what such a plan would do if it began now; refuses what `begin_plan` would, as far as settings go."""
    _, plan = make_plan(portfolio, instrument, kind, settings)
    now = market_now(portfolio.namespace)
    found = preview(plan, _price_of(instrument), _ms(now))
    _refuse_odd(instrument, found)
    return found


def begin_plan(
    *,
    actor: User,
    portfolio: Portfolio,
    instrument: Instrument,
    kind: PlanKind,
    settings: Mapping[str, Any],
    key: str | None = None,
) -> Plan:
    """Begin a plan; its first orders are sent after the commit. What cannot run as asked is refused, and nothing is stored.

    `key` is the caller's own name for this plan: the same key again returns the same plan.
    """
    found, pure = make_plan(portfolio, instrument, kind, settings)
    quantity = Decimal(found.get("quantity", ZERO))
    with keeping_refusals(portfolio, instrument, quantity), transaction.atomic():
        locked = lock_by_hand(portfolio)
        plan = Plan(
            id=new_id(),
            portfolio=locked,
            instrument=instrument,
            namespace=locked.namespace,
            kind=kind,
            key=key or new_id().hex,
            settings={name: stored(value) for name, value in found.items()},
            memory={},
            heard=locked.fill_count,
            began_at=market_now(locked.namespace),
        )
        if (first := Plan.objects.filter(portfolio=locked, key=plan.key).first()) is not None:
            return _same_as_before(first, plan)
        _refuse_where_none_may_begin(locked)
        price = _price_of(instrument)
        seen = preview(pure, price, _ms(plan.began_at))
        _refuse_odd(instrument, seen)
        if kind == PlanKind.SCHEDULED and found["at"] <= _ms(plan.began_at):
            message = "Enter a time that is still to come, by the clock of its market."
            raise DomainError("AT_PAST", message, {"field": "at", "now": plan.began_at.isoformat()})
        if kind in _IN_PARTS:
            _refuse_uncovered(plan, seen)
        plan.most_cost = money(seen.cost)
        moving = Moving(plan)
        if orders := moving.begin(price):
            refuse_what_cannot_be(orders)
        moving.save()
        audit(action="plan.begun", obj=plan, actor=actor, after={"kind": kind, "instrument": instrument.symbol})
        return plan


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _price_of(instrument: Instrument) -> Decimal:
    newest = latest_prices([instrument]).get(instrument.pk)
    if newest is None:
        raise DomainError("PRICE_UNKNOWN", explain("PRICE_UNKNOWN", Order(instrument=instrument)), status=409)
    return newest.price


def _same_as_before(first: Plan, asked: Plan) -> Plan:
    compared = ("kind", "instrument_id", "settings")
    if any(getattr(first, name) != getattr(asked, name) for name in compared):
        raise DomainError("KEY_REUSED", "This key already names another plan; choose a new key.", status=409)
    return first


def _refuse_where_none_may_begin(portfolio: Portfolio) -> None:
    if portfolio.state != PortfolioState.OPEN:
        message = "This portfolio is frozen or closed; it opens nothing new."
        raise DomainError("PORTFOLIO_NOT_OPEN", message, status=409)
    if Plan.objects.filter(portfolio=portfolio, state__in=UNFINISHED_PLAN).count() >= MOST_PLANS:
        message = f"A portfolio has at most {MOST_PLANS} plans at a time; stop one first."
        raise DomainError("TOO_MANY_PLANS", message, {"most": MOST_PLANS}, status=409)


def _refuse_odd(instrument: Instrument, seen: Preview) -> None:
    """Refuse a plan of which a step would be too small for the venue, or that would not even begin."""
    if not seen.steps:
        message = "The first purchase would already cost more than all of them may."
        raise DomainError("MOST_SPENT_TOO_SMALL", message, {"field": "most_spent"})
    for step in seen.steps:
        code = ""
        if step.quantity < max(instrument.min_quantity, instrument.lot_step):
            code = "QUANTITY_BELOW_MINIMUM"
        elif step.value < instrument.min_notional:
            code = "NOTIONAL_BELOW_MINIMUM"
        if code:
            raise DomainError(code, explain(code, Order(instrument=instrument)), {"step": step.label}, status=409)


def _refuse_uncovered(plan: Plan, seen: Preview) -> None:
    """Refuse to begin what the portfolio could not bring to its end as it stands now (before fees)."""
    market, sells = plan.instrument.market, plan.settings["side"] == SELL
    asset = market.base_id if sells else market.quote_id
    free = Holdings({plan.portfolio_id}, {asset}).free(plan.portfolio_id, asset)
    needed = sum((one.quantity for one in seen.steps), ZERO) if sells else seen.cost
    if needed > free:
        code = "INSUFFICIENT_BALANCE" if not sells else "QUANTITY_ABOVE_POSITION" if free else "NOTHING_TO_CLOSE"
        facts = {"free": stored(free), "field": "quantity"}
        raise DomainError(code, explain(code, Order(instrument=plan.instrument)), facts, status=409)


def pause_plan(*, actor: User, plan: Plan) -> Plan:
    """Let a plan open nothing until it is resumed: what waits to is taken back, its exits stay. Again, it changes nothing."""
    with _on_its_way_refused(), transaction.atomic():
        found = locked_plan(plan.pk)
        if found.state == PlanState.PAUSED:
            return found
        moving = _heard(found)
        moving.pause("PAUSED_BY_OWNER")
        moving.save()
        audit(action="plan.paused", obj=found, actor=actor, after={"state": found.state})
        return found


def resume_plan(*, actor: User, plan: Plan) -> Plan:
    """Let a paused plan go on, with what was kept back first. Again, it changes nothing."""
    with _on_its_way_refused(), transaction.atomic():
        found = locked_plan(plan.pk)
        if found.state == PlanState.RUNNING:
            return found
        moving = _heard(found)
        lock_by_hand(found.portfolio)
        moving.resume()
        moving.save()
        audit(action="plan.resumed", obj=found, actor=actor, after={"state": found.state})
        return found


def stop_plan(*, actor: User, plan: Plan, closes: bool = False, code: str = "STOPPED_BY_OWNER") -> Plan:
    """End a plan: its orders are taken back, and with `closes` what it holds is sold at the market. Again, it changes nothing.

    A market order that was sent already goes on, and what it buys stays.
    """
    with _on_its_way_refused(), transaction.atomic():
        found = locked_plan(plan.pk)
        if found.state == PlanState.CANCELED:
            return found
        moving = _heard(found)
        moving.take_back(moving.orders(), PLAN_STOPPED)
        moving.stop(code, _closing(found) if closes else None)
        moving.save()
        audit(action="plan.stopped", obj=found, actor=actor, after={"closes": str(closes)})
        return found


@contextmanager
def _on_its_way_refused() -> Iterator[None]:
    """Say in words that an order of the plan is between us and its venue."""
    try:
        yield
    except OnItsWay as error:
        message = "An order of this plan is on its way to the venue; try again in a moment."
        raise DomainError("ORDER_ON_ITS_WAY", message, status=409) from error


def _heard(plan: Plan) -> Moving:
    """Return an unfinished plan that has heard all there is to hear; refuse one that has ended."""
    if plan.state not in UNFINISHED_PLAN:
        message = f"This plan is {plan.get_state_display().lower()} already; begin a new one."
        raise DomainError("PLAN_HAS_ENDED", message, {"state": plan.state}, status=409)
    moving = Moving(plan)
    moving.hear()
    return moving


def _closing(plan: Plan) -> Wish | None:
    """Return the sale of what a plan holds, as far as it is still there and free."""
    base = plan.instrument.market.base_id
    free = Holdings({plan.portfolio_id}, {base}).free(plan.portfolio_id, base)
    quantity = floor_to_step(min(plan.held, free), plan.instrument.lot_step)
    return Wish(CLOSING_KEY, SELL, Kind.MARKET, quantity) if quantity > ZERO else None
