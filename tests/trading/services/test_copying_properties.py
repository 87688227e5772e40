"""Copying in any order of events and of work: a flat lead leaves flat followers, and each holds what the rules say."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from common.errors import DomainError
from portfolios.models import Position
from tests.fixtures_trading import UNGUARDED, Pit, failed_checks
from trading.models import FollowPosition, Order, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending
from trading.services.reconciliation import resolve_abandoned
from trading.services.sweeping import sweep

LOT = Decimal("0.001")
# The venue's, and that with the margin that a copy keeps.
MINIMUM, SMALLEST = 5, Fraction("5.25")

trades = st.one_of(
    st.tuples(st.just("buy"), st.integers(1, 9_000)),  # lots
    st.tuples(st.just("sell"), st.integers(1, 10)),  # tenths of what is held
    st.tuples(st.just("price"), st.integers(20, 300)),
)
work = st.one_of(
    st.tuples(st.just("copy"), st.just(0)),
    st.tuples(st.just("execute"), st.integers(0, 5)),
    st.tuples(st.just("crash"), st.integers(0, 5)),
    st.tuples(st.just("resolve"), st.just(0)),
    st.tuples(st.just("sweep"), st.just(0)),
)
# Unshrunk: an example is short, and making it shorter would take minutes.
few = settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def held(book: object) -> Decimal:
    row = Position.objects.filter(portfolio=book).first()  # type: ignore[misc]
    return row.quantity if row else Decimal(0)


def place(pit: Pit, what: str, size: int) -> Order | None:
    """Let the lead trade, if the venue and the balance allow it; what follows from the fill is left undone."""
    if what == "buy":
        side, quantity = Side.BUY, size * LOT
    else:
        side, quantity = Side.SELL, held(pit.lead) * size / 10 // LOT * LOT
    try:
        order = pit.place(side, quantity)
    except DomainError:
        return None
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    return order


def causes() -> list[tuple[str, str]]:
    return sorted(set(Order.objects.filter(state=OrderState.PENDING).values_list("cause_kind", "cause_id")))


def do(pit: Pit, what: str, size: int) -> None:
    """Do one piece of what workers do, or of what happens when one dies."""
    waiting = causes()
    if what == "copy":
        fan_out_batch(lead_id=pit.lead.pk)
    elif what == "resolve":
        resolve_abandoned(older_than_seconds=0)
    elif what == "sweep":
        sweep(older_than_seconds=0, lease_seconds=0)
    elif waiting:
        kind, cause = waiting[size % len(waiting)]
        if what == "execute":
            execute_pending(cause_kind=kind, cause_id=cause)
        else:
            claim_orders(Order.objects.filter(cause_kind=kind, cause_id=cause))


def finish(pit: Pit) -> None:
    """Do all that is left to do."""
    while fan_out_batch(lead_id=pit.lead.pk):
        pass
    while causes() or Order.objects.filter(state=OrderState.SUBMITTING).exists():
        done = sum(execute_pending(cause_kind=kind, cause_id=cause) for kind, cause in causes())
        assert done + resolve_abandoned(older_than_seconds=0), "orders wait for each other in a circle"


@given(steps=st.lists(st.one_of(trades, work, work), max_size=30))
@few
def test_a_flat_lead_leaves_flat_followers_whatever_was_done_when(
    pit: Pit, bob: User, charlie: User, steps: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        pit.price(100)
        follows = [pit.follow(bob, 100), pit.follow(charlie, "7777.77", "2.5")]
        for what, size in steps:
            if what == "price":
                pit.price(size)
            elif what in ("buy", "sell"):
                place(pit, what, size)
            else:
                do(pit, what, size)
        if held(pit.lead):
            assert place(pit, "sell", 10) is not None
        finish(pit)
        assert [held(follow.portfolio_id) for follow in follows] == [0, 0]
        aims = FollowPosition.objects.filter(follow__in=follows)
        assert [aim.target for aim in aims if aim.target] == []
        assert failed_checks() == {}
        transaction.set_rollback(True)


# --- against a plain reference --------------------------------------------------------------------------------------
@dataclass
class Book:
    """Cash and units without fee or slippage, in fractions."""

    cash: Fraction
    units: Fraction = field(default_factory=Fraction)

    def equity(self, price: int) -> Fraction:
        return self.cash + self.units * price

    def trade(self, units: Fraction, price: int) -> None:
        self.units += units
        self.cash -= units * price


def whole_lots(units: Fraction) -> Fraction:
    return units // Fraction(LOT) * Fraction(LOT)


class Reference:
    """The rules of copying in two dozen lines: the ratio at the opening, whole lots, what is kept, clipping, closed parts."""

    def __init__(self, amount: str, multiplier: str) -> None:
        self.book, self.multiplier, self.ratio = Book(Fraction(amount)), Fraction(multiplier), Fraction(0)
        self.kept = Fraction(0)

    def opened(self, units: Fraction, price: int, lead_equity: Fraction) -> None:
        if not self.book.units:
            self.ratio = self.book.equity(price) / lead_equity * self.multiplier
        total = units * self.ratio + self.kept
        wished = whole_lots(max(total, Fraction(0)))
        if wished * price < SMALLEST:
            self.kept = total
            return
        self.kept = Fraction(0)
        limit = Fraction(price) * Fraction(1003, 1000) // Fraction(1, 100) * Fraction(1, 100)
        bought = min(wished, whole_lots(self.book.cash / (limit * Fraction(1001, 1000))))
        if bought * limit >= MINIMUM:
            self.book.trade(bought, price)

    def closed(self, part: Fraction, price: int) -> None:
        if part == 1:
            self.kept = Fraction(0)
            self.book.trade(-self.book.units, price)
            return
        pending = min(self.kept, Fraction(0))
        self.kept = max(self.kept, Fraction(0)) * (1 - part)
        closing = self.book.units - (self.book.units + pending) * (1 - part)
        sold = whole_lots(closing)
        if sold * price >= SMALLEST:
            self.book.trade(-sold, price)
        else:
            self.kept -= closing


@given(steps=st.lists(trades, max_size=14))
@few
def test_a_follower_holds_what_the_rules_say(pit: Pit, bob: User, charlie: User, steps: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        stakes = [("100", "1"), ("7777.77", "2.5")]
        follows = [pit.follow(user, *stake, **UNGUARDED) for user, stake in zip((bob, charlie), stakes, strict=True)]
        references = [Reference(*stake) for stake in stakes]
        lead, price = Book(Fraction(10_000)), 100
        pit.price(price)  # the board of prices forgets nothing when a transaction is rolled back
        for what, size in steps:
            if what == "price":
                price = size
                pit.price(price)
                continue
            before, order = lead.units, place(pit, what, size)
            if order is None:
                continue
            units = Fraction(order.requested_quantity) * (1 if what == "buy" else -1)
            lead.trade(units, price)
            finish(pit)
            for reference in references:
                if what == "buy":
                    reference.opened(units, price, lead.equity(price))
                else:
                    reference.closed(-units / before, price)
            assert [Fraction(held(follow.portfolio_id)) for follow in follows] == [one.book.units for one in references]
        transaction.set_rollback(True)
