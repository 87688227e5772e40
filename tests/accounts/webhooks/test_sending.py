"""Where webhooks may go: refused addresses, the checked address that is connected to, redirects, slow answers."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.webhooks import sending
from common.errors import DomainError
from tests.accounts.webhooks.server import Hook, certificate_for, serving

PRIVATE = [
    "127.0.0.1", "10.0.0.7", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:db8::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address: str) -> None:
    assert not sending.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_a_public_address_is(address: str) -> None:
    assert sending.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "localhost", "::1", "0"])
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(DomainError) as refused:
        sending.checked_address(host, 443)
    assert refused.value.code == "WEBHOOK_TARGET_REFUSED"


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("10.0.0.1")]
    monkeypatch.setattr(sending, "resolve", lambda host, port: answers)
    assert sending.post("https://example.com/", b"{}", {}).excerpt.startswith(
        "This address leads into a private network"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https://user:pw@example.com/",
        "https://a b/",
        "https://a:0/",
        "https://a:99999/",
        "https://example.com/\r\nX: y",
        "javascript:alert(1)",
        "//example.com",
    ],
)
def test_an_odd_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(DomainError) as refused:
        sending.check_url(url)
    assert refused.value.code == "WEBHOOK_URL_INVALID"


def test_the_name_is_asked_once_and_the_checked_address_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, hook: Hook
) -> None:
    settings.WEBHOOKS_INSECURE = True
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[sending.Address]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(sending, "resolve", resolve)
    connected: list[str] = []

    def numeric(host: str, port: int, *args: Any) -> list[tuple[Any, ...]]:
        connected.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr("urllib3.util.connection.socket.getaddrinfo", numeric)
    answer = sending.post(f"http://hooks.example.com:{hook.port}/in?x=1", b"{}", {})
    assert (answer.status, answer.excerpt) == (200, "thanks")
    assert (asked, connected) == (["hooks.example.com"], ["127.0.0.1"])
    assert (hook.got[0].path, hook.got[0].headers["Host"]) == ("/in?x=1", f"hooks.example.com:{hook.port}")


def test_a_redirect_is_an_answer_and_is_not_followed(settings: Settings, hook: Hook) -> None:
    settings.WEBHOOKS_INSECURE = True
    hook.status, hook.location = 302, f"http://127.0.0.1:{hook.port}/secret"
    assert sending.post(hook.url, b"{}", {}).status == 302
    assert [one.path for one in hook.got] == ["/"]


def test_an_answer_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch, settings: Settings, hook: Hook) -> None:
    settings.WEBHOOKS_INSECURE = True
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.1)
    hook.drips = True
    answer = sending.post(hook.url, b"{}", {})
    assert answer.latency_ms < 500
    assert len(answer.excerpt) < 60


def test_tls_names_the_name_and_a_certificate_of_another_name_or_authority_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    """The connection goes to the checked address; who answers there must prove to be the name."""
    settings.WEBHOOKS_INSECURE = True  # so far as the address is concerned: the server is on this machine
    monkeypatch.setattr(sending, "resolve", lambda host, port: [ipaddress.ip_address("127.0.0.1")])
    hook = Hook()
    server = serving(hook, certificate_for("hooks.example.com", tmp_path))
    try:
        unknown = sending.post(f"https://hooks.example.com:{hook.port}/in", b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        known = sending.post(f"https://hooks.example.com:{hook.port}/in", b"{}", {})
        other = sending.post(f"https://other.example.com:{hook.port}/in", b"{}", {})
    finally:
        server.shutdown()
        server.server_close()
    assert (unknown.status, known.status, other.status) == (0, 200, 0)
    assert [one.headers["Host"] for one in hook.got] == [f"hooks.example.com:{hook.port}"]
