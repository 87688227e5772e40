"""The trading API, asked by alice who leads, bob who follows, charlie, an operator and nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from common.ids import new_id
from markets.models import Instrument
from markets.services import retire_instrument
from portfolios.services.states import freeze_portfolios
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import Pit
from trading.models import Fill, Follow, FollowState, Order, OrderState, SafetyLevel, SafetySwitch, Side
from trading.services.follows import pause_follow
from trading.services.safety import halt_platform

ORDERS = "/api/v1/orders/"
FILLS = "/api/v1/fills/"
FOLLOWS = "/api/v1/follows/"
SAFETY = "/api/v1/safety/"


def _as(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def _wanted(pit: Pit, **change: Any) -> dict[str, Any]:
    """Return a purchase of one coin in alice's book."""
    facts = {"portfolio": str(pit.lead.pk), "instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1"}
    return facts | change


@pytest.fixture
def follow(pit: Pit, bob: User) -> Follow:
    return pit.follow(bob)


# --- placing orders -------------------------------------------------------------------------------------------------
def test_an_order_is_placed_by_hand_and_filled_after_the_commit(pit: Pit) -> None:
    api = _as(pit.alice)
    with pit.working():
        answer = api.post(ORDERS, _wanted(pit, quantity="1.500", key="mine"), format="json")
    assert answer.status_code == 201
    order = Order.objects.get()
    assert answer.json() == {
        "id": str(order.pk),
        "portfolio": str(pit.lead.pk),
        "follow": None,
        "plan": None,
        "instrument": str(pit.instrument.pk),
        "symbol": "BTC-USDT",
        "side": "BUY",
        "leg": "OPEN",
        "state": "PENDING",
        "code": "",
        "reason": "",
        "cause": "HAND",
        "kind": "MARKET",
        "time_in_force": "GTC",
        "reduce_only": False,
        "post_only": False,
        "group_role": "",
        "waits_at": "",
        "cancel_code": "",
        "replaces": None,
        **dict.fromkeys(("expires_at", "triggered_at", "arrives_at", "group", "trail_amount", "trail_bps")),
        **dict.fromkeys(f"{name}_price" for name in ("limit", "trigger", "activation", "peak", "stop", "target")),
        "requested_quantity": "1.5",
        "quantity": "0",
        "filled_quantity": "0",
        "average_price": "0",
        "fee": "0",
        "client_order_id": order.client_order_id,
        "created_at": "2026-03-02T12:00:00Z",
        "recorded_at": answer.json()["recorded_at"],
    }
    shown = api.get(f"{ORDERS}{order.pk}/").json()
    assert (shown["state"], shown["filled_quantity"], shown["average_price"]) == ("FILLED", "1.5", "100")
    assert (pit.held(pit.lead), pit.cash(pit.lead)) == ("1.5", "9850")


def test_an_order_sent_twice_is_one_order(pit: Pit) -> None:
    api = _as(pit.alice)
    with pit.working():
        first = api.post(ORDERS, _wanted(pit, key="once"), format="json")
    with pit.working():
        second = api.post(ORDERS, _wanted(pit, key="once"), format="json")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["state"] == "FILLED"
    assert (Order.objects.count(), Fill.objects.count(), pit.held(pit.lead)) == (1, 1, "1")
    assert AuditEntry.objects.filter(action="order.placed").count() == 1


@pytest.mark.parametrize("change", [{"quantity": "2"}, {"side": "SELL"}, {"other": True}])
def test_a_key_names_one_order_whatever_else_is_asked(pit: Pit, unchanged: Unchanged, change: dict[str, Any]) -> None:
    api = _as(pit.alice)
    other = pit.desk.instrument("ETH")
    pit.price(10, other)
    with pit.working():
        api.post(ORDERS, _wanted(pit, key="once"), format="json")
    if change.pop("other", False):
        change["instrument"] = str(other.pk)
    with unchanged(), pit.working():
        answer = api.post(ORDERS, _wanted(pit, key="once", **change), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "KEY_REUSED")


def test_orders_without_a_key_are_orders_of_their_own(pit: Pit) -> None:
    for _ in range(2):
        with pit.working():
            assert _as(pit.alice).post(ORDERS, _wanted(pit), format="json").status_code == 201
    assert (Order.objects.count(), pit.held(pit.lead)) == (2, "2")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"quantity": "0"}, 400, "QUANTITY_INVALID"),
        ({"quantity": "-1"}, 400, "QUANTITY_INVALID"),
        ({"quantity": "1e13"}, 400, "QUANTITY_INVALID"),
        ({"quantity": "1e999999"}, 400, "QUANTITY_INVALID"),
        ({"quantity": "NaN"}, 400, "INVALID_INPUT"),
        ({"quantity": "Infinity"}, 400, "INVALID_INPUT"),
        ({"quantity": "a lot"}, 400, "INVALID_INPUT"),
        ({"quantity": None}, 400, "INVALID_INPUT"),
        ({"quantity": "1.0001"}, 400, "QUANTITY_OFF_STEP"),
        ({"quantity": "100.001"}, 409, "INSUFFICIENT_BALANCE"),
        ({"quantity": "0.049"}, 409, "NOTIONAL_BELOW_MINIMUM"),
        ({"side": "SELL"}, 409, "NOTHING_TO_CLOSE"),
        ({"side": "HOLD"}, 400, "INVALID_INPUT"),
        ({"instrument": "BTC"}, 400, "INVALID_INPUT"),
        ({"instrument": str(new_id())}, 404, "NOT_FOUND"),
        ({"portfolio": str(new_id())}, 404, "NOT_FOUND"),
        ({"key": "x" * 65}, 400, "INVALID_INPUT"),
        ({"key": "a\0b"}, 400, "INVALID_INPUT"),
    ],
)
def test_an_order_that_cannot_be_is_refused(
    pit: Pit, unchanged: Unchanged, change: dict[str, Any], status: int, code: str
) -> None:
    with unchanged(), pit.working():
        answer = _as(pit.alice).post(ORDERS, _wanted(pit, **change), format="json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code


def test_more_than_is_held_cannot_be_sold(pit: Pit, unchanged: Unchanged) -> None:
    pit.buy(1)
    with unchanged(), pit.working():
        answer = _as(pit.alice).post(ORDERS, _wanted(pit, side="SELL", quantity="1.001"), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "QUANTITY_ABOVE_POSITION")
    assert answer.json()["context"]["held"].rstrip("0").rstrip(".") == "1"


def test_what_cannot_be_traded_now_is_refused(pit: Pit, operator: User, unchanged: Unchanged) -> None:
    api = _as(pit.alice)

    def refused(instrument: Instrument = pit.instrument) -> str:
        with unchanged(), pit.working():
            answer = api.post(ORDERS, _wanted(pit, instrument=str(instrument.pk)), format="json")
        assert answer.status_code in {400, 409}
        return str(answer.json()["code"])

    elsewhere = Desk().instrument()
    assert refused(elsewhere) == "INSTRUMENT_NOT_ON_PORTFOLIO"
    assert refused(pit.desk.instrument("ETH")) == "PRICE_UNKNOWN"
    pit.desk.step({}, at=NOON + timedelta(seconds=61))
    assert refused() == "EQUITY_STALE"
    pit.price(100)
    halt_platform(actor=operator, reason="a drill")
    assert refused() == "TRADING_HALTED"
    SafetySwitch.objects.all().delete()
    freeze_portfolios(portfolio_ids=[pit.lead.pk])
    assert refused() == "PORTFOLIO_NOT_OPEN"
    retire_instrument(instrument=pit.instrument)
    pit.lead.state = "OPEN"
    pit.lead.save()
    assert refused() == "INSTRUMENT_NOT_TRADABLE"


def test_a_follows_portfolio_is_not_traded_by_hand(pit: Pit, follow: Follow, unchanged: Unchanged) -> None:
    with unchanged(), pit.working():
        answer = _as(follow.follower).post(ORDERS, _wanted(pit, portfolio=str(follow.portfolio_id)), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "PORTFOLIO_IS_FOLLOWING")


# --- orders and fills -----------------------------------------------------------------------------------------------
def test_a_copy_names_its_follow_and_says_why_it_differs(pit: Pit, follow: Follow) -> None:
    pause_follow(actor=follow.follower, follow=follow)
    pit.buy(20)
    [order] = _as(follow.follower).get(ORDERS).json()["results"]
    assert (order["follow"], order["cause"], order["state"]) == (str(follow.pk), "LEAD_EVENT", "DENIED")
    assert order["code"] == "FOLLOW_PAUSED"
    assert order["reason"] == "Skipped: the follow is paused, and a pause opens nothing."


def test_orders_are_listed_newest_first_by_portfolio_and_state(pit: Pit, bob: User) -> None:
    first, second = pit.buy(1), pit.sell(1)
    other = pit.portfolio(pit.alice, 100, "Other")
    third = pit.buy("0.5", other)
    pit.buy(1, pit.portfolio(bob, 500, "Bob's"))
    api = _as(pit.alice)

    def listed(**query: Any) -> list[str]:
        return [order["id"] for order in api.get(ORDERS, query).json()["results"]]

    assert listed() == [str(one.pk) for one in (third, second, first)]
    assert listed(portfolio=pit.lead.pk) == [str(second.pk), str(first.pk)]
    assert listed(portfolio=other.pk, state="FILLED") == [str(third.pk)]
    assert listed(state="DENIED") == []
    page = api.get(ORDERS, {"page_size": 2}).json()
    assert [order["id"] for order in api.get(page["next"]).json()["results"]] == [str(first.pk)]
    refused = api.get(ORDERS, {"state": "GONE"})
    assert (refused.status_code, list(refused.json()["context"]["fields"])) == (400, ["state"])


def test_fills_are_listed_newest_first_with_their_numbers(pit: Pit) -> None:
    pit.buy(1)
    pit.price(110)
    order = pit.sell("0.25")
    newest, oldest = _as(pit.alice).get(FILLS, {"portfolio": str(pit.lead.pk)}).json()["results"]
    fill = Fill.objects.get(order=order)
    assert newest == {
        "id": str(fill.pk),
        "portfolio": str(pit.lead.pk),
        "order": str(order.pk),
        "number": 2,
        "instrument": str(pit.instrument.pk),
        "symbol": "BTC-USDT",
        "side": "SELL",
        "quantity": "0.25",
        "price": "110",
        "fee": "0",
        "happened_at": "2026-03-02T12:00:00Z",
        "recorded_at": newest["recorded_at"],
    }
    assert (oldest["number"], oldest["price"]) == (1, "100")
    assert _as(pit.alice).get(f"{FILLS}{fill.pk}/").json() == newest


@pytest.mark.parametrize("address", [ORDERS, FILLS])
def test_a_list_costs_the_same_however_long_it_is(pit: Pit, address: str, django_assert_num_queries: Any) -> None:
    api = _as(pit.alice)
    pit.buy(1)
    api.get(address)  # what the plan allows a minute is asked once, and known for the next
    with CaptureQueriesContext(connection) as short:
        api.get(address)
    for _ in range(3):
        pit.buy(1)
    with django_assert_num_queries(len(short)):
        assert len(api.get(address).json()["results"]) == 4


# --- follows --------------------------------------------------------------------------------------------------------
def test_a_follow_is_shown_to_who_follows(pit: Pit, follow: Follow) -> None:
    api = _as(follow.follower)
    shown = {
        "id": str(follow.pk),
        "lead": str(pit.lead.pk),
        "lead_name": "Lead",
        "portfolio": str(follow.portfolio_id),
        "state": "ACTIVE",
        "state_code": "",
        "stop_mode": "",
        "exits_until": None,
        "multiplier": "1",
        "accepted_terms": None,
        "accepted_at": None,
        "started_at": "2026-03-02T12:00:00Z",
        "stopped_at": None,
    }
    assert api.get(f"{FOLLOWS}{follow.pk}/").json() == shown
    assert api.get(FOLLOWS).json()["results"] == [shown]
    assert api.get(FOLLOWS, {"state": "ACTIVE"}).json()["results"] == [shown]
    assert api.get(FOLLOWS, {"state": "STOPPED"}).json()["results"] == []
    assert api.get(FOLLOWS, {"state": "?"}).status_code == 400


def test_a_follow_is_paused_resumed_and_stopped(pit: Pit, follow: Follow) -> None:
    api = _as(follow.follower)
    pit.buy(20)
    assert pit.held(follow) == "2"
    assert api.post(f"{FOLLOWS}{follow.pk}/pause/").json()["state"] == "PAUSED"
    assert api.post(f"{FOLLOWS}{follow.pk}/resume/").json()["state"] == "ACTIVE"
    with pit.working():
        stopping = api.post(f"{FOLLOWS}{follow.pk}/stop/", {"mode": "CLOSE_NOW"}, format="json").json()
    assert (stopping["state"], stopping["stop_mode"]) == ("STOPPING", "CLOSE_NOW")
    assert (pit.held(follow), pit.cash(follow)) == ("0", "1000")
    assert api.get(f"{FOLLOWS}{follow.pk}/").json()["state"] == "STOPPED"


def test_a_stop_that_keeps_ends_at_once(pit: Pit, follow: Follow) -> None:
    pit.buy(20)
    stopped = _as(follow.follower).post(f"{FOLLOWS}{follow.pk}/stop/", {"mode": "KEEP"}, format="json").json()
    assert (stopped["state"], pit.held(follow)) == ("STOPPED", "2")
    pit.buy(20)
    assert pit.held(follow) == "2"


def test_a_follow_moves_only_where_it_can(follow: Follow, unchanged: Unchanged) -> None:
    api = _as(follow.follower)
    with unchanged():
        assert api.post(f"{FOLLOWS}{follow.pk}/stop/", {"mode": "GENTLY"}, format="json").status_code == 400
        assert api.post(f"{FOLLOWS}{follow.pk}/stop/", {}, format="json").status_code == 400
        resumed = api.post(f"{FOLLOWS}{follow.pk}/resume/")
    assert (resumed.status_code, resumed.json()["code"]) == (409, "FOLLOW_STATE")
    assert api.post(f"{FOLLOWS}{follow.pk}/stop/", {"mode": "KEEP"}, format="json").status_code == 200
    with unchanged():
        again = api.post(f"{FOLLOWS}{follow.pk}/stop/", {"mode": "KEEP"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "FOLLOW_STATE")
    assert Follow.objects.get().state == FollowState.STOPPED


# --- whose it is ----------------------------------------------------------------------------------------------------
def test_another_persons_orders_and_fills_are_not_there(
    pit: Pit, follow: Follow, charlie: User, unchanged: Unchanged
) -> None:
    pit.buy(20)
    order, fill = Order.objects.get(portfolio=pit.lead), Fill.objects.get(portfolio=pit.lead)
    for asker in (follow.follower, charlie):
        api = _as(asker)
        with unchanged(), pit.working():
            answers = [
                api.get(f"{ORDERS}{order.pk}/"),
                api.get(f"{FILLS}{fill.pk}/"),
                api.get(ORDERS, {"portfolio": str(pit.lead.pk)}),
                api.get(FILLS, {"portfolio": str(pit.lead.pk)}),
                api.get(FILLS, {"portfolio": "no id"}),
                api.post(ORDERS, _wanted(pit), format="json"),
            ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "NOT_FOUND")] * 6
    assert _as(charlie).get(ORDERS).json()["results"] == _as(charlie).get(FILLS).json()["results"] == []


def test_a_follow_is_neither_its_leads_nor_a_strangers(
    pit: Pit, follow: Follow, charlie: User, unchanged: Unchanged
) -> None:
    for asker in (pit.alice, charlie):
        api = _as(asker)
        with unchanged():
            answers = [api.get(f"{FOLLOWS}{follow.pk}/")]
            answers += [api.post(f"{FOLLOWS}{follow.pk}/{act}/") for act in ("pause", "resume")]
            answers.append(api.post(f"{FOLLOWS}{follow.pk}/stop/", {"mode": "KEEP"}, format="json"))
        assert [answer.status_code for answer in answers] == [404] * 4
        assert api.get(FOLLOWS).json()["results"] == []


def test_nobody_gets_in(pit: Pit, follow: Follow, unchanged: Unchanged) -> None:
    order = pit.buy(1)
    fill = Fill.objects.get(order=order)
    nobody = APIClient()
    with unchanged():
        answers = [nobody.get(address) for address in (ORDERS, FILLS, FOLLOWS, SAFETY)]
        answers += [nobody.get(f"{ORDERS}{order.pk}/"), nobody.get(f"{FILLS}{fill.pk}/")]
        answers.append(nobody.post(ORDERS, _wanted(pit), format="json"))
        answers += [nobody.post(f"{FOLLOWS}{follow.pk}/{act}/") for act in ("pause", "resume", "stop")]
        answers.append(nobody.put(SAFETY, {"level": "HALTED"}, format="json"))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "NOT_AUTHENTICATED")}


# --- safety ---------------------------------------------------------------------------------------------------------
def test_an_operator_halts_and_resumes_all_trading(pit: Pit, operator: User) -> None:
    api = _as(operator)
    assert api.get(SAFETY).json() == {"level": "ACTIVE", "reason": "", "set_at": None}
    with pit.working():
        waiting = pit.place(Side.BUY, 1)
        halted = api.put(SAFETY, {"level": "HALTED", "reason": "a drill"}, format="json")
    assert (halted.status_code, halted.json()["level"], halted.json()["reason"]) == (200, "HALTED", "a drill")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.code) == (OrderState.CANCELED, "TRADING_HALTED")
    assert _as(pit.alice).get(SAFETY).json() == halted.json()
    resumed = api.put(SAFETY, {"level": "ACTIVE"}, format="json")
    assert (resumed.json()["level"], resumed.json()["reason"]) == ("ACTIVE", "")
    assert pit.buy(1).state == OrderState.FILLED
    acts = AuditEntry.objects.filter(action="safety.set").order_by("pk")
    assert [(act.actor, act.after) for act in acts] == [
        (operator, {"level": "HALTED", "reason": "a drill"}),
        (operator, {"level": "ACTIVE", "reason": ""}),
    ]


def test_only_operators_turn_the_switch(pit: Pit, unchanged: Unchanged) -> None:
    with unchanged():
        answer = _as(pit.alice).put(SAFETY, {"level": "HALTED", "reason": "mine"}, format="json")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Only an operator may halt or resume trading."


@pytest.mark.parametrize("wanted", [{}, {"level": "OFF"}, {"level": "HALTED", "reason": "x" * 201}])
def test_a_level_that_is_none_changes_nothing(operator: User, unchanged: Unchanged, wanted: dict[str, str]) -> None:
    with unchanged():
        answer = _as(operator).put(SAFETY, wanted, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert not SafetySwitch.objects.exclude(level=SafetyLevel.ACTIVE).exists()
