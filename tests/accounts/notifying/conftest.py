"""Events to tell of, a stand-in for whoever is asked to tell, and a browser with keys of its own."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_django import Settings

from accounts import registry
from tests.accounts.notifying.standin import StandIn, standing_in


@pytest.fixture(autouse=True)
def _events() -> Iterator[None]:
    own = {
        "test.stopped": {"title": "{name} stopped", "body": "It had {count} orders.", "url": "/follows/{id}/"},
        "test.quiet": {"title": "Quietly", "mail": False},
        "test.alarm": {"title": "Alarm", "severity": "critical"},
        "test.intruder": {"title": "Somebody logged in", "security": True},
    }
    for name, words in own.items():
        registry.register_event(name, group="Test", **words)  # type: ignore[arg-type]  # words of several types
    yield
    for name in own:
        del registry._events[name]


@pytest.fixture
def stand_in(settings: Settings) -> Iterator[StandIn]:
    """Take the place of Telegram and of the SMS gateway, and let browsers be told on this machine."""
    with standing_in() as made:
        settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_API_BASE = "77:secret", made.url
        settings.SMS_URL = f"twilio+http://AC1:hush@127.0.0.1:{made.port}?from=%2B15550100"
        settings.WEBHOOKS_INSECURE = True
        yield made


@dataclass(frozen=True)
class Browser:
    """What a browser keeps to itself, and what it tells."""

    key: ec.EllipticCurvePrivateKey
    secret: bytes

    @property
    def p256dh(self) -> str:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return urlsafe_b64encode(point).rstrip(b"=").decode()

    @property
    def auth(self) -> str:
        return urlsafe_b64encode(self.secret).rstrip(b"=").decode()

    def opened(self, body: bytes) -> bytes:
        """Return what was sealed to this browser."""
        found: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        return found


@pytest.fixture
def browser() -> Browser:
    return Browser(ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef")
