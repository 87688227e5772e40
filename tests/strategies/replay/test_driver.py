"""Which prices a walk tells, and that at its end the newest of all are told, each as of its own time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from common import clock
from common.bus import bus
from markets import feed
from markets.models import Instrument
from markets.prices import Price, board_name, latest_prices
from markets.steps import ClosedCandle, Step
from strategies.replay import driver
from tests.fixtures_desk import NOON, Desk


class Steps:
    """A source of given steps."""

    persists_candles = False

    def __init__(self, namespace: str, steps: list[Step]) -> None:
        self.namespace, self._steps = namespace, steps

    def steps(self) -> Iterator[Step]:
        return iter(self._steps)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def closing(instrument: Instrument, opened_at: datetime) -> tuple[ClosedCandle, ...]:
    return (ClosedCandle(instrument.id, "5m", opened_at, 1.0, 1.0, 1.0, 1.0, 1.0),)


def test_a_price_that_nobody_waits_for_is_told_with_the_next_that_matters(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    btc, eth = desk.instrument(), desk.instrument("ETH")
    namespace = btc.market.namespace
    bus().board_drop(board_name(namespace))
    told: list[tuple[datetime, dict[str, Price]]] = []

    def apply_step(namespace: str, step: Step, *, persists_candles: bool) -> None:
        feed.apply_step(namespace, step, persists_candles=persists_candles)
        told.append((step.at, {str(key): price for key, price in latest_prices([btc, eth]).items()}))

    monkeypatch.setattr(driver, "apply_step", apply_step)
    one, two, three = Decimal(1), Decimal(2), Decimal(3)
    steps = [
        Step(at(0), {btc.id: one}, closing(btc, at(-5))),  # the first of a day: a snapshot is due
        Step(at(1), {eth.id: one}, ()),
        Step(at(2), {eth.id: two}, ()),
        Step(at(3), {btc.id: two}, ()),
        Step(at(5), {btc.id: three}, closing(btc, at(0))),
        Step(at(6), {btc.id: one}, ()),
        Step(at(7), {eth.id: three}, ()),
    ]
    source = Steps(namespace, steps)
    walked = driver.walk(source.steps(), source, finish=lambda: None, progress=lambda _: None, hears_all=True)
    assert walked == 2
    assert told == [
        (at(0), {str(btc.id): Price(one, at(0))}),
        (at(5), {str(btc.id): Price(three, at(5)), str(eth.id): Price(two, at(2))}),
    ]
    assert latest_prices([btc, eth]) == {btc.id: Price(one, at(6)), eth.id: Price(three, at(7))}
    assert clock.market_now(namespace) == at(7)
