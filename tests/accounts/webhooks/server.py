"""A server that webhooks are sent to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Got:
    """One request that came."""

    path: str
    headers: Message
    body: bytes


@dataclass(slots=True)
class Hook:
    """What came, and what is answered."""

    port: int = 0
    status: int = 200
    location: str = ""
    drips: bool = False
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


def serving(hook: Hook) -> ThreadingHTTPServer:
    """Start a server for a hook; whoever starts it shuts it down."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append(Got(self.path, self.headers, body))
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.end_headers()
            self._say()

        def _say(self) -> None:
            try:
                for _ in range(40 if hook.drips else 0):
                    self.wfile.write(b".")
                    self.wfile.flush()
                    time.sleep(0.02)
                self.wfile.write(b"" if hook.drips else b"thanks")
            except OSError:
                return

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server
