"""A test exchange in a thread of the test's process, clean for each test, and what points a real client at it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from sandbox.core.keys import ApiKey, Permission
from sandbox.server import ServerThread, pointed_at, running
from sandbox.venue import READ_AND_TRADE, Setup

MONEY = {name: Decimal(amount) for name, amount in {"USDT": "100000", "USD": "100000", "BTC": "2", "ETH": "20"}.items()}
# Little history, quick steps, and limits that a module's tests together do not reach.
QUICK = Setup(
    history_minutes=30, knot_ms=100, spot_weight=1_000_000, futures_weight=1_000_000, kraken_counter=1_000_000
)
STEP_SECONDS = 0.03


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ServerThread]:
    """A sandbox for the tests of a module; ask for `venue`, which leaves it clean."""
    with running(QUICK, step_seconds=STEP_SECONDS) as thread:
        yield thread


@pytest.fixture
def venue(sandbox: ServerThread) -> Iterator[ServerThread]:
    """A running sandbox without faults, keys and orders; `venue.venue("binance")` is its inside (through `venue.call`)."""
    yield sandbox
    sandbox.call(lambda: clean(sandbox))


def clean(thread: ServerThread) -> None:
    """Take faults, keys and orders away, and have the market quoted everywhere again."""
    for inside in thread.server.venues.values():
        inside.faults.switch_off()
        for key in inside.keys.values():
            inside.spot.exchange.cancel_all(key.account)
        inside.keys.clear()
        inside.spot.market.restore()
        if inside.has_futures:
            inside.futures.market.restore()


_accounts = itertools.count(1)


def opened(
    thread: ServerThread,
    name: str,
    account: str = "alice",
    *,
    permissions: frozenset[Permission] = READ_AND_TRADE,
    money: dict[str, Decimal] | None = None,
) -> ApiKey:
    """Open an account of its own ("alice-7") with play money: MONEY by default, 10,000 USDT for futures. Return a key."""
    found, fresh = thread.venue(name), f"{account}-{next(_accounts)}"

    def open_it() -> ApiKey:
        found.open_account(fresh, MONEY if money is None else money, {"USDT": Decimal(10_000)})
        return found.issue_key(fresh, permissions)

    return thread.call(open_it)


def another_key(thread: ServerThread, name: str, key: ApiKey, permissions: frozenset[Permission]) -> ApiKey:
    """Return one more key of an account."""
    return thread.call(lambda: thread.venue(name).issue_key(key.account, permissions))


def client_of(thread: ServerThread, kind: Any, key: ApiKey | None = None, **options: Any) -> Any:
    """Return an unmodified client of the library (a class of ccxt, its async or its pro side), pointed at the sandbox."""
    made = kind({"timeout": 3000, "enableRateLimit": False, "options": options})
    if key is not None:
        made.apiKey, made.secret = key.key, key.secret
    made.urls["api"] = pointed_at(thread.url, made.urls["api"])
    return made
