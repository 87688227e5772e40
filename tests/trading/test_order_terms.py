"""Every way to ask for an order wrongly: an exact code, and nothing changed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON
from tests.fixtures_waiting import Waiting, told
from trading.kinds import OrderKind, TimeInForce
from trading.models import Order, OrderState, Side
from trading.order_terms import MAX_PRICE, MAX_QUANTITY, MAX_TRAIL_BPS

BUY, SELL = Side.BUY, Side.SELL
K, T = OrderKind, TimeInForce


def refused(waiting: Waiting, side: Side, quantity: int | str, kind: OrderKind, **terms: Any) -> str:
    with pytest.raises(DomainError) as refusal:
        waiting.ask(side, quantity, kind, **terms)
    return refusal.value.code


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("0", "QUANTITY_INVALID"),
        ("-1", "QUANTITY_INVALID"),
        ("NaN", "QUANTITY_INVALID"),
        ("Infinity", "QUANTITY_INVALID"),
        ("1e30", "QUANTITY_INVALID"),
        (str(MAX_QUANTITY + 1), "QUANTITY_INVALID"),
        (str(MAX_QUANTITY), "INSUFFICIENT_BALANCE"),
        ("0.0005", "QUANTITY_OFF_STEP"),
        ("1." + "0" * 39 + "1", "QUANTITY_OFF_STEP"),
        ("0.001", "NOTIONAL_BELOW_MINIMUM"),
    ],
)
def test_a_quantity_that_cannot_be(waiting: Waiting, unchanged: Unchanged, quantity: str, code: str) -> None:
    with unchanged():
        assert refused(waiting, BUY, quantity, K.LIMIT, limit_price="90") == code


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ("0", "INVALID"),
        ("-1", "INVALID"),
        ("NaN", "INVALID"),
        ("-Infinity", "INVALID"),
        ("1e30", "INVALID"),
        (str(MAX_PRICE + 1), "INVALID"),
        ("90.001", "OFF_TICK"),
        ("90." + "0" * 39 + "1", "OFF_TICK"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "field", "more"),
    [
        (K.LIMIT, "limit_price", {}),
        (K.STOP, "trigger_price", {}),
        (K.STOP_LIMIT, "limit_price", {"trigger_price": "110"}),
        (K.TAKE_PROFIT_LIMIT, "trigger_price", {"limit_price": "110"}),
        (K.TRAILING_STOP, "trail_amount", {}),
        (K.TRAILING_STOP, "activation_price", {"trail_amount": "5"}),
        (K.MARKET, "stop_price", {}),
        (K.MARKET, "target_price", {}),
    ],
)
def test_a_price_that_cannot_be(
    waiting: Waiting,
    unchanged: Unchanged,
    kind: OrderKind,
    field: str,
    more: dict[str, str],
    price: str,
    code: str,
) -> None:
    with unchanged():
        assert refused(waiting, BUY, 1, kind, **{field: price}, **more) == f"{field.upper()}_{code}"


@pytest.mark.parametrize(
    ("kind", "terms", "code"),
    [
        (K.LIMIT, {}, "LIMIT_PRICE_REQUIRED"),
        (K.LIMIT, {"limit_price": "90", "trigger_price": "90"}, "TRIGGER_PRICE_NOT_ALLOWED"),
        (K.MARKET, {"limit_price": "90"}, "LIMIT_PRICE_NOT_ALLOWED"),
        (K.STOP, {}, "TRIGGER_PRICE_REQUIRED"),
        (K.STOP_LIMIT, {"trigger_price": "110"}, "LIMIT_PRICE_REQUIRED"),
        (K.TAKE_PROFIT_LIMIT, {"limit_price": "110"}, "TRIGGER_PRICE_REQUIRED"),
        (K.TRAILING_STOP, {}, "TRAIL_REQUIRED"),
        (K.TRAILING_STOP, {"trail_amount": "5", "trail_bps": "5"}, "TRAIL_REQUIRED"),
        (K.TRAILING_STOP, {"trail_bps": "0"}, "TRAIL_BPS_INVALID"),
        (K.TRAILING_STOP, {"trail_bps": "0.00001"}, "TRAIL_BPS_INVALID"),
        (K.TRAILING_STOP, {"trail_bps": str(MAX_TRAIL_BPS + 1)}, "TRAIL_BPS_INVALID"),
        (K.TRAILING_STOP, {"trail_bps": "NaN"}, "TRAIL_BPS_INVALID"),
        (K.LIMIT, {"limit_price": "90", "trail_bps": "5"}, "TRAIL_BPS_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "activation_price": "95"}, "ACTIVATION_PRICE_NOT_ALLOWED"),
        (K.MARKET, {"time_in_force": T.IOC}, "TIME_IN_FORCE_NOT_ALLOWED"),
        (K.STOP, {"trigger_price": "110", "time_in_force": T.FOK}, "TIME_IN_FORCE_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "time_in_force": "DAY"}, "TIME_IN_FORCE_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "time_in_force": T.GTD}, "EXPIRES_AT_REQUIRED"),
        (K.LIMIT, {"limit_price": "90", "expires_at": NOON + timedelta(days=1)}, "EXPIRES_AT_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "time_in_force": T.GTD, "expires_at": NOON}, "EXPIRES_AT_PAST"),
        (K.STOP, {"trigger_price": "110", "post_only": True}, "POST_ONLY_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "time_in_force": T.IOC, "post_only": True}, "POST_ONLY_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "reduce_only": True}, "REDUCE_ONLY_NOT_ALLOWED"),
        (K.LIMIT, {"limit_price": "90", "stop_price": "90"}, "BRACKET_PRICES_CROSSED"),
        (K.LIMIT, {"limit_price": "90", "target_price": "90"}, "BRACKET_PRICES_CROSSED"),
        (K.MARKET, {"stop_price": "100"}, "BRACKET_PRICES_CROSSED"),
        (K.MARKET, {"stop_price": "110", "target_price": "105"}, "BRACKET_PRICES_CROSSED"),
        ("ICEBERG", {}, "ORDER_KIND_UNKNOWN"),
    ],
)
def test_terms_that_contradict_their_kind(
    waiting: Waiting, unchanged: Unchanged, kind: OrderKind, terms: dict[str, Any], code: str
) -> None:
    with unchanged():
        assert refused(waiting, BUY, 1, kind, **terms) == code


def test_a_sale_brings_no_bracket_along(waiting: Waiting, unchanged: Unchanged) -> None:
    waiting.pit.buy(1)
    with unchanged():
        assert refused(waiting, SELL, 1, K.LIMIT, limit_price="110", stop_price="90") == "BRACKET_NOT_ALLOWED"


@pytest.mark.parametrize(("side", "limit", "stop"), [(SELL, 90, 110), (SELL, 100, 100), (BUY, 110, 90), (BUY, 90, 90)])
def test_a_pair_stands_on_both_sides(waiting: Waiting, unchanged: Unchanged, side: Side, limit: int, stop: int) -> None:
    waiting.pit.buy(1)
    with unchanged(), pytest.raises(DomainError) as refusal:
        waiting.pair(side, 1, limit, stop)
    assert refusal.value.code == "PAIR_PRICES_CROSSED"


@pytest.mark.parametrize(("kind", "force"), [(K.LIMIT, T.GTC), (K.LIMIT, T.FOK), (K.STOP_LIMIT, T.GTC)])
def test_the_balance_covers_an_order_to_the_unit(
    waiting: Waiting, unchanged: Unchanged, kind: OrderKind, force: TimeInForce
) -> None:
    terms: dict[str, Any] = {"limit_price": "100", "time_in_force": force}
    if kind == K.STOP_LIMIT:
        terms["trigger_price"] = "110"
    with unchanged():
        assert refused(waiting, BUY, "100.001", kind, **terms) == "INSUFFICIENT_BALANCE"
    order = waiting.ask(BUY, "100", kind, **terms)
    assert told(order)[0] in (OrderState.OPEN, OrderState.FILLED)


def test_a_sale_is_covered_to_the_unit(waiting: Waiting, unchanged: Unchanged) -> None:
    with unchanged():
        assert refused(waiting, SELL, 1, K.STOP, trigger_price="90") == "NOTHING_TO_CLOSE"
    waiting.pit.buy(1)
    with unchanged():
        assert refused(waiting, SELL, "1.001", K.STOP, trigger_price="90") == "QUANTITY_ABOVE_POSITION"
    assert told(waiting.ask(SELL, 1, K.STOP, trigger_price="90"))[0] == OrderState.OPEN


def test_the_limits_themselves_are_allowed(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    lowest = waiting.ask(SELL, 1, K.STOP, trigger_price="0.01", reduce_only=True)
    assert told(lowest)[0] == OrderState.OPEN
    highest = waiting.ask(SELL, "0.1", K.LIMIT, limit_price=str(MAX_PRICE))
    assert told(highest)[0] == OrderState.OPEN
    farthest = waiting.ask(SELL, "0.1", K.TRAILING_STOP, trail_bps=str(MAX_TRAIL_BPS))
    assert told(farthest)[0] == OrderState.OPEN


def test_a_key_names_one_order_of_one_kind(waiting: Waiting, unchanged: Unchanged) -> None:
    first = waiting.ask(BUY, 1, K.LIMIT, key="mine", limit_price="90")
    with unchanged():
        assert waiting.ask(BUY, 1, K.LIMIT, key="mine", limit_price="90").pk == first.pk
        assert refused(waiting, BUY, 1, K.LIMIT, key="mine", limit_price="91") == "KEY_REUSED"
        assert refused(waiting, BUY, 1, K.MARKET, key="mine") == "KEY_REUSED"


def test_a_key_still_names_its_order_when_its_time_has_come(waiting: Waiting) -> None:
    until = waiting.pit.desk.at + timedelta(hours=1)
    terms: dict[str, Any] = {"limit_price": "90", "time_in_force": T.GTD, "expires_at": until}
    first = waiting.ask(BUY, 1, K.LIMIT, key="mine", **terms)
    waiting.pit.desk.step({waiting.pit.instrument: 100}, at=until + timedelta(hours=1))
    assert waiting.ask(BUY, 1, K.LIMIT, key="mine", **terms).pk == first.pk


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"limit_price": None}, "order_limit_price_of_kind"),
        ({"limit_price": Decimal(0)}, "order_limit_price_of_kind"),
        ({"trigger_price": Decimal(1)}, "order_trigger_price_of_kind"),
        ({"trail_bps": Decimal(1)}, "order_trail_of_kind"),
        ({"peak_price": Decimal(1)}, "order_trail_of_kind"),
        ({"time_in_force": "GTD"}, "order_expiry_of_gtd"),
        ({"expires_at": NOON}, "order_expiry_of_gtd"),
        (
            {"kind": "MARKET", "limit_price": None, "time_in_force": "GTD", "expires_at": NOON},
            "order_market_takes_what_comes",
        ),
        ({"kind": "STOP", "limit_price": None, "trigger_price": 1, "post_only": True}, "order_only_limits"),
        ({"reduce_only": True}, "order_reduce_only_closes"),
        ({"group_role": "OCO"}, "order_group_has_role"),
        ({"change": None}, "order_rests_with_number"),
    ],
)
def test_the_database_refuses_what_must_never_be(waiting: Waiting, wrong: dict[str, Any], constraint: str) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="90")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(**wrong)
