"""The signer of tests: a key that all of them know, and exchange accounts at a venue where nobody answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from accounts.sealing import PublicKey, public_key_of
from markets.models import Exchange, SourceKind
from markets.services import connect_exchange, register_exchange
from portfolios.models import AccountMode, ExchangeAccount
from portfolios.services.exchange_accounts import connect_account
from sandbox.core.keys import ApiKey
from sandbox.server import ServerThread
from trading.signer.keys import LocalKeys

PRIVATE = bytes(range(32))
PUBLIC: PublicKey = public_key_of(PRIVATE)
NOBODY = "http://127.0.0.1:9/{host}"
CREDENTIALS = {"api_key": "k" * 60 + "3f9a", "secret": "SECRET00" + "c2VjcmV0" * 6}


def signer_keys() -> LocalKeys:
    """Return what the tests' signer holds."""
    return LocalKeys([PRIVATE])


def venue_at(url: str = NOBODY, dialect: str = "binance", *, code: str = "", is_sandbox: bool = True) -> Exchange:
    """Return an exchange row that speaks a dialect at an address."""
    code = code or f"{dialect}-test"
    exchange = register_exchange(code=code, name=code.title(), namespace=code, source_kind=SourceKind.REAL)
    return connect_exchange(exchange=exchange, dialect=dialect, base_url=url, is_sandbox=is_sandbox)


def connected(
    owner: User, exchange: Exchange, *, label: str = "Main", key: ApiKey | None = None, **changes: Any
) -> ExchangeAccount:
    """Return an account of the owner's, with a sandbox's key or one that opens nothing."""
    credentials = CREDENTIALS if key is None else {"api_key": key.key, "secret": key.secret}
    facts = {"mode": AccountMode.SANDBOX if exchange.is_sandbox else AccountMode.LIVE, "credentials": credentials}
    return connect_account(owner=owner, exchange=exchange, label=label, **{**facts, **changes})


Reached = Callable[[str], Exchange]


@pytest.fixture
def reached(db: None, venue: ServerThread) -> Reached:
    """Give a function that returns the running test exchange as a row, by the dialect to speak with it."""
    return lambda dialect: venue_at(f"{venue.url}/{{host}}", dialect)
