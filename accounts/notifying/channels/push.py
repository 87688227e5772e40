"""Web Push (RFC 8030): encrypted to the browser (RFC 8291), signed by the site (RFC 8292).

The address was given by whoever subscribed, so it gets the guard of outgoing webhooks: no private network, no redirect.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from pywebpush import WebPusher

from accounts.notifying.channels.outcome import THROUGH, Came, Outcome
from accounts.notifying.vapid import vapid
from accounts.registry import Description
from accounts.webhooks.sending import Answer, post
from common.clock import wall_now

# How long a push service keeps it for a browser that is closed.
KEPT_SECONDS = 86_400
SIGNED_SECONDS = 12 * 3_600
# What push services take is 4,096 bytes when encrypted.
MOST_WORDS = 1_000


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a browser is told, and the keys that only it can open."""

    endpoint: str
    p256dh: str
    auth: str


def send(browser: Browser, words: Description, *, tag: str, is_urgent: bool) -> Outcome:
    """Tell a browser; `tag` keeps one that is told twice from showing it twice."""
    key = vapid()
    if key is None:
        return Outcome(Came.LATER, "This site has no key for browsers at present.")
    parts = urlsplit(browser.endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "sub": _contact(),
        "exp": int(wall_now().timestamp()) + SIGNED_SECONDS,
    }
    told = {"title": words.title[:200], "body": words.body[:MOST_WORDS], "url": words.url, "tag": tag}
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    sealed = WebPusher({"endpoint": browser.endpoint, "keys": keys}).encode(orjson.dumps(told))
    headers = {
        **key.sign(claims),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_SECONDS),
        "Urgency": "high" if is_urgent else "normal",
    }
    return _judged(post(browser.endpoint, sealed["body"], headers))


def _judged(answer: Answer) -> Outcome:
    if answer.is_taken:
        return THROUGH
    if answer.status in (404, 410):
        return Outcome(Came.GONE, "The browser has ended its subscription.")
    if answer.status == 0:
        return Outcome(Came.LATER, answer.excerpt[:200])
    later = answer.status == 429 or answer.status >= 500
    return Outcome(Came.LATER if later else Came.NEVER, f"The browser's push service answered {answer.status}.")


def _contact() -> str:
    """Return whom a push service may ask about us: it must be https or mailto."""
    if settings.SITE_URL.startswith("https://"):
        return str(settings.SITE_URL)
    return f"mailto:{settings.DEFAULT_FROM_EMAIL.rpartition('<')[2].rstrip('>')}"
