"""Closed candles: stored all or none, moved into files without ever being out of sight."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import AuditEntry
from common.ids import new_id
from markets.candle_store import CandleStore, candle_store
from markets.models import Instrument, RecentCandle
from markets.selectors import FAR_FUTURE, candle_arrays
from markets.services import compact_candles, store_candles, store_recent_candles
from markets.steps import ClosedCandle
from markets.store.files import LocalFiles
from markets.tasks import compact_candles as compact_task
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import candles_at, minutes_of


def _candles(instrument: Instrument, *minutes: int, timeframe: str = "1m", close: float = 100.0) -> list[ClosedCandle]:
    return [
        ClosedCandle(instrument.id, timeframe, NOON + timedelta(minutes=m), 99.5, 101.0, 99.0, close + m, 2.5)
        for m in minutes
    ]


def _stored(instrument: Instrument, timeframe: str = "1m") -> list[int]:
    return minutes_of(candle_store().read(instrument.exchange.code, instrument.symbol, timeframe))


def test_a_candle_is_stored_once_and_stays_as_it_was(desk: Desk) -> None:
    bitcoin = desk.instrument()
    assert store_recent_candles(candles=_candles(bitcoin, 0, 1)) == 2
    assert store_recent_candles(candles=_candles(bitcoin, 1, 2, close=500.0)) == 1
    rows = RecentCandle.objects.order_by("opened_at").values_list("close", flat=True)
    assert list(rows) == [100.0, 101.0, 502.0]
    assert store_recent_candles(candles=[]) == 0


@pytest.mark.django_db(transaction=True)
def test_candles_of_one_step_are_stored_all_or_none() -> None:
    bitcoin = Desk().instrument()
    [good] = _candles(bitcoin, 0)
    nobodys = ClosedCandle(new_id(), "1m", NOON, 1.0, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(IntegrityError):
        store_recent_candles(candles=[good, nobodys])
    assert RecentCandle.objects.count() == 0


def test_compaction_moves_every_series_into_its_file(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    store_recent_candles(candles=_candles(bitcoin, 0, 1, 2) + _candles(bitcoin, 0, timeframe="5m"))
    store_recent_candles(candles=_candles(ether, 7))
    before = candle_arrays(bitcoin, "1m", end=FAR_FUTURE)
    assert compact_candles() == 5
    assert RecentCandle.objects.count() == 0
    assert (_stored(bitcoin), _stored(bitcoin, "5m"), _stored(ether)) == ([0, 1, 2], [0], [7])
    after = candle_arrays(bitcoin, "1m", end=FAR_FUTURE)
    for name in ("opened_at", "open", "high", "low", "close", "volume"):
        assert getattr(after, name).tolist() == getattr(before, name).tolist()
    assert compact_candles() == 0


def test_candles_that_close_while_a_file_is_written_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bitcoin = desk.instrument()
    store_recent_candles(candles=_candles(bitcoin, 0, 1))
    real = CandleStore.upsert

    def upsert(store: CandleStore, *args: Any) -> Any:
        store_recent_candles(candles=_candles(bitcoin, 2))
        return real(store, *args)

    monkeypatch.setattr(CandleStore, "upsert", upsert)
    assert compact_candles() == 2
    assert _stored(bitcoin) == [0, 1]
    assert minutes_of(candle_arrays(bitcoin, "1m", end=FAR_FUTURE)) == [0, 1, 2]


def test_a_file_that_cannot_be_written_costs_no_candle(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bitcoin = desk.instrument()
    store_recent_candles(candles=_candles(bitcoin, 0, 1))

    def full(*anything: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(LocalFiles, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        compact_candles()
    monkeypatch.undo()
    assert minutes_of(candle_arrays(bitcoin, "1m", end=FAR_FUTURE)) == [0, 1]
    assert compact_candles() == 2


def test_the_task_compacts(desk: Desk) -> None:
    bitcoin = desk.instrument()
    store_recent_candles(candles=_candles(bitcoin, 0))
    compact_task()
    assert _stored(bitcoin) == [0]


def test_candles_revised_after_their_close_are_audited_and_win_over_rows(desk: Desk) -> None:
    instrument = desk.instrument()
    store_candles(instrument=instrument, timeframe="1m", candles=candles_at([0, 1, 2]))
    assert not AuditEntry.objects.filter(action="candles.revised").exists()
    store_recent_candles(candles=_candles(instrument, 2, 3, 4))
    again = candles_at([1, 2, 3])
    again.close[:2] = [100.25, 101.5]
    counts = store_candles(instrument=instrument, timeframe="1m", candles=again)
    assert (counts.inserted, counts.replaced, counts.unchanged) == (1, 2, 0)
    assert [one.opened_at for one in RecentCandle.objects.all()] == [NOON + timedelta(minutes=4)]
    entry = AuditEntry.objects.get(action="candles.revised")
    assert entry.object_id == str(instrument.pk)
    at = (NOON + timedelta(minutes=1)).isoformat()
    assert entry.before is not None and entry.after is not None
    assert (entry.before["timeframe"], entry.after["revised"]) == ("1m", 2)
    assert (entry.before["candles"][at][3], entry.after["candles"][at][3]) == (101.0, 100.25)
    compact_candles()
    found = candle_arrays(instrument, "1m", end=FAR_FUTURE)
    assert found.close.tolist() == [100.0, 100.25, 101.5, 103.0, 104.0]
    assert AuditEntry.objects.filter(action="candles.revised").count() == 1


def test_compaction_audits_a_row_that_says_something_else(desk: Desk) -> None:
    instrument = desk.instrument()
    store_candles(instrument=instrument, timeframe="1m", candles=candles_at([0, 1]))
    store_recent_candles(candles=_candles(instrument, 1, close=7.0))
    compact_candles()
    entry = AuditEntry.objects.get(action="candles.revised")
    assert entry.after is not None
    assert [candle[3] for candle in entry.after["candles"].values()] == [8.0]
