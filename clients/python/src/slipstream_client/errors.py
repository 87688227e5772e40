"""What can go wrong: the API's refusals by their code, and answers that never came."""

from __future__ import annotations

import json
from typing import Any


class SlipstreamError(Exception):
    """The base of everything that this package raises."""


class NoAnswer(SlipstreamError):
    """The server could not be reached, or its answer did not come whole. Whether it did what was asked is not known."""


class WaitTimeout(SlipstreamError):
    """What was waited for is not over yet; `last` is how it was seen last."""

    def __init__(self, message: str, last: Any) -> None:
        super().__init__(message)
        self.last = last


class LiveClosed(SlipstreamError):
    """The live connection ended for good; `code` is the close code (4401: the token is not, or no longer, valid)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


class ApiError(SlipstreamError):
    """A refusal of the API (RFC 9457). Decide by `code`, which is stable; show `detail` to people.

    `status` is the HTTP status, `context` what the code's page at `type` explains, `request_id` what support asks for.
    """

    def __init__(self, status: int, body: dict[str, Any], request_id: str) -> None:
        self.status = status
        self.code = str(body.get("code") or f"HTTP_{status}")
        self.detail = str(body.get("detail") or "")
        self.type = str(body.get("type") or "about:blank")
        context = body.get("context")
        self.context: dict[str, Any] = context if isinstance(context, dict) else {}
        self.request_id = str(body.get("request_id") or request_id)
        super().__init__(f"{self.code} ({status}): {self.detail} [request {self.request_id}]")


class InvalidInput(ApiError):
    """400 and 422: the request itself needs another value; `context["fields"]` says which, where fields are at fault."""


class BadToken(ApiError):
    """401: there is no token, or it is unknown, expired or revoked."""


class Forbidden(ApiError):
    """403: the token may not do this; code `SCOPE_MISSING` names the scope in `context["needed"]`."""


class NotFound(ApiError):
    """404: there is no such thing, or it is not for this token to see."""


class Conflict(ApiError):
    """409 and 412: the thing's state does not allow it, or is no longer as it was read."""


class Throttled(ApiError):
    """429, and patience has ended."""


class ServerFailed(ApiError):
    """5xx, and patience has ended."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidInput,
    401: BadToken,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    422: InvalidInput,
    429: Throttled,
}


def error_of(status: int, content: bytes, request_id: str) -> ApiError:
    """Return what a refused request raises; a proxy's page instead of a problem has the code `HTTP_<status>`."""
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    kind = ServerFailed if status >= 500 else _BY_STATUS.get(status, ApiError)
    return kind(status, body if isinstance(body, dict) else {}, request_id)
