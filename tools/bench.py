"""Measures every number we promise and prints one table; exits with 1 when one is missed.

python -m tools.bench [--only NAME …]
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tools import bench_rows
from tools.bench_rows import Measurement, Row
from tools.services import ServicesError, leave_cleanly_on_signals, running_services

HEADINGS = ("what", "measured median", "peer or limit", "ratio", "target", "")


@dataclass(frozen=True)
class Result:
    """A row and what came of it: a measurement, or the reason why there is none."""

    row: Row
    measurement: Measurement | None
    failure: str = ""

    @property
    def is_met(self) -> bool:
        """Tell whether the promise holds; what could not be measured does not hold."""
        return self.measurement is not None and self.row.target.is_met(self.measurement)


def load_rows() -> dict[str, Row]:
    """Import every module of tools.bench_rows, each of which registers its rows, and return them all by name."""
    for module in pkgutil.iter_modules(bench_rows.__path__, "tools.bench_rows."):
        importlib.import_module(module.name)
    return bench_rows.ROWS


def measure(rows: Iterable[Row]) -> Iterable[Result]:
    """Measure row by row, with services from the first row on that asks for them."""
    plain = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
    served: Mapping[str, str] = {}
    with ExitStack() as stack:
        for row in rows:
            if row.services and not served:
                served = plain | stack.enter_context(running_services(durable=True))
            yield _measured(row, served if row.services else plain)


def _measured(row: Row, environment: Mapping[str, str]) -> Result:
    try:
        return Result(row, row.measure(environment))
    except Exception as error:  # one broken row must not hide the others' numbers
        return Result(row, None, f"{type(error).__name__}: {error}")


def cells(result: Result) -> tuple[str, ...]:
    """Return the six cells of one line of the table."""
    row, found = result.row, result.measurement
    target = f"{row.target.sense} {number(row.target.bound)} {'×' if row.target.of == 'ratio' else row.unit}"
    verdict = "met" if result.is_met else "MISSED"
    if found is None:
        return (row.what, "failed", "–", "–", target, verdict)
    peer = "–" if found.peer is None else f"{number(found.peer)} {row.unit}"
    ratio = "–" if found.ratio is None else f"{number(found.ratio)} ×"
    return (row.what, f"{number(found.median)} {row.unit}", peer, ratio, target, verdict)


def number(value: float) -> str:
    """Write a number with the digits that can be compared: three or so, and no idle zeros behind the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if abs(value) >= 10 else 3}f}".rstrip("0").rstrip(".")


def table(results: Sequence[Result]) -> str:
    """Lay the results out in columns, with notes and failures underneath."""
    lines = [HEADINGS, *(cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "-|-".join("-" * width for width in widths))
    for result in results:
        remark = result.failure or (result.measurement.note if result.measurement else "")
        text += [f"{result.row.name}: {remark}"] if remark else []
    return "\n".join(text)


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for and print the table; return 0 when all are met, 1 when not, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these rows alone")
    options = parser.parse_args(arguments)
    rows = load_rows()
    names = options.only or [name for name, one in rows.items() if not one.only_by_name]
    unknown = [name for name in names if name not in rows]
    if unknown:
        print(f"There is no row {unknown[0]}; there are {', '.join(sorted(rows))}.", file=sys.stderr)
        return 2
    leave_cleanly_on_signals()
    results: list[Result] = []
    try:
        for result in measure([rows[name] for name in names]):
            print(f"measured {result.row.name}", file=sys.stderr, flush=True)
            results.append(result)
    except ServicesError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(results))
    return 0 if all(result.is_met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
