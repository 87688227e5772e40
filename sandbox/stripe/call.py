"""One request as its handler sees it, the pages of a list, and the expansion of ids in an answer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.errors import invalid
from sandbox.stripe.world import PLATFORM, Obj, World

MOST = 100
Handler = Callable[["Call"], Obj]


@dataclass(slots=True)
class Call:
    """A request: `path` are the ids in its address, `account` the connected account it acts for."""

    world: World
    path: tuple[str, ...] = ()
    params: Obj = field(default_factory=dict)
    account: str = PLATFORM

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a text; an empty one means nothing."""
        value = self.params.get(name)
        return default if value in (None, "") else str(value)

    def number(self, name: str, default: int = 0) -> int:
        """Return an integer."""
        value = self.params.get(name)
        return default if value in (None, "") else forms.whole(value, name)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean."""
        return forms.flag(self.params[name], name) if name in self.params else default

    def metadata(self) -> dict[str, str]:
        """Return the metadata of something new."""
        return forms.merged({}, self.params.get("metadata", {}))

    def named(self, kind: str) -> Obj:
        """Return the object that the address names."""
        return self.world.get(kind, self.path[0], account=self.account)

    def referred(self, kind: str, name: str) -> Obj | None:
        """Return the object that a parameter names, if it was sent."""
        value = self.text(name)
        return None if value is None else self.world.get(kind, value, account=self.account, param=name)


def page(call: Call, things: list[Obj], url: str) -> Obj:
    """Return one page of objects that stand newest first, by limit, starting_after or ending_before."""
    limit = call.number("limit", 10)
    if not 1 <= limit <= MOST:
        raise invalid(f"This value must be between 1 and {MOST}.", param="limit", code="parameter_invalid_integer")
    names = [thing["id"] for thing in things]
    if after := call.text("starting_after"):
        things = things[_index(names, after, "starting_after") + 1 :]
        return {"object": "list", "data": things[:limit], "has_more": len(things) > limit, "url": url}
    if before := call.text("ending_before"):
        things = things[: _index(names, before, "ending_before")]
        return {"object": "list", "data": things[-limit:], "has_more": len(things) > limit, "url": url}
    return {"object": "list", "data": things[:limit], "has_more": len(things) > limit, "url": url}


def _index(names: list[str], name: str, param: str) -> int:
    if name not in names:
        raise invalid(f"No such object: '{name}'", param=param, code="resource_missing")
    return names.index(name)


def lister(kind: str, url: str, filters: str = "") -> Handler:
    """Return a handler that lists an account's objects of a kind, narrowed by fields of the same name."""

    def handler(call: Call) -> Obj:
        wanted = {name: call.params[name] for name in filters.split() if call.params.get(name) not in (None, "")}
        found = [
            thing
            for thing in call.world.all(kind, call.account)
            if all(_same(thing.get(name), value) for name, value in wanted.items()) and in_time(call, thing)
        ]
        return page(call, found, url)

    return handler


def retriever(kind: str) -> Handler:
    """Return a handler that returns the object its address names."""
    return lambda call: call.named(kind)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool):
        return value is forms.flag(wanted, "")
    return bool(value == wanted)


def in_time(call: Call, thing: Obj) -> bool:
    """Tell whether a thing was created within the bounds that a list names."""
    created = call.params.get("created")
    if created in (None, ""):
        return True
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    at = thing["created"]
    tests = {"gt": at.__gt__, "gte": at.__ge__, "lt": at.__lt__, "lte": at.__le__}
    return all(tests[name](forms.whole(value, "created")) for name, value in bounds.items() if name in tests)


# Lists that an object shows only when asked to.
Included = Callable[[World, Obj], Obj]
INCLUDED: dict[tuple[str, str], Included] = {}


def shown(world: World, answer: Obj, expand: list[str]) -> Obj:
    """Return a copy of an answer in which the named references are the objects themselves."""
    result = copy.deepcopy(answer)
    for path in expand:
        if sum(part != "data" for part in path.split(".")) > 4:
            raise invalid("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(world, result, path.split("."), path)
    return result


def _expand(world: World, inside: Any, parts: list[str], path: str) -> None:
    if isinstance(inside, list):
        for one in inside:
            _expand(world, one, parts, path)
        return
    if not parts or not isinstance(inside, dict):
        return
    head, rest = parts[0], parts[1:]
    included = INCLUDED.get((str(inside.get("object")), head))
    if included is not None and head not in inside:
        inside[head] = copy.deepcopy(included(world, inside))
    if head not in inside:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    inside[head] = _resolved(world, inside[head])
    _expand(world, inside[head], rest, path)


def _resolved(world: World, value: Any) -> Any:
    if isinstance(value, list):
        return [_resolved(world, one) for one in value]
    found = world.find(value) if isinstance(value, str) else None
    return value if found is None else copy.deepcopy(found)
