"""What a ticket says of an order's risk before it is placed: the words that would refuse it, limits as they would stand, no row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.errors import DomainError
from common.ids import new_id
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit, plain
from trading.effects import Effect, effect_of
from trading.kinds import OrderKind
from trading.models import Order, SafetyLevel, ScopeKind, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.risk.services.profiles import set_limits
from trading.services.safety import set_safety

D = Decimal


def effect(pit: Pit, side: Side, quantity: str, terms: OrderTerms = PLAIN) -> Effect:
    found = effect_of(pit.lead, pit.instrument, side, D(quantity), terms)
    assert found is not None
    return found


def told(found: Effect) -> dict[str, tuple[str, str]]:
    return {one.spec.name: (plain(one.used or D(0)), plain(one.part or D(0))) for one in found.usages}


@pytest.fixture
def limited(pit: Pit) -> Pit:
    pit.buy(10)
    limits = {
        "max_order_share": "0.4",
        "max_instrument_share": "0.5",
        "max_orders_per_day": "10",
        "max_daily_loss": "0.1",
    }
    set_limits(actor=pit.alice, portfolio=pit.lead, limits=limits)
    return pit


def test_limits_are_shown_as_they_would_stand_and_nothing_is_written(limited: Pit, unchanged: Unchanged) -> None:
    with unchanged():
        found = effect(limited, Side.BUY, "20")
    assert (found.code, found.words) == ("", "")
    # Ten are held: twenty more are thirty percent of equity together.
    assert told(found) == {
        "max_order_share": ("0.2", "0.5"),
        "max_instrument_share": ("0.3", "0.6"),
        "max_orders_per_day": ("2", "0.2"),
    }


@pytest.mark.parametrize(
    ("side", "quantity", "terms"),
    [
        (Side.BUY, "41", PLAIN),
        (Side.BUY, "0.001", PLAIN),
        (Side.BUY, "0.0001", PLAIN),
        (Side.BUY, "91", PLAIN),
        (Side.SELL, "11", PLAIN),
        (Side.BUY, "1", OrderTerms(kind=OrderKind.LIMIT)),
        (Side.BUY, "1", OrderTerms(stop_price=D(110))),
        (Side.SELL, "10", PLAIN),
        (Side.BUY, "40", PLAIN),
    ],
)
def test_what_it_says_is_what_placing_would_say(limited: Pit, side: Side, quantity: str, terms: OrderTerms) -> None:
    from trading.services.orders import place_hand_order

    found, refused = effect(limited, side, quantity, terms), ("", "")
    asked: dict[str, Any] = {"instrument": limited.instrument, "side": side, "quantity": D(quantity), "terms": terms}
    try:
        place_hand_order(actor=limited.alice, portfolio=limited.lead, **asked)
    except DomainError as error:
        refused = error.code, error.message
    assert (found.code, found.words) == refused


def test_a_halt_is_said_and_an_exit_uses_no_limit(limited: Pit) -> None:
    scope = {"scope": ScopeKind.PORTFOLIO, "scope_id": str(limited.lead.pk)}
    set_safety(actor=limited.alice, level=SafetyLevel.HALTED, reason="", **scope)  # type: ignore[arg-type] # a dict of two kinds
    assert effect(limited, Side.BUY, "1").code == "TRADING_HALTED"
    assert effect(limited, Side.SELL, "10") == Effect("", "", ())


def test_without_a_quantity_there_is_nothing_to_judge(pit: Pit) -> None:
    assert effect_of(pit.lead, pit.instrument, Side.BUY, D(0), PLAIN) is None


# --- the ticket -----------------------------------------------------------------------------------------------------
def test_the_ticket_shows_fee_slippage_limits_and_the_refusal(client: Client, limited: Pit) -> None:
    client.force_login(limited.alice)
    limited.lead.slippage_bps = D(50)
    limited.lead.save()
    where = reverse("portfolios:estimate", args=[limited.lead.pk])
    asked = {"instrument": str(limited.instrument.pk), "side": "BUY", "unit": "BASE", "key": new_id().hex}
    page = client.get(where, asked | {"quantity": "20"}).content.decode()
    for shown in ("Slippage, about</dt><dd>10.00 USDT", "One order, of equity", "20% of 40%", "Your limits after it"):
        assert shown in page
    page = client.get(where, asked | {"quantity": "41"}).content.decode()
    assert "A larger share of equity than one order may be" in page
    assert Order.objects.count() == 1


def test_a_strangers_estimate_is_of_nothing(client: Client, limited: Pit, bob: User) -> None:
    client.force_login(bob)
    assert client.get(reverse("portfolios:estimate", args=[limited.lead.pk]), {"quantity": "1"}).status_code == 404
