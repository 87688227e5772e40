"""Alerts inside a feed: told at once and once, whatever is killed, missed or slow, and no price costs a query."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification, User
from accounts.services import notify
from common import clock
from markets import alerting
from markets.alerting import AlertWatch, watching_alerts
from markets.models import AlertKind, AlertState, Instrument, PriceAlert
from markets.services import cancel_alert, create_alert
from markets.steps import ClosedCandle, Step
from tests.fixtures_desk import Desk


class Floor:
    """A feed's alerts, one tick after the other, on the test's own connection."""

    def __init__(self, desk: Desk, owner: User) -> None:
        self.desk, self.owner = desk, owner
        self.btc = desk.instrument()
        self.restart()

    def restart(self) -> None:
        """Forget all that was in memory, as a killed process does."""
        self.watch = AlertWatch(self.desk.namespace)
        self.work()

    def work(self) -> None:
        """Let the worker do all that it would in the next second."""
        for _ in range(4):
            self.watch._refresh_at = 0.0
            self.watch.work()
            self.watch.tend()

    def alert(self, kind: AlertKind, level: str, **facts: Any) -> PriceAlert:
        return create_alert(owner=self.owner, instrument=self.btc, kind=kind, level=Decimal(level), **facts)

    def tick(self, price: str, seconds: float = 1, closed: tuple[ClosedCandle, ...] = ()) -> None:
        """Let market time go on and meet a price, without telling anybody yet."""
        at = self.desk.at + timedelta(seconds=seconds)
        self.desk.step({self.btc: price}, at, closed)
        self.watch.on_step(Step(at, {self.btc.pk: Decimal(price)}, closed))

    def see(self, price: str, seconds: float = 1) -> None:
        self.tick(price, seconds)
        self.work()

    def candle(self, opened_at: datetime, high: float, low: float, volume: float = 1.0) -> ClosedCandle:
        return ClosedCandle(self.btc.pk, "1m", opened_at, low, high, low, high, volume)

    @property
    def told(self) -> list[str]:
        return [one.context["price"] for one in Notification.objects.order_by("pk")]


@pytest.fixture
def floor(desk: Desk, alice: User, monkeypatch: pytest.MonkeyPatch) -> Floor:
    monkeypatch.setattr(alerting, "_TEND_SECONDS", 0.0)
    return Floor(desk, alice)


def test_between_prices_some_changes_come_in_now_and_then(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "_CHANGES_AT_ONCE", 2)
    monkeypatch.setattr(alerting, "_TEND_SECONDS", 30.0)
    for level in range(110, 115):
        floor.alert(AlertKind.ABOVE, str(level))
    floor.work()
    floor.work()
    assert len(floor.watch._board) == 2
    floor.watch._tend_at = 0.0
    floor.watch.tend()
    assert len(floor.watch._board) == 4


def test_a_price_that_reaches_an_alert_is_told_once(floor: Floor) -> None:
    floor.see("100")
    floor.alert(AlertKind.ABOVE, "110")
    floor.work()
    floor.see("109.99")
    assert floor.told == []
    floor.tick("110.50")
    floor.tick("120")
    floor.tick("100")
    floor.work()
    floor.see("111")
    assert floor.told == ["110.50"]
    assert PriceAlert.objects.get().fired_at == floor.desk.at - timedelta(seconds=3)


def test_what_is_true_already_is_told_without_another_price(floor: Floor) -> None:
    floor.see("120")
    floor.alert(AlertKind.ABOVE, "110")
    floor.alert(AlertKind.BELOW, "110")
    floor.work()
    assert floor.told == ["120.00"]


def test_a_canceled_alert_tells_nothing_even_where_the_price_was_there_first(floor: Floor) -> None:
    heard, unheard = floor.alert(AlertKind.ABOVE, "110"), floor.alert(AlertKind.ABOVE, "110")
    floor.work()
    cancel_alert(alert=heard)
    floor.work()
    floor.tick("115")
    cancel_alert(alert=unheard)
    floor.work()
    assert floor.told == []


def test_a_move_is_told_within_its_window_only(floor: Floor) -> None:
    floor.alert(AlertKind.MOVE, "0.05", window_seconds=60)
    floor.work()
    floor.see("100")
    floor.see("104.99", seconds=30)
    floor.see("105.01", seconds=40)
    assert floor.told == []
    floor.see("99.70", seconds=10)
    assert floor.told == ["99.70"]


def test_volume_is_told_when_its_candle_closes(floor: Floor) -> None:
    start = floor.desk.at
    for minute, volume in enumerate([10.0] * 6):
        closed = (floor.candle(start + timedelta(minutes=minute), 100.0, 99.0, volume),)
        floor.tick("100", seconds=60, closed=closed)
    floor.alert(AlertKind.VOLUME_SPIKE, "3", window_seconds=60)
    floor.work()
    for minute, volume in ((6, 25.0), (7, 40.0)):
        assert floor.told == []
        closed = (floor.candle(start + timedelta(minutes=minute), 100.0, 99.0, volume),)
        floor.tick("100", seconds=60, closed=closed)
        floor.work()
    assert floor.told == ["100.00"]


def test_one_that_repeats_is_told_again_only_after_its_rest_and_from_the_other_side(floor: Floor) -> None:
    floor.alert(AlertKind.ABOVE, "110", repeats=True, cool_down_seconds=120)
    floor.work()
    floor.see("110")
    floor.see("100", seconds=30)
    floor.see("112", seconds=30)
    assert floor.told == ["110.00"]  # it rests
    floor.see("113", seconds=61)
    floor.see("110", seconds=1)
    assert floor.told == ["110.00"]  # it has rested, and the price was not below since
    floor.see("109.99", seconds=1)
    assert PriceAlert.objects.get().state == AlertState.ARMED
    floor.see("110.01", seconds=1)
    assert floor.told == ["110.00", "110.01"]
    assert PriceAlert.objects.get().times_fired == 2


def test_a_move_that_repeats_waits_again_after_its_rest(floor: Floor) -> None:
    floor.alert(AlertKind.MOVE, "0.05", window_seconds=60, repeats=True)
    floor.work()
    floor.see("100")
    floor.see("106")
    floor.see("100")
    assert floor.told == ["106.00"]
    floor.see("100", seconds=70)
    floor.see("94")
    assert floor.told == ["106.00", "94.00"]


def test_a_killed_feed_tells_afterwards_what_it_had_seen_and_not_told(floor: Floor) -> None:
    """Killed after the price and before the commit: the price itself is gone, the candle that closed shows it."""
    floor.alert(AlertKind.ABOVE, "110")
    floor.work()
    opened = floor.desk.at
    floor.tick("115", seconds=10)
    floor.restart()
    # At the start the board still shows the price.
    assert floor.told == ["115.00"]
    floor.alert(AlertKind.ABOVE, "130")
    floor.desk.step({floor.btc: "100"}, opened + timedelta(minutes=1))
    floor.alert(AlertKind.BELOW, "90")
    floor.work()
    floor.tick("85", seconds=30)
    closed = floor.candle(opened + timedelta(minutes=1), 101.0, 85.0)
    floor.desk.step({floor.btc: "100"}, opened + timedelta(minutes=2), [closed])
    floor.restart()
    assert floor.told == ["115.00", "100.00"]
    assert PriceAlert.objects.get(level=90).fired_at == opened + timedelta(minutes=2)
    floor.restart()
    assert len(floor.told) == 2


def test_a_candle_that_closes_shows_what_no_tick_did(floor: Floor) -> None:
    floor.alert(AlertKind.ABOVE, "110")
    floor.work()
    young = floor.desk.at - timedelta(seconds=1)
    floor.tick("100", seconds=59, closed=(floor.candle(young, 111.0, 99.0),))
    floor.work()
    assert floor.told == []  # that high may have been before the alert
    floor.tick("100", seconds=60, closed=(floor.candle(young + timedelta(minutes=1), 111.0, 99.0),))
    floor.work()
    assert floor.told == ["111.00"]


def test_a_restart_lets_what_rests_go_on_resting(floor: Floor) -> None:
    floor.alert(AlertKind.ABOVE, "110", repeats=True)
    floor.work()
    floor.see("110")
    floor.restart()
    floor.see("100", seconds=30)
    floor.see("111", seconds=1)
    assert floor.told == ["110.00"]
    floor.see("100", seconds=60)
    floor.restart()
    floor.see("112", seconds=1)
    assert floor.told == ["110.00", "112.00"]


def test_what_cannot_be_told_is_tried_again_and_keeps_nobody_else_waiting(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, *others = [floor.alert(AlertKind.ABOVE, "110") for _ in range(4)]
    floor.work()

    def fail_for_one(**facts: Any) -> None:
        if facts["context"]["alert"] == str(poison.pk):
            raise RuntimeError("this one cannot be told")
        notify(**facts)

    monkeypatch.setattr("markets.services.alerts.notify", fail_for_one)
    floor.tick("111")
    failures = 0
    for _ in range(12):
        try:
            floor.watch.work()
        except RuntimeError:
            failures += 1
    assert failures > 1
    assert len(floor.told) == len(others)
    assert set(PriceAlert.objects.filter(state=AlertState.FIRED)) == set(others)
    monkeypatch.undo()
    floor.work()
    assert len(floor.told) == 4


def test_ticks_cost_no_query_and_many_alerts_come_in_by_parts(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "_CHANGES_PER_STEP", 2)
    for level in range(110, 115):
        floor.alert(AlertKind.ABOVE, str(level))
    watch = floor.watch
    watch._refresh_at = 0.0
    watch.work()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        sizes = []
        for _ in range(4):
            watch.on_step(Step(floor.desk.at, {floor.btc.pk: Decimal(100)}, ()))
            sizes.append(len(watch._board))
        watch.on_step(Step(floor.desk.at, {floor.btc.pk: Decimal(120)}, ()))
    assert sizes == [2, 4, 5, 5]
    assert len(queries) == 0
    assert len(watch._reached) == 5


def test_an_alert_made_elsewhere_is_heard_of_by_its_number(floor: Floor, bob: User) -> None:
    floor.alert(AlertKind.ABOVE, "110")
    floor.work()
    with CaptureQueriesContext(connection) as queries:
        floor.work()
    assert len(queries) == 4  # one a second, whatever there is
    create_alert(owner=bob, instrument=floor.btc, kind=AlertKind.ABOVE, level=Decimal(105))
    floor.work()
    floor.see("106")
    assert [one.user for one in Notification.objects.all()] == [bob]


@pytest.mark.django_db(transaction=True)
def test_a_thread_tells_beside_the_feed_and_goes_with_it(alice: User) -> None:
    desk = Desk()
    btc: Instrument = desk.instrument()
    create_alert(owner=alice, instrument=btc, kind=AlertKind.ABOVE, level=Decimal(110))
    step = Step(desk.at, {btc.pk: Decimal(111)}, ())
    with watching_alerts(desk.namespace) as watch:
        _until(lambda: bool(watch._changes))
        watch.on_step(step)
        _until(Notification.objects.exists)
        create_alert(owner=alice, instrument=btc, kind=AlertKind.ABOVE, level=Decimal(110))
        watch._refresh_at = 0.0
        _until(lambda: any(change.watch for change in watch._changes))
        watch.on_step(step)
    # What was reached before the end is told before the end.
    assert Notification.objects.count() == 2
    assert not [one for one in threading.enumerate() if one.name == f"alerts-{desk.namespace}"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_database_breaks_goes_on(
    alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    btc: Instrument = desk.instrument()
    create_alert(owner=alice, instrument=btc, kind=AlertKind.ABOVE, level=Decimal(110))
    monkeypatch.setattr(alerting, "REFRESH_SECONDS", 0.05)
    broken = [1, 1]

    def break_twice(namespace: str) -> datetime:
        if broken:
            broken.pop()
            raise OSError("away")
        return clock.market_now(namespace)

    monkeypatch.setattr("markets.alerting.market_now", break_twice)
    with watching_alerts(desk.namespace) as watch:
        _until(lambda: bool(watch._changes))
        watch.on_step(Step(desk.at, {btc.pk: Decimal(111)}, ()))
    assert Notification.objects.count() == 1
    assert caplog.text.count("cannot be told now") == 2


def _until(holds: Callable[[], bool]) -> None:
    deadline = clock.monotonic() + 10
    while not holds():
        assert clock.monotonic() < deadline
        clock.sleep(0.01)
