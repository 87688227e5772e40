"""Every live topic, asked by everybody: a row for each kind that an app has registered; and what no topic is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common import realtime
from common.ids import new_id
from tests.fixtures_desk import Desk, Working
from tests.fixtures_live import Connect, Socket
from tests.routes.world import ASKERS, World, build

pytestmark = pytest.mark.django_db(transaction=True)

# `snapshot`, or the code of the refusal. The topics of alice's things; a revoked token opens no socket at all.
TOPICS = """
topic          nobody     charlie    bob        alice      operator
portfolio      NOT_FOUND  NOT_FOUND  NOT_FOUND  snapshot   NOT_FOUND
user           NOT_FOUND  NOT_FOUND  NOT_FOUND  snapshot   NOT_FOUND
prices         snapshot   snapshot   snapshot   snapshot   snapshot
candles        snapshot   snapshot   snapshot   snapshot   snapshot
backfills      snapshot   snapshot   snapshot   snapshot   snapshot
ticker         snapshot   snapshot   snapshot   snapshot   snapshot
book           snapshot   snapshot   snapshot   snapshot   snapshot
trades         snapshot   snapshot   snapshot   snapshot   snapshot
venues         snapshot   snapshot   snapshot   snapshot   snapshot
scanner        snapshot   snapshot   snapshot   snapshot   snapshot
listing        snapshot   snapshot   snapshot   snapshot   snapshot
competition    snapshot   snapshot   snapshot   snapshot   snapshot
"""
NO_TOPICS = [
    "",
    ":",
    "portfolio",
    "portfolio:",
    "withdrawn:token:1",
    "Portfolio:1",
    "portfolio:1",
    "user:\u0000",
    "prices:\u0000",
    "prices:\ud800",
    "prices:nowhere",
    "candles:\u0000",
    "backfills:1",
    "scanner:nothing",
    "listing:../..",
    "competition:" + "9" * 300,
    "nothing:" + "x" * 5_000,
]
NO_MESSAGES = [
    "",
    "null",
    "[]",
    "{",
    '"subscribe"',
    "[" * 16_000,
    '{"type": "subscribe", "topics": ' + "1" * 5_000 + "}",
    '{"type": "publish", "topics": ["prices:x"]}',
    "x" * 20_000,
]
HEAD, *ROWS = (line.split() for line in TOPICS.strip().splitlines())


@pytest.fixture
def world(desk: Desk, working: Working, quiet: None) -> World:
    """Build one that is committed: sockets ask over connections of their own."""
    return build(desk, working)


def _keys(world: World) -> dict[str, object]:
    return {
        "portfolio": world.pit.lead.pk,
        "user": world.people["alice"].pk,
        "prices": world.pit.desk.namespace,
        "candles": world.pit.instrument.pk,
        "backfills": world.values["venue_instrument_id"],
        "ticker": world.pit.instrument.pk,
        "book": world.pit.instrument.pk,
        "trades": world.pit.instrument.pk,
        "venues": "all",
        "scanner": "spreads",
        "listing": world.listing.pk,
        "competition": world.competition.pk,
    }


def _headers(world: World, asker: str) -> dict[str, str]:
    return {"authorization": f"Bearer {world.secrets[asker]}"} if asker in world.secrets else {}


async def _answer(socket: Socket, topic: str) -> str:
    await socket.subscribe(topic)
    heard: dict[str, Any] = await socket.hear()
    assert heard["topic"] == topic
    return str(heard["code"] if heard["type"] == "error" else heard["type"])


def test_every_kind_of_topic_has_a_row() -> None:
    assert ["topic", *ASKERS] == [*HEAD, "revoked"]
    assert sorted(row[0] for row in ROWS) == sorted(realtime._gates)


async def test_everybody_hears_what_the_table_says(world: World, live: Connect) -> None:
    keys, found = _keys(world), {}
    for place, asker in enumerate(HEAD[1:], start=1):
        socket = await live(headers=_headers(world, asker))
        for row in ROWS:
            found[asker, row[0]] = (await _answer(socket, f"{row[0]}:{keys[row[0]]}"), row[place])
    assert {key: one for key, one in found.items() if one[0] != one[1]} == {}


async def test_a_revoked_token_hears_nothing(world: World, live: Connect) -> None:
    socket = await live(headers=_headers(world, "revoked"))
    assert (await socket.hear())["code"] == "BAD_TOKEN"
    assert (await socket.closing())[0] == 4401


async def test_a_guessed_topic_is_refused_like_one_that_is_not(world: World, live: Connect) -> None:
    keys = _keys(world)
    socket = await live(headers=_headers(world, "charlie"))
    for kind in ("portfolio", "user"):
        refusals = []
        for key in (keys[kind], new_id()):
            await socket.subscribe(f"{kind}:{key}")
            heard = await socket.hear()
            refusals.append({name: value for name, value in heard.items() if name != "topic"})
        assert refusals[0] == refusals[1]


async def test_nonsense_is_refused_and_the_socket_lives_on(world: World, live: Connect) -> None:
    socket = await live(headers=_headers(world, "charlie"))
    for topic in NO_TOPICS:
        assert await _answer(socket, topic) in {"UNKNOWN_TOPIC", "NOT_FOUND"}, topic
    for message in NO_MESSAGES:
        await socket.say(message)
        assert (await socket.hear())["code"] == "BAD_MESSAGE", message[:40]
    await socket.say(json.dumps({"type": "subscribe", "topics": ["prices:nowhere", 1, None, {"a": 1}, []]}))
    assert (await socket.hear())["code"] == "NOT_FOUND"
    await socket.say({"type": "ping"})
    assert await socket.hear() == {"type": "pong"}
