"""The Python client's examples, each as a program of its own, against the real site; and what only a real site shows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from mcp import Client as Assistant
from mcp import StdioServerParameters

from accounts.models import User
from accounts.selectors import user_credential
from accounts.services import issue_token, revoke_token
from common.realtime import interrupt
from slipstream_client import AsyncClient, Client, Forbidden, LiveClosed, NotFound, TopicRefused, models
from slipstream_client.mcp_server import server_of
from tests.fixtures_trading import Pit
from trading.models import Side

FOLDER = Path(__file__).resolve().parents[2] / "clients" / "python"


def start(name: str, address: str, token: str, *arguments: object) -> subprocess.Popen[str]:
    """Start an example as its reader would."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FOLDER / "src"), "PYTHONWARNINGS": "error"}
    environment |= {"SLIPSTREAM_URL": address, "SLIPSTREAM_TOKEN": token}
    command = [sys.executable, str(FOLDER / "examples" / f"{name}.py"), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def as_program(address: str, token: str) -> StdioServerParameters:
    """Return how an assistant starts slipstream-mcp, without a word about trading."""
    environment = {"PYTHONPATH": str(FOLDER / "src"), "SLIPSTREAM_URL": address, "SLIPSTREAM_TOKEN": token}
    return StdioServerParameters(command=sys.executable, args=["-m", "slipstream_client.mcp_server"], env=environment)


def run(name: str, address: str, token: str, *arguments: object, code: int = 0) -> str:
    """Run an example to its end and return what it printed."""
    process = start(name, address, token, *arguments)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == code, printed
    return printed


def token_of(user: User, *scopes: str) -> str:
    return issue_token(user=user, name="client", scopes=scopes)[1]


def test_the_examples_do_what_they_say(pit: Pit, alice: User, served: str, tmp_path: Path) -> None:
    reading, trading = token_of(alice, "read"), token_of(alice, "read", "trade")
    assert run("list_portfolios", served, reading) == "Lead: 10000 USDT (PAPER)\n"
    follower = start("follow_live", served, reading)
    assert follower.stdout is not None
    heard = follower.stdout.readline()
    assert heard.startswith("equity 10")
    assert run("place_order", served, trading, "BTC-USDT", "0.5") == "FILLED\nBUY 0.5 BTC-USDT at 100\n"
    heard, _ = follower.communicate(timeout=30)
    assert (follower.returncode, heard) == (0, "BUY 0.5 BTC-USDT at 100\n")
    exported = run("export_fills", served, reading, tmp_path).splitlines()
    assert exported[0] == "1 fills, quantity decimal128(38, 18)"
    assert exported[1] == "happened_at,symbol,side,quantity,price,fee"
    assert exported[2].split(",")[1:] == ["BTC-USDT", "BUY", "0.5", "100", "0"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fills.arrow", "fills.csv"]
    assert run("list_portfolios", served, reading).splitlines()[1:] == ["  BTC-USDT: 0.5"]
    concurrent = run("asynchronous", served, reading).splitlines()
    assert concurrent[1] == "['BUY 0.5']"
    assert concurrent[2].startswith("snapshot 10")


def test_an_example_says_why_it_buys_nothing(pit: Pit, alice: User, served: str) -> None:
    trading = token_of(alice, "read", "trade")
    unknown = run("place_order", served, trading, "BTC-USD", "0.5", code=1)
    assert unknown == "Lead can trade nothing that is called BTC-USD.\n"
    refused = run("place_order", served, token_of(alice, "read"), "BTC-USDT", "0.5", code=1)
    assert refused == "SCOPE_MISSING: This takes the scope “trade”: use a token that has it.\n"
    for side in (Side.BUY, Side.SELL):
        with pit.working():
            pit.place(side, 1)
    assert run("list_portfolios", served, trading) == "Lead: 10000 USDT (PAPER)\n"


def test_pages_are_walked_and_refusals_have_their_code(pit: Pit, alice: User, bob: User, served: str) -> None:
    for name in ("one", "two", "three"):
        pit.portfolio(bob, 10, name)
    with Client(served, token_of(bob, "read")) as client:
        assert [one.name for one in client.portfolios.each(page_size=2)] == ["three", "two", "one"]
        with pytest.raises(NotFound) as refused:
            client.portfolios.get(pit.lead.pk)
        assert (refused.value.code, refused.value.status) == ("NOT_FOUND", 404)
        assert len(refused.value.request_id) >= 8
        with pytest.raises(Forbidden) as denied:
            client.orders.place(portfolio=pit.lead.pk, instrument=pit.instrument.pk, side="BUY", quantity=1)
        assert (denied.value.code, denied.value.context["needed"]) == ("SCOPE_MISSING", "trade")
        with pytest.raises(TopicRefused) as closed:
            next(client.live(f"portfolio:{pit.lead.pk}"))
        assert closed.value.code == "NOT_FOUND"


def test_one_key_buys_once_and_an_order_that_waits_is_changed_and_canceled(pit: Pit, alice: User, served: str) -> None:
    with Client(served, token_of(alice, "read", "trade")) as client:
        placed = [
            client.orders.place(
                portfolio=pit.lead.pk,
                instrument=pit.instrument.pk,
                side="BUY",
                quantity=Decimal("0.5"),
                kind="LIMIT",
                limit_price="90",
                idempotency_key="once",
            )
            for _ in range(2)
        ]
        assert placed[0].id == placed[1].id
        assert [one.id for one in client.orders.each()] == [placed[0].id]
        changed = client.orders.modify(placed[0].id, limit_price=Decimal(80))
        assert changed.limit_price == Decimal(80)
        client.orders.cancel(placed[0].id)
        assert client.orders.wait(placed[0].id).state == "CANCELED"


def test_live_messages_survive_an_interruption_and_end_with_the_token(alice: User, served: str) -> None:
    row, secret = issue_token(user=alice, name="client", scopes=["read"])
    with Client(served, secret) as client:
        messages = client.live(f"user:{alice.pk}")
        assert next(messages).kind == "snapshot"
        interrupt(user_credential(alice))
        assert next(messages).kind == "snapshot"
        revoke_token(token=row)
        with pytest.raises(LiveClosed) as closed:
            next(messages)
        assert closed.value.code == 4401


def test_an_assistant_reads_and_trades_only_where_it_may(pit: Pit, alice: User, served: str) -> None:
    reading, trading = token_of(alice, "read"), token_of(alice, "read", "trade")
    wanted = {"portfolio": str(pit.lead.pk), "instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "0.5"}

    async def ask() -> None:
        async with Assistant(as_program(served, trading)) as assistant:
            names = {tool.name for tool in (await assistant.list_tools()).tools}
            assert names == {
                "list_portfolios", "read_positions", "read_orders", "read_fills", "find_instruments",
                "search_listings", "list_backtests", "read_backtest",
            }  # fmt: skip
            found = (await assistant.call_tool("list_portfolios", {})).structured_content
            assert [one["name"] for one in found["result"]] == ["Lead"]
            assert (await assistant.call_tool("place_order", wanted)).is_error
        async with AsyncClient(served, reading) as client:
            async with Assistant(server_of(client, allows_trading=True)) as assistant:
                refused = await assistant.call_tool("place_order", wanted)
                assert refused.is_error
                assert "SCOPE_MISSING" in str(refused.content[0])
            assert [one async for one in client.orders.each()] == []
        async with AsyncClient(served, trading) as client:
            async with Assistant(server_of(client, allows_trading=True)) as assistant:
                # An assistant that calls the limit by another name does not buy at the market's price.
                misnamed = await assistant.call_tool("place_order", {**wanted, "price": "90"})
                assert misnamed.is_error
                assert "place_order has no price: it takes portfolio, instrument" in str(misnamed.content[0])
                assert [one async for one in client.orders.each()] == []
                placed = await assistant.call_tool("place_order", wanted)
                assert not placed.is_error
            assert (await client.orders.wait(placed.structured_content["id"])).state == "FILLED"

    asyncio.run(ask())


def test_what_the_site_answers_fits_the_models(pit: Pit, bob: User, served: str) -> None:
    follow = pit.follow(bob)
    with pit.working():
        pit.place(Side.BUY, 1)
    with Client(served, token_of(bob, "read", "trade")) as client:
        assert client.me().email == "bob@example.org"
        [found] = client.follows.each()
        assert (found.id, found.lead_name, client.follows.get(follow.pk).state) == (follow.pk, "Lead", "ACTIVE")
        assert len(list(client.follows.log(follow.pk))) == 1
        assert client.follows.settings(follow.pk).settings == {}
        assert isinstance(client.follows.terms(), models.Terms)
        assert client.follows.pause(follow.pk).state == "PAUSED"
        assert client.follows.resume(follow.pk).state == "ACTIVE"
        [fill] = client.fills.each(portfolio=found.portfolio, since=pit.desk.at)
        [order] = client.orders.each(cause="LEAD_EVENT")
        assert (fill.order, client.fills.get(fill.id), order.quantity) == (order.id, fill, fill.quantity)
        assert len(list(client.orders.entries(order.id))) > 1
        [holding] = client.portfolios.positions(found.portfolio)
        assert (holding.quantity, holding.price) == (fill.quantity, Decimal(100))
        assert len(list(client.portfolios.ledger(found.portfolio, kind="FILL"))) > 1
        assert client.portfolios.equity(found.portfolio) is not None
        assert client.portfolios.risk(found.portfolio).level == "ACTIVE"
        assert [one.symbol for one in client.instruments.each(namespace=pit.desk.namespace)] == ["BTC-USDT"]
        assert client.instruments.get(pit.instrument.pk).lot_step == Decimal("0.001")
        assert client.instruments.book(pit.instrument.pk).bids == []
        assert isinstance(client.instruments.candles(pit.instrument.pk, "1m", limit=5), list)
        assert list(client.listings.each(q="nothing")) == []
        assert list(client.backtests.each()) == []
        template = client.strategies.templates()[0]
        wanted = models.StrategyWriteRequest(
            name="Mine", template=template["name"], instruments=[pit.instrument.pk], timeframe="5m"
        )
        version = client.strategies.create(wanted)
        assert client.strategies.get(version.strategy).name == "Mine"
        assert client.follows.stop(follow.pk, "KEEP").state in {"STOPPING", "STOPPED"}
