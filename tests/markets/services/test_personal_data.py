"""What markets keep about a person is exported whole, and forgotten."""

from __future__ import annotations

from decimal import Decimal

from accounts.models import User
from accounts.registry import personal_data
from markets.models import AlertBook, AlertKind, PriceAlert, WatchList
from markets.services import create_alert, create_watch_list, watch_instrument
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
