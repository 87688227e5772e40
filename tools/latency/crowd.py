"""A lead and many live followers at a test exchange, for what is measured. Used after Django's setup."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
from django.core.management import call_command
from django.db.models import Count

from accounts.services.people import create_person
from markets.connecting import fetch_markets
from markets.models import Asset, InterestKind, SourceKind
from markets.prices import latest_prices
from markets.selectors import instruments
from markets.services import connect_exchange, register_exchange, synchronise_instruments
from markets.services.interests import renew_interest
from portfolios.models import AccountMode, AccountState, ExchangeAccount, Portfolio
from portfolios.services.cash import open_portfolio
from portfolios.services.exchange_accounts import connect_account
from tools.drill.stage import Stage
from trading.checks import run_checks
from trading.models import UNANSWERED, CauseKind, Fill, LeadEvent, Order, OrderState, Side
from trading.services.follows import open_lead_stream, start_follow
from trading.services.orders import place_hand_order

LEAD = "lead"
# The lead's money has room for five hundred followers with this stake each (rule 33).
MONEY, STAKE = Decimal(50_000), Decimal(10_000)


class Crowd:
    """Everybody with an account at the exchange; the first is the lead."""

    def __init__(self, made: Stage, followers: int, venue: str, symbol: str) -> None:
        # One for all requests: a client of its own for each of hundreds costs more than they do.
        self._http = httpx.Client(base_url=made.exchange, timeout=30)
        call_command("migrate", verbosity=0, interactive=False)
        exchange = register_exchange(code=venue, name="Bench", namespace=venue, source_kind=SourceKind.REAL)
        base_url = f"{made.exchange}/{{host}}"
        self._exchange = connect_exchange(exchange=exchange, dialect="binance", base_url=base_url, is_sandbox=True)
        synchronise_instruments(exchange=self._exchange, markets=fetch_markets(self._exchange))
        self._instrument = instruments().get(exchange=self._exchange, gateway_symbol=symbol)
        renew_interest(instrument_ids=[self._instrument.pk], kind=InterestKind.TICKER, reason="page", seconds=3_600)
        self._accounts = [self._connected(name) for name in (LEAD, *(f"f{number}" for number in range(followers)))]
        self._event: LeadEvent | None = None
        self._known = 0

    def _connected(self, name: str) -> ExchangeAccount:
        owner = create_person(email=f"{name}@bench.local", password=None, display_name=name, handle=f"bench_{name}")
        body: dict[str, Any] = {"account": name, "venue": "binance", "spot": {"USDT": str(MONEY)}}
        made = self._http.post("/sandbox/accounts", json=body).raise_for_status().json()
        keys = {"api_key": made["binance"]["key"], "secret": made["binance"]["secret"]}
        return connect_account(
            owner=owner, exchange=self._exchange, mode=AccountMode.SANDBOX, label=name, credentials=keys
        )

    def is_ready(self) -> bool:
        """Say whether every account is checked and reconciled, and there is a price."""
        ready = ExchangeAccount.objects.filter(state=AccountState.READY, reconciled_at__isnull=False).count()
        return ready == len(self._accounts) and bool(latest_prices([self._instrument]))

    def told_of_accounts(self) -> object:
        return list(ExchangeAccount.objects.values_list("state", "code").annotate(Count("pk")).order_by())

    def begin(self) -> None:
        """Open everybody's book and have the followers follow."""
        books = [self._book(one) for one in ExchangeAccount.objects.select_related("owner").order_by("pk")]
        self._lead = next(one for one in books if one.owner.profile.handle == f"bench_{LEAD}")
        open_lead_stream(self._lead)
        for one in books:
            if one != self._lead:
                start_follow(follower=one.owner, lead=self._lead, source=one, amount=STAKE)

    def _book(self, account: ExchangeAccount) -> Portfolio:
        return open_portfolio(
            owner=account.owner,
            name=account.label,
            exchange=self._exchange,
            settlement=Asset.objects.get(pk="USDT"),
            amount=MONEY - 1,
            account=account,
        )

    def trade(self, quantity: Decimal) -> None:
        """Have the lead buy at the market."""
        self._event, self._known = None, LeadEvent.objects.count()
        place_hand_order(
            actor=self._lead.owner,
            portfolio=self._lead,
            instrument=self._instrument,
            side=Side.BUY,
            quantity=quantity,
        )

    def is_filled(self) -> bool:
        """Say whether the lead's newest order has had its fill."""
        if LeadEvent.objects.count() > self._known:
            self._event = LeadEvent.objects.latest("pk")
        return self._event is not None

    def told_of_the_lead(self) -> object:
        return list(Order.objects.filter(portfolio=self._lead).order_by("-pk").values_list("state", "code")[:1])

    def _copies(self) -> Any:
        assert self._event is not None
        return Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, cause_id=str(self._event.pk))

    def copied(self) -> int:
        """Return how many copies of the newest event were sent and answered."""
        return int(self._copies().exclude(state__in=[OrderState.PENDING, OrderState.SUBMITTING]).count())

    def told_of_copies(self) -> object:
        return list(self._copies().values_list("state", "code").annotate(Count("pk")).order_by())

    def waits(self) -> list[float]:
        """Return, for each copy of the newest event, the seconds from when the lead's fill was received until the venue had it."""
        assert self._event is not None
        received = Fill.objects.filter(portfolio=self._lead).latest("number").recorded_at.timestamp()
        taken = (self._taken_at(label, client_id) for label, client_id in self._names())
        return [at - received for at in taken if at is not None]

    def _names(self) -> list[tuple[str, str]]:
        return list(self._copies().values_list("portfolio__account__label", "client_order_id"))

    def _taken_at(self, label: str, client_id: str) -> float | None:
        asked = {"account": label, "venue": "binance"}
        answer = self._http.get("/sandbox/accounts", params=asked).raise_for_status()
        orders = answer.json()["binance"]["orders"]
        taken = (one["created_ms"] for one in orders if one["client_id"] == client_id)
        return next((at / 1_000 for at in taken), None)

    def is_settled(self) -> bool:
        """Say whether every order has its answer."""
        return not Order.objects.filter(state__in=[OrderState.PENDING, *UNANSWERED]).exists()

    def told_of_flight(self) -> object:
        return list(
            Order.objects.filter(state__in=[OrderState.PENDING, *UNANSWERED])
            .values_list("state")
            .annotate(Count("pk"))
            .order_by()
        )

    def wrong(self) -> list[str]:
        return [name for name, errors in run_checks().items() if errors]
