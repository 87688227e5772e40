"""Seeds 1 to 20: whatever is lost, doubled, late, wrong or killed, everything that must hold does (make soak plays fresh ones)."""

from __future__ import annotations

import pytest

from trading.simulation.running import run_seed

SEEDS, PIECE = 20, 5


@pytest.mark.parametrize("first", range(1, SEEDS + 1, PIECE))
def test_everything_holds(first: int) -> None:
    verdicts = [run_seed(seed) for seed in range(first, first + PIECE)]
    assert [str(verdict) for verdict in verdicts if verdict.failure] == []
    assert sum(verdict.fills for verdict in verdicts) > 0
