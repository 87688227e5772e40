"""The pages of watch lists: made, filled, put in order, renamed, deleted; and nobody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import LimitName, Plan, User
from markets.models import Instrument, WatchList
from markets.services import create_watch_list, watch_instrument
from tests.fixtures_desk import Desk

LISTS = reverse("markets:watch_lists")


@pytest.fixture
def coins(desk: Desk) -> list[Instrument]:
    return [desk.instrument(base) for base in ("BTC", "ETH", "SOL")]


@pytest.fixture
def majors(alice: User, coins: list[Instrument]) -> WatchList:
    made = create_watch_list(owner=alice, name="Majors")
    for instrument in coins:
        watch_instrument(watch_list=made, instrument=instrument)
    return made


@pytest.fixture
def reader(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def _text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return re.sub(r"\s+", " ", answer.content.decode())


def _to(name: str, watch_list: WatchList, instrument: Instrument | None = None) -> str:
    return reverse(f"markets:{name}", args=[watch_list.pk, instrument.pk] if instrument else [watch_list.pk])


def _order(watch_list: WatchList) -> list[str]:
    return [entry.instrument.market.base_id for entry in watch_list.entries.order_by("position")]


def test_a_list_is_made_and_shown(reader: Client, alice: User) -> None:
    assert "No watch list yet" in _text(reader.get(LISTS))
    answer = reader.post(LISTS, {"name": "  Small   coins "}, follow=True)
    assert "<h1>Small coins</h1>" in _text(answer)
    assert "Nothing on this list yet" in _text(answer)
    assert "You have a list called" in _text(reader.post(LISTS, {"name": "Small coins"}), 400)
    assert "This field is required" in _text(reader.post(LISTS, {"name": " "}), 400)
    assert WatchList.objects.get().owner == alice


def test_limits_are_said_in_words(reader: Client, alice: User, majors: WatchList, desk: Desk) -> None:
    plan = Plan.objects.create(name="Small")
    for name, value in ((LimitName.WATCH_LISTS, 1), (LimitName.WATCHED_INSTRUMENTS, 3)):
        plan.limits.create(name=name, value=value)
    alice.profile.plan = plan
    alice.profile.save()
    assert "Your plan (Small) allows 1 watch lists" in _text(reader.post(LISTS, {"name": "Other"}), 400)
    address = _to("add_watched", majors, desk.instrument("XRP"))
    assert "Your plan (Small) allows 3 instruments on one watch list" in _text(reader.post(address, follow=True))
    assert _order(majors) == ["BTC", "ETH", "SOL"]


def test_a_list_shows_live_prices_in_its_order(
    reader: Client, majors: WatchList, desk: Desk, coins: list[Instrument]
) -> None:
    desk.close_candles(coins[1], [100.0, 101.0], "5m")
    page = _text(reader.get(_to("watch_list", majors)))
    row = f'<tr id="entry-{coins[1].pk}" data-topic="prices:{desk.namespace}" data-key="{coins[1].pk}">'
    assert row in page
    assert '<span data-cell="price">101.00</span>' in page.split(row)[1]
    assert '<span data-cell="change" data-sign="pos">+1.00%</span>' in page
    places = [page.index(f"entry-{one.pk}") for one in coins]
    assert places == sorted(places)


def test_what_is_found_can_be_added_once(reader: Client, majors: WatchList, desk: Desk) -> None:
    xrp = desk.instrument("XRP")
    page = _text(reader.get(_to("watch_list", majors), {"q": "xrp"}))
    assert f'action="{_to("add_watched", majors, xrp)}"' in page
    for _ in range(2):
        reader.post(_to("add_watched", majors, xrp))
    assert _order(majors) == ["BTC", "ETH", "SOL", "XRP"]
    assert 'class="btn btn-sm" disabled>' in _text(reader.get(_to("watch_list", majors), {"q": "xrp"}))
    assert "No market found for “doge”" in _text(reader.get(_to("watch_list", majors), {"q": "doge"}))


def test_an_instrument_moves_up_and_down_and_no_further_than_the_ends(
    reader: Client, majors: WatchList, coins: list[Instrument], desk: Desk
) -> None:
    moves = [(2, "up", "BTC SOL ETH"), (2, "up", "SOL BTC ETH"), (2, "up", "SOL BTC ETH"), (1, "down", "SOL BTC ETH")]
    moves += [(2, "down", "BTC SOL ETH")]
    for place, to, expected in moves:
        reader.post(_to("move_watched", majors, coins[place]), {"to": to})
        assert " ".join(_order(majors)) == expected
    reader.post(_to("move_watched", majors, desk.instrument("XRP")), {"to": "up"})
    assert _order(majors) == ["BTC", "SOL", "ETH"]
    reader.post(_to("remove_watched", majors, coins[2]))
    assert _order(majors) == ["BTC", "ETH"]


def test_a_list_is_renamed_and_deleted(reader: Client, alice: User, majors: WatchList) -> None:
    create_watch_list(owner=alice, name="Minors")
    page = _text(reader.post(_to("rename_watch_list", majors), {"name": "Minors"}), 400)
    assert "You have a list called" in page
    assert "<h1>Majors</h1>" in page
    reader.post(_to("rename_watch_list", majors), {"name": "Great ones"})
    majors.refresh_from_db()
    assert majors.name == "Great ones"
    assert "“Great ones” is deleted." in _text(reader.post(_to("delete_watch_list", majors), follow=True))
    assert WatchList.objects.get().name == "Minors"


def test_the_part_of_an_instrument_s_page_watches_and_unwatches(
    reader: Client, alice: User, coins: list[Instrument]
) -> None:
    address = reverse("markets:watch", args=[coins[0].pk])
    assert "Add to a watch list" in _text(reader.get(address))
    part = _text(reader.post(address, headers={"HX-Request": "true"}))
    [first] = WatchList.objects.filter(owner=alice)
    assert (first.name, _order(first)) == ("Watch list", ["BTC"])
    assert 'aria-pressed="true"' in part
    assert "Watched" in part
    sent = {"watch_list": str(first.pk), "to": "off"}
    assert "Add to watch list" in _text(reader.post(address, sent, headers={"HX-Request": "true"}))
    assert _order(first) == []
    reader.post(address, sent | {"to": "on"})
    answer = reader.post(address, sent | {"to": "on"})
    assert answer["Location"] == reverse("markets:instrument", args=[coins[0].pk])
    assert _order(first) == ["BTC"]


@pytest.mark.parametrize("name", ["markets/_watch.html", "markets/_alerts.html"])
def test_the_parts_fetch_themselves_for_whoever_is_signed_in(name: str, alice: User, coins: list[Instrument]) -> None:
    request = RequestFactory().get(reverse("markets:instrument", args=[coins[0].pk]))
    facts = {"instrument": coins[0], "request": request}
    assert "hx-get" in render_to_string(name, facts | {"user": alice})
    assert "hx-get" not in render_to_string(name, facts | {"user": None})


def test_a_stranger_and_nobody_reach_nothing(
    client: Client, charlie: User, majors: WatchList, coins: list[Instrument]
) -> None:
    acts = [_to(name, majors, coins[0]) for name in ("add_watched", "remove_watched", "move_watched")]
    acts += [_to(name, majors) for name in ("rename_watch_list", "delete_watch_list")]
    sent = {"name": "Taken", "to": "down"}
    for address in acts:
        assert client.post(address, sent)["Location"].startswith("/accounts/login/")
    assert client.get(_to("watch_list", majors)).status_code == 302
    client.force_login(charlie)
    for address in acts:
        assert client.post(address, sent).status_code == 404
    assert client.get(_to("watch_list", majors)).status_code == 404
    taken = {"watch_list": str(majors.pk), "to": "off"}
    assert client.post(reverse("markets:watch", args=[coins[0].pk]), taken).status_code == 404
    majors.refresh_from_db()
    assert (majors.name, _order(majors)) == ("Majors", ["BTC", "ETH", "SOL"])
