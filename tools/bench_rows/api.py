"""What the API costs: a list beside hand-written and ordinary ones, an order until it is accepted, a token's check."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tools.bench_rows import Measurement, at_least, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent


@row(
    "api_list",
    what="GET 50 orders of 15 fields, gunicorn, one process, against hand-written values() + orjson",
    unit="/s",
    target=at_least(0.9, of="ratio"),
    services=True,
)
def api_list(environment: Mapping[str, str]) -> Measurement:
    """Requests in turns over one connection; rates are those of the median request."""
    found = _found(environment)
    note = f"{found['list_rate'] / found['serialized_rate']:.2f} × a ModelSerializer ({found['serialized_rate']:.0f}/s)"
    return Measurement([found["list_rate"]], peer=found["by_hand_rate"], note=note)


@row("api_list_p95", what="the same list: p95", unit="ms", target=at_most(5), services=True)
def api_list_p95(environment: Mapping[str, str]) -> Measurement:
    """Of the same run."""
    found = _found(environment)
    return Measurement([found["list_p95"]], note=f"by hand {found['by_hand_p95']:.1f} ms")


@row(
    "api_order",
    what="POST an order under an Idempotency-Key until it is accepted: p95",
    unit="ms",
    target=at_most(40),
    services=True,
)
def api_order(environment: Mapping[str, str]) -> Measurement:
    """190 orders, one after the other, gunicorn, PostgreSQL and Redis."""
    found = _found(environment)
    return Measurement([found["orders_p95"]], note=f"median {found['orders_median']:.1f} ms")


@row("token_check", what="checking a known API token", unit="ms", target=at_most(0.3), services=True)
def token_check(environment: Mapping[str, str]) -> Measurement:
    """In the process that knows it, scope and the owner's copy included; no query."""
    return Measurement([_found(environment)["token_check"]])


def _found(environment: Mapping[str, str]) -> dict[str, float]:
    return _measured(tuple(sorted(environment.items())))


@cache
def _measured(environment: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """Measure once for all rows, on a database and Redis keys of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = dict(environment) | {"SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        own |= {"SLIPSTREAM_REDIS_PREFIX": "api-bench:"}
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=own, check=True)
        command = [sys.executable, "-m", "tools.api_bench.run"]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the measurement broke off: {done.stderr.strip()[-400:]}")
    return {name: float(value) for name, value in json.loads(done.stdout).items()}
