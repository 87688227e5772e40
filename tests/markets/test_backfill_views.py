"""The history card, its buttons and the API of backfills: seen by everybody, asked for by people, canceled by who asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services import issue_token
from common import realtime
from markets.models import Backfill, BackfillState, Exchange, Instrument
from markets.services import request_backfill, store_candles
from markets.services.backfills import fail_backfill, note_reached, note_trouble
from tests.markets.conftest import NOON
from tests.markets.series import candles_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wall_at_noon")]
DAY = timedelta(days=1)


def card(client: Client, instrument: Instrument) -> str:
    answer = client.get(reverse("markets:history", args=[instrument.pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def load(client: Client, instrument: Instrument, **facts: str) -> str:
    return client.post(reverse("markets:load_history", args=[instrument.pk]), facts).headers.get("Location", "")


def test_a_year_of_minutes_is_asked_for_with_one_button(
    client: Client, venue_instrument: Instrument, alice: User
) -> None:
    assert "Log in</a> to load more" in card(client, venue_instrument)
    assert "/accounts/login/" in load(client, venue_instrument)
    assert not Backfill.objects.exists()
    client.force_login(alice)
    assert "Load a year of minutes" in card(client, venue_instrument)
    assert load(client, venue_instrument) == f"/markets/{venue_instrument.pk}/#history"
    made = Backfill.objects.get()
    assert (made.timeframe, made.start, made.requested_by) == ("1m", NOON - 365 * DAY, alice)
    load(client, venue_instrument, timeframe="1h")
    assert Backfill.objects.filter(timeframe="1h").count() == 1
    assert (
        client.post(reverse("markets:load_history", args=[venue_instrument.pk]), {"timeframe": "7y"}).status_code == 400
    )


def test_the_card_tells_coverage_gaps_progress_and_trouble(
    client: Client, venue_instrument: Instrument, alice: User, bob: User
) -> None:
    assert "No candles are stored yet." in card(client, venue_instrument)
    store_candles(
        instrument=venue_instrument, timeframe="1m", candles=candles_at([*range(-600, -300), *range(-290, 0)])
    )
    row = request_backfill(instrument=venue_instrument, timeframe="5m", start=NOON - DAY, requested_by=alice)
    told = card(client, venue_instrument)
    assert "590<span" in told
    assert "10 missing in 1 gap, the longest 10 from" in told
    assert "waiting for its turn" in told
    Backfill.objects.update(state=BackfillState.RUNNING)
    note_reached(backfill=row, reached_at=NOON - DAY / 2)
    note_trouble(backfill=row, error="The venue is away.")
    client.force_login(bob)
    told = card(client, venue_instrument)
    assert '<span data-cell="progress">50%</span>' in told
    assert "The venue is away." in told
    assert "Cancel" not in told
    client.force_login(alice)
    assert reverse("markets:cancel_history", args=[row.pk]) in card(client, venue_instrument)
    fail_backfill(backfill=row, error="The venue refused: no.")
    assert "Loading 5m failed. The venue refused: no." in card(client, venue_instrument)


def test_only_who_asked_cancels(client: Client, venue_instrument: Instrument, alice: User, bob: User) -> None:
    row = request_backfill(instrument=venue_instrument, timeframe="1m", start=NOON - DAY, requested_by=alice)
    address = reverse("markets:cancel_history", args=[row.pk])
    client.post(address)
    client.force_login(bob)
    assert client.post(address).status_code == 404
    row.refresh_from_db()
    assert row.state == BackfillState.WAITING
    client.force_login(alice)
    assert client.post(address).status_code == 302
    row.refresh_from_db()
    assert row.state == BackfillState.CANCELED


def test_a_made_market_has_a_past_and_nobody_to_ask_for_more(client: Client, simulated: Exchange, alice: User) -> None:
    client.force_login(alice)
    told = card(client, simulated.instruments.all()[0])
    assert "no venue that could be asked" in told
    assert "Load" not in told


def test_the_api_asks_lists_reads_and_cancels(
    client: Client, venue_instrument: Instrument, alice: User, bob: User
) -> None:
    def headers(user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {issue_token(user=user, name='bot')[1]}"}

    mine, others = headers(alice), headers(bob)
    listed = reverse("markets_api:backfills")
    body = {"instrument": str(venue_instrument.pk), "timeframe": "1h", "start": (NOON - 2 * DAY).isoformat()}
    assert client.post(listed, body, content_type="application/json").status_code == 401
    made = client.post(listed, body, content_type="application/json", headers=mine)
    assert made.status_code == 201
    assert made.json() | {"id": "", "instrument": "", "exchange": ""} == {
        "id": "",
        "instrument": "",
        "symbol": "BTC-USDT",
        "exchange": "",
        "timeframe": "1h",
        "start": "2026-02-28T12:00:00Z",
        "end": "2026-03-02T11:00:00Z",
        "reached_at": "2026-02-28T12:00:00Z",
        "state": "WAITING",
        "progress": 0.0,
        "error": "",
        "created_at": "2026-03-02T12:00:00Z",
    }
    one = reverse("markets_api:backfill", args=[made.json()["id"]])
    assert [len(client.get(listed, headers=who).json()["results"]) for who in (mine, others)] == [1, 0]
    assert [client.get(one, headers=who).status_code for who in (mine, others)] == [200, 404]
    assert client.delete(one, headers=others).status_code == 404
    assert Backfill.objects.get().state == BackfillState.WAITING
    assert client.delete(one, headers=mine).status_code == 204
    assert Backfill.objects.get().state == BackfillState.CANCELED
    late = body | {"start": (NOON + DAY).isoformat()}
    assert (
        client.post(listed, late, content_type="application/json", headers=mine).json()["code"] == "STRETCH_NOT_VALID"
    )


def test_open_pages_hear_how_far_it_is(
    venue_instrument: Instrument, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = request_backfill(instrument=venue_instrument, timeframe="5m", start=NOON - DAY, requested_by=alice)
    topic = f"backfills:{venue_instrument.pk}"
    assert realtime.snapshot(None, topic) == {"cells": {f"{row.pk}.progress": "0%"}}
    said: list[object] = []
    monkeypatch.setattr("markets.services.backfills.publish", said.extend)
    note_reached(backfill=row, reached_at=NOON - DAY / 4)
    assert said == [(topic, {"cells": {f"{row.pk}.progress": "75%"}, "refresh": ["history"]})]
    assert realtime.snapshot(alice, topic) == {"cells": {f"{row.pk}.progress": "75%"}}
