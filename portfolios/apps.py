"""Portfolios: what people own."""

from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"

    def ready(self) -> None:
        from accounts.registry import register_personal_data
        from common.realtime import register_topic
        from portfolios.live import TOPIC, portfolio_snapshot
        from portfolios.services import personal_data

        register_topic(TOPIC, portfolio_snapshot)
        register_personal_data(
            "portfolios", export=personal_data.export_portfolios, erase=personal_data.erase_portfolios
        )
