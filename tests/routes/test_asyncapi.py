"""The description of the live protocol: well-formed, complete, and true of what topics really send."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from jsonschema import Draft7Validator

from common import consumers, realtime
from tests.fixtures_desk import Desk, Working
from tests.fixtures_live import Connect
from tests.routes.test_topics import _keys
from tests.routes.world import World, build


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    text = (settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text()
    return dict(yaml.safe_load(text))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        for one in node.values():
            yield from _references(one)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)


def _at(document: dict[str, Any], reference: str) -> Any:
    return reduce(lambda node, name: node[name], reference.removeprefix("#/").split("/"), document)


def _validator(document: dict[str, Any], message: str) -> Draft7Validator:
    payload = document["components"]["messages"][message]["payload"]
    return Draft7Validator({**payload, "components": document["components"]})


def test_the_document_is_well_formed(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version"}
    assert [reference for reference in _references(document) if not _at(document, reference)] == []
    [channel] = document["channels"].values()
    assert channel["address"] == "/ws/live/"
    messages = document["components"]["messages"]
    assert sorted(channel["messages"]) == sorted(messages)
    for message in messages.values():
        Draft7Validator.check_schema(message["payload"])
    told = [one["$ref"].rsplit("/")[-1] for way in document["operations"].values() for one in way["messages"]]
    assert sorted(told) == sorted(messages)
    assert {way["action"] for way in document["operations"].values()} == {"send", "receive"}


def test_it_names_every_topic_and_no_other(document: dict[str, Any]) -> None:
    topics = {name: one["x-topic"] for name, one in document["components"]["messages"].items() if "x-topic" in one}
    assert sorted(topics) == sorted(realtime._gates)
    assert [name for name, topic in topics.items() if not topic.startswith(f"{name}:")] == []


def test_its_limits_and_close_codes_are_those_of_the_code(document: dict[str, Any]) -> None:
    words = document["info"]["description"]
    assert f"{consumers.MAX_TOPICS} topics" in words
    assert f"{consumers.MAX_MESSAGE_BYTES:,} characters" in words
    assert f"{realtime.Listener.LIMIT} frames" in words
    assert f"{realtime.REMEMBERED} updates" in words
    assert [code for code in realtime.CloseCode if f"{code.value} " not in words] == []


@pytest.mark.django_db(transaction=True)
async def test_what_topics_send_is_as_described(document: dict[str, Any], world: World, live: Connect) -> None:
    socket = await live(headers={"authorization": f"Bearer {world.secrets['alice']}"})
    stream, last = "", {"": 0}
    for kind, key in _keys(world).items():
        await socket.subscribe(f"{kind}:{key}")
        begin = await socket.hear()
        _validator(document, kind).validate(begin)
        stream, last = begin["stream"], {f"{kind}:{key}": begin["seq"]}
    again = {"type": "subscribe", "topics": [*last], "stream": stream, "since": last}
    _validator(document, "subscribe").validate(again)
    await socket.say(again)
    _validator(document, "resumed").validate(await socket.hear())
    await socket.subscribe("portfolio:nothing")
    _validator(document, "error").validate(await socket.hear())
    await socket.say({"type": "ping"})
    _validator(document, "pong").validate(await socket.hear())


@pytest.fixture
def world(desk: Desk, working: Working, quiet: None) -> World:
    """Build one that is committed: sockets ask over connections of their own."""
    return build(desk, working)


def test_the_site_serves_it_with_its_own_address(client: Client) -> None:
    answer = client.get("/api/v1/asyncapi.yaml", headers={"host": "localhost"}, secure=True)
    assert answer["Content-Type"] == "application/yaml"
    served = yaml.safe_load(answer.content)
    assert served["servers"]["site"]["variables"]["host"]["default"] == "localhost"
    assert served["servers"]["site"]["protocol"] == "wss"
