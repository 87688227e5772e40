"""Markets: what can be traded, where, at what price."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "markets"

    def ready(self) -> None:
        from common import realtime
        from markets import live

        realtime.register_topic("prices", live.prices_snapshot)
        realtime.register_topic("candles", live.candles_snapshot)
