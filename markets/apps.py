"""Markets: what can be traded, where, at what price."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "markets"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data
        from common import realtime
        from markets import live
        from markets.scanning import topics
        from markets.services import personal_data

        realtime.register_topic("prices", live.prices_snapshot)
        realtime.register_topic("candles", live.candles_snapshot)
        realtime.register_topic("scanner", topics.scanner_snapshot, topics.keep_scanning)
        register_personal_data("markets", export=personal_data.export_markets, erase=personal_data.erase_markets)
        register_event(
            "alert.fired",
            title="{symbol} {what}",
            body="Your alert on {symbol} at {exchange} was reached at {at}. {note}",
            url="/markets/{instrument}/",
        )
