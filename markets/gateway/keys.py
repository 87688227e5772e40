"""What a key may do, as its venue reports it; and what is wrong with one, as far as the venue's refusal tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markets.gateway.client import Client
from markets.gateway.errors import BackOff, GatewayError, Retry, Stop, Unknown
from markets.gateway.venues import Fact, KeyReport, Venue

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})
# A star is how some write "from anywhere".
_NONE_LISTED: tuple[object, ...] = (None, "", [], ["*"])
_MISSING = object()


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """What a key may do. `is_address_bound`: only from addresses that its owner listed; None where the venue does not say."""

    may_trade: bool
    may_withdraw: bool
    is_address_bound: bool | None


async def key_permissions(client: Client) -> KeyPermissions:
    """Ask the venue what the client's key may do; raises GatewayError, and Stop REPORT_NOT_UNDERSTOOD where it is vague.

    A report that lacks what we look for must not read as "may not withdraw".
    """
    report = client.venue.key_report
    if report is None:
        raise Stop(client.code, "NO_KEY_REPORT", f"{client.venue.name} does not tell what a key may do.")
    answer = await client.call(report.method)
    try:
        return read_report(report, answer)
    except ValueError as error:
        raise Stop(client.code, "REPORT_NOT_UNDERSTOOD", str(error)) from error


def read_report(report: KeyReport, answer: Any) -> KeyPermissions:
    """Return what a venue's answer says; raise ValueError where it does not say it."""
    # Each is read, also where one is enough: what a report lacks must show.
    withdraws = [_holds(fact, answer) for fact in report.withdraw]
    return KeyPermissions(
        may_trade=all(any(_holds(fact, answer) for fact in either) for either in report.trade),
        may_withdraw=any(withdraws),
        is_address_bound=None if report.addresses is None else _holds(report.addresses, answer),
    )


def _holds(fact: Fact, answer: Any) -> bool:
    """Return whether a fact is so: a flag is set, a list or a comma-separated text has a word, something is listed."""
    value = _found(answer, fact.path)
    if fact.word:
        words = value.split(",") if isinstance(value, str) else value
        if not isinstance(words, Sequence):
            raise ValueError(f"{fact.path} is no list of words.")
        return fact.word in {str(one).strip() for one in words}
    if fact.is_any:
        return value not in _NONE_LISTED
    flag = str(value).lower()
    if flag not in _TRUE | _FALSE:
        raise ValueError(f"{fact.path} is no flag.")
    return (flag in _TRUE) != fact.is_negated


def _found(answer: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(answer, Sequence) and not isinstance(answer, str) and step.isdigit():
            answer = answer[int(step)] if int(step) < len(answer) else _MISSING
        else:
            answer = answer.get(step, _MISSING) if isinstance(answer, Mapping) else _MISSING
    if answer is _MISSING:
        raise ValueError(f"The report has no {path}.")
    return answer


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a key could not be checked: a stable code; whether the key (or its owner) is to blame; whether to ask again."""

    code: str
    is_about_key: bool = False
    may_pass: bool = False


def trouble_of(venue: Venue, error: GatewayError, *, is_report: bool = False) -> Trouble:
    """Return what an error in the check of a key means; `is_report` where the key's permissions were asked for."""
    if error.code == "CLOCK_SKEWED":
        # Venues without a window for clocks say the same when another program counts on with the same key.
        return Trouble("KEY_USED_ELSEWHERE" if venue.has_growing_nonce else "CLOCK_SKEWED", may_pass=True)
    if isinstance(error, BackOff | Retry | Unknown):
        return Trouble("VENUE_UNREACHABLE", may_pass=True)
    for words, code in (*venue.key_errors, *_ANY_VENUE):
        if re.search(words, error.message, re.IGNORECASE):
            return Trouble(code, is_about_key=True)
    if is_report and venue.key_report and venue.key_report.is_open and error.code == "PERMISSION_DENIED":
        return Trouble("ADDRESS_NOT_ALLOWED", is_about_key=True)
    return Trouble(_BY_CODE.get(error.code, "VENUE_REFUSED"), is_about_key=error.code in _BY_CODE)


_ANY_VENUE = (
    (r"\bIP\b.*(white ?list|not allowed|mismatch|unmatched|not included)|Unmatched IP", "ADDRESS_NOT_ALLOWED"),
    (r"passphrase", "PASSPHRASE_WRONG"),
    (r"signature|invalid sign\b|Incorrect padding|base64", "SECRET_WRONG"),
)
_BY_CODE = {
    "CREDENTIALS_REFUSED": "KEY_UNKNOWN",
    "PERMISSION_DENIED": "KEY_MAY_NOT_READ",
    "ACCOUNT_NOT_ENABLED": "ACCOUNT_NOT_ENABLED",
    "ACCOUNT_SUSPENDED": "ACCOUNT_SUSPENDED",
    "LOCATION_RESTRICTED": "LOCATION_RESTRICTED",
    "MANUAL_INTERACTION_NEEDED": "ACCOUNT_NOT_ENABLED",
}
