"""`manage.py replay`: the main job without a browser, and the tool by which it is proven. Exit 1 where a check fails."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import clock, ids
from common.errors import DomainError
from engine.strategy.templates import TEMPLATES
from markets.sources import ReplaySource
from strategies.faces import Face
from strategies.management.values import setting
from strategies.replay.cast import NAMESPACE, gather, load_series
from strategies.replay.database import ReplayWorld, fresh_world, without_mail
from strategies.replay.driver import Finish, inline_workers, wait_for_workers, walk
from strategies.replay.report import Report, as_text, make_report
from strategies.replay.workers import Workers, celery_workers

DEFAULT_STOP_LOSS = Decimal("0.05")


class Command(BaseCommand):
    help = "Replay candles with one lead and many followers through the platform's own services, and check every book."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--candles", action="append", type=Path, required=True, metavar="FILE", help="may be given several times"
        )
        parser.add_argument("--limit", type=int, help="walk only the first so many candles of each file")
        parser.add_argument("--strategy", choices=list(TEMPLATES), default="ema_cross", help="the lead's, a template")
        parser.add_argument(
            "--set", action="append", type=setting, default=[], metavar="NAME=VALUE", help="one of its parameters"
        )
        parser.add_argument("--fast", type=int, help="as --set fast=…")
        parser.add_argument("--slow", type=int, help="as --set slow=…")
        parser.add_argument(
            "--share", type=Decimal, help="as --set share=…: the lead's stake per entry, as a share of equity (0-1)"
        )
        parser.add_argument(
            "--stop-loss", type=Decimal, help="distance below the entry (0-1), 0.05 without it; 0 for none"
        )
        parser.add_argument("--followers", type=int, default=100)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--kill",
            default="",
            metavar="PLACE=CHANCE,…",
            help="with --workers celery: let workers kill themselves at these failpoints (claimed, sent, booked, copied, committed)",
        )
        parser.add_argument("--workers", choices=["inline", "celery"], default="inline")
        parser.add_argument(
            "--database", metavar="URL", help="use this empty database instead of a fresh one; it is kept"
        )
        parser.add_argument("--keep", action="store_true", help="keep the database")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self._replay(options)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(report.as_json(), indent=2) if options["json"] else as_text(report))
        if not report.passed:
            raise CommandError("A check failed.")

    def _replay(self, options: dict[str, Any]) -> Report:
        began = clock.monotonic()
        with ExitStack() as stack:
            stack.enter_context(without_mail())
            world = stack.enter_context(fresh_world(database_url=options["database"], keep=options["keep"]))
            if options["keep"] or options["database"]:
                self.stderr.write(f"The database is kept: {world.database_url}")
            ids.use_seed(options["seed"])
            stack.callback(ids.use_seed, None)
            series = load_series(options["candles"], options["limit"])
            workers, finish = self._workers(stack, options, world)
            cast = gather(
                series=series,
                followers=options["followers"],
                face=Face(template=options["strategy"], values=_values(options)),
                chance=ids.seeded_random("followers", options["seed"]),
            )
            source = ReplaySource(series)
            started = clock.monotonic()
            walk(source.steps(), source, finish=finish, progress=self._progress, hears_all=workers is None)
            finish()
            return make_report(
                cast,
                candles=sum(len(one.candles) for one in series),
                workers=options["workers"],
                seed=options["seed"],
                setup_seconds=started - began,
                replay_seconds=clock.monotonic() - started,
                worker_deaths=workers.deaths() if workers else 0,
            )

    def _workers(self, stack: ExitStack, options: dict[str, Any], world: ReplayWorld) -> tuple[Workers | None, Finish]:
        if options["workers"] == "inline":
            return None, stack.enter_context(inline_workers(ids.seeded_random("tasks", options["seed"])))
        log = Path(settings.CANDLE_DIR).parent / "workers.log"
        environment = {**world.environment, "SLIPSTREAM_FAILPOINTS": options["kill"]}
        workers = stack.enter_context(celery_workers(environment, log))
        return workers, wait_for_workers(NAMESPACE, workers.keep_alive)

    def _progress(self, candles: int) -> None:
        if candles % 5_000 == 0:
            self.stderr.write(f"{candles} candles …")


def _values(options: dict[str, Any]) -> dict[str, Any]:
    """Return the template's values: those with an option of their own, then those that --set names."""
    named = {name: options[name] for name in ("fast", "slow", "share") if options[name] is not None}
    has_stop = any(field.name == "stop_loss" for field in TEMPLATES[options["strategy"]].fields)
    stop_loss = options["stop_loss"] if options["stop_loss"] is not None or not has_stop else DEFAULT_STOP_LOSS
    return {**named, **({"stop_loss": stop_loss} if stop_loss else {}), **dict(options["set"])}
