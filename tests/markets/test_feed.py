"""The feed: one step becomes true everywhere, in order; market time keeps pace and waits for unfinished work."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common import clock
from common.bus import bus
from markets import feed
from markets.feed import PriceSource, apply_step, register_backlog, run_feed, settled, ticks_channel
from markets.models import Instrument, RecentCandle
from markets.prices import latest_prices
from markets.selectors import candle_arrays
from markets.signals import candle_closed
from markets.steps import ClosedCandle, Step
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import minutes_of


def _after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def _candle(instrument: Instrument, opened_at: datetime = NOON, timeframe: str = "1m") -> ClosedCandle:
    return ClosedCandle(instrument.id, timeframe, opened_at, 10.0, 12.0, 9.0, 11.0, 5.0)


class Listed:
    """A price source of steps that a test has listed."""

    persists_candles = True

    def __init__(self, namespace: str, steps: Sequence[Step]) -> None:
        self.namespace = namespace
        self._steps = steps

    def steps(self) -> Iterator[Step]:
        return iter(self._steps)


def _source(desk: Desk, instrument: Instrument, seconds: Sequence[float]) -> PriceSource:
    """Return a source whose price at second s is 100 + s."""
    return Listed(desk.namespace, [Step(_after(s), {instrument.id: Decimal(str(100 + s))}, ()) for s in seconds])


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    """What the signal candle_closed said."""
    calls: list[dict[str, Any]] = []

    def receiver(sender: object, instrument_id: Any, timeframe: str, opened_at: str, **kwargs: Any) -> None:
        calls.append({"instrument_id": instrument_id, "timeframe": timeframe, "opened_at": opened_at})

    candle_closed.connect(receiver)
    yield calls
    candle_closed.disconnect(receiver)


@pytest.fixture
def backlogs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The registered backlogs: none but those that the test registers."""
    registered: list[Any] = []
    monkeypatch.setattr(feed, "_backlogs", registered)
    return registered


# --- one step -------------------------------------------------------------------------------------------------------


def test_a_step_is_on_the_board_in_market_time_on_the_bus_and_in_the_store(
    desk: Desk, heard: list[dict[str, Any]]
) -> None:
    bitcoin = desk.instrument()
    step = Step(_after(60), {bitcoin.id: Decimal("64000.10")}, (_candle(bitcoin), _candle(bitcoin, NOON, "5m")))
    with bus().listen(ticks_channel(desk.namespace)) as ticks:
        apply_step(desk.namespace, step, persists_candles=True)
        message = ticks.get(1.0)
    assert message == (
        f"ticks:{desk.namespace}",
        {"at": "2026-03-02T12:01:00+00:00", "prices": {str(bitcoin.id): "64000.10"}},
    )
    [price] = latest_prices([bitcoin]).values()
    assert (price.price, price.at) == (Decimal("64000.10"), _after(60))
    assert clock.market_now(desk.namespace) == _after(60)
    assert heard == [
        {"instrument_id": bitcoin.id, "timeframe": timeframe, "opened_at": "2026-03-02T12:00:00+00:00"}
        for timeframe in ("1m", "5m")
    ]
    row = RecentCandle.objects.get(timeframe="1m")
    assert (row.open, row.high, row.low, row.close, row.volume) == (10.0, 12.0, 9.0, 11.0, 5.0)


def test_whoever_hears_that_a_candle_closed_sees_it_and_the_price_that_closed_it(desk: Desk) -> None:
    bitcoin = desk.instrument()
    seen: list[Any] = []

    def look(sender: object, **kwargs: Any) -> None:
        seen.append((minutes_of(candle_arrays(bitcoin, "1m")), latest_prices([bitcoin])[bitcoin.id].price))

    candle_closed.connect(look)
    try:
        desk.step({bitcoin: "11.5"}, at=_after(59.999))
        assert minutes_of(candle_arrays(bitcoin, "1m")) == []
        desk.step({bitcoin: "11.7"}, at=_after(60), closed=[_candle(bitcoin)])
    finally:
        candle_closed.disconnect(look)
    assert seen == [([0], Decimal("11.7"))]


def test_a_source_whose_candles_are_stored_already_stores_none_but_says_that_they_closed(
    desk: Desk, heard: list[dict[str, Any]]
) -> None:
    bitcoin = desk.instrument()
    apply_step(desk.namespace, Step(_after(60), {bitcoin.id: Decimal(11)}, (_candle(bitcoin),)), persists_candles=False)
    assert RecentCandle.objects.count() == 0
    assert [call["opened_at"] for call in heard] == ["2026-03-02T12:00:00+00:00"]


def test_a_step_that_comes_twice_stores_its_candles_once(desk: Desk) -> None:
    bitcoin = desk.instrument()
    for price in ("11.5", "11.6"):
        desk.step({bitcoin: price}, at=_after(60), closed=[_candle(bitcoin)])
    assert RecentCandle.objects.count() == 1


def test_tiny_prices_are_written_plainly(desk: Desk) -> None:
    pepe = desk.instrument("PEPE", tick_size=Decimal("0.00000001"))
    with bus().listen(ticks_channel(desk.namespace)) as ticks:
        desk.step({pepe: "1E-8"})
        received = ticks.get(1.0)
    assert received is not None
    assert received[1]["prices"] == {str(pepe.id): "0.00000001"}


# --- pace -----------------------------------------------------------------------------------------------------------


def _play(source: PriceSource, speed: float, **options: Any) -> float:
    """Run a feed to its end and return how long it took."""
    began = clock.monotonic()
    run_feed(source, speed=speed, stop=options.pop("stop", threading.Event()), **options)
    return clock.monotonic() - began


@pytest.mark.usefixtures("backlogs")
def test_market_time_passes_at_the_speed_asked_for(desk: Desk) -> None:
    bitcoin = desk.instrument()
    took = _play(_source(desk, bitcoin, range(0, 61, 10)), speed=120)
    assert 0.5 <= took < 1.5
    assert latest_prices([bitcoin])[bitcoin.id].price == 160
    assert clock.market_now(desk.namespace) == _after(60)


@pytest.mark.usefixtures("backlogs")
def test_time_that_was_lost_is_not_caught_up_in_a_burst(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_MAX_LAG_SECONDS", 0.1)
    bitcoin = desk.instrument()
    at: list[float] = []

    def slow_once() -> bool:
        at.append(clock.monotonic())
        if len(at) == 2:
            clock.sleep(0.6)
        return True

    _play(_source(desk, bitcoin, [0, 10, 20, 30, 40]), speed=100, is_settled=slow_once)
    # 0.1 s apart: the third step is due while the second is stuck; the fourth and fifth keep their distance again,
    # as far as a busy machine lets them; caught up in a burst they would come at once.
    assert at[3] - at[2] >= 0.05
    assert at[4] - at[3] >= 0.05


@pytest.mark.usefixtures("backlogs")
def test_a_stopped_feed_ends_at_once_and_applies_nothing_more(desk: Desk) -> None:
    bitcoin = desk.instrument()
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    took = _play(_source(desk, bitcoin, [0, 3600]), speed=1, stop=stop)
    assert took < 1.0
    assert latest_prices([bitcoin])[bitcoin.id].price == 100


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(desk: Desk, speed: float) -> None:
    with pytest.raises(ValueError, match="positive number of market seconds per second"):
        _play(_source(desk, desk.instrument(), [0]), speed=speed)


# --- unfinished work ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_backlogs_are_asked_for_their_namespace_and_registered_once(backlogs: list[Any]) -> None:
    def busy(namespace: str) -> bool:
        return namespace == "sim"

    register_backlog(busy)
    register_backlog(busy)
    assert backlogs == [busy]
    assert not settled("sim")
    assert settled("real")


def test_market_time_waits_until_earlier_work_is_finished(desk: Desk, backlogs: list[Any]) -> None:
    bitcoin = desk.instrument()
    seen: list[Decimal] = []

    def has_backlog(namespace: str) -> bool:
        prices = latest_prices([bitcoin])
        seen.append(prices[bitcoin.id].price if prices else Decimal(-1))
        return len(seen) < 20

    register_backlog(has_backlog)
    _play(_source(desk, bitcoin, [0, 1]), speed=1000)
    assert seen == [Decimal(-1)] * 20 + [Decimal(100)]
    assert latest_prices([bitcoin])[bitcoin.id].price == 101


def test_a_stuck_backlog_delays_the_market_but_does_not_stop_it(
    desk: Desk, backlogs: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed, "SETTLE_SECONDS", 0.2)
    bitcoin = desk.instrument()
    register_backlog(lambda namespace: True)
    took = _play(_source(desk, bitcoin, [0, 1]), speed=1000)
    assert 0.4 <= took < 1.5
    assert latest_prices([bitcoin])[bitcoin.id].price == 101
    assert caplog.messages == [f"Work of {desk.namespace} is still unfinished after 0.2 s; its market goes on."] * 2


# --- live pages -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("backlogs")
def test_pages_hear_of_the_newest_price_at_most_four_times_a_second(desk: Desk) -> None:
    bitcoin = desk.instrument()
    with bus().listen("live") as live:
        took = _play(_source(desk, bitcoin, range(200)), speed=200)
        heard = []
        while (received := live.get(0.1)) is not None:
            heard.append(dict(received[1])[f"prices:{desk.namespace}"]["cells"])
    assert 3 <= len(heard) <= took / 0.25 + 2
    assert heard[-1] == {f"{bitcoin.id}.price": "299.00", f"{bitcoin.id}.change": "–"}


@pytest.mark.usefixtures("backlogs")
def test_the_heart_beats_while_the_feed_waits_and_can_end_it(desk: Desk) -> None:
    beats: list[float] = []

    class Lost(Exception):
        pass

    def beat() -> None:
        beats.append(clock.monotonic())
        if len(beats) == 5:
            raise Lost

    with pytest.raises(Lost):
        _play(_source(desk, desk.instrument(), [0, 3600]), speed=1, heartbeat=beat)
    assert beats[-1] - beats[0] < 1.5
