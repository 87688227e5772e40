"""The live protocol's words: what is said to /ws/live/ and what its messages mean. No network here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from slipstream_client.errors import LiveClosed, SlipstreamError

BAD_TOKEN = 4401
# What one may see has changed, or the server missed something: only snapshots tell.
INTERRUPTED = 1012
MAX_FRAME_BYTES = 16 * 1024 * 1024
# The server takes 16 KiB a message: so many topics, with room to spare, at a time.
_TOPICS_PER_MESSAGE = 50
_UNAVAILABLE = "LIVE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A topic's whole state (`snapshot`) or what has changed of it (`update`); `payload` depends on the topic.

    `sequence` grows with the updates, over all topics; a snapshot has that of the last update that it knows of. Most
    updates are hints: what `payload["refresh"]` names is to be asked for by the API. docs/asyncapi.yaml describes each
    topic.
    """

    kind: Literal["snapshot", "update"]
    topic: str
    sequence: int
    payload: dict[str, Any]


@dataclass(slots=True)
class Heard:
    """How far a client has heard each topic, so that a new connection goes on from there."""

    stream: str = ""
    last: dict[str, int] = field(default_factory=dict)

    def note(self, message: dict[str, Any]) -> None:
        """Take a message of the server as heard. Numbers of another stream say nothing of this one's."""
        stream = message.get("stream", self.stream)
        if stream != self.stream:
            self.stream, self.last = stream, {}
        self.last[message["topic"]] = message["seq"]


class TopicRefused(SlipstreamError):
    """A topic does not exist, or is not for this token to hear; decide by `code`."""

    def __init__(self, topic: str, code: str, message: str) -> None:
        super().__init__(f"{topic}: {code}: {message}")
        self.topic, self.code = topic, code


class LiveUnavailable(SlipstreamError):
    """The server cannot tell live news at present; the connection is opened again after a pause."""


def address_of(base_url: str) -> str:
    """Return the socket's address of a site: http becomes ws, https wss."""
    return "ws" + base_url.removeprefix("http") + "/ws/live/"


def subscriptions(topics: Sequence[str], heard: Heard | None = None) -> list[str]:
    """Return the messages that subscribe to topics: from where they were heard last, or from the beginning."""
    parts = [topics[start : start + _TOPICS_PER_MESSAGE] for start in range(0, len(topics), _TOPICS_PER_MESSAGE)]
    return [json.dumps({"type": "subscribe", "topics": list(part), **_since(heard, part)}) for part in parts]


def _since(heard: Heard | None, topics: Sequence[str]) -> dict[str, Any]:
    last = {} if heard is None else {topic: heard.last[topic] for topic in topics if topic in heard.last}
    return {"stream": heard.stream, "since": last} if heard is not None and last else {}


def read(text: str | bytes, heard: Heard | None = None) -> LiveMessage | None:
    """Return a message's meaning, None where it tells no news of a topic; raise for a refusal. `heard` goes on."""
    message = json.loads(text)
    if heard is not None and "seq" in message:
        heard.note(message)
    message.pop("stream", None)
    kind, topic = message.pop("type"), message.pop("topic", "")
    if kind == "snapshot" or kind == "update":
        return LiveMessage(kind, topic, message.pop("seq"), message)
    if kind == "error" and message["code"] == _UNAVAILABLE:
        raise LiveUnavailable(message["message"])
    # A refused token's message names no topic: the close that follows it says the rest.
    if kind == "error" and topic:
        raise TopicRefused(topic, message["code"], message["message"])
    return None


def after_close(code: int, reason: str, heard: Heard) -> None:
    """Raise LiveClosed where it makes no sense to connect again; forget what was heard where only snapshots tell."""
    if code == BAD_TOKEN:
        raise LiveClosed(code, reason)
    if code == INTERRUPTED:
        heard.last.clear()
