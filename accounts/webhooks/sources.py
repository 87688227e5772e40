"""Where events come from: apps register rows that are read by a cursor, so that a crash loses none and nobody without a webhook costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from common.clock import wall_now
from common.db import oldest_write

# Rows of transactions under way become visible out of the order of their keys: this long they are read again (a delivery
# is unique by its event, so that changes nothing), and as long as a transaction that has written is still open.
SETTLED_AFTER = timedelta(seconds=30)
AT_ONCE = 1000
# So many of what is young at a time: it is read from its beginning whenever it is read.
MOST_PAGES = 20


def settled_before() -> datetime:
    """Return the time of which rows older than it are all to be seen: none is to come from a transaction still open."""
    return min(wall_now(), oldest_write() or wall_now()) - SETTLED_AFTER


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to tell a person. `key` is the same whenever the fact is read; `data` is small and JSON-ready."""

    user_id: UUID
    event: str
    key: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Rows in the order of their keys. `events` names what it tells, in words; `rows` are those that concern some users."""

    name: str
    events: Mapping[str, str]
    everything: Callable[[], QuerySet[Any]]
    recorded: str
    rows: Callable[[Collection[UUID]], QuerySet[Any]]
    facts: Callable[[Iterable[Any]], list[Fact]]

    def settled(self) -> str:
        """Return the newest key that no later commit can come before, "" where there is none."""
        old = self.everything().filter(**{f"{self.recorded}__lt": settled_before()})
        newest = old.order_by("-pk").values_list("pk", flat=True).first()
        return "" if newest is None else str(newest)

    def read(self, position: str, users: Collection[UUID]) -> tuple[list[Fact], str]:
        """Return what some users are to be told since a position, and the next position."""
        settled, before = self.settled(), settled_before()
        facts: list[Fact] = []
        at, found = position, self.rows(users).order_by("pk")
        for _ in range(MOST_PAGES):
            rows = list((found.filter(pk__gt=at) if at else found)[:AT_ONCE])
            facts += self.facts(rows)
            if len(rows) < AT_ONCE:
                break
            at = str(rows[-1].pk)
            if getattr(rows[-1], self.recorded) < before:
                return facts, at
        return facts, settled or position


_sources: dict[str, Source] = {}


def register_source(source: Source) -> None:
    """Declare events of an app, in its AppConfig.ready."""
    _sources[source.name] = source


def sources() -> Iterable[Source]:
    return _sources.values()


def event_names() -> dict[str, str]:
    """Return every event that can be subscribed to, with its words."""
    return {name: words for source in _sources.values() for name, words in sorted(source.events.items())}
