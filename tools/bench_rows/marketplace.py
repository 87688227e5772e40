"""The marketplace at size: searching and ranking 100,000 listings, and the page of one with a long past."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.bench_rows import Measurement, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
LISTINGS, REVIEWS = 100_000, 500


@row(
    "listing_search",
    what="search with facets, 100,000 listings, p95, PostgreSQL",
    unit="ms",
    target=at_most(60),
    services=True,
)
def listing_search(environment: Mapping[str, str]) -> Measurement:
    """Thirteen questions twelve times over: words that half of all have, few, or none, misspelt ones, facets of all kinds."""
    found = _run("search", LISTINGS, environment)
    slowest = f"slowest {found['of']:.0f} ms: {found['slowest'] or 'everything'}"
    return Measurement([found["p95"]], note=f"median {found['median']:.0f} ms, {slowest}")


@row("ranking", what="ranking refreshed, 100,000 listings, PostgreSQL", unit="s", target=at_most(60), services=True)
def ranking(environment: Mapping[str, str]) -> Measurement:
    """Where every figure moved since the last hour: index, exclusions, places."""
    found = _ranked(environment)
    return Measurement([found["again"]], note=f"from nothing {found['first']:.1f} s")


@row("ranking_step", what="100 of 100,000 listings ranked anew, PostgreSQL", unit="s", target=at_most(2), services=True)
def ranking_step(environment: Mapping[str, str]) -> Measurement:
    """What was published or changed takes its place at once."""
    return Measurement([_ranked(environment)["few"]])


@row(
    "similar", what="similar listings found, 100,000 listings, PostgreSQL", unit="s", target=at_most(300), services=True
)
def similar(environment: Mapping[str, str]) -> Measurement:
    """Once a day: sixty days of each read, every pair within a kind of money compared, half a million rows written."""
    found = _run("similar", LISTINGS, environment)
    return Measurement([found["seconds"]], note=f"{found['pairs']:,} pairs")


@row(
    "listing_page",
    what="listing page, 3 years of days, 500 reviews, p95 server time",
    unit="ms",
    target=at_most(80),
    services=True,
)
def listing_page(environment: Mapping[str, str]) -> Measurement:
    """The whole page, through every middleware, as somebody who is not signed in."""
    found = _run("page", REVIEWS, environment)
    return Measurement([found["p95"]], note=f"median {found['median']:.0f} ms")


_kept: dict[str, Any] = {}


def _ranked(environment: Mapping[str, str]) -> Any:
    """Measure once for both rows: making the listings takes longer."""
    if "ranking" not in _kept:
        _kept["ranking"] = _run("ranking", LISTINGS, environment)
    return _kept["ranking"]


def _run(kind: str, count: int, environment: Mapping[str, str]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tools.marketplace_job", kind, str(count)]
        own = {**environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{kind} broke off: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])
