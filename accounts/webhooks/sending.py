"""One POST to an address that a stranger chose, such that it cannot be turned against this machine or its network.

The name is resolved here, every address that it has must be a public one, and the connection goes to the very address that was
checked (TLS and Host still name the name), so that a second answer of the name's server changes nothing. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from common.clock import monotonic
from common.errors import DomainError

TIMEOUT_SECONDS = 10.0
EXCERPT_BYTES = 500
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_UNICAST = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: the status (0: no answer), milliseconds, and the answer's beginning or why there is none."""

    status: int
    latency_ms: int
    excerpt: str

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


def check_url(url: str) -> SplitResult:
    """Return the parts of an address that may be an endpoint's; raise DomainError WEBHOOK_URL_INVALID. Asks no name server."""
    refusal = DomainError(
        "WEBHOOK_URL_INVALID", "Give an https:// address without a user name, such as https://example.com/hook."
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refusal from None
    schemes = {"https", "http"} if settings.WEBHOOKS_INSECURE else {"https"}
    odd = any(character.isspace() or not character.isprintable() for character in url)
    if parts.scheme not in schemes or not parts.hostname or parts.username is not None or odd or port == 0:
        raise refusal
    return parts


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, and not a way back to a private one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return False
        # The public IPv6 internet is one network; beside it lie forms long given up that lead inwards (::7f00:1, fec0::1).
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a name, as the system knows them; odd spellings of numbers are numbers here."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def checked_address(host: str, port: int) -> Address:
    """Return the address to connect to; DomainError WEBHOOK_TARGET_REFUSED where any of the name's is not public."""
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError, ValueError):
        raise DomainError("WEBHOOK_TARGET_UNKNOWN", "The name of this address is not known.") from None
    allowed = settings.WEBHOOKS_INSECURE or all(is_public(address) for address in addresses)
    if not addresses or not allowed:
        raise DomainError("WEBHOOK_TARGET_REFUSED", "This address leads into a private network, where nothing is sent.")
    return addresses[0]


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send a body and return what came of it; every failure is an answer with status 0."""
    began = monotonic()

    def took() -> int:
        return int((monotonic() - began) * 1000)

    try:
        status, excerpt = _exchange(url, body, headers)
    except DomainError as error:
        return Answer(0, took(), error.message)
    except (HTTPError, OSError, ssl.SSLError, ValueError) as error:
        return Answer(0, took(), f"No answer ({type(error).__name__}).")
    return Answer(status, took(), excerpt)


def _exchange(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    parts = check_url(url)
    host, secure = str(parts.hostname), parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = str(checked_address(host, port))
    connection: HTTPConnection
    if secure:
        connection = HTTPSConnection(
            address,
            port,
            timeout=TIMEOUT_SECONDS,
            server_hostname=host,
            assert_hostname=host,
            cert_reqs="CERT_REQUIRED",
        )
    else:
        connection = HTTPConnection(address, port, timeout=TIMEOUT_SECONDS)
    # A socket's timeout is for each read; whoever answers byte by byte is cut off as well.
    held: list[socket.socket | None] = []
    guard = threading.Timer(TIMEOUT_SECONDS, _cut, [connection, held])
    guard.daemon = True
    guard.start()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = f"[{host}]" if ":" in host else host
    try:
        connection.connect()
        held.append(connection.sock)  # the connection forgets its socket once the answer has begun
        connection.request(
            "POST",
            path,
            body,
            {**headers, "Host": named if parts.port is None else f"{named}:{port}", "Accept-Encoding": "identity"},
            preload_content=False,
            decode_content=False,
        )
        answer = connection.getresponse()
        return answer.status, answer.read(EXCERPT_BYTES).decode("utf-8", "replace").replace("\0", "")
    finally:
        guard.cancel()
        connection.close()


def _cut(connection: HTTPConnection, held: list[socket.socket | None]) -> None:
    with suppress(OSError):
        if (connected := held[0] if held else connection.sock) is not None:
            connected.shutdown(socket.SHUT_RDWR)
