"""What venues report of a key, in each one's own form, and what their refusals mean. Answers as their manuals show them."""

from __future__ import annotations

from typing import Any

import pytest

from markets.gateway.errors import BackOff, GatewayError, Retry, Skip, Stop, Unknown
from markets.gateway.keys import KeyPermissions, Trouble, read_report, trouble_of
from markets.gateway.venues import VENUES

BINANCE = {
    "ipRestrict": False,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableSpotAndMarginTrading": True,
    "enableFutures": False,
}
BYBIT = {"readOnly": 0, "permissions": {"Spot": ["SpotTrade"], "ContractTrade": [], "Wallet": []}, "ips": ["*"]}


def bybit(**changes: Any) -> dict[str, Any]:
    return {"result": {**BYBIT, **changes}}


def kraken(*permissions: str, addresses: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"error": [], "result": {"permissions": list(permissions), "ipAllowlist": list(addresses)}}


def okx(perm: str, ip: str = "") -> dict[str, Any]:
    return {"code": "0", "data": [{"perm": perm, "ip": ip}]}


def kucoin(permission: str, whitelist: str = "") -> dict[str, Any]:
    return {"data": {"permission": permission, "ipWhitelist": whitelist}}


def bitget(*authorities: str, ips: str = "") -> dict[str, Any]:
    return {"data": {"authorities": list(authorities), "ips": ips}}


# Dialect, answer, and whether the key may trade, may withdraw, is bound to addresses.
REPORTS: list[tuple[str, Any, tuple[bool, bool, bool]]] = [
    ("binance", BINANCE, (True, False, False)),
    ("binance", {**BINANCE, "enableSpotAndMarginTrading": False}, (False, False, False)),
    ("binance", {**BINANCE, "enableWithdrawals": True, "ipRestrict": True}, (True, True, True)),
    ("binanceusdm", BINANCE, (False, False, False)),
    ("binanceusdm", {**BINANCE, "enableFutures": True}, (True, False, False)),
    ("kraken", kraken("query-funds", "modify-trades", "close-trades"), (True, False, False)),
    ("kraken", kraken("query-funds", "modify-trades"), (False, False, False)),
    ("kraken", kraken("modify-trades", "close-trades", "withdraw-funds", addresses=("10.0.0.7",)), (True, True, True)),
    ("bybit", bybit(), (True, False, False)),
    ("bybit", bybit(readOnly=1), (False, False, False)),
    (
        "bybit",
        bybit(permissions={"Spot": [], "ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"]}),
        (True, False, False),
    ),
    (
        "bybit",
        bybit(permissions={"Spot": [], "ContractTrade": [], "Wallet": ["Withdraw"]}, ips=["10.0.0.7"]),
        (False, True, True),
    ),
    ("okx", okx("read_only,trade"), (True, False, False)),
    ("okx", okx("read_only"), (False, False, False)),
    ("okx", okx("read_only,withdraw,trade", "10.0.0.7"), (True, True, True)),
    ("kucoin", kucoin("General, Spot"), (True, False, False)),
    ("kucoin", kucoin("General, InnerTransfer"), (False, False, False)),
    ("kucoin", kucoin("General, Trade, Transfer", "10.0.0.7"), (True, True, True)),
    ("kucoin", kucoin("General, Spot, Withdrawal"), (True, True, False)),
    ("bitget", bitget("stor", "stow"), (True, False, False)),
    ("bitget", bitget("stor", "wtow"), (False, False, False)),
    ("bitget", bitget("coow", "wwow", ips="10.0.0.7"), (True, True, True)),
]


@pytest.mark.parametrize(("dialect", "answer", "said"), REPORTS)
def test_a_report_is_read_in_its_venues_form(dialect: str, answer: Any, said: tuple[bool, bool, bool]) -> None:
    report = VENUES[dialect].key_report
    assert report is not None
    assert read_report(report, answer) == KeyPermissions(*said)


def test_every_venue_that_reports_is_read_above() -> None:
    assert {dialect for dialect, _, _ in REPORTS} == {code for code, one in VENUES.items() if one.key_report}


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [
        ("binance", {**BINANCE, "enableWithdrawals": None}),
        ("binance", {**BINANCE, "enableWithdrawals": "perhaps"}),
        ("binance", {name: value for name, value in BINANCE.items() if name != "enableWithdrawals"}),
        ("binance", []),
        ("kraken", {"result": {}}),
        ("kraken", {"result": {"permissions": None, "ipAllowlist": []}}),
        ("okx", {"data": []}),
        ("kucoin", {"data": {"permission": 7, "ipWhitelist": ""}}),
        ("bybit", bybit(permissions={"Spot": ["SpotTrade"], "ContractTrade": []})),
        ("binance", None),
    ],
)
def test_a_report_that_does_not_say_it_never_reads_as_may_not_withdraw(dialect: str, answer: Any) -> None:
    report = VENUES[dialect].key_report
    assert report is not None
    with pytest.raises(ValueError, match=r"report|flag|list"):
        read_report(report, answer)


def stop(code: str, words: str) -> Stop:
    return Stop("venue", code, words)


@pytest.mark.parametrize(
    ("dialect", "error", "trouble"),
    [
        ("binance", stop("CREDENTIALS_REFUSED", 'binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions"}'),
         Trouble("KEY_OR_ADDRESS_REFUSED", is_about_key=True)),
        ("binance", stop("CREDENTIALS_REFUSED", '{"code":-2014,"msg":"API-key format invalid."}'),
         Trouble("KEY_UNKNOWN", is_about_key=True)),
        ("binance", stop("CREDENTIALS_REFUSED", '{"code":-1022,"msg":"Signature for this request is not valid."}'),
         Trouble("SECRET_WRONG", is_about_key=True)),
        ("kraken", stop("CREDENTIALS_REFUSED", 'kraken {"error":["EAPI:Invalid key"]}'),
         Trouble("KEY_UNKNOWN", is_about_key=True)),
        ("kraken", stop("PERMISSION_DENIED", 'kraken {"error":["EGeneral:Permission denied"]}'),
         Trouble("KEY_MAY_NOT_READ", is_about_key=True)),
        ("bybit", stop("PERMISSION_DENIED", "Unmatched IP, please check your API key's bound IP addresses."),
         Trouble("ADDRESS_NOT_ALLOWED", is_about_key=True)),
        ("okx", stop("PERMISSION_DENIED", "Your IP 1.2.3.4 is not included in your API key's IP whitelist"),
         Trouble("ADDRESS_NOT_ALLOWED", is_about_key=True)),
        ("okx", stop("CREDENTIALS_REFUSED", "Request header OK-ACCESS-PASSPHRASE incorrect."),
         Trouble("PASSPHRASE_WRONG", is_about_key=True)),
        ("okx", stop("ACCOUNT_SUSPENDED", "Account frozen"), Trouble("ACCOUNT_SUSPENDED", is_about_key=True)),
        ("binance", Skip("venue", "BAD_REQUEST", "no"), Trouble("VENUE_REFUSED")),
        ("binance", Retry("venue", "CLOCK_SKEWED", "ahead"), Trouble("CLOCK_SKEWED", may_pass=True)),
        ("kraken", Retry("venue", "CLOCK_SKEWED", "EAPI:Invalid nonce"), Trouble("KEY_USED_ELSEWHERE", may_pass=True)),
        ("binance", Retry("venue", "TIMED_OUT", ""), Trouble("VENUE_UNREACHABLE", may_pass=True)),
        ("binance", BackOff("venue", "RATE_LIMITED", "", retry_after=9), Trouble("VENUE_UNREACHABLE", may_pass=True)),
        ("binance", Unknown("venue", "TIMED_OUT", ""), Trouble("VENUE_UNREACHABLE", may_pass=True)),
    ],
)  # fmt: skip
def test_a_refusal_tells_what_is_wrong_with_the_key(dialect: str, error: GatewayError, trouble: Trouble) -> None:
    assert trouble_of(VENUES[dialect], error) == trouble


def test_where_every_key_may_ask_a_lacking_permission_is_a_wrong_address() -> None:
    denied = stop("PERMISSION_DENIED", "EGeneral:Permission denied")
    assert trouble_of(VENUES["kraken"], denied, is_report=True).code == "ADDRESS_NOT_ALLOWED"
    assert trouble_of(VENUES["okx"], denied, is_report=True).code == "KEY_MAY_NOT_READ"
