"""Journey C's last step before the browser: publish by topic, one bus message a batch, one encoded frame a process.

A message is a hint; the snapshot that a subscription starts with is the truth. Who comes back after a moment says what
he heard last, and gets the updates since instead. Upper apps register their topics here, each with a gate that also
makes the snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import close_old_connections, transaction

from common import clock
from common.bus import bus, hint
from common.errors import DomainError, NotFound
from common.ids import new_token

CHANNEL = "live"
# Topics of the hub's own, which no gate offers to subscribers: "withdrawn:token:<id>".
_WITHDRAWN = "withdrawn:"
# How long a subscriber waits for the bus, and the hub before it tries the bus again.
HEARING_SECONDS = 5.0
RETRY_SECONDS = 1.0
KEEP_SECONDS = 20.0
# What a client that comes back may have missed: so many of a topic's updates, for so long after its last listener left,
# of so many topics. A quarter of an inbox, so that what is sent again does not make its reader too slow.
REMEMBERED = 64
REMEMBER_SECONDS = 60.0
REMEMBERED_TOPICS = 1_000
logger = logging.getLogger(__name__)
Payload = dict[str, Any]
# (user or None, the part behind the colon) -> snapshot; raises DomainError where the asker may not look.
Gate = Callable[[Any, str], Payload]
# The parts behind the colon of those topics of a kind that somebody in this process hears.
Keep = Callable[[Sequence[str]], None]

# One encoder for all frames: to make one costs as much as to encode a small frame.
_compact = json.JSONEncoder(separators=(",", ":")).encode
_gates: dict[str, Gate] = {}
_keeps: dict[str, Keep] = {}


def register_topic(kind: str, gate: Gate, keep: Keep | None = None) -> None:
    """Offer topics `kind:<id>` to subscribers; called from an app's `AppConfig.ready`.

    `keep` is called every `KEEP_SECONDS` with what is heard of the kind, in a thread that may wait: it renews what a
    topic needs while somebody looks. The first call is the gate's own business.
    """
    _gates[kind] = gate
    if keep is not None:
        _keeps[kind] = keep


def gate_of(topic: str) -> tuple[Gate, str]:
    """Return a topic's gate and what to ask it about; raise DomainError UNKNOWN_TOPIC where there is no such topic."""
    kind, _, key = topic.partition(":")
    # No id or code of ours holds anything else, and no database would take a NUL or half a surrogate pair.
    if kind not in _gates or not key or not (topic.isascii() and topic.isprintable()):
        raise DomainError("UNKNOWN_TOPIC", f"There is no topic {topic[:80]!r}.", status=404)
    return _gates[kind], key


def snapshot(user: Any, topic: str) -> Payload:
    """Return a topic's present state for this user, or raise DomainError."""
    gate, key = gate_of(topic)
    try:
        return gate(user, key)
    except ValidationError:  # not even an id
        raise NotFound("topic") from None


def publish(messages: Sequence[tuple[str, Payload]]) -> None:
    """Send (topic, payload) pairs to every process's listeners once the present transaction has committed."""
    if messages:
        transaction.on_commit(partial(hint, CHANNEL, [list(message) for message in messages]))


def withdraw(credential: str) -> None:
    """Close, after the present transaction, every socket that was opened with this credential ("token:<id>" …)."""
    publish([(f"{_WITHDRAWN}{credential}", {})])


def interrupt(credential: str) -> None:
    """Have, after the present transaction, every socket with this credential connect again and ask every gate anew."""
    publish([(f"{_WITHDRAWN}{credential}", {"again": True})])


class CloseCode(IntEnum):
    """Why the server closes a socket; 4xxx codes are the application's own."""

    INTERRUPTED = 1012
    BAD_TOKEN = 4401
    TOO_SLOW = 4408


_NO_LONGER = (CloseCode.BAD_TOKEN, "What this connection was opened with is no longer valid.")
_AGAIN = (CloseCode.INTERRUPTED, "What you may see has changed; connect again.")


class Listener:
    """One socket's inbox: its frames wait here, in order, for the socket's writer. Use from the event loop only.

    A topic is held while its snapshot is read, so that the snapshot comes first and a refused asker hears nothing.
    A client that does not keep up is told and dropped.
    """

    LIMIT = 256

    def __init__(self) -> None:
        self.frames: deque[str] = deque()
        self.heard: set[str] = set()
        self.ending: tuple[CloseCode, str] | None = None
        self._held: dict[str, list[str]] = {}
        self._writer: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return when there is a frame to write or the end to tell; for the one writer.

        However many frames come before the writer has its turn, they wake it once.
        """
        if not self.frames and self.ending is None:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    def hold(self, topic: str) -> None:
        self._held.setdefault(topic, [])

    def release(self, topic: str, beginning: Sequence[str]) -> None:
        """Let a topic through: what it begins with, then the updates that came while that was read."""
        for waiting in (*beginning, *self._held.pop(topic, ())):
            self.put(waiting)

    def forget(self, topic: str) -> None:
        self._held.pop(topic, None)

    def offer(self, topic: str, update: str) -> None:
        held = self._held.get(topic)
        if held is None:
            self.put(update)
        elif len(held) < self.LIMIT:
            held.append(update)
        else:
            self._too_slow()

    def put(self, waiting: str) -> None:
        """Have the socket send this after what waits already."""
        if len(self.frames) >= self.LIMIT:
            self._too_slow()
        elif self.ending is None:
            self.frames.append(waiting)
            self._wake()

    def end(self, code: CloseCode, reason: str) -> None:
        """Close the socket once what waits is written."""
        if self.ending is None:
            self.ending = (code, reason)
            self._wake()

    def _wake(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def _too_slow(self) -> None:
        self.end(CloseCode.TOO_SLOW, "This connection did not keep up; connect again for a fresh snapshot.")


class Past:
    """A topic's newest updates as they were sent, by their numbers. `since`: from there on nothing is lacking."""

    def __init__(self, since: int) -> None:
        self.since = since
        self._frames: deque[tuple[int, str]] = deque()

    def add(self, sequence: int, encoded: str) -> None:
        self._frames.append((sequence, encoded))
        if len(self._frames) > REMEMBERED:
            self.since = self._frames.popleft()[0]

    def between(self, known: int, now: int) -> list[str] | None:
        """Return the updates after `known` and up to `now`; None where some of them are forgotten, or were never sent."""
        if not self.since <= known <= now:
            return None
        return [encoded for sequence, encoded in self._frames if known < sequence <= now]


class Hub:
    """A process's switchboard: one bus subscription feeds the listeners of every topic.

    `stream` names this process's numbering of updates, and `sequence` is the newest number. Both begin anew with the
    process, and when something was missed.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        # Of the topics that are heard, and of those that somebody heard a moment ago and may come back to.
        self._pasts: dict[str, Past] = {}
        # When the latter were left, the longest ago first.
        self._left: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hearing = threading.Event()
        self.sequence = 0
        self.stream = ""

    async def join(self, topic: str, listener: Listener) -> None:
        """Start hearing a topic. Join before taking the snapshot, so that nothing is missed."""
        self._listeners.setdefault(topic, set()).add(listener)
        listener.heard.add(topic)
        is_first = self._loop is None or self._loop.is_closed()
        if is_first:
            self._begin_anew()
        if not topic.startswith(_WITHDRAWN):
            self._pasts.setdefault(topic, Past(self.sequence))
            self._left.pop(topic, None)
        if is_first:
            self._loop, self._hearing = asyncio.get_running_loop(), threading.Event()
            pump = partial(self._pump, self._loop, self._hearing)
            threading.Thread(target=pump, name="live-hub", daemon=True).start()
            threading.Thread(target=self._keep, args=(self._loop,), name="live-keeper", daemon=True).start()
        if not self._hearing.is_set() and not await asyncio.to_thread(self._hearing.wait, HEARING_SECONDS):
            raise DomainError("LIVE_UNAVAILABLE", "Live updates are down: reload the page in a minute.", status=503)

    async def join_credential(self, credential: str, listener: Listener) -> None:
        """Have the socket closed when this credential is withdrawn."""
        await self.join(f"{_WITHDRAWN}{credential}", listener)

    def leave(self, topic: str, listener: Listener, *, forget: bool = False) -> None:
        """Stop hearing a topic. `forget`: nobody comes back to it, since he was never let in."""
        listener.heard.discard(topic)
        heard = self._listeners.get(topic, set())
        heard.discard(listener)
        if not heard and self._listeners.pop(topic, None) is not None and topic in self._pasts:
            self._left[topic] = clock.monotonic()
            if forget or len(self._left) > REMEMBERED_TOPICS:
                self._drop(topic if forget else next(iter(self._left)))

    def missed(self, topic: str, stream: str, known: int, now: int) -> list[str] | None:
        """Return a topic's updates with numbers after `known` up to `now`; None where a snapshot must tell what they did.

        `stream` is whose numbers these are: those of another process, or of a time before news were lost, say nothing.
        """
        past = self._pasts.get(topic)
        return past.between(known, now) if past is not None and stream == self.stream else None

    def _forget(self) -> None:
        """Drop the pasts of topics that were left too long ago."""
        long_ago = clock.monotonic() - REMEMBER_SECONDS
        for topic in [topic for topic, left_at in self._left.items() if left_at < long_ago]:
            self._drop(topic)

    def _drop(self, topic: str) -> None:
        del self._pasts[topic], self._left[topic]

    def _begin_anew(self) -> None:
        """Forget what was told: news were, or may have been, missed."""
        self._pasts.clear()
        self._left.clear()
        self.stream = new_token(6)

    def leave_all(self, listener: Listener) -> None:
        """Stop hearing anything: the socket is gone."""
        for topic in list(listener.heard):
            self.leave(topic, listener)

    def _pump(self, loop: asyncio.AbstractEventLoop, hearing: threading.Event) -> None:
        while not loop.is_closed():
            try:
                self._hear(loop, hearing)
            except Exception:
                logger.warning("The bus fell silent; trying again.", exc_info=True)
                hearing.clear()
                self._call(loop, self._interrupt)
                clock.sleep(RETRY_SECONDS)

    def _hear(self, loop: asyncio.AbstractEventLoop, hearing: threading.Event) -> None:
        with bus().listen(CHANNEL) as subscription:
            hearing.set()
            while not loop.is_closed():
                # What nobody hears, or may come back to, wakes nobody. Whoever joins after this look finds it in the snapshot.
                received = subscription.get(1.0)
                if received and (batch := [message for message in received[1] if self._is_heard(message[0])]):
                    self._call(loop, self._deliver, batch)

    def _is_heard(self, topic: str) -> bool:
        return topic in self._listeners or topic in self._pasts

    def _keep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Renew what the topics that are heard need, as long as they are."""
        renewed_at = clock.monotonic()
        while not loop.is_closed():
            clock.sleep(1.0)
            if clock.monotonic() - renewed_at >= KEEP_SECONDS:
                renewed_at = clock.monotonic()
                self._call(loop, self._forget)
                keep_heard(list(self._listeners))

    def _call(self, loop: asyncio.AbstractEventLoop, action: Callable[..., None], *args: Any) -> None:
        # The loop may close between a test and this call: then the process is ending.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(action, *args)

    def _interrupt(self) -> None:
        """Have every socket connect again, for a fresh snapshot: messages were missed."""
        self._begin_anew()
        for listener in set().union(*self._listeners.values()):
            listener.end(CloseCode.INTERRUPTED, "Live updates were interrupted; connect again for a fresh snapshot.")

    def _deliver(self, batch: list[tuple[str, Payload]]) -> None:
        for topic, payload in batch:
            listeners = self._listeners.get(topic, ())
            if topic.startswith(_WITHDRAWN):
                for listener in listeners:
                    listener.end(*(_AGAIN if payload.get("again") else _NO_LONGER))
                continue
            past = self._pasts.get(topic)
            if past is None:  # nobody hears it any longer, nor will come back to it
                continue
            self.sequence += 1
            encoded = frame("update", topic, self.sequence, payload)
            past.add(self.sequence, encoded)
            for listener in listeners:
                listener.offer(topic, encoded)


def keep_heard(topics: Sequence[str]) -> None:
    """Call each kind's `keep` with what of it is among the topics; one that fails does not keep others from theirs."""
    heard: dict[str, list[str]] = {}
    for topic in topics:
        kind, _, key = topic.partition(":")
        heard.setdefault(kind, []).append(key)
    for kind in heard.keys() & _keeps.keys():
        try:
            _keeps[kind](heard[kind])
        except Exception:
            logger.warning("What open pages need of %s could not be renewed.", kind, exc_info=True)
        finally:
            close_old_connections()


def frame(kind: str, topic: str, sequence: int, payload: Payload) -> str:
    """Return the text of one message as the browser and API clients see it."""
    return _compact({"type": kind, "topic": topic, "seq": sequence, **payload})


hub = Hub()
