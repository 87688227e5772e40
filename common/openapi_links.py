"""What can be done with a thing that was just made: the OpenAPI schema's links, from its POST to every route below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
_PLACES = re.compile(r"{(\w+)}")
# Statuses of a thing that is there now, whether or not something of it is still to come.
_MADE = ("201", "202")
# Where a thing is found that does not stand below the address at which it was made.
_ELSEWHERE = {
    "/billing/listings/{listing_id}/codes/": "code_id",
    "/billing/listings/{listing_id}/prices/": "price_id",
    "/billing/prices/{price_id}/subscribe/": "checkout_id",
    "/listings/{listing_id}/follow/": "follow_id",
    "/workspaces/join/": "workspace_id",
}


def add_links(result: Document, **kwargs: Any) -> Document:
    """Say with each answer to a POST which routes take its id (drf-spectacular's POSTPROCESSING_HOOKS)."""
    operations = [(path, one) for path, item in result["paths"].items() for one in item.values()]
    for path, item in result["paths"].items():
        responses = item.get("post", {}).get("responses", {})
        for status in responses.keys() & set(_MADE):
            fields = _fields(result, responses[status])
            links = {}
            for place, (target, operation) in _reached(path, operations):
                if (field := _named(place, fields)) is not None:
                    links[operation["operationId"]] = _link(path, target, operation, place, field)
            if links:
                responses[status]["links"] = links
    return result


def _reached(path: str, operations: list[tuple[str, Document]]) -> Iterator[tuple[str, tuple[str, Document]]]:
    """Yield the operations that need nothing beyond what made a thing and the thing itself, with the place that names it."""
    known = set(_PLACES.findall(path))
    elsewhere = next((place for end, place in _ELSEWHERE.items() if path.endswith(end)), "")
    for target, operation in operations:
        new = [place for place in _PLACES.findall(target) if place not in known]
        if new == [elsewhere] or (len(new) == 1 and target.startswith(f"{path}{{{new[0]}}}/")):
            yield new[0], (target, operation)


def _fields(result: Document, response: Document) -> Document:
    """Return the fields of an answer that is one thing."""
    [schema] = [one["schema"] for one in response.get("content", {}).values()] or [{}]
    if "$ref" in schema:
        schema = result["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return dict(schema.get("properties", {}))


def _named(place: str, fields: Document) -> str | None:
    """Return the field that fills a place: itself, the id of what it names (a version's strategy), or the thing's own.

    What is called like the thing and is no id is something else: the secret of a token, the words of a code.
    """
    owner = place.removesuffix("_id")
    if owner in fields and (owner == place or fields[owner].get("format") == "uuid"):
        return owner
    return "id" if "id" in fields else None


def _link(path: str, target: str, operation: Document, place: str, field: str) -> Document:
    given = {one: f"$request.path.{one}" for one in _PLACES.findall(target) if one in _PLACES.findall(path)}
    return {
        "operationId": operation["operationId"],
        "parameters": {**given, place: f"$response.body#/{field}"},
        "description": operation.get("summary", ""),
    }
