"""Paths: real candles are walked exactly, made ones repeat from their seed, a quotient closes the triangle."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.market_sim import SimulatedAsset
from sandbox.core.klines import DAY_MS, bucket_start
from sandbox.core.paths import Bar, BarFile, CandlePath, Knot, LeaningPath, MadeMarket, MadePath, QuotientPath
from tests.markets.files import write_shared_parquet
from tests.sandbox.core.places import exact

D = Decimal
MINUTE = 60_000
UP = Bar(0, D(100), D(107), D(98), D(105), D(60))
DOWN = Bar(MINUTE, D(105), D(106), D(90), D(91), D(30))


@pytest.mark.parametrize("every_ms", [250, 1000, 10_000, 60_000])
def test_a_bar_is_walked_through_its_extremes_and_its_volume_is_whole(every_ms: int) -> None:
    path = CandlePath([UP, DOWN], DAY_MS, lead=0)
    knots = path.knots(DAY_MS - 1, DAY_MS + MINUTE - 1, every_ms)
    prices = [knot.price for knot in knots]
    assert exact(prices[0], max(prices), min(prices), prices[-1]) == exact(100, 107, 98, 105)
    assert prices.index(D(98)) < prices.index(D(107))
    assert sum(knot.volume for knot in knots) == D(60)


def test_a_falling_bar_goes_up_first() -> None:
    prices = [
        knot.price
        for knot in CandlePath([replace(DOWN, opened_ms=0), DOWN], DAY_MS, lead=0).knots(
            DAY_MS - 1, DAY_MS + MINUTE - 1, 1000
        )
    ]
    assert exact(prices[0], max(prices), min(prices), prices[-1]) == exact(105, 106, 90, 91)
    assert prices.index(D(106)) < prices.index(D(90))


def test_bars_are_moved_by_whole_days_and_turn_at_their_end() -> None:
    path = CandlePath([UP, DOWN], 5 * DAY_MS + 3 * MINUTE, lead=1)
    assert path.first_ms % DAY_MS == 0
    assert [path.bar(number).open for number in range(5)] == [100, 105, 91, 105, 100]
    assert path.bar(2).opened_ms == path.first_ms + 2 * MINUTE


def test_knots_of_two_stretches_join_without_gap_or_double() -> None:
    path = CandlePath([UP, DOWN], DAY_MS, lead=0)
    whole = path.knots(DAY_MS - 1, DAY_MS + 90_000, 1000)
    halves = path.knots(DAY_MS - 1, DAY_MS + 33_333, 1000) + path.knots(DAY_MS + 33_333, DAY_MS + 90_000, 1000)
    assert halves == whole


def test_a_file_gives_decimals_as_they_were_written(tmp_path: Path) -> None:
    file = write_shared_parquet(
        tmp_path / "a.parquet", [(0, 0.1, 0.3, 0.1, 0.2, 1e-05), (MINUTE, 1.0, 1.0, 1.0, 1.0, 2.0)]
    )
    bars = BarFile(file)
    assert (len(bars), bars[0]) == (2, Bar(0, D("0.1"), D("0.3"), D("0.1"), D("0.2"), D("0.00001")))
    assert bars[0:2][1].volume == D(2)


def made(seed: int) -> MadePath:
    asset = SimulatedAsset(100.0, 0.01, 0.03, 0.5, 10.0)
    return MadePath(MadeMarket([asset], seed, 1_000_000), 0)


def test_a_made_market_repeats_from_its_seed() -> None:
    start = 1_000_000 * MINUTE
    first, again, other = (made(seed).knots(start, start + 10 * MINUTE, 1000) for seed in (7, 7, 8))
    assert first == again != other
    assert len(first) == 600
    assert made(7).knots(start + MINUTE, start + 2 * MINUTE, 1000) == first[60:120]


class Fixed:
    """A path that stands still."""

    def __init__(self, price: str) -> None:
        self.price = D(price)

    def knots(self, after_ms: int, until_ms: int, every_ms: int) -> list[Knot]:
        return [
            Knot(at_ms, self.price, D(10))
            for at_ms in range(bucket_start(after_ms, "1m") + every_ms, until_ms + 1, every_ms)
        ]


def test_a_quotient_closes_the_triangle() -> None:
    knots = QuotientPath(Fixed("3000"), Fixed("60000")).knots(0, 3000, 1000)
    assert knots == [Knot(at_ms, D("0.05"), D(1)) for at_ms in (1000, 2000, 3000)]


def test_a_lean_stays_within_its_basis_points() -> None:
    prices = [knot.price for knot in LeaningPath(Fixed("10000"), 5, 60_000).knots(0, 60_000, 1000)]
    assert (min(prices), max(prices)) == (D(9995), D(10005))
