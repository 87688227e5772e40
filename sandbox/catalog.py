"""What the venues list: instruments with their rules, and the assets of the made market behind them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.market_sim import SimulatedAsset
from sandbox.core.instruments import BRACKETS, Instrument, Kind

D = Decimal
# Prices in dollars; how they move is like the real ones, roughly.
ASSETS = {
    "BTC": SimulatedAsset(60_000.0, 0.01, 0.025, 0.9, 12.0),
    "ETH": SimulatedAsset(3_000.0, 0.01, 0.032, 0.85, 150.0),
    "BNB": SimulatedAsset(550.0, 0.01, 0.028, 0.75, 60.0),
    "SOL": SimulatedAsset(150.0, 0.001, 0.045, 0.75, 1_500.0),
    "XRP": SimulatedAsset(0.55, 0.00001, 0.035, 0.65, 90_000.0),
    "DOGE": SimulatedAsset(0.12, 0.000001, 0.05, 0.6, 400_000.0),
    "USDC": SimulatedAsset(1.0, 0.00001, 0.0002, 0.0, 40_000.0),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """An instrument and where its price comes from: an asset's dollar price, over another's when `under` is named."""

    instrument: Instrument
    asset: str
    under: str = ""
    # How far it leans from its path, in basis points.
    lean_bps: int = 0


def _spot(base: str, quote: str, tick: str, step: str, minimum: str = "5") -> Instrument:
    return Instrument(
        symbol=base + quote, base=base, quote=quote, kind=Kind.SPOT, tick=D(tick), step=D(step), min_quantity=D(step),
        max_quantity=D(9_000_000), min_notional=D(minimum), maker_fee=D("0.001"), taker_fee=D("0.001"),
    )  # fmt: skip


def _perpetual(base: str, tick: str, step: str, minimum: str = "5") -> Instrument:
    return Instrument(
        symbol=base + "USDT", base=base, quote="USDT", kind=Kind.PERPETUAL, tick=D(tick), step=D(step),
        min_quantity=D(step), max_quantity=D(9_000_000), min_notional=D(minimum), maker_fee=D("0.0002"),
        taker_fee=D("0.0005"), brackets=BRACKETS,
    )  # fmt: skip


def _kraken(base: str, quote: str, tick: str, minimum: str) -> Instrument:
    return Instrument(
        symbol=f"{base}/{quote}", base=base, quote=quote, kind=Kind.SPOT, tick=D(tick), step=D("0.00000001"),
        min_quantity=D(minimum), max_quantity=D(9_000_000), min_notional=D("0.5"), maker_fee=D("0.0025"),
        taker_fee=D("0.004"),
    )  # fmt: skip


BINANCE_SPOT = (
    Listing(_spot("BTC", "USDT", "0.01", "0.00001"), "BTC"),
    Listing(_spot("ETH", "USDT", "0.01", "0.0001"), "ETH"),
    Listing(_spot("BNB", "USDT", "0.01", "0.001"), "BNB"),
    Listing(_spot("SOL", "USDT", "0.01", "0.001"), "SOL"),
    Listing(_spot("XRP", "USDT", "0.0001", "0.1"), "XRP"),
    Listing(_spot("DOGE", "USDT", "0.00001", "1"), "DOGE"),
    Listing(_spot("USDC", "USDT", "0.0001", "1"), "USDC"),
    Listing(_spot("BTC", "USDC", "0.01", "0.00001"), "BTC", "USDC", 4),
    Listing(_spot("ETH", "BTC", "0.00001", "0.0001", "0.0001"), "ETH", "BTC", 6),
)
BINANCE_FUTURES = (
    Listing(_perpetual("BTC", "0.1", "0.001", "100"), "BTC", lean_bps=3),
    Listing(_perpetual("ETH", "0.01", "0.001", "20"), "ETH", lean_bps=3),
    Listing(_perpetual("SOL", "0.01", "0.01"), "SOL", lean_bps=4),
    Listing(_perpetual("XRP", "0.0001", "0.1"), "XRP", lean_bps=4),
    Listing(_perpetual("DOGE", "0.00001", "1"), "DOGE", lean_bps=4),
)
KRAKEN_SPOT = (
    Listing(_kraken("BTC", "USD", "0.1", "0.00005"), "BTC", lean_bps=12),
    Listing(_kraken("ETH", "USD", "0.01", "0.001"), "ETH", lean_bps=12),
    Listing(_kraken("SOL", "USD", "0.01", "0.02"), "SOL", lean_bps=14),
    Listing(_kraken("XRP", "USD", "0.00001", "1"), "XRP", lean_bps=14),
    Listing(_kraken("BTC", "USDT", "0.1", "0.00005"), "BTC", lean_bps=12),
    Listing(_kraken("ETH", "BTC", "0.00001", "0.001"), "ETH", "BTC", 10),
)
