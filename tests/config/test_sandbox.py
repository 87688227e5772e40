"""The test exchange beside the site: its process, its exchanges as the platform knows them, and trading there by hand."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from common.errors import DomainError
from config import demo
from config.exchange_process import HOST, running_exchange, running_processor
from config.management.commands.serve_sandbox import EXCHANGES, NAMESPACE, connected_exchanges
from markets.feed import apply_step
from markets.models import Backfill, Exchange
from markets.selectors import tradable_instruments
from markets.steps import Step
from portfolios.forms import OpenForm
from portfolios.models import Portfolio, PortfolioKind, Position
from sandbox.server import ServerThread
from sandbox.stripe.server import KEY, SECRET
from tests.fixtures_desk import NOON, Working
from tests.story.processes import ROOT, wait_until
from tools.services import free_port
from trading.models import OrderState, Side
from trading.services.orders import place_hand_order


@pytest.fixture
def candle_dir(tmp_path: Path, settings: Settings) -> Iterator[None]:
    settings.CANDLE_DIR = tmp_path / "candles"
    yield


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/sandbox/status?venue=kraken")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_the_exchange_runs_while_it_is_needed_and_takes_no_port_from_others(tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path
    port = free_port()
    with running_exchange(port, ["--history-minutes", "1"]) as said:
        assert answers(port)
        assert f"http://127.0.0.1:{port}/api.kraken.com/0/public/Time" in said
        assert "binance account demo: key " in said
        with pytest.raises(
            CommandError, match=rf"Port {port} on 127.0.0.1 is taken.*make sandbox SANDBOX_PORT={port + 1}"
        ):
            call_command("serve_sandbox", port=free_port(), exchange_port=port)
    assert not answers(port)
    with pytest.raises(DomainError, match=r"did not start: .*--candles"), running_exchange(port, ["--candles", "x"]):
        pass


def test_the_processor_runs_while_it_is_needed_with_the_key_that_make_gives_the_platform(
    tmp_path: Path, settings: Settings
) -> None:
    settings.VAR_DIR = tmp_path
    port = free_port()
    with running_processor(port, "http://127.0.0.1:9/webhooks/stripe/") as said:
        assert answers(port)
        assert f"http://127.0.0.1:{port} with the key {KEY}" in said
    assert not answers(port)
    makefile = (ROOT / "Makefile").read_text()
    assert f"STRIPE_SECRET_KEY={KEY} STRIPE_WEBHOOK_SECRET={SECRET};" in makefile


_OWNER = """
import os, django
django.setup()
from config.exchange_process import running_exchange
with running_exchange(int(os.environ["PORT"]), ["--history-minutes", "1"]):
    input()
"""


def test_an_exchange_ends_with_whoever_started_it_even_when_that_is_killed(tmp_path: Path) -> None:
    port = free_port()
    environment = {"PORT": str(port), "SLIPSTREAM_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER], cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.PIPE
    ) as owner:
        try:
            wait_until(lambda: answers(port) or owner.poll() is not None, "an answer of the exchange")
            assert owner.poll() is None
        finally:
            owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not answers(port), "the end of the exchange", 20)


@pytest.mark.django_db
@pytest.mark.usefixtures("candle_dir")
def test_its_exchanges_are_made_known_and_traded_by_hand_on_play_money(venue: ServerThread, working: Working) -> None:
    exchanges = connected_exchanges(venue.server.port)
    assert [(one.code, one.dialect, one.name) for one in exchanges] == list(EXCHANGES)
    assert {(one.namespace, one.is_sandbox, one.price_label) for one in exchanges} == {(NAMESPACE, True, "SANDBOX")}
    assert sorted(one.symbol for one in tradable_instruments().filter(exchange__code="sandbox-kraken")) == [
        "BTC-USD", "BTC-USDT", "ETH-BTC", "ETH-USD", "SOL-USD", "XRP-USD",
    ]  # fmt: skip
    assert Backfill.objects.filter(instrument__exchange__code="sandbox-futures", timeframe="1m").count() == 5
    demo.seed_sandbox(exchanges[0])
    demo.seed_sandbox(exchanges[0])  # a second start makes nobody twice
    assert User.objects.count() == 3
    book = Portfolio.objects.get(owner__email=demo.LEAD)
    assert (book.kind, book.namespace, book.settlement_id) == (PortfolioKind.SANDBOX, NAMESPACE, "USDT")
    labels = dict(OpenForm(user=User()).fields["market"].choices)  # type: ignore[attr-defined]
    assert labels["sandbox-kraken:USD"] == "Sandbox Kraken, in USD\nSandbox: a test exchange, no real money."
    btc = tradable_instruments(NAMESPACE).get(exchange=exchanges[0], symbol="BTC-USDT")
    apply_step(NAMESPACE, Step(NOON, {btc.pk: Decimal(60_000)}, ()), persists_candles=False)
    with working():
        order = place_hand_order(
            actor=book.owner, portfolio=book, instrument=btc, side=Side.BUY, quantity=Decimal("0.01")
        )
    order.refresh_from_db()
    assert order.state == OrderState.FILLED
    assert Position.objects.get(portfolio=book).quantity == Decimal("0.01")
    assert Exchange.objects.count() == 3
