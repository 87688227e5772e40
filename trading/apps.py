"""Trading: orders, fills, copying."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from markets.feed import register_backlog
        from trading.selectors import has_unfinished_work

        register_backlog(has_unfinished_work)
