"""The live socket: snapshot first, gates, order, slow clients, withdrawn credentials, a bus that falls silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from common import consumers, realtime
from common.bus import bus
from common.errors import DomainError, NotFound
from common.realtime import CloseCode, Listener, publish
from tests.fixtures_live import Connect

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
    assert await socket.hear() == {
        "type": "snapshot",
        "topic": "test:a",
        "seq": 0,
        "cells": {"price": "snapshot of a"},
    }
    await _publish("test:a", cells={"price": "1"})
    first = await socket.hear()
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


# The last but one is an event's name of a million characters.
NONSENSE = ["", "{", "[]", '"subscribe"', '{"type": "shout"}', f'{{"type": "{"x" * 1_000_000}"}}', "x" * 20_000]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
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
