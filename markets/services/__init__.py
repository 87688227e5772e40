"""Every write to what can be traded and to its candles. Other apps import from here."""

from markets.services.alerts import cancel_alert, create_alert, fire_alerts, forget_alerts, rearm_alerts
from markets.services.backfills import cancel_backfill, request_backfill
from markets.services.candles import compact_candles, revise_candles, store_candles, store_recent_candles
from markets.services.clocks import announce_replayed_market, note_market_time
from markets.services.importing import store_candle_file
from markets.services.instruments import (
    connect_exchange,
    register_exchange,
    register_instrument,
    relist_instrument,
    retire_instrument,
)
from markets.services.interests import (
    forget_expired_interests,
    renew_alert_interests,
    renew_interest,
    renew_interests,
)
from markets.services.simulation import announce_simulated_market, seed_simulated_venue
from markets.services.synchronising import SyncReport, synchronise_instruments
from markets.services.watch_lists import (
    create_watch_list,
    delete_watch_list,
    order_watch_list,
    rename_watch_list,
    unwatch_instrument,
    watch_instrument,
)

__all__ = [
    "SyncReport",
    "announce_replayed_market",
    "announce_simulated_market",
    "cancel_alert",
    "cancel_backfill",
    "compact_candles",
    "connect_exchange",
    "create_alert",
    "create_watch_list",
    "delete_watch_list",
    "fire_alerts",
    "forget_alerts",
    "forget_expired_interests",
    "note_market_time",
    "order_watch_list",
    "rearm_alerts",
    "register_exchange",
    "register_instrument",
    "relist_instrument",
    "rename_watch_list",
    "renew_alert_interests",
    "renew_interest",
    "renew_interests",
    "request_backfill",
    "retire_instrument",
    "revise_candles",
    "seed_simulated_venue",
    "store_candle_file",
    "store_candles",
    "store_recent_candles",
    "synchronise_instruments",
    "unwatch_instrument",
    "watch_instrument",
]
