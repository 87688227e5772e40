"""What people read about exchange accounts: where each venue makes keys and what to tick there, and every finding of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from markets.gateway.venues import VENUES
from portfolios.models import AccountState, ExchangeAccount


@dataclass(frozen=True, slots=True)
class Guide:
    """How a key is made at a venue: where, what to allow, what to leave out. `labels` names what is pasted, in its words."""

    where: str
    allow: tuple[str, ...]
    leave_out: tuple[str, ...]
    labels: Mapping[str, str]


_LABELS = {"api_key": "API key", "secret": "Secret key"}
_WITH_PASSPHRASE = {**_LABELS, "password": "Passphrase"}

GUIDES: Mapping[str, Guide] = MappingProxyType(
    {
        "binance": Guide(
            "Profile → API Management → Create API → System generated",
            ("Enable Reading", "Enable Spot & Margin Trading"),
            ("Enable Withdrawals",),
            _LABELS,
        ),
        "binanceusdm": Guide(
            "Profile → API Management → Create API → System generated",
            ("Enable Reading", "Enable Futures"),
            ("Enable Withdrawals",),
            _LABELS,
        ),
        "kraken": Guide(
            "Settings → Connections & API → Create API key",
            (
                "Query funds",
                "Query open orders & trades",
                "Query closed orders & trades",
                "Create & modify orders",
                "Cancel & close orders",
            ),
            ("Withdraw funds",),
            {"api_key": "API key", "secret": "Private key"},
        ),
        "bybit": Guide(
            "Account → API → Create New Key → System-generated",
            ("Read-Write", "Unified Trading: Orders and Positions, or Spot: Trade"),
            ("Wallet: Withdrawal",),
            {"api_key": "API Key", "secret": "API Secret"},
        ),
        "okx": Guide("Profile → API → Create API key", ("Read", "Trade"), ("Withdraw",), {**_WITH_PASSPHRASE}),
        "kucoin": Guide(
            "Profile → API Management → Create API",
            ("General", "Spot Trading", "Futures Trading, if you trade futures"),
            ("Withdrawal",),
            {"api_key": "API key", "secret": "API secret", "password": "API passphrase"},
        ),
        "bitget": Guide(
            "Profile → API Keys → Create API key → System-generated",
            ("Read and write", "Spot: Trade", "Futures: Orders and Holdings, if you trade futures"),
            ("Wallet: Withdraw",),
            _WITH_PASSPHRASE,
        ),
    }
)

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "READ": "reads balances and orders",
        "TRADE": "trades",
        "WITHDRAW": "withdraws",
        "ADDRESS_BOUND": "works from listed addresses only",
    }
)


@dataclass(frozen=True, slots=True)
class Words:
    """A finding in words, and what to do about it. `{venue}` stands for its name."""

    title: str
    advice: str


FINDINGS: Mapping[str, Words] = MappingProxyType(
    {
        "OK": Words("The key works", "It reads and trades, and cannot withdraw."),
        "KEY_MAY_WITHDRAW": Words(
            "This key may withdraw",
            "We do not keep keys that can take money out. Make a new one at {venue} without that permission, delete"
            " this one there, and put the new one in here.",
        ),
        "KEY_MAY_NOT_TRADE": Words(
            "This key may not trade",
            "Allow trading for it at {venue} and check again, or make a new key with that permission.",
        ),
        "KEY_MAY_NOT_READ": Words(
            "This key may not read the account",
            "Allow it at {venue} to read balances and orders, then check again.",
        ),
        "HEDGE_MODE": Words(
            "The account is in hedge mode",
            "A long and a short of one market would stand beside each other; here a market has one position. Close your"
            " positions at {venue}, choose One-way Mode in its futures preferences (Position Mode), then check again.",
        ),
        "KEY_UNKNOWN": Words(
            "{venue} does not know this key",
            "Copy key and secret once more, whole and without blanks; if the key was deleted there, make a new one. See"
            " also whether it belongs to the test network while you chose the real one, or the other way round.",
        ),
        "KEY_OR_ADDRESS_REFUSED": Words(
            "{venue} refuses this key",
            "It does not say which of three: the key is wrong or deleted, it lacks the permission to read, or it is bound"
            " to other network addresses than ours. Look at all three there, then check again.",
        ),
        "SECRET_WRONG": Words(
            "The secret does not belong to this key",
            "Copy both once more. {venue} shows the secret only when the key is made: if it is lost, make a new key.",
        ),
        "PASSPHRASE_WRONG": Words(
            "The passphrase is wrong",
            "It is the one that you chose for this key at {venue}, not your password there.",
        ),
        "ADDRESS_NOT_ALLOWED": Words(
            "This key does not work from our address",
            "It is bound to other network addresses. Add this server's address to the key at {venue}, then check again.",
        ),
        "CLOCK_SKEWED": Words(
            "Our clock and {venue}'s differ",
            "Requests come too early or too late for it. If this stays so, tell the operator that the server's clock is"
            " wrong.",
        ),
        "KEY_USED_ELSEWHERE": Words(
            "Another program uses this key",
            "{venue} wants growing numbers from all that share a key. Make a key for this platform alone.",
        ),
        "VENUE_UNREACHABLE": Words(
            "{venue} does not answer", "Your key is not to blame. It is asked again by itself; nothing is lost."
        ),
        "VENUE_REFUSED": Words(
            "{venue} refused the question", "It said nothing about the key. Check again in a while."
        ),
        "REPORT_NOT_UNDERSTOOD": Words(
            "{venue} does not say what this key may do",
            "A key of which we cannot tell that it may not withdraw is not used. Tell the operator.",
        ),
        "NO_KEY_REPORT": Words("{venue} cannot be connected", "It does not tell what a key may do."),
        "NO_SANDBOX": Words("{venue} has no test network", "Connect the account as a live one."),
        "ACCOUNT_NOT_ENABLED": Words(
            "The account at {venue} is not open for this",
            "Log in there and finish what it asks of you, then check again.",
        ),
        "ACCOUNT_SUSPENDED": Words("The account at {venue} is suspended", "Ask its support, then check again."),
        "LOCATION_RESTRICTED": Words(
            "{venue} does not serve this server's country", "Tell the operator; your key is not to blame."
        ),
        "KEY_NOT_OPENED": Words(
            "The stored key cannot be opened", "Put it in once more. If that does not help, tell the operator."
        ),
        "CHECK_BROKE_OFF": Words("The check broke off", "It is done again by itself."),
    }
)
_WAITING = Words("Asking {venue}", "This takes a few seconds. You may leave; the check goes on without you.")
_GIVEN_UP = Words("{venue} did not answer", "It was asked again and again. Check again when it is back.")
_OTHER = Words("The check found something unexpected", "Check again; if it stays so, tell the operator the code.")


def guide_for(dialect: str) -> Guide:
    """Return how a key is made at a connectable venue."""
    return GUIDES[dialect]


def words_for(account: ExchangeAccount) -> Words:
    """Return what the account's last check found, in words."""
    if account.state == AccountState.REVOKED:
        return Words("Revoked", "Its key is deleted here. Delete it at the exchange, too.")
    if account.state == AccountState.FAILED and account.code == "VENUE_UNREACHABLE":
        found = _GIVEN_UP
    else:
        found = FINDINGS.get(account.code, _OTHER) if account.code else _WAITING
    venue = VENUES[account.exchange.dialect].name
    return Words(found.title.format(venue=venue), found.advice.format(venue=venue))
