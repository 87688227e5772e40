"""What the OpenAPI schema says of every operation alike: a refusal is an RFC 9457 problem."""

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
        "code": {"type": "string", "example": "QUANTITY_BELOW_MINIMUM"},
        "context": {"type": "object", "additionalProperties": True},
        "request_id": {"type": "string"},
    },
}
_RESPONSE = {
    "description": "Refused.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def add_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Give every operation a default response (drf-spectacular's POSTPROCESSING_HOOKS)."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"].setdefault("default", _RESPONSE)
    return result
