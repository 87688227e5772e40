"""The feeds of two venues against a test exchange whose faults come and go by a seed; then the candles are counted.

python -m tools.soak_feed --seed N --seconds S, in a process and with a database of its own; prints how many candles held.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markets.models import Instrument
    from tests.markets.venue_feed.exchanges import TestExchange
    from tests.markets.venue_feed.stage import Stage

ROOT = Path(__file__).resolve().parent.parent
# A minute of market passes in a second.
SPEED = 60
SYMBOLS = {"binance": ("BTC/USDT", "ETH/BTC", "DOGE/USDT"), "kraken": ("BTC/USD", "ETH/BTC")}
# What else somebody looks at now and then.
VISITED = {"binance": ("SOL/USDT", "XRP/USDT", "BNB/USDT"), "kraken": ("SOL/USD", "XRP/USD")}
# Until the healing at the end is given up.
HEAL_SECONDS = 90.0
# How much more memory there may be at the end than after the warm-up, however long the soak.
GROWTH_BYTES = 24_000_000
WARM_SHARE = 0.3
# Longer than a connection takes on a busy machine.
SILENCE_SECONDS = 4.0


def run(seed: int, seconds: float) -> int:
    """Soak in a process of its own; return how many candles held, or raise RuntimeError with what did not."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "CANDLE_DIR"}
        }
        environment |= {"SLIPSTREAM_VAR_DIR": folder, "MALLOC_ARENA_MAX": "2"}
        command = [sys.executable, "-m", "tools.soak_feed", "--seed", str(seed), "--seconds", str(seconds)]
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("\n".join(done.stderr.splitlines()[-60:]))
    return int(done.stdout.split()[-1])


def soak(seed: int, seconds: float) -> int:
    """Feed both venues through faults for so long, let them heal, and check what was stored and told."""
    from common.ids import seeded_random
    from markets.models import InterestKind
    from sandbox.venue import Setup
    from tests.markets.venue_feed.exchanges import exchange_process
    from tests.markets.venue_feed.stage import QUICK, Stage

    chooser = seeded_random("soak", seed)
    setup = Setup(
        seed=seed % 1000, history_minutes=30, knot_ms=100, speed=SPEED, spot_weight=10**6, kraken_counter=10.0**6
    )
    with exchange_process(setup) as exchange, ExitStack() as feeds:
        stages = {dialect: Stage(exchange, dialect) for dialect in SYMBOLS}
        watched = {name: [stage.instrument(one) for one in SYMBOLS[name]] for name, stage in stages.items()}
        for name, stage in stages.items():
            stage.want(watched[name], *InterestKind, seconds=seconds + 600)
            feeds.enter_context(stage.feeding(replace(QUICK, silence=dict.fromkeys(InterestKind, SILENCE_SECONDS))))
        memory = _trouble(chooser, exchange, stages, seconds)
        _heal(stages, watched)
        feeds.close()
        held = sum(_check(stages[name], one) for name, members in watched.items() for one in members)
        _check_memory(memory)
        return held


def _trouble(
    chooser: random.Random, exchange: TestExchange, stages: Mapping[str, Stage], seconds: float
) -> tuple[int, int]:
    """Let faults come and go until the time is up; return the memory in use after the warm-up and at the end."""
    begun, warm = time.monotonic(), 0
    seen: list[int] = []
    while (passed := time.monotonic() - begun) < seconds:
        if not warm and passed > seconds * WARM_SHARE:
            warm = _memory()
        if len(seen) * 60 < passed:
            seen.append(_memory())
        _forget_tasks()
        name = chooser.choice(list(stages))
        _strike(chooser, exchange, stages[name])
        _visit(chooser, name, stages[name])
        time.sleep(min(chooser.uniform(0.5, 4.0), max(0.0, seconds - (time.monotonic() - begun))))
        if chooser.random() < 0.5:
            stages[name].mend()
    print("memory every minute:", *(f"{one / 1e6:.0f}" for one in seen), file=sys.stderr)
    return warm or _memory(), _memory()


def _forget_tasks() -> None:
    """Throw away what the feeds have enqueued: no worker runs here, and the embedded broker keeps it in this memory."""
    from celery import current_app

    current_app.control.purge()


def _strike(chooser: random.Random, exchange: TestExchange, stage: Stage) -> None:
    """Switch a fault on; rarely the whole exchange is out of reach."""
    from sandbox.faults import FaultKind

    if chooser.random() < 0.08:
        exchange.hide()
        time.sleep(chooser.choice((0.3, 1.0, 3.0, 8.0)))
        exchange.show()
        return
    streams = (FaultKind.SILENT_SOCKET, FaultKind.DROP_CONNECTION)
    kind = chooser.choice(
        (
            *streams,
            FaultKind.DUPLICATE_MESSAGE,
            FaultKind.REORDER_MESSAGE,
            FaultKind.MAINTENANCE,
            FaultKind.SERVER_ERROR,
            FaultKind.LATENCY,
            FaultKind.DROPPED_RESPONSE,
            FaultKind.CLOCK_SKEW,
        )
    )
    stage.fault(
        kind,
        probability=chooser.choice((0.01, 0.1)) if kind in streams else chooser.choice((0.1, 0.5, 1.0)),
        count=chooser.choice((1, 5, 50)),
        seconds=chooser.uniform(0.05, 1.5),
        milliseconds=chooser.choice((-60_000, 60_000)),
    )


def _visit(chooser: random.Random, name: str, stage: Stage) -> None:
    """Let somebody look at another market for a few seconds."""
    from markets.models import InterestKind

    if chooser.random() < 0.4:
        one = stage.instrument(chooser.choice(VISITED[name]))
        stage.want([one], *chooser.sample(list(InterestKind), 2), seconds=chooser.uniform(1.0, 6.0))


def _heal(stages: Mapping[str, Stage], watched: Mapping[str, Sequence[Instrument]]) -> None:
    from markets.boards import FeedState
    from tests.markets.venue_feed.stage import wait_for

    for stage in stages.values():
        stage.mend()
        stage.forget()
    for name, stage in stages.items():
        for one in watched[name]:
            wait_for(lambda stage=stage, one=one: stage.price(one), HEAL_SECONDS)  # type: ignore[misc]  # bound at once
            # Told up to where the exchange stands now.
            newest = max(stage.own(one))
            wait_for(
                lambda stage=stage, one=one, newest=newest: (stage.told_of(one) or [0])[-1] >= newest,  # type: ignore[misc]  # bound at once
                HEAL_SECONDS,
            )
        wait_for(lambda stage=stage: stage.state() == FeedState.LIVE, HEAL_SECONDS)  # type: ignore[misc]  # bound at once


def _check(stage: Stage, instrument: Instrument) -> int:
    """Return how many candles of a market held."""
    for timeframe in ("1m", "5m"):
        stage.check_candles(instrument, timeframe, at_least=1)
    return len(stage.told_of(instrument)) + len(stage.told_of(instrument, "5m"))


def _check_memory(memory: tuple[int, int]) -> None:
    warm, end = (one / 1e6 for one in memory)
    print(f"memory {warm:.0f} MB after the warm-up, {end:.0f} MB at the end", file=sys.stderr)
    assert end - warm <= GROWTH_BYTES / 1e6, f"memory grew by {end - warm:.0f} MB"


def _memory() -> int:
    """Return the memory that this process holds on to, in bytes: without garbage, and without what the allocator keeps.

    The library's clients refer to themselves, and wait for the collector after each reconnect.
    """
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc's alone
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(arguments: Sequence[str]) -> int:
    """Soak as the arguments say, print how many candles held."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak_feed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    print(soak(options.seed, options.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
