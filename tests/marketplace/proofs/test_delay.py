"""The newest day of a paid listing's record is its subscribers'; what everybody gets is verified all the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from common import clock
from common.clock import market_now, set_market_time
from common.errors import DomainError
from marketplace.billing.models import Price, Subscription
from marketplace.billing.selectors import listing_subject
from marketplace.curves import curve_ends, listing_snapshot, recent_curves
from marketplace.models import CopyRecord, TrackRecord
from marketplace.proofs.models import RecordKey, Seal
from marketplace.proofs.selectors import delay_of, proof_of
from marketplace.search.models import ListingIndex
from marketplace.search.services import index_listings
from marketplace.selectors import leaderboard
from marketplace.services import records
from marketplace.services.copy_records import refresh_copy_records
from portfolios.models import EquitySnapshot, SnapshotGrain
from tests.fixtures_verified import Sealed
from trading.models import Fill

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "records.md"


@pytest.fixture
def paid(sealed: Sealed, bob: User, settings: Settings) -> Iterator[Sealed]:
    """The listing with a price, to which bob subscribes. Five fills are older than a day, the sixth is not."""
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    before = clock.use_wall_clock(None)
    later = clock.wall_now() + timedelta(hours=24, minutes=1)
    clock.use_wall_clock(lambda: later)
    sealed.pit.buy(1)
    sealed.seal()
    subject = listing_subject(sealed.listing.pk)
    times = {"due_at": later, "created_at": later}
    terms = {"interval": "month", "currency": "usd", "amount_minor": 900, "mode": "TEST", "state": "LIVE"}
    price = Price.objects.create(listing=sealed.listing, subject=subject, **terms, **times)
    Subscription.objects.create(
        user=bob,
        listing=sealed.listing,
        price=price,
        subject=subject,
        mode="TEST",
        processor_id="sub_1",
        status="active",
        started_at=later,
        fetched_at=later,
        right_until=later + timedelta(days=9),
    )
    yield sealed
    clock.use_wall_clock(before)


def downloaded(sealed: Sealed, user: User | None) -> tuple[int, list[int]]:
    """Return how many fills a download says it holds, and which it holds."""
    client = Client()
    if user is not None:
        client.force_login(user)
    answer: Any = client.get(f"/marketplace/{sealed.listing.pk}/record/")
    header, *lines = [json.loads(line) for line in b"".join(answer).splitlines()]
    return header["fills"], [one["number"] for one in lines if "number" in one]


def test_subscribers_and_the_owner_get_all_others_what_is_a_day_old(
    paid: Sealed, alice: User, bob: User, charlie: User
) -> None:
    for reader in (alice, bob):
        assert downloaded(paid, reader) == (6, [1, 2, 3, 4, 5, 6])
    for other in (charlie, None):
        assert downloaded(paid, other) == (5, [1, 2, 3, 4, 5])
    client = Client()
    address = f"/marketplace/{paid.listing.pk}/"
    assert b"ends a day ago" in client.get(address).content
    client.force_login(bob)
    assert b"ends a day ago" not in client.get(address).content
    # A right that lapsed is none.
    Subscription.objects.update(right_until=clock.wall_now())
    assert downloaded(paid, bob) == (5, [1, 2, 3, 4, 5])


def test_one_fill_is_proven_to_others_when_it_is_a_day_old(paid: Sealed, bob: User, charlie: User) -> None:
    program = APIClient()
    address = f"/api/v1/listings/{paid.listing.pk}"
    program.force_authenticate(charlie)
    assert program.get(f"{address}/proofs/5/").json()["number"] == 5
    refused = program.get(f"{address}/proofs/6/")
    assert (refused.status_code, refused.json()["code"]) == (409, "RECORD_DELAYED")
    assert b'"number":6' not in b"".join(program.get(f"{address}/record/"))
    program.force_authenticate(bob)
    assert program.get(f"{address}/proofs/6/").json()["number"] == 6
    with pytest.raises(DomainError):
        proof_of(paid.listing, 6, delay=delay_of(paid.listing, charlie))


def curves(paid: Sealed, reader: User | None) -> dict[str, list[int]]:
    """Return how many hours before market time each door's curve has a point."""
    client, program = Client(), APIClient()
    if reader is not None:
        client.force_login(reader)
        program.force_authenticate(reader)
    key, now = paid.listing.pk, market_now(paid.listing.portfolio.namespace)
    page = client.get(f"/marketplace/{key}/equity/").json()["points"]
    compared = client.get("/marketplace/compare/curves/", {"listing": str(key)}).json()["curves"][0]["points"]
    told = {"page": [point["time"] for point in page], "compared": [at for at, _ in compared]}
    if reader is not None:
        points = program.get(f"/api/v1/listings/{key}/equity/").json()
        told["api"] = [datetime.fromisoformat(point["at"]).timestamp() for point in points]
        (one,) = program.get("/api/v1/listings/compare/", {"listing": str(key)}).json()["curves"]
        told["api compared"] = [at for at, _ in one["points"]]
    return {name: [round((now.timestamp() - at) / 3600) for at in times] for name, times in told.items()}


def small(paid: Sealed, reader: User | None) -> dict[str, list[float]]:
    """Return the small curves of cards and of the widget."""
    client = Client()
    if reader is not None:
        client.force_login(reader)
    told = {
        "list": client.get("/marketplace/").context["cards"][0][1],
        "profile": client.get(f"/u/{paid.listing.owner.profile.handle}/").context["cards"][0][1],
        "widget": recent_curves([paid.listing], None)[paid.listing.pk],
    }
    if reader is None:
        told["first page"] = client.get("/").context["groups"][0][1][0][1]
    return told


def measured(paid: Sealed) -> None:
    """An hour's worth 100 each until a day ago, and 200 since."""
    now = market_now(paid.listing.portfolio.namespace)
    EquitySnapshot.objects.all().delete()
    EquitySnapshot.objects.bulk_create(
        EquitySnapshot(
            portfolio=paid.listing.portfolio,
            grain=grain,
            at=now - timedelta(hours=hours),
            equity=Decimal(100 if hours > 24 else 200),
            net_deposits=Decimal(100),
        )
        for grain in (SnapshotGrain.HOUR, SnapshotGrain.DAY)
        for hours in (27, 26, 25, 24, 1)
    )


def test_every_curve_ends_for_others_a_day_ago(paid: Sealed, alice: User, bob: User, charlie: User) -> None:
    measured(paid)
    for reader in (alice, bob):
        assert curves(paid, reader) == {key: [27, 26, 25, 24, 1] for key in ("page", "compared", "api", "api compared")}
        assert small(paid, reader) == {"list": [1, 1, 1, 2, 2], "profile": [1, 1, 1, 2, 2], "widget": [1, 1, 1]}
    assert curves(paid, charlie) == {key: [27, 26, 25] for key in ("page", "compared", "api", "api compared")}
    assert curves(paid, None) == {key: [27, 26, 25] for key in ("page", "compared")}
    assert small(paid, charlie) == {key: [1, 1, 1] for key in ("list", "profile", "widget")}
    assert small(paid, None) == {key: [1, 1, 1] for key in ("list", "profile", "widget", "first page")}
    address = f"/marketplace/{paid.listing.pk}/"
    assert b"Until a day ago" in Client().get(address).content
    Price.objects.update(state="RETIRED")
    assert curves(paid, None)["page"] == [27, 26, 25, 24, 1]
    assert b"Until a day ago" not in Client().get(address).content


FIGURES = ("return_ratio", "equity", "max_drawdown_ratio", "as_of")


def figures(paid: Sealed, reader: User | None) -> dict[str, tuple[Any, ...]]:
    """Return return, equity, deepest fall and moment as each door tells them."""
    key, client = paid.listing.pk, Client()
    if reader is not None:
        client.force_login(reader)
    records = {
        "page": client.get(f"/marketplace/{key}/").context["listing"].record,
        "list": client.get("/marketplace/").context["cards"][0][0].record,
        "profile": client.get(f"/u/{paid.listing.owner.profile.handle}/").context["cards"][0][0].record,
        "compared": client.get("/marketplace/compare/", {"listing": str(key)}).context["shown"][0].record,
    }
    told = {name: tuple(getattr(one, field) for field in FIGURES) for name, one in records.items()}
    if reader is not None:
        program = APIClient()
        program.force_authenticate(reader)
        answers = {
            "api": program.get(f"/api/v1/listings/{key}/").json(),
            "api list": program.get("/api/v1/listings/").json()["results"][0],
            "api compared": program.get("/api/v1/listings/compare/", {"listing": str(key)}).json()["listings"][0],
        }
        for name, one in answers.items():
            moment = None if one["as_of"] is None else datetime.fromisoformat(one["as_of"])
            told[name] = (one["return_ratio"], Decimal(one["equity"]), one["max_drawdown_ratio"], moment)
    cells = listing_snapshot(reader, str(key))["cells"]
    told["socket"] = (cells["return"], cells["equity"], cells["drawdown"])
    return told


def test_the_figures_are_those_of_a_day_ago_for_others(paid: Sealed, alice: User, bob: User, charlie: User) -> None:
    """An equity of this minute, beside the prices, would tell what the newest fill did: how much, and which way."""
    measured(paid)
    TrackRecord.objects.update(as_of=None, newest_as_of=None)
    EquitySnapshot.objects.filter(at__gt=market_now(paid.listing.portfolio.namespace) - timedelta(hours=2)).update(
        equity=Decimal(50)
    )
    records.refresh_records()
    now = market_now(paid.listing.portfolio.namespace)
    newest = (-0.5, Decimal(50), 0.75, now - timedelta(hours=1))
    told = (0.0, Decimal(100), 0.0, now - timedelta(hours=25))
    for reader in (alice, bob, charlie, None):
        found, may_know = figures(paid, reader), reader in (alice, bob)
        shown = ("−50.00%", "50.00 USDT", "75.00%") if may_know else ("0.00%", "100.00 USDT", "0.00%")
        assert found.pop("socket") == shown
        assert set(found.values()) == {newest if may_know else told}, found
    # By what everybody is told, listings are also found, ranked and embedded.
    index_listings(listing_ids=[paid.listing.pk])
    row = ListingIndex.objects.get()
    assert (row.return_ratio, row.max_drawdown_ratio) == (0.0, 0.0)
    assert leaderboard(paid.listing.portfolio.kind)[0].record.return_ratio == 0.0
    assert "−50.00%" not in Client().get(f"/marketplace/{paid.listing.pk}/embed/").content.decode()
    # A day later that is everybody's, and again nothing newer.
    set_market_time(paid.listing.portfolio.namespace, now + timedelta(hours=24))
    Fill.objects.filter(portfolio=paid.listing.portfolio).update(happened_at=now + timedelta(hours=24))
    assert records.refresh_records() == 1
    assert figures(paid, None)["page"] == newest
    assert records.refresh_records() == 0


def test_what_a_free_listing_showed_stays_shown_when_it_gets_a_price(paid: Sealed) -> None:
    measured(paid)
    Price.objects.update(state="RETIRED")
    TrackRecord.objects.update(as_of=None, newest_as_of=None)
    records.refresh_records()
    assert figures(paid, None)["page"][1] == 200
    Price.objects.update(state="LIVE")
    measured(paid)
    records.refresh_records()
    assert figures(paid, None)["page"][1] == 200


def test_what_followers_and_hours_came_to_is_told_until_a_day_ago(paid: Sealed) -> None:
    measured(paid)
    CopyRecord.objects.update(hour_as_of=None)
    now = market_now(paid.listing.portfolio.namespace)
    for state, hours, ratio in (("LIVE", 25, 0.0), ("RETIRED", 1, 1.0)):
        Price.objects.update(state=state)
        refresh_copy_records()
        kept = CopyRecord.objects.get()
        assert (kept.hour_as_of, kept.daily_return_ratio) == (now - timedelta(hours=hours), ratio)


def test_a_curve_ends_before_the_first_fill_that_is_withheld_however_fast_market_time_runs(paid: Sealed) -> None:
    sixth = Fill.objects.get(portfolio=paid.listing.portfolio, number=6)
    set_market_time(paid.listing.portfolio.namespace, sixth.happened_at + timedelta(days=30))
    assert curve_ends([paid.listing], None) == {paid.listing.pk: sixth.happened_at}


def test_an_open_page_of_a_paid_listing_is_told_of_followers_alone(
    paid: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(records, "publish", told.extend)
    for state, keys in (("LIVE", {"cells"}), ("RETIRED", {"cells", "series"})):
        Price.objects.update(state=state)
        TrackRecord.objects.update(as_of=None)
        measured(paid)
        told.clear()
        assert records.refresh_records() == 1
        ((topic, message),) = told
        assert (topic, message.keys()) == (f"listing:{paid.listing.pk}", keys)
        assert ("equity" in message["cells"], "return" in message["cells"]) == (state == "RETIRED",) * 2


def test_whoever_finds_nothing_yet_reads_that_it_is_withheld_and_how_to_subscribe(paid: Sealed) -> None:
    """Nothing of the record is a day old: neither a chart nor a back-test may say that nothing happened."""
    clock.use_wall_clock(None)
    EquitySnapshot.objects.all().delete()
    client, key = Client(), paid.listing.pk
    page = client.get(f"/marketplace/{key}/").content.decode()
    assert "All of it is less than a day old" in page
    assert f"/accounts/login/?next=/marketplace/{key}/" in page and "Log in to follow" not in page
    assert (
        b"what is newer is for subscribers"
        in client.get(f"/marketplace/{key}/what-if/?amount=2000&multiplier=1").content
    )
    address = f"/marketplace/compare/?listing={key}"
    assert "until it is a day old" in client.get(address).content.decode()
    Price.objects.update(state="RETIRED")
    page = client.get(f"/marketplace/{key}/").content.decode()
    assert "All of it is less than a day old" not in page and "Log in to follow" in page
    assert "until it is a day old" not in client.get(address).content.decode()


def test_what_is_in_no_signed_root_is_withheld_however_old_it_is(paid: Sealed) -> None:
    """Nobody could verify it: record and curve end before it, as they do before what is too young."""
    assert downloaded(paid, None)[0] == 5
    second = Seal.objects.get(portfolio=paid.listing.portfolio, first=4)
    Seal.objects.filter(pk=second.pk).update(root=None)
    fourth = Fill.objects.get(portfolio=paid.listing.portfolio, number=4)
    later = Fill.objects.filter(portfolio=paid.listing.portfolio, number__gt=4)
    later.update(happened_at=fourth.happened_at + timedelta(hours=1))
    set_market_time(paid.listing.portfolio.namespace, fourth.happened_at + timedelta(days=30))
    assert downloaded(paid, None)[0] == 3
    assert curve_ends([paid.listing], None) == {paid.listing.pk: fourth.happened_at}


def test_a_free_record_is_everybodys_at_once(paid: Sealed) -> None:
    Price.objects.update(state="RETIRED")
    assert downloaded(paid, None) == (6, [1, 2, 3, 4, 5, 6])


def test_what_is_given_late_is_verified_without_the_platform(paid: Sealed, tmp_path: Path) -> None:
    """By the program in docs/records.md, as a stranger would."""
    answer: Any = Client().get(f"/marketplace/{paid.listing.pk}/record/")
    record = tmp_path / "record.ndjson"
    record.write_bytes(b"".join(answer))
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    command = [sys.executable, "-c", program, str(record), RecordKey.objects.get().public]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    record.write_bytes(record.read_bytes().replace(b'"number":3', b'"number":9'))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_back_tests_and_forecasts_end_for_others_a_day_ago(paid: Sealed, alice: User, bob: User, charlie: User) -> None:
    """Run at the right amount they would tell each newest fill: when, which way, how much of what the lead has."""
    page, api = (
        f"/marketplace/{paid.listing.pk}/what-if/?amount=2000&multiplier=1",
        f"/api/v1/listings/{paid.listing.pk}",
    )
    for reader, orders in ((alice, 6), (bob, 6), (charlie, 5), (None, 5)):
        client, program = Client(), APIClient()
        if reader is not None:
            client.force_login(reader)
            program.force_authenticate(reader)
            told = program.get(f"{api}/backtest/?amount=2000").json()
            assert told["orders"] == orders
            assert program.get(f"{api}/fit/?amount=2000").json()["orders"] == orders
            form = client.get(f"/marketplace/{paid.listing.pk}/fit/", {"amount": "2000", "multiplier": "1"})
            assert form.context["fit"].orders == orders
        shown = client.get(page)
        assert shown.context["told"].result.orders == orders
        assert (b"a day ago" in shown.content) == (orders == 5)
