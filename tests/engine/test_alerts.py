"""The board of price alerts against a look at every alert for every tick, and what closed candles say afterwards."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alerts import AlertBoard, Watch, WatchKind, reached_by
from engine.candles import Candles

MINUTE = 60_000
D = Decimal


class LookAtAll:
    """What the board must tell, found by asking each watch about all prices of its window."""

    def __init__(self) -> None:
        self._watches: dict[int, Watch] = {}
        self._prices: list[tuple[int, Decimal]] = []

    def arm(self, key: int, watch: Watch) -> None:
        self._watches[key] = watch

    def disarm(self, key: int) -> None:
        self._watches.pop(key, None)

    def on_price(self, price: Decimal, at_ms: int) -> set[int]:
        self._prices.append((at_ms, price))
        reached = {key for key, watch in self._watches.items() if self._reaches(watch, price, at_ms)}
        for key in reached:
            del self._watches[key]
        return reached

    def _reaches(self, watch: Watch, price: Decimal, at_ms: int) -> bool:
        if watch.kind is WatchKind.ABOVE:
            return price >= watch.level
        if watch.kind is WatchKind.BELOW:
            return price <= watch.level
        # Prices come on whole seconds and a part of a minute is one second, so the window is exact.
        recent = [one for at, one in self._prices if at >= at_ms - watch.window_ms]
        return price >= min(recent) * (1 + watch.level) or price <= max(recent) * (1 - watch.level)


WATCHES = st.one_of(
    st.builds(Watch, st.sampled_from([WatchKind.ABOVE, WatchKind.BELOW]), st.integers(80, 120).map(D)),
    st.builds(
        Watch,
        st.just(WatchKind.MOVE),
        st.sampled_from([D("0.02"), D("0.05"), D("0.1"), D("0.3")]),
        st.sampled_from([MINUTE]),
    ),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.integers(0, 9), WATCHES),
        st.tuples(st.just("disarm"), st.integers(0, 9), st.none()),
        st.tuples(st.just("price"), st.integers(80, 120), st.integers(0, 40)),
        st.tuples(st.just("price"), st.integers(80, 120), st.integers(0, 40)),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(STEPS)
def test_the_board_tells_what_a_look_at_all_tells(steps: list[tuple[str, int, object]]) -> None:
    board: AlertBoard[int] = AlertBoard()
    all_of_them = LookAtAll()
    # The window is there before the first price, as in a feed that learns it from candles.
    board.arm(99, "btc", Watch(WatchKind.MOVE, D(10), MINUTE))
    at_ms = 0
    for name, number, extra in steps:
        if name == "arm":
            assert isinstance(extra, Watch)
            board.arm(number, "btc", extra)
            all_of_them.arm(number, extra)
        elif name == "disarm":
            board.disarm(number)
            all_of_them.disarm(number)
        else:
            assert isinstance(extra, int)
            at_ms += extra * 1000
            reached = board.on_price("btc", D(number), at_ms)
            assert len(reached) == len(set(reached))
            assert set(reached) == all_of_them.on_price(D(number), at_ms)
    assert len(board) == len(all_of_them._watches) + 1


def test_instruments_are_apart_and_an_unknown_one_is_no_trouble() -> None:
    board: AlertBoard[str] = AlertBoard()
    board.arm("a", "btc", Watch(WatchKind.ABOVE, D(100)))
    board.arm("b", "eth", Watch(WatchKind.ABOVE, D(100)))
    assert board.on_price("sol", D(500), 0) == []
    assert board.on_price("eth", D(100), 0) == ["b"]
    assert board.on_price("eth", D(100), 0) == []
    assert len(board) == 1
    board.disarm("b")
    board.disarm("never")
    assert board.on_price("btc", D(101), 0) == ["a"]


def test_a_window_forgets_what_is_older_than_it_and_never_sooner_than_a_part_before() -> None:
    for late, told in ((60_000, ["a"]), (60_001, [])):
        board: AlertBoard[str] = AlertBoard()
        board.arm("a", "btc", Watch(WatchKind.MOVE, D("0.05"), MINUTE))
        assert board.on_price("btc", D(100), 0) == []
        assert board.on_price("btc", D(105), late) == told


def test_a_closed_candle_tells_of_prices_that_no_tick_showed() -> None:
    board: AlertBoard[str] = AlertBoard()
    board.arm("up", "btc", Watch(WatchKind.ABOVE, D(110), since_ms=1000))
    board.arm("down", "btc", Watch(WatchKind.BELOW, D(90), since_ms=1000))
    board.arm("young", "btc", Watch(WatchKind.ABOVE, D(105), since_ms=1001))
    assert board.on_candle("btc", MINUTE, 1000, D(109), D(91), 1.0) == []
    assert board.on_candle("btc", MINUTE, 1000, D(110), D(90), 1.0) == ["up", "down"]
    # It was armed while that candle was open, and waits on.
    assert board.on_price("btc", D(105), 2000) == ["young"]
    assert len(board) == 0


def test_a_volume_spike_is_a_multiple_of_the_candles_before_of_its_own_length() -> None:
    board: AlertBoard[str] = AlertBoard()
    board.arm("a", "btc", Watch(WatchKind.VOLUME_SPIKE, D(3), 5 * MINUTE))
    quiet = [board.on_candle("btc", 5 * MINUTE, place, D(1), D(1), 10.0) for place in range(4)]
    # Four candles are too few to say what is usual.
    assert [*quiet, board.on_candle("btc", 5 * MINUTE, 4, D(1), D(1), 10.0)] == [[]] * 5
    assert board.on_candle("btc", MINUTE, 5, D(1), D(1), 900.0) == []
    assert board.on_candle("btc", 5 * MINUTE, 5, D(1), D(1), 29.9) == []
    # 79.9 in six candles: three times the mean is 39.95.
    assert board.on_candle("btc", 5 * MINUTE, 6, D(1), D(1), 39.9) == []
    assert board.on_candle("btc", 5 * MINUTE, 7, D(1), D(1), 60.0) == ["a"]


def _candles(highs: list[float], lows: list[float], volumes: list[float] | None = None) -> Candles:
    count = len(highs)
    high, low = np.array(highs), np.array(lows)
    return Candles(np.arange(count) * MINUTE, low, high, low, high, np.array(volumes or [1.0] * count))


def test_past_candles_are_what_the_first_move_and_the_first_volume_are_measured_against() -> None:
    board: AlertBoard[str] = AlertBoard()
    board.arm("move", "btc", Watch(WatchKind.MOVE, D("0.1"), 5 * MINUTE))
    board.arm("volume", "btc", Watch(WatchKind.VOLUME_SPIKE, D(2), MINUTE))
    board.learn("btc", MINUTE, _candles([101.0] * 6, [100.0] * 6))
    assert board.on_candle("btc", MINUTE, 6 * MINUTE, D(101), D(100), 2.0) == ["volume"]
    assert board.on_price("btc", D("109.9"), 6 * MINUTE) == []
    assert board.on_price("btc", D(110), 6 * MINUTE) == ["move"]
    # What ticks told is not overwritten by candles that come later.
    board.arm("again", "btc", Watch(WatchKind.MOVE, D("0.2"), 5 * MINUTE))
    board.learn("btc", MINUTE, _candles([50.0] * 6, [40.0] * 6))
    assert board.on_price("btc", D(110), 6 * MINUTE + 1000) == []


@pytest.mark.parametrize(
    ("watch", "ended"),
    [
        (Watch(WatchKind.ABOVE, D(112)), 3 * MINUTE),
        (Watch(WatchKind.ABOVE, D("112.1")), None),
        (Watch(WatchKind.BELOW, D(99)), 2 * MINUTE),
        (Watch(WatchKind.BELOW, D("98.9")), 4 * MINUTE),
        (Watch(WatchKind.ABOVE, D(101), since_ms=MINUTE), 2 * MINUTE),
        (Watch(WatchKind.ABOVE, D(101), since_ms=2 * MINUTE + 1), None),
        # 99 to 112 is 13.1 %, in neighbouring candles.
        (Watch(WatchKind.MOVE, D("0.13"), 2 * MINUTE), 3 * MINUTE),
        (Watch(WatchKind.MOVE, D("0.15"), 2 * MINUTE), 4 * MINUTE),
        (Watch(WatchKind.MOVE, D("0.13"), MINUTE), None),
        (Watch(WatchKind.MOVE, D("0.13"), 2 * MINUTE, since_ms=3 * MINUTE), 4 * MINUTE),
    ],
)
def test_candles_tell_what_was_reached_while_nobody_looked(watch: Watch, ended: int | None) -> None:
    candles = _candles([101.0, 102.0, 112.0, 100.0], [100.0, 99.0, 111.0, 95.0])
    assert reached_by(candles, MINUTE, watch) == ended


def test_candles_tell_of_volumes_too() -> None:
    volumes = [10.0] * 6 + [25.0, 35.0]
    candles = _candles([100.0] * 8, [99.0] * 8, volumes)
    watch = Watch(WatchKind.VOLUME_SPIKE, D(2), MINUTE)
    assert reached_by(candles, MINUTE, watch) == 7 * MINUTE
    assert reached_by(candles, MINUTE, replace(watch, level=D("2.6"))) == 8 * MINUTE
    assert reached_by(candles, MINUTE, replace(watch, level=D(3))) is None
    assert reached_by(candles.part(0, 0), MINUTE, watch) is None
