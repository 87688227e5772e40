"""How long after a lead's fill a follower sees the copy in an open page: the real demo, driven through a real browser."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tools.bench_rows import Measurement, at_most, row
from tools.services import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "slipstream-demo"
TRADES = 40
# An instrument that the lead's strategies leave alone, so that each new row belongs to the trade just made.
SYMBOL, QUANTITY = "XRP-USDT", "400"

# Notes when each fill's row of that instrument first stood in the page, by the page's own wall clock.
_WATCH = """
() => {
  window.seenFills = {};
  const look = () => document.querySelectorAll('tr[id^="fill-"]').forEach(row => {
    if (!(row.id in window.seenFills)) window.seenFills[row.id] = Date.now();
  });
  look();
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
}
"""


@row(
    "fill_to_page",
    what="lead's fill → row in a follower's open page, p95, embedded demo",
    unit="ms",
    target=at_most(1000),
)
def fill_to_page(environment: Mapping[str, str]) -> Measurement:
    """Trade by hand as the lead, and note when each copy's fill appears in the follower's page. One value: the p95."""
    with _demo(environment) as address, _follower_page(address) as (page, follower):
        lead = _Client(address, "alice@demo.local")
        portfolio = lead.get("/portfolios/")["results"][0]["id"]
        instrument = next(one["id"] for one in lead.get("/instruments/")["results"] if one["symbol"] == SYMBOL)
        waits = [_trade(lead, follower, page, portfolio, instrument, number) for number in range(TRADES)]
    note = f"{TRADES} trades: median {median(waits):.0f} ms, most {max(waits):.0f} ms"
    return Measurement([quantiles(waits, n=20)[-1]], note=note)


def _trade(lead: _Client, follower: _Client, page: Page, portfolio: str, instrument: str, number: int) -> float:
    """Make one trade and return the milliseconds between the lead's fill and the row of its copy in the page."""
    side = "BUY" if number % 2 == 0 else "SELL"
    order = {"portfolio": portfolio, "instrument": instrument, "side": side, "quantity": QUANTITY}
    placed = lead.post("/orders/", order)
    page.wait_for_function("known => Object.keys(window.seenFills).length > known", arg=_known(page))
    fill = next(one for one in lead.get("/fills/")["results"] if one["order"] == placed["id"])
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        copies = [one for one in follower.get("/fills/")["results"] if one["symbol"] == SYMBOL]
        copy = next((one for one in copies if one["recorded_at"] >= fill["recorded_at"]), None)
        seen = page.evaluate("id => window.seenFills[id]", f"fill-{copy['id']}") if copy else None
        if seen is not None:
            return float(seen - datetime.fromisoformat(fill["recorded_at"]).timestamp() * 1000)
        time.sleep(0.05)
    raise RuntimeError(f"trade {number} never reached the follower's page")


def _known(page: Page) -> int:
    return int(page.evaluate("() => Object.keys(window.seenFills).length"))


class _Client:
    """A program that talks to the API as one person."""

    def __init__(self, address: str, email: str) -> None:
        self._address = f"{address}/api/v1"
        self._token = ""
        self._token = self.post("/tokens/", {"email": email, "password": PASSWORD, "name": "bench"})["token"]

    def get(self, path: str) -> Any:
        return self._call(path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call(path, body)

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self._address + path, data, headers)) as answer:
            return json.load(answer)


@contextmanager
def _demo(environment: Mapping[str, str]) -> Iterator[str]:
    """Serve a fresh demo and yield its address."""
    with tempfile.TemporaryDirectory() as folder, demo_site({**environment, "SLIPSTREAM_VAR_DIR": folder}) as address:
        yield address


@contextmanager
def demo_site(environment: Mapping[str, str]) -> Iterator[str]:
    """Serve the demo with what the environment says, SLIPSTREAM_VAR_DIR among it, and yield its address."""
    port = free_port()
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if not any("is running at" in line for line in process.stdout):
                raise RuntimeError("the demo did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def _follower_page(address: str) -> Iterator[tuple[Page, _Client]]:
    """Open the follower's portfolio in Chromium, watched, and yield it with the follower's API client."""
    follower = _Client(address, "bob@demo.local")
    followed = follower.get("/follows/")["results"][0]["portfolio"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(f"{address}/accounts/login/")
        page.fill("input[name=login]", "bob@demo.local")
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.goto(f"{address}/portfolios/{followed}/")
        page.evaluate(_WATCH)
        yield page, follower
        browser.close()
