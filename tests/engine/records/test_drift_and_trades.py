"""Drift as a table, and the hash of trades with its vector."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.records.drift import Drift, Made, compare
from engine.records.trades import trades_hash
from engine.simulation.types import TRADE_DTYPE

FIVE = 300_000


def made(text: str) -> list[Made]:
    """Return what "B0:100 S7:90.5" says: side, minutes, price."""
    return [
        Made(int(float(at) * 60_000), one[0] == "B", float(price))
        for one in text.split()
        for at, price in [one[1:].split(":")]
    ]


@pytest.mark.parametrize(
    ("live", "engine", "drift"),
    [
        ("", "", Drift(0, 0, 0, 0, None, None)),
        ("B0:100", "B0:100", Drift(1, 1, 0, 0, 0.0, 0.0)),
        ("B4.9:101", "B0:100", Drift(1, 1, 0, 0, 100.0, 100.0)),
        ("S0:99", "S0:100", Drift(1, 1, 0, 0, 100.0, 100.0)),
        ("S0:101", "S0:100", Drift(1, 1, 0, 0, -100.0, -100.0)),
        ("B5:100", "B4:100", Drift(1, 0, 1, 1, None, None)),
        ("S0:100", "B0:100", Drift(1, 0, 1, 1, None, None)),
        ("", "B0:100 S9:101", Drift(2, 0, 2, 0, None, None)),
        ("B0:100 S1:101", "", Drift(0, 0, 0, 2, None, None)),
        ("B0:101 S6:100 B1:100", "B0:100 S6:101", Drift(2, 2, 0, 1, 99.50495049504951, 100.0)),
        ("B2:102 B1:101", "B1:100 B2:101", Drift(2, 2, 0, 0, 99.50495049504951, 100.0)),
    ],
)
def test_what_is_missed_extra_and_mispriced(live: str, engine: str, drift: Drift) -> None:
    found = compare(made(live), made(engine), candle_ms=FIVE)
    assert _close(found, drift)


def _close(found: Drift, wanted: Drift) -> bool:
    counts = [(one.wished, one.matched, one.missed, one.extra) for one in (found, wanted)]
    assert counts[0] == counts[1]
    assert (found.mispriced_bps, found.worst_bps) == pytest.approx((wanted.mispriced_bps, wanted.worst_bps))
    return True


def trades() -> NDArray[np.void]:
    found = np.zeros(2, dtype=TRADE_DTYPE)
    found["opened_at"], found["closed_at"] = [1000, 3000], [2000, 4000]
    found["open_price"], found["close_price"] = [100.1, 0.1 + 0.2], [101.5, 1e-9]
    found["quantity"], found["profit"], found["funding"] = [1.5, 2], [-0.0, math.nan], [0.0, 1.0]
    return found


def test_the_first_versions_vector_never_changes() -> None:
    assert trades_hash(trades()) == "5fa72bd528147428c0efb9297e911f52c1f062820c560620b22de85acddb55ec"


def test_the_last_bits_and_what_is_derived_do_not_matter_and_all_else_does() -> None:
    same, hash_ = trades(), trades_hash(trades())
    same["open_price"][1], same["profit"][0], same["best_ratio"] = 0.3, 0.0, 9.0
    assert trades_hash(same) == hash_
    for name in ("opened_at", "close_price", "quantity", "fees", "exit_reason", "is_short"):
        other = trades()
        other[name][1] += 1
        assert trades_hash(other) != hash_, name
    assert trades_hash(trades()[::-1]) != hash_
    assert trades_hash(trades()[:1]) != hash_
