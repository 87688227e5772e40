"""Exchanges that are reached over the network, as rows: connected, in a namespace of their own, with one instrument."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from common import ids
from markets.models import Exchange, Instrument, SourceKind
from markets.selectors import instruments
from markets.services import connect_exchange, register_exchange, register_instrument

Connected = Callable[..., Instrument]


def connected_instrument(base_url: str = "http://127.0.0.1:9/{host}", *, base: str = "BTC") -> Instrument:
    """Return BASE-USDT on a fresh exchange that speaks Binance's dialect at an address."""
    code = f"venue-{ids.new_token(5).lower()}"
    exchange = register_exchange(code=code, name="Venue", namespace=code, source_kind=SourceKind.REAL)
    exchange = connect_exchange(exchange=exchange, dialect="binance", base_url=base_url, is_sandbox=True)
    return add_instrument(exchange, base)


def add_instrument(exchange: Exchange, base: str) -> Instrument:
    """Register one more instrument in USDT there, with ticks of 0.01 and lots of 0.00001."""
    made = register_instrument(
        exchange=exchange, base=base, quote="USDT", tick_size=Decimal("0.01"), lot_step=Decimal("0.00001")
    )
    Instrument.objects.filter(pk=made.pk).update(gateway_symbol=f"{base}/USDT")
    return instruments().get(pk=made.pk)


@pytest.fixture
def venue_instrument(db: None) -> Instrument:
    """BTC-USDT on a connected exchange at which nobody answers."""
    return connected_instrument()
