"""Strategies: what trades by rule."""

from django.apps import AppConfig


class StrategiesConfig(AppConfig):
    name = "strategies"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data
        from markets.feed import register_backlog
        from strategies import receivers, selectors
        from strategies.services import personal_data

        receivers.connect()
        register_backlog(selectors.has_undecided)
        register_event(
            "strategy.grant_ended",
            label="Your use of a strategy has ended",
            group="Marketplace",
            severity="warning",
            title="Your use of {name} has ended",
            body="Runs of it sell what they hold by its signals and stops, and open nothing new.",
            url="/strategies/",
        )
        register_personal_data(
            "strategies", export=personal_data.export_strategies, erase=personal_data.erase_strategies
        )
