"""Every write to what can be traded and to its candles. Other apps import from here."""

from markets.services.candles import compact_candles, store_recent_candles
from markets.services.clocks import announce_replayed_market, note_market_time
from markets.services.importing import store_candle_file
from markets.services.instruments import (
    register_exchange,
    register_instrument,
    relist_instrument,
    retire_instrument,
)
from markets.services.simulation import announce_simulated_market, seed_simulated_venue

__all__ = [
    "announce_replayed_market",
    "announce_simulated_market",
    "compact_candles",
    "note_market_time",
    "register_exchange",
    "register_instrument",
    "relist_instrument",
    "retire_instrument",
    "seed_simulated_venue",
    "store_candle_file",
    "store_recent_candles",
]
