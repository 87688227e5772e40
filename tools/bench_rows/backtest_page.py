"""How long somebody waits for a backtest's page: the real demo, a year of five-minute candles, a real browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Page, sync_playwright

from markets.candle_store import COLUMNS, TIME_COLUMN
from tools.bench_rows import Measurement, at_most, row
from tools.bench_rows.backtesting import walk
from tools.bench_rows.live_page import PASSWORD, ROOT, demo_site

CANDLES = 365 * 288
REPETITIONS = 7


@row(
    "backtest_page",
    what="click → rendered result, a year of 5-minute candles, warm worker, embedded demo",
    unit="ms",
    target=at_most(1000),
)
def backtest_page(environment: Mapping[str, str]) -> Measurement:
    """Press "Run backtest" as the demo's lead and wait for the verdict and both charts; each time another question.

    One backtest goes before, so that the worker's child is there and has read the candles.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "SLIPSTREAM_VAR_DIR": folder}
        with demo_site(own) as address:
            _import_year(own, Path(folder))
            with _lead_page(address) as page:
                form = _saved_strategy(page, address)
                waits = [_wait(page, form, cash=10_000 + number) for number in range(REPETITIONS + 1)][1:]
                trades = page.locator(".stat", has_text="Trades").locator(".stat-value").inner_text()
    return Measurement(waits, note=f"{trades} trades; fastest {min(waits):.0f} ms, slowest {max(waits):.0f} ms")


def _import_year(environment: Mapping[str, str], folder: Path) -> None:
    file = folder / "binance__BTC-USDT__5m.parquet"
    candles = walk(CANDLES, 11, "5m")
    columns = {TIME_COLUMN: candles.opened_at} | {name: getattr(candles, name) for name in COLUMNS}
    pq.write_table(pa.table(columns), file)
    command = [sys.executable, "manage.py", "import_candles", str(file)]
    subprocess.run(command, cwd=ROOT, env=dict(environment), check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _lead_page(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        # The first backtest may have to wait until the kernels are compiled.
        page.set_default_timeout(120_000)
        page.goto(f"{address}/accounts/login/")
        page.fill("input[name=login]", "alice@demo.local")
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        yield page
        browser.close()


def _saved_strategy(page: Page, address: str) -> str:
    """Save the EMA crossover on the imported instrument, and return the address of its backtest form."""
    page.goto(f"{address}/strategies/new/?template=ema_cross")
    page.fill("input[name=name]", "A year of it")
    page.select_option("select[name=instrument]", label="BTC-USDT · Binance")
    page.select_option("select[name=timeframe]", "5m")
    page.click("button[value=backtest]")
    page.wait_for_selector("text=Run backtest")
    return page.url


def _wait(page: Page, form: str, *, cash: int) -> float:
    """Ask for one backtest and return the milliseconds from the click until everything is drawn."""
    page.goto(form)
    page.get_by_label("1 year").check()
    page.fill("input[name=initial_cash]", str(cash))
    began = time.perf_counter()
    page.click("text=Run backtest")
    page.wait_for_selector('#backtest[data-state="DONE"] .verdict')
    page.wait_for_selector('[data-curves][data-state="ready"]')
    page.wait_for_selector('[data-trades-chart][data-state="ready"]')
    return (time.perf_counter() - began) * 1000
