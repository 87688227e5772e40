"""Leverage tiers of real venues: asked for once instruments are in step, taken over where they make sense, audited."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import AuditEntry
from common.ids import seeded_random
from common.tasks import inline_tasks
from engine.margin import ONE_TIER
from markets.gateway.errors import Retry
from markets.gateway.protocol import LeverageTier
from markets.models import Exchange, Instrument
from markets.services import synchronise_instruments
from portfolios import tasks
from portfolios.margin import tiers_by_instrument
from portfolios.services.margin import take_over_tiers
from tests.markets.services.test_synchronising import exchange, one, perpetual, spot

D = Decimal
SYMBOL = "BTC/USDT:USDT"


@pytest.fixture
def venue(db: None) -> Exchange:
    made = exchange("bybit")
    inverse = perpetual("BTC", "USD", "BTC")
    synchronise_instruments(exchange=made, markets=[spot(), perpetual("BTC", "USDT", "USDT"), inverse])
    return made


@pytest.fixture
def bitcoin(venue: Exchange) -> Instrument:
    return one(venue, "BTC-USDT-PERP")


def told(*rows: tuple[int, str, str], symbol: str = SYMBOL) -> dict[str, list[LeverageTier]]:
    return {symbol: [LeverageTier(symbol, D(floor), None, D(ratio), D(most)) for floor, most, ratio in rows]}


TIERS = told((0, "100", "0.005"), (50_000, "12.5", "0.01"))


def stored(instrument: Instrument) -> list[tuple[Decimal, int, Decimal]]:
    tiers = tiers_by_instrument([instrument.pk])[instrument.pk]
    return [(one.floor, one.max_leverage, one.maintenance_ratio) for one in tiers]


def test_they_are_taken_over_and_audited_once(venue: Exchange, bitcoin: Instrument) -> None:
    assert take_over_tiers(exchange=venue, told=TIERS) == ["BTC-USDT-PERP"]
    assert stored(bitcoin) == [(D(0), 100, D("0.005")), (D(50_000), 12, D("0.01"))]
    assert take_over_tiers(exchange=venue, told=TIERS) == []
    assert take_over_tiers(exchange=venue, told=told((0, "50", "0.005"))) == ["BTC-USDT-PERP"]
    acts = AuditEntry.objects.filter(action="instrument.tiers_changed").order_by("id").values_list("before", "after")
    first = {"tiers": ["100x, 0.005 from 0", "12x, 0.01 from 50000"]}
    assert list(acts) == [({}, first), (first, {"tiers": ["50x, 0.005 from 0"]})]


@pytest.mark.parametrize("rows", [((0, "50", "0"),), ((5, "50", "0.01"),), ((0, "0.5", "0.01"),), ()])
def test_what_makes_no_sense_changes_nothing(
    venue: Exchange, bitcoin: Instrument, rows: Sequence[tuple[int, str, str]]
) -> None:
    assert take_over_tiers(exchange=venue, told=told(*rows)) == []
    assert tiers_by_instrument([bitcoin.pk])[bitcoin.pk] == ONE_TIER
    take_over_tiers(exchange=venue, told=TIERS)
    assert take_over_tiers(exchange=venue, told=told(*rows)) == []
    assert len(stored(bitcoin)) == 2


def test_spot_and_what_settles_in_coins_have_none(venue: Exchange) -> None:
    for symbol in ("BTC/USDT", "BTC/USD:BTC"):
        assert take_over_tiers(exchange=venue, told=told((0, "50", "0.01"), symbol=symbol)) == []


def test_they_are_asked_for_once_instruments_are_in_step(
    venue: Exchange, bitcoin: Instrument, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    asked: list[Sequence[str]] = []

    def fetch(exchange: Exchange, symbols: Sequence[str]) -> dict[str, list[LeverageTier]]:
        asked.append(symbols)
        if len(asked) == 1:
            raise Retry("bybit", "TIMED_OUT", "no answer")
        return TIERS

    monkeypatch.setattr(tasks, "fetch_tiers", fetch)
    for count in (1, 2):
        with inline_tasks(seeded_random("tiers")) as queue, django_capture_on_commit_callbacks(execute=True):
            synchronise_instruments(exchange=venue, markets=[spot(), perpetual("BTC", "USDT", "USDT")])
        queue.drain()
        assert asked == [[SYMBOL]] * count
        assert len(stored(bitcoin)) == count
