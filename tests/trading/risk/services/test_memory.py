"""What risk remembers: each round trip once, with what it earned after fees; and the pauses that rest on it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.errors import DomainError
from tests.fixtures_trading import Pit
from trading.brokers.paper import PaperBroker
from trading.models import CauseKind, Leg, Order, Side, Trigger
from trading.risk.models import RiskState
from trading.risk.services import memory
from trading.risk.services.profiles import set_limits
from trading.services.execution import claim_orders, record_results
from trading.services.orders import Cause, submit_order
from trading.services.triggers import fire


def limit(pit: Pit, **limits: object) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits=limits)


def trades(pit: Pit) -> list[tuple[str, bool]]:
    return [(trade[2], trade[3]) for trade in RiskState.objects.get(profile__portfolio=pit.lead).trades]


def lose(pit: Pit) -> None:
    pit.price(100)
    pit.buy(1)
    pit.price(99)
    pit.sell(1)


def refused(pit: Pit) -> str:
    with pytest.raises(DomainError) as refusal:
        pit.place(Side.BUY, 1)
    return refusal.value.code


def test_a_trade_ends_when_nothing_is_held_and_earns_what_all_its_fills_did_after_fees(pit: Pit) -> None:
    pit.instrument.taker_fee_bps = Decimal(10)
    pit.instrument.save()
    limit(pit, max_losses_in_row="5")
    pit.buy(2)
    pit.price(110)
    pit.sell(1)
    assert trades(pit) == []
    pit.price(120)
    pit.sell(1)
    # 10 and 20, less 0.2, 0.11 and 0.12.
    assert trades(pit) == [("29.57", False)]
    pit.buy(1)
    pit.sell(1)
    assert trades(pit) == [("29.57", False), ("-0.24", False)]
    state = RiskState.objects.get()
    assert state.trades[0][:2] == [pit.desk.at.isoformat(), "BTC-USDT"]


def test_what_was_earned_before_the_limits_is_not_theirs(pit: Pit) -> None:
    lose(pit)
    limit(pit, max_losses_in_row="5")
    pit.buy(1)
    pit.price(104)
    pit.sell(1)
    assert trades(pit) == [("5", False)]


def test_a_stop_is_told_from_an_exit_by_hand(pit: Pit) -> None:
    limit(pit, max_stops="1", stops_window_minutes="60")
    with pit.working():
        submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=Decimal(1),
            cause=Cause(CauseKind.RUN, "1"),
            stop_loss_ratio=Decimal("0.1"),
        )
    pit.price(90)
    with pit.working():
        fire(trigger_id=Trigger.objects.get().pk)
    assert trades(pit) == [("-10", True)]
    assert refused(pit) == "TOO_MANY_STOPS"
    pit.desk.step({pit.instrument: 90}, pit.desk.at + timedelta(minutes=60))
    pit.buy(1)


def test_losses_in_a_row_pause_and_a_win_ends_the_row(pit: Pit) -> None:
    limit(pit, max_losses_in_row="2", losses_pause_minutes="30")
    lose(pit)
    lose(pit)
    assert refused(pit) == "LOSSES_IN_A_ROW"
    pit.desk.step({pit.instrument: 100}, pit.desk.at + timedelta(minutes=30))
    pit.buy(1)
    pit.price(101)
    pit.sell(1)
    lose(pit)
    pit.buy(1)


def test_no_more_is_kept_than_any_limit_looks_back(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TRADES_KEPT", 2)
    limit(pit, max_losses_in_row="9")
    for _ in range(3):
        lose(pit)
    assert trades(pit) == [("-1", False), ("-1", False)]


@pytest.mark.parametrize(
    ("has_limits", "ends", "more"), [(False, False, 0), (False, True, 1), (True, False, 0), (True, True, 3)]
)
def test_booking_asks_for_limits_only_where_a_position_ends(pit: Pit, has_limits: bool, ends: bool, more: int) -> None:
    pit.buy(2)
    if has_limits:
        limit(pit, max_losses_in_row="9")
    pit.place(Side.SELL, 2 if ends else 1)
    results = PaperBroker().submit(claim_orders(Order.objects.filter(portfolio=pit.lead)))
    with CaptureQueriesContext(connection) as found:
        record_results(results)
    about = [one["sql"] for one in found if "risk" in one["sql"]]
    # The profiles with their states; then what was earned (of positions), and the states written.
    assert len(about) == {0: 0, 1: 1, 3: 2}[more]
