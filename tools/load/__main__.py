"""python -m tools.load [--seconds 60] [--users 1000] [--seed 1] [--keep FOLDER]: one line of JSON; exit 1 where a promise is broken.

The processes of the Procfile run on a PostgreSQL and a Redis of their own, the people in one process beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import django

from tools.load.people import Act, Figures, people
from tools.load.site import site
from tools.services import leave_cleanly_on_signals

USERS = 1_000
# Every fifth keeps a socket open.
WATCHING = 5
P95_SECONDS = 0.5


def main(arguments: Sequence[str]) -> int:
    """Start the site, let people at it, and tell what they found."""
    parser = argparse.ArgumentParser(prog="python -m tools.load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they act")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seed", type=int, default=1, help="decides who does what, and when")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what the processes said in this folder")
    options = parser.parse_args(arguments)
    leave_cleanly_on_signals()
    with tempfile.TemporaryDirectory(prefix="slipstream-load-") as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        with site(folder) as running:
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
            django.setup()
            from tools.load.scene import left_undone, scene

            members, instrument = scene(options.users)
            running.start()
            figures = asyncio.run(
                people(running.web, running.sockets, members, instrument, options.seed, options.seconds, WATCHING)
            )
            found = figures.failures() + running.fallen() + left_undone(figures.count(Act.ORDER))
    print(json.dumps(report(figures, found)), flush=True)
    return int(bool(found) or figures.p95() > P95_SECONDS)


def report(figures: Figures, found: list[str]) -> dict[str, object]:
    """Return what is printed: counts, waits in milliseconds, the mean rate, and what went wrong."""
    waits = {
        act.value: {"count": figures.count(act), "p50_ms": figures.ms(0.5, act), "p95_ms": figures.ms(0.95, act)}
        for act in Act
    }
    return {
        "requests": figures.requests,
        "per_second": round(figures.requests / figures.seconds, 1),
        "p95_ms": round(figures.p95() * 1000),
        "errors": len(found),
        "found": found[:10],
        **waits,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
