"""A venue followed through its faults: prices flow, and no candle is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common import clock
from common.bus import Subscription, bus
from common.errors import DomainError
from common.lease import lease
from markets import feeding
from markets.boards import FeedState, latest_books, latest_funding, latest_trades, latest_venue_tickers
from markets.feed import ticks_channel
from markets.feeding import feed_venue
from markets.gateway.protocol import MarketData
from markets.models import AlertKind, AlertState, Exchange, Instrument, InterestKind, PriceAlert
from markets.services import create_alert, retire_instrument
from tests.markets.venue_feed.stage import Stage, wait_for

Make = Callable[..., Stage]
ALL = tuple(InterestKind)


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_minutes_are_stored_and_told_as_the_venue_has_them_through_a_restart(stage: Make, dialect: str) -> None:
    quick = stage(dialect)
    members = [quick.instrument(symbol) for symbol in ("BTC/USDT", "ETH/BTC")]
    quick.want(members, *ALL)
    with quick.feeding():
        quick.wait_for_minutes(members[0], 1)
    assert quick.state() == FeedState.STOPPED
    with quick.feeding():
        wait_for(lambda: all(len(quick.told_of(one, "5m")) >= 1 and len(quick.told_of(one)) > 3 for one in members))
        wait_for(lambda: all(quick.price(one) for one in members) and quick.state() == FeedState.LIVE)
    for one in members:
        quick.check_candles(one)
        quick.check_candles(one, "5m", at_least=1)


def _heard(pages: Subscription) -> dict[str, Any]:
    """Return the last payload of each live topic, merged where a topic spoke more than once."""
    found: dict[str, Any] = {}
    while (received := pages.get(0.2)) is not None:
        for topic, payload in received[1]:
            found.setdefault(topic, {}).update(payload)
    return found


def test_all_of_a_perpetual_reaches_boards_pages_engine_and_alerts(stage: Make, alice: User) -> None:
    quick = stage("binanceusdm")
    bitcoin = quick.instrument("BTC/USDT:USDT")
    quick.want([bitcoin], *ALL)
    alert = create_alert(owner=alice, instrument=bitcoin, kind=AlertKind.ABOVE, level=Decimal(1))
    namespace = quick.exchange.namespace
    with bus().listen("live") as pages, bus().listen(ticks_channel(namespace)) as ticks:
        with quick.feeding():
            wait_for(lambda: latest_funding([bitcoin]) and quick.told_of(bitcoin) and latest_books([bitcoin]))
            wait_for(lambda: latest_trades([bitcoin]) and latest_venue_tickers([bitcoin]))
            wait_for(lambda: PriceAlert.objects.get(pk=alert.pk).state == AlertState.FIRED)
        tick, heard = ticks.get(1.0), _heard(pages)
    assert tick is not None
    assert tick[1]["prices"].keys() == {str(bitcoin.pk)}
    assert datetime.fromisoformat(tick[1]["at"]) <= clock.wall_now()
    assert clock.announced_time(namespace) is None
    book, trades = latest_books([bitcoin])[bitcoin.pk], latest_trades([bitcoin])[bitcoin.pk]
    assert book.bids[0].price < book.asks[0].price
    assert len({one.trade_id for one in trades}) == len(trades)
    assert [one.at for one in trades] == sorted(one.at for one in trades)
    assert latest_funding([bitcoin])[bitcoin.pk].symbol == "BTC/USDT:USDT"
    assert heard[f"book:{bitcoin.pk}"]["book"]["bids"]
    assert {*heard[f"trades:{bitcoin.pk}"]["trades"][0]} == {"id", "at", "side", "price", "quantity"}
    assert heard[f"candles:{bitcoin.pk}"]["series"].keys() == {"1m", "5m", "15m", "1h", "4h", "1d"}
    cells = heard[f"ticker:{bitcoin.pk}"]["cells"]
    assert heard[f"prices:{namespace}"]["cells"] == cells
    assert cells.keys() == {f"{bitcoin.pk}.price", f"{bitcoin.pk}.change"}


def test_what_is_wanted_later_is_added_and_what_is_delisted_or_unknown_is_left_out(
    stage: Make, caplog: pytest.LogCaptureFixture
) -> None:
    quick = stage()
    bitcoin, ether, solana = (quick.instrument(f"{base}/USDT") for base in ("BTC", "ETH", "SOL"))
    Instrument.objects.filter(pk=solana.pk).update(gateway_symbol="NEVER/USDT")
    quick.want([bitcoin, solana], InterestKind.TRADES)
    with quick.feeding():
        wait_for(lambda: quick.price(bitcoin))
        quick.want([ether], InterestKind.TRADES)
        wait_for(lambda: quick.price(ether) and quick.status().instruments == 2)
        assert quick.price(solana) is None
        assert f"NEVER/USDT is wanted, and {quick.exchange} does not list it: it is not watched." in caplog.messages
        retire_instrument(instrument=bitcoin)
        wait_for(lambda: quick.status().instruments == 1)
        quick.forget()
        wait_for(lambda: quick.price(ether))
        assert quick.price(bitcoin) is None
        assert quick.status().reconnects == 0, "replacing a group is no failure"


def test_a_feed_stands_by_while_another_holds_the_venue(stage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_RETRY_SECONDS", 0.05)
    quick = stage()
    bitcoin = quick.instrument("BTC/USDT")
    quick.want([bitcoin], InterestKind.TICKER)
    other = lease(f"feed:{quick.exchange.code}", 30)
    assert other.hold()
    with quick.feeding():
        clock.sleep(0.2)
        assert quick.state() is None
        other.release()
        wait_for(lambda: quick.price(bitcoin))


def test_work_beside_the_feed_gets_the_connection_and_ends_with_it(stage: Make) -> None:
    quick, done = stage(), list[str]()

    async def work(exchange: Exchange, data: MarketData, stop: asyncio.Event) -> None:
        done.append(exchange.code)
        done.extend(sorted(await data.tickers(["BTC/USDT"])))
        await stop.wait()
        done.append("ended")

    async def fails(exchange: Exchange, data: MarketData, stop: asyncio.Event) -> None:
        raise ValueError("its own trouble")

    with quick.feeding(background=[work, fails]):
        wait_for(lambda: len(done) == 2 and quick.state() == FeedState.LIVE)
    assert done == [quick.exchange.code, "BTC/USDT", "ended"]


def test_a_venue_that_cannot_be_spoken_to_is_refused_in_words(stage: Make) -> None:
    quick = stage()
    Exchange.objects.filter(pk=quick.exchange.pk).update(dialect="nowhere")
    with pytest.raises(DomainError, match="cannot be reached as it is set up") as refused:
        feed_venue(quick.exchange.code, speed=1, stop=threading.Event())
    assert refused.value.code == "VENUE_NOT_USABLE"
    assert lease(f"feed:{quick.exchange.code}", 1).hold()
