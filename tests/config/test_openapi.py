"""The API's schema under the rules of a linter: what it must say of each route, and that what it says is well-formed.

`make lint-api` asks Redocly, too; these are the rules that every test run keeps.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular import validation
from jsonschema_rs import Draft202012Validator, meta

from tools.client_models import fingerprint, written_fingerprint

Document = dict[str, Any]
_PLACES = re.compile(r"{(\w+)}")


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", path, operation


def _schemas(node: Any, where: str = "") -> Iterator[tuple[str, Document]]:
    """Yield every object that may be a schema, with where it stands."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str | list) or "$ref" in node or "oneOf" in node:
            yield where, node
        for name, one in node.items():
            yield from _schemas(one, f"{where}/{name}")
    elif isinstance(node, list):
        for number, one in enumerate(node):
            yield from _schemas(one, f"{where}/{number}")


def _nameless(document: Document) -> Iterator[str]:
    ids = Counter(operation["operationId"] for _, _, operation in _operations(document))
    yield from (name for name, count in ids.items() if count > 1 or not re.fullmatch(r"[a-z][a-z0-9_]*", name))


def _wordless(document: Document) -> Iterator[str]:
    for name, _, operation in _operations(document):
        yield from (f"{name}: {part}" for part in ("summary", "description") if not operation.get(part))
        yield from (f"{name}: {one['name']}" for one in operation.get("parameters", ()) if not one.get("description"))
        for status, answer in operation["responses"].items():
            if not answer.get("description") and "$ref" not in answer:
                yield f"{name}: {status}"


def _tagless(document: Document) -> Iterator[str]:
    told = [tag["name"] for tag in document["tags"]]
    used = {tag for _, _, operation in _operations(document) for tag in operation["tags"]}
    yield from used.symmetric_difference(told)
    yield from (name for name, _, operation in _operations(document) if len(operation["tags"]) != 1)
    yield from (tag["name"] for tag in document["tags"] if not tag["description"])


def _without_refusals(document: Document) -> Iterator[str]:
    problem = {"$ref": "#/components/responses/Problem"}
    for name, _, operation in _operations(document):
        responses = operation["responses"]
        if responses.get("4XX") != problem or responses.get("default") != problem:
            yield name
        if not any(status.startswith("2") for status in responses):
            yield f"{name}: nothing succeeds"
        for status, answer in responses.items():
            kinds = set(answer.get("content", ()))
            if status.startswith("4") and status != "4XX" and kinds != {"application/problem+json"}:
                yield f"{name}: {status} as {kinds}"


def _open_to_whom(document: Document) -> Iterator[str]:
    known = document["components"]["securitySchemes"].keys()
    for name, _, operation in _operations(document):
        if "security" not in operation or {way for one in operation["security"] for way in one} - known:
            yield name


def _scopeless(document: Document) -> Iterator[str]:
    for name, _, operation in _operations(document):
        if operation["x-required-scope"] not in {"read", "trade", "publish", "manage"}:
            yield name


def _misplaced(document: Document) -> Iterator[str]:
    for name, path, operation in _operations(document):
        parameters = operation.get("parameters", [])
        places = {one["name"] for one in parameters if one["in"] == "path" and one["required"]}
        if places != set(_PLACES.findall(path)):
            yield f"{name}: {places}"
        if len({(one["name"], one["in"]) for one in parameters}) != len(parameters):
            yield f"{name}: one is named twice"
        if operation.get("requestBody") and name.startswith(("GET", "DELETE")):
            yield f"{name}: has a body"


def _dangling(document: Document) -> Iterator[str]:
    said = json.dumps(document)
    named = set(re.findall(r'"\$ref": "#/components/(\w+/\w+)"', said))
    there = {f"{kind}/{name}" for kind, ones in document["components"].items() for name in ones}
    yield from named - there
    yield from (name for name in there - named if not name.startswith("securitySchemes/"))


def _ill_formed(document: Document) -> Iterator[str]:
    for error in Draft202012Validator(_STANDARD).iter_errors(document):
        yield f"{error.instance_path}: {error.message[:200]}"
    for name, schema in document["components"]["schemas"].items():
        if not meta.is_valid(schema):
            yield name
    # OpenAPI 3.0 said these otherwise; a reader of 3.1 passes them by.
    for where, schema in _schemas(document):
        yield from (f"{where}: {word}" for word in ("nullable", "example") if word in schema)
        yield from (f"{where}: {word}" for word in _LIMITS if isinstance(schema.get(word), bool))


# By a compiled validator: jsonschema's own takes a minute for the standard's schema.
_STANDARD = json.loads(Path(validation.__file__).with_name("openapi_3_1_schema.json").read_text())
_LIMITS = ("exclusiveMinimum", "exclusiveMaximum")


def _astray(document: Document) -> Iterator[str]:
    """Links to no operation, or with places filled by what is not there."""
    known = {operation["operationId"]: path for _, path, operation in _operations(document)}
    for name, path, operation in _operations(document):
        for answer in operation["responses"].values():
            for target, link in answer.get("links", {}).items():
                if link["operationId"] not in known or link["parameters"].keys() != set(_PLACES.findall(known[target])):
                    yield f"{name}: {target}"
                for said in link["parameters"].values():
                    here, _, field = said.partition("#/" if "#" in said else "path.")
                    if here == "$request." and field not in _PLACES.findall(path):
                        yield f"{name}: {target}: {said}"
    made = document["paths"]["/api/v1/tokens/"]["post"]["responses"]["201"]["links"]
    # The secret is called `token`, too: it belongs into no address.
    yield from (
        f"tokens: {one['parameters']}"
        for one in made.values()
        if one["parameters"] != {"token_id": "$response.body#/id"}
    )


def _untrue(document: Document) -> Iterator[str]:
    """Examples and defaults that their own schema refuses."""
    for where, schema in _schemas(document):
        told = schema.get("examples", [])
        values = [*told] if isinstance(told, list) else []
        values += [schema["default"]] if not isinstance(schema.get("default", {}), dict) else []
        if values:
            # All that there is, only where something is referred to: to compile it takes its time.
            beside = {"components": document["components"]} if '"$ref"' in json.dumps(schema) else {}
            validator = Draft202012Validator({**schema, **beside}, validate_formats=True)
            yield from (f"{where}: {value!r}" for value in values if not validator.is_valid(value))


def _aimless(document: Document) -> Iterator[str]:
    info = document["info"]
    yield from (word for word in ("title", "version", "description", "license") if not info.get(word))
    yield from [] if document["servers"] else ["no server"]


RULES = (
    _nameless, _wordless, _tagless, _without_refusals, _open_to_whom, _scopeless, _misplaced, _dangling, _ill_formed,
    _untrue, _aimless, _astray,
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_the_schema_keeps_the_rule(openapi: Document, rule: Any) -> None:
    assert sorted(rule(openapi)) == []


def test_it_is_openapi_3_1(openapi: Document) -> None:
    assert openapi["openapi"].startswith("3.1.")
    names = {name for name, _, _ in _operations(openapi)}
    assert names >= {"POST /api/v1/tokens/", "GET /api/v1/me/", "GET /api/v1/portfolios/"}


def test_the_python_clients_models_are_of_this_schema(openapi: Document) -> None:
    """Where they are not: `python -m tools.client_models`."""
    assert fingerprint(openapi) == written_fingerprint()


BROKEN: dict[Any, dict[str, Any]] = {
    _nameless: {"operationId": "tokens_list"},
    _wordless: {"summary": ""},
    _tagless: {"tags": ["nowhere"]},
    _without_refusals: {"responses": {"200": {"description": "Fine."}}},
    _open_to_whom: {"security": [{"password": []}]},
    _scopeless: {"x-required-scope": "all"},
    _misplaced: {"parameters": [{"name": "id", "in": "path", "required": True}]},
    _dangling: {"requestBody": {"$ref": "#/components/requestBodies/Nothing"}},
    _ill_formed: {"requestBody": {"type": "string", "nullable": True}},
    _untrue: {"requestBody": {"type": "string", "format": "date", "examples": ["tomorrow"]}},
    _astray: {"responses": {"200": {"links": {"one": {"operationId": "nowhere", "parameters": {}}}}}},
}


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.__name__.strip("_"))
def test_a_rule_finds_what_breaks_it(openapi: Document, rule: Any) -> None:
    path = "/api/v1/venues/"
    changed = {**openapi["paths"][path]["get"], **BROKEN[rule]}
    assert list(rule({**openapi, "paths": {**openapi["paths"], path: {"get": changed}}}))
