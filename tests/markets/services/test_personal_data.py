"""What markets keep about a person is exported whole, and forgotten."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from accounts.models import User
from accounts.registry import personal_data
from common.clock import wall_now
from markets.models import AlertBook, AlertKind, Instrument, PriceAlert, WatchList
from markets.services import create_alert, create_watch_list, request_backfill, watch_instrument
from tests.fixtures_desk import Desk


def test_lists_and_alerts_are_exported_and_erased_and_the_feed_hears_of_it(desk: Desk, alice: User, bob: User) -> None:
    btc = desk.instrument()
    for owner in (alice, bob):
        watch_instrument(watch_list=create_watch_list(owner=owner, name="Mine"), instrument=btc)
        create_alert(owner=owner, instrument=btc, kind=AlertKind.BELOW, level=Decimal(90), note="buy")
    answers = personal_data()["markets"]
    exported = answers.export(alice)
    assert [(one["name"], one["instruments"]) for one in exported["watch_lists"]] == [("Mine", [str(btc)])]
    [alert] = exported["price_alerts"]
    assert (alert["instrument__symbol"], alert["kind"], alert["level"], alert["note"]) == (
        "BTC-USDT",
        "BELOW",
        90,
        "buy",
    )
    answers.erase(alice)
    assert [one.owner for one in WatchList.objects.all()] == [bob]
    assert [one.owner for one in PriceAlert.objects.all()] == [bob]
    # Two were made, and one was canceled before its row went.
    assert AlertBook.objects.get(namespace=desk.namespace).last_change == 3


def test_what_was_asked_for_of_the_past_is_exported_and_then_nobodys(venue_instrument: Instrument, alice: User) -> None:
    start = wall_now() - timedelta(days=1)
    made = request_backfill(instrument=venue_instrument, timeframe="1h", start=start, requested_by=alice)
    answers = personal_data()["markets"]
    assert [(one["id"], one["instrument__symbol"]) for one in answers.export(alice)["backfills"]] == [
        (made.pk, "BTC-USDT")
    ]
    answers.erase(alice)
    made.refresh_from_db()
    assert (made.requested_by, made.state) == (None, "WAITING")
