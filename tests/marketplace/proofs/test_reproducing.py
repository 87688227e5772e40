"""A published backtest is repeated by anybody, with the same trades and without the strategy; drift is told day by day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from common import clock
from common.errors import DomainError, NotFound
from common.ids import seeded_random
from engine.backtest_spec import json_hash
from engine.records.drift import Made
from marketplace.models import Listing
from marketplace.proofs.models import DriftDay, PublishedBacktest, Reproduction
from marketplace.proofs.services import drifting
from marketplace.proofs.services.drifting import measure_drift
from marketplace.proofs.services.personal_data import erase_proofs, export_proofs
from marketplace.proofs.services.reproducing import publish_backtest, recover_reproductions, request_reproduction
from marketplace.proofs.showing import drift_of, publishable, salt_for
from marketplace.services.listings import publish_listing
from marketplace.tasks import sweep_reproductions
from markets.candle_store import candle_store
from markets.models import SourceKind
from markets.sources import ReplaySeries, ReplaySource
from strategies.grants.services import grant_version
from strategies.models import Backtest, JobState
from strategies.replay.driver import inline_workers, walk
from strategies.services import jobs
from strategies.services.backtests import request_backtest
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_past import CROSSING, Past, ema_cross, waves
from tests.fixtures_trading import Pit


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")


@pytest.fixture
def published(alice: User, past: Past, listing: Listing, working: Working) -> PublishedBacktest:
    with working():
        backtest = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    backtest.refresh_from_db()
    return publish_backtest(owner=alice, listing=listing, backtest=backtest)


def test_a_reader_repeats_it_and_never_sees_the_strategy(
    published: PublishedBacktest, listing: Listing, alice: User, bob: User, working: Working
) -> None:
    assert "nodes" in published.spec["graph"]
    # Its author may forget it: what readers repeat is the listing's.
    Backtest.objects.all().delete()
    client = Client()
    client.force_login(bob)
    with working():
        client.post(f"/marketplace/{listing.pk}/reproduce/")
    made = Reproduction.objects.get()
    assert (made.state, made.reader_id, made.is_same) == (JobState.DONE, bob.pk, True)
    assert made.trades_hash == PublishedBacktest.objects.get().trades_hash
    assert made.summary["trades_count"] == published.summary["trades_count"] > 10
    page = client.get(f"/marketplace/{listing.pk}/").content.decode()
    assert "You repeated it: the same trades came out." in page
    told = [
        page,
        client.get(f"/api/v1/listings/{listing.pk}/published-backtest/").content.decode(),
        client.get(f"/api/v1/listings/{listing.pk}/reproductions/").content.decode(),
    ]
    assert published.trades_hash in told[0]
    assert published.trades_hash in told[1]
    assert published.trades_hash in told[2]
    assert json.loads(told[1])["manifest"]["timeframe"] == "5m"
    for text in told:
        assert "nodes" not in text
        assert "graph" not in text
    # Nothing was stored as bob's own backtest, whose page would show the graph.
    assert Backtest.objects.count() == 0


def test_what_is_shown_of_a_sealed_strategy_cannot_be_found_by_guessing_it(
    published: PublishedBacktest, listing: Listing, alice: User, bob: User
) -> None:
    """Whoever hashes what the strategy might be finds nothing; who may see it has the salt, and comes to what is shown."""
    sealed = {name: published.spec[name] for name in ("graph", "values")}
    shown = {published.spec_hash, published.manifest["strategy_hash"]}
    assert not shown & {json_hash(published.spec), json_hash(sealed)}
    assert shown == {json_hash({**one, "salt": published.salt}) for one in (published.spec, sealed)}
    address = f"/api/v1/listings/{listing.pk}/published-backtest/"
    told = {}
    for user in (alice, bob):
        client = Client()
        client.force_login(user)
        told[user] = client.get(address).json()["salt"]
        assert (published.salt in client.get(f"/marketplace/{listing.pk}/").content.decode()) is (user == alice)
    assert told == {alice: published.salt, bob: None}
    # The same again keeps its name.
    assert published.backtest is not None
    again = publish_backtest(owner=alice, listing=listing, backtest=published.backtest)
    assert (again.salt, again.spec_hash) == (published.salt, published.spec_hash)


def test_whoever_may_see_the_strategy_gets_the_salt_and_a_user_of_a_sealed_one_no_hash(
    alice: User, bob: User, charlie: User, past: Past, listing: Listing, working: Working
) -> None:
    version = save_strategy(owner=alice, name="Secret", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    with working():
        backtest = request_backtest(owner=alice, terms=past.terms(), version=version)
    backtest.refresh_from_db()
    published = publish_backtest(owner=alice, listing=listing, backtest=backtest)
    grant_version(user=bob, version=version, shows_source=True)
    grant_version(user=charlie, version=version, shows_source=False)
    assert (salt_for(published, bob), salt_for(published, charlie), salt_for(published, None)) == (
        published.salt,
        None,
        None,
    )
    for user, is_told in ((bob, True), (charlie, False)):
        made = request_backtest(owner=user, terms=past.terms(), version=version)
        client = Client()
        client.force_login(user)
        for answer in (
            client.get(f"/api/v1/backtests/{made.pk}/").json(),
            client.get("/api/v1/backtests/").json()["results"][0],
        ):
            assert (answer["spec_hash"] == made.spec_hash, answer["trial_hash"] == made.trial_hash) == (
                is_told,
                is_told,
            )
            assert is_told or (answer["spec_hash"], answer["trial_hash"]) == (None, None)


def test_what_does_not_come_out_the_same_is_said(
    published: PublishedBacktest, listing: Listing, bob: User, working: Working
) -> None:
    PublishedBacktest.objects.update(trades_hash="ab" * 32)
    with working():
        request_reproduction(reader=bob, listing=listing)
    assert (Reproduction.objects.get().state, Reproduction.objects.get().is_same) == (JobState.DONE, False)
    client = Client()
    client.force_login(bob)
    assert b"other trades came out" in client.get(f"/marketplace/{listing.pk}/reproduction/").content


def test_changed_candles_are_no_proof_against_it(
    published: PublishedBacktest, listing: Listing, bob: User, past: Past, working: Working
) -> None:
    spec = published.spec | {"fingerprints": {"BTC-USDT": "0" * 64}}
    PublishedBacktest.objects.update(spec=spec)
    with working():
        request_reproduction(reader=bob, listing=listing)
    found = Reproduction.objects.get()
    assert (found.state, found.error_code, found.is_same) == (JobState.FAILED, "DATA_CHANGED", False)
    PublishedBacktest.objects.update(spec=published.spec | {"engine_version": "0"})
    with working():
        request_reproduction(reader=bob, listing=listing)
    assert Reproduction.objects.filter(error_code="ENGINE_CHANGED").count() == 1


def test_two_clicks_are_one_and_what_is_lost_is_found(
    published: PublishedBacktest, listing: Listing, bob: User, working: Working
) -> None:
    first = request_reproduction(reader=bob, listing=listing)
    assert request_reproduction(reader=bob, listing=listing) == first
    Reproduction.objects.update(claimed_until=NOON)
    with working():
        sweep_reproductions()
    assert Reproduction.objects.get().is_same
    Reproduction.objects.update(state=JobState.RUNNING, claimed_until=NOON, attempts=jobs.MAX_ATTEMPTS)
    recover_reproductions()
    assert (Reproduction.objects.get().state, Reproduction.objects.get().error_code) == (JobState.FAILED, "INTERRUPTED")


def test_only_the_owner_publishes_and_only_what_is_finished(
    published: PublishedBacktest, listing: Listing, alice: User, bob: User, past: Past
) -> None:
    mine = request_backtest(owner=bob, terms=past.terms(taker_fee=0.002), face=CROSSING)
    for owner, backtest in ((bob, mine), (alice, mine), (bob, Backtest.objects.get(owner=alice))):
        with pytest.raises(NotFound):
            publish_backtest(owner=owner, listing=listing, backtest=backtest)
    waiting = request_backtest(owner=alice, terms=past.terms(taker_fee=0.003), face=CROSSING)
    with pytest.raises(DomainError, match="finished"):
        publish_backtest(owner=alice, listing=listing, backtest=waiting)
    PublishedBacktest.objects.all().delete()
    with pytest.raises(DomainError) as refused:
        request_reproduction(reader=bob, listing=listing)
    assert refused.value.code == "NO_BACKTEST"


def test_nobody_shows_the_backtest_of_somebody_elses_strategy_as_their_own(
    alice: User, bob: User, past: Past, desk: Desk, working: Working
) -> None:
    """What is published keeps its graph, for whoever exports their data: of a sealed strategy nobody gets it that way."""
    version = save_strategy(owner=alice, name="Secret", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    grant_version(user=bob, version=version, shows_source=False)
    listing = publish_listing(owner=bob, portfolio=desk.portfolio(bob), title="Mine")
    with working():
        backtest = request_backtest(owner=bob, terms=past.terms(), version=version)
    backtest.refresh_from_db()
    assert (backtest.state, list(publishable(bob))) == (JobState.DONE, [])
    with pytest.raises(DomainError, match="somebody else's"):
        publish_backtest(owner=bob, listing=listing, backtest=backtest)


def test_what_it_keeps_of_a_person_goes_with_them(
    published: PublishedBacktest, listing: Listing, alice: User, bob: User
) -> None:
    request_reproduction(reader=bob, listing=listing)
    (told,) = export_proofs(alice)["published_backtests"]
    assert (told["trades_hash"], told["spec"]["timeframe"]) == (published.trades_hash, "5m")
    assert len(export_proofs(bob)["repeated_backtests"]) == 1
    erase_proofs(alice)
    assert (PublishedBacktest.objects.count(), Reproduction.objects.count()) == (0, 0)


def test_each_day_of_a_listed_run_is_compared_once(
    pit: Pit, alice: User, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that did nothing by itself: the engine's trades are missed, a hand's is extra, one of both costs its slippage."""
    listing = publish_listing(owner=alice, portfolio=pit.lead, title="Steady")
    version = save_strategy(owner=alice, name="Crossing", instruments=[pit.instrument], timeframe="5m", face=CROSSING)
    start_run(actor=alice, version=version, portfolio=pit.lead)
    pit.price(101)
    pit.buy(1)
    asked = []
    noon = int(NOON.timestamp() * 1000)

    def wished(run: object, end: object) -> list[Made]:
        asked.append(end)
        return [Made(noon + 60_000, True, 100.0), Made(noon + 3_600_000, False, 102.0)]

    monkeypatch.setattr(drifting, "_wished", wished)
    assert (measure_drift(), drift_of(listing)) == (0, None)
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(hours=13))
    assert (measure_drift(), measure_drift()) == (1, 0)
    day = DriftDay.objects.get()
    assert (day.day, day.wished, day.matched, day.missed, day.extra) == (NOON.date(), 2, 1, 1, 0)
    assert day.mispriced_bps == pytest.approx(100)
    assert asked == [NOON.replace(hour=0) + timedelta(days=1)]
    pit.sell(1)
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(hours=37))
    assert measure_drift() == 1
    newest = DriftDay.objects.order_by("-day")[0]
    assert (newest.wished, newest.extra, newest.mispriced_bps) == (0, 1, None)
    found = drift_of(listing)
    assert found is not None
    assert (found.days, found.matched, found.missed, found.extra, found.failed) == (2, 1, 1, 1, 0)
    assert found.mispriced_bps == pytest.approx(100)


def test_a_run_beside_its_own_backtest(past: Past, alice: User, desk: Desk, working: Working) -> None:
    """The real engine on the run's candles: every trade of its is missed by a run that was never asked."""
    portfolio = desk.portfolio(alice)
    listing = publish_listing(owner=alice, portfolio=portfolio, title="Steady")
    version = save_strategy(owner=alice, name="Crossing", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    run = start_run(actor=alice, version=version, portfolio=portfolio)
    run.started_at = NOON - timedelta(days=2)
    run.save()
    assert measure_drift() == 2
    days = list(DriftDay.objects.order_by("day"))
    assert [one.code for one in days] == ["", ""]
    assert all(one.wished == one.missed > 5 and one.extra == 0 for one in days)
    assert Decimal(drift_of(listing).missed) == sum(one.missed for one in days)  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_a_run_that_traded_as_it_should_has_no_drift(alice: User) -> None:
    """Made candles through the live path, a day and some of the next: the engine finds each trade again."""
    start = datetime(2024, 1, 3, tzinfo=UTC)
    candles, desk = waves(100, start + timedelta(hours=25), "15m"), Desk(SourceKind.REPLAY)
    clock.set_market_time(desk.namespace, start)
    instrument, portfolio = desk.instrument(), desk.portfolio(alice)
    candle_store().upsert(desk.exchange.code, instrument.symbol, "15m", candles)
    publish_listing(owner=alice, portfolio=portfolio, title="Steady")
    version = save_strategy(owner=alice, name="Live", instruments=[instrument], timeframe="15m", face=ema_cross())
    start_run(actor=alice, version=version, portfolio=portfolio)
    source = ReplaySource([ReplaySeries(instrument, "15m", candles)])
    with inline_workers(seeded_random("live")) as finish:
        walk(source.steps(), source, finish=finish, progress=lambda count: None, hears_all=True)
        finish()
    assert measure_drift() == 1
    day = DriftDay.objects.get()
    assert (day.code, day.day, day.missed, day.extra) == ("", start.date(), 0, 0)
    assert day.matched == day.wished > 5
