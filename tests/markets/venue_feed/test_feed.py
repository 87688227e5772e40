"""A venue followed through its faults: prices flow, and no candle is lost, doubled or out of order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from markets.boards import FeedState
from markets.models import InterestKind
from tests.markets.venue_feed.stage import Stage, wait_for

Make = Callable[..., Stage]
ALL = tuple(InterestKind)


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_minutes_are_stored_and_told_as_the_venue_has_them(stage: Make, dialect: str) -> None:
    quick = stage(dialect)
    symbols = ["BTC/USDT", "ETH/BTC"]
    members = [quick.instrument(symbol) for symbol in symbols]
    quick.want(members, *ALL)
    with quick.feeding():
        wait_for(lambda: all(len(quick.told_of(one, "5m")) >= 1 and len(quick.told_of(one)) > 3 for one in members))
        assert quick.state() == FeedState.LIVE
        assert all(quick.price(one) is not None for one in members)
    assert quick.state() == FeedState.STOPPED
    for one in members:
        quick.check_candles(one)
        quick.check_candles(one, "5m", at_least=1)
