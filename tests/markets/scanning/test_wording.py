"""How scanners' figures read."""

from __future__ import annotations

from typing import Any

import pytest

from markets.scanning.wording import decay, duration


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0, "0.0 s"), (499, "0.5 s"), (12_700, "12 s"), (119_999, "119 s"), (180_000, "3 min"), (7_200_000, "2 h")],
)
def test_a_length_of_time_is_in_its_largest_unit(milliseconds: int, words: str) -> None:
    assert duration(milliseconds) == words


@pytest.mark.parametrize(
    ("shrunk", "half", "words"),
    [
        (None, None, "–"),
        (0.0, None, "at its best"),
        (0.25, 4_000, "lost 25%, halves in 4.0 s"),
        (0.25, 3_600_000, "lost 25%"),
    ],
)
def test_decay_says_what_is_lost_and_how_fast(shrunk: float | None, half: int | None, words: str) -> None:
    row: Any = {"shrunk_ratio": shrunk, "half_life_ms": half}
    assert decay(row) == words
