"""The shortfall account: every part by itself, and parts that always sum to the gap."""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.copy_accounts.shortfall import Copy, Part, Shortfall, perfect_quantity, shortfall_of, waterfall
from engine.decimals import ONE, ZERO
from engine.positions import PositionState, apply_fill

D = Decimal


def account(*copies: Copy, mark: str = "110", **paid: Decimal) -> Shortfall:
    """Return the account of copies in one instrument, whose books are kept as the platform keeps them."""
    return shortfall_of(copies, {"BTC": D(mark)}, capital=D(1000), book_profit=books(copies, D(mark)), **paid)


def books(copies: Any, mark: Decimal) -> Decimal:
    state = PositionState()
    for copy in copies:
        if copy.change:
            state = apply_fill(state, change=copy.change, price=copy.paid / copy.change, fee=copy.fee)
    return state.realized_pnl + state.quantity * mark - state.cost - state.fees_paid


def buy(**facts: str) -> Copy:
    """Return a copy of a purchase of 2 at 100 that met it perfectly, but for `facts`."""
    plain = {"lead_price": "100", "market_price": "100", "opened": "2", "requested": "2", "change": "2", "paid": "200"}
    return Copy("BTC", **{name: D(value) for name, value in (plain | facts).items()})


def told(one: Shortfall) -> dict[str, str]:
    return {part.value: format(amount.normalize(), "f") for part, amount in one.parts.items() if amount}


@pytest.mark.parametrize(
    ("facts", "parts", "follower"),
    [
        ({}, {}, "20"),
        ({"market_price": "101", "paid": "202"}, {"delay": "2"}, "18"),
        ({"paid": "203"}, {"spread": "3"}, "17"),
        ({"opened": "2.5"}, {"rounding": "5"}, "20"),
        ({"change": "1.5", "paid": "150"}, {"skipped": "5"}, "15"),
        ({"change": "0", "paid": "0"}, {"skipped": "20"}, "0"),
        # Below one lot: skipped, not rounded.
        ({"requested": "0", "change": "0", "paid": "0"}, {"skipped": "20"}, "0"),
        ({"fee": "4", "lead_fee_ratio": "0.01"}, {"fees": "2"}, "16"),
        ({"opened": "0", "requested": "0"}, {"own": "-20"}, "20"),
    ],
)
def test_each_part_is_told_by_its_name(facts: dict[str, str], parts: dict[str, str], follower: str) -> None:
    one = account(buy(**facts))
    assert (told(one), one.follower_profit, one.residual) == (parts, D(follower), ZERO)


def test_funding_and_profit_share_are_parts() -> None:
    copies = [buy()]
    mark = D(110)
    one = shortfall_of(
        copies,
        {"BTC": mark},
        capital=D(100),
        book_profit=books(copies, mark) - 3,
        funding=D(3),
        profit_share=D(2),
    )
    assert (told(one), one.gap, one.residual) == ({"funding": "3", "profit_share": "2"}, D(5), ZERO)
    assert (one.ratio(one.lead_profit), one.ratio(one.follower_profit)) == (D("0.2"), D("0.15"))


def test_what_was_missed_costs_only_until_the_lead_sells() -> None:
    missed = buy(change="1", paid="100")
    sale = Copy(
        "BTC",
        lead_price=D(130),
        market_price=D(130),
        closed_fraction=D("0.5"),
        requested=D("-0.5"),
        change=D("-0.5"),
        paid=D(-65),
    )
    one = account(missed, sale, mark="90")
    # Half of the missed unit would have gone at 130, the other half is worth 90.
    assert (told(one), one.residual) == ({"skipped": "10"}, ZERO)
    assert (one.lead_profit, one.follower_profit) == (D(20), D(10))


def test_a_sale_that_is_rounded_leaves_more_than_the_lead_has() -> None:
    sale = Copy("BTC", D(100), D(100), closed_fraction=D("0.3"), requested=D("-0.5"), change=D("-0.5"), paid=D(-50))
    one = account(buy(), sale, mark="90")
    assert (told(one), one.residual) == ({"rounding": "1"}, ZERO)


def test_the_waterfall_leads_from_the_leads_return_to_the_followers() -> None:
    bars = waterfall(account(buy(paid="203", fee="1")))
    assert [(bar.name, bar.start, bar.end) for bar in bars if bar.change] == [
        ("lead", ZERO, D("0.02")),
        ("spread", D("0.02"), D("0.017")),
        ("fees", D("0.017"), D("0.016")),
        ("follower", ZERO, D("0.016")),
    ]
    assert len(bars) == len(Part) + 2


def test_a_perfect_quantity_stays_within_a_lot_of_what_was_asked_for() -> None:
    for ratio, expected in (("0.05", "1"), ("0.15", "1.5"), ("0.5", "2")):
        found = perfect_quantity(lead_quantity=D(10), ratio=D(ratio), requested=ONE, lot_step=ONE)
        assert found == D(expected)


cents = st.integers(1, 10**6).map(lambda number: D(number).scaleb(-2))
ratios = st.integers(0, 1000).map(lambda number: D(number) / 1000)
steps = st.tuples(
    st.sampled_from(["open", "close", "own"]), st.sampled_from(["BTC", "ETH"]), cents, cents, cents, ratios, ratios
)


def _played(history: list[tuple[Any, ...]]) -> list[Copy]:
    """Return copies of a lead who buys and sells, filled in any part and at any price."""
    held = {"BTC": ZERO, "ETH": ZERO}
    copies = []
    for kind, name, price, market, paid, fraction, filled in history:
        facts: dict[str, Any] = {"lead_price": price, "market_price": market, "lead_fee_ratio": D("0.001")}
        if kind == "open":
            wished = facts["opened"] = paid
        else:
            wished = -held[name] * fraction
            facts |= {"closed_fraction": fraction} if kind == "close" else {}
        facts["requested"] = wished.quantize(D("0.1"), rounding="ROUND_DOWN")
        change = facts["change"] = facts["requested"] * filled
        held[name] += change
        copies.append(Copy(name, **facts, paid=change * (market + 1), fee=abs(change) * market / 500))
    return copies


@given(st.lists(steps, max_size=40), cents, cents)
def test_the_parts_always_sum_to_the_gap(history: list[tuple[Any, ...]], bitcoin: Decimal, ether: Decimal) -> None:
    copies = _played(history)
    marks: dict[Hashable, Decimal] = {"BTC": bitcoin, "ETH": ether}
    profit = sum((books([one for one in copies if one.instrument == name], mark) for name, mark in marks.items()), ZERO)
    one = shortfall_of(copies, marks, capital=D(1000), book_profit=profit, profit_share=D(7))
    assert abs(one.residual) < D("1E-9")
