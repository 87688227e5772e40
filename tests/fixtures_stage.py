"""A site of one page for the front end to perform on: the real build and policy, and a socket that the test plays.

The page is a body within templates/layouts/document.html; addresses answer what the test puts into `parts`.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from csp.utils import build_policy
from django.conf import settings
from django.template import engines
from playwright.sync_api import Page

from tools.services import free_port

_PAGE = """
{{% extends "layouts/document.html" %}}
{{% load ui %}}
{{% block body %}}
  <body data-login-url="/log-in/">
    <span class="live-status" data-live-status data-state="idle"><span data-live-text></span></span>
    <main>{body}</main>
    {{% include "components/page_parts.html" only %}}
  </body>
{{% endblock body %}}
"""
_NOTHING: dict[str, Any] = {"cells": {}}


class Stage:
    """What the page is made of, what its server answers, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.body = ""
        # Path -> what it answers: (status, content type, body), or headers as a fourth.
        self.parts: dict[str, tuple[Any, ...]] = {}
        self.asked: list[str] = []
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.heard: list[dict[str, Any]] = []
        # A socket that is opened while this is set is closed with it at once.
        self.refusal: int | None = None
        self.answers_pings = True
        # Whose numbers the updates carry.
        self.stream = "one"
        self.opened = 0
        self._sends: list[Any] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def html(self, path: str, body: str) -> None:
        """Answer a path with a part of a page."""
        self.parts[path] = (200, "text/html", body)

    def json(self, path: str, body: Any) -> None:
        """Answer a path with JSON."""
        self.parts[path] = (200, "application/json", json.dumps(body))

    def times_asked(self, path: str) -> int:
        return self.asked.count(path)

    def say(self, topic: str, **payload: Any) -> None:
        """Send every open socket an update."""
        message = {"type": "update", "topic": topic, "seq": 1, **payload}
        self._run({"type": "websocket.send", "text": json.dumps(message)})

    def hang_up(self, code: int = 1012) -> None:
        """Close every open socket."""
        self._run({"type": "websocket.close", "code": code})

    def _run(self, event: dict[str, Any]) -> None:
        async def tell() -> None:
            for send in list(self._sends):
                await send(event)

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(tell(), self._loop).result(5)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._loop = asyncio.get_running_loop()
        await (self._socket if scope["type"] == "websocket" else self._answer)(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.asked.append(path)
        while (await receive()).get("more_body"):
            pass
        status, kind, body, *more = self._response(path)
        headers = {"content-type": kind, "content-security-policy": build_policy(), **(more[0] if more else {})}
        wire = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": wire})
        await send({"type": "http.response.body", "body": body if isinstance(body, bytes) else body.encode()})

    def _response(self, path: str) -> tuple[Any, ...]:
        if path == "/":
            return 200, "text/html; charset=utf-8", engines["django"].from_string(_PAGE.format(body=self.body)).render()
        if path.startswith("/static/"):
            file = settings.FRONTEND_DIST / path.removeprefix("/static/")
            return 200, mimetypes.guess_type(file.name)[0] or "font/woff2", file.read_bytes()
        return self.parts.get(path, (404, "text/plain", "nothing here"))

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.opened += 1
        if self.refusal is not None:
            await send({"type": "websocket.close", "code": self.refusal})
            return
        self._sends.append(send)
        while (event := await receive())["type"] == "websocket.receive":
            message = json.loads(event["text"])
            self.heard.append(message)
            for answer in self._replies(message):
                await send({"type": "websocket.send", "text": json.dumps(answer)})
        self._sends.remove(send)

    def _replies(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["type"] == "ping":
            return [{"type": "pong"}] if self.answers_pings else []
        if message["type"] != "subscribe":
            return []
        # Whoever says how far he heard a topic of this stream goes on from there.
        since = message.get("since", {}) if message.get("stream") == self.stream else {}
        return [
            {"type": "resumed", "topic": topic, "seq": since[topic], "stream": self.stream}
            if topic in since
            else {
                "type": "snapshot",
                "topic": topic,
                "seq": 0,
                "stream": self.stream,
                **self.snapshots.get(topic, _NOTHING),
            }
            for topic in message["topics"]
        ]


@pytest.fixture
def stage(page: Page) -> Iterator[Stage]:
    """Serve a stage, and prove at the end that no script failed and the policy was never offended."""
    scene = Stage()
    port = free_port()
    scene.url = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(scene, port=port, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="stage")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        yield scene
    finally:
        page.close()
        server.should_exit = True
        thread.join(10)
    assert complaints == []
