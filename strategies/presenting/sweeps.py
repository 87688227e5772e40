"""A sweep's page: the heat map over two parameters, the table of points, and what choosing the best is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from django.core.paginator import Page, Paginator
from django.db.models import F, QuerySet

from common.display import amount, money, percent, signed
from engine.strategy.encode import to_json
from engine.strategy.schema import from_json
from strategies.faces import Face
from strategies.models import Sweep, SweepPoint
from strategies.presenting.pictures import heat, heat_scale
from strategies.selectors import points_of

PAGE_SIZE = 25
# More cells a side than this are gathered: a screen shows no more, and random points rarely share a value.
MOST_CELLS = 24
# name -> label, whether it is a ratio, whether more is better, what counts as neither good nor bad.
MEASURES = {
    "total_return": ("Return", True, True, 0.0),
    "sharpe": ("Sharpe", False, True, 0.0),
    "max_drawdown_ratio": ("Maximum drawdown", True, False, None),
    "profit_factor": ("Profit factor", False, True, 1.0),
    "win_rate": ("Win rate", True, True, None),
    "trades": ("Trades", False, True, None),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the heat map: its text, its warmth, whether it is the best, which point (where it is one only)."""

    text: str
    heat: int
    is_best: bool
    number: int | None
    count: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Values of one parameter across, of another down; None where a parameter varies alone."""

    across: str
    down: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]
    is_averaged: bool
    is_gathered: bool


@dataclass(frozen=True, slots=True)
class PointRow:
    """One line of the table."""

    number: int
    values: list[str]
    figures: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SweepPage:
    """All that the page shows beside the sweep itself."""

    done: int
    measure: str
    measures: list[tuple[str, str, bool]]
    across: list[tuple[str, str, bool]]
    down: list[tuple[str, str, bool]]
    heatmap: HeatMap | None
    page: Page[SweepPoint]
    rows: list[PointRow]
    names: list[str]
    heads: list[tuple[str, str, str, str]]
    best: PointRow | None
    overfitting: Mapping[str, Any]


def sweep_page(sweep: Sweep, query: Mapping[str, str]) -> SweepPage:
    """Return what a query asks to see of a sweep; what it asks wrongly is as if it had not asked."""
    names: list[str] = list(sweep.parameters)
    labels = _labels(sweep)
    measure = query.get("measure", "") if query.get("measure") in MEASURES else "total_return"
    across = _chosen(query.get("across", ""), names, 0)
    down = _chosen(query.get("down", ""), [name for name in names if name != across], 0)
    sort = query.get("sort", f"-{measure}")
    sort = sort if sort.removeprefix("-") in {*MEASURES, *names} else f"-{measure}"
    points = list(points_of(sweep).values_list("number", "values", measure))
    page = Paginator(_sorted(sweep, names, sort), PAGE_SIZE).get_page(query.get("page"))
    best = _sorted(sweep, names, ("-" if MEASURES[measure][2] else "") + measure).first()
    return SweepPage(
        done=len(points),
        measure=measure,
        measures=[(name, label, name == measure) for name, (label, *_) in MEASURES.items()],
        across=[(name, labels[name], name == across) for name in names],
        down=[(name, labels[name], name == down) for name in names if name != across],
        heatmap=_heat_map(points, names, labels, across, down, measure) if points else None,
        page=page,
        rows=[_point_row(point) for point in page.object_list],
        names=[labels[name] for name in names],
        heads=[_head(name, MEASURES[name][0], sort) for name in MEASURES],
        best=_point_row(best) if best else None,
        overfitting=_overfitting(sweep.overfitting),
    )


def point_face(sweep: Sweep, point: SweepPoint) -> Face:
    """Return the sweep's strategy with the values of one of its points."""
    values = dict(zip(sweep.parameters, point.values, strict=True))
    graph = from_json(sweep.spec["graph"])
    parameters = tuple(replace(one, value=values.get(one.name, one.value)) for one in graph.parameters)
    return Face(graph=to_json(replace(graph, parameters=parameters)))


def _labels(sweep: Sweep) -> dict[str, str]:
    graph = from_json(sweep.spec["graph"])
    known = {one.name: one.label or one.name for one in graph.parameters}
    return {name: known.get(name, name) for name in sweep.parameters}


def _chosen(wanted: str, names: list[str], place: int) -> str:
    if wanted in names:
        return wanted
    return names[place] if place < len(names) else ""


def _sorted(sweep: Sweep, names: list[str], sort: str) -> QuerySet[SweepPoint]:
    name, points = sort.removeprefix("-"), points_of(sweep)
    key = F(name) if name in MEASURES else F(f"values__{names.index(name)}")
    ordered = key.desc(nulls_last=True) if sort.startswith("-") else key.asc(nulls_last=True)
    return points.order_by(ordered, "number")


def _head(name: str, label: str, sort: str) -> tuple[str, str, str, str]:
    direction = "" if sort.removeprefix("-") != name else "descending" if sort.startswith("-") else "ascending"
    return name, label, name if direction == "descending" else f"-{name}", direction


def _point_row(point: SweepPoint) -> PointRow:
    figures = [(label, _written(name, getattr(point, name))) for name, (label, *_) in MEASURES.items()]
    return PointRow(point.number, [_value(value) for value in point.values], figures)


def _written(measure: str, value: float | None) -> str:
    if measure == "trades":
        return amount(value)
    if not MEASURES[measure][1]:
        return money(value)
    text = percent(value, 1)
    return signed(text) if measure == "total_return" else text


def _value(value: float) -> str:
    return amount(value, 6)


def _heat_map(
    points: list[tuple[int, list[float], float | None]],
    names: list[str],
    labels: Mapping[str, str],
    across: str,
    down: str,
    measure: str,
) -> HeatMap:
    """Gather points by their values of two parameters; several in one cell are averaged."""
    x, columns, is_gathered_x = _places([values[names.index(across)] for _, values, _ in points])
    is_gathered_y, y, rows = False, np.zeros(len(points), dtype=int), [""]
    if down:
        y, rows, is_gathered_y = _places([values[names.index(down)] for _, values, _ in points])
    cells: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for (number, _, value), column, row in zip(points, x.tolist(), y.tolist(), strict=True):
        if value is not None:
            cells.setdefault((row, column), []).append((number, float(value)))
    means = {place: float(np.mean([value for _, value in found])) for place, found in cells.items()}
    neutral = MEASURES[measure][3]
    centre = float(np.median(list(means.values()))) if neutral is None and means else neutral or 0.0
    better = 1.0 if MEASURES[measure][2] else -1.0
    scale = heat_scale([value - centre for value in means.values()])
    best = max(means, key=lambda place: means[place] * better) if means else None

    def cell(place: tuple[int, int]) -> Cell:
        found = cells.get(place, [])
        if not found:
            return Cell("", 0, False, None, 0)
        warmth = heat((means[place] - centre) * better, scale)
        number = found[0][0] if len(found) == 1 else None
        return Cell(_written(measure, means[place]), warmth, place == best, number, len(found))

    return HeatMap(
        across=labels[across],
        down=labels.get(down, ""),
        columns=columns,
        rows=[(label, [cell((row, column)) for column in range(len(columns))]) for row, label in enumerate(rows)],
        is_averaged=any(len(found) > 1 for found in cells.values()),
        is_gathered=is_gathered_x or is_gathered_y,
    )


def _places(values: list[float]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[str], bool]:
    """Return each value's place along an axis, the axis' labels, and whether neighbours were gathered."""
    distinct, places = np.unique(np.array(values, dtype=float), return_inverse=True)
    if len(distinct) <= MOST_CELLS:
        return places, [_value(value) for value in distinct.tolist()], False
    edges = np.linspace(distinct[0], distinct[-1], 11)
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, 9)
    return places, [f"{amount(low, 3)} – {amount(high, 3)}" for low, high in pairwise(edges)], True


def _overfitting(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what choosing the best of a sweep is worth, in words."""
    probability = found.get("probability_of_overfitting")
    if probability is None:
        return {}
    if probability >= 0.5:
        tone, words = "danger", "Picking the best here is no better than guessing"
    elif probability >= 0.2:
        tone, words = "warn", "Picking the best here is doubtful"
    else:
        tone, words = "success", "What was best in one part of the time mostly stayed good in the others"
    sentence = (
        f"{words}: in {percent(probability, 0)} of the ways to split the time, the best combination of one half was "
        "among the worse half of all in the other (probability of backtest overfitting)."
    )
    return {"tone": tone, "sentence": sentence}
