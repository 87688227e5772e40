"""Measures the API on the database that the environment names; prints JSON: python -m tools.api_bench.run.

One gunicorn process of one thread serves the site as the Procfile's web process does; requests go one after the other over
one connection, in turns to each address, so that what else the machine does hits all of them alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from http.client import HTTPConnection
from statistics import median, quantiles
from typing import Any

import django

django.setup()

from accounts.models import Limit, LimitName, User  # noqa: E402  # models come after setup
from accounts.programs.checking import program_of  # noqa: E402
from accounts.programs.scopes import require_scope  # noqa: E402
from accounts.services import issue_token  # noqa: E402
from common import clock  # noqa: E402
from common.ids import new_id  # noqa: E402
from markets.models import Asset, Exchange, Instrument, Market, SourceKind  # noqa: E402
from markets.prices import put_prices  # noqa: E402
from portfolios.services.cash import open_portfolio  # noqa: E402
from tools.api_bench.urls import FIELDS  # noqa: E402
from tools.services import free_port  # noqa: E402
from trading.api import OrdersView  # noqa: E402

ORDERS, LISTS, CHECKS = 200, 300, 20_000
START_SECONDS = 120.0


def main() -> None:
    secret, wish = _scene()
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "tools.api_bench.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    gunicorn += ["--workers", "1", "--threads", "1", "--keep-alive", "30", "--log-level", "error"]
    with subprocess.Popen(gunicorn, env=os.environ) as served:
        try:
            client = _Client(port, secret)
            orders = [client.post("/api/v1/orders/", wish, key=new_id().hex) for _ in range(ORDERS)][10:]
            fields = ",".join(FIELDS)
            paths = {"list": f"/api/v1/orders/?fields={fields}", "by_hand": "/bench/by-hand/"}
            paths["serialized"] = "/bench/serialized/"
            waits: dict[str, list[float]] = {name: [] for name in paths}
            for number in range(LISTS + 20):
                for name, path in paths.items():
                    wait = client.get(path)
                    if number >= 20:
                        waits[name].append(wait)
        finally:
            served.terminate()
    found: dict[str, Any] = {"orders_p95": _p95(orders), "orders_median": median(orders) * 1000}
    found |= {f"{name}_p95": _p95(times) for name, times in waits.items()}
    found |= {f"{name}_rate": 1 / median(times) for name, times in waits.items()}
    print(json.dumps(found | {"token_check": _token_check(secret)}))


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1] * 1000


def _scene() -> tuple[str, dict[str, str]]:
    """Make somebody with a portfolio and a token without a limit, and an instrument with a price."""
    namespace = f"bench-{new_id().hex[-8:]}"
    exchange = Exchange.objects.create(
        code=namespace, name=namespace, namespace=namespace, source_kind=SourceKind.SIMULATED
    )
    btc, usdt = (Asset.objects.get_or_create(code=code)[0] for code in ("BTC", "USDT"))
    instrument = Instrument.objects.create(
        exchange=exchange,
        market=Market.objects.create(base=btc, quote=usdt, namespace=namespace),
        symbol="BTC-USDT",
        tick_size=Decimal("0.01"),
        lot_step=Decimal("0.00001"),
    )
    owner = User.objects.create_user(f"{namespace}@example.org", "correct horse")
    portfolio = open_portfolio(owner=owner, name="Bench", exchange=exchange, settlement=usdt, amount=Decimal(1_000_000))
    clock.set_market_time(namespace, clock.wall_now())
    put_prices(namespace, {str(instrument.pk): "60000"}, clock.wall_now())
    Limit.objects.filter(name=LimitName.API_REQUESTS).update(value=1_000_000)
    wish = {"portfolio": str(portfolio.pk), "instrument": str(instrument.pk), "side": "BUY", "quantity": "0.001"}
    return issue_token(user=owner, name="bench")[1], wish


def _token_check(secret: str) -> float:
    """Return what checking a token costs that is known already, its owner's copy included, in ms."""
    program_of(secret)
    began = time.perf_counter()
    for _ in range(CHECKS):
        program = program_of(secret)
        require_scope(program.token.scopes, OrdersView, "POST")
        program.user()
    return (time.perf_counter() - began) / CHECKS * 1000


class _Client:
    def __init__(self, port: int, secret: str) -> None:
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._connection = HTTPConnection("127.0.0.1", port)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.get("/healthz")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                self._connection.close()
                time.sleep(0.2)

    def get(self, path: str) -> float:
        return self._asked("GET", path, None, {}, 200)

    def post(self, path: str, body: dict[str, str], key: str) -> float:
        return self._asked("POST", path, json.dumps(body), {"Idempotency-Key": key}, 201)

    def _asked(self, method: str, path: str, body: str | None, more: dict[str, str], status: int) -> float:
        began = time.perf_counter()
        self._connection.request(method, path, body, self._headers | more)
        answer = self._connection.getresponse()
        told = answer.read()
        took = time.perf_counter() - began
        if answer.status != status:
            raise SystemExit(f"{method} {path}: {answer.status} {told[:300]!r}")
        return took


if __name__ == "__main__":
    main()
