"""Candles as Arrow and Parquet: the same ones as JSON has, whole ranges of them, in parts, and readable by our importer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import issue_token
from engine.candles import Candles
from markets import candle_streams
from markets.candle_files import read_raw
from markets.candle_store import candle_store
from markets.models import Instrument
from markets.services import store_recent_candles
from markets.steps import ClosedCandle
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import NOON_MS, candles_at

MINUTE = 60_000


@pytest.fixture
def api(charlie: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(charlie)
    return client


@pytest.fixture
def bitcoin(desk: Desk) -> Instrument:
    """An instrument with a hundred stored minutes before noon, save one, and one more that is not stored yet."""
    made = desk.instrument()
    minutes = [minute for minute in range(-101, -1) if minute != -50]
    candle_store().upsert(made.exchange.code, made.symbol, "1m", candles_at(minutes))
    newest = ClosedCandle(made.id, "1m", NOON - timedelta(minutes=1), 1.0, 2.0, 0.5, 1.5, 3.0)
    store_recent_candles(candles=[newest])
    return made


def _ask(api: APIClient, instrument: Instrument, accept: str = "*/*", **query: Any) -> Any:
    address = reverse("markets_api:candles", args=[instrument.id])
    return api.get(address, {"timeframe": "1m", **query}, headers={"Accept": accept})


def _table(answer: Any) -> pa.Table:
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)
    if answer["Content-Type"] == candle_streams.PARQUET:
        return pq.read_table(io.BytesIO(data))
    return pa.ipc.open_stream(data).read_all()


def _minutes(table: pa.Table) -> list[int]:
    return [(at - NOON_MS) // MINUTE for at in table["timestamp"].to_pylist()]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_a_stream_holds_every_candle_in_parts(api: APIClient, bitcoin: Instrument, form: str) -> None:
    with patch.object(candle_streams, "ROWS_AT_ONCE", 30):
        answer = _ask(api, bitcoin, format=form)
        table = _table(answer)
    assert _minutes(table) == [minute for minute in range(-101, 0) if minute != -50]
    assert table.slice(len(table) - 1).to_pylist() == [
        {"timestamp": NOON_MS - MINUTE, "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 3.0}
    ]
    assert answer["Content-Disposition"] == f'attachment; filename="{bitcoin.exchange.code}-BTC-USDT-1m.{form}"'


def test_parts_are_sent_as_they_are_read(api: APIClient, bitcoin: Instrument) -> None:
    with patch.object(candle_streams, "ROWS_AT_ONCE", 30):
        parts = list(_ask(api, bitcoin, format="arrow").streaming_content)
    assert len(parts) == 5  # 101 minutes at 30 a part, and the end
    assert all(parts)


def test_what_is_accepted_chooses_too_and_the_address_goes_before_it(api: APIClient, bitcoin: Instrument) -> None:
    assert _ask(api, bitcoin, candle_streams.PARQUET)["Content-Type"] == candle_streams.PARQUET
    assert _ask(api, bitcoin, candle_streams.ARROW)["Content-Type"] == candle_streams.ARROW
    assert _ask(api, bitcoin, candle_streams.ARROW, format="json")["Content-Type"] == "application/json"
    refused = _ask(api, bitcoin, candle_streams.ARROW, timeframe="7m")
    assert (refused.status_code, refused["Content-Type"]) == (400, "application/problem+json")
    assert refused.json()["code"] == "INVALID_INPUT"
    refused = _ask(api, bitcoin, format="csv")
    assert refused.json()["context"]["fields"] == {"format": ["Choose one of json, arrow, parquet."]}


def test_a_range_and_a_limit_are_kept(api: APIClient, bitcoin: Instrument) -> None:
    ends = {"start": (NOON - timedelta(minutes=52)).isoformat(), "end": (NOON - timedelta(minutes=48)).isoformat()}
    assert _minutes(_table(_ask(api, bitcoin, format="arrow", **ends))) == [-52, -51, -49]
    assert _minutes(_table(_ask(api, bitcoin, format="parquet", limit=2, **ends))) == [-51, -49]
    assert _minutes(_table(_ask(api, bitcoin, format="arrow", timeframe="1h"))) == []
    empty = _table(_ask(api, bitcoin, format="parquet", timeframe="1h"))
    assert empty.column_names == ["timestamp", "open", "high", "low", "close", "volume"]


def test_a_range_that_is_too_long_is_refused_in_words(api: APIClient, bitcoin: Instrument) -> None:
    with patch("markets.serializers.MAX_STREAMED", 50), patch("markets.api.MAX_STREAMED", 50):
        refused = _ask(api, bitcoin, format="arrow")
    assert refused.status_code == 400
    words = refused.json()["context"]["fields"]["start"][0]
    assert words == "There is room for 101 candles in this range: ask for 0 days or less at a time."


def test_what_the_api_gives_can_be_imported(api: APIClient, bitcoin: Instrument, tmp_path: Any) -> None:
    path = tmp_path / "candles.parquet"
    path.write_bytes(b"".join(_ask(api, bitcoin, format="parquet").streaming_content))
    found = read_raw(path).candles
    assert len(found) == 100


def test_a_long_history_is_never_held_as_a_whole() -> None:
    """A part is made when it is asked for, not before."""
    made: list[int] = []

    def parts() -> Iterator[Candles]:
        for number in range(3):
            made.append(number)
            yield candles_at(range(number * 10, number * 10 + 10))

    chunks = candle_streams.encoded(parts(), candle_streams.PARQUET)
    next(chunks)
    assert made == [0]
    data = b"".join(chunks)
    assert made == [0, 1, 2]
    assert len(data) > 100


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_it_is_streamed_as_well(bitcoin: Instrument, charlie: User) -> None:
    _, secret = await sync_to_async(issue_token)(user=charlie, name="bot")
    client, token = AsyncClient(), {"Authorization": f"Bearer {secret}"}
    address = reverse("markets_api:candles", args=[bitcoin.id])
    try:
        answer: Any = await client.get(f"{address}?timeframe=1m&format=arrow", headers=token)
        assert answer.is_async
        data = b"".join([chunk async for chunk in answer.streaming_content])
    finally:
        await sync_to_async(connections.close_all)()  # those of the thread in which views run
    table = pa.ipc.open_stream(data).read_all()
    assert np.diff(table["timestamp"]).min() == MINUTE
    assert len(table) == 100
