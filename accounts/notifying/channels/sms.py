"""SMS through whichever gateway the operator has: one interface, one adapter for each kind of gateway."""

from __future__ import annotations

import sys
from base64 import b64encode
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from django.conf import settings

from accounts.notifying.channels.calling import call
from accounts.notifying.channels.outcome import THROUGH, Came, Outcome
from accounts.registry import Description

# Three messages' worth: more costs more than it tells.
MOST_CHARACTERS = 450


class SmsGateway(Protocol):
    """Sends a text to a number (E.164: +491701234567) and says what came of it."""

    def send(self, number: str, text: str) -> Outcome: ...


class ConsoleGateway:
    """Prints what it would send, as the mail of a fresh installation is printed."""

    def send(self, number: str, text: str) -> Outcome:
        sys.stderr.write(f"SMS to {number}: {text}\n")
        return THROUGH


@dataclass(frozen=True, slots=True)
class TwilioGateway:
    """Twilio's messages, and whoever speaks as it does."""

    base: str
    account: str
    secret: str
    sender: str

    def send(self, number: str, text: str) -> Outcome:
        login = b64encode(f"{self.account}:{self.secret}".encode()).decode()
        reply = call(
            f"{self.base}/2010-04-01/Accounts/{self.account}/Messages.json",
            urlencode({"To": number, "From": self.sender, "Body": text}).encode(),
            {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"},
        )
        if reply.is_good:
            return THROUGH
        if reply.status == 0:
            return Outcome(Came.LATER, f"No answer of the SMS gateway ({reply.failure}).")
        if reply.status in (400, 404):
            return Outcome(Came.NEVER, "The SMS gateway does not send to this number.")
        return Outcome(Came.LATER, f"The SMS gateway answered {reply.status}.", reply.retry_after)


def gateway() -> SmsGateway | None:
    """Return the gateway that SLIPSTREAM_SMS_URL names; None without one. ValueError for a kind nobody knows.

    `console:` prints; `twilio://ACCOUNT:SECRET@api.twilio.com?from=%2B15550100` sends (twilio+http:// for a stand-in).
    """
    if not settings.SMS_URL:
        return None
    parts = urlsplit(settings.SMS_URL)
    if parts.scheme == "console":
        return ConsoleGateway()
    if parts.scheme in ("twilio", "twilio+http"):
        base = f"{'https' if parts.scheme == 'twilio' else 'http'}://{parts.netloc.rpartition('@')[2]}"
        sender = parse_qs(parts.query).get("from", [""])[0]
        return TwilioGateway(base, unquote(parts.username or ""), unquote(parts.password or ""), sender)
    raise ValueError("SLIPSTREAM_SMS_URL names a gateway of no known kind: use console: or twilio://.")


def send(number: str, words: Description) -> Outcome:
    """Send what happened to a number."""
    text = f"{words.title}. {words.body}" if words.body else words.title
    return send_text(number, f"Slipstream: {text}")


def send_text(number: str, text: str) -> Outcome:
    found = gateway()
    if found is None:
        return Outcome(Came.LATER, "This site sends no SMS at present.")
    return found.send(number, text[:MOST_CHARACTERS])
