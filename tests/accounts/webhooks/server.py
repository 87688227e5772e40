"""A server that webhooks are sent to."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from common.clock import wall_now


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


def certificate_for(name: str, folder: Path) -> Path:
    """Write a certificate with its key for a name, signed by a new authority whose own is `authority.pem` beside it."""
    keys = {one: ec.generate_private_key(ec.SECP256R1()) for one in ("authority", name)}
    parts = {}
    for subject, key in keys.items():
        is_authority = subject == "authority"
        made = x509.CertificateBuilder(
            issuer_name=_named("authority"),
            subject_name=_named(subject),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=wall_now() - timedelta(days=1),
            not_valid_after=wall_now() + timedelta(days=1),
        )
        made = made.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        parts[subject] = made.sign(keys["authority"], SHA256()).public_bytes(Encoding.PEM)
    (folder / "authority.pem").write_bytes(parts["authority"])
    served = folder / "server.pem"
    served.write_bytes(
        parts[name] + keys[name].private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return served


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def serving(hook: Hook, certificate: Path | None = None) -> ThreadingHTTPServer:
    """Start a server for a hook, over TLS where it has a certificate; whoever starts it shuts it down."""

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
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    hook.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server
