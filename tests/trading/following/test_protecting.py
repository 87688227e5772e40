"""Protective stops at the running test exchange: placed, replaced, out of exits' way, filled there, and repaired."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Notification, User
from common.clock import wall_now
from common.errors import DomainError
from common.failpoints import failpoints_into
from common.ids import new_id, seeded_random
from common.tasks import inline_tasks
from engine.decimals import floor_to_step
from marketplace.services.listings import publish_listing
from portfolios.models import Portfolio, Position
from sandbox.faults import Fault, FaultKind
from tests.fixtures_stops import Protect, Protected
from tests.fixtures_trading import Pit, failed_checks
from trading.codes import explain
from trading.copy_log import stops_filled
from trading.copy_terms import TERMS_VERSION
from trading.follow_models import FollowProtection, StopMode
from trading.kinds import OrderKind
from trading.models import Follow, FollowPosition, FollowState, Order, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.follows import finish_stopping, stop_follow
from trading.services.live_queue import execute_waiting
from trading.services.protecting import AGAIN, EVENT, change_protection, follows_to_protect, protect_all
from trading.services.resyncing import drift_plan

D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


def stop_out(bob: Protected) -> None:
    """Have the market fall through the stop, and everybody do what comes of it."""
    bob.booth.trade_at(bob.stop_price() - bob.instrument.tick_size * 10)
    bob.booth.settle(bob.his)
    bob.work()


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_each_position_has_one_stop_at_the_exchange_of_its_quantity(protect_at: Protect, dialect: str) -> None:
    bob = protect_at(dialect)
    bob.buy("0.02")
    [stop] = bob.stops()
    assert (stop.state, stop.kind, stop.is_at_venue, stop.code) == (OrderState.OPEN, OrderKind.STOP, True, "")
    assert bob.held() > 0
    assert bob.resting() == [(stop.quantity, bob.stop_price())]
    assert bob.held() - stop.quantity < bob.instrument.lot_step
    # A repeat of everything changes nothing.
    bob.work()
    assert len(bob.stops()) == 1
    assert failed_checks() == {}


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_what_is_bought_more_moves_the_stop_once(protect_at: Protect, dialect: str) -> None:
    bob = protect_at(dialect)
    bob.buy("0.02")
    bob.buy("0.02")
    first, second = bob.stops()
    assert (first.state, first.code) == (OrderState.CANCELED, "PROTECTION_MOVED")
    assert second.state == OrderState.OPEN
    assert bob.resting() == [(second.quantity, bob.stop_price())]
    assert bob.held() - second.quantity < bob.instrument.lot_step
    assert failed_checks() == {}


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_an_exit_takes_the_stop_out_of_its_way_and_the_rest_is_protected_again(
    protect_at: Protect, dialect: str
) -> None:
    bob = protect_at(dialect)
    bob.buy("0.04")
    before = bob.held()
    bob.sell("0.01")
    [exit_] = bob.exits()
    assert (exit_.state, exit_.code, exit_.attempt) == (OrderState.FILLED, "", 1)
    assert abs(bob.held() / before - D("0.75")) < D("0.001")
    first, second = bob.stops()
    assert (first.state, first.code) == (OrderState.CANCELED, "SUPERSEDED_BY_EXIT")
    assert bob.resting() == [(second.quantity, bob.stop_price())]
    assert bob.held() - second.quantity < bob.instrument.lot_step
    bob.sell_all()
    assert bob.resting() == []
    assert [one.state for one in bob.exits()] == [OrderState.FILLED, OrderState.FILLED]
    assert [one.state for one in bob.stops()] == [OrderState.CANCELED, OrderState.CANCELED]
    assert failed_checks() == {}


@pytest.mark.parametrize("dialect", ["binance", "kraken"])
def test_a_stop_that_the_exchange_fills_is_the_followers_own_exit(protect_at: Protect, dialect: str) -> None:
    bob = protect_at(dialect)
    bob.buy("0.02")
    bob.booth.trade_at(bob.stop_price() - bob.instrument.tick_size * 10)
    bob.booth.settle(bob.his)
    bob.booth.settle(bob.hers)
    bob.work()
    [stop] = bob.stops()
    assert (stop.state, stop.code, stop.side) == (OrderState.FILLED, "PROTECTIVE_STOP", Side.SELL)
    assert bob.held() < bob.instrument.lot_step
    assert bob.resting() == []
    assert failed_checks() == {}


def test_the_next_copied_opening_begins_anew_and_the_plan_buys_nothing_back(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    stop_out(bob)
    aim = FollowPosition.objects.get(follow=bob.follow)
    assert (aim.target, aim.missed, aim.diverged_at) == (D(0), D(0), None)
    assert aim.stopped_at is not None
    assert [line.wanted for line in drift_plan(bob.follow)] in ([], [D(0)])
    told = Notification.objects.get(event="follow.stopped_out")
    assert told.user == bob.follow.follower
    [logged] = stops_filled(bob.follow)
    assert explain(logged.code, logged).startswith("Sold by the protective stop at Venue")
    browser = Client()
    browser.force_login(bob.follow.follower)
    [shown] = browser.get(f"/api/v1/follows/{bob.follow.pk}/log/").json()["stops"]
    assert (shown["id"], shown["reason"]) == (str(logged.pk), explain(logged.code, logged))
    page = browser.get(reverse("portfolios:follow_log", args=[bob.book.pk])).content.decode()
    assert "What your protective stop closed" in page
    bob.buy("0.01")
    again = FollowPosition.objects.get(pk=aim.pk)
    assert again.stopped_at is None
    assert bob.stops()[-1].state == OrderState.OPEN
    assert bob.resting() == [(bob.stops()[-1].quantity, bob.stop_price())]
    assert failed_checks() == {}


def test_a_changed_stop_moves_what_rests_and_one_taken_away_leaves_nothing(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    with bob.working():
        change_protection(actor=bob.follow.follower, follow=bob.follow, share=D("0.2"))
    bob.work()
    assert bob.resting() == [(bob.stops()[-1].quantity, bob.stop_price("0.2"))]
    with bob.working():
        change_protection(actor=bob.follow.follower, follow=bob.follow, share=None)
    bob.work()
    assert bob.resting() == []
    assert [one.code for one in bob.stops()] == ["PROTECTION_MOVED", "PROTECTION_OVER"]
    assert bob.held() > 0


def test_a_follow_that_ends_and_keeps_its_holdings_leaves_no_stop_behind(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    with bob.working():
        stopped = stop_follow(actor=bob.follow.follower, follow=bob.follow, mode=StopMode.KEEP)
    # Not before the exchange has said that the stop has ended.
    assert stopped.state == FollowState.STOPPING
    bob.work()
    with bob.working():
        finish_stopping([bob.follow.pk])
    assert (Follow.objects.get(pk=bob.follow.pk).state, bob.resting()) == (FollowState.STOPPED, [])
    assert bob.held() > 0


def test_rule_12_a_follow_that_waits_for_the_leads_exits_ends_when_its_stop_leaves_dust(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    with bob.working():
        stop_follow(actor=bob.follow.follower, follow=bob.follow, mode=StopMode.FOLLOW_EXITS)
    bob.work()
    assert Follow.objects.get(pk=bob.follow.pk).state == FollowState.STOPPING
    stop_out(bob)
    assert 0 < bob.held() < bob.instrument.lot_step
    with bob.working():
        finish_stopping([bob.follow.pk])
    assert Follow.objects.get(pk=bob.follow.pk).state == FollowState.STOPPED


def test_what_the_lead_bought_more_is_mirrored_though_the_stop_fills_before_it(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    price = bob.entry()
    bob.trade(Side.BUY, "0.02")
    with inline_tasks(seeded_random("on its way")):
        while fan_out_batch(lead_id=bob.lead.pk):
            pass
    bob.booth.trade_at(bob.stop_price() - bob.instrument.tick_size * 10)
    bob.booth.settle(bob.his)
    aim = FollowPosition.objects.get(follow=bob.follow)
    assert bob.held() < bob.instrument.lot_step
    assert aim.stopped_at is None
    bob.booth.trade_at(floor_to_step(price, bob.instrument.tick_size))
    bob.work()
    assert D("0.019") < bob.held() < D("0.021")
    assert abs(FollowPosition.objects.get(pk=aim.pk).target - bob.held()) < D("0.0001")
    assert bob.resting() == [(bob.stops()[-1].quantity, bob.stop_price())]
    assert failed_checks() == {}


class Death(BaseException):
    """What ends a process: nothing of ours catches it."""


@pytest.mark.parametrize("place", ["protected", "cancel-claimed", "cancel-sent", "claimed", "sent"])
def test_whoever_dies_while_a_stop_is_replaced_leaves_one_stop_in_the_end(protect_at: Protect, place: str) -> None:
    bob = protect_at()
    bob.buy("0.02")
    bob.trade(Side.BUY, "0.02")
    bob.send()

    def die(name: str) -> None:
        if name == place:
            raise Death

    change_protection(actor=bob.follow.follower, follow=bob.follow, share=D("0.2"))
    with failpoints_into(die), pytest.raises(Death):
        bob.work()
    # Minutes pass: what the dead had claimed is anybody's again, and what the exchange never heard of is sent once more.
    mine = Order.objects.filter(portfolio=bob.book)
    for _ in range(3):
        for name, minutes in (("claimed_at", 10), ("cancel_at", 1), ("missing_since", 1)):
            mine.filter(**{f"{name}__isnull": False}).update(**{name: wall_now() - timedelta(minutes=minutes)})
        bob.booth.settle(bob.his)
        bob.work()
    assert bob.resting() == [(bob.stops()[-1].quantity, bob.stop_price("0.2"))]
    assert failed_checks() == {}


def test_looking_for_what_lacks_a_stop_takes_as_many_statements_for_one_follow_as_for_four(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    first = twin(bob)
    with CaptureQueriesContext(connection) as one:
        assert follows_to_protect() == [first]
    everybody = [first, *(twin(bob) for _ in range(3))]
    with CaptureQueriesContext(connection) as four:
        assert follows_to_protect() == everybody
    assert len(one) == len(four)


def twin(bob: Protected) -> UUID:
    """Store a follow that holds what bob's does and is to be protected as it is, but has no stop; return its key."""
    user = User.objects.create_user(f"{new_id().hex}@example.org")
    book, follow = Portfolio.objects.get(pk=bob.book.pk), Follow.objects.get(pk=bob.follow.pk)
    position = Position.objects.get(portfolio=book, instrument=bob.instrument)
    book.pk, book.owner = new_id(), user
    book.save(force_insert=True)
    position.pk, position.portfolio = None, book
    position.save(force_insert=True)
    follow.pk, follow.portfolio, follow.follower = new_id(), book, user
    follow.save(force_insert=True)
    FollowProtection.objects.create(follow=follow, share=D("0.1"))
    return follow.pk


def test_a_lost_task_and_a_lost_answer_are_repaired_without_a_second_stop(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    bob.trade(Side.BUY, "0.02")
    bob.send()
    # The answer to the new stop never comes: the exchange has it all the same.
    bob.booth.switch_on(Fault(FaultKind.DROPPED_RESPONSE, where="POST /api/v3/order", count=1))
    bob.work()
    bob.booth.thread.call(bob.booth.venue.faults.switch_off)
    bob.booth.settle(bob.his)
    bob.work()
    assert len(bob.resting()) == 1
    assert failed_checks() == {}


def test_an_exit_that_waits_for_a_copy_without_an_answer_leaves_the_stop_where_it_is(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    stands = bob.resting()
    bob.trade(Side.BUY, "0.02")
    with bob.working():
        while fan_out_batch(lead_id=bob.lead.pk):
            pass
    bob.booth.switch_on(Fault(FaultKind.DROPPED_RESPONSE, where="POST /api/v3/order", count=1))
    bob.send()
    bob.booth.thread.call(bob.booth.venue.faults.switch_off)
    bob.trade(Side.SELL, "0.01")
    with bob.working():
        while fan_out_batch(lead_id=bob.lead.pk):
            pass
    with bob.working():
        while execute_waiting(account=bob.his):
            pass
    opens = Order.objects.filter(follow=bob.follow, leg="OPEN").order_by("pk")
    assert [one.state for one in opens] == [OrderState.FILLED, OrderState.UNKNOWN]
    assert [one.state for one in bob.exits()] == [OrderState.PENDING]
    assert (bob.resting(), [one.cancel_code for one in bob.stops()]) == (stands, [""])
    bob.booth.settle(bob.his)
    bob.work()
    assert [one.state for one in (*opens.all(), *bob.exits())] == [OrderState.FILLED] * 3
    assert bob.resting() == [(bob.stops()[-1].quantity, bob.stop_price())]
    assert bob.held() - bob.stops()[-1].quantity < bob.instrument.lot_step
    assert failed_checks() == {}


def test_a_price_that_passes_the_stop_during_a_replacement_is_sold_at_the_market(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    with bob.working():
        change_protection(actor=bob.follow.follower, follow=bob.follow, share=D("0.2"))
    with bob.working():
        while execute_waiting(account=bob.his):
            pass
        # The first has ended, the second is not written yet, and the market falls through where it would lie.
        assert bob.resting() == []
        bob.booth.trade_at(bob.stop_price("0.3"))
        bob.booth.price()
    bob.work()
    first, second = bob.stops()
    assert (first.state, first.code) == (OrderState.CANCELED, "PROTECTION_MOVED")
    assert (second.kind, second.trigger_price, second.attempt) == (OrderKind.MARKET, None, 1)
    assert (second.state, second.code) == (OrderState.FILLED, "PROTECTIVE_STOP")
    assert bob.held() < bob.instrument.lot_step
    assert bob.resting() == []
    assert FollowPosition.objects.get(follow=bob.follow).stopped_at is not None
    assert Notification.objects.filter(event="follow.stopped_out", user=bob.follow.follower).count() == 1
    assert failed_checks() == {}


def test_who_is_refused_three_times_is_told_once_and_it_is_tried_again_later(protect_at: Protect) -> None:
    bob = protect_at(share=None)
    bob.buy("0.02")
    # The market is beyond the stop, which only the exchange knows by now: it refuses what would go off at once.
    bob.booth.trade_at(bob.stop_price("0.15"))
    with bob.working():
        change_protection(actor=bob.follow.follower, follow=bob.follow, share=D("0.1"))
    for _ in range(4):
        bob.send_at_known_price()
    assert [(one.state, one.attempt) for one in bob.stops()] == [(OrderState.REJECTED, n) for n in (1, 2, 3)]
    assert len({one.client_order_id for one in bob.stops()}) == 3
    # Not before its time, by whoever looks.
    assert follows_to_protect() == []
    bob.send_at_known_price()
    assert (len(bob.stops()), Notification.objects.filter(event=EVENT).count()) == (3, 0)
    for tried in (4, 5):
        Order.objects.filter(pk=bob.stops()[-1].pk).update(recorded_at=wall_now() - AGAIN)
        with bob.working():
            protect_all(follows_to_protect())
        bob.send_at_known_price()
        assert [one.attempt for one in bob.stops()] == list(range(1, tried + 1))
        told = Notification.objects.get(event=EVENT)
        assert (told.user, told.context["symbol"]) == (bob.follow.follower, bob.instrument.symbol)
        assert told.context["words"] == explain(bob.stops()[2].code, bob.stops()[2])
    # The market comes back, and with it the stop.
    bob.booth.trade_at(bob.entry())
    Order.objects.filter(pk=bob.stops()[-1].pk).update(recorded_at=wall_now() - AGAIN)
    bob.work()
    assert (bob.stops()[-1].state, bob.stops()[-1].attempt) == (OrderState.OPEN, 6)
    assert bob.resting() == [(bob.stops()[-1].quantity, bob.stop_price())]
    assert failed_checks() == {}


def test_less_than_the_exchange_takes_is_said_once_and_protected_when_it_is_more(protect_at: Protect) -> None:
    bob = protect_at(share="0.5")
    price, rules = bob.booth.price(), bob.instrument
    # Enough to be bought; at half its price not enough to be sold.
    bob.buy(str(floor_to_step(rules.min_notional * D("1.6") / price, rules.lot_step)))
    assert bob.held() * price > rules.min_notional
    bob.work()
    [small] = bob.stops()
    assert (small.state, small.code, small.is_at_venue) == (OrderState.DENIED, "PROTECTION_TOO_SMALL", False)
    assert (small.trigger_price, bob.resting()) == (bob.stop_price("0.5"), [])
    words = explain(small.code, small)
    assert f"{small.requested_quantity.normalize():f} BTC is less than Venue takes as a stop" in words
    assert not Notification.objects.filter(event=EVENT).exists()
    bob.buy("0.02")
    assert [one.state for one in bob.stops()] == [OrderState.DENIED, OrderState.OPEN]
    assert bob.resting() == [(bob.stops()[1].quantity, bob.stop_price("0.5"))]
    assert bob.held() - bob.stops()[1].quantity < rules.lot_step
    assert failed_checks() == {}


def test_a_stop_that_would_sell_at_once_is_refused_and_a_wider_one_taken(protect_at: Protect) -> None:
    bob = protect_at(share=None)
    bob.buy("0.02")
    bob.booth.trade_at(bob.stop_price("0.15"))
    bob.booth.price()
    page = reverse("trading:copy_settings", args=[bob.follow.pk])
    api = f"/api/v1/follows/{bob.follow.pk}/protective-stop/"
    browser = Client()
    browser.force_login(bob.follow.follower)
    with bob.working():
        sent = browser.post(page, {"form": "protection", "protective_stop": "10"})
        put = browser.put(api, {"share": "0.1"}, content_type="application/json")
    assert (sent.status_code, put.status_code) == (400, 400)
    words = f"{bob.instrument.symbol} is at or beyond that stop by now"
    assert words in sent.content.decode()
    assert put.json()["code"] == "PROTECTIVE_STOP_PASSED"
    bob.work()
    assert (FollowProtection.objects.count(), bob.stops(), bob.resting()) == (0, [], [])
    with bob.working():
        assert browser.put(api, {"share": "0.2"}, content_type="application/json").json() == {"share": "0.2000"}
    bob.work()
    assert bob.resting() == [(bob.stops()[0].quantity, bob.stop_price("0.2"))]


@pytest.mark.parametrize("share", ["0.009", "0.51", "0.12345", "NaN"])
def test_a_share_out_of_range_is_refused_in_words(pit: Pit, bob: User, share: str) -> None:
    follow = pit.follow(bob)
    with pytest.raises(DomainError, match="from 1% to 50%") as refused:
        change_protection(actor=bob, follow=follow, share=D(share))
    assert refused.value.code == "PROTECTIVE_STOP_OUT_OF_RANGE"
    assert not FollowProtection.objects.exists()


def test_a_paper_follow_is_refused_a_stop_that_nothing_would_keep(pit: Pit, bob: User, charlie: User) -> None:
    follow = pit.follow(bob)
    page, api = reverse("trading:copy_settings", args=[follow.pk]), f"/api/v1/follows/{follow.pk}/protective-stop/"
    for person, page_status, api_status in ((bob, 400, 400), (charlie, 404, 404), (None, 302, 401)):
        browser = Client()
        if person is not None:
            browser.force_login(person)
        sent = browser.post(page, {"form": "protection", "protective_stop": "10"})
        assert sent.status_code == page_status, (page, person)
        put = browser.put(api, {"share": "0.1"}, content_type="application/json")
        assert put.status_code == api_status
        read = browser.get(api)
        assert read.status_code == (200 if person is bob else api_status)
        if person is bob:
            assert read.json() == {"share": None}
            assert "this follow trades on paper" in sent.content.decode()
            assert put.json()["code"] == "PROTECTIVE_STOP_ON_PAPER"
    assert not FollowProtection.objects.exists()


def test_the_steps_of_following_offer_it_on_an_account_and_keep_what_was_chosen(protect_at: Protect) -> None:
    bob = protect_at(share=None)
    listing = publish_listing(
        owner=bob.lead.owner,
        portfolio=bob.lead,
        title="Live",
        risks="Prices fall.",
        conflicts="None.",
        has_own_money=True,
    )
    person = User.objects.create_user("dora@example.org", "correct horse")
    account = bob.booth.connect(person, {"USDT": D(20_000)}, "Dora")
    source = bob.booth.portfolio(account, 5_000, "Source")
    browser, here = Client(), reverse("marketplace:follow", args=[listing.pk])
    browser.force_login(person)
    bob.booth.price()
    sent = {"source": str(source.pk), "amount": "2500", "sizing": "EQUITY_RATIO", "multiplier": "1"}
    second = browser.get(here, {**sent, "step": "2"}).content.decode()
    assert 'name="protective_stop"' in second
    sent |= {"stop": "40", "kind": "FIXED", "daily_loss": "", "protective_stop": "12.5", "step": "3"}
    assert "12.50% from what it cost on average" in browser.get(here, sent).content.decode()
    begun = browser.post(here, {**sent, "accepted_terms": TERMS_VERSION, "accepted": "on"})
    assert begun.status_code == 302
    follow = Follow.objects.get(follower=person)
    assert follow.protection.share == D("0.125")
    page = browser.get(reverse("trading:copy_settings", args=[follow.pk])).content.decode()
    assert 'value="12.5"' in page


def test_the_pages_of_a_follow_say_what_rests(protect_at: Protect) -> None:
    bob = protect_at()
    bob.buy("0.02")
    browser, here = Client(), reverse("trading:copy_settings", args=[bob.follow.pk])
    browser.force_login(bob.follow.follower)
    page = browser.get(here)
    assert page.context["stops"][0]["order"] == bob.stops()[0]
    card, words = reverse("portfolios:follow", args=[bob.book.pk]), "Each position has a stop at Venue itself, 10.00%"
    assert words in browser.get(card).content.decode()
    with bob.working():
        assert browser.post(here, {"form": "protection", "protective_stop": ""}).status_code == 302
    bob.work()
    assert (bob.resting(), FollowProtection.objects.count()) == ([], 0)
    assert words not in browser.get(card).content.decode()
