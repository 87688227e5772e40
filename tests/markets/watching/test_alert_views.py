"""The pages of price alerts: made by kind, listed with what was told, canceled; refused in words, and nobody else's."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import LimitName, Plan, User
from markets.models import AlertKind, AlertState, Instrument, PriceAlert
from markets.services import cancel_alert, create_alert, fire_alerts, retire_instrument
from markets.services.alerts import Firing
from tests.fixtures_desk import Desk

ALERTS = reverse("markets:alerts")


@pytest.fixture
def btc(desk: Desk) -> Instrument:
    btc = desk.instrument()
    desk.step({btc: "100"})
    return btc


@pytest.fixture
def reader(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def _text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return re.sub(r"\s+", " ", answer.content.decode())


def _new(instrument: Instrument, kind: str = "") -> str:
    return reverse("markets:new_alert", args=[instrument.pk]) + (f"?kind={kind}" if kind else "")


def _above(owner: User, instrument: Instrument, level: str = "110", **facts: Any) -> PriceAlert:
    return create_alert(owner=owner, instrument=instrument, kind=AlertKind.ABOVE, level=Decimal(level), **facts)


@pytest.mark.parametrize(
    ("kind", "sent", "stored"),
    [
        ("", {"level": "1,110.50", "note": "Sell"}, (AlertKind.ABOVE, Decimal("1110.5"), None, False, 0, "Sell")),
        ("BELOW", {"level": "90", "repeat": "900"}, (AlertKind.BELOW, Decimal(90), None, True, 900, "")),
        ("MOVE", {"level": "5", "window_seconds": "300"}, (AlertKind.MOVE, Decimal("0.05"), 300, False, 0, "")),
        (
            "VOLUME_SPIKE",
            {"level": "2.5", "window_seconds": "60", "repeat": "3600"},
            (AlertKind.VOLUME_SPIKE, Decimal("2.5"), 60, True, 3600, ""),
        ),
    ],
)
def test_an_alert_of_each_kind_is_made_with_its_own_form(
    reader: Client, btc: Instrument, kind: str, sent: dict[str, str], stored: tuple[Any, ...]
) -> None:
    page = _text(reader.get(_new(btc, kind)))
    assert ('name="window_seconds"' in page) == (kind in {"MOVE", "VOLUME_SPIKE"})
    assert f'data-topic="prices:{btc.market.namespace}" data-key="{btc.pk}"' in page
    answer = reader.post(_new(btc, kind), {"repeat": "once", **sent}, follow=True)
    made = PriceAlert.objects.get()
    assert (
        made.kind,
        made.level,
        made.window_seconds,
        made.repeats,
        made.cool_down_seconds,
        made.note,
    ) == stored
    assert "You are told when BTC-USDT" in _text(answer)


@pytest.mark.parametrize(
    ("kind", "sent", "words"),
    [
        ("", {"level": "100.005"}, "Choose a price above zero, in steps of 0.01."),
        ("", {"level": "lots"}, "Enter a number, such as 1250 or 0.5."),
        ("", {"level": "1", "note": "x" * 121}, "at most 120 characters"),
        ("MOVE", {"level": "5", "window_seconds": "7"}, "7 is not one of the available choices"),
        ("MOVE", {"level": "0.01", "window_seconds": "60"}, "Choose a move of 0.1 % to 1000 %."),
        ("VOLUME_SPIKE", {"level": "1", "window_seconds": "60"}, "Choose 1.1 to 1000 times the usual volume."),
    ],
)
def test_what_means_nothing_is_refused_at_its_field(
    reader: Client, btc: Instrument, kind: str, sent: dict[str, str], words: str
) -> None:
    assert words in _text(reader.post(_new(btc, kind), {"repeat": "once", **sent}), 400)
    assert not PriceAlert.objects.exists()


def test_the_plan_s_limit_is_said_above_the_form(reader: Client, alice: User, btc: Instrument) -> None:
    plan = Plan.objects.create(name="Small")
    plan.limits.create(name=LimitName.PRICE_ALERTS, value=0)
    alice.profile.plan = plan
    alice.profile.save()
    page = _text(reader.post(_new(btc), {"level": "110", "repeat": "once"}), 400)
    assert "Your plan (Small) allows 0 price alerts that wait" in page
    assert "0 alerts may wait at once" in _text(reader.get(ALERTS))


def test_a_retired_market_has_no_form(reader: Client, btc: Instrument) -> None:
    retire_instrument(instrument=btc)
    assert "This market is no longer traded" in _text(reader.get(_new(btc)))


def test_the_list_shows_what_waits_and_what_was_told_at_which_price(
    reader: Client, alice: User, bob: User, btc: Instrument
) -> None:
    waits, told = _above(alice, btc, "110", note="Sell half"), _above(alice, btc, "105")
    others = _above(bob, btc, "110")
    fire_alerts(namespace=btc.market.namespace, firings=[Firing(told.pk, told.armed_at, Decimal("105.5"))])
    canceled = cancel_alert(alert=_above(alice, btc, "999"))
    page = _text(reader.get(ALERTS))
    waiting, ended = page.split("Told and canceled")
    assert f'<tr id="alert-{waits.pk}" data-topic="prices:{btc.market.namespace}" data-key="{btc.pk}">' in waiting
    assert "rises to 110.00 USDT" in waiting
    assert "once · Sell half" in waiting
    assert '<span data-cell="price">100.00</span>' in waiting
    assert f'id="alert-{told.pk}"' in ended
    assert "at 105.50" in ended
    assert f'id="alert-{canceled.pk}"' in ended
    assert ended.index(">Canceled<") < ended.index(">Told<")
    assert str(others.pk) not in page
    current = re.findall(r'<a class="nav-link" href="([^"]+)" aria-current="page"', page)
    assert set(current) == {ALERTS}  # and not Markets, whose section it is in
    # Refetched when anything is told to the reader.
    assert '<div id="alerts" class="stack" data-refresh="notifications"' in page


def test_without_alerts_the_page_says_how_to_begin(reader: Client, btc: Instrument) -> None:
    page = _text(reader.get(ALERTS))
    assert "No alert waits" in page
    assert "Told and canceled" not in page
    found = _text(reader.get(ALERTS, {"q": "btc"}))
    assert f'href="{_new(btc)}"' in found
    assert "No market found for “doge”" in _text(reader.get(ALERTS, {"q": "doge"}))


def test_canceling_ends_it_and_leads_back(reader: Client, alice: User, btc: Instrument) -> None:
    first, second = _above(alice, btc), _above(alice, btc)
    answer = reader.post(reverse("markets:cancel_alert", args=[first.pk]), follow=True)
    assert "The alert is canceled." in _text(answer)
    address = reverse("markets:cancel_alert", args=[second.pk])
    assert reader.post(address, {"from": "instrument"})["Location"] == reverse("markets:instrument", args=[btc.pk])
    assert set(PriceAlert.objects.values_list("state", flat=True)) == {AlertState.CANCELED}
    told = _above(alice, btc)
    fire_alerts(namespace=btc.market.namespace, firings=[Firing(told.pk, told.armed_at, Decimal(111))])
    late = reader.post(reverse("markets:cancel_alert", args=[told.pk]), follow=True)
    assert "The alert was told already." in _text(late)


def test_ended_alerts_are_forgotten_and_no_others(reader: Client, alice: User, bob: User, btc: Instrument) -> None:
    kept = [_above(alice, btc), cancel_alert(alert=_above(bob, btc))]
    cancel_alert(alert=_above(alice, btc))
    reader.post(reverse("markets:forget_alerts"))
    assert set(PriceAlert.objects.all()) == set(kept)


def test_the_part_of_an_instrument_s_page(reader: Client, alice: User, desk: Desk, btc: Instrument) -> None:
    address = reverse("markets:instrument_alerts", args=[btc.pk])
    assert "None waits on this market" in _text(reader.get(address))
    _above(alice, btc)
    _above(alice, desk.instrument("ETH"), "7")
    part = _text(reader.get(address))
    assert "When it rises to 110.00 USDT" in part
    assert "7.00" not in part
    assert "<html" not in part


def test_a_stranger_and_nobody_reach_nothing(client: Client, alice: User, charlie: User, btc: Instrument) -> None:
    alert = _above(alice, btc)
    cancel = reverse("markets:cancel_alert", args=[alert.pk])
    for address in (ALERTS, _new(btc), reverse("markets:instrument_alerts", args=[btc.pk])):
        assert client.get(address)["Location"].startswith("/accounts/login/")
    for address in (_new(btc), cancel, reverse("markets:forget_alerts")):
        assert client.post(address)["Location"].startswith("/accounts/login/")
    client.force_login(charlie)
    assert client.post(cancel).status_code == 404
    alert.refresh_from_db()
    assert alert.state == AlertState.ARMED
