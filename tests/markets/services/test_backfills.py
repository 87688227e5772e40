"""Backfills: one open row per series, extended by who asks again, limited, canceled, moved on by conditional UPDATEs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import LimitName, Plan, User
from common import clock
from common.errors import DomainError, NotFound
from common.ids import new_id
from engine.timeframes import milliseconds
from markets import history
from markets.models import Backfill, BackfillState, Exchange, Instrument, SourceKind
from markets.selectors import candle_arrays, instrument_by_id
from markets.services import (
    backfills,
    cancel_backfill,
    register_exchange,
    request_backfill,
    retire_instrument,
    store_candles,
)
from tests.fixtures_venues import add_instrument
from tests.markets.conftest import NOON
from tests.markets.series import NOON_MS, candles_at, minutes_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wall_at_noon")]


def refused(code: str, instrument: Instrument, timeframe: str = "1m", **facts: object) -> str:
    asked = {"start": NOON - HOUR, **facts}
    with pytest.raises(DomainError) as refusal:
        request_backfill(instrument=instrument, timeframe=timeframe, **asked)  # type: ignore[arg-type]
    assert refusal.value.code == code
    return refusal.value.message


def test_a_request_lies_on_the_grid_and_leaves_out_what_may_still_be_forming(
    venue_instrument: Instrument, alice: User
) -> None:
    made = request_backfill(
        instrument=venue_instrument, timeframe="1h", start=NOON - DAY + timedelta(minutes=7), requested_by=alice
    )
    assert (made.start, made.end) == (NOON - DAY, NOON - HOUR)
    assert (made.reached_at, made.state, made.progress) == (made.start, BackfillState.WAITING, 0.0)
    assert made.requested_by == alice


def test_a_second_request_extends_the_first_and_makes_no_row(
    venue_instrument: Instrument, alice: User, bob: User
) -> None:
    def ask(hours: int, asker: User | None) -> Backfill:
        start = NOON - hours * HOUR
        return request_backfill(
            instrument=venue_instrument, timeframe="1m", start=start, end=NOON - HOUR, requested_by=asker
        )

    first = ask(3, alice)
    Backfill.objects.filter(pk=first.pk).update(reached_at=NOON - 2 * HOUR)
    again = ask(2, alice)
    assert (again.pk, again.start, again.reached_at) == (first.pk, NOON - 3 * HOUR, NOON - 2 * HOUR)
    assert again.requested_by == alice
    further = ask(5, bob)
    assert (further.pk, further.start, further.reached_at) == (first.pk, NOON - 5 * HOUR, NOON - 5 * HOUR)
    assert further.requested_by is None
    assert Backfill.objects.count() == 1


def test_what_cannot_be_loaded_is_refused(venue_instrument: Instrument, simulated: Exchange, alice: User) -> None:
    assert "choose one of 1m" in refused("TIMEFRAME_UNKNOWN", venue_instrument, "7m")
    refused("STRETCH_NOT_VALID", venue_instrument, start=NOON - timedelta(seconds=30))
    refused("STRETCH_NOT_VALID", venue_instrument, start=NOON + DAY)
    refused("STRETCH_TOO_LONG", venue_instrument, start=NOON - 1000 * DAY)
    refused("EXCHANGE_NOT_CONNECTED", instrument_by_id(simulated.instruments.all()[0].pk))
    retire_instrument(instrument=venue_instrument)
    refused("INSTRUMENT_NOT_TRADABLE", instrument_by_id(venue_instrument.pk))
    assert not Backfill.objects.exists()


def test_a_person_has_so_many_open_and_the_platform_as_many_as_it_needs(
    venue_instrument: Instrument, alice: User, bob: User
) -> None:
    Plan.objects.get(is_default=True).limits.update_or_create(name=LimitName.BACKFILLS, defaults={"value": 2})
    made = [
        request_backfill(instrument=venue_instrument, timeframe=timeframe, start=NOON - DAY, requested_by=alice)
        for timeframe in ("1m", "5m")
    ]
    assert "allows 2 histories being loaded" in refused("LIMIT_REACHED", venue_instrument, "30m", requested_by=alice)
    request_backfill(instrument=venue_instrument, timeframe="1h", start=NOON - DAY)
    request_backfill(instrument=venue_instrument, timeframe="15m", start=NOON - DAY, requested_by=bob)
    cancel_backfill(backfill=made[0])
    request_backfill(instrument=venue_instrument, timeframe="4h", start=NOON - DAY, requested_by=alice)


def test_the_gate_lets_only_the_one_who_asked_cancel(venue_instrument: Instrument, alice: User, bob: User) -> None:
    made = request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - DAY, requested_by=alice)
    assert history.backfill_for_user(alice, made.pk) == made
    for asker, key in ((bob, made.pk), (None, made.pk), (alice, new_id()), (alice, "nothing")):
        with pytest.raises(NotFound):
            history.backfill_for_user(asker, key)
    assert cancel_backfill(backfill=made).state == BackfillState.CANCELED
    assert cancel_backfill(backfill=made).state == BackfillState.CANCELED
    assert request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - DAY).pk != made.pk


def test_what_the_platform_needs_goes_first_then_the_oldest_of_that_exchange(
    venue_instrument: Instrument, alice: User, bob: User
) -> None:
    exchange = venue_instrument.exchange
    made = [
        request_backfill(instrument=one, timeframe="1m", start=NOON - HOUR, requested_by=asker)
        for one, asker in (
            (add_instrument(exchange, "ETH"), bob),
            (add_instrument(exchange, "SOL"), alice),
            (venue_instrument, None),
        )
    ]
    for expected in (made[2], made[0], made[1]):
        found = backfills.next_backfill(exchange=exchange)
        assert found is not None
        assert (found.pk, found.state) == (expected.pk, BackfillState.RUNNING)
        assert Backfill.objects.get(pk=expected.pk).state == BackfillState.RUNNING
        cancel_backfill(backfill=expected)
    assert backfills.next_backfill(exchange=exchange) is None
    request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - HOUR)
    other = register_exchange(code="other", name="Other", namespace="other", source_kind=SourceKind.REAL)
    assert backfills.next_backfill(exchange=other) is None


def test_a_page_is_stored_and_the_row_moves_behind_it(venue_instrument: Instrument) -> None:
    row = request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - HOUR)
    clock.use_wall_clock(lambda: NOON)
    assert backfills.store_page(backfill=row, candles=candles_at(range(-60, -30)))
    assert row.reached_at == NOON - 30 * timedelta(minutes=1)
    assert not backfills.finish_backfill(backfill=row)
    row.refresh_from_db()
    assert (row.reached_at, round(row.progress, 2)) == (NOON - 30 * timedelta(minutes=1), 0.51)
    stale = Backfill.objects.select_related("instrument__exchange").get(pk=row.pk)
    cancel_backfill(backfill=row)
    assert not backfills.store_page(backfill=stale, candles=candles_at(range(-30, -1)))
    # The page stays: only the row did not move.
    assert minutes_of(candle_arrays(venue_instrument, "1m")) == list(range(-60, -1))
    assert Backfill.objects.get(pk=row.pk).reached_at == NOON - 30 * timedelta(minutes=1)
    assert not backfills.finish_backfill(backfill=stale)
    backfills.fail_backfill(backfill=stale, error="No.")
    assert Backfill.objects.get(pk=row.pk).state == BackfillState.CANCELED


def test_an_extended_one_is_not_done_yet(venue_instrument: Instrument) -> None:
    row = request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - HOUR, end=NOON - HOUR / 2)
    assert backfills.note_reached(backfill=row, reached_at=row.end)
    request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - HOUR)
    assert not backfills.finish_backfill(backfill=row)
    assert backfills.note_reached(backfill=row, reached_at=NOON)
    assert backfills.finish_backfill(backfill=row)
    row.refresh_from_db()
    assert (row.state, row.progress) == (BackfillState.DONE, 1.0)


def test_what_is_missing_is_found_and_near_stretches_are_one(venue_instrument: Instrument) -> None:
    minutes = [*range(10, 20), *range(25, 1000)]
    store_candles(instrument=venue_instrument, timeframe="1m", candles=candles_at(minutes))

    def missing(first: int, last: int) -> list[tuple[int, int]]:
        start, end = NOON + first * timedelta(minutes=1), NOON + last * timedelta(minutes=1)
        found = history.missing_stretches(venue_instrument, "1m", start, end)
        return [tuple((milliseconds(at) - NOON_MS) // 60_000 for at in pair) for pair in found]  # type: ignore[misc]

    assert missing(0, 1000) == [(0, 25)]
    assert missing(0, 1010) == [(0, 25), (1000, 1010)]
    assert missing(30, 900) == []
    assert missing(2000, 2001) == [(2000, 2001)]
    [covered] = history.coverage(venue_instrument)
    assert (covered.first, covered.last) == (NOON + timedelta(minutes=10), NOON + timedelta(minutes=1000))
    assert (covered.candles, covered.gaps, covered.missing, covered.longest) == (985, 1, 5, 5)
    assert covered.longest_at == NOON + timedelta(minutes=20)
    assert history.coverage(add_instrument(venue_instrument.exchange, "ETH")) == []
