"""Reads the known answers in the folder that CONFORMANCE_DIR names; without it, each topic is one skipped test.

Use: @pytest.mark.parametrize("case", cases("metrics")). Paths inside a case are relative to that folder's parent.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from _pytest.mark import ParameterSet

from engine.candles import Candles
from tests.environment import conformance_dir

Case = dict[str, Any]


def topic(name: str) -> dict[str, Any]:
    """Return a topic's whole file (tables that cases share stand beside them); empty while CONFORMANCE_DIR is unset."""
    folder = conformance_dir()
    if folder is None:
        return {}
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def cases(name: str, **wanted: str) -> list[ParameterSet]:
    """Return a topic's cases as pytest parameters with their ids; `wanted` keeps those whose fields have these values.

    While CONFORMANCE_DIR is unset: one empty case that is skipped and says so.
    """
    if conformance_dir() is None:
        reason = "CONFORMANCE_DIR is unset: name the folder of conformance cases in it"
        return [pytest.param({}, id="unset", marks=pytest.mark.skip(reason=reason))]
    found: list[Case] = topic(name)["cases"]
    return [
        pytest.param(case, id=case["id"])
        for case in found
        if all(case.get(field) == value for field, value in wanted.items())
    ]


def assert_all_are_of(name: str, field: str, known: set[str]) -> None:
    """Fail if a topic has a case that no test of its module would pick up."""
    others = {case["id"]: case.get(field) for case in topic(name).get("cases", []) if case.get(field) not in known}
    assert not others, f"nothing runs these cases of {name}: {others}"


@cache
def _whole(path: Path) -> Candles:
    table = pq.read_table(path)
    return Candles(
        table.column("timestamp").to_numpy().astype(np.int64),
        *(table.column(name).to_numpy().astype(np.float64) for name in ("open", "high", "low", "close", "volume")),
    )


def candles_of(file: str, first_row: int = 0, rows: int | None = None) -> Candles:
    """Return `rows` candles of a case's file from its row `first_row` (0-based) on; all that follow by default."""
    folder = conformance_dir()
    assert folder is not None, "cases() skips before this is reached"
    whole = _whole(folder.parent / file)
    return whole.part(first_row, len(whole) if rows is None else first_row + rows)
