"""One seed of the drill: people trade while processes die, then everything runs again until venue and database agree."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import httpx
from django.db import OperationalError, connection

from portfolios.models import ExchangeAccount
from tools.drill.driver import Driver, at_work
from tools.drill.judge import judge
from tools.drill.killer import Killer
from tools.drill.people import Cast
from tools.drill.stage import Stage
from trading.models import CauseKind, Fill, Order

# How long venue and database may take to agree once nobody is killed any more.
QUIET_SECONDS = 240.0
# Whoever has bought something can sell it.
_UNDISTURBED_SECONDS = 4.0


def play(stage: Stage, cast: Cast, seed: int, seconds: float) -> dict[str, Any]:
    """Play a seed and return its report; `found` lists what does not agree, over all that the site has seen."""
    began = time.monotonic()
    before = _counts()
    stage.fallen.clear()
    drivers = [
        Driver(stage, cast, trader, Random(f"driver {seed} {number}")) for number, trader in enumerate(cast.traders)
    ]
    killer = Killer(stage, Random(f"killer {seed}"))
    with at_work(drivers):
        time.sleep(_UNDISTURBED_SECONDS)
        killer.rage(seconds, lambda: _is_calm(cast))
    acted = time.monotonic()
    found, last = _settle(stage, cast, drivers)
    return {
        "seed": seed,
        "found": found,
        "agreed last": last,
        "deaths": dict(sorted(killer.deaths.items())),
        "faults": dict(sorted(killer.faults.items())),
        "fallen": dict(Counter(stage.fallen)),
        "answers": dict(sorted(sum((one.answers for one in drivers), Counter[str]()).items())),
        "asked again": sum(one.repeats for one in drivers),
        **dict(sorted((_counts() - before).items())),
        "seconds of action": round(acted - began, 1),
        "seconds to agree": round(time.monotonic() - acted, 1),
    }


def _is_calm(cast: Cast) -> bool:
    """Tell whether every account is reconciled: then everybody who may stand in the way of a trade is at work."""
    try:
        mine = ExchangeAccount.objects.filter(pk__in=[one.pk for one in cast.accounts], reconciled_at=None)
        return not mine.exists()
    except OperationalError:
        return False
    finally:
        connection.close()


def _settle(stage: Stage, cast: Cast, drivers: Sequence[Driver]) -> tuple[list[str], list[str]]:
    """Let nothing fail any more, and whoever signs begin anew, until venue and database agree.

    Returns how they differ when patience ends (not at all, mostly), and how they differed last.
    """
    stage.lift_the_fallen()
    stage.wait_for_exchange()
    httpx.delete(f"{stage.exchange}/sandbox/faults", timeout=10)
    stage.kill("signer")
    stage.start("signer")
    stage.wait_for_web()
    deadline = time.monotonic() + QUIET_SECONDS
    last: list[str] = []
    while True:
        for driver in drivers:
            driver.wind_up()
        keys = {key: count for driver in drivers for key, count in driver.keys.items()}
        found = judge(cast.at_venue(stage), keys)
        if not found or time.monotonic() > deadline:
            return found, last
        last = found[:3]
        time.sleep(1.0)
        stage.lift_the_fallen()


def _counts() -> Counter[str]:
    """Count what there is: orders by state and code, orders at the venue, copies, fills. Its connection may be a dead one."""
    connection.close()
    copies = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).count()
    counts = Counter({"orders at the venue": Order.objects.exclude(venue_order_id="").count(), "copies": copies})
    counts["fills"] = Fill.objects.count()
    counts.update(f"order {state} {code}".strip() for state, code in Order.objects.values_list("state", "code"))
    return counts
