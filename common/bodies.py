"""How much of a request's body is taken in: Django's ASGI handler reads all of it before any view can refuse it."""

from __future__ import annotations

from typing import Any


def bounded(application: Any, prefix: str, limit: int) -> Any:
    """Return the ASGI application, given bodies of at most `limit` bytes, and the piece beyond, at paths with this prefix.

    Of a body that says by its length that it is larger nothing is taken in; of one that says nothing, no more than shows
    that it is. Either way the view finds it too large and answers as it always does. The rest is dropped as it comes:
    a client that is still sending would not hear the answer.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        is_bounded = scope["path"].startswith(prefix)
        await application(scope, _some_of(receive, _told_length(scope), limit) if is_bounded else receive, send)

    return serve


def _told_length(scope: Any) -> int:
    told: bytes = dict(scope["headers"]).get(b"content-length", b"0")
    return int(told) if told.isdigit() else 0


def _some_of(receive: Any, length: int, limit: int) -> Any:
    taken, is_over = 0, False

    async def receive_some() -> Any:
        nonlocal taken, is_over
        if length > limit and not is_over:
            is_over = True
            return {"type": "http.request", "body": b"", "more_body": False}
        event = await receive()
        while is_over and event["type"] == "http.request":
            event = await receive()
        if event["type"] == "http.request":
            taken += len(event.get("body", b""))
            is_over = taken > limit
            return {**event, "more_body": event.get("more_body", False) and not is_over}
        return event

    return receive_some
