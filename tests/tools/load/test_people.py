"""The people of the load: what is right is timed, and whatever is not is told."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from websockets.asyncio.server import serve

from tools.load import people as load
from tools.load.__main__ import report
from tools.load.people import Act, Figures, Member, Visit, at

ALICE = Member("alices-token", "alices-portfolio")


def _site(statuses: dict[str, int], asked: list[web.Request]) -> TestServer:
    """Return a site that answers each method with one status, and notes what it was asked."""

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({}, status=statuses[request.method])

    site = web.Application()
    site.router.add_route("*", "/{path:.*}", answer)
    return TestServer(site)


def _visit(client: aiohttp.ClientSession, sockets: str = "", seconds: float = 0.0) -> Visit:
    return Visit(client, sockets, "an-instrument", Figures(1.0), time.monotonic() + seconds)


async def test_reads_and_orders_are_timed_apart_and_refusals_told() -> None:
    asked: list[web.Request] = []
    for statuses, counts, errors in (
        ({"GET": 200, "POST": 201}, (3, 2), 0),
        ({"GET": 503, "POST": 201}, (0, 2), 3),
        ({"GET": 200, "POST": 409}, (3, 0), 2),
    ):
        async with _site(statuses, asked) as site, aiohttp.ClientSession(site.make_url("/")) as client:
            visit = _visit(client)
            for _ in range(3):
                await visit._read(ALICE, Random(1))
            for number in range(2):
                await visit._order(ALICE, Random(number))
        figures = visit.figures
        assert ((figures.count(Act.READ), figures.count(Act.ORDER)), len(figures.errors)) == (counts, errors)
    assert {one.headers["Authorization"] for one in asked} == {"Bearer alices-token"}
    assert len({one.headers["Idempotency-Key"] for one in asked if one.method == "POST"}) == 2


async def test_a_socket_is_answered_every_time_and_a_refusal_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "SOCKET_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(load, "PAUSE_SECONDS", (0.0, 0.0))

    async def answer(socket: Any) -> None:
        async for text in socket:
            said = json.loads(text)
            refusal = {"type": "error", "code": "NOT_FOUND"}
            await socket.send(json.dumps({"type": "pong"} if said["type"] == "ping" else refusal))

    async with serve(answer, "127.0.0.1", 0) as running, aiohttp.ClientSession() as client:
        port = next(iter(running.sockets)).getsockname()[1]
        visit = _visit(client, f"ws://127.0.0.1:{port}", seconds=0.05)
        await visit.watch(ALICE, Random(1))
    assert visit.figures.count(Act.SOCKET) > 1
    assert visit.figures.errors == ["socket: {'type': 'error', 'code': 'NOT_FOUND'}"]
    async with aiohttp.ClientSession() as client:
        gone = _visit(client, f"ws://127.0.0.1:{port}", seconds=0.05)
        await gone.watch(ALICE, Random(1))
    assert len(gone.figures.errors) == 1


def test_a_percentile_is_a_wait_that_somebody_had() -> None:
    assert [at(share, [3.0, 1.0, 2.0, 4.0]) for share in (0.25, 0.5, 0.95)] == [1.0, 2.0, 4.0]
    assert at(0.95, []) == 0.0


def test_what_is_printed_has_the_rate_and_what_went_wrong() -> None:
    figures = Figures(2.0)
    figures.waits[Act.READ] += [0.1, 0.2, 0.3]
    figures.waits[Act.ORDER] += [0.4]
    told = report(figures, ["web ended"])
    assert (told["requests"], told["per_second"], told["p95_ms"], told["errors"]) == (4, 2.0, 400, 1)
    assert told["read"] == {"count": 3, "p50_ms": 200, "p95_ms": 300}
    assert Figures(1.0).failures() == ["nothing was answered"]
