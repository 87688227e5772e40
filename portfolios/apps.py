"""Portfolios: what people own."""

from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data, register_reachable
        from accounts.teams.departures import register_departure, register_loss
        from accounts.teams.showing import register_panel
        from common.realtime import register_topic
        from markets.signals import instruments_synchronised
        from portfolios.event_words import EVENTS
        from portfolios.live import TOPIC, portfolio_snapshot
        from portfolios.selectors import reachable_by_tokens
        from portfolios.services import personal_data
        from portfolios.services.sharing import end_with_role, refuse_departure
        from portfolios.showing import portfolios_panel
        from portfolios.tasks import hear_synchronised

        instruments_synchronised.connect(hear_synchronised, dispatch_uid="portfolios.synchronised")
        register_topic(TOPIC, portfolio_snapshot)
        register_reachable(reachable_by_tokens)
        register_personal_data(
            "portfolios",
            export=personal_data.export_portfolios,
            erase=personal_data.erase_portfolios,
            subjects=personal_data.SUBJECTS,
        )
        register_departure(refuse_departure)
        register_loss(end_with_role)
        register_panel(portfolios_panel)
        for name, words in EVENTS.items():
            register_event(name, **words)
