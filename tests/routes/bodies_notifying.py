"""What the routes of notifications and of one's data are sent."""

from __future__ import annotations

from typing import Any

KEYS = {
    # The point of P-256 that all others are counted from: a public key like any other.
    "p256dh": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    "auth": "AAAAAAAAAAAAAAAAAAAAAA",
}
ENDPOINT = "https://push.example.com/2"
HOURS = {"timezone": "Europe/Berlin", "quiet_from": "22:00", "quiet_until": "07:00", "digest": "DAILY"}


def notifying_bodies(password: str) -> dict[tuple[str, str], Any]:
    """Return (route, method) -> body."""
    return {
        ("accounts:choose_channels", "POST"): {"alert.fired|SMS": "on"},
        ("accounts:set_hours", "POST"): {**HOURS, "digest_at": "08:00"},
        ("accounts:name_phone", "POST"): {"number": "+491701234567"},
        ("accounts:verify_phone", "POST"): {"code": "123456"},
        ("accounts:leave", "POST"): {"password": password, "understood": "on", "holdings": "CLOSE"},
        ("accounts_api:notification_settings", "PATCH"): {
            **HOURS,
            "choices": [{"event": "alert.fired", "channel": "SMS", "is_on": True}],
        },
        ("accounts_api:push_subscriptions", "POST"): {"endpoint": ENDPOINT, **KEYS},
        ("accounts_api:phone", "PUT"): {"number": "+491701234567"},
        ("accounts_api:phone_code", "POST"): {"code": "123456"},
        ("accounts_api:consents", "POST"): {"kind": "MARKETING"},
    }
