"""Whatever the lead opens, adds, closes in part or reverses, and whatever the follower trades by hand between: flat lead, flat follower."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from common.errors import DomainError
from portfolios.models import Position
from tests.fixtures_trading import Pit, failed_checks
from trading.models import CauseKind, Follow, FollowPosition, Leg, Order, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending
from trading.services.orders import Cause, submit_order
from trading.services.sweeping import run_due

LOT = Decimal("0.001")
MODES = ("EQUITY_RATIO", "MARGIN_RATIO", "FIXED_AMOUNT", "FIXED_MULTIPLE", "WEIGHTS")
steps = st.one_of(
    st.tuples(st.just("buy"), st.integers(1, 9_000)),  # lots
    st.tuples(st.just("sell"), st.integers(1, 10)),  # tenths of what is held
    st.tuples(st.just("price"), st.integers(60, 140)),
    st.tuples(st.just("hand buys"), st.integers(1, 900)),
    st.tuples(st.just("hand sells"), st.integers(1, 9)),
    st.tuples(st.just("look"), st.just(0)),
)


def held(book: object) -> Decimal:
    row = Position.objects.filter(portfolio=book).first()  # type: ignore[misc]
    return row.quantity if row else Decimal(0)


def finish(pit: Pit) -> None:
    while fan_out_batch(lead_id=pit.lead.pk):
        pass
    while causes := sorted(set(Order.objects.filter(state=OrderState.PENDING).values_list("cause_kind", "cause_id"))):
        assert sum(execute_pending(cause_kind=kind, cause_id=cause) for kind, cause in causes)


def lead_trades(pit: Pit, side: Side, quantity: Decimal) -> None:
    try:
        order = pit.place(side, quantity)
    except DomainError:
        return
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    finish(pit)


def by_hand(pit: Pit, follow: Follow, side: Side, quantity: Decimal) -> None:
    if quantity:
        submit_order(
            portfolio=follow.portfolio,
            instrument=pit.instrument,
            side=side,
            leg=Leg.OPEN if side == Side.BUY else Leg.CLOSE,
            quantity=quantity,
            cause=Cause(CauseKind.VENUE, f"by hand {Order.objects.count()}"),
        )
        finish(pit)


@given(mode=st.sampled_from(MODES), moves=st.lists(steps, max_size=14))
@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_rule_09_a_flat_lead_leaves_a_flat_follower_dust_included(
    pit: Pit, bob: User, mode: str, moves: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        pit.price(100)
        follow = pit.follow(bob, 500, sizing=mode)
        for what, size in moves:
            if what == "price":
                pit.price(size)
            elif what == "buy":
                lead_trades(pit, Side.BUY, size * LOT)
            elif what == "sell":
                lead_trades(pit, Side.SELL, held(pit.lead) * size / 10 // LOT * LOT)
            elif what == "hand buys":
                by_hand(pit, follow, Side.BUY, size * LOT)
            elif what == "hand sells":
                by_hand(pit, follow, Side.SELL, held(follow.portfolio_id) * size / 10 // LOT * LOT)
            else:
                with pit.working():
                    run_due(namespace=pit.desk.namespace, until=pit.desk.at)
        if held(pit.lead):
            lead_trades(pit, Side.SELL, held(pit.lead))
        else:
            # What was bought by hand while the lead was flat is the follower's own.
            by_hand(pit, follow, Side.SELL, held(follow.portfolio_id))
        aims = FollowPosition.objects.filter(follow=follow)
        assert not held(follow.portfolio_id)
        assert [aim.target for aim in aims if aim.target] == []
        assert [aim.residual for aim in aims if aim.residual] == []
        assert failed_checks() == {}
        transaction.set_rollback(True)
