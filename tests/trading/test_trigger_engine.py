"""The engine of a market: every armed stop is known before prices count, at the right moment, whatever breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from common.bus import bus
from common.ids import new_id
from common.lease import lease
from markets.feed import ticks_channel
from tests.fixtures_trading import Pit
from trading import trigger_engine
from trading.models import CauseKind, Leg, Order, Side, Trigger, TriggerState
from trading.services import triggers
from trading.services.orders import Cause, submit_order
from trading.services.triggers import channel, fire
from trading.trigger_engine import LEASE_SECONDS, TriggerEngine, run_engine


class Script(threading.Event):
    """A stop event by which a test acts between two looks of the engine, and which ends it when nothing is left to do."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        super().__init__()
        self._actions = list(actions)

    def is_set(self) -> bool:
        if not self._actions:
            return True
        self._actions.pop(0)()
        return False

    def wait(self, timeout: float | None = None) -> bool:
        return False


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine runs on the test's own connection, which it must not close."""
    monkeypatch.setattr(trigger_engine, "close_old_connections", nothing)


def nothing() -> None:
    pass


def armed(pit: Pit) -> Trigger:
    """Buy one at 100 with a stop at 90."""
    before = set(Trigger.objects.values_list("pk", flat=True))
    with pit.working():
        submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=Decimal(1),
            cause=Cause(CauseKind.RUN, new_id().hex),
            stop_loss_ratio=Decimal("0.1"),
        )
    return Trigger.objects.exclude(pk__in=before).get()


def tick(pit: Pit, price: int, at: datetime | None = None) -> Callable[[], None]:
    """Tell of a price without moving the board, as a message that waited on its way does."""
    message = {"at": (at or pit.desk.at).isoformat(), "prices": {str(pit.instrument.pk): str(price)}}
    return lambda: bus().publish(ticks_channel(pit.desk.namespace), message)


def state(trigger: Trigger) -> str:
    return Trigger.objects.get(pk=trigger.pk).state


def run(pit: Pit, *actions: Callable[[], object]) -> None:
    with pit.working():
        run_engine(pit.desk.namespace, Script(*actions))


def test_the_first_price_after_a_start_meets_every_stop(pit: Pit) -> None:
    trigger = armed(pit)
    run(pit, nothing, tick(pit, 90))
    assert state(trigger) == TriggerState.FIRED
    assert pit.held(pit.lead) == "0"


def test_prices_that_never_pause_do_not_keep_lost_hints_lost(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_engine, "REFRESH_SECONDS", 0.0)
    made: list[Trigger] = []

    def arm_and_fall() -> None:
        made.append(armed(pit))
        tick(pit, 89)()

    monkeypatch.setattr(triggers, "channel", lambda namespace: f"unheard:{namespace}")
    run(pit, nothing, tick(pit, 100), arm_and_fall)
    assert state(made[0]) == TriggerState.FIRED


def test_a_stop_armed_beyond_the_market_fires_without_another_price(pit: Pit) -> None:
    trigger = armed(pit)
    pit.price(85)
    run(pit, nothing, nothing)
    assert state(trigger) == TriggerState.FIRED


def test_prices_heard_while_standing_by_fire_nothing_later(pit: Pit) -> None:
    trigger = armed(pit)
    other = lease(f"engine:{pit.desk.namespace}", LEASE_SECONDS)
    assert other.hold()
    standing_by: Sequence[Callable[[], object]] = [tick(pit, 50), tick(pit, 50), tick(pit, 50), tick(pit, 50)]
    run(pit, *standing_by, other.release, nothing, nothing, nothing, nothing)
    assert state(trigger) == TriggerState.ARMED


def test_a_price_from_before_a_stop_was_armed_does_not_fire_it(pit: Pit) -> None:
    trigger = armed(pit)
    run(pit, nothing, tick(pit, 50, at=trigger.armed_at - timedelta(seconds=1)), nothing)
    assert state(trigger) == TriggerState.ARMED
    run(pit, nothing, tick(pit, 50, at=trigger.armed_at), nothing)
    assert state(trigger) == TriggerState.FIRED


@pytest.mark.parametrize("failure", [ConnectionError("the bus is away"), ValueError("no such thing")])
def test_a_stop_whose_firing_failed_fires_at_the_next_look(
    pit: Pit, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(trigger_engine, "REFRESH_SECONDS", 0.0)
    trigger = armed(pit)
    failures = [failure]

    def fails_once(*, trigger_id: UUID) -> Order | None:
        if failures:
            raise failures.pop()
        return fire(trigger_id=trigger_id)

    monkeypatch.setattr(trigger_engine, "fire", fails_once)
    run(pit, nothing, tick(pit, 80), tick(pit, 120), nothing)
    assert failures == []
    assert state(trigger) == TriggerState.FIRED


def test_one_stop_that_cannot_fire_does_not_keep_the_others_from_firing(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = armed(pit), armed(pit)
    stuck = max(first, second, key=lambda one: one.pk)

    def fails_for_one(*, trigger_id: UUID) -> Order | None:
        if trigger_id == stuck.pk:
            raise ValueError("this one is stuck")
        return fire(trigger_id=trigger_id)

    monkeypatch.setattr(trigger_engine, "fire", fails_for_one)
    engine = TriggerEngine(pit.desk.namespace)
    engine.refresh()
    with pytest.raises(ExceptionGroup):
        engine.on_prices({pit.instrument.pk: Decimal(80)})
    assert {state(first), state(second)} == {TriggerState.FIRED, TriggerState.ARMED}


def test_a_hint_is_sent_where_engines_listen(pit: Pit) -> None:
    with bus().listen(channel(pit.desk.namespace)) as hints:
        trigger = armed(pit)
        assert hints.get(1.0) == (channel(pit.desk.namespace), {"change": trigger.change})
