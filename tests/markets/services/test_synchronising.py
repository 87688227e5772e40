"""Instruments follow what their venue lists: registered, changed, retired, relisted; audited; one market across venues."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry
from common.errors import DomainError
from markets.gateway.protocol import MarketInfo
from markets.models import Exchange, Instrument, InstrumentState, Market, MarketKind, SourceKind
from markets.services import (
    connect_exchange,
    register_exchange,
    register_instrument,
    retire_instrument,
    synchronise_instruments,
)

D = Decimal
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def spot(base: str = "BTC", quote: str = "USDT", **facts: Any) -> MarketInfo:
    usual = MarketInfo(
        symbol=f"{base}/{quote}",
        venue_symbol=f"{base}{quote}",
        kind=MarketKind.SPOT,
        base=base,
        quote=quote,
        settle="",
        contract="",
        contract_size=D(1),
        tick_size=D("0.01"),
        lot_step=D("0.00001"),
        min_quantity=D("0.00001"),
        min_notional=D(5),
        maker_fee_bps=D(2),
        taker_fee_bps=D(4),
        is_active=True,
    )
    return replace(usual, **facts)


def perpetual(base: str, quote: str, settle: str, **facts: Any) -> MarketInfo:
    contract = "PERP" if settle == quote else f"PERP-{settle}"
    return spot(
        base,
        quote,
        symbol=f"{base}/{quote}:{settle}",
        kind=MarketKind.PERPETUAL,
        settle=settle,
        contract=contract,
        **facts,
    )


def exchange(code: str = "binance", **facts: Any) -> Exchange:
    usual = {"name": code.capitalize(), "namespace": "real", "source_kind": SourceKind.REAL}
    return register_exchange(code=code, **(usual | facts))


def acts() -> list[tuple[str, Any, Any]]:
    return list(
        AuditEntry.objects.exclude(action="exchange.registered").order_by("id").values_list("action", "before", "after")
    )


def one(venue: Exchange, symbol: str) -> Instrument:
    return Instrument.objects.select_related("market").get(exchange=venue, symbol=symbol)


@pytest.fixture
def binance(db: None) -> Exchange:
    return exchange()


def test_what_a_venue_lists_becomes_known_at_once(binance: Exchange, wall_at_noon: None) -> None:
    report = synchronise_instruments(
        exchange=binance,
        markets=[
            spot(),
            perpetual("BTC", "USDT", "USDT", contract_size=D("0.01")),
            perpetual("BTC", "USD", "BTC", contract_size=D(100)),
            spot("ETH", is_active=False),
        ],
    )
    assert sorted(report.registered) == ["BTC-USD-PERP-BTC", "BTC-USDT", "BTC-USDT-PERP"]
    linear, inverse = one(binance, "BTC-USDT-PERP"), one(binance, "BTC-USD-PERP-BTC")
    assert (linear.gateway_symbol, linear.contract_size) == ("BTC/USDT:USDT", D("0.01"))
    assert (linear.market.settlement, linear.market.is_inverse) == ("USDT", False)
    assert (inverse.market.settlement, inverse.market.is_inverse) == ("BTC", True)
    assert (inverse.contract_size, inverse.market.kind) == (D(100), MarketKind.PERPETUAL)
    coin = one(binance, "BTC-USDT")
    assert (coin.market.settlement, coin.market.is_inverse, coin.contract_size) == ("USDT", False, D(1))
    assert (coin.tick_size, coin.min_notional, coin.taker_fee_bps) == (D("0.01"), D(5), D(4))
    assert acts() == [("exchange.instruments_registered", None, {"symbols": report.registered})]
    binance.refresh_from_db()
    assert binance.synchronised_at == NOON


def test_the_same_again_changes_nothing_and_asks_little(
    binance: Exchange, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    listed = [spot(f"C{number}") for number in range(300)]
    with django_assert_max_num_queries(12):
        assert len(synchronise_instruments(exchange=binance, markets=listed).registered) == 300
    before = acts()
    with django_assert_max_num_queries(7):
        report = synchronise_instruments(exchange=binance, markets=listed)
    assert (report.registered, report.changed, report.retired, report.relisted) == ([], [], [], [])
    assert acts() == before


def test_changed_rules_are_audited(binance: Exchange) -> None:
    synchronise_instruments(exchange=binance, markets=[spot(), spot("ETH")])
    report = synchronise_instruments(
        exchange=binance, markets=[spot(tick_size=D("0.1"), maker_fee_bps=None, taker_fee_bps=D("-1")), spot("ETH")]
    )
    assert report.changed == ["BTC-USDT"]
    found = one(binance, "BTC-USDT")
    # A fee that is not told is the usual one; a rebate is not promised to anybody.
    assert (found.tick_size, found.maker_fee_bps, found.taker_fee_bps) == (D("0.1"), D(10), D(0))
    assert acts()[-1] == (
        "instrument.rules_changed",
        {"tick_size": "0.01", "maker_fee_bps": "2", "taker_fee_bps": "4"},
        {"tick_size": "0.1", "maker_fee_bps": "10", "taker_fee_bps": "0"},
    )


@pytest.mark.parametrize("gone", [[spot("ETH")], [spot("ETH"), spot(is_active=False)]])
def test_delisted_is_retired_and_comes_back_with_the_venue(binance: Exchange, gone: list[MarketInfo]) -> None:
    synchronise_instruments(exchange=binance, markets=[spot(), spot("ETH")])
    first = one(binance, "BTC-USDT").pk
    assert synchronise_instruments(exchange=binance, markets=gone).retired == ["BTC-USDT"]
    assert one(binance, "BTC-USDT").state == InstrumentState.RETIRED
    assert synchronise_instruments(exchange=binance, markets=gone).retired == []
    report = synchronise_instruments(exchange=binance, markets=[spot(), spot("ETH")])
    assert (report.relisted, report.registered) == (["BTC-USDT"], [])
    found = one(binance, "BTC-USDT")
    assert (found.pk, found.state, found.is_delisted) == (first, InstrumentState.ACTIVE, False)
    assert [act[0] for act in acts()[1:]] == ["instrument.delisted", "instrument.relisted"]


def test_what_an_operator_retired_stays_so(binance: Exchange) -> None:
    synchronise_instruments(exchange=binance, markets=[spot(), spot("ETH")])
    retire_instrument(instrument=one(binance, "BTC-USDT"))
    for listed in ([spot("ETH")], [spot(), spot("ETH")]):
        report = synchronise_instruments(exchange=binance, markets=listed)
        assert (report.retired, report.relisted) == ([], [])
        assert one(binance, "BTC-USDT").state == InstrumentState.RETIRED


def test_an_instrument_of_a_candle_file_is_recognised_and_keeps_its_symbol(binance: Exchange) -> None:
    imported = register_instrument(
        exchange=binance, base="BTC", quote="USDT", symbol="XBT", tick_size=D("0.5"), lot_step=D("0.1")
    )
    report = synchronise_instruments(exchange=binance, markets=[spot()])
    assert (report.registered, report.changed) == ([], ["XBT"])
    imported.refresh_from_db()
    assert (imported.symbol, imported.gateway_symbol, imported.tick_size) == ("XBT", "BTC/USDT", D("0.01"))


def test_a_market_is_one_row_across_venues(binance: Exchange) -> None:
    kraken, test = exchange("kraken"), exchange("test", namespace="sandbox")
    for venue in (binance, kraken, test):
        synchronise_instruments(exchange=venue, markets=[spot(), perpetual("BTC", "USDT", "USDT")])
    shared = Market.objects.get(namespace="real", kind=MarketKind.SPOT)
    assert {found.exchange.code for found in shared.instruments.select_related("exchange")} == {"binance", "kraken"}
    assert Market.objects.count() == 4


def test_an_ill_venue_retires_nothing(binance: Exchange) -> None:
    listed = [spot(f"C{number}") for number in range(60)]
    synchronise_instruments(exchange=binance, markets=listed)
    with pytest.raises(DomainError) as empty:
        synchronise_instruments(exchange=binance, markets=[])
    assert empty.value.code == "MARKETS_MISSING"
    with pytest.raises(DomainError) as torn:
        synchronise_instruments(exchange=binance, markets=[*listed[:40], spot("NEW", tick_size=D(1))])
    assert (torn.value.code, torn.value.context) == ("TOO_MANY_DELISTED", {"gone": 20, "active": 60})
    assert Instrument.objects.filter(state=InstrumentState.ACTIVE).count() == 60
    assert len(synchronise_instruments(exchange=binance, markets=listed[:48]).retired) == 12  # a fifth may go
    report = synchronise_instruments(exchange=binance, markets=listed[:20], allow_many_delisted=True)
    assert len(report.retired) == 28


def test_what_cannot_be_kept_exactly_is_skipped_with_its_reason(binance: Exchange) -> None:
    register_instrument(exchange=binance, base="SOL", quote="EUR", symbol="SOL-USDT", tick_size=D(1), lot_step=D(1))
    report = synchronise_instruments(
        exchange=binance,
        markets=[
            spot(),
            spot(symbol="BTC/USDT.old", is_active=False),
            spot("X" * 21),
            spot("FINE", tick_size=D("1E-12"), lot_step=D("1E-8")),
            spot("SOL"),
        ],
    )
    assert report.skipped == {
        "BTC/USDT.old": "SAME_MARKET_TWICE",
        f"{'X' * 21}/USDT": "ASSET_CODE_TOO_LONG",
        "FINE/USDT": "STEPS_TOO_FINE",
        "SOL/USDT": "SYMBOL_TAKEN",
    }
    assert report.registered == ["BTC-USDT"]


def test_connecting_is_checked_and_audited(binance: Exchange) -> None:
    connect_exchange(exchange=binance, dialect="binance", base_url="http://127.0.0.1:9", is_sandbox=True)
    connect_exchange(exchange=binance, dialect="binance", base_url="http://127.0.0.1:9", is_sandbox=True)
    binance.refresh_from_db()
    assert (binance.dialect, binance.base_url, binance.is_sandbox) == ("binance", "http://127.0.0.1:9", True)
    assert [act[0] for act in acts()] == ["exchange.connected"]
    simulated = exchange("sim", source_kind=SourceKind.SIMULATED)
    for venue, facts, code in (
        (binance, {"dialect": "mtgox"}, "VENUE_UNKNOWN"),
        (binance, {"dialect": "binance", "base_url": "file:///etc"}, "BASE_URL_NOT_VALID"),
        (simulated, {"dialect": "binance"}, "EXCHANGE_NOT_REAL"),
    ):
        with pytest.raises(DomainError) as refused:
            connect_exchange(exchange=venue, **facts)  # type: ignore[arg-type]  # each is one of the words above
        assert refused.value.code == code
