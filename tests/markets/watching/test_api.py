"""The API of watch lists and price alerts: made, read, changed and ended by their owner alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from common.ids import new_id
from markets.models import AlertKind, AlertState, Instrument, PriceAlert, WatchList
from markets.services import create_alert, create_watch_list, fire_alerts, watch_instrument
from markets.services.alerts import Firing
from tests.fixtures_desk import Desk

LISTS, ALERTS = reverse("markets_api:watch_lists"), reverse("markets_api:alerts")


def _client(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def api(alice: User) -> APIClient:
    return _client(alice)


def _list(watch_list: WatchList | str) -> str:
    return reverse("markets_api:watch_list", args=[getattr(watch_list, "pk", watch_list)])


def test_a_list_is_made_filled_ordered_renamed_and_deleted(api: APIClient, desk: Desk) -> None:
    coins = [str(desk.instrument(base).pk) for base in ("BTC", "ETH", "SOL")]
    made = api.post(LISTS, {"name": "Majors"}, format="json")
    assert (made.status_code, made.json()["instruments"]) == (201, [])
    address = _list(made.json()["id"])
    watched = reverse("markets_api:watched_instruments", args=[made.json()["id"]])
    for coin in (*coins, coins[0]):
        assert api.post(watched, {"instrument": coin}, format="json").status_code == 200
    assert api.get(address).json()["instruments"] == coins
    order = reverse("markets_api:watch_list_order", args=[made.json()["id"]])
    # What is not named follows; what is not on the list is passed over.
    answer = api.put(order, {"instruments": [coins[2], str(new_id())]}, format="json")
    assert answer.json()["instruments"] == [coins[2], coins[0], coins[1]]
    gone = reverse("markets_api:watched_instrument", args=[made.json()["id"], coins[0]])
    assert api.delete(gone).status_code == 204
    assert api.patch(address, {"name": "Great ones"}, format="json").json()["name"] == "Great ones"
    assert [(one["name"], one["instruments"]) for one in api.get(LISTS).json()["results"]] == [
        ("Great ones", [coins[2], coins[1]])
    ]
    again = api.post(LISTS, {"name": "Great ones"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "WATCH_LIST_NAME_TAKEN")
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    assert not WatchList.objects.exists()


def _terms(btc: Instrument, **facts: Any) -> dict[str, Any]:
    return {"instrument": str(btc.pk), "kind": "ABOVE", "level": "110"} | facts


def test_an_alert_is_made_told_and_canceled(api: APIClient, alice: User, desk: Desk) -> None:
    btc = desk.instrument()
    made = api.post(ALERTS, _terms(btc, note="Sell", repeats=True), format="json")
    assert made.status_code == 201
    shown = made.json()
    alert = PriceAlert.objects.get()
    assert shown == {
        "id": str(alert.pk),
        "instrument": str(btc.pk),
        "symbol": "BTC-USDT",
        "exchange": desk.exchange.code,
        "kind": "ABOVE",
        "level": "110",
        "window_seconds": None,
        "repeats": True,
        "cool_down_seconds": 60,
        "note": "Sell",
        "state": "ARMED",
        "condition": "rises to 110.00 USDT",
        "armed_at": "2026-03-02T12:00:00Z",
        "fired_at": None,
        "told_price": "",
        "times_fired": 0,
        "created_at": shown["created_at"],
    }
    fire_alerts(namespace=desk.namespace, firings=[Firing(alert.pk, desk.at, Decimal("110.5"))])
    address = reverse("markets_api:alert", args=[alert.pk])
    told = api.get(address).json()
    assert (told["state"], told["told_price"], told["times_fired"]) == ("RESTING", "110.50", 1)
    assert [one["told_price"] for one in api.get(ALERTS, {"state": "RESTING"}).json()["results"]] == ["110.50"]
    assert api.get(ALERTS, {"state": "ARMED"}).json()["results"] == []
    refused = api.get(ALERTS, {"state": "ASLEEP"}).json()
    assert (refused["code"], list(refused["context"]["fields"])) == ("INVALID_INPUT", ["state"])
    assert api.delete(address).json()["state"] == "CANCELED"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"level": "100.005"}, "ALERT_LEVEL_NOT_VALID"),
        ({"level": "NaN"}, "INVALID_INPUT"),
        ({"kind": "SIDEWAYS"}, "INVALID_INPUT"),
        ({"kind": "MOVE", "level": "0.05"}, "ALERT_WINDOW_NOT_VALID"),
        ({"window_seconds": 60}, "ALERT_WINDOW_NOT_VALID"),
        ({"instrument": "01900000-0000-7000-8000-000000000000"}, "NOT_FOUND"),
    ],
)
def test_what_means_nothing_is_refused_and_nothing_stored(
    api: APIClient, desk: Desk, facts: dict[str, Any], code: str
) -> None:
    assert api.post(ALERTS, _terms(desk.instrument(), **facts), format="json").json()["code"] == code
    assert not PriceAlert.objects.exists()


def test_others_and_nobody_reach_nothing(desk: Desk, alice: User, bob: User, charlie: User) -> None:
    btc = desk.instrument()
    watch_list = create_watch_list(owner=alice, name="Majors")
    watch_instrument(watch_list=watch_list, instrument=btc)
    alert = create_alert(owner=alice, instrument=btc, kind=AlertKind.ABOVE, level=Decimal(110))
    watched = reverse("markets_api:watched_instruments", args=[watch_list.pk])
    gone = reverse("markets_api:watched_instrument", args=[watch_list.pk, btc.pk])
    order = reverse("markets_api:watch_list_order", args=[watch_list.pk])
    one = reverse("markets_api:alert", args=[alert.pk])
    for client, status in ((APIClient(), 401), (_client(bob), 404), (_client(charlie), 404)):
        asked = [
            client.get(_list(watch_list)),
            client.patch(_list(watch_list), {"name": "Taken"}, format="json"),
            client.post(watched, {"instrument": str(btc.pk)}, format="json"),
            client.put(order, {"instruments": []}, format="json"),
            client.delete(gone),
            client.delete(_list(watch_list)),
            client.get(one),
            client.delete(one),
        ]
        assert {answer.status_code for answer in asked} == {status}
    assert _client(bob).get(LISTS).json()["results"] == _client(bob).get(ALERTS).json()["results"] == []
    for address in (LISTS, ALERTS):
        assert APIClient().get(address).status_code == APIClient().post(address).status_code == 401
    alert.refresh_from_db()
    assert (alert.state, WatchList.objects.get().name) == (AlertState.ARMED, "Majors")
