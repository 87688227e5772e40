"""A body of 50 MB: refused with a code, at either door, and not taken in."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.wsgi import get_wsgi_application

PIECE = b" " * 1_000_000
PIECES = 50
HEADERS = {"host": "127.0.0.1", "content-type": "application/json"}
pytestmark = pytest.mark.django_db


TOO_LARGE = (413, "BODY_TOO_LARGE")


def _problem(status: int, body: bytes) -> tuple[int, str]:
    return status, json.loads(body)["code"]


@pytest.mark.parametrize(
    ("headers", "kept", "refusal"),
    # Without a length it is the parser that finds it too large, and nobody without a token gets so far.
    [({"content-length": str(len(PIECE) * PIECES)}, 0, TOO_LARGE), ({}, 3 * len(PIECE), (401, "NOT_AUTHENTICATED"))],
    ids=["with its length", "without"],
)
async def test_the_sockets_server_keeps_no_more_than_shows_it(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], kept: int, refusal: tuple[int, str]
) -> None:
    written: list[int] = []

    class Spool(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, data: Any) -> int:
            written.append(len(data))
            return super().write(data)

    application = importlib.import_module("config.asgi").application
    monkeypatch.setattr("django.core.handlers.asgi.tempfile.SpooledTemporaryFile", Spool)
    wire = [(name.encode(), value.encode()) for name, value in {**HEADERS, **headers}.items()]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/api/v1/orders/", "headers": wire}
    communicator: Any = ApplicationCommunicator(application, {**scope, "query_string": b""})  # type: ignore[no-untyped-call]
    for _ in range(PIECES):
        await communicator.send_input({"type": "http.request", "body": PIECE, "more_body": True})
    start, body = [await communicator.receive_output(20) for _ in range(2)]
    assert _problem(start["status"], body["body"]) == refusal
    assert sum(written) == kept
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(5)


def test_the_workers_read_none_of_it() -> None:
    class Unread:
        def read(self, *size: int) -> bytes:
            raise AssertionError("it was read")

        readline = read

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/orders/",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": Unread(),
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(PIECE) * PIECES),
    }
    statuses: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], failure: Any = None, /) -> Callable[[bytes], object]:
        statuses.append(status)
        return statuses.append

    answer = get_wsgi_application()(environ, start)
    assert _problem(int(statuses[0][:3]), b"".join(answer)) == TOO_LARGE


async def test_what_fits_passes_untouched_and_other_paths_are_not_counted() -> None:
    from common.bodies import bounded

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        whole, more = b"", True
        while more:
            event = await receive()
            whole, more = whole + event["body"], event["more_body"]
        await send({"body": whole})

    for path, pieces, heard in (("/api/", [b"ab", b"c"], b"abc"), ("/pages/", [b"abcd", b"e"], b"abcde")):
        communicator: Any = ApplicationCommunicator(
            bounded(echo, "/api/", 3), {"type": "http", "path": path, "headers": []}
        )  # type: ignore[no-untyped-call]
        for number, piece in enumerate(pieces, 1):
            await communicator.send_input({"type": "http.request", "body": piece, "more_body": number < len(pieces)})
        assert (await communicator.receive_output(5))["body"] == heard
