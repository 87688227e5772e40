"""What a look through all books for opportunities takes, warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine.scanners.books import Books
from engine.scanners.spreads import scan_spreads
from engine.scanners.triangles import scan_triangles, triangles_of
from tools.bench_rows import Measurement, at_most, row

DEPTH, REPETITIONS = 10, 51
VENUES, INSTRUMENTS = 10, 500
FEE = 0.0002


def _milliseconds(work: Callable[[], Any]) -> list[float]:
    work()
    times = []
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1e3)
    return times


def _books(middles: Any, noise: float, seed: int) -> Books:
    """Return books around `middles` (any shape), each off by some noise of its own."""
    random = np.random.default_rng(seed)
    shape = np.shape(middles)
    centre = np.asarray(middles) * np.exp(random.normal(0.0, noise, shape))
    away = np.cumsum(random.uniform(0.00005, 0.0002, (2, *shape, DEPTH)), axis=-1)
    sizes = random.uniform(0.1, 10.0, (2, *shape, DEPTH))
    bids, asks = centre[..., None] * (1.0 - away[0]), centre[..., None] * (1.0 + away[1])
    return Books(bids, sizes[0], asks, sizes[1], np.zeros(shape, np.int64))


@row(
    "scan_triangles",
    what="triangular scan of 500 instruments' books, 10 levels",
    unit="ms",
    target=at_most(2),
)
def triangles(environment: Mapping[str, str]) -> Measurement:
    """125 coins, each against USDT, USDC, BTC and EUR, and these four against each other; some triangles pay."""
    random = np.random.default_rng(1)
    quotes = {"USDT": 1.0, "USDC": 1.0, "EUR": 1.1, "BTC": 60_000.0}
    worth = {f"C{place}": float(random.uniform(0.1, 4_000.0)) for place in range(125)} | quotes
    pairs = [(coin, quote) for coin in worth if coin not in quotes for quote in quotes][: INSTRUMENTS - 6]
    pairs += [("BTC", "USDT"), ("BTC", "USDC"), ("BTC", "EUR"), ("USDC", "USDT"), ("EUR", "USDT"), ("EUR", "USDC")]
    books = _books([worth[base] / worth[quote] for base, quote in pairs], 0.0004, 2)
    known, fees = triangles_of(pairs), np.full(len(pairs), FEE)
    found = scan_triangles(known, books, fees)
    note = f"{len(pairs)} instruments, {len(known)} triangles, of which {len(found)} pay"
    return Measurement(_milliseconds(lambda: scan_triangles(known, books.fresh(0, 1), fees)), note=note)


@row("scan_spreads", what="cross-venue scan, 10 venues of 500 books, 10 levels", unit="ms", target=at_most(2))
def spreads(environment: Mapping[str, str]) -> Measurement:
    """All 45,000 ordered pairs of venues; most do not pay at their best prices, as on real markets."""
    middles = np.random.default_rng(3).uniform(0.1, 60_000.0, INSTRUMENTS)
    books, fees = _books(np.tile(middles, (VENUES, 1)), 0.0003, 4), np.full((VENUES, INSTRUMENTS), FEE)
    found = scan_spreads(books, fees)
    note = f"{VENUES * (VENUES - 1) * INSTRUMENTS:,} pairs, of which {len(found):,} pay"
    return Measurement(_milliseconds(lambda: scan_spreads(books.fresh(0, 1), fees)), note=note)
