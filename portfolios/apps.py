"""Portfolios: what people own."""

from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"

    def ready(self) -> None:
        from common.realtime import register_topic
        from portfolios.live import TOPIC, portfolio_snapshot

        register_topic(TOPIC, portfolio_snapshot)
