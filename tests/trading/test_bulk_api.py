"""Many orders at once through the API: answered one by one, once per key, and on demand all or none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import AuditEntry, User
from portfolios.models import Balance
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit, failed_checks, plain
from tests.fixtures_waiting import Waiting
from tests.fixtures_waiting_on_margin import Perpetual
from tests.trading.test_api_orders import post, program
from trading.kinds import OrderKind
from trading.models import Order, OrderState, Side
from trading.risk.models import RiskDecision
from trading.risk.services.profiles import set_limits


def path(pit: Pit) -> str:
    return f"/api/v1/portfolios/{pit.lead.pk}/orders/bulk/"


def one(pit: Pit, key: str, **change: Any) -> dict[str, Any]:
    return {"key": key, "instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1"} | change


def batch(pit: Pit) -> list[dict[str, Any]]:
    """Return two orders that pass, and between them two that do not."""
    return [
        one(pit, "a"),
        one(pit, "b", quantity="0.0005"),
        one(pit, "c", instrument=str(pit.lead.pk)),
        one(pit, "d", kind="LIMIT", limit_price="90"),
    ]


def test_each_order_is_answered_for_itself_and_in_order(pit: Pit) -> None:
    answer = post(pit, path(pit), {"orders": batch(pit)})
    assert answer.status_code == 200
    told = [(row["key"], row["status"], (row["problem"] or {}).get("code")) for row in answer.json()]
    assert told == [("a", 201, None), ("b", 400, "QUANTITY_OFF_STEP"), ("c", 404, "NOT_FOUND"), ("d", 201, None)]
    assert [row["order"] and row["order"]["kind"] for row in answer.json()] == ["MARKET", None, None, "LIMIT"]
    states = list(Order.objects.order_by("pk").values_list("cause_id", "state"))
    assert states == [("a", OrderState.FILLED), ("d", OrderState.OPEN)]
    assert AuditEntry.objects.filter(action="order.placed").count() == 2
    assert failed_checks() == {}


def test_the_same_batch_again_makes_no_second_order(pit: Pit) -> None:
    first, second = (post(pit, path(pit), {"orders": batch(pit)}).json() for _ in range(2))
    assert [row["order"] and row["order"]["id"] for row in first] == [
        row["order"] and row["order"]["id"] for row in second
    ]
    assert Order.objects.count() == 2
    [changed] = post(pit, path(pit), {"orders": [one(pit, "a", quantity="2")]}).json()
    assert (changed["status"], changed["problem"]["code"], Order.objects.count()) == (409, "KEY_REUSED", 2)


def test_all_or_none_leaves_nothing_of_a_batch_with_a_refusal(pit: Pit, unchanged: Unchanged) -> None:
    with unchanged():
        answer = post(pit, path(pit), {"orders": batch(pit), "atomic": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "BULK_REFUSED")
    codes = [row["problem"]["code"] for row in answer.json()["context"]["results"]]
    assert codes == ["NOT_PLACED_WITH_OTHERS", "QUANTITY_OFF_STEP", "NOT_FOUND", "NOT_PLACED_WITH_OTHERS"]
    whole = [one(pit, "a"), one(pit, "d", kind="LIMIT", limit_price="90")]
    assert post(pit, path(pit), {"orders": whole, "atomic": True}).status_code == 200
    assert Order.objects.count() == 2


def test_each_is_judged_as_if_those_before_it_were_placed(waiting: Waiting) -> None:
    pit = waiting.pit
    orders = [one(pit, key, quantity="60", kind="LIMIT", limit_price="90") for key in "ab"]
    first, second = post(pit, path(pit), {"orders": orders}).json()
    assert (first["status"], second["problem"]["code"]) == (201, "INSUFFICIENT_BALANCE")
    assert Decimal(second["problem"]["context"]["free"]) == Decimal(10_000 - 60 * 90)
    assert plain(Balance.objects.get(portfolio=pit.lead, asset="USDT").reserved) == "5400"


@pytest.mark.parametrize("atomic", [False, True])
def test_limits_count_the_batch_and_log_what_they_refuse(pit: Pit, atomic: bool) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_orders_per_day": "2"})
    post(pit, path(pit), {"orders": [one(pit, key) for key in "abc"], "atomic": atomic})
    assert Order.objects.count() == (0 if atomic else 2)
    assert [(row.code, row.order) for row in RiskDecision.objects.all()] == [("TOO_MANY_ORDERS_A_DAY", None)]


@pytest.mark.parametrize(
    ("count", "change", "code"),
    [(0, {}, "INVALID_INPUT"), (51, {}, "INVALID_INPUT"), (2, {"key": "same"}, "KEYS_NOT_UNIQUE")],
)
def test_a_batch_that_is_none_is_refused_whole(
    pit: Pit, unchanged: Unchanged, count: int, change: dict[str, str], code: str
) -> None:
    orders = [one(pit, f"k{number}") | change for number in range(count)]
    with unchanged():
        answer = post(pit, path(pit), {"orders": orders})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_fifty_are_placed_at_once(pit: Pit) -> None:
    orders = [one(pit, f"k{number}", quantity="0.1", kind="LIMIT", limit_price="90") for number in range(50)]
    assert {row["status"] for row in post(pit, path(pit), {"orders": orders}).json()} == {201}
    assert Order.objects.filter(state=OrderState.OPEN).count() == 50
    assert failed_checks() == {}


def test_a_stranger_places_nothing(pit: Pit, bob: User, unchanged: Unchanged) -> None:
    with unchanged():
        for user, status in ((bob, 404), (None, 401)):
            assert program(user).post(path(pit), {"orders": [one(pit, "a")]}, format="json").status_code == status


# --- entries, and lists that are narrowed ---------------------------------------------------------------------------
def test_an_orders_entries_are_its_holds_and_its_fills(waiting: Waiting, bob: User) -> None:
    pit = waiting.pit
    order = waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="95")
    pit.buy(1)
    waiting.price(95)
    where = f"/api/v1/orders/{order.pk}/entries/"
    rows = program(pit.alice).get(where).json()["results"]
    held = [(row["kind"], row["account"], row["amount"]) for row in rows if row["asset"] == "USDT"]
    assert sorted(held) == [
        ("FILL", "HOLDINGS", "-95"),
        ("FILL", "MARKET", "95"),
        ("HOLD", "HELD", "-95"),
        ("HOLD", "HELD", "95"),
        ("HOLD", "HOLDINGS", "-95"),
        ("HOLD", "HOLDINGS", "95"),
    ]
    assert (program(bob).get(where).status_code, program(None).get(where).status_code) == (404, 401)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("side=SELL", 1),
        ("kind=LIMIT", 1),
        ("kind=LIMIT&side=BUY&state=OPEN", 1),
        ("cause=RUN", 0),
        ("cause=HAND", 3),
        ("since=2027-01-01T00:00:00Z", 0),
        ("until=2027-01-01T00:00:00Z", 3),
    ],
)
def test_orders_are_narrowed(waiting: Waiting, asked: str, count: int) -> None:
    waiting.pit.buy(2)
    waiting.pit.sell(1)
    waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="95")
    assert len(program(waiting.pit.alice).get(f"/api/v1/orders/?{asked}").json()["results"]) == count


def test_fills_and_orders_are_narrowed_by_instrument_and_order(pit: Pit) -> None:
    bought, _ = pit.buy(2), pit.sell(1)
    client, ether = program(pit.alice), pit.desk.instrument("ETH")
    for name in ("orders", "fills"):
        paths = [f"/api/v1/{name}/?instrument={one.pk}" for one in (pit.instrument, ether)]
        counts = [len(client.get(one).json()["results"]) for one in paths]
        assert counts == [2, 0]
    [fill] = client.get(f"/api/v1/fills/?order={bought.pk}").json()["results"]
    assert (fill["order"], fill["side"]) == (str(bought.pk), "BUY")


@pytest.mark.parametrize("asked", ["side=UP", "kind=WISH", "cause=ME", "instrument=x", "since=yesterday", "until=x"])
def test_what_a_list_cannot_be_narrowed_by_is_said(pit: Pit, asked: str) -> None:
    answer = program(pit.alice).get(f"/api/v1/orders/?{asked}")
    assert (answer.status_code, list(answer.json()["context"]["fields"])) == (400, [asked.partition("=")[0]])


def test_what_closes_and_opens_is_to_be_placed_by_itself(perpetual: Perpetual) -> None:
    pit = perpetual.pit
    pit.buy(1)
    answer = post(pit, path(pit), {"orders": [one(pit, "a", side="SELL", quantity="3"), one(pit, "b")]})
    told = [(row["key"], row["status"], (row["problem"] or {}).get("code")) for row in answer.json()]
    assert told == [("a", 409, "REVERSAL_NOT_IN_BATCH"), ("b", 201, None)]
    assert plain(perpetual.position().quantity) == "2"
