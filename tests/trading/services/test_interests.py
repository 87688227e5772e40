"""Prices on which money depends are watched though nobody looks: of positions, unfinished orders and plans, and armed triggers."""

from __future__ import annotations

from decimal import Decimal

from pytest_django import DjangoAssertNumQueries

from common.ids import new_id
from engine.plans.kinds import LATEST_MS, PlanKind
from markets.models import Exchange, Instrument, Interest
from tests.fixtures_trading import Pit
from trading.models import CauseKind, Leg, Order, OrderState, Side
from trading.plans.services.managing import begin_plan
from trading.services.interests import renew_trading_interests
from trading.services.orders import Cause, submit_order
from trading.tasks import renew_interests


def bought(pit: Pit, instrument: Instrument, *, stop: bool = False) -> None:
    pit.price(100, instrument)
    with pit.working():
        ordered(pit, instrument, Side.BUY, "0.1" if stop else None)


def ordered(pit: Pit, instrument: Instrument, side: Side, stop: str | None = None) -> Order:
    return submit_order(
        portfolio=pit.lead,
        instrument=instrument,
        side=side,
        leg=Leg.OPEN if side == Side.BUY else Leg.CLOSE,
        quantity=Decimal(1),
        cause=Cause(CauseKind.RUN, new_id().hex),
        stop_loss_ratio=Decimal(stop) if stop else None,
        closed_fraction=None if side == Side.BUY else Decimal(1),
    )


def watched(pit: Pit) -> set[tuple[str, str, str]]:
    return set(Interest.objects.values_list("instrument__market__base", "kind", "reason"))


def planned(pit: Pit, instrument: Instrument) -> None:
    """Plan an order for later."""
    pit.price(100, instrument)
    begin_plan(
        actor=pit.alice,
        portfolio=pit.lead,
        instrument=instrument,
        kind=PlanKind.SCHEDULED,
        settings={"side": "BUY", "quantity": Decimal(1), "at": LATEST_MS},
    )


def test_what_is_at_stake_is_watched_in_a_constant_number_of_statements(
    pit: Pit, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    eth, sol, xrp = (pit.desk.instrument(base, taker_fee_bps=Decimal(0)) for base in ("ETH", "SOL", "XRP"))
    bought(pit, pit.instrument, stop=True)
    bought(pit, eth)
    bought(pit, sol)
    with pit.working():
        ordered(pit, sol, Side.SELL)
    ordered(pit, xrp, Side.BUY)  # nobody has sent it yet
    planned(pit, pit.desk.instrument("DOGE"))
    assert renew_trading_interests() == 0  # the desk is not connected
    Exchange.objects.filter(pk=pit.desk.exchange.pk).update(dialect="binance")
    with django_assert_num_queries(8):  # five questions; one write, which a test puts a savepoint around
        assert renew_trading_interests() == 6
    assert watched(pit) == {
        ("BTC", "TICKER", "position"),
        ("BTC", "TICKER", "trigger"),
        ("ETH", "TICKER", "position"),
        ("XRP", "TICKER", "order"),
        # Our own broker may have to walk it.
        ("XRP", "BOOK", "order"),
        ("DOGE", "TICKER", "plan"),
    }
    Order.objects.filter(instrument=xrp).update(state=OrderState.UNKNOWN)
    renew_interests()
    assert Interest.objects.count() == 6
