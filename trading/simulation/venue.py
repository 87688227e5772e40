"""The simulated venue: a broker with a truth of its own, that misbehaves as it is told and writes down what we do to it.

It knows market orders sent with a cap, the price that was reserved (what the market gives only beyond it lapses), and
limits, which rest until their price comes or a cancel does. Another kind of order is another branch in `_match`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from common.clock import wall_now
from engine.decimals import ZERO, floor_to_step
from engine.execution import Costs, taker_fee, taker_price
from engine.reconciliation import APART
from trading.brokers import BrokerFill, OrderResult, Outcome, may_send
from trading.kinds import GroupRole
from trading.models import Leg, Order, Side
from trading.rules import costs_of

ACCOUNT = "simulated"
REJECTION = "VENUE_SAYS_NO"


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one order on its way, with the move's numbers."""

    name: str
    numbers: tuple[int, ...] = ()


@dataclass(slots=True)
class Request:
    """An order as it reached the venue's door: quantities in base units, `cap` in quote units (none for a sale)."""

    order_id: UUID
    client_order_id: str
    portfolio_id: UUID
    instrument_id: UUID
    base: str
    quote: str
    is_on_margin: bool
    is_buy: bool
    quantity: Decimal
    lot_step: Decimal
    costs: Costs
    cap: Decimal | None
    limit: Decimal | None
    waits: bool
    post_only: bool
    maker_fee_bps: Decimal
    # Of these only one may live: an order and what takes its place, and the two of a pair.
    replaces_id: UUID | None
    group_id: UUID | None


@dataclass(slots=True)
class Resting:
    """An order that the venue accepted, with its fills. `seen_from`: until then its readers say "not found"."""

    request: Request
    seen_from: datetime
    outcome: Outcome = Outcome.OPEN
    fills: list[tuple[datetime, BrokerFill]] = field(default_factory=list)
    # When what is left of it fills.
    rest_at: datetime | None = None
    # Of a limit: tenths of it that fill each time its price is met.
    tenths: int = 10

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for _, fill in self.fills), ZERO)


class SimulatedVenue:
    """`prices` are the venue's own, by instrument; `pause(seconds)` lets the world go on before an answer leaves."""

    # How long after it was sent a request may still be accepted.
    valid_for = timedelta(seconds=5)

    def __init__(self, prices: dict[UUID, Decimal], pause: Callable[[int], None]) -> None:
        self.prices, self._pause = prices, pause
        self.orders: dict[str, Resting] = {}
        # What each portfolio has of each asset and, of perpetuals, by their symbols; less what was paid in.
        self.perpetuals: set[str] = set()
        self.holdings: defaultdict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
        self.stream: list[BrokerFill] = []
        self.faults: deque[Fault] = deque()
        self.cancel_faults: deque[Fault] = deque()
        self.skew = timedelta(0)
        self.away_until: datetime | None = None
        self.lost_questions = self.lost_messages = 0
        self.wrongs: list[str] = []
        self._on_the_way: list[tuple[datetime, Request]] = []
        self._cancels_on_the_way: list[tuple[datetime, str]] = []
        self._sent: defaultdict[str, list[datetime]] = defaultdict(list)
        self._missing: defaultdict[str, list[datetime]] = defaultdict(list)

    # --- what the platform calls -----------------------------------------------------------------------------------
    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        """Take a batch; each order may meet a fault of its own."""
        began = wall_now()
        # As every broker that sends one after the other: what grew too old while others were sent is not.
        return [
            self._take(order) if wall_now() == began or may_send(order) else OrderResult(order.pk, Outcome.UNKNOWN)
            for order in orders
        ]

    def query(self, orders: Sequence[Order]) -> list[OrderResult]:
        """Say what is known of orders, or nothing at all."""
        if self._is_away() or self.lost_questions:
            self.lost_questions = max(self.lost_questions - 1, 0)
            return [OrderResult(order.pk, Outcome.UNKNOWN) for order in orders]
        return [self._told(order) for order in orders]

    def cancel(self, orders: Sequence[Order]) -> list[OrderResult]:
        """Cancel a batch; each request may meet a fault of its own. What is said is what became of the order."""
        return [self._cancel(order) for order in orders]

    def _cancel(self, order: Order) -> OrderResult:
        fault = self.cancel_faults.popleft() if self.cancel_faults else Fault("")
        nothing = OrderResult(order.pk, Outcome.UNKNOWN)
        if self._is_away() or fault.name == "cancel_lost":
            return nothing
        if fault.name == "cancel_late":
            self._cancels_on_the_way.append((wall_now() + _tenths(fault.numbers[0]), order.client_order_id))
            return nothing
        held = self.orders.get(order.client_order_id)
        if fault.name == "cancel_races" and held is not None and held.outcome is Outcome.OPEN:
            self._fill_tenths(held, fault.numbers[0])
        self._end(order.client_order_id)
        return nothing if fault.name == "cancel_unanswered" else self._told(order)

    def _end(self, client_order_id: str) -> None:
        held = self.orders.get(client_order_id)
        if held is not None and held.outcome is Outcome.OPEN:
            held.outcome, held.rest_at = Outcome.CANCELED, None

    def _take(self, order: Order) -> OrderResult:
        if not order.is_at_venue:
            return OrderResult(order.pk, Outcome.OPEN)
        request, now = _request_of(order), wall_now()
        self._judge_sending(request, now)
        self._sent[request.client_order_id].append(now)
        fault = self.faults.popleft() if self.faults else Fault("")
        nothing = OrderResult(order.pk, Outcome.UNKNOWN)
        match fault.name:
            case _ if self._is_away():
                return nothing
            case "never_arrives":
                return nothing
            case "arrives_late":
                self._on_the_way.append((now + _tenths(fault.numbers[0]), request))
                return nothing
            case "rejects":
                return OrderResult(order.pk, Outcome.REJECTED, code=REJECTION)
            case "answers_slowly" if fault.numbers[0]:
                self._pause(fault.numbers[1])
                return OrderResult(order.pk, Outcome.REJECTED, code=REJECTION)
        self._accept(request, fault)
        if fault.name == "answers_slowly":
            self._pause(fault.numbers[1])
        return nothing if fault.name in ("answer_lost", "hidden") else self._told(order)

    def _told(self, order: Order) -> OrderResult:
        if not order.is_at_venue:
            return OrderResult(order.pk, Outcome.OPEN)
        held, now = self.orders.get(order.client_order_id), wall_now()
        if held is None or now < held.seen_from:
            self._missing[order.client_order_id].append(now)
            return OrderResult(order.pk, Outcome.NOT_FOUND)
        told = tuple(fill for told_from, fill in held.fills if told_from <= now)
        return OrderResult(order.pk, held.outcome, told, filled_quantity=held.filled)

    # --- the venue's own life ---------------------------------------------------------------------------------------
    def live_on(self) -> None:
        """Do what time and prices bring: requests that arrive late, the rest of orders that fill in parts, limits that fill."""
        now = wall_now()
        arrived = [request for at, request in self._on_the_way if at <= now]
        self._on_the_way = [(at, request) for at, request in self._on_the_way if at > now]
        for request in arrived:
            self._accept(request, Fault(""))
        late = [name for at, name in self._cancels_on_the_way if at <= now]
        self._cancels_on_the_way = [(at, name) for at, name in self._cancels_on_the_way if at > now]
        for name in late:
            self._end(name)
        for held in self.orders.values():
            if held.outcome is Outcome.OPEN and held.rest_at is None and self._is_met(held.request):
                self._fill_tenths(held, held.tenths)
            if held.rest_at is not None and held.rest_at <= now:
                self._fill(held, held.request.quantity - held.filled, now)
                held.outcome, held.rest_at = Outcome.FILLED, None

    def calm_down(self) -> None:
        """Misbehave no more; what is on its way arrives as it would have."""
        self.faults.clear()
        self.cancel_faults.clear()
        self.away_until, self.lost_questions, self.lost_messages = None, 0, 0

    def _is_away(self) -> bool:
        return self.away_until is not None and wall_now() < self.away_until

    def _judge_sending(self, request: Request, now: datetime) -> None:
        """Write it down where an order is sent again before the venue has definitely said that it knows none."""
        earlier = self._sent[request.client_order_id]
        if not earlier:
            return
        counted = [at for at in self._missing[request.client_order_id] if at >= earlier[-1] + self.valid_for]
        if not counted or counted[-1] - counted[0] < APART:
            self.wrongs.append(f"sent again too soon: {request.client_order_id}")

    def _accept(self, request: Request, fault: Fault) -> None:
        if request.client_order_id in self.orders:
            self.wrongs.append(f"accepted twice: {request.client_order_id}")
            return
        rivals = [
            one for one in self.orders.values() if one.outcome is Outcome.OPEN and _are_rivals(one.request, request)
        ]
        if rivals:
            self.wrongs.append(f"two live at once: {request.client_order_id}")
        now = wall_now()
        hidden = _tenths(fault.numbers[0]) if fault.name == "hidden" else timedelta(0)
        held = self.orders[request.client_order_id] = Resting(request, now + hidden)
        self._match(held, fault, now)

    def _match(self, held: Resting, fault: Fault, now: datetime) -> None:
        request = held.request
        price = self._price(request)
        if request.limit is not None and not _crosses(request, price):
            held.tenths = fault.numbers[0] or 1 if fault.name in ("fills_in_parts", "fills_a_part") else 10
            held.outcome = Outcome.OPEN if request.waits else Outcome.EXPIRED
            return
        if request.post_only:
            held.outcome = Outcome.REJECTED
            return
        if request.cap is not None and price > request.cap:
            held.outcome = Outcome.EXPIRED
            return
        is_late = fault.name in ("fills_told_late", "fills_a_part")
        told_from = now + timedelta(seconds=fault.numbers[-1]) if is_late else now
        part = request.quantity
        if fault.name in ("fills_in_parts", "fills_a_part"):
            part = floor_to_step(request.quantity * fault.numbers[0] / 10, request.lot_step)
        if part:
            self._fill(held, part, told_from)
        if fault.name == "fills_in_parts":
            held.rest_at = now + timedelta(seconds=fault.numbers[1])
        else:
            held.outcome = Outcome.EXPIRED if part < request.quantity else Outcome.FILLED

    def _is_met(self, request: Request) -> bool:
        return request.limit is not None and _crosses(request, self.prices[request.instrument_id])

    def _fill_tenths(self, held: Resting, tenths: int) -> None:
        """Fill a part of a limit that rests, at its price."""
        request = held.request
        left = request.quantity - held.filled
        part = min(left, floor_to_step(request.quantity * tenths / 10, request.lot_step) or left)
        self._fill(held, part, wall_now(), at=request.limit)
        if part == left:
            held.outcome, held.rest_at = Outcome.FILLED, None

    def _price(self, request: Request) -> Decimal:
        market_price = self.prices[request.instrument_id]
        return taker_price(market_price=market_price, is_buy=request.is_buy, costs=request.costs)

    def _fill(self, held: Resting, quantity: Decimal, told_from: datetime, *, at: Decimal | None = None) -> None:
        """Fill so much of an order: at the market's price, or `at` its own."""
        request = held.request
        costs = request.costs if at is None else replace(request.costs, fee_bps=request.maker_fee_bps)
        price = at or self._price(request)
        if request.cap is not None:
            price = min(price, request.cap)
        elif request.limit is not None:
            price = max(price, request.limit)
        fee = taker_fee(quantity=quantity, price=price, costs=costs)
        fill = BrokerFill(
            order_id=request.order_id,
            venue_account=ACCOUNT,
            venue_fill_id=f"{request.client_order_id}:{len(held.fills) + 1}",
            quantity=quantity,
            price=price,
            fee=fee,
            happened_at=wall_now() + self.skew,
        )
        held.fills.append((told_from, fill))
        if self.lost_messages:
            self.lost_messages -= 1
        else:
            self.stream.append(fill)
        change = quantity if request.is_buy else -quantity
        if request.is_on_margin:
            self.perpetuals.add(request.base)
        self.holdings[request.portfolio_id, request.base] += change
        self.holdings[request.portfolio_id, request.quote] -= change * price + fee


def _request_of(order: Order) -> Request:
    assert order.market_price is not None, "an order is judged before it is sent"
    costs = costs_of(order.instrument, order.portfolio)
    is_on_margin = order.instrument.is_perpetual
    market, is_buy, limit = order.instrument.market, order.side == Side.BUY, order.limit_price
    cap = limit or taker_price(market_price=order.market_price, is_buy=True, costs=costs)
    return Request(
        order_id=order.pk,
        client_order_id=order.client_order_id,
        portfolio_id=order.portfolio_id,
        instrument_id=order.instrument_id,
        # Of a perpetual no coins are held, but contracts.
        base=order.instrument.symbol if is_on_margin else market.base_id,
        quote=market.quote_id,
        is_on_margin=is_on_margin,
        is_buy=is_buy,
        quantity=order.quantity,
        lot_step=order.instrument.lot_step,
        costs=costs,
        # What closes on margin was promised nothing, and takes what it gets.
        cap=cap if is_buy and not (is_on_margin and order.leg == Leg.CLOSE) else None,
        limit=limit,
        waits=order.time_in_force not in ("IOC", "FOK"),
        post_only=order.post_only,
        maker_fee_bps=order.instrument.maker_fee_bps,
        replaces_id=order.replaces_id,
        group_id=None if order.group_role == GroupRole.TURN else order.group_id,
    )


def _crosses(request: Request, price: Decimal) -> bool:
    assert request.limit is not None
    return price <= request.limit if request.is_buy else price >= request.limit


def _are_rivals(held: Request, fresh: Request) -> bool:
    return fresh.replaces_id == held.order_id or (fresh.group_id is not None and fresh.group_id == held.group_id)


def _tenths(count: int) -> timedelta:
    return timedelta(seconds=count / 10)
