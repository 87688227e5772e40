"""The live socket: snapshot first, gates, order, slow clients, withdrawn credentials, a bus that falls silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from common import consumers, realtime
from common.bus import bus
from common.errors import DomainError, NotFound
from common.realtime import CloseCode, Listener, publish
from tests.fixtures_live import Connect
from tools.services import free_port

pytestmark = pytest.mark.django_db(transaction=True)


def _gate(user: Any, key: str) -> dict[str, Any]:
    if key.startswith("secret"):
        raise NotFound("topic")
    return {"cells": {"price": f"snapshot of {key}"}}


@pytest.fixture(autouse=True)
def _topic() -> Iterator[None]:
    realtime.register_topic("test", _gate)
    yield
    del realtime._gates["test"]


async def _publish(topic: str, **payload: Any) -> None:
    await sync_to_async(publish)([(topic, payload)])


async def test_a_subscription_begins_with_the_snapshot_and_goes_on_with_updates(live: Connect) -> None:
    socket = await live()
    await socket.subscribe("test:a")
    begin = await socket.hear()
    assert begin == {
        "type": "snapshot",
        "topic": "test:a",
        "seq": realtime.hub.sequence,
        "stream": realtime.hub.stream,
        "cells": {"price": "snapshot of a"},
    }
    await _publish("test:a", cells={"price": "1"})
    first = await socket.hear()
    assert first["seq"] == begin["seq"] + 1
    await _publish("test:a", cells={"price": "2"})
    second = await socket.hear()
    assert (first["type"], first["topic"], first["cells"]) == ("update", "test:a", {"price": "1"})
    assert second["cells"] == {"price": "2"}
    assert second["seq"] == first["seq"] + 1


async def test_an_update_that_comes_while_the_snapshot_is_read_follows_it(live: Connect) -> None:
    def slow_gate(user: Any, key: str) -> dict[str, Any]:
        publish([("test:a", {"cells": {"price": "newer"}})])
        # The update has reached the socket's inbox before this gate returns.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loop).result()
        return {"cells": {"price": "older"}}

    loop = asyncio.get_running_loop()
    realtime.register_topic("test", slow_gate)
    socket = await live()
    await socket.subscribe("test:a")
    assert [(await socket.hear())["cells"]["price"] for _ in range(2)] == ["older", "newer"]


async def _heard(live: Connect, *prices: str) -> dict[str, Any]:
    """Hear test:a and these prices of it, and be gone; return how to come back."""
    socket = await live()
    await socket.subscribe("test:a")
    last = await socket.hear()
    stream = last["stream"]
    for price in prices:
        await _publish("test:a", cells={"price": price})
        last = await socket.hear()
    await socket.close()
    return {"type": "subscribe", "topics": ["test:a"], "stream": stream, "since": {"test:a": last["seq"]}}


async def test_who_comes_back_gets_what_was_missed_and_goes_on(live: Connect) -> None:
    back, witness = await _heard(live, "1"), await live()
    await witness.subscribe("test:b")
    await witness.hear()
    await _publish("test:a", cells={"price": "2"})
    await _publish("test:b", cells={"price": "elsewhere"})
    await _publish("test:a", cells={"price": "3"})
    await witness.hear()
    await _publish("test:b", cells={"price": "all came"})
    newest = (await witness.hear())["seq"]
    socket = await live()
    await socket.say(back)
    assert await socket.hear() == {"type": "resumed", "topic": "test:a", "seq": newest, "stream": back["stream"]}
    await _publish("test:a", cells={"price": "4"})
    missed = [await socket.hear() for _ in range(3)]
    assert [(one["type"], one["cells"]["price"]) for one in missed] == [
        ("update", "2"),
        ("update", "3"),
        ("update", "4"),
    ]
    assert missed[0]["seq"] == back["since"]["test:a"] + 1


@pytest.mark.parametrize("gone", ["stream", "number", "words", "too many", "too late", "silence"])
async def test_what_cannot_be_resumed_begins_with_a_snapshot(
    live: Connect, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setattr(realtime, "REMEMBERED", 1)
    back = await _heard(live, "1")
    witness = await live()
    await witness.subscribe("test:b")
    await witness.hear()
    for price in "2", "3"[: gone == "too many"]:
        await _publish("test:a", cells={"price": price})
    # Other topics' news come after those, in order.
    await _publish("test:b")
    await witness.hear()
    if gone == "too late":
        monkeypatch.setattr(realtime, "REMEMBER_SECONDS", 0.0)
        realtime.hub._forget()
    elif gone == "silence":
        realtime.hub._begin_anew()
    wrong: dict[str, Any] = {
        "stream": {"stream": "another"},
        "number": {"since": {"test:a": realtime.hub.sequence + 1}},
        "words": {"since": {"test:a": "1"}},
    }
    socket = await live()
    await socket.say({**back, **wrong.get(gone, {})})
    begin = await socket.hear()
    assert (begin["type"], begin["cells"]) == ("snapshot", {"price": "snapshot of a"})


async def test_who_may_no_longer_hear_a_topic_does_not_get_what_was_missed(live: Connect) -> None:
    def closed(user: Any, key: str) -> dict[str, Any]:
        raise NotFound("topic")

    back = await _heard(live)
    await _publish("test:a", cells={"price": "2"})
    realtime.register_topic("test", closed)
    socket = await live()
    await socket.say(back)
    assert (await socket.hear())["code"] == "NOT_FOUND"
    assert await socket.is_silent()
    assert "test:a" not in realtime.hub._pasts


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "REMEMBERED", 2)
    past = realtime.Past(10)
    for sequence in 12, 15, 17:
        past.add(sequence, str(sequence))
    assert past.between(11, 17) is None
    assert (past.between(12, 17), past.between(13, 15), past.between(17, 20)) == (["15", "17"], ["15"], [])
    assert past.between(18, 17) is None
    monkeypatch.setattr(realtime, "REMEMBERED_TOPICS", 2)
    hub, listener = realtime.Hub(), Listener()
    for topic in "abc":
        hub._listeners[topic], hub._pasts[topic] = {listener}, realtime.Past(0)
        hub.leave(topic, listener)
    assert list(hub._pasts) == ["b", "c"]


async def test_a_refused_topic_says_so_and_never_delivers(live: Connect) -> None:
    socket = await live()
    await socket.subscribe("test:secret")
    assert await socket.hear() == {
        "type": "error",
        "topic": "test:secret",
        "code": "NOT_FOUND",
        "message": "There is no such topic.",
    }
    await _publish("test:secret", cells={"price": "1"})
    assert await socket.is_silent()
    assert "test:secret" not in realtime.hub._listeners


@pytest.mark.parametrize("topic", ["nonsense", "nonsense:1", "test:", "withdrawn:token:1"])
async def test_an_unknown_topic_is_refused(live: Connect, topic: str) -> None:
    socket = await live()
    await socket.subscribe(topic)
    answer = await socket.hear()
    assert (answer["type"], answer["code"]) == ("error", "UNKNOWN_TOPIC")
    assert topic not in realtime.hub._listeners


async def test_an_unsubscribed_topic_is_silent(live: Connect) -> None:
    socket = await live()
    await socket.subscribe("test:a")
    await socket.hear()
    await socket.say({"type": "unsubscribe", "topics": ["test:a"]})
    await socket.say({"type": "ping"})
    assert await socket.hear() == {"type": "pong"}
    await _publish("test:a", cells={"price": "1"})
    assert await socket.is_silent()


NAME = "x" * 1_000_000


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "{",
        "[]",
        '"subscribe"',
        '{"type": "shout"}',
        f'{{"type": "{NAME}"}}',
        f'{{"type": "subscribe", "topics": ["{NAME}"]}}',
    ],
    ids=["empty", "brace", "list", "text", "unknown", "type of 1 MB", "topic of 1 MB"],
)
async def test_a_message_nobody_understands_is_answered_and_the_socket_lives_on(live: Connect, nonsense: str) -> None:
    socket = await live()
    await socket.say(nonsense)
    assert (await socket.hear())["code"] == "BAD_MESSAGE"
    await socket.subscribe("test:a")
    assert (await socket.hear())["type"] == "snapshot"


async def test_ten_thousand_topics_are_refused_message_by_message(live: Connect) -> None:
    socket = await live()
    for start in range(0, 10_000, 1_000):
        await socket.subscribe(*(f"test:{number}" for number in range(start, start + 1_000)))
        refusal = await socket.hear()
        assert (refusal["topic"], refusal["code"]) == ("", "TOO_MANY_TOPICS")
    assert not [topic for topic in realtime.hub._listeners if topic.startswith("test:")]
    await socket.subscribe("test:a")
    assert (await socket.hear())["type"] == "snapshot"


async def test_topics_per_connection_are_limited(live: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "MAX_TOPICS", 2)
    socket = await live()
    await socket.subscribe("test:a", "test:b")
    await socket.subscribe("test:c")
    answers = [await socket.hear() for _ in range(3)]
    assert sorted(answer["type"] for answer in answers) == ["error", "snapshot", "snapshot"]
    (refusal,) = (answer for answer in answers if answer["type"] == "error")
    assert (refusal["topic"], refusal["code"]) == ("test:c", "TOO_MANY_TOPICS")
    # One that is subscribed already is not one more: it repairs itself by a fresh snapshot.
    await socket.subscribe("test:a")
    assert (await socket.hear())["type"] == "snapshot"


async def test_a_reader_that_is_slow_is_told_and_dropped_and_holds_up_nobody() -> None:
    """Over real sockets: what waits for the slow one fills its connection, then its inbox; the other hears all of it."""
    port = free_port()
    config = uvicorn.Config(_as_nobody, port=port, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    address = f"ws://127.0.0.1:{port}/"
    plain: dict[str, Any] = {"compression": None, "max_queue": 1}
    async with connect(address, **plain) as slow, connect(address, **plain) as quick:
        for socket in slow, quick:
            await socket.send('{"type": "subscribe", "topics": ["test:a"]}')
            assert json.loads(await socket.recv())["type"] == "snapshot"
        for batch in range(25):
            await sync_to_async(publish)([("test:a", {"number": batch, "cells": {"padding": BULK}})] * BATCH)
            assert [json.loads(await quick.recv())["number"] for _ in range(BATCH)] == [batch] * BATCH
        heard = 0
        with pytest.raises(ConnectionClosedError) as closed:
            while True:
                await slow.recv()
                heard += 1
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, heard < 25 * BATCH) == (4408, True)
    await server.shutdown()


BATCH, BULK = 40, "x" * 40_000


async def _as_nobody(scope: Any, receive: Any, send: Any) -> None:
    await consumers.live_socket(scope, receive, send)


async def test_a_client_that_does_not_keep_up_is_told_and_dropped() -> None:
    listener = Listener()
    for number in range(Listener.LIMIT + 10):
        listener.offer("test:a", str(number))
    assert list(listener.frames) == [str(number) for number in range(Listener.LIMIT)]
    assert listener.ending is not None
    assert listener.ending[0] is CloseCode.TOO_SLOW


async def test_frames_that_come_together_wake_the_writer_once() -> None:
    listener, written = Listener(), []

    async def write() -> None:
        while listener.ending is None:
            await listener.wait()
            written.append(list(listener.frames))
            listener.frames.clear()

    writer = asyncio.create_task(write())
    await asyncio.sleep(0)
    for number in range(3):
        listener.offer("test:a", str(number))
    await asyncio.sleep(0)
    listener.end(CloseCode.INTERRUPTED, "")
    await writer
    assert written == [["0", "1", "2"], []]


async def test_a_slow_socket_is_closed_with_its_code(live: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listener, "LIMIT", 0)
    socket = await live()
    await socket.subscribe("test:a")
    assert await socket.closing() == (
        4408,
        "This connection did not keep up; connect again for a fresh snapshot.",
    )


async def test_a_held_topic_does_not_grow_without_end() -> None:
    listener = Listener()
    listener.hold("test:a")
    for number in range(Listener.LIMIT + 1):
        listener.offer("test:a", str(number))
    assert listener.ending is not None
    assert not listener.frames


async def test_a_closed_socket_is_forgotten(live: Connect) -> None:
    socket = await live()
    await socket.subscribe("test:a")
    await socket.hear()
    assert "test:a" in realtime.hub._listeners
    await socket.close()
    assert "test:a" not in realtime.hub._listeners


async def test_when_the_bus_fails_sockets_are_closed_and_the_hub_hears_again(
    live: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(realtime, "RETRY_SECONDS", 0.01)
    socket = await live()
    await socket.subscribe("test:a")
    await socket.hear()
    monkeypatch.setattr(realtime.hub, "_call", _breaking_once(realtime.hub._call, asyncio.get_running_loop()))
    await sync_to_async(bus().publish)("live", [["test:a", {}]])
    assert await socket.closing() == (
        1012,
        "Live updates were interrupted; connect again for a fresh snapshot.",
    )
    again = await live()
    await again.subscribe("test:a")
    assert (await again.hear())["type"] == "snapshot"
    await _publish("test:a", cells={"price": "1"})
    assert (await again.hear())["cells"] == {"price": "1"}
    assert "The bus fell silent" in caplog.text


async def test_a_batch_wakes_the_loop_for_what_is_heard_only(live: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = await live()
    await socket.subscribe("test:a")
    await socket.hear()
    calls: list[Any] = []
    monkeypatch.setattr(realtime.hub, "_call", lambda loop, action, *args: calls.append(args))
    await sync_to_async(publish)([("test:b", {})])
    await sync_to_async(publish)([("test:b", {}), ("test:a", {"cells": {}}), ("other:a", {})])
    for _ in range(100):
        if calls:
            break
        await asyncio.sleep(0.02)
    assert [[list(message) for message in args[0]] for args in calls] == [[["test:a", {"cells": {}}]]]


async def test_who_could_not_be_cut_off_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that would not hear of its credential's end is refused in words, and told to come again."""

    async def deaf(topic: str, listener: Listener) -> None:
        raise DomainError("LIVE_UNAVAILABLE", "Live updates are down.", status=503)

    monkeypatch.setattr(realtime.hub, "join", deaf)
    scope = {"type": "websocket", "credentials": ("token:1",)}
    communicator: Any = ApplicationCommunicator(consumers.live_socket, scope)  # type: ignore[no-untyped-call]
    await communicator.send_input({"type": "websocket.connect"})
    answers = [await communicator.receive_output(5) for _ in range(3)]
    assert [answer["type"] for answer in answers] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert json.loads(answers[1]["text"])["code"] == "LIVE_UNAVAILABLE"
    assert (answers[2]["code"], answers[2]["reason"]) == (1012, "Live updates are down.")
    await communicator.send_input({"type": "websocket.disconnect", "code": 1012})
    await communicator.wait(5)


def _breaking_once(call: Any, own_loop: asyncio.AbstractEventLoop) -> Any:
    """Let the hub's next message fail as a lost connection does; pumps of earlier tests' loops may still be ending."""
    broken: list[bool] = []

    def breaking(loop: Any, action: Any, *args: Any) -> None:
        if args and loop is own_loop and not broken:
            broken.append(True)
            raise ConnectionError("the bus is gone")
        call(loop, action, *args)

    return breaking


def test_a_frame_is_compact_json() -> None:
    text = realtime.frame("update", "test:a", 7, {"cells": {"price": "1.50"}})
    assert text == '{"type":"update","topic":"test:a","seq":7,"cells":{"price":"1.50"}}'
    assert json.loads(text)["seq"] == 7


def test_what_topics_need_is_renewed_for_those_that_are_heard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[list[str]] = []

    def failing(keys: Sequence[str]) -> None:
        raise RuntimeError("away")

    monkeypatch.setattr(realtime, "_keeps", {"test": lambda keys: kept.append(list(keys)), "other": failing})
    realtime.keep_heard(["other:a", "test:a", "test:b", "withdrawn:token:1"])
    assert kept == [["a", "b"]]
    assert "other could not be renewed" in caplog.text


async def test_an_open_socket_keeps_what_its_topic_needs(live: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[list[str]] = []
    monkeypatch.setattr(realtime, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(realtime, "_keeps", {"test": lambda keys: kept.append(list(keys))})
    socket = await live()
    await socket.subscribe("test:a")
    await socket.hear()
    for _ in range(60):
        if kept:
            break
        await asyncio.sleep(0.1)
    assert kept[0] == ["a"]
