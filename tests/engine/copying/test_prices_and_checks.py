"""Caps, bands, checks, guards and drift (rules 3, 14-16, 21-25): each at its edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.copying.checks import Book, OpenFacts, clipped, refusal_of
from engine.copying.drift import Aim, has_gap, is_seen_twice, needing_repair, needs_resync
from engine.copying.prices import capped_price, exit_band, is_within, price_cap
from engine.copying.settings import CopySettings, SizingMode
from engine.decimals import ZERO

D, LOT = Decimal, Decimal("0.001")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("base", "is_spot", "chosen", "cap"),
    [
        ("BTC", True, None, "0.003"),
        ("ETH", True, None, "0.003"),
        ("SOL", True, None, "0.005"),
        ("BTC", False, None, "0.005"),
        ("SOL", False, None, "0.015"),
        ("SOL", False, D("0.03"), "0.03"),
    ],
)
def test_rule_14_caps_by_market(base: str, is_spot: bool, chosen: Decimal | None, cap: str) -> None:
    assert price_cap(base=base, is_spot=is_spot, chosen=chosen) == D(cap)


@given(
    price=st.integers(1, 10**9).map(lambda number: Decimal(number).scaleb(-4)),
    cap=st.integers(1, 30).map(lambda number: Decimal(number).scaleb(-3)),
    is_buy=st.booleans(),
)
def test_rules_10_and_14_a_limit_lies_on_the_tick_that_is_away_from_crossing(
    price: Decimal, cap: Decimal, is_buy: bool
) -> None:
    tick = D("0.05")
    found = Fraction(capped_price(price, cap, is_buy=is_buy, tick=tick))
    exact = Fraction(price) * (1 + Fraction(cap) if is_buy else 1 - Fraction(cap))
    steps = exact / Fraction(tick)
    nearest = steps // 1 if is_buy else -(-steps // 1)
    assert found == max(nearest * Fraction(tick), Fraction(tick))


def test_rule_16_a_band_twice_then_any_price() -> None:
    assert [exit_band(attempt) for attempt in (1, 2, 3)] == [D("0.01"), D("0.01"), None]


@pytest.mark.parametrize(
    ("market", "buys", "sells"), [("100.3", True, True), ("100.31", False, True), ("99.69", True, False)]
)
def test_rule_22_within_the_cap_of_a_price(market: str, buys: bool, sells: bool) -> None:
    assert is_within(D(market), D(100), D("0.003"), is_buy=True) is buys
    assert is_within(D(market), D(100), D("0.003"), is_buy=False) is sells


FINE = OpenFacts(
    symbol="BTC-USDT",
    age=timedelta(seconds=5),
    spread=D("0.005"),
    venue_is_healthy=True,
    equity_is_stale=False,
    is_frozen=False,
    other_positions=19,
    orders_today=199,
)


@pytest.mark.parametrize(
    ("change", "settings", "code"),
    [
        ({}, {}, ""),
        ({"age": timedelta(seconds=5, microseconds=1)}, {}, "MISSED_TOO_OLD"),
        ({"spread": D("0.005001")}, {}, "MISSED_WIDE_SPREAD"),
        ({"spread": None}, {}, ""),
        ({"venue_is_healthy": False}, {}, "MISSED_VENUE_DOWN"),
        ({"equity_is_stale": True}, {}, "EQUITY_STALE"),
        ({"is_frozen": True}, {}, "FOLLOW_FROZEN"),
        ({"is_paused": True}, {}, "FOLLOW_PAUSED"),
        ({"is_stopping": True}, {}, "FOLLOW_STOPPING"),
        ({"other_positions": 20}, {}, "COPIED_POSITIONS_FULL"),
        ({"orders_today": 200}, {}, "COPIES_OF_DAY_USED"),
        ({}, {"denied": frozenset({"BTC-USDT"})}, "SYMBOL_DENIED"),
        ({}, {"allowed": frozenset({"ETH-USDT"})}, "SYMBOL_NOT_ALLOWED"),
        ({}, {"allowed": frozenset({"BTC-USDT"})}, ""),
        # The user's own limits hold instead of the defaults.
        ({"age": timedelta(seconds=9)}, {"max_age_seconds": D(10)}, ""),
    ],
)
def test_rules_15_and_25_what_an_open_needs(change: dict[str, object], settings: dict[str, object], code: str) -> None:
    assert refusal_of(replace(FINE, **change), CopySettings(**settings)) == code  # type: ignore[arg-type]


@given(
    quantity=st.integers(1, 10_000).map(lambda lots: lots * LOT),
    held=st.integers(0, 5_000).map(lambda lots: lots * LOT),
    others=st.integers(0, 6_000).map(Decimal),
)
def test_rule_25_the_tightest_guard_cuts(quantity: Decimal, held: Decimal, others: Decimal) -> None:
    book = Book(D(1_000), others + held * 100, held, D(100), LOT)
    found, code = clipped(quantity, book, CopySettings())
    most = {
        "CLIPPED_ORDER_SHARE": Fraction(2),
        "CLIPPED_INSTRUMENT_SHARE": Fraction(3) - Fraction(held),
        "CLIPPED_LEVERAGE": (5_000 - Fraction(others) - 100 * Fraction(held)) / 100,
    }
    # Of 2 and of 3 a half per cent more is let through.
    hair = {"CLIPPED_ORDER_SHARE": Fraction(1, 100), "CLIPPED_INSTRUMENT_SHARE": Fraction(15, 1000)}
    broken = {name: cap for name, cap in most.items() if Fraction(quantity) > cap + hair.get(name, 0)}
    if not broken:
        assert (found, code) == (quantity, "")
    else:
        least = min(broken.values())
        assert found == max(least, Fraction(0)) // Fraction(LOT) * Fraction(LOT)
        assert most[code] == least


@pytest.mark.parametrize(
    ("quantity", "held", "cut"),
    [("2.01", "0", None), ("2.011", "0", "2"), ("0.015", "3", None), ("0.016", "3", "0"), ("1.016", "2", "1")],
)
def test_rule_25_a_share_and_a_hair_is_that_share(quantity: str, held: str, cut: str | None) -> None:
    book = Book(D(1_000), D(held) * 100, D(held), D(100), LOT)
    assert clipped(D(quantity), book, CopySettings())[0] == D(cut or quantity)
    # Leverage has none.
    full = Book(D(1_000), D(5_000), ZERO, D(100), LOT)
    assert clipped(D("0.001"), full, CopySettings()) == (ZERO, "CLIPPED_LEVERAGE")


def aim(held: str, target: str, **more: object) -> Aim:
    return Aim(D(held), D(target), D(100), D("5.25"), **more)  # type: ignore[arg-type]


def repaired(*aims: Aim, equity: str = "1000", **settings: object) -> list[bool]:
    own = [CopySettings(**settings)] * len(aims)  # type: ignore[arg-type]
    return needing_repair(aims, equity=D(equity), settings=own)


def test_rule_21_an_instrument_that_is_off_by_two_per_cent_or_all_by_five() -> None:
    assert repaired(aim("1.2", "1")) == [True]
    assert repaired(aim("1.199", "1")) == [False]
    assert repaired(aim("0.8", "1")) == [True]
    assert repaired(*[aim("1.17", "1")] * 3) == [True] * 3
    assert repaired(*[aim("1.16", "1")] * 3) == [False] * 3
    # Of a small book two per cent are less than the smallest order.
    assert repaired(aim("0.05", "0"), equity="100") == [False]
    assert repaired(aim("0.053", "0"), equity="100") == [True]


def test_rule_21_what_moves_or_is_left_alone_has_no_drift() -> None:
    assert repaired(aim("9", "1", is_moving=True), aim("9", "1", is_left_alone=True)) == [False, False]
    assert (aim("9", "1", is_moving=True).may_be_mended, aim("9", "1", is_left_alone=True).may_be_mended) == (
        True,
        False,
    )


def test_rule_21_seen_twice_thirty_seconds_apart() -> None:
    assert not is_seen_twice(None, NOON)
    assert not is_seen_twice(NOON, NOON + timedelta(seconds=29))
    assert is_seen_twice(NOON, NOON + timedelta(seconds=30))


def test_rule_08_in_weights_mode_the_tolerance_stands_in() -> None:
    assert repaired(aim("1.49", "1"), sizing=SizingMode.WEIGHTS) == [False]
    assert repaired(aim("1.5", "1"), sizing=SizingMode.WEIGHTS) == [True]


def test_rule_23_ten_missed_or_two_unexplained() -> None:
    assert not needs_resync(missed_events=9, unexplained_orders=1)
    assert needs_resync(missed_events=10, unexplained_orders=0)
    assert needs_resync(missed_events=0, unexplained_orders=2)


def test_rule_03_a_gap_is_a_number_left_out() -> None:
    assert [has_gap(seen=4, seq=seq) for seq in (3, 4, 5, 6)] == [False, False, False, True]


def test_without_drift_nothing_is_repaired() -> None:
    assert repaired(aim("1", "1")) == [False]
    assert aim("1", "1").drift == ZERO
