"""All that the processor knows: objects by kind, a clock that control calls move, what is due later, and the events it tells."""

from __future__ import annotations

import copy
import heapq
import itertools
from collections.abc import Callable
from typing import Any

from common import clock, ids
from sandbox.stripe.errors import missing

Obj = dict[str, Any]
API_VERSION = "2026-10-28.endive"
PLATFORM = ""
HOUR, DAY = 3600, 86_400


class World:
    """The state of one processor. Objects are JSON as the API shows it, with references as ids.

    Each belongs to an account: the platform ("") or a connected one. What no caller may see stands in `hidden`.
    """

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.offset = 0
        self.tables: dict[str, dict[str, Obj]] = {}
        self.owners: dict[str, str] = {}
        self.hidden: dict[str, dict[str, Any]] = {}
        self.options: dict[str, str] = {"after_retries": "canceled"}
        self.request: Obj = {"id": None, "idempotency_key": None}
        self.api_version = API_VERSION
        self.on_event: Callable[[Obj], None] = _ignored
        self._timers: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count(1)
        self._moment: int | None = None

    def now(self) -> int:
        """Return the processor's time in seconds since 1970; while something due is done, the time it was due at."""
        return self._moment if self._moment is not None else int(clock.wall_now().timestamp()) + self.offset

    def new_id(self, prefix: str) -> str:
        """Return a fresh id with Stripe's prefix of the kind."""
        return f"{prefix}_{ids.new_id().hex}"

    def number(self) -> int:
        """Return the next of the numbers that invoices are called by."""
        return next(self._numbers)

    def add(self, kind: str, prefix: str, fields: Obj, *, account: str = PLATFORM) -> Obj:
        """Store a new object of a kind and return it."""
        name = str(fields.pop("id", "") or self.new_id(prefix))
        thing: Obj = {"id": name, "object": kind, "created": self.now(), "livemode": False, **fields}
        self.tables.setdefault(kind, {})[name] = thing
        self.owners[name] = account
        self.hidden[name] = {}
        return thing

    def all(self, kind: str, account: str = PLATFORM) -> list[Obj]:
        """Return an account's objects of a kind, the newest first."""
        table = self.tables.get(kind, {})
        return [thing for thing in reversed(table.values()) if self.owners[thing["id"]] == account]

    def get(self, kind: str, name: object, *, account: str = PLATFORM, param: str = "id") -> Obj:
        """Return an object of an account; StripeError resource_missing where there is none."""
        thing = self.tables.get(kind, {}).get(str(name))
        if thing is None or self.owners[thing["id"]] != account:
            raise missing(kind.rpartition(".")[2], str(name), param)
        return thing

    def find(self, name: str) -> Obj | None:
        """Return whatever has this id."""
        for table in self.tables.values():
            if name in table:
                return table[name]
        return None

    def emit(self, kind: str, thing: Obj, *, previous: Obj | None = None, account: str | None = None) -> Obj:
        """Store an event that shows an object as it is now, and hand it to the delivery."""
        data: Obj = {"object": copy.deepcopy(thing)}
        if previous is not None:
            data["previous_attributes"] = previous
        owner = self.owners.get(thing.get("id", ""), PLATFORM) if account is None else account
        fields: Obj = {
            "api_version": self.api_version,
            "data": data,
            "pending_webhooks": 1,
            "request": dict(self.request),
            "type": kind,
        }
        if owner:
            fields["account"] = owner
        event = self.add("event", "evt", fields, account=owner)
        self.on_event(event)
        return event

    def change(self, kind: str, thing: Obj, changes: Obj) -> bool:
        """Change an object and tell it as `kind`, with what was there before; nothing is told where nothing changes."""
        previous = {key: copy.deepcopy(thing.get(key)) for key, value in changes.items() if thing.get(key) != value}
        thing.update(changes)
        if previous:
            self.emit(kind, thing, previous=previous)
        return bool(previous)

    def later(self, when: int, action: Callable[..., None], *args: Any) -> None:
        """Have something done at a time; the action looks itself whether it is still wanted."""
        heapq.heappush(self._timers, (when, next(self._numbers), action, args))

    def run_due(self) -> int:
        """Do all that is due, in its order, and return how much that was."""
        until, done = self.now(), 0
        while self._timers and self._timers[0][0] <= until:
            when, _, action, args = heapq.heappop(self._timers)
            self._moment = when
            try:
                action(self, *args)
            finally:
                self._moment = None
            done += 1
        return done

    def advance(self, seconds: int) -> int:
        """Move the clock forward, do all that becomes due on the way, and return how much that was."""
        if seconds < 0:
            raise ValueError("Time only moves forward.")
        self.offset += seconds
        return self.run_due()


def _ignored(event: Obj) -> None:
    """Tell nobody."""


def empty_list(url: str, data: list[Obj] | None = None) -> Obj:
    """Return a list inside an object."""
    return {"object": "list", "data": data or [], "has_more": False, "url": url}
