"""`manage.py backtest`: what a strategy would have done on candle files, computed here and now; no row is written."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from common.errors import DomainError, NotFound
from engine.backtest import (
    BacktestError,
    BacktestSpec,
    Costs,
    MarketData,
    TradedInstrument,
    spec_from_json,
    spec_json,
)
from engine.simulation.types import InstrumentRules
from engine.statistics.catalogue import CATALOGUE
from engine.strategy.templates import TEMPLATES
from engine.strategy.types import Graph, StrategyError
from engine.timeframes import timeframe_ms
from markets.importing import CandleFile, read_candle_file, steps_seen
from strategies.computing import Answer, Trials, backtest
from strategies.faces import Face, graph_of, graph_of_version
from strategies.management.values import setting
from strategies.models import StrategyVersion
from strategies.presenting.results import written


class Command(BaseCommand):
    help = "Compute a backtest on candle files: by a spec, a stored strategy, a template or a formula."

    def add_arguments(self, parser: ArgumentParser) -> None:
        given = parser.add_mutually_exclusive_group(required=True)
        given.add_argument("--spec", type=Path, help="a frozen spec as JSON, as the API shows it")
        given.add_argument("--strategy", help="the id of a stored strategy, whose newest version is taken")
        given.add_argument("--template", choices=list(TEMPLATES))
        given.add_argument("--formula", type=Path, help="a file with a formula")
        parser.add_argument(
            "--set", action="append", type=setting, default=[], metavar="NAME=VALUE", help="one of the parameters"
        )
        parser.add_argument(
            "--candles", type=Path, nargs="+", required=True, metavar="FILE", help="one file for each instrument"
        )
        parser.add_argument("--cash", type=float, default=10_000.0)
        parser.add_argument("--fee", type=float, default=0.001, help="a side, as a ratio (0.001 is 0.1 %%)")
        parser.add_argument("--json", action="store_true", help="print the whole result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            files = [read_candle_file(path) for path in options["candles"]]
            spec = _spec(options, files)
            data = {symbol_of(one): MarketData(one.candles) for one in files}
            found = backtest(_quiet, spec_json(spec), data, Trials())
        except DomainError as error:
            raise CommandError(error.message) from error
        except (BacktestError, StrategyError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(found.summary, indent=2) if options["json"] else _as_text(found))


def _quiet(progress: float) -> None:
    """Say nothing: one backtest takes less than a second."""


def _spec(options: dict[str, Any], files: list[CandleFile]) -> BacktestSpec:
    if options["spec"]:
        return spec_from_json(json.loads(options["spec"].read_text()))
    if len({one.timeframe for one in files}) != 1:
        raise DomainError("TIMEFRAMES_APART", "Give files of one timeframe.")
    timeframe = files[0].timeframe
    values = {name: float(value) for name, value in options["set"]} if not options["template"] else {}
    return BacktestSpec(
        graph=_graph(options),
        instruments=tuple(_instrument(one) for one in files),
        timeframe=timeframe,
        start_ms=min(int(one.candles.opened_at[0]) for one in files),
        end_ms=max(int(one.candles.opened_at[-1]) for one in files) + timeframe_ms(timeframe),
        values=values,
        costs=Costs(initial_cash=options["cash"], maker_fee=options["fee"], taker_fee=options["fee"]),
    )


def _graph(options: dict[str, Any]) -> Graph:
    if options["template"]:
        return graph_of(Face(template=options["template"], values=dict(options["set"])))
    if options["formula"]:
        return graph_of(Face(formula=options["formula"].read_text()))
    try:
        newest = StrategyVersion.objects.filter(strategy=UUID(options["strategy"])).order_by("-number").first()
    except ValueError:
        newest = None
    if newest is None:
        raise NotFound("strategy")
    return graph_of_version(newest)


def _instrument(file: CandleFile) -> TradedInstrument:
    """Return the file's instrument, traded in steps as fine as its figures."""
    tick_size, lot_step = (float(step) for step in steps_seen(file.candles))
    return TradedInstrument(symbol_of(file), rules=InstrumentRules(tick_size=tick_size, lot_step=lot_step))


def symbol_of(file: CandleFile) -> str:
    return file.pair or file.path.stem


def _as_text(found: Answer) -> str:
    """Return the metrics that are known, one a line, and the verdict."""
    lines = [
        f"{metric.label:<28} {written(metric, found.summary['metrics'][key], '').rstrip()}"
        for key, metric in CATALOGUE.items()
        if found.summary["metrics"].get(key) is not None
    ]
    said = found.summary["verdict"]
    return "\n".join([*lines, "", said["headline"], *(f"- {one['text']}" for one in said["reasons"])])
