"""Reads of plans: the gate, and what their pages show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.teams.models import Permission
from engine.decimals import ZERO
from engine.plans.kinds import PlanKind
from engine.positions import PositionState
from markets.prices import latest_prices
from portfolios.access import Asker, reachable
from portfolios.models import Portfolio
from trading.models import UNFINISHED, Order
from trading.plans.models import Plan
from trading.plans.words import LABELS, SENTENCES
from trading.selectors import is_following, orders, row_for_user


def plans() -> QuerySet[Plan]:
    """Return plans with what showing them needs, newest first."""
    return Plan.objects.select_related("portfolio", "instrument__market", "instrument__exchange").order_by("-pk")


def plans_of(portfolio: Portfolio) -> QuerySet[Plan]:
    return plans().filter(portfolio=portfolio)


def plans_of_user(user: User) -> QuerySet[Plan]:
    """Return the plans of all portfolios that the user may see, newest first."""
    return plans().filter(reachable(user, prefix="portfolio__"))


def plan_for_user(user: Asker, plan_id: UUID | str, may: str = Permission.VIEW) -> Plan:
    """The gate: a plan of a portfolio with which the user may do this; NotFound, or 403 ROLE_FORBIDS if they may only look."""
    return row_for_user(user, plans(), plan_id, "plan", may)


def orders_of_plan(plan: Plan) -> QuerySet[Order]:
    """Return a plan's orders, newest first."""
    return orders().filter(plan=plan)


def waiting_of_plan(plan: Plan) -> QuerySet[Order]:
    """Return those of its orders that have not ended."""
    return orders_of_plan(plan).filter(state__in=UNFINISHED)


# On an exchange account nothing rests so far: what meets the market may run there.
_ON_ACCOUNT = (PlanKind.DCA, PlanKind.TWAP, PlanKind.SCHEDULED)


def kinds_for(portfolio: Portfolio) -> list[PlanKind]:
    """Return the kinds of plans that a portfolio may begin."""
    return [kind for kind in PlanKind if portfolio.account_id is None or kind in _ON_ACCOUNT]


def ways(portfolio: Portfolio) -> list[tuple[str, str, str]]:
    """Return those kinds as (name in addresses, label, sentence); none for a portfolio that copies a lead."""
    if is_following(portfolio):
        return []
    return [(kind.lower(), LABELS[kind], SENTENCES[kind]) for kind in kinds_for(portfolio)]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a plan's own fills come to, in quote units; `profit` is realized and open, less fees, None without a price."""

    plan: Plan
    price: Decimal | None
    position: PositionState

    @property
    def invested(self) -> Decimal:
        """What it has in the market: the cost of what it holds."""
        return max(self.position.cost, ZERO)

    @property
    def unrealized(self) -> Decimal | None:
        # What it sold without having bought it is its owner's: that gains or loses nothing here.
        if self.position.quantity <= ZERO:
            return ZERO
        return None if self.price is None else self.position.quantity * self.price - self.position.cost

    @property
    def profit(self) -> Decimal | None:
        open_profit = self.unrealized
        return None if open_profit is None else self.position.realized_pnl + open_profit - self.position.fees_paid


def standings(found: list[Plan]) -> list[Standing]:
    """Return how plans stand at the newest prices, in their order."""
    newest = latest_prices({plan.instrument_id: plan.instrument for plan in found}.values())
    return [
        Standing(
            plan,
            newest[plan.instrument_id].price if plan.instrument_id in newest else None,
            PositionState(plan.held, plan.cost, plan.realized_pnl, plan.fees_paid),
        )
        for plan in found
    ]
