"""What a session came from, in words: the browser by its User-Agent, the place by its address."""

from __future__ import annotations

from functools import cache

import geoip2.database
from django.conf import settings
from geoip2.errors import AddressNotFoundError
from ua_parser import parse

UNKNOWN = "Unknown device"


def device_name(user_agent: str) -> str:
    """Return the device in words, as far as it says what it is: "Firefox on Ubuntu", "curl"."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    known = [name for name in (browser, system) if name and name != "Other"]
    return " on ".join(known) or user_agent.partition("/")[0][:30] or UNKNOWN


def place_name(address: str | None) -> str:
    """Return where an address is, "Lisbon, Portugal", if a database of places is configured and knows; else the address."""
    if not address:
        return "no address"
    if not settings.GEOIP_DATABASE:
        return address
    try:
        found = _places(settings.GEOIP_DATABASE).city(address)
    except (AddressNotFoundError, ValueError):
        return address
    return ", ".join(name for name in (found.city.name, found.country.name) if name) or address


@cache
def _places(path: str) -> geoip2.database.Reader:
    """Open the database once; a newer one is read after a restart."""
    return geoip2.database.Reader(path)
