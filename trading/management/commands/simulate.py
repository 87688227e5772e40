"""`manage.py simulate`: play seeds against a simulated world and report each; exit 1 where an invariant does not hold."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import django
from django.core.management.base import BaseCommand, CommandError

from trading.simulation.plan import draw, parse
from trading.simulation.running import Verdict, run_plan, run_seed
from trading.simulation.shrinking import shrink


def seeds(text: str) -> range:
    """Read "7" or "1..60"."""
    first, _, last = text.partition("..")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        found = range(0)
    if not found or found[0] < 0:
        raise ArgumentTypeError(f"{text!r} names no seeds: write 7, or 1..60.")
    return found


class Command(BaseCommand):
    help = "Play seeds of the deterministic simulation and report what did not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seeds", type=seeds, default=range(1, 61), metavar="A..B", help="1..60 without it")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many processes")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--trace", action="store_true", help="tell all that happened, with a single seed")
        parser.add_argument("--no-shrink", action="store_true", help="do not look for the shortest failing script")
        parser.add_argument(
            "--script", type=Path, metavar="FILE", help="play the moves of a file with the first seed's ids"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = []
        with _played(options) as verdicts:
            for verdict in verdicts:
                self.stdout.write(json.dumps(verdict.as_json()) if options["json"] else str(verdict))
                if options["trace"]:
                    self.stdout.write("\n".join(verdict.trace))
                if verdict.failure:
                    failed.append(verdict)
        if failed and not options["no_shrink"] and options["script"] is None:
            self._tell_shortest(failed[0])
        if failed:
            raise CommandError(f"{len(failed)} of {len(options['seeds'])} seeds failed.")

    def _tell_shortest(self, verdict: Verdict) -> None:
        shortest, last = shrink(draw(verdict.seed), verdict.seed, verdict.kind)
        self.stderr.write(
            f"Seed {verdict.seed} fails with {len(shortest)} of its {verdict.moves} moves: {last.failure}"
        )
        self.stderr.write("\n".join(map(str, shortest)))
        self.stderr.write("What happens then:")
        self.stderr.write("\n".join(last.trace))


@contextmanager
def _played(options: dict[str, Any]) -> Iterator[Iterator[Verdict] | Sequence[Verdict]]:
    chosen: range = options["seeds"]
    if options["script"] is not None:
        yield [run_plan(parse(options["script"].read_text()), chosen[0])]
    elif options["jobs"] == 1:
        yield map(run_seed, chosen)
    else:
        with ProcessPoolExecutor(options["jobs"], get_context("spawn"), initializer=django.setup) as pool:
            yield pool.map(run_seed, chosen, chunksize=5)
