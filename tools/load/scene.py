"""Who comes: people with a token, a portfolio on the simulated exchange and money in it, made in bulk. Used after Django's setup."""

from __future__ import annotations

import time

from django.core.management import call_command

from accounts.models import ApiToken, User
from accounts.selectors import token_digest
from accounts.services.tokens import TOKEN_MARK
from common.db import bulk_insert
from common.ids import new_token
from markets.models import Instrument
from markets.selectors import instruments
from markets.services.simulation import seed_simulated_venue
from portfolios.models import PortfolioKind
from tools.crowds import open_books
from tools.load.people import Member
from trading.checks import run_checks_beside_work
from trading.models import Order, OrderState

HISTORY_MINUTES = 1_440
# Until every order that was accepted is filled.
PATIENCE_SECONDS = 60.0
SYMBOL = "BTC-USDT"


def scene(count: int) -> tuple[list[Member], str]:
    """Make the database, the simulated market and so many people; return them and the id of what they trade."""
    call_command("migrate", verbosity=0, interactive=False)
    exchange = seed_simulated_venue(history_minutes=HISTORY_MINUTES)
    traded: Instrument = instruments().get(exchange=exchange, symbol=SYMBOL)
    owners = [User(email=f"p{number}@load.example") for number in range(count)]
    bulk_insert(User, owners)
    books = open_books(owners, exchange, kind=PortfolioKind.SIMULATED)
    secrets = [TOKEN_MARK + new_token() for _ in owners]
    tokens = [
        ApiToken(user=owner, name="load", prefix=secret[:12], digest=token_digest(secret))
        for owner, secret in zip(owners, secrets, strict=True)
    ]
    bulk_insert(ApiToken, tokens)
    return [Member(secret, str(book.pk)) for secret, book in zip(secrets, books, strict=True)], str(traded.pk)


def left_undone(orders: int) -> list[str]:
    """Wait until every order is filled; return what is left, and what the books say against it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (filled := Order.objects.filter(state=OrderState.FILLED).count()) < orders and time.monotonic() < deadline:
        time.sleep(0.5)
    missing = [f"{orders - filled} of {orders} orders were not filled"] if filled < orders else []
    wrong = [name for name, errors in run_checks_beside_work(PATIENCE_SECONDS).items() if errors]
    return missing + [f"the books are wrong: {name}" for name in wrong]
