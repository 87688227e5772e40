"""Who trades in a drill: a lead, two followers with accounts of their own, one on paper, and two who trade by hand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
from django.core.management import call_command

from accounts.models import User
from accounts.services import issue_token
from accounts.services.people import create_person
from markets.connecting import fetch_markets
from markets.models import Asset, Exchange, Instrument, InterestKind, SourceKind
from markets.prices import latest_prices
from markets.selectors import instruments
from markets.services import connect_exchange, register_exchange, synchronise_instruments
from markets.services.interests import renew_interest
from portfolios.models import AccountMode, AccountState, ExchangeAccount, Portfolio
from portfolios.services.cash import open_portfolio
from portfolios.services.exchange_accounts import connect_account
from tools.drill.judge import VenueAccount, told
from tools.drill.stage import PROCESSES, VENUE, Stage
from trading.services.follows import open_lead_stream, start_follow

D = Decimal
SYMBOLS = ("BTC/USDT", "ETH/USDT")
_READY_SECONDS = 90.0


@dataclass(frozen=True)
class Trader:
    """Somebody who asks the API for trades in a portfolio."""

    token: str
    portfolio: str
    # Plans run on paper alone.
    may_plan: bool


@dataclass(frozen=True)
class Cast:
    """Everybody, their accounts at the venue, and what they trade."""

    traders: tuple[Trader, ...]
    accounts: tuple[ExchangeAccount, ...]
    instruments: tuple[Instrument, ...]

    def at_venue(self, stage: Stage) -> dict[ExchangeAccount, VenueAccount]:
        """Ask the exchange for the truth about every account."""
        found = {}
        for account in self.accounts:
            asked = {"account": account.label.lower(), "venue": "binance"}
            answer = httpx.get(f"{stage.exchange}/sandbox/accounts", params=asked, timeout=10)
            found[account] = told(answer.raise_for_status().json()["binance"])
        return found


def assemble(stage: Stage) -> Cast:
    """Make the database, connect the venue, start the processes, and have everybody ready to trade."""
    call_command("migrate", verbosity=0, interactive=False)
    exchange = register_exchange(code=VENUE, name="Drill", namespace=VENUE, source_kind=SourceKind.REAL)
    base_url = f"{stage.exchange}/{{host}}"
    exchange = connect_exchange(exchange=exchange, dialect="binance", base_url=base_url, is_sandbox=True)
    synchronise_instruments(exchange=exchange, markets=fetch_markets(exchange))
    traded = tuple(instruments().filter(exchange=exchange, gateway_symbol__in=SYMBOLS).order_by("gateway_symbol"))
    # People look at the markets that they trade.
    renew_interest(instrument_ids=[one.pk for one in traded], kind=InterestKind.TICKER, reason="page", seconds=3_600)
    stage.start(*PROCESSES)
    names = ("Lead", "First", "Second", "Solo")
    owners = {name: _person(name) for name in (*names, "Paper", "Reader")}
    accounts = {name: _account(stage, exchange, owners[name], name) for name in names}
    stage.wait_for_web()
    _wait_until_ready(accounts, traded)
    settlement = Asset.objects.get(pk="USDT")

    def book(name: str, amount: int) -> Portfolio:
        return open_portfolio(
            owner=owners[name],
            name=name,
            exchange=exchange,
            settlement=settlement,
            amount=D(amount),
            account=accounts.get(name),
        )

    lead, solo, paper = book("Lead", 20_000), book("Solo", 20_000), book("Paper", 20_000)
    open_lead_stream(lead)
    for name, amount, multiplier in (("First", 5_000, "1"), ("Second", 12_000, "1.5"), ("Reader", 8_000, "1")):
        source = book(name, 15_000)
        start_follow(follower=owners[name], lead=lead, source=source, amount=D(amount), multiplier=D(multiplier))
    traders = tuple(Trader(_token(one.owner), str(one.pk), one is paper) for one in (lead, solo, paper))
    return Cast(traders, tuple(accounts.values()), traded)


def _person(name: str) -> User:
    return create_person(email=f"{name.lower()}@drill.local", password=None, display_name=name, handle=name.lower())


def _token(owner: User) -> str:
    return issue_token(user=owner, name="drill")[1]


def _account(stage: Stage, exchange: Exchange, owner: User, name: str) -> ExchangeAccount:
    body: dict[str, Any] = {"account": name.lower(), "venue": "binance", "spot": {"USDT": "50000"}}
    made = httpx.post(f"{stage.exchange}/sandbox/accounts", json=body, timeout=10).raise_for_status().json()["binance"]
    return connect_account(
        owner=owner,
        exchange=exchange,
        mode=AccountMode.SANDBOX,
        label=name,
        credentials={"api_key": made["key"], "secret": made["secret"]},
    )


def _wait_until_ready(accounts: dict[str, ExchangeAccount], traded: tuple[Instrument, ...]) -> None:
    """Wait until every key is checked and every account reconciled, and the feed has told prices."""
    mine = ExchangeAccount.objects.filter(pk__in=[one.pk for one in accounts.values()])
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        ready = mine.filter(state=AccountState.READY, reconciled_at__isnull=False)
        if ready.count() == len(accounts) and len(latest_prices(list(traded))) == len(traded):
            for account in accounts.values():
                account.refresh_from_db()
            return
        time.sleep(0.2)
    raise TimeoutError(f"accounts are {list(mine.values_list('label', 'state', 'code', 'reconciled_at'))}")
