"""A test exchange in a thread of the test's process, fresh for each test, and what points a real client at it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from sandbox.core.keys import ApiKey, Permission
from sandbox.server import ServerThread, pointed_at, running
from sandbox.venue import READ_AND_TRADE, Setup

MONEY = {name: Decimal(amount) for name, amount in {"USDT": "100000", "USD": "100000", "BTC": "2", "ETH": "20"}.items()}
# Little history and quick steps: what a test needs comes at once.
QUICK = Setup(history_minutes=30, knot_ms=50)


@pytest.fixture
def venue() -> Iterator[ServerThread]:
    """A running sandbox; `venue.url` is its address, `venue.venue("binance")` its inside (through `venue.call`)."""
    with running(QUICK, step_seconds=0.02) as thread:
        yield thread


def opened(
    thread: ServerThread,
    name: str,
    account: str = "alice",
    *,
    permissions: frozenset[Permission] = READ_AND_TRADE,
    money: dict[str, Decimal] | None = None,
) -> ApiKey:
    """Open an account at a venue with play money (by default MONEY, and 10,000 USDT for futures) and return a key."""
    found = thread.venue(name)

    def open_it() -> ApiKey:
        found.open_account(account, MONEY if money is None else money, {"USDT": Decimal(10_000)})
        return found.issue_key(account, permissions)

    return thread.call(open_it)


def client_of(thread: ServerThread, kind: Any, key: ApiKey | None = None, **options: Any) -> Any:
    """Return an unmodified client of the library (a class of ccxt, its async or its pro side), pointed at the sandbox."""
    made = kind({"timeout": 3000, "enableRateLimit": False, "options": options})
    if key is not None:
        made.apiKey, made.secret = key.key, key.secret
    made.urls["api"] = pointed_at(thread.url, made.urls["api"])
    return made
