"""The canonical bytes of a fill: a vector that must never change, and that a database does not change."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from tests.fixtures_trading import Pit
from trading.canonical import fill_bytes
from trading.models import Fill

FILL = Fill(
    id=UUID("0198c6a0-0000-7000-8000-000000000001"),
    portfolio_id=UUID("0198c6a0-0000-7000-8000-000000000002"),
    order_id=UUID("0198c6a0-0000-7000-8000-000000000003"),
    instrument_id=UUID("0198c6a0-0000-7000-8000-000000000004"),
    number=7,
    venue_account='paper "é"',
    venue_fill_id="623b06be71f149d8d0a9bfcb8a89a584:1",
    side="BUY",
    quantity=Decimal("0.150000000000000000"),
    price=Decimal("1.2E+4"),
    fee=Decimal("0.000000000000000001"),
    happened_at=datetime(2026, 3, 2, 12, 0, 0, 250000, UTC),
    recorded_at=datetime(2026, 3, 2, 17, 30, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
)
VECTOR = (
    rb'{"account":"paper \"\u00e9\"","fee":"0.000000000000000001","happened_at":"2026-03-02T12:00:00.250000Z",'
    rb'"id":"0198c6a0-0000-7000-8000-000000000001","instrument":"0198c6a0-0000-7000-8000-000000000004",'
    rb'"number":7,"order":"0198c6a0-0000-7000-8000-000000000003",'
    rb'"portfolio":"0198c6a0-0000-7000-8000-000000000002","price":"12000","quantity":"0.15",'
    rb'"recorded_at":"2026-03-02T12:00:01.000000Z","side":"BUY","v":1,'
    rb'"venue_fill":"623b06be71f149d8d0a9bfcb8a89a584:1"}'
)


def test_the_first_versions_vector_never_changes() -> None:
    assert fill_bytes(FILL) == VECTOR
    assert hashlib.sha256(VECTOR).hexdigest() == "f048df95027252995f0e1952d517d1b2c28be4eb7871d1223a0a1e65f14d499b"


def test_every_stored_fact_is_told() -> None:
    told = {field.attname.removesuffix("_id") for field in Fill._meta.local_concrete_fields} - {"venue"}
    spelled = {"id", "order", "portfolio", "instrument", "number", "side", "quantity", "price", "fee", "base_fee"}
    assert told == spelled | {"venue_account", "venue_fill", "happened_at", "recorded_at"}


def test_a_fill_of_which_the_venue_kept_a_part_is_told_in_the_second_version(pit: Pit) -> None:
    pit.buy("0.333")
    fill = Fill.objects.get()
    fill.base_fee = Decimal("0.0001")
    assert fill_bytes(fill).startswith(b'{"account":"paper","base_fee":"0.0001","fee":"0",')
    assert b'"v":2,' in fill_bytes(fill)


def test_the_bytes_are_those_of_the_rows_however_they_were_read(pit: Pit) -> None:
    pit.instrument.taker_fee_bps = Decimal("7.5")
    pit.instrument.save()
    pit.buy("0.333")
    pit.sell("0.333")
    first, second = Fill.objects.order_by("number")
    assert b'"fee":"0.024975"' in fill_bytes(first)
    assert b'"number":2' in fill_bytes(second)
    assert fill_bytes(first) == fill_bytes(Fill.objects.select_related("order").get(pk=first.pk))
    assert fill_bytes(first) != fill_bytes(second)
