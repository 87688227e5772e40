"""A call as a handler sees it: who calls, with which parameters, read in Binance's types; and who may call."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from urllib.parse import parse_qsl

from sandbox.binance import errors
from sandbox.binance.errors import BinanceError
from sandbox.core.keys import ApiKey, Permission
from sandbox.venue import Venue

AHEAD_MS = 1000
LONGEST_WINDOW_MS = 60_000


class Security(StrEnum):
    """What an endpoint asks of its caller."""

    NONE = "NONE"
    KEY = "KEY"
    READ = "READ"
    TRADE = "TRADE"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its parameters as sent, and the account behind it ("" for public calls)."""

    venue: Venue
    params: Mapping[str, str]
    key: ApiKey | None = None

    @property
    def account(self) -> str:
        """Return the caller's account."""
        return self.key.account if self.key else ""

    def text(self, name: str) -> str:
        """Return a mandatory parameter."""
        value = self.params.get(name, "")
        if not value:
            raise errors.missing(name)
        return value

    def optional(self, name: str) -> str | None:
        """Return a parameter, None when absent or empty."""
        return self.params.get(name) or None

    def integer(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number."""
        value = self.optional(name)
        if value is None:
            return default
        if not value.lstrip("-").isdigit():
            raise BinanceError(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            )
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Return the `limit` parameter."""
        return min(self.integer("limit", default) or default, most)

    def decimal(self, name: str) -> Decimal | None:
        """Return an amount."""
        value = self.optional(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'.")
        return number

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        return (self.optional(name) or "").lower() == "true"


def authorised(
    venue: Venue, security: Security, api_key: str, signed_text: str, params: dict[str, str], address: str | None = None
) -> ApiKey | None:
    """Return the key behind a request, or raise as Binance does. `signed_text` is what came, without its signature.

    `address` is the client's, for a request over REST.
    """
    if security is Security.NONE:
        return None
    if not api_key:
        raise BinanceError(*errors.BAD_KEY_FORMAT)
    key = venue.keys.get(api_key)
    if key is None or not (address is None or key.works_from(address)):
        raise BinanceError(*errors.UNKNOWN_KEY)
    if security is not Security.KEY:
        _check_time(venue, params)
        digest = hmac.new(key.secret.encode(), signed_text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(digest, params.get("signature", "")):
            raise BinanceError(*errors.BAD_SIGNATURE)
    if not key.may(Permission.TRADE if security is Security.TRADE else Permission.READ):
        raise BinanceError(*errors.UNKNOWN_KEY)
    return key


def _check_time(venue: Venue, params: Mapping[str, str]) -> None:
    if not params.get("timestamp", "").isdigit():
        raise errors.missing("timestamp")
    window = int(params.get("recvWindow") or venue.setup.recv_window_ms)
    if window > LONGEST_WINDOW_MS:
        raise BinanceError(-1131, "recvWindow must be less than 60000.")
    now, stamp = venue.clock.server_ms(), int(params["timestamp"])
    if stamp > now + AHEAD_MS:
        raise BinanceError(*errors.AHEAD_OF_SERVER)
    if now - stamp > window:
        raise BinanceError(*errors.OUTSIDE_WINDOW)


def split_signature(query: str, body: str) -> tuple[str, dict[str, str]]:
    """Return what was signed (query string and body as sent, one after the other, without the signature) and all parameters."""
    signed = "".join(_without_signature(part) for part in (query, body))
    params = dict(parse_qsl(query, keep_blank_values=True)) | dict(parse_qsl(body, keep_blank_values=True))
    return signed, params


def _without_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
