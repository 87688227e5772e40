"""Each fault of the switch, met by a feed: what it says of itself, and that no candle is lost, doubled or out of order."""

from __future__ import annotations

from collections.abc import Callable

from common.bus import bus
from markets.boards import FeedState
from markets.models import Instrument, InterestKind
from sandbox.faults import FaultKind
from tests.markets.venue_feed.stage import Stage, wait_for

Make = Callable[..., Stage]
ALL = tuple(InterestKind)


def _watched(stage: Make, *kinds: InterestKind) -> tuple[Stage, Instrument]:
    quick = stage()
    bitcoin = quick.instrument("BTC/USDT")
    quick.want([bitcoin], *(kinds or ALL))
    return quick, bitcoin


def _heals(quick: Stage, bitcoin: Instrument) -> None:
    """Prices flow again, and candles are as they must be."""
    quick.forget()
    quick.wait_for_minutes(bitcoin, 2)
    wait_for(lambda: quick.price(bitcoin) is not None and quick.state() == FeedState.LIVE)
    quick.check_candles(bitcoin)


def test_a_socket_that_falls_silent_or_is_torn_down_is_opened_again(stage: Make) -> None:
    quick, bitcoin = _watched(stage)
    with quick.feeding():
        quick.wait_for_minutes(bitcoin, 1)
        silent = quick.fault(FaultKind.SILENT_SOCKET, count=1, where="kline")
        torn = [quick.fault(FaultKind.DROP_CONNECTION, count=1, where=one) for one in ("depth", "@trade")]
        wait_for(lambda: silent.struck and all(one.struck for one in torn) and quick.status().reconnects >= 3)
        _heals(quick, bitcoin)


def test_messages_that_come_twice_or_in_another_order_change_nothing(stage: Make) -> None:
    quick, bitcoin = _watched(stage)
    with quick.feeding():
        quick.wait_for_minutes(bitcoin, 1)
        twice = quick.fault(FaultKind.DUPLICATE_MESSAGE, probability=0.5)
        reordered = quick.fault(FaultKind.REORDER_MESSAGE, probability=0.3)
        wait_for(lambda: twice.struck > 0 and reordered.struck > 0)
        _heals(quick, bitcoin)


def test_rest_that_answers_late_wrongly_or_not_at_all_delays_candles_and_loses_none(stage: Make) -> None:
    quick, bitcoin = _watched(stage, InterestKind.CANDLES, InterestKind.TRADES)
    with quick.feeding():
        quick.wait_for_minutes(bitcoin, 1)
        errors = quick.fault(FaultKind.SERVER_ERROR, where="klines", count=1)
        late = quick.fault(FaultKind.LATENCY, where="klines", seconds=0.2)
        # Candles come over REST alone.
        quick.fault(FaultKind.DROP_CONNECTION, where="kline_1m")
        # Before the stream is back, which would bring the missing candles itself.
        wait_for(lambda: errors.struck and late.struck > 0 and quick.status().gap_candles > 0)
        quick.mend()
        _heals(quick, bitcoin)


def test_maintenance_is_said_and_waited_for(stage: Make) -> None:
    quick, bitcoin = _watched(stage)
    with quick.feeding():
        quick.wait_for_minutes(bitcoin, 1)
        fault = quick.fault(FaultKind.MAINTENANCE)
        quick.fault(FaultKind.DROP_CONNECTION, count=4)
        wait_for(lambda: quick.state() == FeedState.DOWN and fault.struck > 0)
        assert quick.status().retry_at is not None
        assert quick.status().reason
        quick.mend()
        _heals(quick, bitcoin)


def test_a_total_outage_heals_by_itself(stage: Make) -> None:
    quick, bitcoin = _watched(stage)
    states = set()
    with bus().listen("live") as pages:
        with quick.feeding():
            quick.wait_for_minutes(bitcoin, 1)
            quick.venue.hide()
            wait_for(lambda: quick.state() == FeedState.DOWN)
            quick.venue.show()
            _heals(quick, bitcoin)
        while (received := pages.get(0.2)) is not None:
            said = [payload["venues"] for topic, payload in received[1] if topic == "venues:all"]
            states |= {one[quick.exchange.code]["feed"]["state"] for one in said}
    assert {"DOWN", "LIVE", "STOPPED"} <= states
