"""What the OpenAPI schema says of every operation alike: a refusal is an RFC 9457 problem, what is known is 304."""

from __future__ import annotations

from typing import Any

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A refusal (RFC 9457). `code` is stable; `detail` is one sentence that says what to do.",
    "required": ["type", "title", "status", "detail", "code", "context", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["QUANTITY_BELOW_MINIMUM"]},
        "context": {"type": "object", "additionalProperties": True},
        "request_id": {"type": "string"},
    },
}
_RESPONSE = {
    "description": "Refused. `type` leads to the page that explains the code.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _header(kind: str, text: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": kind}}


_HEADERS = {
    "RequestId": _header(
        "string", "The request's id: name it when you ask for help. Send one of your own to trace it."
    ),
    "RateLimitLimit": _header("integer", "How many requests a minute the plan allows this token."),
    "RateLimitRemaining": _header("integer", "How many are left now."),
    "RateLimitReset": _header("integer", "Seconds until all of them are there again."),
    "RateLimitPolicy": _header("string", "The limit and its window in seconds: `600;w=60`."),
    "RetryAfter": _header("integer", "With 429 and some 409: seconds to wait."),
    "ETag": _header("string", "The version of what was read, for If-None-Match and If-Match."),
    "IdempotencyReplayed": _header("string", "`true` where the answer is that of the first request with this key."),
}
_EVERYWHERE = {
    "X-Request-ID": "RequestId",
    "RateLimit-Limit": "RateLimitLimit",
    "RateLimit-Remaining": "RateLimitRemaining",
    "RateLimit-Reset": "RateLimitReset",
    "RateLimit-Policy": "RateLimitPolicy",
}


def add_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Give every operation its headers and a default response (drf-spectacular's POSTPROCESSING_HOOKS)."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["headers"] = _HEADERS
    components["responses"] = {"Problem": {**_RESPONSE, "headers": _refs({**_EVERYWHERE, "Retry-After": "RetryAfter"})}}
    for path in result["paths"].values():
        for method, operation in path.items():
            # Whoever needs no token for something is told so, instead of nothing.
            operation.setdefault("security", [])
            responses = operation["responses"]
            if any(one["name"] == "If-None-Match" for one in operation.get("parameters", ())):
                responses["304"] = {"description": "Nothing changed since: there is no body."}
            for response in responses.values():
                response["headers"] = {**_refs(_of_method(method)), **response.get("headers", {})}
            for status in ("4XX", "default"):
                responses.setdefault(status, {"$ref": "#/components/responses/Problem"})
    _tidy(result["components"]["schemas"])
    return result


def _tidy(node: Any) -> None:
    """Say plainly what drf-spectacular says in a way that linters, and readers, stumble over.

    A choice between anything and nothing is anything; a value that stands in for a missing one belongs to the whole
    choice, not to the first variant, which it may not even fit.
    """
    if isinstance(node, list):
        for one in node:
            _tidy(one)
    elif isinstance(node, dict):
        variants = node.get("oneOf")
        if isinstance(variants, list) and {} in variants:
            del node["oneOf"]
        elif isinstance(variants, list) and "default" in variants[0]:
            node["default"] = variants[0].pop("default")
        for one in node.values():
            _tidy(one)


def _of_method(method: str) -> dict[str, str]:
    own = {"get": {"ETag": "ETag"}, "post": {"Idempotency-Replayed": "IdempotencyReplayed"}}
    return {**_EVERYWHERE, **own.get(method, {})}


def _refs(names: dict[str, str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{header}"} for name, header in names.items()}
