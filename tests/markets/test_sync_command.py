"""`manage.py sync_instruments` and the daily task, over HTTP against a venue in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from common import clock, ids, tasks
from common.ids import seeded_random
from markets.models import Exchange, Instrument, SourceKind
from markets.services import connect_exchange, register_exchange
from markets.tasks import synchronise_due_exchanges
from tests.markets.gateway.fake_venue import FakeVenue, speaks_binance, spot_symbol


@pytest.fixture
def venue() -> Iterator[FakeVenue]:
    """A venue that runs in a thread of its own, since the command brings a loop of its own."""
    made, loop = FakeVenue(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(5)
    speaks_binance(made)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def code(db: None) -> str:
    return f"test-{ids.new_token(5).lower()}"


def run(*words: str, **options: Any) -> str:
    said = StringIO()
    call_command("sync_instruments", *words, stdout=said, **options)
    return said.getvalue().strip()


def test_a_test_exchange_is_made_known_connected_and_synchronised(venue: FakeVenue, code: str) -> None:
    said = run(code, "--dialect", "binance", "--base-url", venue.url, "--sandbox", "--name", "Try it")
    assert said == f"Try it ({code}): 2 new, 0 changed, 0 retired, 0 relisted, 0 skipped."
    made = Exchange.objects.get(code=code)
    assert (made.namespace, made.source_kind, made.is_sandbox) == ("sandbox", SourceKind.REAL, True)
    assert (made.dialect, made.base_url) == ("binance", venue.url)
    found = Instrument.objects.filter(exchange=made).order_by("symbol")
    assert list(found.values_list("symbol", "gateway_symbol")) == [("BTC-USDT", "BTC/USDT"), ("PEPE-USDT", "PEPE/USDT")]
    assert run(code) == f"Try it ({code}): 0 new, 0 changed, 0 retired, 0 relisted, 0 skipped."


def test_an_unknown_exchange_needs_a_dialect(code: str) -> None:
    with pytest.raises(CommandError, match="There is no such exchange"):
        run(code)


def test_an_exchange_that_is_not_connected_says_how(code: str) -> None:
    register_exchange(code=code, name="Old", namespace="real", source_kind=SourceKind.REAL)
    with pytest.raises(CommandError, match=f"sync_instruments {code} --dialect"):
        run(code)


def test_a_venue_without_an_answer_leaves_all_as_it_is(venue: FakeVenue, code: str) -> None:
    run(code, "--dialect", "binance", "--base-url", venue.url, "--sandbox")
    venue.says("GET", "/api/v3/exchangeInfo", "down", 503)
    with pytest.raises(CommandError, match="did not tell its markets: NOT_AVAILABLE"):
        run(code)
    assert Instrument.objects.filter(exchange__code=code, state="ACTIVE").count() == 2


def test_connected_exchanges_are_synchronised_once_a_day(
    venue: FakeVenue, code: str, django_capture_on_commit_callbacks: Any
) -> None:
    made = register_exchange(code=code, name="Due", namespace="sandbox", source_kind=SourceKind.REAL)
    connect_exchange(exchange=made, dialect="binance", base_url=venue.url, is_sandbox=True)
    register_exchange(code=f"{code}-x", name="Not connected", namespace="real", source_kind=SourceKind.REAL)
    asked = ("GET", "/api/v3/exchangeInfo")

    def round_of_tasks() -> int:
        with tasks.inline_tasks(seeded_random("tasks")) as queue:
            with django_capture_on_commit_callbacks(execute=True):
                synchronise_due_exchanges()
            queue.drain()
        return venue.count(*asked)

    venue.says(*asked, "down", 503)
    assert [round_of_tasks(), round_of_tasks()] == [1, 2]  # it did not answer: the next round asks again
    venue.says(*asked, {"timezone": "UTC", "serverTime": 1, "symbols": [spot_symbol("BTC", "USDT")]})
    assert [round_of_tasks(), round_of_tasks()] == [3, 3]
    assert Instrument.objects.get(exchange=made).symbol == "BTC-USDT"
    tomorrow = clock.wall_now() + timedelta(days=1, seconds=1)
    clock.use_wall_clock(lambda: tomorrow)
    try:
        assert round_of_tasks() == 4
    finally:
        clock.use_wall_clock(None)
