"""Exchanges and instruments: registered once, changed by their venue, retired and never deleted; all of it audited."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import AuditEntry, User
from common.errors import DomainError
from markets.models import Exchange, Instrument, InstrumentState, Market, MarketKind, SourceKind
from markets.services import register_exchange, register_instrument, relist_instrument, retire_instrument

RULES: dict[str, Any] = {"tick_size": Decimal("0.01"), "lot_step": Decimal("0.00001")}


def _exchange(**facts: Any) -> Exchange:
    usual = {"code": "kraken", "name": "Kraken", "namespace": "real", "source_kind": SourceKind.REAL}
    return register_exchange(**(usual | facts))


def _acts(after: int = 1) -> list[tuple[str, Any, Any]]:
    """Return what was done after so many acts, of which the first registers the exchange."""
    return list(AuditEntry.objects.order_by("id").values_list("action", "before", "after"))[after:]


@pytest.fixture
def kraken(db: None) -> Exchange:
    return _exchange()


@pytest.mark.django_db
def test_an_exchange_is_registered_once_and_audited() -> None:
    first, again = _exchange(), _exchange(name="Another name")
    assert again == first
    assert (again.name, again.namespace, again.source_kind) == ("Kraken", "real", "REAL")
    assert _acts(after=0) == [("exchange.registered", None, {"code": "kraken", "namespace": "real"})]


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"namespace": "sim"}, {"source_kind": SourceKind.SIMULATED}])
def test_an_exchange_cannot_change_where_its_prices_come_from(other: dict[str, Any]) -> None:
    _exchange()
    with pytest.raises(DomainError, match="is known with other prices") as refused:
        _exchange(**other)
    assert refused.value.code == "EXCHANGE_DIFFERS"
    assert Exchange.objects.get().namespace == "real"


def test_an_instrument_is_named_after_its_market(kraken: Exchange) -> None:
    spot = register_instrument(exchange=kraken, base="BTC", quote="USDT", **RULES)
    perpetual = register_instrument(
        exchange=kraken, base="BTC", quote="USDT", contract="PERP", kind=MarketKind.PERPETUAL, **RULES
    )
    own = register_instrument(exchange=kraken, base="BTC", quote="EUR", symbol="XBT/EUR", **RULES)
    assert [one.symbol for one in (spot, perpetual, own)] == ["BTC-USDT", "BTC-USDT-PERP", "XBT/EUR"]
    assert [one.state for one in (spot, perpetual, own)] == [InstrumentState.ACTIVE] * 3
    stored = Instrument.objects.get(pk=spot.pk)
    assert (stored.tick_size, stored.lot_step, stored.min_notional) == (Decimal("0.01"), Decimal("0.00001"), 0)
    assert (stored.maker_fee_bps, stored.taker_fee_bps) == (Decimal(10), Decimal(10))


def test_real_venues_share_a_market(kraken: Exchange) -> None:
    binance = _exchange(code="binance", name="Binance")
    simulated = _exchange(code="sim", name="Sim", namespace="sim", source_kind=SourceKind.SIMULATED)
    markets = [
        register_instrument(exchange=one, base="BTC", quote="USDT", **RULES).market
        for one in (kraken, binance, simulated)
    ]
    assert markets[0] == markets[1] != markets[2]
    assert Market.objects.count() == 2


def test_registering_again_changes_nothing(kraken: Exchange) -> None:
    first = register_instrument(exchange=kraken, base="BTC", quote="USDT", **RULES)
    again = register_instrument(exchange=kraken, base="BTC", quote="USDT", **RULES)
    assert again == first
    assert [action for action, _, _ in _acts()] == ["instrument.registered"]


def test_a_venues_new_rules_are_taken_over_and_audited(kraken: Exchange) -> None:
    register_instrument(exchange=kraken, base="BTC", quote="USDT", **RULES)
    changed = register_instrument(
        exchange=kraken,
        base="BTC",
        quote="USDT",
        tick_size=Decimal("0.10"),
        lot_step=Decimal("0.00001"),
        min_notional=Decimal(5),
    )
    stored = Instrument.objects.get()
    assert (stored.tick_size, stored.lot_step, stored.min_notional) == (Decimal("0.1"), Decimal("0.00001"), 5)
    assert changed.tick_size == Decimal("0.1")
    assert _acts()[1] == (
        "instrument.rules_changed",
        {"tick_size": "0.01", "min_notional": "0"},
        {"tick_size": "0.1", "min_notional": "5"},
    )


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        ({"tick_size": Decimal(0)}, ["tick_size"]),
        ({"tick_size": Decimal(-1), "min_notional": Decimal("-0.01")}, ["tick_size", "min_notional"]),
        ({"lot_step": Decimal("NaN")}, ["lot_step"]),
        ({"taker_fee_bps": Decimal("Infinity")}, ["taker_fee_bps"]),
    ],
)
def test_impossible_rules_are_refused_and_nothing_is_listed(
    kraken: Exchange, rules: dict[str, Decimal], fields: list[str]
) -> None:
    with pytest.raises(DomainError) as refused:
        register_instrument(exchange=kraken, base="BTC", quote="USDT", **(RULES | rules))
    assert (refused.value.code, refused.value.context) == ("RULES_NOT_VALID", {"fields": fields})
    assert (Instrument.objects.count(), Market.objects.count(), _acts()) == (0, 0, [])


def test_steps_are_no_finer_than_what_books_hold_exactly(kraken: Exchange) -> None:
    fits = {"tick_size": Decimal("1E-12"), "lot_step": Decimal("1E-6")}
    register_instrument(exchange=kraken, base="PEPE", quote="USDT", **(RULES | fits))
    with pytest.raises(DomainError) as refused:
        register_instrument(
            exchange=kraken, base="PEPE", quote="USDT", **(RULES | fits | {"lot_step": Decimal("1E-7")})
        )
    assert refused.value.code == "STEPS_TOO_FINE"
    assert Instrument.objects.get().lot_step == Decimal("1E-6")


def test_a_symbol_names_one_market_only(kraken: Exchange) -> None:
    register_instrument(exchange=kraken, base="BTC", quote="EUR", symbol="XBTEUR", **RULES)
    with pytest.raises(DomainError, match="On Kraken the symbol 'XBTEUR' already names BTC-EUR") as refused:
        register_instrument(exchange=kraken, base="ETH", quote="EUR", symbol="XBTEUR", **RULES)
    assert refused.value.code == "SYMBOL_TAKEN"
    assert Instrument.objects.get().market.base_id == "BTC"


def test_retiring_and_relisting_are_audited_once_each(kraken: Exchange, operator: User) -> None:
    instrument = register_instrument(exchange=kraken, base="BTC", quote="USDT", **RULES)
    for _ in range(2):
        assert retire_instrument(instrument=instrument, actor=operator).state == InstrumentState.RETIRED
    assert Instrument.objects.get().state == InstrumentState.RETIRED
    for _ in range(2):
        relist_instrument(instrument=instrument, actor=operator)
    assert Instrument.objects.get().state == InstrumentState.ACTIVE
    assert _acts()[1:] == [
        ("instrument.retired", {"state": "ACTIVE"}, {"state": "RETIRED"}),
        ("instrument.relisted", {"state": "RETIRED"}, {"state": "ACTIVE"}),
    ]
    assert set(
        AuditEntry.objects.filter(action__endswith="ed", actor=operator).values_list("object_id", flat=True)
    ) == {str(instrument.id)}


def test_registering_a_retired_instrument_again_does_not_bring_it_back(kraken: Exchange) -> None:
    instrument = register_instrument(exchange=kraken, base="BTC", quote="USDT", **RULES)
    retire_instrument(instrument=instrument)
    again = register_instrument(exchange=kraken, base="BTC", quote="USDT", **(RULES | {"tick_size": Decimal(1)}))
    assert (again.state, Instrument.objects.get().state) == (InstrumentState.RETIRED, InstrumentState.RETIRED)
    assert Instrument.objects.get().tick_size == 1
