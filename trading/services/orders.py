"""How an order comes to be: one row per cause, whoever asks and however often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import market_now, wall_now
from common.db import bulk_insert
from common.errors import DomainError
from common.ids import deterministic_id, new_id
from common.realtime import publish
from common.tasks import enqueue
from engine.risk import judge
from markets.models import Instrument
from portfolios.models import Portfolio
from portfolios.services.books import lock_portfolios
from trading.codes import explain
from trading.models import CauseKind, Follow, Leg, Order, OrderState, Side
from trading.rules import rules_of
from trading.selectors import is_following
from trading.services.judging import facts_for

MAX_QUANTITY = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Cause:
    """What made an order: with the portfolio, instrument and leg it is the order's identity."""

    kind: CauseKind
    id: str


def new_order(
    *,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    leg: Leg,
    quantity: Decimal,
    cause: Cause,
    follow: Follow | None = None,
    closed_fraction: Decimal | None = None,
    stop_loss_ratio: Decimal | None = None,
    seq: int = 0,
    denied: str = "",
    at: datetime | None = None,
) -> Order:
    """Return an unsaved order row, made `at` (default: market time); its client order id follows from its identity."""
    return Order(
        id=new_id(),
        portfolio=portfolio,
        instrument=instrument,
        follow=follow,
        cause_kind=cause.kind,
        cause_id=cause.id,
        leg=leg,
        client_order_id=deterministic_id(
            follow.pk if follow else portfolio.pk, cause.kind, cause.id, instrument.pk, leg, 1
        ),
        side=side,
        requested_quantity=quantity,
        closed_fraction=closed_fraction,
        stop_loss_ratio=stop_loss_ratio,
        seq=seq,
        state=OrderState.DENIED if denied else OrderState.PENDING,
        code=denied,
        created_at=at or market_now(portfolio.namespace),
        recorded_at=wall_now(),
    )


def submit_order(
    *,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    leg: Leg,
    quantity: Decimal,
    cause: Cause,
    closed_fraction: Decimal | None = None,
    stop_loss_ratio: Decimal | None = None,
    denied: str = "",
) -> Order:
    """Store a PENDING order and have it executed after the commit; a repeat of the same cause returns the first one.

    With a code in `denied` it is stored DENIED, so that its owner reads why nothing was done.
    """
    order = new_order(
        portfolio=portfolio,
        instrument=instrument,
        side=side,
        leg=leg,
        quantity=quantity,
        cause=cause,
        closed_fraction=closed_fraction,
        stop_loss_ratio=stop_loss_ratio,
        denied=denied,
    )
    return _store(order)


@transaction.atomic
def _store(order: Order) -> Order:
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    if not bulk_insert(Order, [order], ignore_conflicts=True):
        order = Order.objects.get(client_order_id=order.client_order_id)
    enqueue(execute_orders, order.cause_kind, order.cause_id)
    publish([(f"portfolio:{order.portfolio_id}", {"refresh": ["orders"]})])
    return order


def place_hand_order(
    *, actor: User, portfolio: Portfolio, instrument: Instrument, side: Side, quantity: Decimal, key: str | None = None
) -> Order:
    """Place a market order by hand. What cannot be executed as asked is refused at once, and nothing is stored.

    `key` is the caller's own name for this order: the same key again returns the same order.
    """
    if not quantity.is_finite() or not 0 < quantity <= MAX_QUANTITY:
        raise DomainError("QUANTITY_INVALID", f"Enter a quantity above zero and at most {MAX_QUANTITY:,}.")
    if quantity % instrument.lot_step:
        message = f"Enter a multiple of {instrument.lot_step.normalize():f}, the lot step of {instrument.symbol}."
        raise DomainError("QUANTITY_OFF_STEP", message, {"lot_step": str(instrument.lot_step)})
    if instrument.market.namespace != portfolio.namespace or instrument.market.quote_id != portfolio.settlement_id:
        raise DomainError(
            "INSTRUMENT_NOT_ON_PORTFOLIO", f"{instrument.symbol} is not traded in this portfolio's market and currency."
        )
    cause = Cause(CauseKind.HAND, key or new_id().hex)
    leg = Leg.OPEN if side == Side.BUY else Leg.CLOSE
    with transaction.atomic():
        if is_following(portfolio):
            raise DomainError(
                "PORTFOLIO_IS_FOLLOWING",
                "This portfolio copies a lead; stop the follow before trading it by hand.",
                status=409,
            )
        locked = lock_portfolios([portfolio.pk])[portfolio.pk]
        order = new_order(portfolio=locked, instrument=instrument, side=side, leg=leg, quantity=quantity, cause=cause)
        # By the key alone: with another instrument or side it would name a second order.
        first = Order.objects.filter(portfolio=locked, cause_kind=cause.kind, cause_id=cause.id).first()
        if first is None:
            _refuse_what_cannot_be(order)
            audit(
                action="order.placed",
                obj=order,
                actor=actor,
                after={"side": side, "quantity": str(quantity), "instrument": instrument.symbol},
            )
        elif (first.side, first.requested_quantity, first.instrument_id) != (side, quantity, instrument.pk):
            raise DomainError("KEY_REUSED", "This key already names another order; choose a new key.", status=409)
        return _store(order)


def _refuse_what_cannot_be(order: Order) -> None:
    facts = facts_for([order])[order.pk]
    verdict = judge(facts, rules_of(order.instrument, order.portfolio))
    if not verdict.quantity:
        context = {"free": str(facts.free_quote), "held": str(facts.held_quantity)}
        raise DomainError(verdict.code, explain(verdict.code, order), context, status=409)
