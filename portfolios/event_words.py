"""What people are told of their portfolios and exchange accounts: the words of each event."""

from __future__ import annotations

from typing import Any

ACCOUNTS = "Exchange accounts"
ACCOUNT_URL = "/exchange-accounts/{account}/"

# By the event's name: what accounts.registry.register_event takes.
EVENTS: dict[str, dict[str, Any]] = {
    "portfolio.lent": {
        "title": "You may work with the portfolio {name}",
        "body": "Until {until} you may {scope}.",
        "url": "/portfolios/{portfolio}/",
    },
    "exchange_account.connected": {
        "label": "An exchange account was connected",
        "group": ACCOUNTS,
        "severity": "critical",
        "security": True,
        "title": "An exchange account was connected: {label}",
        "body": "Somebody who is logged in as you put a key of {exchange} in. If it was not you, delete that key at "
        "the exchange and change your password here.",
        "url": ACCOUNT_URL,
    },
    "exchange_account.rekeyed": {
        "label": "An exchange account has another key",
        "group": ACCOUNTS,
        "severity": "critical",
        "security": True,
        "title": "{label} has another key",
        "body": "Somebody who is logged in as you put another key of {exchange} in. If it was not you, delete that "
        "key at the exchange and change your password here.",
        "url": ACCOUNT_URL,
    },
    "exchange_account.refused": {
        "label": "A key of an exchange account cannot be used",
        "group": ACCOUNTS,
        "severity": "warning",
        "title": "The key of {label} cannot be used",
        "body": "The check of it at {exchange} went wrong; the account's page says how and what to do.",
        "url": ACCOUNT_URL,
        "mail": False,
    },
    "exchange_account.not_covered": {
        "label": "An exchange account holds too little",
        "group": ACCOUNTS,
        "severity": "critical",
        "title": "{label} holds less than its portfolios",
        "body": "At the exchange there is less {assets} than your portfolios on this account say: money went out "
        "there, or a trade was made that we know nothing of. Their orders may be refused until you pay it in, or withdraw it here.",
        "url": ACCOUNT_URL,
    },
    "exchange_account.terms_refused": {
        "label": "An exchange refused leverage or margin mode",
        "group": ACCOUNTS,
        "severity": "warning",
        "title": "{label}: {symbol} is not traded at {terms}",
        "body": "The exchange refused this leverage or margin mode: {reason} Nothing was opened; choose others on "
        "the portfolio's page.",
        "url": ACCOUNT_URL,
    },
    "exchange_account.position_differs": {
        "label": "Positions at an exchange differ",
        "group": ACCOUNTS,
        "severity": "critical",
        "title": "{label} holds other positions than its portfolios",
        "body": "Position at the exchange and here differ in {symbols}, and no trade that we know of explains it. "
        "The difference stands among what is in no portfolio; look at the exchange what happened there.",
        "url": ACCOUNT_URL,
    },
    "exchange_account.closed_at_venue": {
        "label": "A position was closed at the exchange",
        "group": ACCOUNTS,
        "severity": "critical",
        "title": "{label}: {symbol} was closed at the exchange",
        "body": "{quantity} {symbol} of {portfolio} were closed there at {price}: by yourself, or by the exchange, "
        "which liquidates what no longer carries its margin.",
        "url": ACCOUNT_URL,
    },
    "exchange_account.fill_not_booked": {
        "label": "A trade could not be booked",
        "group": ACCOUNTS,
        "severity": "critical",
        "title": "A trade of {label} could not be booked",
        "body": "The exchange filled an order of a portfolio for more than that portfolio holds, so its books wait "
        "for you: move money into {portfolio}, and it is booked at the next comparison.",
        "url": ACCOUNT_URL,
    },
}
