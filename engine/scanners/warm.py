"""Makes a process ready to scan: the kernels compiled, or loaded from numba's cache."""

from __future__ import annotations

import numpy as np

from engine.scanners.books import Books
from engine.scanners.spreads import scan_spreads
from engine.scanners.triangles import scan_triangles, triangles_of


def warm() -> None:
    """Run the kernels once on empty books. There is one signature of each, so nothing is left to compile after it."""
    triangles = triangles_of([("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC")])
    scan_triangles(triangles, Books.empty(3, depth=2), np.zeros(3))
    scan_spreads(Books.empty(2, 3, depth=2), np.zeros((2, 3)))
