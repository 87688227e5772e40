"""One plan under its portfolio's lock while it moves: what it hears, what it wishes for then, and how both are written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.services import notify
from common.clock import market_now
from common.realtime import publish
from engine.matching.types import Kind
from engine.plans.storing import restored, stored
from engine.plans.types import BUY, Fill, Tick, Wish, Wishes
from engine.positions import PositionState, apply_fill
from portfolios.services.books import lock_portfolios
from trading.kinds import OrderKind
from trading.models import UNANSWERED, CauseKind, Leg, Order, Side
from trading.models import Fill as BookedFill
from trading.order_terms import PLAIN, OrderTerms
from trading.plans.models import UNFINISHED_PLAN, Plan, PlanState
from trading.plans.pure import pure_plan, state_of
from trading.plans.words import reason_of
from trading.services.orders import Cause, new_order, store_wishes
from trading.services.triggers import take_changes
from trading.services.withdrawing import withdraw
from trading.transitions import ENDED

# Why a plan takes an order back itself: it has heard of that end.
CANCELED_BY_PLAN, PLAN_PAUSED, PLAN_STOPPED = "CANCELED_BY_PLAN", "PLAN_PAUSED", "PLAN_STOPPED"
# The key of the sale with which a stopped plan closes what it holds.
CLOSING_KEY = "close"


class OnItsWay(Exception):
    """An order that must be taken back was sent and not answered: nothing is moved until it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wish, and which order of it this is: a second one where the first ended before it was filled."""

    wish: Wish
    attempt: int = 1


def locked_plan(plan_id: UUID) -> Plan:
    """Return a plan as it stands under its portfolio's lock."""
    rows = Plan.objects.filter(pk=plan_id)
    portfolios = lock_portfolios(rows.values_list("portfolio_id", flat=True))
    found = rows.select_related("instrument__market", "instrument__exchange").get()
    found.portfolio = portfolios[found.portfolio_id]
    return found


class Moving:
    """Collects what a plan does in one transaction; `save` writes it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.pure = pure_plan(plan)
        self.now = market_now(plan.namespace)
        self._memory = state_of(plan)
        self._place: list[Wanted] = []
        self._cancel: list[str] = []
        self._withheld = [_wanted(one) for one in plan.withheld]
        self._pauses = False

    @property
    def at_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def begin(self, price: Decimal) -> list[Order]:
        """Let it begin at a market's price; return its first orders, unsaved."""
        self._memory, wishes = self.pure.begin(price, self.at_ms)
        self._take(wishes)
        return [self._order(one) for one in self._place]

    def hear(self) -> None:
        """Tell it what its orders have filled and which of them have ended since it was told last."""
        self._hear_fills()
        self._hear_ends()

    def tick(self, price: Decimal) -> None:
        """Tell it where the market stands."""
        self._memory, wishes = self.pure.step(self._memory, Tick(price, self.at_ms))
        self._take(wishes)

    def pause(self, code: str) -> None:
        """Let it open nothing from now on, and keep back what waits to."""
        if self.plan.state == PlanState.RUNNING:
            self.plan.state, self.plan.state_code = PlanState.PAUSED, code
            self._pauses = True

    def resume(self) -> None:
        """Let it go on with what was kept back."""
        self.plan.state, self.plan.state_code = PlanState.RUNNING, ""
        self._place, self._withheld = [*self._withheld, *self._place], []

    def stop(self, code: str, closing: Wish | None) -> None:
        """End it, and sell what it is to close; what waits is taken back by the caller."""
        self._place = [Wanted(closing)] if closing else []
        self._withheld, self._cancel = [], []
        self.plan.state_code = code
        self._end(PlanState.CANCELED)

    def save(self) -> None:
        """Write down the plan as it stands now, and its orders. Raises OnItsWay where one cannot be taken back yet."""
        plan = self.plan
        self.take_back(self.orders().filter(plan_key__in=self._cancel), CANCELED_BY_PLAN)
        if self._pauses:
            self._keep_back()
        if plan.state == PlanState.PAUSED:
            self._withheld += [one for one in self._place if self.withholds(one.wish.side)]
            self._place = [one for one in self._place if not self.withholds(one.wish.side)]
        if plan.state in UNFINISHED_PLAN and plan.wishes_over and not self._waits():
            self._end(PlanState.DONE)
        plan.memory = stored(self._memory)
        plan.withheld = [_kept(one) for one in self._withheld]
        due = self.pure.due(self._memory) if plan.state in UNFINISHED_PLAN else None
        plan.due_at = None if due is None else datetime.fromtimestamp(due / 1000, UTC)
        plan.has_news = False
        plan.change = take_changes(plan.namespace, 1)
        plan.save()
        store_wishes(plan, [self._order(one) for one in self._place])
        publish([(f"portfolio:{plan.portfolio_id}", {"refresh": ["plans"]})])

    def orders(self) -> QuerySet[Order]:
        """Return the plan's orders."""
        return Order.objects.filter(plan=self.plan)

    def take_back(self, orders: QuerySet[Order], code: str) -> list[Order]:
        """Cancel those of the plan's orders that were not sent or rest; what was sent to meet the market goes on."""
        if orders.filter(state__in=UNANSWERED).exclude(kind=OrderKind.MARKET).exists():
            raise OnItsWay
        taken = withdraw(orders, code=code)
        Order.objects.filter(pk__in=[order.pk for order in taken]).update(plan_heard=True)
        return taken

    def withholds(self, side: str) -> bool:
        """Say whether a pause keeps orders of this side back: purchases, and the sales of a plan that is there to sell."""
        return bool(side == BUY or self.plan.settings.get("side", BUY) != BUY)

    def _hear_fills(self) -> None:
        plan = self.plan
        news = BookedFill.objects.filter(order__plan=plan, portfolio=plan.portfolio_id, number__gt=plan.heard)
        position = PositionState(plan.held, plan.cost, plan.realized_pnl, plan.fees_paid)
        for fill in news.select_related("order").order_by("number"):
            position = apply_fill(position, change=fill.change, price=fill.price, fee=fill.fee)
            if plan.state in UNFINISHED_PLAN:
                at_ms = int(fill.happened_at.timestamp() * 1000)
                told = Fill(fill.order.plan_key, fill.side, fill.quantity, fill.price, at_ms)
                self._memory, wishes = self.pure.step(self._memory, told)
                self._take(wishes)
        plan.held, plan.cost = position.quantity, position.cost
        plan.realized_pnl, plan.fees_paid = position.realized_pnl, position.fees_paid
        plan.heard = plan.portfolio.fill_count

    def _hear_ends(self) -> None:
        """Pause where an order ended before it was filled and the plan did not take it back; its rest is kept back."""
        ended = list(self.orders().filter(plan_heard=False, state__in=ENDED).order_by("pk"))
        Order.objects.filter(pk__in=[order.pk for order in ended]).update(plan_heard=True)
        if self.plan.state not in UNFINISHED_PLAN:
            return
        for order in ended:
            rest = order.requested_quantity - order.filled_quantity
            if rest > 0:
                self._withheld.append(_rest_of(order))
                self._pause_by_itself(order.code or order.state)

    def _pause_by_itself(self, code: str) -> None:
        if self.plan.state != PlanState.RUNNING:
            return
        self.pause(code)
        plan = self.plan
        facts = {"plan": str(plan.pk), "name": plan.portfolio.name, "words": reason_of(plan)}
        facts |= {"kind": plan.get_kind_display(), "symbol": plan.instrument.symbol}
        notify(user=plan.portfolio.owner, event="plan.paused", context=facts)

    def _take(self, wishes: Wishes) -> None:
        for key in wishes.cancel:
            self._place = [one for one in self._place if one.wish.key != key]
            self._withheld = [one for one in self._withheld if one.wish.key != key]
            self._cancel.append(key)
        self._place += [Wanted(wish) for wish in wishes.place]
        self.plan.wishes_over |= wishes.is_done

    def _keep_back(self) -> None:
        sides = [side for side in Side.values if self.withholds(side)]
        for order in self.take_back(self.orders().filter(side__in=sides), PLAN_PAUSED):
            self._withheld.append(_rest_of(order))

    def _order(self, one: Wanted) -> Order:
        wish, plan = one.wish, self.plan
        terms = PLAIN
        if wish.kind is Kind.LIMIT:
            terms = OrderTerms(kind=OrderKind.LIMIT, limit_price=wish.limit_price)
        order = new_order(
            portfolio=plan.portfolio,
            instrument=plan.instrument,
            side=Side(wish.side),
            leg=Leg.OPEN if wish.side == BUY else Leg.CLOSE,
            quantity=wish.quantity,
            cause=Cause(CauseKind.PLAN, f"{plan.pk}:{wish.key}"),
            terms=terms,
            attempt=one.attempt,
        )
        order.plan, order.plan_key = plan, wish.key
        return order

    def _waits(self) -> bool:
        return bool(self._place or self._withheld) or self.orders().filter(plan_heard=False).exists()

    def _end(self, state: PlanState) -> None:
        self.plan.state, self.plan.ended_at = state, self.now


def _rest_of(order: Order) -> Wanted:
    """Return what an order did not fill as a wish of its own."""
    rest = order.requested_quantity - order.filled_quantity
    wish = Wish(order.plan_key, order.side, Kind(order.kind), rest, order.limit_price)
    return Wanted(wish, order.attempt + 1)


def _kept(one: Wanted) -> dict[str, Any]:
    return {**stored(one.wish), "attempt": one.attempt}


def _wanted(kept: dict[str, Any]) -> Wanted:
    wish = {name: value for name, value in kept.items() if name != "attempt"}
    return Wanted(restored(Wish, wish), kept["attempt"])
