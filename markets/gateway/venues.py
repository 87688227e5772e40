"""The venues: everything in which one differs from another, as data. Code elsewhere asks this table, never a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from markets.gateway.protocol import Side, TimeInForce
from markets.models import MarketKind

SPOT, PERPETUAL = MarketKind.SPOT, MarketKind.PERPETUAL


class ClientIdForm(StrEnum):
    """How a venue writes our client order ids, which are 32 lowercase hex digits."""

    HEX = "HEX"
    PREFIXED_HEX = "PREFIXED_HEX"  # 0x before them
    UINT32 = "UINT32"  # the first eight digits as a number: all that fits


class Lookup(StrEnum):
    """How an order is found by our id."""

    DIRECT = "DIRECT"  # the venue takes our id in place of its own
    LISTS = "LISTS"  # it does not: its open and its recent orders are searched


class LimitScope(StrEnum):
    """Whom a venue counts requests by: everybody behind our address, or each account."""

    ADDRESS = "ADDRESS"
    ACCOUNT = "ACCOUNT"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that an answer says at a path ("data.0.ip"): a flag; with `word`, a list or a text that has the word."""

    path: str
    word: str = ""
    is_any: bool = False  # so where anything is listed
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class KeyReport:
    """How a venue tells what a key may do: the library's method, and the facts of its answer.

    `trade`: of each group one must hold. `withdraw`: one is enough to refuse the key.
    """

    method: str
    trade: tuple[tuple[Fact, ...], ...]
    withdraw: tuple[Fact, ...]
    addresses: Fact | None = None  # whether the key works from listed addresses only
    # Whether every key may ask, so that one which may not comes from a wrong address.
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Wallets:
    """Where a futures account's answer lists its wallets, whose amounts leave unrealized profits out, as the library does not."""

    rows: str
    asset: str
    amount: str


@dataclass(frozen=True, slots=True)
class Venue:
    """One venue. Weights of single endpoints, and the rate itself, come from the library's own tables."""

    code: str
    name: str
    kinds: tuple[MarketKind, ...]
    library_id: str = ""  # where it differs from the code
    options: Mapping[str, Any] = field(default_factory=dict)
    has_sandbox: bool = False
    # The time over which it counts requests; a tenth of what it allows in it may be used at once.
    window_seconds: float = 60.0
    limit_scope: LimitScope = LimitScope.ADDRESS
    # New orders of one account, where they are counted beside requests.
    orders_per_second: float | None = None
    candles_per_page: int = 500
    # Whether candle volumes of contracts come in contracts instead of base units.
    has_contract_volumes: bool = False
    client_id_form: ClientIdForm = ClientIdForm.HEX
    client_id_param: str = "clientOrderId"
    # Where the venue's own message says our id, since the library does not read it everywhere.
    client_id_field: str = ""
    lookup: Lookup = Lookup.DIRECT
    # With Lookup.LISTS: the parameter that narrows a list to our id, where there is one.
    lookup_param: str = ""
    cancels_by_client_id: bool = True
    # Sides of market orders that it lacks, or counts in money instead of quantity: sent as a limit order that fills at
    # once or not at all, at the price that the order must then name.
    market_sides_as_limit: frozenset[Side] = frozenset()
    # How a limit order may not be told to wait, or not to.
    lacks: frozenset[TimeInForce] = frozenset()
    # Whether a stop that takes any price rests there as other orders do: sent, asked about and canceled under our id, in the
    # same lists and streams. (Elsewhere stops are kept apart, under ids and in lists of their own.)
    has_stops: bool = False
    # How many symbols one subscription may name.
    symbols_per_stream: int = 100
    credentials: tuple[str, ...] = ("api_key", "secret")
    # How it tells what a key may do; without that no account of it can be connected.
    key_report: KeyReport | None = None
    # Words of its refusals that say more about a key than their code does, each with ours.
    key_errors: tuple[tuple[str, str], ...] = ()
    has_base64_secret: bool = False
    # Whether each signed request must carry a greater number than all before it under the same key.
    has_growing_nonce: bool = False
    # The library's method by which it tells leverage tiers, by worth, to whoever asks; "" where it wants a key for that, or
    # counts them in contracts.
    public_tiers: str = ""
    # Of an account that trades perpetuals. Where both kinds share one account, portfolios on it trade spot.
    wallets: Wallets | None = None

    @property
    def library(self) -> str:
        """The name of its class in the library."""
        return self.library_id or self.code

    @property
    def account_kind(self) -> MarketKind:
        """What portfolios on an account of it trade."""
        return SPOT if self.wallets is None else PERPETUAL


def _venue(**facts: Any) -> tuple[str, Venue]:
    venue = Venue(**facts)
    return venue.code, venue


# Our clock is measured against theirs when markets are loaded; requests are then stamped with their time.
_CLOCK = {"adjustForTimeDifference": True}
# How many milliseconds a signed request stays good: a late one must not be taken after it was given up on.
_WINDOW = {"recvWindow": 5000}
# Positions are not streamed, and the library falls over its own text when it loads them to begin with.
_NO_POSITIONS = {"watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False}}
# The short form of a stream's tickers knows neither bid nor ask.
_FULL_TICKERS = {"watchTickers": {"name": "ticker"}}
_BUYS, _BOTH = frozenset({Side.BUY}), frozenset(Side)

# One report for both sides of Binance; what it calls an internal transfer stays with the account's owner.
_BINANCE_WITHDRAW = (Fact("enableWithdrawals"),)
# It has one answer for three faults, and does not tell which.
_BINANCE_ERRORS = ((r"-2015|Invalid API-key, IP", "KEY_OR_ADDRESS_REFUSED"), (r"-2014|-2008", "KEY_UNKNOWN"))


def _binance_report(trade: str) -> KeyReport:
    return KeyReport("sapi_get_account_apirestrictions", ((Fact(trade),),), _BINANCE_WITHDRAW, Fact("ipRestrict"))


VENUES: Mapping[str, Venue] = MappingProxyType(
    dict(
        [
            _venue(
                code="binance",
                name="Binance",
                kinds=(SPOT,),
                client_id_field="c",
                # Currencies and margin pairs are asked for with keys or from other hosts, and used for nothing here.
                options={
                    **_CLOCK,
                    **_WINDOW,
                    **_FULL_TICKERS,
                    **_NO_POSITIONS,
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "fetchMarkets": {"types": ["spot"]},
                    "defaultType": "spot",
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                },
                has_sandbox=True,
                has_stops=True,
                orders_per_second=5.0,
                candles_per_page=1000,
                key_report=_binance_report("enableSpotAndMarginTrading"),
                key_errors=_BINANCE_ERRORS,
            ),
            _venue(
                code="binanceusdm",
                name="Binance USDⓈ-M futures",
                kinds=(PERPETUAL,),
                client_id_field="c",
                options={
                    **_CLOCK,
                    **_WINDOW,
                    **_FULL_TICKERS,
                    **_NO_POSITIONS,
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "fetchMarkets": {"types": ["linear"]},
                    "defaultType": "swap",
                    "defaultSubType": "linear",
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                },
                has_sandbox=True,
                orders_per_second=20.0,
                candles_per_page=1000,
                key_report=_binance_report("enableFutures"),
                key_errors=_BINANCE_ERRORS,
                wallets=Wallets("assets", "asset", "walletBalance"),
            ),
            _venue(
                code="bitget",
                name="Bitget",
                kinds=(SPOT, PERPETUAL),
                public_tiers="fetch_market_leverage_tiers",
                client_id_field="clientOid",
                options={**_CLOCK, "uta": False, "fetchCurrencies": False, "fetchMarkets": {"types": ["spot", "swap"]}},
                has_sandbox=True,
                window_seconds=1.0,
                candles_per_page=200,
                market_sides_as_limit=_BUYS,
                credentials=("api_key", "secret", "password"),
                key_report=KeyReport(
                    "private_spot_get_v2_spot_account_info",
                    ((Fact("data.authorities", "stow"), Fact("data.authorities", "coow")),),
                    (Fact("data.authorities", "wwow"),),
                    Fact("data.ips", is_any=True),
                ),
            ),
            _venue(
                code="coinbase",
                name="Coinbase Advanced",
                kinds=(SPOT,),
                options=_CLOCK,
                window_seconds=1.0,
                candles_per_page=300,
                client_id_param="client_order_id",
                lookup=Lookup.LISTS,
                cancels_by_client_id=False,
                market_sides_as_limit=_BUYS,
            ),
            _venue(
                code="kraken",
                name="Kraken",
                kinds=(SPOT,),
                client_id_field="cl_ord_id",
                has_stops=True,
                has_growing_nonce=True,
                # Its counter runs per account and falls slowly; fifteen units fit at once, of which we use twelve.
                window_seconds=120.0,
                limit_scope=LimitScope.ACCOUNT,
                candles_per_page=720,
                lookup=Lookup.LISTS,
                lookup_param="clientOrderId",
                key_report=KeyReport(
                    "private_post_getapikeyinfo",
                    ((Fact("result.permissions", "modify-trades"),), (Fact("result.permissions", "close-trades"),)),
                    (Fact("result.permissions", "withdraw-funds"),),
                    Fact("result.ipAllowlist", is_any=True),
                    is_open=True,
                ),
                has_base64_secret=True,
                key_errors=((r"EAPI:Invalid signature", "SECRET_WRONG"), (r"EAPI:Invalid key", "KEY_UNKNOWN")),
            ),
            _venue(
                code="okx",
                name="OKX",
                kinds=(SPOT, PERPETUAL),
                client_id_field="clOrdId",
                options={**_CLOCK, "fetchMarkets": {"types": ["spot", "swap"]}, "fetchCurrencies": False},
                has_sandbox=True,
                window_seconds=2.0,
                candles_per_page=100,
                credentials=("api_key", "secret", "password"),
                key_report=KeyReport(
                    "private_get_account_config",
                    ((Fact("data.0.perm", "trade"),),),
                    (Fact("data.0.perm", "withdraw"),),
                    Fact("data.0.ip", is_any=True),
                ),
            ),
            _venue(
                code="bybit",
                name="Bybit",
                kinds=(SPOT, PERPETUAL),
                public_tiers="fetch_leverage_tiers",
                client_id_field="orderLinkId",
                options={
                    **_CLOCK,
                    **_WINDOW,
                    **_NO_POSITIONS,
                    "fetchMarkets": {"types": ["spot", "linear", "inverse"]},
                    "fetchCurrencies": False,
                },
                has_sandbox=True,
                window_seconds=5.0,
                candles_per_page=1000,
                lookup=Lookup.LISTS,
                lookup_param="orderLinkId",
                key_report=KeyReport(
                    "private_get_v5_user_query_api",
                    (
                        (Fact("result.readOnly", is_negated=True),),
                        (
                            Fact("result.permissions.Spot", "SpotTrade"),
                            Fact("result.permissions.ContractTrade", "Order"),
                        ),
                    ),
                    (Fact("result.permissions.Wallet", "Withdraw"),),
                    Fact("result.ips", is_any=True),
                    is_open=True,
                ),
            ),
            _venue(
                code="kucoin",
                name="KuCoin",
                kinds=(SPOT, PERPETUAL),
                public_tiers="fetch_market_leverage_tiers",
                client_id_field="clientOid",
                options={
                    **_CLOCK,
                    **_NO_POSITIONS,
                    "fetchMarkets": {"types": ["spot", "swap"]},
                    "fetchCurrencies": False,
                },
                window_seconds=30.0,
                limit_scope=LimitScope.ACCOUNT,
                candles_per_page=500,
                has_contract_volumes=True,
                credentials=("api_key", "secret", "password"),
                # "Transfer" is its older word for withdrawing; "InnerTransfer" stays within the account.
                key_report=KeyReport(
                    "private_get_user_api_key",
                    (
                        (
                            Fact("data.permission", "Spot"),
                            Fact("data.permission", "Futures"),
                            Fact("data.permission", "Trade"),
                        ),
                    ),
                    tuple(Fact("data.permission", word) for word in ("Withdrawal", "Withdraw", "Transfer")),
                    Fact("data.ipWhitelist", is_any=True),
                ),
            ),
            _venue(
                code="hyperliquid",
                name="Hyperliquid",
                kinds=(SPOT, PERPETUAL),
                client_id_field="cloid",
                options={"fetchMarkets": {"types": ["spot", "swap"]}},
                has_sandbox=True,
                candles_per_page=5000,
                client_id_form=ClientIdForm.PREFIXED_HEX,
                market_sides_as_limit=_BOTH,
                lacks=frozenset({TimeInForce.FOK}),
                credentials=("wallet_address", "private_key"),
            ),
            _venue(
                code="dydx",
                name="dYdX",
                kinds=(PERPETUAL,),
                has_sandbox=True,
                window_seconds=10.0,
                candles_per_page=1000,
                client_id_form=ClientIdForm.UINT32,
                market_sides_as_limit=_BOTH,
                lookup=Lookup.LISTS,
                credentials=("wallet_address", "private_key"),
            ),
        ]
    )
)
