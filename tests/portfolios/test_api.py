"""The portfolios API, asked by alice, bob, charlie and nobody; exact amounts as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from common.ids import new_id
from markets.models import Instrument, SourceKind
from portfolios.models import Balance, Portfolio
from portfolios.services.equity import take_snapshots
from portfolios.services.states import freeze_portfolios
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON, Desk, Working
from trading.models import Side
from trading.services.orders import place_hand_order

LIST = "/api/v1/portfolios/"


def _as(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def _to(name: str, portfolio: Portfolio) -> str:
    return reverse(f"portfolios_api:{name}", args=[portfolio.pk])


def _cash(portfolio: Portfolio) -> Decimal:
    amount: Decimal = Balance.objects.get(portfolio=portfolio, asset=portfolio.settlement_id).amount
    return amount


@pytest.fixture
def bitcoin(desk: Desk) -> Instrument:
    found = desk.instrument()
    desk.step({found: 100})
    return found


@pytest.fixture
def main(desk: Desk, alice: User, bitcoin: Instrument) -> Portfolio:
    return desk.portfolio(alice, 10_000)


@pytest.fixture
def holding(main: Portfolio, bitcoin: Instrument, working: Working) -> Portfolio:
    """Alice's book after a purchase of one coin: it met 100.02, with a fee of 0.10002."""
    with working():
        place_hand_order(actor=main.owner, portfolio=main, instrument=bitcoin, side=Side.BUY, quantity=Decimal(1))
    return main


# --- opening and reading --------------------------------------------------------------------------------------------
def test_a_portfolio_is_opened_funded_and_shown_exactly(alice: User, bitcoin: Instrument) -> None:
    desk = bitcoin.exchange
    wanted = {"name": " Main ", "exchange": desk.code, "settlement": "USDT", "amount": "999999999.12345678"}
    answer = _as(alice).post(LIST, wanted, format="json")
    assert answer.status_code == 201
    portfolio = Portfolio.objects.get()
    assert answer.json() == {
        "id": str(portfolio.pk),
        "name": "Main",
        "kind": "PAPER",
        "namespace": desk.namespace,
        "settlement": "USDT",
        "state": "OPEN",
        "is_restricted": False,
        "cash_is_locked": False,
        "account": None,
        "is_live_trading_on": False,
        "slippage_bps": "2",
        "costs": "fees of the venue · slippage 2 bps · no latency",
        "opened_at": "2026-03-02T12:00:00Z",
        "net_deposits": "999999999.12345678",
        "worth": {
            "equity": "999999999.12345678",
            "cash": "999999999.12345678",
            "reserved": "0",
            "free": "999999999.12345678",
            "exposure": "0",
            "realized_pnl": "0",
            "unrealized_pnl": "0",
            "fees_paid": "0",
            "funding_paid": "0",
            "profit": "0",
            "is_stale": False,
        },
    }
    assert (portfolio.owner, _cash(portfolio)) == (alice, Decimal("999999999.12345678"))


def test_a_simulated_market_makes_a_simulated_portfolio(alice: User) -> None:
    desk = Desk(SourceKind.SIMULATED)
    desk.instrument()
    wanted = {"name": "Toy", "exchange": desk.exchange.code, "settlement": "USDT", "amount": "0"}
    answer = _as(alice).post(LIST, wanted, format="json").json()
    assert (answer["kind"], answer["worth"]["equity"]) == ("SIMULATED", "0")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": "-1"}, "AMOUNT_NOT_POSITIVE"),
        ({"amount": "1000000000.01"}, "AMOUNT_TOO_LARGE"),
        ({"amount": "1e400"}, "AMOUNT_TOO_LARGE"),
        ({"amount": "0.000000001"}, "AMOUNT_TOO_FINE"),
        ({"amount": "NaN"}, "INVALID_INPUT"),
        ({"amount": "Infinity"}, "INVALID_INPUT"),
        ({"amount": "ten"}, "INVALID_INPUT"),
        ({"amount": None}, "INVALID_INPUT"),
        ({"name": " "}, "INVALID_INPUT"),
        ({"name": "x" * 81}, "INVALID_INPUT"),
        ({"name": "Main"}, "NAME_TAKEN"),
        ({"settlement": "BTC"}, "MARKET_UNKNOWN"),
        ({"exchange": "nowhere"}, "MARKET_UNKNOWN"),
    ],
)
def test_a_portfolio_that_cannot_be_opened_is_refused(
    main: Portfolio, desk: Desk, unchanged: Unchanged, change: dict[str, Any], code: str
) -> None:
    wanted = {"name": "New", "exchange": desk.exchange.code, "settlement": "USDT", "amount": "10", **change}
    with unchanged():
        answer = _as(main.owner).post(LIST, wanted, format="json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == code


def test_a_plan_limits_how_many_are_opened(alice: User, desk: Desk, bitcoin: Instrument, unchanged: Unchanged) -> None:
    for number in range(20):
        desk.portfolio(alice, 0, f"No. {number}")
    wanted = {"name": "One more", "exchange": desk.exchange.code, "settlement": "USDT", "amount": "10"}
    with unchanged():
        answer = _as(alice).post(LIST, wanted, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "LIMIT_REACHED")


def test_everybody_lists_their_own_newest_first(desk: Desk, main: Portfolio, bob: User) -> None:
    second = desk.portfolio(main.owner, 5, "Second")
    desk.portfolio(bob, 7, "Bob's")
    listed = _as(main.owner).get(LIST).json()["results"]
    assert [one["id"] for one in listed] == [str(second.pk), str(main.pk)]
    assert [one["worth"]["equity"] for one in listed] == ["5", "10000"]
    assert [one["name"] for one in _as(bob).get(LIST).json()["results"]] == ["Bob's"]


def test_a_list_costs_the_same_however_long_it_is(
    desk: Desk, holding: Portfolio, bitcoin: Instrument, working: Working, django_assert_num_queries: Any
) -> None:
    api = _as(holding.owner)
    api.get(LIST)  # what the plan allows a minute is asked once, and known for the next
    with CaptureQueriesContext(connection) as short:
        api.get(LIST)
    for number in range(3):
        more = desk.portfolio(holding.owner, 1_000, f"No. {number}")
        with working():
            place_hand_order(actor=more.owner, portfolio=more, instrument=bitcoin, side=Side.BUY, quantity=Decimal(1))
    with django_assert_num_queries(len(short)):
        assert len(api.get(LIST).json()["results"]) == 4


def test_what_is_held_is_shown_at_the_newest_price(desk: Desk, holding: Portfolio, bitcoin: Instrument) -> None:
    desk.step({bitcoin: 110})
    worth = _as(holding.owner).get(_to("portfolio", holding)).json()["worth"]
    assert worth == {
        "equity": "10009.87998",
        "cash": "9899.87998",
        "reserved": "0",
        "free": "9899.87998",
        "exposure": "110",
        "realized_pnl": "0",
        "unrealized_pnl": "9.98",
        "fees_paid": "0.10002",
        "funding_paid": "0",
        "profit": "9.87998",
        "is_stale": False,
    }
    assert _as(holding.owner).get(_to("positions", holding)).json()["results"] == [
        {
            "instrument": str(bitcoin.pk),
            "symbol": "BTC-USDT",
            "quantity": "1",
            "average_price": "100.02",
            "price": "110",
            "value": "110",
            "unrealized_pnl": "9.98",
            "realized_pnl": "0",
            "fees_paid": "0.10002",
            "side": "",
            "margin_mode": "",
            "leverage": 1,
            "margin": "0",
            "liquidation_price": None,
            "funding_paid": "0",
        }
    ]


def test_a_position_that_was_closed_keeps_what_it_earned(
    holding: Portfolio, bitcoin: Instrument, working: Working
) -> None:
    with working():
        place_hand_order(
            actor=holding.owner, portfolio=holding, instrument=bitcoin, side=Side.SELL, quantity=Decimal(1)
        )
    [position] = _as(holding.owner).get(_to("positions", holding)).json()["results"]
    assert (position["quantity"], position["average_price"], position["value"]) == ("0", None, "0")
    assert (position["realized_pnl"], position["fees_paid"]) == ("-0.04", "0.2")


# --- money ----------------------------------------------------------------------------------------------------------
def test_money_is_paid_in_and_taken_out(main: Portfolio) -> None:
    api = _as(main.owner)
    paid = api.post(_to("deposit", main), {"amount": "0.12345678"}, format="json")
    assert (paid.status_code, paid.json()["net_deposits"]) == (200, "10000.12345678")
    taken = api.post(_to("withdraw", main), {"amount": "10000.12345678"}, format="json")
    assert taken.json()["worth"]["equity"] == taken.json()["net_deposits"] == "0"
    assert _cash(main) == 0
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "portfolio.opened",
        "portfolio.deposit",
        "portfolio.withdrawal",
    ]


@pytest.mark.parametrize("way", ["deposit", "withdraw"])
def test_a_request_that_is_repeated_under_its_key_moves_money_once(main: Portfolio, way: str) -> None:
    api, before = _as(main.owner), _cash(main)
    answers = [api.post(_to(way, main), {"amount": "10", "key": "mine"}, format="json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert abs(_cash(main) - before) == 10
    other = api.post(_to(way, main), {"amount": "11", "key": "mine"}, format="json")
    assert (other.status_code, other.json()["code"]) == (409, "KEY_REUSED")
    assert abs(_cash(main) - before) == 10


def test_money_moves_between_ones_own(desk: Desk, main: Portfolio) -> None:
    target = desk.portfolio(main.owner, 1, "Target")
    answer = _as(main.owner).post(_to("transfer", main), {"target": str(target.pk), "amount": "2.5"}, format="json")
    assert answer.status_code == 200
    assert (_cash(main), _cash(target)) == (Decimal("9997.5"), Decimal("3.5"))
    booking = answer.json()["booking_id"]
    assert {line.portfolio_id for line in main.ledger.filter(booking_id=booking)} == {main.pk}
    assert [line.amount for line in target.ledger.filter(booking_id=booking, account="HOLDINGS")] == [Decimal("2.5")]


BAD_AMOUNTS: list[tuple[Any, str]] = [
    ("-1", "AMOUNT_NOT_POSITIVE"),
    ("0", "AMOUNT_NOT_POSITIVE"),
    ("1e30", "AMOUNT_TOO_LARGE"),
    ("0.000000001", "AMOUNT_TOO_FINE"),
    ("1e-400", "AMOUNT_TOO_FINE"),
    ("NaN", "INVALID_INPUT"),
    ("sNaN", "INVALID_INPUT"),
    ("-Infinity", "INVALID_INPUT"),
    ("1,5", "INVALID_INPUT"),
    ("", "INVALID_INPUT"),
    (None, "INVALID_INPUT"),
    ([], "INVALID_INPUT"),
    (True, "INVALID_INPUT"),
]


@pytest.mark.parametrize(("amount", "code"), BAD_AMOUNTS)
@pytest.mark.parametrize("way", ["deposit", "withdraw", "transfer"])
def test_an_amount_that_is_none_is_refused(
    desk: Desk, main: Portfolio, unchanged: Unchanged, way: str, amount: Any, code: str
) -> None:
    target = desk.portfolio(main.owner, 1, "Target")
    with unchanged():
        answer = _as(main.owner).post(_to(way, main), {"amount": amount, "target": str(target.pk)}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("way", ["withdraw", "transfer"])
def test_no_more_goes_out_than_is_free(desk: Desk, main: Portfolio, unchanged: Unchanged, way: str) -> None:
    target = desk.portfolio(main.owner, 1, "Target")
    wanted = {"amount": "10000.00000001", "target": str(target.pk)}
    with unchanged():
        answer = _as(main.owner).post(_to(way, main), wanted, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "INSUFFICIENT_BALANCE")
    assert answer.json()["detail"] == "Only 10000 USDT is free; enter that much or less."


def test_money_moves_neither_to_others_nor_to_other_markets(
    desk: Desk, main: Portfolio, bob: User, unchanged: Unchanged
) -> None:
    foreign, elsewhere = desk.portfolio(bob, 1), Desk(SourceKind.SIMULATED).portfolio(main.owner, 1, "Elsewhere")
    api = _as(main.owner)
    refusals = [(foreign.pk, 404, "NOT_FOUND"), (new_id(), 404, "NOT_FOUND"), (main.pk, 400, "SAME_PORTFOLIO")]
    for target, status, code in [*refusals, (elsewhere.pk, 400, "PORTFOLIOS_DIFFER")]:
        with unchanged():
            answer = api.post(_to("transfer", main), {"target": str(target), "amount": "1"}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("way", ["deposit", "withdraw"])
def test_a_frozen_portfolios_money_stays(main: Portfolio, unchanged: Unchanged, way: str) -> None:
    freeze_portfolios(portfolio_ids=[main.pk])
    with unchanged():
        answer = _as(main.owner).post(_to(way, main), {"amount": "1"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "PORTFOLIO_NOT_OPEN")


def test_a_competitions_money_stays(desk: Desk, alice: User, bitcoin: Instrument, unchanged: Unchanged) -> None:
    cup = desk.portfolio(alice, 10, "Cup", cash_is_locked=True)
    with unchanged():
        answer = _as(alice).post(_to("withdraw", cup), {"amount": "1"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "CASH_IS_LOCKED")


# --- history --------------------------------------------------------------------------------------------------------
def test_the_ledger_shows_both_sides_of_every_booking(main: Portfolio) -> None:
    api = _as(main.owner)
    external, holdings = api.get(_to("ledger", main)).json()["results"]
    shown = [(line["kind"], line["account"], line["asset"], line["amount"]) for line in (external, holdings)]
    assert shown == [("DEPOSIT", "EXTERNAL", "USDT", "-10000"), ("DEPOSIT", "HOLDINGS", "USDT", "10000")]
    assert external["booking_id"] == holdings["booking_id"]
    assert holdings["happened_at"] == "2026-03-02T12:00:00Z"
    only = api.get(_to("ledger", main), {"account": "EXTERNAL"}).json()["results"]
    assert [line["id"] for line in only] == [external["id"]]
    first = api.get(_to("ledger", main), {"page_size": 1}).json()
    assert [line["id"] for line in api.get(first["next"]).json()["results"]] == [holdings["id"]]
    unknown = api.get(_to("ledger", main), {"account": "PETTY"})
    assert (unknown.status_code, list(unknown.json()["context"]["fields"])) == (400, ["account"])


def test_the_equity_curve_is_read_oldest_first(desk: Desk, holding: Portfolio, bitcoin: Instrument) -> None:
    take_snapshots(namespace=desk.namespace, at=NOON)
    desk.step({bitcoin: 110}, at=NOON.replace(minute=1))
    take_snapshots(namespace=desk.namespace, at=NOON.replace(minute=1))
    assert _as(holding.owner).get(_to("equity", holding)).json() == [
        {"at": "2026-03-02T12:00:00Z", "equity": "9999.87998"},
        {"at": "2026-03-02T12:01:00Z", "equity": "10009.87998"},
    ]


# --- whose it is ----------------------------------------------------------------------------------------------------
READS = ["portfolio", "equity", "ledger", "positions"]
WRITES = ["deposit", "withdraw", "transfer"]


@pytest.mark.parametrize("name", READS + WRITES)
def test_a_guessed_id_opens_nothing(
    desk: Desk, main: Portfolio, bob: User, charlie: User, unchanged: Unchanged, name: str
) -> None:
    own = desk.portfolio(charlie, 1, "Own")
    wanted = {"amount": "1", "target": str(own.pk)}

    def ask(client: APIClient, address: str) -> Any:
        return client.get(address) if name in READS else client.post(address, wanted, format="json")

    with unchanged():
        answers = [ask(_as(user), _to(name, main)) for user in (bob, charlie)]
        missing = ask(_as(charlie), reverse(f"portfolios_api:{name}", args=[new_id()]))
        nobody = ask(APIClient(), _to(name, main))
    assert [(answer.status_code, answer.json()["code"]) for answer in (*answers, missing)] == [(404, "NOT_FOUND")] * 3
    assert answers[0].json()["detail"] == missing.json()["detail"]
    assert (nobody.status_code, nobody.json()["code"]) == (401, "NOT_AUTHENTICATED")


def test_nobody_lists_or_opens(desk: Desk, main: Portfolio, unchanged: Unchanged) -> None:
    wanted = {"name": "New", "exchange": desk.exchange.code, "settlement": "USDT", "amount": "10"}
    with unchanged():
        answers = [APIClient().get(LIST), APIClient().post(LIST, wanted, format="json")]
    assert [answer.status_code for answer in answers] == [401, 401]
