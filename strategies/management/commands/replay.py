"""`manage.py replay`: the main job without a browser, and the tool by which it is proven. Exit 1 where a check fails."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import clock, ids
from common.errors import DomainError
from engine.copying.settings import SizingMode
from engine.strategy.templates import TEMPLATES
from markets.models import Instrument
from markets.prices import latest_prices
from markets.sources import ReplaySource
from strategies.faces import Face
from strategies.management.values import named, setting
from strategies.replay.account import account_of
from strategies.replay.cast import (
    NAMESPACE,
    Cast,
    Walk,
    crash_walk,
    crash_window,
    gather,
    load_series,
    read_walks,
    stop_all,
)
from strategies.replay.database import ReplayWorld, fresh_world, without_mail
from strategies.replay.driver import Finish, inline_workers, wait_for_workers, walk
from strategies.replay.guarding import Guarded, Looks
from strategies.replay.report import Report, as_text, make_report
from strategies.replay.storm import Storm
from strategies.replay.wishes import Wish, drawn, guards_from, written
from strategies.replay.workers import Workers, celery_workers
from trading.follow_models import StopMode
from trading.services.follow_guards import watch_follows

DEFAULT_STOP_LOSS = Decimal("0.05")


class CheckFailed(CommandError):
    """The replay is told whole, and something that has to hold does not."""


class Command(BaseCommand):
    help = "Replay candles with one lead and many followers through the platform's own services, and check every book."

    def add_arguments(self, parser: ArgumentParser) -> None:
        walked = parser.add_mutually_exclusive_group(required=True)
        walked.add_argument("--candles", action="append", type=Path, metavar="FILE", help="may be given several times")
        walked.add_argument(
            "--crash",
            action="store_true",
            help="a made crash of the seed instead: -40 %% in 20 minutes, spreads x 20, a venue that refuses and is silent",
        )
        parser.add_argument("--since", type=_moment, help="walk from this time on (UTC), such as 2023-03-10T18:00")
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
        self._add_following(parser)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--kill",
            default="",
            metavar="PLACE=CHANCE,…",
            help="with --workers celery: let workers kill themselves at these failpoints (filled, booked, copied, committed)",
        )
        parser.add_argument("--workers", choices=["inline", "celery"], default="inline")
        parser.add_argument(
            "--database", metavar="URL", help="use this empty database instead of a fresh one; it is kept"
        )
        parser.add_argument("--keep", action="store_true", help="keep the database")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def _add_following(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--follower-settings",
            type=Path,
            metavar="FILE",
            help="JSON, an object for each follower (--settings is Django's)",
        )
        parser.add_argument("--sizing-mode", choices=list(SizingMode), help="what the sizes of copies follow")
        parser.add_argument(
            "--guards",
            action="append",
            type=named,
            default=[],
            metavar="NAME=VALUE",
            help="copy_stop, daily_loss (0-1, or none) or copy_stop_kind, watched at every candle; several times",
        )
        parser.add_argument(
            "--stop-mode", choices=list(StopMode), help="stop every follow in this way after the last candle"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report, account = self._replay(options)
        except DomainError as error:
            raise CommandError(error.message) from error
        told = json.dumps({**report.as_json(), "account": account}, indent=2) if options["json"] else as_text(report)
        self.stdout.write(told)
        if not report.passed:
            raise CheckFailed("A check failed.")

    def _replay(self, options: dict[str, Any]) -> tuple[Report, dict[str, Any]]:
        began = clock.monotonic()
        with ExitStack() as stack:
            stack.enter_context(without_mail())
            world = stack.enter_context(fresh_world(database_url=options["database"], keep=options["keep"]))
            if options["keep"] or options["database"]:
                self.stderr.write(f"The database is kept: {world.database_url}")
            ids.use_seed(options["seed"])
            stack.callback(ids.use_seed, None)
            series = load_series(_walks(options))
            workers, finish = self._workers(stack, options, world)
            cast = gather(
                series=series,
                wishes=_wishes(options),
                face=Face(template=options["strategy"], values=_values(options)),
            )
            started = clock.monotonic()
            looks = self._walk(cast, options, finish, hears_all=workers is None)
            finish()
            if options["stop_mode"]:
                stop_all(cast, StopMode(options["stop_mode"]))
                finish()
            report = make_report(
                cast,
                candles=sum(len(one.candles) for one in series),
                workers=options["workers"],
                seed=options["seed"],
                setup_seconds=started - began,
                replay_seconds=clock.monotonic() - started,
                worker_deaths=workers.deaths() if workers else 0,
                guarded=looks,
            )
            return report, account_of(cast) if options["json"] else {}

    def _walk(self, cast: Cast, options: dict[str, Any], finish: Finish, *, hears_all: bool) -> Guarded | None:
        """Walk the candles; return what was seen of guards, where they are watched."""
        source = ReplaySource(cast.series)
        if not (options["guards"] or options["follower_settings"] or options["crash"]):
            walk(source.steps(), source, finish=finish, progress=self._progress, hears_all=hears_all)
            return None
        looks, instruments = Looks(), [one.instrument for one in cast.series]
        progress = partial(self._watch, finish, looks, instruments)
        if not options["crash"]:
            walk(source.steps(), source, finish=finish, progress=progress, hears_all=hears_all)
            return Guarded(looks)
        followers = [one.portfolio_id for one in cast.follows]
        storm = Storm(NAMESPACE, *crash_window(cast.series[0]), seed=options["seed"], followers=followers)
        with storm.over():
            steps = storm.steps(source.steps(), finish, lambda step: looks.see(step.at, step.prices))
            walk(steps, source, finish=finish, progress=progress, hears_all=hears_all, concerns=storm.concerns)
        return Guarded(looks, storm.weather, storm.faults)

    def _workers(self, stack: ExitStack, options: dict[str, Any], world: ReplayWorld) -> tuple[Workers | None, Finish]:
        if options["workers"] == "inline":
            return None, stack.enter_context(inline_workers(ids.seeded_random("tasks", options["seed"])))
        log = Path(settings.CANDLE_DIR).parent / "workers.log"
        environment = {**world.environment, "SLIPSTREAM_FAILPOINTS": options["kill"]}
        workers = stack.enter_context(celery_workers(environment, log))
        return workers, wait_for_workers(NAMESPACE, workers.keep_alive)

    def _watch(self, finish: Finish, looks: Looks, instruments: list[Instrument], candles: int) -> None:
        self._progress(candles)
        seen = {key: one.price for key, one in latest_prices(instruments).items()}
        hit = watch_follows(namespace=NAMESPACE)
        looks.look(clock.market_now(NAMESPACE), seen, hit)
        if hit:
            finish()

    def _progress(self, candles: int) -> None:
        if candles % 5_000 == 0:
            self.stderr.write(f"{candles} candles …")


def _walks(options: dict[str, Any]) -> list[Walk]:
    if not options["crash"]:
        return read_walks(options["candles"], options["limit"], options["since"])
    if options["workers"] != "inline":
        raise CommandError("A crash is replayed in one process: its venue is there only; leave --workers out.")
    return [crash_walk(options["seed"])]


def _moment(text: str) -> datetime:
    """Return a time as it was typed, in UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 2023-03-10T18:00") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _wishes(options: dict[str, Any]) -> list[Wish]:
    """Return who follows: as a file says, or drawn; options for all of them hold for those who are drawn."""
    if options["follower_settings"]:
        return written(options["follower_settings"])
    chance = ids.seeded_random("followers", options["seed"])
    try:
        guards = guards_from(dict(options["guards"]))
    except ValueError as error:
        raise CommandError(f"--guards: {error}") from error
    return drawn(options["followers"], chance, sizing=options["sizing_mode"], guards=guards)


def _values(options: dict[str, Any]) -> dict[str, Any]:
    """Return the template's values: those with an option of their own, then those that --set names."""
    named = {name: options[name] for name in ("fast", "slow", "share") if options[name] is not None}
    has_stop = any(field.name == "stop_loss" for field in TEMPLATES[options["strategy"]].fields)
    stop_loss = options["stop_loss"] if options["stop_loss"] is not None or not has_stop else DEFAULT_STOP_LOSS
    return {**named, **({"stop_loss": stop_loss} if stop_loss else {}), **dict(options["set"])}
