"""What a follow buys at its start: the lead's open positions, sized and guarded as its copies are (copy-trading rule 29)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from common.clock import market_now
from common.db import bulk_insert
from common.tasks import enqueue
from engine.copying.checks import Book, OpenFacts, clipped, refusal_of
from engine.copying.drift import EVERY
from engine.copying.sizing import Opening, open_size
from engine.decimals import ONE, ZERO, floor_to_step, money
from markets.models import Instrument
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio
from portfolios.selectors import Holding, Worth, worth_of
from portfolios.services.margin import adopt_terms
from trading.follow_models import StartMode
from trading.models import CauseKind, Follow, FollowCommand, FollowCommandKind, FollowPosition, Leg, Order, Side
from trading.services.orders import Cause, new_order


def adopt(follow: Follow, lead: Portfolio, equity: Decimal, start: StartMode) -> list[Order]:
    """Write an opening order for each position of the lead's; return them. Caller holds both portfolios' locks.

    What is left out gets its row as well, DENIED with the reason. `equity` is what the follow begins with.
    """
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    worth = worth_of([lead])[lead.pk]
    if start == StartMode.NEW_ONLY or not worth.holdings:
        return []
    now = market_now(lead.namespace)
    command = FollowCommand.objects.create(follow=follow, kind=FollowCommandKind.ADOPT, due_at=now, is_done=True)
    instruments = instruments_by_id({one.position.instrument_id for one in worth.holdings})
    adopter = _Adopter(follow, worth, equity, start)
    orders, aims = [], []
    for holding in worth.holdings:
        position = holding.position
        instrument = instruments[position.instrument_id]
        if instrument.is_perpetual:
            adopt_terms(source=lead, instrument=instrument, most={follow.portfolio: follow.copying.most_leverage})
        quantity, ratio, denied, clip = adopter.size(holding, instrument)
        order = new_order(
            portfolio=follow.portfolio,
            instrument=instrument,
            side=Side.BUY if position.quantity > ZERO else Side.SELL,
            leg=Leg.OPEN,
            quantity=quantity,
            cause=Cause(CauseKind.FOLLOW_COMMAND, str(command.pk)),
            follow=follow,
            seq=follow.start_seq,
            denied=denied,
        )
        order.code = denied or clip
        orders.append(order)
        target = ZERO if denied else quantity
        aims.append(
            FollowPosition(follow=follow, instrument=instrument, ratio=ratio, target=target, settings=follow.settings)
        )
    bulk_insert(Order, orders)
    bulk_insert(FollowPosition, aims)
    follow.copied_on, follow.copied_count, follow.drift_due_at = now.date(), adopter.taken, now + EVERY
    follow.save(update_fields=["copied_on", "copied_count", "drift_due_at"])
    enqueue(execute_orders, CauseKind.FOLLOW_COMMAND, str(command.pk))
    return orders


@dataclass(slots=True)
class _Adopter:
    """Sizes what a follow adopts, position by position, by the settings and guards that its copies have.

    `taken` positions are worth `exposure` together so far.
    """

    follow: Follow
    lead: Worth
    equity: Decimal
    start: StartMode
    exposure: Decimal = ZERO
    taken: int = 0

    def size(self, holding: Holding, instrument: Instrument) -> tuple[Decimal, Decimal, str, str]:
        """Return the quantity, the ratio of the position, why it is denied ("": it is not), and what cut it."""
        settings, led = self.follow.copying, abs(holding.position.quantity)
        price = money(holding.value / holding.position.quantity)
        opening = Opening(
            lead_quantity=led,
            lead_price=price,
            lead_equity=self.lead.equity,
            follower_equity=self.equity,
            follower_free=self.equity - self.exposure,
            price=price,
        )
        wish, ratio = open_size(opening, settings)
        wish = floor_to_step(wish, instrument.lot_step)
        # A whole position comes at once: what an instrument may be is what cuts it.
        book = Book(self.equity, self.exposure, ZERO, price, instrument.lot_step)
        quantity, clip = clipped(wish, book, replace(settings, max_order_share=ONE))
        denied = _refusal(holding, self.start) or refusal_of(self._checks(instrument), settings)
        if denied or not quantity:
            return wish, ratio, denied or clip or "QUANTITY_BELOW_MINIMUM", ""
        self.exposure, self.taken = self.exposure + quantity * price, self.taken + 1
        return quantity, ratio or money(quantity / led), "", clip

    def _checks(self, instrument: Instrument) -> OpenFacts:
        return OpenFacts(
            symbol=instrument.symbol,
            age=timedelta(0),
            spread=None,
            venue_is_healthy=True,
            equity_is_stale=self.lead.is_stale,
            is_frozen=False,
            other_positions=self.taken,
            orders_today=self.taken,
        )


def _refusal(holding: Holding, start: StartMode) -> str:
    """Return why a position is not adopted; "" where it is."""
    if holding.price is None:
        return "PRICE_UNKNOWN"
    if start == StartMode.ADOPT_ALL:
        return ""
    quantity, cost = holding.position.quantity, holding.position.cost
    # Of a short a higher price is the better one: cost and quantity are negative both.
    return "PRICE_WORSE_THAN_LEADS" if holding.price.price * quantity > cost else ""
