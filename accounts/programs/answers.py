"""What an answer is shaped by: `?fields=`, `?expand=`, and the tag by which a client tells that nothing changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from rest_framework.response import Response

from accounts.models import User
from common.errors import DomainError
from common.rendering import FastJSON

Row = dict[str, Any]
# Takes the asker and ids, and returns what stands for each; an id that the asker may not see is left out.
Expansion = Callable[[User, Collection[Any]], Mapping[str, Any]]
_TAG = re.compile(r'(?:W/)?"[^"]*"')


def named(text: str) -> list[str]:
    """Return the names of a comma-separated list."""
    return [one.strip() for one in text.split(",") if one.strip()]


def check_known(names: Iterable[str], known: Collection[str], code: str, what: str) -> None:
    if unknown := sorted(set(names) - set(known)):
        facts = {"unknown": unknown, "known": sorted(known)}
        raise DomainError(code, f"There is no {what} of that name here: see which are known.", facts)


def rows_in(data: Any) -> list[Row]:
    """Return the objects that an answer is made of: of a page its results, else itself."""
    if isinstance(data, Mapping) and isinstance(data.get("results"), list):
        data = data["results"]
    if isinstance(data, Mapping):
        data = [data]
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def expand(data: Any, names: list[str], known: Mapping[str, Expansion], user: User | None) -> None:
    """Put related objects in the place of their ids; one question per name, however many rows there are."""
    check_known(names, known, "UNKNOWN_EXPANSION", "expansion")
    rows = rows_in(data)
    for name in names:
        ids = {row[name] for row in rows if row.get(name) is not None}
        found = known[name](user, ids) if ids and user is not None else {}
        for row in rows:
            if row.get(name) is not None:
                row[name] = found.get(str(row[name]), row[name])


def only_fields(response: Response, names: list[str], known: Collection[str] = ()) -> None:
    """Leave of each object only these fields."""
    rows = rows_in(response.data)
    check_known(names, known or (rows[0] if rows else names), "UNKNOWN_FIELD", "field")
    kept = set(names)
    for row in rows:
        for name in row.keys() - kept:
            del row[name]


def tag_of(body: bytes) -> str:
    """Return the weak entity tag of a body: the same words, the same tag."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def tag_of_data(data: Any) -> str:
    return tag_of(FastJSON().render(data))


def matches(header: str, tag: str) -> bool:
    """Say whether a list of tags (If-Match, If-None-Match) names this one, or any; compared weakly."""
    return header.strip() == "*" or tag.removeprefix("W/") in [one.removeprefix("W/") for one in _TAG.findall(header)]
