"""Every code has words for the person whose order it is."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from pathlib import Path

from tests.fixtures_trading import Pit
from trading.codes import cause_in_words, explain
from trading.models import CauseKind, Order, SafetyLevel, Side

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = re.compile(r"[A-Z]+(_[A-Z]+)+")


def order_of(pit: Pit) -> Order:
    pit.instrument.min_quantity = Decimal("0.010")
    pit.instrument.save()
    return Order.objects.select_related("instrument__market").get(pk=pit.place(Side.BUY, 1).pk)


def codes_of_orders() -> set[str]:
    """Return the codes that risk can give: the literals of its source."""
    sources = [
        (ROOT / "engine/risk" / name).read_text() for name in ("judging.py", "refusals.py", "caps.py", "watching.py")
    ]
    found = (node for source in sources for node in ast.walk(ast.parse(source)))
    texts = {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if CODE.fullmatch(text)}


def test_every_code_of_risk_has_words(pit: Pit) -> None:
    order = order_of(pit)
    codes = codes_of_orders() | {f"TRADING_{level}" for level in SafetyLevel if level != SafetyLevel.ACTIVE}
    assert {"INSUFFICIENT_BALANCE", "EQUITY_STALE", "CLIPPED_POSITION", "TRADING_HALTED", "CLIPPED_LEVERAGE"} <= codes
    assert {code for code in codes if "venue refused" in explain(code, order)} == set()
    assert all(explain(code, order).endswith(".") for code in codes)


def test_every_code_of_orders_that_wait_has_words(pit: Pit) -> None:
    order = order_of(pit)
    codes = {
        "POST_ONLY_WOULD_CROSS",
        "NOT_FILLED_AT_ONCE",
        "OTHER_OF_PAIR_FILLED",
        "CANCELED_BY_OWNER",
        "TIME_OVER",
        "SUPERSEDED_BY_EXIT",
    }
    assert {code for code in codes if "venue refused" in explain(code, order)} == set()


def test_words_name_the_instrument_and_its_minimums(pit: Pit) -> None:
    order = order_of(pit)
    assert explain("QUANTITY_BELOW_MINIMUM", order) == "Below the venue's smallest quantity of 0.01 BTC."
    assert explain("NOTIONAL_BELOW_MINIMUM", order) == "Worth less than the venue's minimum of 5 USDT."
    assert explain("NOTHING_TO_CLOSE", order) == "The portfolio holds nothing of BTC-USDT to close."


def test_a_venues_own_code_is_told_as_such_and_none_needs_no_words(pit: Pit) -> None:
    order = order_of(pit)
    assert explain("LOT_SIZE_{x}", order) == "The venue refused this order: LOT_SIZE_{x}."
    assert explain("", order) == ""


def test_every_cause_has_words(pit: Pit) -> None:
    order = order_of(pit)
    words = []
    for kind in CauseKind:
        order.cause_kind = kind
        words.append(cause_in_words(order))
    assert words == [
        "By hand",
        "Strategy",
        "Stop loss",
        "At the exchange",
        "Copied",
        "By the follow",
        "Close everything",
        "Bracket",
        "Plan",
        "Signal",
        "Liquidation",
        "Protective stop",
    ]
