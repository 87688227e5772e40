"""What the Python client decides by itself: what is sent again, when, and with which key; and how values travel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from slipstream_client import (
    AsyncClient,
    Client,
    Conflict,
    NoAnswer,
    Retries,
    ServerFailed,
    SlipstreamError,
    live,
    wire,
)
from slipstream_client.errors import LiveClosed
from slipstream_client.retrying import KEY
from tools.client_models import synchronous, twins

SITE = "http://site.example"
QUICK = Retries(base_seconds=0.001, cap_seconds=0.002)
Answer = Callable[[], httpx.Response]


def problem(status: int, code: str, **headers: str) -> Answer:
    body = {"code": code, "detail": "No.", "status": status, "request_id": "request-1", "context": {}}
    return lambda: httpx.Response(status, json=body, headers=headers)


def broken() -> httpx.Response:
    raise httpx.ReadTimeout("nothing came")


def done() -> httpx.Response:
    return httpx.Response(200, json=[])


class Server:
    """Answers as the test says, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answers.pop(0)()

    def client(self, retries: Retries = QUICK) -> Client:
        return Client(SITE, "slip_x", retries=retries, transport=httpx.MockTransport(self))


@pytest.mark.parametrize(
    "failure",
    [broken, problem(429, "THROTTLED"), problem(503, "X"), problem(409, "IDEMPOTENCY_KEY_IN_USE")],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_what_can_be_repeated_is_sent_again_with_the_same_key(method: str, failure: Answer) -> None:
    server = Server(failure, failure, done)
    with server.client() as client:
        assert client.request(method, "things/", json={"a": 1}).status_code == 200
    keys = [request.headers.get(KEY) for request in server.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert (keys[0] is not None) == (method == "POST")
    assert {request.content for request in server.asked} == {b'{"a":1}'}


@pytest.mark.parametrize("failure", [broken, problem(429, "THROTTLED"), problem(503, "X")])
def test_a_patch_is_sent_once(failure: Answer) -> None:
    server = Server(failure, done)
    with server.client() as client, pytest.raises(SlipstreamError):
        client.request("PATCH", "things/")
    assert len(server.asked) == 1


def test_a_refusal_is_raised_at_once_with_its_code() -> None:
    server = Server(problem(409, "IDEMPOTENCY_OUTCOME_UNKNOWN"), done)
    with server.client() as client, pytest.raises(Conflict) as refused:
        client.request("POST", "things/")
    assert (refused.value.code, refused.value.status) == ("IDEMPOTENCY_OUTCOME_UNKNOWN", 409)
    assert refused.value.request_id == "request-1"
    assert len(server.asked) == 1


def test_attempts_are_bounded_and_every_call_has_a_key_of_its_own() -> None:
    server = Server(*[broken] * 4, *[lambda: httpx.Response(502, text="<html>")] * 4)
    with server.client() as client:
        with pytest.raises(NoAnswer):
            client.request("POST", "things/")
        with pytest.raises(ServerFailed) as failed:
            client.request("POST", "things/")
    assert failed.value.code == "HTTP_502"
    keys = [request.headers[KEY] for request in server.asked]
    assert [keys.count(key) for key in dict.fromkeys(keys)] == [4, 4]


def test_retry_after_is_obeyed_within_ones_patience() -> None:
    retries = Retries(base_seconds=0.001, cap_seconds=0.002, patience_seconds=60)
    with Server(problem(503, "X")).client(Retries(attempts=1)) as client, pytest.raises(ServerFailed) as refusal:
        client.request("GET", "things/")
    pauses = [retries.pause(1, "GET", {}, refusal.value, "7") for _ in range(50)]
    assert all(7 <= pause <= 7.7 for pause in pauses)
    assert len(set(pauses)) > 1
    assert retries.pause(1, "GET", {}, refusal.value, "61") == -1
    assert retries.pause(4, "GET", {}, refusal.value, "1") == -1
    assert 0 < retries.pause(1, "GET", {}, refusal.value, "Wed, 21 Oct 2026 07:28:00 GMT") <= 0.001


def test_back_off_doubles_up_to_its_bound_and_is_never_nothing() -> None:
    retries = Retries(base_seconds=1, cap_seconds=8)
    for failures, bound in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (10_000, 8)]:
        assert all(bound / 10 <= retries.backoff(failures) <= bound for _ in range(20))


def test_the_next_page_is_asked_for_here_whatever_host_it_names() -> None:
    first: dict[str, Any] = {"next": "http://elsewhere.example/api/v1/fills/?cursor=c%3D1&side=BUY", "results": []}
    last: dict[str, Any] = {"next": None, "results": []}
    server = Server(lambda: httpx.Response(200, json=first), lambda: httpx.Response(200, json=last))
    with server.client() as client:
        assert list(client.fills.each(side="BUY")) == []
    assert [str(request.url) for request in server.asked] == [
        f"{SITE}/api/v1/fills/?side=BUY",
        f"{SITE}/api/v1/fills/?cursor=c%3D1&side=BUY",
    ]


def test_a_file_that_breaks_off_leaves_none(tmp_path: Any) -> None:
    class Breaking(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"half"
            raise httpx.ReadError("cut")

    server = Server(lambda: httpx.Response(200, stream=Breaking()))
    with server.client() as client, pytest.raises(NoAnswer):
        client.exports.fills(tmp_path / "fills.csv", form="csv")
    assert list(tmp_path.iterdir()) == []


def test_the_asynchronous_client_decides_alike() -> None:
    server = Server(broken, problem(429, "THROTTLED"), done)

    async def ask() -> None:
        async with AsyncClient(SITE, retries=QUICK, transport=httpx.MockTransport(server)) as client:
            await client.orders.cancel_all()

    asyncio.run(ask())
    assert len({request.headers[KEY] for request in server.asked}) == 1
    assert [json.loads(request.content) for request in server.asked] == [{}] * 3
    assert "Authorization" not in server.asked[0].headers


def test_values_travel_exactly() -> None:
    at = datetime(2026, 3, 2, 13, tzinfo=timezone(timedelta(hours=1)))
    assert wire.body({"a": Decimal("1E+3"), "b": at, "c": None, "d": [Decimal("0.10")], "e": False}) == {
        "a": "1000",
        "b": "2026-03-02T12:00:00Z",
        "d": ["0.10"],
        "e": False,
    }
    assert wire.query(
        {"kind": ["LIVE", "PAPER"], "open": True, "none": None, "since": datetime(2026, 1, 1, tzinfo=UTC)}
    ) == [
        ("kind", "LIVE"),
        ("kind", "PAPER"),
        ("open", "true"),
        ("since", "2026-01-01T00:00:00Z"),
    ]
    for wrong in (0.1, datetime(2026, 1, 1)):  # noqa: DTZ001 - what must be refused
        with pytest.raises(TypeError):
            wire.text(wrong)


def test_live_messages_are_read_and_refusals_raised() -> None:
    text = '{"type":"update","topic":"portfolio:1","seq":7,"refresh":["fills"]}'
    assert live.read(text) == live.LiveMessage("update", "portfolio:1", 7, {"refresh": ["fills"]})
    assert live.read('{"type":"pong"}') is None
    assert live.read('{"type":"error","topic":"","code":"BAD_TOKEN","message":"x"}') is None
    with pytest.raises(live.TopicRefused):
        live.read('{"type":"error","topic":"user:1","code":"NOT_FOUND","message":"x"}')
    with pytest.raises(live.LiveUnavailable):
        live.read('{"type":"error","topic":"user:1","code":"LIVE_UNAVAILABLE","message":"x"}')
    with pytest.raises(LiveClosed):
        live.after_close(4401, "revoked", live.Heard())
    assert [len(json.loads(one)["topics"]) for one in live.subscriptions(["user:1"] * 120)] == [50, 50, 20]
    assert live.address_of("https://a.example") == "wss://a.example/ws/live/"


def test_a_new_connection_goes_on_where_the_last_one_ended() -> None:
    heard = live.Heard()
    assert [json.loads(one) for one in live.subscriptions(["a:1"], heard)] == [{"type": "subscribe", "topics": ["a:1"]}]
    live.read('{"type":"snapshot","topic":"a:1","seq":3,"stream":"x","cells":{}}', heard)
    told = live.read('{"type":"update","topic":"a:1","seq":5,"cells":{}}', heard)
    assert told == live.LiveMessage("update", "a:1", 5, {"cells": {}})
    [again] = map(json.loads, live.subscriptions(["a:1", "b:1"], heard))
    assert again == {"type": "subscribe", "topics": ["a:1", "b:1"], "stream": "x", "since": {"a:1": 5}}
    assert live.read('{"type":"resumed","topic":"a:1","seq":9,"stream":"x"}', heard) is None
    assert heard.last == {"a:1": 9}
    # Another process counts by itself: nothing that it did not tell is known of it.
    live.read('{"type":"snapshot","topic":"b:1","seq":1,"stream":"y","cells":{}}', heard)
    assert (heard.stream, heard.last) == ("y", {"b:1": 1})
    live.after_close(1012, "What you may see has changed.", heard)
    assert heard.last == {}


def test_the_synchronous_client_is_made_of_the_other() -> None:
    """Where it is not: `python -m tools.client_models`."""
    assert len(twins()) == 4
    for source, twin in twins().items():
        assert twin.read_text() == synchronous(source.read_text()), twin.name
