"""Signals from outside: who may send one, what it does, and that a recording of it does nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from common import clock
from common.errors import DomainError
from common.ids import new_id
from common.limiter import limiter
from markets.models import Exchange, Instrument, InstrumentState
from portfolios.models import Portfolio, PortfolioState
from tests.fixtures_trading import Pit
from tests.fixtures_waiting_on_margin import Perpetual
from trading.models import CauseKind, Order
from trading.services.safety import halt_platform
from trading.signals.api import BURST, PER_SECOND, WRONG_BURST, WRONG_PER_SECOND
from trading.signals.models import Signal, SignalSource
from trading.signals.proof import SIGNATURE, TIMESTAMP, secret_of, signature_of
from trading.signals.services import create_source, renew_secret, switch_source

D = Decimal


class Sender:
    """What knows a source's secret and sends signals to it."""

    def __init__(self, pit: Pit, source: SignalSource) -> None:
        self.pit, self.source, self.secret = pit, source, secret_of(source)
        # An address of its own: who was wrong about a secret before is another.
        self.address = f"10.0.{source.pk.bytes[-2]}.{source.pk.bytes[-1]}"

    def post(self, body: bytes | dict[str, Any], **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self.pit.working():
            return Client(headers=headers, REMOTE_ADDR=self.address).post(
                f"/api/v1/signals/{self.source.pk}/", raw, content_type="application/json"
            )

    def send(self, **fields: Any) -> Any:
        """Send a signal with the secret in its body, made just now."""
        return self.post({"secret": self.secret, "time": clock.wall_now().isoformat(), **fields})

    def signed(self, after: int = 0, secret: str = "", **fields: Any) -> Any:
        raw = json.dumps(fields).encode()
        at = str(int((clock.wall_now() + timedelta(seconds=after)).timestamp()))
        signature = signature_of(secret or self.secret, at, raw)
        return self.post(raw, **{TIMESTAMP: at, SIGNATURE: signature})


@pytest.fixture
def sender(pit: Pit) -> Sender:
    return Sender(pit, create_source(actor=pit.alice, portfolio=pit.lead, name="Chart"))


def codes(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


BUY: dict[str, Any] = {"action": "buy", "instrument": "BTC-USDT", "quantity": "2"}


def test_a_signal_becomes_an_order_and_its_followers_copy_it(sender: Sender, pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    answer = sender.send(**BUY)
    assert answer.status_code == 201
    order = Order.objects.get(portfolio=pit.lead)
    assert (order.cause_kind, order.state, pit.held(pit.lead), pit.held(follow)) == (
        CauseKind.SIGNAL,
        "FILLED",
        "2",
        "0.2",
    )
    assert answer.json()["order"] == str(order.pk)
    sender.send(action="sell", instrument="BTC-USDT", quantity="1")
    assert (pit.held(pit.lead), pit.held(follow)) == ("1", "0.1")
    sender.send(action="close", instrument="BTC-USDT")
    assert (pit.held(pit.lead), pit.held(follow)) == ("0", "0")


def test_a_share_of_equity_is_counted_at_the_newest_price(sender: Sender, pit: Pit) -> None:
    sender.signed(action="buy", instrument="BTC-USDT", equity_share="0.25")
    assert pit.held(pit.lead) == "25"


def test_the_same_signal_again_is_the_same_order(sender: Sender, pit: Pit) -> None:
    first, again = sender.send(**BUY, id="one"), sender.send(**BUY, id="one")
    assert (first.status_code, again.status_code, again.json()["order"]) == (201, 200, first.json()["order"])
    assert (Order.objects.count(), Signal.objects.count(), pit.held(pit.lead)) == (1, 1, "2")
    # Without a name of its own it is known by what it says and when.
    body = {"secret": sender.secret, "time": clock.wall_now().isoformat(), **BUY}
    assert [sender.post(body).status_code for _ in range(3)] == [201, 200, 200]
    assert pit.held(pit.lead) == "4"


@pytest.mark.parametrize("seconds", [-61, 60])
def test_a_recording_does_nothing(sender: Sender, pit: Pit, seconds: int) -> None:
    assert codes(sender.signed(seconds, **BUY)) == (409, "SIGNAL_TOO_OLD")
    at = (clock.wall_now() + timedelta(seconds=seconds)).isoformat()
    assert codes(sender.post({"secret": sender.secret, "time": at, **BUY})) == (409, "SIGNAL_TOO_OLD")
    assert Order.objects.count() == 0


def test_forged_signatures_do_nothing(sender: Sender, pit: Pit) -> None:
    other = create_source(actor=pit.alice, portfolio=pit.lead, name="Other")
    now = str(int(clock.wall_now().timestamp()))
    right = signature_of(sender.secret, now, json.dumps(BUY).encode())
    forged = [
        sender.signed(secret=secret_of(other), **BUY),
        sender.signed(secret="0" * 64, **BUY),
        # Signed, and then changed on the way.
        sender.post(json.dumps({**BUY, "quantity": "9"}).encode(), **{TIMESTAMP: now, SIGNATURE: right}),
        sender.post(json.dumps(BUY).encode(), **{TIMESTAMP: str(int(now) + 1), SIGNATURE: right}),
        sender.post({"secret": "", "time": clock.wall_now().isoformat(), **BUY}),
        sender.post({**BUY, "time": clock.wall_now().isoformat()}),
    ]
    assert [codes(one) for one in forged] == [(401, "SIGNAL_REFUSED")] * len(forged)
    assert (Order.objects.count(), Signal.objects.count()) == (0, 0)


def test_a_source_that_is_not_there_answers_as_one_whose_secret_is_wrong(sender: Sender) -> None:
    answer = Client(REMOTE_ADDR=sender.address).post(
        "/api/v1/signals/01900000-0000-7000-8000-000000000000/",
        json.dumps({**BUY, "secret": sender.secret, "time": clock.wall_now().isoformat()}),
        content_type="application/json",
    )
    wrong = sender.post({**BUY, "secret": "x", "time": clock.wall_now().isoformat()})
    assert codes(answer) == codes(wrong) == (401, "SIGNAL_REFUSED")
    assert answer.json()["detail"] == wrong.json()["detail"]


def used_up(key: str, per_second: float) -> None:
    """Leave a bucket so deep in debt that it fills in a minute."""
    limiter().take(key, per_second=per_second, burst=BURST, weight=BURST + 60 * per_second)


def test_who_guesses_is_told_to_wait_and_who_knows_is_let_through(sender: Sender, pit: Pit) -> None:
    assert codes(sender.signed(secret="0" * 64, **BUY)) == (401, "SIGNAL_REFUSED")
    # Nine are left. (A bucket that is not full takes no more than it holds.)
    for _ in range(WRONG_BURST):
        limiter().take(f"signals:wrong:{sender.address}", per_second=WRONG_PER_SECOND, burst=WRONG_BURST)
    assert codes(sender.signed(secret="0" * 64, **BUY)) == (429, "THROTTLED")
    assert sender.signed(**BUY).status_code == 201


def test_a_source_that_sends_too_often_is_told_to_wait(sender: Sender, pit: Pit) -> None:
    used_up(f"signals:{sender.source.pk}", PER_SECOND)
    answer = sender.send(**BUY)
    assert codes(answer) == (429, "THROTTLED")
    assert int(answer["Retry-After"]) > 1
    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"action": "hold"}, "action"),
        ({"instrument": "NOPE-USDT"}, "instrument"),
        ({"quantity": None}, "quantity"),
        ({"equity_share": "0.1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "1e30"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": None, "equity_share": "1.01"}, "equity_share"),
        ({"quantity": None, "equity_share": "0"}, "equity_share"),
        ({"leverage": 10}, "leverage"),
        ({"id": 5}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"time": "yesterday"}, "time"),
    ],
)
def test_a_signal_that_says_nothing_that_can_be_done_is_refused_with_the_field(
    sender: Sender, changes: dict[str, Any], field: str
) -> None:
    answer = sender.send(**{**BUY, **changes})
    assert 400 <= answer.status_code < 500
    problem = answer.json()
    assert problem["context"].get("field") == field or problem["code"].startswith("QUANTITY_"), problem
    assert (Order.objects.count(), Signal.objects.count()) == (0, 0)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"buy"', b"\xff\xfe", b"{" + b" " * 5_000 + b"}"])
def test_what_is_no_signal_is_refused(sender: Sender, body: bytes) -> None:
    assert codes(sender.post(body)) in {(400, "SIGNAL_INVALID"), (413, "SIGNAL_INVALID")}


def test_what_risk_denies_is_kept_with_its_reason(sender: Sender, pit: Pit, operator: User) -> None:
    halt_platform(actor=operator, reason="A drill.")
    answer = sender.send(**BUY)
    assert answer.status_code == 201
    assert Order.objects.get().code == "TRADING_HALTED"


def test_a_source_that_is_off_makes_no_orders_and_a_renewed_secret_ends_the_one_before(
    sender: Sender, pit: Pit, alice: User
) -> None:
    switch_source(actor=alice, source=sender.source, on=False)
    assert codes(sender.send(**BUY)) == (409, "SIGNALS_OFF")
    switch_source(actor=alice, source=sender.source, on=True)
    renew_secret(actor=alice, source=sender.source)
    assert codes(sender.send(**BUY)) == (401, "SIGNAL_REFUSED")
    sender.secret = secret_of(SignalSource.objects.get(pk=sender.source.pk))
    assert sender.send(**BUY).status_code == 201


def test_the_database_holds_no_secret(sender: Sender) -> None:
    row = SignalSource.objects.values().get()
    assert sender.secret not in json.dumps(row, default=str)


def test_a_follows_portfolio_takes_no_signals(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    with pytest.raises(DomainError) as refusal:
        create_source(actor=bob, portfolio=follow.portfolio, name="Chart")
    assert refusal.value.code == "PORTFOLIO_IS_FOLLOWING"
    Portfolio.objects.filter(pk=pit.lead.pk).update(state=PortfolioState.CLOSED)
    with pytest.raises(DomainError) as refusal:
        create_source(actor=pit.alice, portfolio=pit.lead, name="Chart")
    assert refusal.value.code == "PORTFOLIO_NOT_OPEN"


def test_on_margin_a_signal_closes_what_is_held_on_the_other_side_and_opens_with_the_rest(perpetual: Perpetual) -> None:
    pit = perpetual.pit
    sender = Sender(pit, create_source(actor=pit.alice, portfolio=pit.lead, name="Chart"))
    perpetual.terms(10)
    sender.send(action="sell", instrument="BTC-USDT", quantity="900")
    assert pit.held(pit.lead) == "-900"
    # Nearly all its cash is bound by the short, which needs none of it to be bought back.
    sender.send(action="buy", instrument="BTC-USDT", quantity="1000", id="turn")
    sender.send(action="buy", instrument="BTC-USDT", quantity="1000", id="turn")
    assert pit.orders(pit.lead) == [
        ("SELL", "OPEN", "FILLED", "900", ""),
        ("BUY", "CLOSE", "FILLED", "900", ""),
        ("BUY", "OPEN", "FILLED", "100", ""),
    ]


def test_what_may_be_opened_no_more_is_still_closed(sender: Sender, pit: Pit) -> None:
    sender.send(**BUY)
    Instrument.objects.filter(pk=pit.instrument.pk).update(state=InstrumentState.RETIRED)
    assert sender.send(action="close", instrument="BTC-USDT").status_code == 201
    assert pit.held(pit.lead) == "0"


def test_a_symbol_that_two_exchanges_have_is_the_one_that_is_held(sender: Sender, pit: Pit) -> None:
    sender.send(**BUY)
    here = pit.instrument.exchange
    first = Exchange.objects.create(
        code=f"a-{here.code}", name="A first one", namespace=here.namespace, source_kind=here.source_kind
    )
    twin = Instrument.objects.get(pk=pit.instrument.pk)
    twin.pk, twin.exchange, twin._state.adding = new_id(), first, True
    twin.save()
    assert sender.send(action="close", instrument="BTC-USDT").status_code == 201
    assert pit.held(pit.lead) == "0"


@pytest.mark.parametrize("body", [rb'{"secret": "\ud800"}', rb'{"\ud800": 1}', b"[" * 4_000])
def test_a_stranger_breaks_nothing_with_a_text_that_is_none(sender: Sender, body: bytes) -> None:
    assert codes(sender.post(body)) == (400, "SIGNAL_INVALID")


@pytest.mark.parametrize("field", ["id", "instrument", "action"])
@pytest.mark.parametrize("text", ["\ud800", "\0"])
def test_nor_does_its_owner(sender: Sender, field: str, text: str) -> None:
    assert codes(sender.send(**(BUY | {field: text}))) == (400, "SIGNAL_INVALID")
    assert Signal.objects.count() == 0


def test_sources_and_signals_are_taken_along_and_end_with_their_owners_account(sender: Sender, pit: Pit) -> None:
    sender.send(**BUY, id="mine")
    taken = export_personal_data(user=pit.alice)["trading"]
    assert [(one["id"], one["name"]) for one in taken["signal_sources"]] == [(sender.source.pk, "Chart")]
    assert [(one["source_id"], one["key"], one["quantity"]) for one in taken["signals"]] == [
        (sender.source.pk, "mine", D(2))
    ]
    with pit.working():
        erase_person(user=pit.alice)
    assert codes(sender.send(action="close", instrument="BTC-USDT")) == (401, "SIGNAL_REFUSED")
    assert (pit.held(pit.lead), SignalSource.objects.count()) == ("2", 0)
