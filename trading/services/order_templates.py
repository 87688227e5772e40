"""Keeping, changing and forgetting order templates; what could never be an order is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.errors import DomainError
from markets.models import Instrument, Market
from trading.kinds import TimeInForce, Unit
from trading.models import Side
from trading.order_templates import DISTANCES, terms_at
from trading.order_terms import MAX_QUANTITY, check_entry, check_terms
from trading.template_models import OrderTemplate

MAX_TEMPLATES = 100
MAX_NAME = 60
# How far (a ratio) a price may be from the market: ninety-five percent below it to five times above.
FARTHEST = (Decimal("-0.95"), Decimal(5))
FINEST = Decimal("0.000001")
# A market on which each distance is a price of its own, whatever its instrument's tick will be.
_MARKET, _TICK = Decimal(1_000_000), Decimal(1)


@transaction.atomic
def save_template(*, actor: User, template: OrderTemplate | None = None, **facts: Any) -> OrderTemplate:
    """Keep a new template of the actor's, or give one all facts anew: name, instrument (None: any), side, kind, amount, unit …

    Facts are the model's fields; what is left out is as a market order has it.
    """
    # The owner's row lock makes the count and the name's check hold.
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    now = wall_now()
    made = OrderTemplate(owner=actor, created_at=now, updated_at=now, **facts)
    if template is not None:
        made.pk, made.created_at = template.pk, template.created_at
    made.name = made.name.strip()
    _check(made, is_new=template is None)
    made.save(force_insert=template is None, force_update=template is not None)
    action = "order_template.kept" if template is None else "order_template.changed"
    audit(action=action, obj=made, actor=actor, after={"name": made.name})
    return made


@transaction.atomic
def delete_template(*, actor: User, template: OrderTemplate) -> None:
    """Forget a template; orders that were placed from it stay as they are."""
    audit(action="order_template.deleted", obj=template, actor=actor, before={"name": template.name})
    OrderTemplate.objects.filter(pk=template.pk).delete()


def _check(made: OrderTemplate, *, is_new: bool) -> None:
    others = OrderTemplate.objects.filter(owner=made.owner).exclude(pk=made.pk)
    if not 1 <= len(made.name) <= MAX_NAME:
        raise DomainError("NAME_INVALID", f"Give the template a name of 1 to {MAX_NAME} characters.", {"field": "name"})
    if others.filter(name=made.name).exists():
        message = f"You already have a template named {made.name!r}; choose another name."
        raise DomainError("NAME_TAKEN", message, {"field": "name"}, status=409)
    if is_new and others.count() >= MAX_TEMPLATES:
        raise DomainError("TOO_MANY_TEMPLATES", f"You have {MAX_TEMPLATES} templates; delete one first.", status=409)
    _check_amount(made)
    for column in DISTANCES.values():
        _check_distance(column, getattr(made, column))
    _check_as_order(made)


def _check_amount(made: OrderTemplate) -> None:
    if made.unit not in Unit.values:
        raise DomainError("UNIT_UNKNOWN", f"Choose one of {', '.join(Unit.values)}.", {"field": "unit"})
    most = Decimal(100) if made.unit == Unit.PERCENT else MAX_QUANTITY
    amount = made.amount
    if not amount.is_finite() or not 0 < amount <= most or amount != round(amount, 18):
        raise DomainError("AMOUNT_INVALID", f"Enter an amount above zero and at most {most:,}.", {"field": "amount"})


def _check_distance(column: str, distance: Decimal | None) -> None:
    if distance is None:
        return
    low, high = FARTHEST
    if not distance.is_finite() or not low <= distance <= high or distance % FINEST:
        message = f"Enter a distance of {low:%} to {high:%} from the market, with at most four decimals of a percent."
        raise DomainError("DISTANCE_INVALID", message, {"field": column})


def _check_as_order(made: OrderTemplate) -> None:
    """Ask the rules of orders on a market on which nothing is rounded away."""
    side = Side(made.side)
    if made.time_in_force == TimeInForce.GTD:
        message = "A template has no date; choose when it is used until when the order waits."
        raise DomainError("TIME_IN_FORCE_NOT_ALLOWED", message, {"field": "time_in_force"})
    terms = terms_at(made, _MARKET, _TICK)
    try:
        market = made.instrument.market if made.instrument else Market()
        anything = Instrument(symbol="any", tick_size=_TICK, market=market)
        check_terms(terms, anything, side, datetime.max.replace(tzinfo=UTC))
        if terms.is_bracket:
            entry = terms.limit_price or terms.trigger_price or _MARKET
            check_entry(entry, terms.stop_price, terms.target_price, side)
    except DomainError as error:
        named = error.context.get("field", "")
        raise DomainError(error.code, error.message, {"field": DISTANCES.get(named, named)}) from None
